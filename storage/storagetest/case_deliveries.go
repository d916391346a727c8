package storagetest

import (
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func testDestinations(e *env) {
	ws, other := authz.NewWorkspaceID(), authz.NewWorkspaceID()
	d := authz.Destination{
		ID: authz.NewDestinationID(), Issuer: e.issuer, WorkspaceID: ws, Name: "Backend", Kind: authz.WebhookDestination,
		Target: authz.DestinationTarget{URL: "https://hooks.example/", JWK: []byte(`{"kty":"EC"}`)}, Sealed: []byte{1, 2}, State: authz.Active,
		Revision: 1, CreatedAt: e.now, CreatedBy: "usr_1", UpdatedAt: e.now,
	}
	e.must(e.CreateDestination(e.ctx, d))
	got, err := e.GetDestination(e.ctx, e.issuer, ws, d.ID)
	e.must(err)
	e.same(got, d)
	for _, foreign := range []struct {
		issuer authz.IssuerName
		ws     authz.WorkspaceID
	}{{"another", ws}, {e.issuer, other}, {e.issuer, ""}} {
		if _, err := e.GetDestination(e.ctx, foreign.issuer, foreign.ws, d.ID); !errors.Is(err, authz.ErrNotFound) {
			e.Fatalf("found from %v: %v", foreign, err)
		}
		moved := d
		moved.Issuer, moved.WorkspaceID, moved.Name = foreign.issuer, foreign.ws, "Theirs"
		if err := e.UpdateDestination(e.ctx, moved); !errors.Is(err, authz.ErrStale) {
			e.Fatalf("changed from %v: %v", foreign, err)
		}
		if _, err := e.DeleteDestination(e.ctx, foreign.issuer, foreign.ws, d.ID); !errors.Is(err, authz.ErrNotFound) {
			e.Fatalf("deleted from %v: %v", foreign, err)
		}
	}
	d.Name, d.State, d.Sealed, d.Target.JWK, d.UpdatedAt = "Other", authz.Disabled, []byte{3}, []byte(`{"kty":"RSA"}`), e.now.Add(time.Hour)
	e.must(e.UpdateDestination(e.ctx, d))
	if err := e.UpdateDestination(e.ctx, d); !errors.Is(err, authz.ErrStale) {
		e.Fatalf("changed from a revision that is gone: %v", err)
	}
	d.Revision++
	list, err := e.ListDestinations(e.ctx, e.issuer, ws, authz.Page{Limit: 10})
	e.must(err)
	e.same(list, []authz.Destination{d})

	// Which key's may be used again keeps its destination.
	key := authz.APIKey{ID: authz.KeyID(authz.NewID("key")), Issuer: e.issuer, WorkspaceID: ws, Delivery: d.ID, State: authz.Active, CreatedAt: e.now}
	e.must(e.CreateAPIKey(e.ctx, key))
	if inUse, err := e.DeleteDestination(e.ctx, e.issuer, ws, d.ID); err != nil || !inUse {
		e.Fatalf("in use %v, %v", inUse, err)
	}
	e.moved(e.RevokeAPIKey(e.ctx, e.issuer, ws, key.ID, e.now, e.now.Add(time.Hour)))
	if inUse, err := e.DeleteDestination(e.ctx, e.issuer, ws, d.ID); err != nil || inUse {
		e.Fatalf("in use %v, %v", inUse, err)
	}
	if _, err := e.GetDestination(e.ctx, e.issuer, ws, d.ID); !errors.Is(err, authz.ErrNotFound) {
		e.Fatalf("still there: %v", err)
	}
}

func testKeyDeliveries(e *env) { //nolint:funlen // one story, told in order
	ws := authz.NewWorkspaceID()
	id := authz.KeyID("key_" + string(ws)[3:19])
	d := authz.KeyDelivery{
		KeyID: id, Issuer: e.issuer, WorkspaceID: ws, Predecessor: "key_old", Destination: "dst_1", EventID: "evt_1", State: authz.DeliveryPending,
		NextAttempt: e.now, Payload: []byte("sealed"), CreatedAt: e.now, ExpiresAt: e.now.Add(72 * time.Hour),
	}
	e.must(e.CreateKeyDelivery(e.ctx, d))
	get := func() authz.KeyDelivery {
		e.Helper()
		got, err := e.GetKeyDelivery(e.ctx, e.issuer, ws, id)
		e.must(err)
		return got
	}
	e.same(get(), d)
	across, err := e.GetKeyDeliveryAcrossWorkspaces(e.ctx, e.issuer, id)
	e.must(err)
	e.same(across, d)
	if _, err := e.GetKeyDelivery(e.ctx, e.issuer, "another", id); !errors.Is(err, authz.ErrNotFound) {
		e.Fatalf("found from another workspace: %v", err)
	}
	if _, err := e.GetKeyDeliveryAcrossWorkspaces(e.ctx, "another", id); !errors.Is(err, authz.ErrNotFound) {
		e.Fatalf("found from another issuer: %v", err)
	}
	claim := func(issuer authz.IssuerName, at time.Time, n int) {
		e.Helper()
		list, err := e.ClaimKeyDeliveriesAcrossWorkspaces(e.ctx, issuer, at, at.Add(time.Minute), 10)
		e.must(err)
		if len(list) != n {
			e.Fatalf("%d are due at %s, want %d", len(list), at, n)
		}
	}
	claim(e.issuer, e.now.Add(-time.Second), 0)
	claim("another", e.now, 0)
	claim(e.issuer, e.now, 1)
	claim(e.issuer, e.now, 0) // it is somebody's
	if got := get(); got.Attempts != 1 {
		e.Fatalf("%d attempts", got.Attempts)
	}
	d.Attempts, d.NextAttempt, d.LastError = 1, e.now.Add(time.Hour), "no"
	e.must(e.PutOffKeyDelivery(e.ctx, d))
	e.same(get(), d)
	foreign := d
	foreign.WorkspaceID, foreign.State = "another", authz.DeliveryDead
	e.still(e.FinishKeyDelivery(e.ctx, foreign))
	d.State, d.LastError = authz.DeliveryDead, "never"
	e.moved(e.FinishKeyDelivery(e.ctx, d))
	e.still(e.FinishKeyDelivery(e.ctx, d))
	e.same(get(), d)
	claim(e.issuer, e.now.Add(2*time.Hour), 0)

	e.still(e.RepeatKeyDelivery(e.ctx, e.issuer, "another", id, e.now))
	e.still(e.RepeatKeyDelivery(e.ctx, e.issuer, ws, id, d.ExpiresAt))
	e.moved(e.RepeatKeyDelivery(e.ctx, e.issuer, ws, id, e.now.Add(time.Minute)))
	claim(e.issuer, e.now.Add(time.Minute), 1)
	d.Attempts, d.State, d.LastError, d.DeliveredAt = 1, authz.DeliveryDelivered, "", e.now.Add(time.Minute)
	e.moved(e.FinishKeyDelivery(e.ctx, d))
	if got := get(); got.Payload != nil || got.State != authz.DeliveryDelivered || !got.DeliveredAt.Equal(d.DeliveredAt) {
		e.Fatalf("delivered: %+v", got)
	}
	e.still(e.RepeatKeyDelivery(e.ctx, e.issuer, ws, id, e.now.Add(2*time.Minute)))

	// What was given up is forgotten when its time is over, not before; the row
	// goes with its key.
	late := authz.KeyDelivery{
		KeyID: id + "2", Issuer: e.issuer, WorkspaceID: ws, State: authz.DeliveryDead, Payload: []byte("sealed"), NextAttempt: e.now, CreatedAt: e.now,
		ExpiresAt: e.now.Add(time.Hour),
	}
	e.must(e.CreateKeyDelivery(e.ctx, late))
	for _, step := range []struct {
		at   time.Time
		kept bool
	}{{late.ExpiresAt.Add(-time.Microsecond), true}, {late.ExpiresAt, false}} {
		_, err := e.DeleteExpiredAcrossWorkspaces(e.ctx, step.at, 1000)
		e.must(err)
		got, err := e.GetKeyDelivery(e.ctx, e.issuer, ws, late.KeyID)
		e.must(err)
		if kept := got.Payload != nil; kept != step.kept {
			e.Fatalf("at %s the payload is kept: %v", step.at, kept)
		}
	}
	key := authz.APIKey{ID: id, Issuer: e.issuer, WorkspaceID: ws, State: authz.Active, CreatedAt: e.now}
	e.must(e.CreateAPIKey(e.ctx, key))
	e.moved(e.RevokeAPIKey(e.ctx, e.issuer, ws, id, e.now, e.now))
	_, err = e.PurgeAPIKeysAcrossWorkspaces(e.ctx, e.now, 1000)
	e.must(err)
	if _, err := e.GetKeyDelivery(e.ctx, e.issuer, ws, id); !errors.Is(err, authz.ErrNotFound) {
		e.Fatalf("the delivery of a purged key: %v", err)
	}
}

func testKeyCallers(e *env) {
	ws := authz.NewWorkspaceID()
	replaced := authz.APIKey{ID: authz.KeyID(authz.NewID("key")), Issuer: e.issuer, WorkspaceID: ws, State: authz.Grace, CreatedAt: e.now}
	other := authz.APIKey{ID: authz.KeyID(authz.NewID("key")), Issuer: e.issuer, WorkspaceID: ws, State: authz.Active, CreatedAt: e.now}
	e.must(e.CreateAPIKey(e.ctx, replaced))
	e.must(e.CreateAPIKey(e.ctx, other))
	note := func(id authz.KeyID, ip string, first, last time.Time) {
		e.Helper()
		e.must(e.NoteAPIKeyUses(e.ctx, e.issuer, []authz.KeyUse{{KeyID: id, At: last, IP: ip, Callers: []authz.KeyCaller{{IP: ip, FirstAt: first, LastAt: last}}}}))
	}
	later := e.now.Add(time.Hour)
	note(replaced.ID, "192.0.2.1", e.now, e.now)
	note(replaced.ID, "2001:db8::1", e.now, later)
	note(replaced.ID, "192.0.2.1", later, later.Add(time.Hour))
	note(replaced.ID, "192.0.2.1", e.now, e.now.Add(time.Minute)) // another node was slower
	note(other.ID, "192.0.2.1", e.now, e.now)
	e.must(e.NoteAPIKeyUses(e.ctx, "another", []authz.KeyUse{{KeyID: replaced.ID, At: later, IP: "x", Callers: []authz.KeyCaller{{IP: "x", FirstAt: later, LastAt: later}}}}))
	list, err := e.ListKeyCallers(e.ctx, e.issuer, ws, replaced.ID)
	e.must(err)
	e.same(list, []authz.KeyCaller{
		{IP: "192.0.2.1", FirstAt: e.now, LastAt: later.Add(time.Hour)}, {IP: "2001:db8::1", FirstAt: e.now, LastAt: later},
	})
	for _, foreign := range []struct {
		issuer authz.IssuerName
		ws     authz.WorkspaceID
		id     authz.KeyID
	}{{"another", ws, replaced.ID}, {e.issuer, "another", replaced.ID}, {e.issuer, ws, other.ID}} {
		if list, err := e.ListKeyCallers(e.ctx, foreign.issuer, foreign.ws, foreign.id); err != nil || len(list) != 0 {
			e.Fatalf("%+v are told %+v, %v", foreign, list, err)
		}
	}
}
