package storagetest

import (
	"strconv"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func testRegistrationTokens(e *env) {
	want := authz.RegistrationToken{
		ID: authz.NewID("irt"), Digest: randomDigest(), Issuer: e.issuer, WorkspaceID: "ws_1", Environment: authz.Live,
		Profile: authz.ProfileMCP, Uses: 2, MadeBy: "usr_1", CreatedAt: e.now, ExpiresAt: e.now.Add(time.Hour),
	}
	e.must(e.CreateRegistrationToken(e.ctx, want))
	e.is(e.CreateRegistrationToken(e.ctx, want), authz.ErrConflict)
	got, err := e.GetRegistrationToken(e.ctx, e.issuer, want.Digest)
	e.must(err)
	e.same(got, want)
	_, err = e.GetRegistrationToken(e.ctx, "elsewhere", want.Digest)
	e.is(err, authz.ErrNotFound)

	e.is(e.UseRegistrationToken(e.ctx, "elsewhere", want.Digest, e.now), authz.ErrConsumed)
	e.is(e.UseRegistrationToken(e.ctx, e.issuer, want.Digest, want.ExpiresAt), authz.ErrConsumed)
	e.must(e.UseRegistrationToken(e.ctx, e.issuer, want.Digest, e.now))
	e.oneWins(racers, authz.ErrConsumed, func() error { return e.UseRegistrationToken(e.ctx, e.issuer, want.Digest, e.now) })

	e.still(e.RevokeRegistrationToken(e.ctx, e.issuer, "ws_2", want.ID))
	e.still(e.RevokeRegistrationToken(e.ctx, "elsewhere", "ws_1", want.ID))
	e.moved(e.RevokeRegistrationToken(e.ctx, e.issuer, "ws_1", want.ID))
	_, err = e.GetRegistrationToken(e.ctx, e.issuer, want.Digest)
	e.is(err, authz.ErrNotFound)

	e.must(e.CreateRegistrationToken(e.ctx, want))
	_, err = e.DeleteExpiredAcrossWorkspaces(e.ctx, want.ExpiresAt, 100)
	e.must(err)
	_, err = e.GetRegistrationToken(e.ctx, e.issuer, want.Digest)
	e.is(err, authz.ErrNotFound)
}

func testRegistrations(e *env) {
	x := e.tenant()
	registered := func(n int) authz.Registration {
		return authz.Registration{
			ClientID: authz.NewClientID(), Issuer: e.issuer, WorkspaceID: x.workspace.ID, Digest: randomDigest(), CreatedAt: e.now.Add(time.Duration(n) * time.Hour),
		}
	}
	first, second := registered(0), registered(1)
	e.must(e.CreateRegistration(e.ctx, first, 2))
	e.must(e.CreateRegistration(e.ctx, second, 2))
	e.is(e.CreateRegistration(e.ctx, registered(2), 2), authz.ErrConflict)
	got, err := e.GetRegistration(e.ctx, e.issuer, first.ClientID)
	e.must(err)
	e.same(got, first)
	_, err = e.GetRegistration(e.ctx, "elsewhere", first.ClientID)
	e.is(err, authz.ErrNotFound)

	next := randomDigest()
	e.is(e.RotateRegistration(e.ctx, "elsewhere", first.ClientID, first.Digest, next), authz.ErrConsumed)
	e.oneWins(racers, authz.ErrConsumed, func() error {
		return e.RotateRegistration(e.ctx, e.issuer, first.ClientID, first.Digest, next)
	})

	// One is in use, the other is not; of neither by its age alone.
	g := e.personal(x)
	g.ClientID = first.ClientID
	e.granted(g)
	for at, want := range map[time.Duration]int{30 * time.Minute: 0, time.Hour: 1} {
		list, err := e.ListUnusedRegistrationsAcrossWorkspaces(e.ctx, e.issuer, e.now.Add(at), 100)
		e.must(err)
		if len(list) != want || want == 1 && list[0] != second {
			e.Fatalf("unused after %v: %+v", at, list)
		}
	}
	e.is(e.DeleteRegistration(e.ctx, "elsewhere", second.ClientID), authz.ErrNotFound)
	e.must(e.DeleteRegistration(e.ctx, e.issuer, second.ClientID))
	e.is(e.DeleteRegistration(e.ctx, e.issuer, second.ClientID), authz.ErrNotFound)

	ref := authz.NodeRef{Kind: authz.WorkspaceNode, ID: string(x.workspace.ID)}
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Suspended))
	e.is(e.CreateRegistration(e.ctx, registered(3), 10), authz.ErrNotFound)
}

func testRegistrationRace(e *env) {
	x := e.tenant()
	for range rounds() {
		const room = 1
		have := authz.Registration{Issuer: e.issuer, WorkspaceID: x.workspace.ID, CreatedAt: e.now}
		ids := make(chan authz.ClientID, racers)
		e.oneWins(racers, authz.ErrConflict, func() error {
			r := have
			r.ClientID, r.Digest = authz.NewClientID(), randomDigest()
			err := e.CreateRegistration(e.ctx, r, room)
			if err == nil {
				ids <- r.ClientID
			}
			return err
		})
		e.must(e.DeleteRegistration(e.ctx, e.issuer, <-ids))
	}
}

func testDocumentClients(e *env) {
	document := func(issuer authz.IssuerName, n int) authz.Client {
		c := e.client("")
		c.ID, c.Issuer = authz.ClientID("https://client"+strconv.Itoa(n)+".example/"+string(e.issuer)), issuer
		return c
	}
	other := authz.IssuerName(authz.NewID("other"))
	want, same := document(e.issuer, 1), document(other, 1)
	e.moved(e.KeepDocumentClient(e.ctx, want, 2))
	e.still(e.KeepDocumentClient(e.ctx, want, 2))
	e.moved(e.KeepDocumentClient(e.ctx, same, 2)) // the same URL at another issuer
	got, err := e.GetClientAcrossWorkspaces(e.ctx, e.issuer, want.ID)
	e.must(err)
	e.same(got, want)

	// A kill at one issuer is none at the other.
	e.moved(e.KillNode(e.ctx, other, "", authz.ClientRef(other, same.ID), authz.Deleted))
	lineage, err := e.Lineage(e.ctx, []authz.NodeRef{authz.ClientRef(e.issuer, want.ID), authz.ClientRef(other, same.ID)})
	e.must(err)
	if lineage[0].State != authz.Active || lineage[0].Epoch != 0 || lineage[1].State != authz.Deleted || lineage[1].Epoch != 1 {
		e.Fatalf("lineage %+v", lineage)
	}
	e.still(e.KeepDocumentClient(e.ctx, same, 2))

	e.moved(e.KeepDocumentClient(e.ctx, document(e.issuer, 2), 2))
	_, err = e.KeepDocumentClient(e.ctx, document(e.issuer, 3), 2)
	e.is(err, authz.ErrConflict)

	x := e.tenant()
	g := e.personal(x)
	g.ClientID = want.ID
	g = e.granted(g)
	token := e.accessToken(g)
	n, err := e.DeleteUnusedDocumentClients(e.ctx, e.issuer, e.now, 100)
	e.must(err)
	gone, err := e.DeleteUnusedDocumentClients(e.ctx, other, e.now, 100)
	e.must(err)
	if n != 1 || gone != 0 {
		e.Fatalf("%d unused and %d deleted clients went, want 1 and 0", n, gone)
	}
	_, of, path, err := e.GetAccessToken(e.ctx, e.issuer, token.Digest)
	e.must(err)
	if of.ClientID != want.ID || !live(of, path) {
		e.Fatalf("the token of %s is not live", of.ClientID)
	}
	e.moved(e.KillNode(e.ctx, e.issuer, "", authz.ClientRef(e.issuer, want.ID), authz.Disabled))
	_, of, path, err = e.GetAccessToken(e.ctx, e.issuer, token.Digest)
	e.must(err)
	if live(of, path) {
		e.Fatal("a token outlived its client")
	}
}

// testDocumentOfManyIssuers reads what hangs on a client whose id is an address,
// and so the id of a client of every issuer.
func testDocumentOfManyIssuers(e *env) {
	x := e.tenant()
	ours := e.client("")
	ours.ID = authz.ClientID("https://" + authz.NewID("app") + ".example/client.json")
	for _, issuer := range []authz.IssuerName{"0" + e.issuer, e.issuer, "zz" + e.issuer} {
		c := ours
		if c.Issuer = issuer; issuer != e.issuer {
			c.Metadata.BackchannelLogoutURI = "https://another.example/out"
		}
		e.must(e.CreateClient(e.ctx, c, nil))
		if issuer != e.issuer {
			e.moved(e.KillNode(e.ctx, issuer, "", authz.ClientRef(issuer, c.ID), authz.Disabled))
			e.moved(e.ReviveNode(e.ctx, issuer, "", authz.ClientRef(issuer, c.ID), authz.Active))
		}
	}
	g := e.granted(e.by(ours, x))
	token := e.accessToken(g)
	got, lineage, err := e.GetGrantAcrossWorkspaces(e.ctx, e.issuer, g.ID)
	e.must(err)
	_, _, ofToken, err := e.GetAccessToken(e.ctx, e.issuer, token.Digest)
	e.must(err)
	if !live(got, lineage) || !live(got, ofToken) {
		e.Fatal("what happened to another issuer's client ended a grant")
	}
	told, err := e.SessionClients(e.ctx, e.issuer, x.workspace.ID, x.session.ID)
	e.must(err)
	e.same(told, []authz.SessionClient{{ClientID: ours.ID, Subject: g.Subject, Metadata: ours.Metadata}})
}
