package storagetest

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func testTokens(e *env) {
	x := e.tenant()
	want := e.granted(e.personal(x))
	code, token, refresh := e.code(want), e.accessToken(want), e.refreshToken(want)

	gotCode, g, lineage, err := e.GetAuthorizationCode(e.ctx, e.issuer, code.Digest)
	e.must(err)
	e.same(gotCode, code)
	e.same(g, want)
	e.same(lineage.Refs(), want.Refs())
	gotToken, g, lineage, err := e.GetAccessToken(e.ctx, e.issuer, token.Digest)
	e.must(err)
	e.same(gotToken, token)
	e.same(g, want)
	e.same(lineage.Refs(), want.Refs())
	gotRefresh, g, lineage, err := e.GetRefreshToken(e.ctx, e.issuer, refresh.Digest)
	e.must(err)
	e.same(gotRefresh, refresh)
	e.same(g, want)
	e.same(lineage.Refs(), want.Refs())

	e.is(e.CreateAuthorizationCode(e.ctx, code), authz.ErrConflict)
	e.is(e.CreateAccessToken(e.ctx, token), authz.ErrConflict)
	e.is(e.CreateRefreshToken(e.ctx, refresh), authz.ErrConflict)
	token.Digest, token.GrantID = randomDigest(), authz.NewGrantID(e.now)
	e.is(e.CreateAccessToken(e.ctx, token), authz.ErrNotFound)

	e.must(e.ConsumeAuthorizationCode(e.ctx, e.issuer, code.Digest, authz.Burned))
	e.is(e.ConsumeAuthorizationCode(e.ctx, e.issuer, code.Digest, authz.Used), authz.ErrConsumed)
	code.State = authz.Burned
	gotCode, _, _, err = e.GetAuthorizationCode(e.ctx, e.issuer, code.Digest)
	e.must(err)
	e.same(gotCode, code)
	if e.ConsumeAuthorizationCode(e.ctx, e.issuer, code.Digest, authz.Active) == nil {
		e.Fatal("a code was consumed into being active")
	}

	used := e.now.Add(time.Minute)
	successor, sealed := randomDigest(), []byte("sealed")
	e.must(e.ConsumeRefreshToken(e.ctx, e.issuer, refresh.Digest, successor, sealed, used))
	e.is(e.ConsumeRefreshToken(e.ctx, e.issuer, refresh.Digest, randomDigest(), nil, used), authz.ErrConsumed)
	refresh.State, refresh.UsedAt, refresh.Successor, refresh.SuccessorDigest = authz.Used, used, sealed, successor
	gotRefresh, _, _, err = e.GetRefreshToken(e.ctx, e.issuer, refresh.Digest)
	e.must(err)
	e.same(gotRefresh, refresh)
}

func testRevokeAccessToken(e *env) {
	x := e.tenant()
	g := e.granted(e.machine(x))
	token, sibling := e.accessToken(g), e.accessToken(g)
	e.moved(e.RevokeAccessToken(e.ctx, e.issuer, token.Digest))
	e.still(e.RevokeAccessToken(e.ctx, e.issuer, token.Digest))
	got, _, _, err := e.GetAccessToken(e.ctx, e.issuer, token.Digest)
	e.must(err)
	if got.State != authz.Revoked {
		e.Fatalf("the token is %q", got.State)
	}
	got, after, lineage, err := e.GetAccessToken(e.ctx, e.issuer, sibling.Digest)
	e.must(err)
	if got.State != authz.Active || !live(after, lineage) {
		e.Fatal("the sibling ended too")
	}
}
