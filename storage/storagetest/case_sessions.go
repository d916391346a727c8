package storagetest

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func testSessions(e *env) {
	x := e.tenant()
	got, err := e.GetSession(e.ctx, e.issuer, x.workspace.ID, x.session.ID)
	e.must(err)
	e.same(got, x.session)
	got, lineage, err := e.SessionByDigestAcrossWorkspaces(e.ctx, e.issuer, x.session.Digest)
	e.must(err)
	e.same(got, x.session)
	e.same(lineage.Refs(), []authz.NodeRef{
		{Kind: authz.AccountNode, ID: string(x.account.ID)}, {Kind: authz.WorkspaceNode, ID: string(x.workspace.ID)},
		{Kind: authz.ConnectionNode, ID: string(x.connection.ID)}, {Kind: authz.UserNode, ID: string(x.user.ID)},
		{Kind: authz.SessionNode, ID: string(x.session.ID)},
	})
	if !lineage.Usable() {
		e.Fatal("the lineage of a fresh session is not usable")
	}

	later := x.session.IdleUntil.Add(time.Hour)
	e.must(e.ExtendSession(e.ctx, e.issuer, x.session.ID, later))
	e.must(e.ExtendSession(e.ctx, e.issuer, x.session.ID, e.now)) // never earlier
	got, err = e.GetSession(e.ctx, e.issuer, x.workspace.ID, x.session.ID)
	e.must(err)
	x.session.IdleUntil = later
	e.same(got, x.session)

	renewed := x.session
	renewed.Digest, renewed.AuthTime, renewed.ACR, renewed.AMR = randomDigest(), later, "urn:higher", []string{"hwk"}
	e.must(e.RenewSession(e.ctx, renewed))
	_, _, err = e.SessionByDigestAcrossWorkspaces(e.ctx, e.issuer, x.session.Digest)
	e.is(err, authz.ErrNotFound)
	got, _, err = e.SessionByDigestAcrossWorkspaces(e.ctx, e.issuer, renewed.Digest)
	e.must(err)
	e.same(got, renewed)
	somebody := renewed
	somebody.UserID = authz.NewUserID()
	e.is(e.RenewSession(e.ctx, somebody), authz.ErrNotFound)

	ref := authz.NodeRef{Kind: authz.UserNode, ID: string(x.user.ID)}
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Disabled))
	_, lineage, err = e.SessionByDigestAcrossWorkspaces(e.ctx, e.issuer, renewed.Digest)
	e.must(err)
	if lineage.Usable() {
		e.Fatal("the session of a disabled person is usable")
	}
	ref = authz.NodeRef{Kind: authz.SessionNode, ID: string(x.session.ID)}
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Revoked))
	e.is(e.RenewSession(e.ctx, renewed), authz.ErrNotFound)
}

func testSessionsOfAPerson(e *env) {
	x := e.tenant()
	second, operators := x.session, x.session
	second.ID, second.Digest, second.CreatedAt = authz.NewSessionID(e.now), randomDigest(), e.now.Add(time.Minute)
	operators.ID, operators.Digest, operators.WorkspaceID, operators.ConnectionID = authz.NewSessionID(e.now), randomDigest(), "", ""
	e.must(e.CreateSession(e.ctx, second))
	e.must(e.CreateSession(e.ctx, operators))
	of := func(issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, except authz.SessionID, want ...authz.Session) {
		e.Helper()
		got, err := e.SessionsOfPerson(e.ctx, issuer, ws, user, except)
		e.must(err)
		e.same(len(got), len(want))
		for i := range want {
			e.same(got[i], want[i])
		}
	}
	ws, user := x.workspace.ID, x.user.ID
	of(e.issuer, ws, user, "", x.session, second)
	of(e.issuer, ws, user, x.session.ID, second)
	of(e.issuer, "", user, "", operators)
	of("another", ws, user, "")
	of(e.issuer, e.tenant().workspace.ID, user, "")
	of(e.issuer, ws, e.tenant().user.ID, "")
	e.moved(e.KillNode(e.ctx, e.issuer, ws, authz.NodeRef{Kind: authz.SessionNode, ID: string(x.session.ID)}, authz.Revoked))
	of(e.issuer, ws, user, "", second)
}

func testSessionClients(e *env) {
	x, other := e.tenant(), e.tenant()
	none, err := e.SessionClients(e.ctx, e.issuer, x.workspace.ID, x.session.ID)
	e.must(err)
	e.same(len(none), 0)
	offline := e.personal(x)
	offline.SessionID = "" // outlives the session, and was granted in it all the same
	e.granted(offline)
	ended := e.granted(e.personal(x))
	e.moved(e.RevokeGrant(e.ctx, e.issuer, ended.ID))
	e.granted(e.personal(other))
	e.granted(e.machine(x))
	second := e.client(x.workspace.ID)
	e.must(e.CreateClient(e.ctx, second, nil))
	pairwise := e.personal(x)
	pairwise.ClientID, pairwise.Subject = second.ID, "another-name"
	e.granted(pairwise)

	got, err := e.SessionClients(e.ctx, e.issuer, x.workspace.ID, x.session.ID)
	e.must(err)
	e.same(len(got), 2)
	for _, c := range got {
		want := map[authz.ClientID]authz.SessionClient{
			x.client.ID: {ClientID: x.client.ID, Subject: string(x.user.ID), Metadata: x.client.Metadata},
			second.ID:   {ClientID: second.ID, Subject: "another-name", Metadata: second.Metadata},
		}[c.ClientID]
		e.same(c, want)
	}
	for _, elsewhere := range []struct {
		ws  authz.WorkspaceID
		sid authz.SessionID
	}{{other.workspace.ID, x.session.ID}, {x.workspace.ID, ""}, {x.workspace.ID, other.session.ID}} {
		got, err := e.SessionClients(e.ctx, e.issuer, elsewhere.ws, elsewhere.sid)
		e.must(err)
		e.same(len(got), 0)
	}
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, authz.NodeRef{Kind: authz.ClientNode, ID: string(second.ID)}, authz.Deleted))
	got, err = e.SessionClients(e.ctx, e.issuer, x.workspace.ID, x.session.ID)
	e.must(err)
	e.same(len(got), 1)
}
