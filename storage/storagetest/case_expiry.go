package storagetest

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func testZones(e *env) {
	// Two moments told in zones whose clocks disagree about their order.
	east, west := time.FixedZone("east", 14*3600), time.FixedZone("west", -11*3600)
	early := time.Date(2030, 6, 1, 12, 0, 0, 1999, time.UTC)
	late := early.Add(time.Second)
	x := e.tenant()
	family := e.personal(x)
	family.ExpiresAt = late
	g := e.granted(family)
	token := e.accessToken(g)
	for _, at := range []time.Time{early.In(east), late.In(west)} {
		token.Digest, token.IssuedAt, token.ExpiresAt = randomDigest(), at, at
		e.must(e.CreateAccessToken(e.ctx, token))
		got, _, _, err := e.GetAccessToken(e.ctx, e.issuer, token.Digest)
		e.must(err)
		e.same(got.ExpiresAt, at.UTC().Truncate(time.Microsecond))
	}
	n, err := e.DeleteExpiredAcrossWorkspaces(e.ctx, early.In(west), 1000)
	e.must(err)
	_, _, _, err = e.GetAccessToken(e.ctx, e.issuer, token.Digest)
	e.must(err)
	if n == 0 {
		e.Fatal("the early token was not deleted at its end")
	}

	for _, at := range []time.Time{late.In(east), early.In(west)} {
		e.must(e.AppendAudit(e.ctx, authz.AuditEntry{Issuer: e.issuer, WorkspaceID: "ws_z", Type: "x", Time: at}))
	}
	list, err := e.ListAudit(e.ctx, e.issuer, "ws_z", authz.Page{})
	e.must(err)
	if len(list) != 2 || !list[0].Time.Before(list[1].Time) {
		e.Fatalf("entries are out of order: %+v", list)
	}
}

func testExpiry(e *env) { //nolint:funlen // one story, told in order
	x := e.tenant()
	g := e.granted(e.personal(x))
	unused, used, token, refresh := e.code(g), e.code(g), e.accessToken(g), e.refreshToken(g)
	e.must(e.ConsumeAuthorizationCode(e.ctx, e.issuer, used.Digest, authz.Used))
	e.must(e.ConsumeRefreshToken(e.ctx, e.issuer, refresh.Digest, randomDigest(), nil, e.now))
	standing, revoked := e.granted(e.machine(x)), e.machine(x)
	revoked.Lineage = 7
	e.must(e.CreateGrant(e.ctx, revoked))
	e.moved(e.RevokeGrant(e.ctx, e.issuer, revoked.ID))
	request := e.request()

	clean := func(at time.Time) {
		e.Helper()
		_, err := e.DeleteExpiredAcrossWorkspaces(e.ctx, at, 1000)
		e.must(err)
	}
	has := func(what string, want bool, err error) {
		e.Helper()
		if want {
			e.must(err)
		} else if !isError(err, authz.ErrNotFound) {
			e.Fatalf("%s is still there, or: %v", what, err)
		}
	}
	code := func(c authz.AuthorizationCode) error {
		_, _, _, err := e.GetAuthorizationCode(e.ctx, e.issuer, c.Digest)
		return err
	}
	access := func() error { _, _, _, err := e.GetAccessToken(e.ctx, e.issuer, token.Digest); return err }
	tombstone := func() error { _, _, _, err := e.GetRefreshToken(e.ctx, e.issuer, refresh.Digest); return err }
	grant := func(id authz.GrantID) error { _, _, err := e.GetGrantAcrossWorkspaces(e.ctx, e.issuer, id); return err }
	session := func() error { _, err := e.GetSession(e.ctx, e.issuer, x.workspace.ID, x.session.ID); return err }
	inFlight := func() error { _, err := e.GetAuthorizationRequest(e.ctx, e.issuer, request.ID); return err }

	clean(e.now)
	has("unused code", true, code(unused))
	has("revoked standing grant", false, grant(revoked.ID))
	has("standing grant", true, grant(standing.ID))
	clean(unused.ExpiresAt)
	has("unused code", false, code(unused))
	has("used code", true, code(used))
	has("access token", true, access())
	has("request", true, inFlight())
	clean(token.ExpiresAt)
	has("access token", false, access())
	has("request", false, inFlight())

	// The session is over, and an ancestor of a grant that is not.
	clean(x.session.ExpiresAt.Add(time.Hour))
	has("session", true, session())
	after, lineage, err := e.GetGrantAcrossWorkspaces(e.ctx, e.issuer, g.ID)
	e.must(err)
	if !live(after, lineage) {
		e.Fatal("the end of a session ended a grant")
	}
	has("refresh token", true, tombstone())

	// A token issued at the last moment lives on under its grant, a day at most.
	clean(g.ExpiresAt)
	has("refresh token", false, tombstone())
	clean(g.ExpiresAt.Add(24*time.Hour - time.Second))
	has("grant", true, grant(g.ID))
	has("used code", true, code(used))
	clean(g.ExpiresAt.Add(24 * time.Hour))
	has("grant", false, grant(g.ID))
	has("used code", false, code(used))
	has("session", false, session())
	has("standing grant", true, grant(standing.ID))
}
