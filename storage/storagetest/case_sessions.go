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
