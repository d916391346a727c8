package storagetest

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func testKeyLeaks(e *env) {
	ws := authz.NewWorkspaceID()
	leak := authz.KeyLeak{
		Issuer: e.issuer, WorkspaceID: ws, KeyID: "key_1", Source: "url", FirstAt: e.now, ToldAt: e.now, Reports: 1, DisableAt: e.now.Add(time.Hour),
	}
	record := func(at, disableAt time.Time, fresh bool) authz.KeyLeak {
		e.Helper()
		again := leak
		again.FirstAt, again.ToldAt, again.DisableAt = at, at, disableAt
		stands, got, err := e.RecordKeyLeak(e.ctx, again, at.Add(-time.Hour))
		e.must(err)
		if got != fresh {
			e.Fatalf("at %s fresh is %v", at, got)
		}
		return stands
	}
	e.same(record(e.now, leak.DisableAt, true), leak)
	record(e.now.Add(time.Minute), e.now.Add(2*time.Hour), false)
	told := record(e.now.Add(time.Hour), e.now.Add(9*time.Hour), true)
	want := leak
	want.ToldAt, want.Reports = e.now.Add(time.Hour), 3
	e.same(told, want) // the fuse is as long as it was

	due := func(at time.Time, n int) {
		e.Helper()
		list, err := e.ListKeyLeaksDueAcrossWorkspaces(e.ctx, e.issuer, at, 10)
		e.must(err)
		if len(list) != n {
			e.Fatalf("%d are due at %s, want %d", len(list), at, n)
		}
	}
	due(leak.DisableAt.Add(-time.Microsecond), 0)
	due(leak.DisableAt, 1)
	e.still(e.ClearFuse(e.ctx, e.issuer, ws, "key_1", leak.DisableAt.Add(-time.Microsecond)))
	e.still(e.ClearFuse(e.ctx, e.issuer, "another", "key_1", leak.DisableAt))
	e.moved(e.ClearFuse(e.ctx, e.issuer, ws, "key_1", leak.DisableAt))
	e.still(e.ClearFuse(e.ctx, e.issuer, ws, "key_1", leak.DisableAt))
	due(leak.DisableAt, 0)
	again := record(e.now.Add(3*time.Hour), e.now.Add(5*time.Hour), true) // it was enabled and leaked again
	if !again.DisableAt.Equal(e.now.Add(5 * time.Hour)) {
		e.Fatalf("the second fuse burns until %s", again.DisableAt)
	}
}

func testImportedKeys(e *env) {
	ws := authz.NewWorkspaceID()
	at := func(lookup string, id authz.KeyID) authz.ImportedKey {
		return authz.ImportedKey{Issuer: e.issuer, WorkspaceID: ws, KeyID: id, Lookup: lookup}
	}
	first, second := authz.KeyID(authz.NewID("key")), authz.KeyID(authz.NewID("key"))
	e.must(e.CreateImportedKey(e.ctx, at("id:acme_1", first)))
	e.must(e.CreateImportedKey(e.ctx, at("sha256:00", second)))
	e.is(e.CreateImportedKey(e.ctx, at("id:acme_1", second)), authz.ErrConflict)
	found, err := e.FindImportedKeyAcrossWorkspaces(e.ctx, e.issuer, []string{"sha512:00", "id:acme_1", "sha256:11"})
	e.must(err)
	e.same(found, at("id:acme_1", first))
	_, err = e.FindImportedKeyAcrossWorkspaces(e.ctx, "another", []string{"id:acme_1"})
	e.is(err, authz.ErrNotFound)
	_, err = e.FindImportedKeyAcrossWorkspaces(e.ctx, e.issuer, []string{"id:acme_2"})
	e.is(err, authz.ErrNotFound)
	e.must(e.TagImportedKey(e.ctx, e.issuer, "another", first, []byte("stranger")))
	e.must(e.TagImportedKey(e.ctx, e.issuer, ws, first, []byte("the tag")))
	e.must(e.TagImportedKey(e.ctx, e.issuer, ws, first, []byte("too late")))
	found, err = e.FindImportedKeyAcrossWorkspaces(e.ctx, e.issuer, []string{"id:acme_1"})
	e.must(err)
	want := at("id:acme_1", first)
	want.Tag = []byte("the tag")
	e.same(found, want)

	e.must(e.CreateAPIKey(e.ctx, authz.APIKey{ID: first, Issuer: e.issuer, WorkspaceID: ws, State: authz.Active, CreatedAt: e.now}))
	e.moved(e.RevokeAPIKey(e.ctx, e.issuer, ws, first, e.now, e.now))
	_, err = e.PurgeAPIKeysAcrossWorkspaces(e.ctx, e.now, 500)
	e.must(err)
	_, err = e.FindImportedKeyAcrossWorkspaces(e.ctx, e.issuer, []string{"id:acme_1"})
	e.is(err, authz.ErrNotFound)
	_, err = e.FindImportedKeyAcrossWorkspaces(e.ctx, e.issuer, []string{"sha256:00"})
	e.must(err)
}
