package storagetest

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// issuance redeems a code of the grant.
func (e *env) issuance(g authz.Grant, code authz.AuthorizationCode) authz.Issuance {
	return authz.Issuance{
		Issuer: e.issuer, Code: &code.Digest,
		Access: authz.AccessToken{
			Digest: randomDigest(), Issuer: e.issuer, GrantID: g.ID, State: authz.Active, IssuedAt: e.now, ExpiresAt: e.now.Add(time.Hour),
		},
		Refresh: &authz.RefreshToken{
			Digest: randomDigest(), Issuer: e.issuer, GrantID: g.ID, State: authz.Active, CreatedAt: e.now, ExpiresAt: e.now.Add(time.Hour),
		},
		Audit: authz.AuditEntry{
			ID: authz.NewID("evt"), Issuer: e.issuer, WorkspaceID: g.WorkspaceID, Type: "token.issued", Result: authz.Success, Time: e.now,
		},
	}
}

func testIssue(e *env) {
	x := e.tenant()
	g := e.granted(e.personal(x))
	code := e.code(g)
	good := e.issuance(g, code)

	// Whatever fails, nothing of it is there and the code can be redeemed.
	taken := e.refreshToken(g)
	for _, spoil := range []func(*authz.Issuance){
		func(i *authz.Issuance) { i.Refresh.Digest = taken.Digest },
		func(i *authz.Issuance) { i.Access.GrantID = "gr_nobody" },
		func(i *authz.Issuance) { i.Refresh.GrantID = "gr_nobody" },
		func(i *authz.Issuance) { i.Audit.ID = e.usedEvent() },
	} {
		bad := e.issuance(g, code)
		fresh := e.personal(x)
		bad.Grant = &fresh
		spoil(&bad)
		if err := e.Issue(e.ctx, bad); err == nil {
			e.Fatal("a spoiled issuance was written")
		}
		_, _, _, err := e.GetAccessToken(e.ctx, e.issuer, bad.Access.Digest)
		e.is(err, authz.ErrNotFound)
		_, _, err = e.GetGrantAcrossWorkspaces(e.ctx, e.issuer, fresh.ID)
		e.is(err, authz.ErrNotFound)
	}
	e.must(e.Issue(e.ctx, good))
	list, err := e.ListAudit(e.ctx, e.issuer, g.WorkspaceID, authz.Page{})
	e.must(err)
	if len(list) != 1 || list[0].ID != good.Audit.ID {
		e.Fatalf("audit entries: %+v", list)
	}
	again := e.issuance(g, code)
	e.is(e.Issue(e.ctx, again), authz.ErrConsumed)

	next := e.issuance(g, code)
	next.Code, next.Rotation = nil, &authz.Rotation{Digest: good.Refresh.Digest, Successor: next.Refresh.Digest, Sealed: []byte("s"), At: e.now}
	e.must(e.Issue(e.ctx, next))
	next = e.issuance(g, code)
	next.Code, next.Rotation = nil, &authz.Rotation{Digest: good.Refresh.Digest, Successor: next.Refresh.Digest, Sealed: []byte("s"), At: e.now}
	e.is(e.Issue(e.ctx, next), authz.ErrConsumed)
}

// usedEvent is the id of an audit entry that is there.
func (e *env) usedEvent() string {
	e.Helper()
	entry := authz.AuditEntry{ID: authz.NewID("evt"), Issuer: e.issuer, Type: "a", Result: authz.Success, Time: e.now}
	e.must(e.AppendAudit(e.ctx, entry))
	return entry.ID
}
