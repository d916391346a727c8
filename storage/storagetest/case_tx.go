package storagetest

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
)

var (
	errHeld = errors.New("somebody else holds it")
	errOurs = errors.New("a reason of our own")
)

func testRollback(e *env) {
	x := e.tenant()
	write := func(ctx context.Context) {
		e.Helper()
		e.must(e.rename(ctx, x.workspace, "changed", e.now))
		e.must(e.AppendAudit(ctx, authz.AuditEntry{Issuer: e.issuer, WorkspaceID: x.workspace.ID, Type: "x"}))
		e.moved(e.RevokeAPIKey(ctx, e.issuer, x.workspace.ID, x.key.ID, e.now, e.now))
	}
	untouched := func() {
		e.Helper()
		w, err := e.GetWorkspace(e.ctx, e.issuer, x.workspace.ID)
		e.must(err)
		e.same(w, x.workspace)
		k, err := e.GetAPIKey(e.ctx, e.issuer, x.workspace.ID, x.key.ID)
		e.must(err)
		e.same(k, x.key)
		entries, err := e.ListAudit(e.ctx, e.issuer, x.workspace.ID, authz.Page{})
		e.must(err)
		if len(entries) != 0 {
			e.Fatal("an audit entry of a transaction that failed is there")
		}
	}

	e.is(e.InTx(e.ctx, func(ctx context.Context) error { write(ctx); return errOurs }), errOurs)
	untouched()
	func() {
		defer func() {
			if recover() == nil {
				e.Fatal("the panic was swallowed")
			}
		}()
		_ = e.InTx(e.ctx, func(ctx context.Context) error { write(ctx); panic("ours") })
	}()
	untouched()
	// A part that failed takes the whole with it, even if nobody looks.
	e.is(e.InTx(e.ctx, func(ctx context.Context) error {
		write(ctx)
		_ = e.InTx(ctx, func(context.Context) error { return errOurs })
		return nil
	}), errOurs)
	untouched()

	e.must(e.InTx(e.ctx, func(ctx context.Context) error {
		return e.InTx(ctx, func(ctx context.Context) error { write(ctx); return nil })
	}))
	w, err := e.GetWorkspace(e.ctx, e.issuer, x.workspace.ID)
	e.must(err)
	if w.Name != "changed" {
		e.Fatal("a transaction that went well left nothing")
	}
}

func testOwnWrites(e *env) {
	x := e.tenant()
	later := e.now.Add(time.Minute)
	e.must(e.InTx(e.ctx, func(ctx context.Context) error {
		e.must(e.rename(ctx, x.workspace, "inside", later))
		inside, err := e.GetWorkspace(ctx, e.issuer, x.workspace.ID)
		e.must(err)
		outside, err := e.GetWorkspace(e.ctx, e.issuer, x.workspace.ID)
		e.must(err)
		if inside.Name != "inside" || outside.Name != x.workspace.Name {
			e.Fatalf("inside it is called %q, outside %q", inside.Name, outside.Name)
		}
		return nil
	}))
}

func testCancelled(e *env) {
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	_, err := e.GetWorkspace(ctx, e.issuer, "ws_1")
	e.is(err, context.Canceled)
	e.is(e.AppendAudit(ctx, authz.AuditEntry{Issuer: e.issuer}), context.Canceled)
	e.is(e.InTx(ctx, func(context.Context) error { return nil }), context.Canceled)
	// And inside a transaction, whose writes are then gone.
	x := e.tenant()
	ctx, cancel = context.WithCancel(e.ctx)
	e.is(e.InTx(ctx, func(ctx context.Context) error {
		e.must(e.rename(ctx, x.workspace, "changed", e.now))
		cancel()
		return nil
	}), context.Canceled)
	w, err := e.GetWorkspace(e.ctx, e.issuer, x.workspace.ID)
	e.must(err)
	e.same(w, x.workspace)
}

func testNodeEvents(e *env) {
	x := e.tenant()
	first, pos, err := e.NodeEventsSince(e.ctx, storage.EventPosition{})
	e.must(err)
	if len(first) != 0 {
		e.Fatalf("the first call tells of %v", first)
	}
	tell := func(want ...authz.NodeRef) {
		e.Helper()
		var got []authz.NodeRef
		got, pos, err = e.NodeEventsSince(e.ctx, pos)
		e.must(err)
		if len(got) != len(want) {
			e.Fatalf("told of %v, want %v", got, want)
		}
		for i := range want {
			e.same(got[i], want[i])
		}
	}
	tell()
	key := authz.NodeRef{Kind: authz.APIKeyNode, ID: string(x.key.ID)}
	user := authz.NodeRef{Kind: authz.UserNode, ID: string(x.user.ID)}
	e.moved(e.RevokeAPIKey(e.ctx, e.issuer, x.workspace.ID, x.key.ID, e.now, e.now))
	e.must(e.TouchNode(e.ctx, user))
	tell(key, user)
	tell()
	e.still(e.RevokeAPIKey(e.ctx, e.issuer, x.workspace.ID, x.key.ID, e.now, e.now))
	e.is(e.InTx(e.ctx, func(ctx context.Context) error { e.must(e.TouchNode(ctx, user)); return errOurs }), errOurs)
	tell()

	// A purge takes what is over an hour old and nothing else.
	e.must(e.TouchNode(e.ctx, user))
	recent, err := e.PurgeNodeEvents(e.ctx, time.Now(), 1000)
	e.must(err)
	if recent != 0 {
		e.Fatal("recent events were purged")
	}
	tell(user)
	old, err := e.PurgeNodeEvents(e.ctx, time.Now().Add(2*time.Hour), 1000)
	e.must(err)
	if old < 3 {
		e.Fatalf("%d old events were purged", old)
	}
	tell()
	e.must(e.TouchNode(e.ctx, user))
	tell(user)
}

// rename gives a workspace another name.
func (e *env) rename(ctx context.Context, w authz.Workspace, name string, at time.Time) error {
	w.Name, w.UpdatedAt = name, at
	return e.UpdateWorkspace(ctx, w)
}
