package storagetest

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// joinLink stores a new link of a tenant's person.
func (e *env) joinLink(x tenant, side authz.Side) authz.JoinLink {
	e.Helper()
	l := authz.JoinLink{
		ID: authz.NewJoinLinkID(), Issuer: e.issuer, WorkspaceID: x.workspace.ID, UserID: x.user.ID, ConnectionID: x.connection.ID, Side: side,
		Digest: randomDigest(), State: authz.Active, MadeBy: "usr_1", CreatedAt: e.now, ExpiresAt: e.now.Add(time.Hour),
	}
	e.must(e.CreateJoinLink(e.ctx, l))
	return l
}

func testJoinLinks(e *env) {
	x := e.tenant()
	ws, user := x.workspace.ID, x.user.ID
	l := e.joinLink(x, authz.SAMLSide)
	got, err := e.GetJoinLink(e.ctx, e.issuer, ws, l.ID)
	e.must(err)
	e.same(got, l)
	got, err = e.JoinLinkByDigestAcrossWorkspaces(e.ctx, e.issuer, l.Digest)
	e.must(err)
	e.same(got, l)
	_, err = e.GetJoinLink(e.ctx, e.issuer, "ws_other", l.ID)
	e.is(err, authz.ErrNotFound)
	for issuer, of := range map[authz.IssuerName][32]byte{"another": l.Digest, e.issuer: randomDigest()} {
		_, err = e.JoinLinkByDigestAcrossWorkspaces(e.ctx, issuer, of)
		e.is(err, authz.ErrNotFound)
	}
	for of, want := range map[authz.WorkspaceID]int{ws: 1, "ws_other": 0} {
		list, err := e.ListJoinLinks(e.ctx, e.issuer, of, user, 10)
		e.must(err)
		e.same(len(list), want)
	}
	e.is(e.EndJoinLink(e.ctx, e.issuer, "ws_other", l.ID, authz.Used, e.now), authz.ErrConsumed)
	e.is(e.EndJoinLink(e.ctx, "another", ws, l.ID, authz.Used, e.now), authz.ErrConsumed)
	e.is(e.EndJoinLink(e.ctx, e.issuer, ws, l.ID, authz.Used, l.ExpiresAt), authz.ErrConsumed)
	// Of many who use it at once, one does.
	var won atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if e.EndJoinLink(e.ctx, e.issuer, ws, l.ID, authz.Used, e.now) == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	e.same(won.Load(), int32(1))
	testJoinLinksTakenBack(e, x, l)
	_, err = e.DeleteExpiredAcrossWorkspaces(e.ctx, l.ExpiresAt, 1000)
	e.must(err)
	_, err = e.GetJoinLink(e.ctx, e.issuer, ws, l.ID)
	e.is(err, authz.ErrNotFound)
}

// testJoinLinksTakenBack takes back links of one person, of one side where that
// is named, and none that was used.
func testJoinLinksTakenBack(e *env, x tenant, used authz.JoinLink) {
	ws, user := x.workspace.ID, x.user.ID
	saml, oidc := e.joinLink(x, authz.SAMLSide), e.joinLink(x, authz.OIDCSide)
	revoked := func(want int64, of authz.WorkspaceID, who authz.UserID, c authz.ConnectionID, side authz.Side) {
		e.Helper()
		n, err := e.RevokeJoinLinks(e.ctx, e.issuer, of, who, c, side)
		e.must(err)
		e.same(n, want)
	}
	revoked(0, "ws_other", user, "", "")
	revoked(0, ws, "usr_other", "", "")
	revoked(0, ws, user, "con_other", authz.SAMLSide)
	revoked(1, ws, user, x.connection.ID, authz.SAMLSide)
	for id, want := range map[authz.JoinLinkID]authz.State{used.ID: authz.Used, saml.ID: authz.Revoked, oidc.ID: authz.Active} {
		got, err := e.GetJoinLink(e.ctx, e.issuer, ws, id)
		e.must(err)
		e.same(got.State, want)
	}
	revoked(1, ws, user, "", "")
}
