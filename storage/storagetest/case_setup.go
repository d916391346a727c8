package storagetest

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func testConnectionMetadata(e *env) {
	x := e.tenant()
	x.connection.SAML = &authz.SAMLUpstream{EntityID: "https://sts.example/", SSO: map[string]string{}}
	e.must(e.PutConnection(e.ctx, x.connection))
	due := func(at time.Time) (mine []authz.ConnectionMetadata) {
		e.Helper()
		all, err := e.ConnectionMetadataDueAcrossWorkspaces(e.ctx, e.issuer, at, 100)
		e.must(err)
		for _, m := range all {
			if m.ConnectionID == x.connection.ID {
				mine = append(mine, m)
			}
		}
		return mine
	}
	_, err := e.GetConnectionMetadata(e.ctx, e.issuer, x.workspace.ID, x.connection.ID)
	e.is(err, authz.ErrNotFound)
	for range 2 { // the second time there is nothing to begin
		e.must(e.BeginConnectionMetadataAcrossWorkspaces(e.ctx, e.issuer, e.now, 100))
	}
	e.same(len(due(e.now.Add(-time.Second))), 0)
	e.same(len(due(e.now)), 1)
	m := due(e.now)[0]
	m.CheckAt, m.CheckedAt, m.Problem, m.Rejected, m.ValidUntil = e.now.Add(time.Hour), e.now, "away", "0a", e.now.Add(90*time.Hour)
	m.Proposal, m.ProposedAt, m.Warned = &authz.SAMLUpstream{EntityID: "https://sts.example/", Certificates: [][]byte{{1}}}, e.now, map[string]int{"ab": 30}
	e.must(e.PutConnectionMetadata(e.ctx, m))
	e.is(e.PutConnectionMetadata(e.ctx, m), authz.ErrConflict)
	m.Revision++
	got, err := e.GetConnectionMetadata(e.ctx, e.issuer, x.workspace.ID, x.connection.ID)
	e.must(err)
	e.same(got, m)
	e.same(len(due(e.now)), 0)
	_, err = e.GetConnectionMetadata(e.ctx, e.issuer, "ws_other", x.connection.ID)
	e.is(err, authz.ErrNotFound)
	foreign := m
	foreign.WorkspaceID = "ws_other"
	e.is(e.PutConnectionMetadata(e.ctx, foreign), authz.ErrConflict)
	e.must(e.DropConnectionMetadata(e.ctx, e.issuer, "ws_other", x.connection.ID))
	e.same(len(due(m.CheckAt)), 1)
	e.must(e.DropConnectionMetadata(e.ctx, e.issuer, x.workspace.ID, x.connection.ID))
	m.Revision = 0
	e.must(e.PutConnectionMetadata(e.ctx, m))
	e.is(e.PutConnectionMetadata(e.ctx, m), authz.ErrConflict)
}

func testSetupLinks(e *env) {
	x := e.tenant()
	l := authz.SetupLink{
		ID: authz.NewID("setup"), Digest: randomDigest(), Issuer: e.issuer, WorkspaceID: x.workspace.ID, ConnectionID: x.connection.ID, MadeBy: "usr_1",
		CreatedAt: e.now, ExpiresAt: e.now.Add(time.Hour),
	}
	e.must(e.CreateSetupLink(e.ctx, l))
	got, err := e.SetupLinkByDigestAcrossWorkspaces(e.ctx, e.issuer, l.Digest)
	e.must(err)
	e.same(got, l)
	for issuer, of := range map[authz.IssuerName][32]byte{"another": l.Digest, e.issuer: randomDigest()} {
		_, err = e.SetupLinkByDigestAcrossWorkspaces(e.ctx, issuer, of)
		e.is(err, authz.ErrNotFound)
	}
	for ws, want := range map[authz.WorkspaceID]int{x.workspace.ID: 1, "ws_other": 0} {
		list, err := e.ListSetupLinks(e.ctx, e.issuer, ws, x.connection.ID)
		e.must(err)
		e.same(len(list), want)
	}
	e.is(e.RevokeSetupLink(e.ctx, e.issuer, "ws_other", x.connection.ID, l.ID, e.now), authz.ErrNotFound)
	e.is(e.RevokeSetupLink(e.ctx, e.issuer, x.workspace.ID, "con_other", l.ID, e.now), authz.ErrNotFound)
	e.must(e.RevokeSetupLink(e.ctx, e.issuer, x.workspace.ID, x.connection.ID, l.ID, e.now))
	e.is(e.RevokeSetupLink(e.ctx, e.issuer, x.workspace.ID, x.connection.ID, l.ID, e.now), authz.ErrNotFound)
	l.RevokedAt = e.now
	got, err = e.SetupLinkByDigestAcrossWorkspaces(e.ctx, e.issuer, l.Digest)
	e.must(err)
	e.same(got, l)
	_, err = e.DeleteExpiredAcrossWorkspaces(e.ctx, l.ExpiresAt, 1000)
	e.must(err)
	_, err = e.SetupLinkByDigestAcrossWorkspaces(e.ctx, e.issuer, l.Digest)
	e.is(err, authz.ErrNotFound)
}
