package storagetest

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func (e *env) request() authz.AuthorizationRequest {
	e.Helper()
	r := authz.AuthorizationRequest{
		ID: authz.NewID("req"), Issuer: e.issuer, BrowserDigest: randomDigest(), ClientID: "cl_1", Parameters: "state=a%20b",
		ArrivedAt: e.now, ExpiresAt: e.now.Add(10 * time.Minute), State: authz.Active,
	}
	e.must(e.CreateAuthorizationRequest(e.ctx, r))
	return r
}

func testRequests(e *env) {
	want := e.request()
	got, err := e.GetAuthorizationRequest(e.ctx, e.issuer, want.ID)
	e.must(err)
	e.same(got, want)
	_, err = e.GetAuthorizationRequest(e.ctx, "elsewhere", want.ID)
	e.is(err, authz.ErrNotFound)

	e.must(e.SetRequestSession(e.ctx, e.issuer, want.ID, "sid_1"))
	e.is(e.ConsumeAuthorizationRequest(e.ctx, "elsewhere", want.ID), authz.ErrConsumed)
	e.must(e.ConsumeAuthorizationRequest(e.ctx, e.issuer, want.ID))
	e.is(e.ConsumeAuthorizationRequest(e.ctx, e.issuer, want.ID), authz.ErrConsumed)
	want.SessionID, want.State = "sid_1", authz.Used
	got, err = e.GetAuthorizationRequest(e.ctx, e.issuer, want.ID)
	e.must(err)
	e.same(got, want)
	e.is(e.SetRequestSession(e.ctx, e.issuer, want.ID, "sid_2"), authz.ErrConsumed)
	e.is(e.BeginUpstream(e.ctx, e.issuer, want.ID, "con_1", randomDigest(), nil), authz.ErrConsumed)
}

func testUpstreamStates(e *env) {
	want := e.request()
	first, second := randomDigest(), randomDigest()
	e.must(e.BeginUpstream(e.ctx, e.issuer, want.ID, "con_1", first, []byte("nonce 1")))
	e.must(e.BeginUpstream(e.ctx, e.issuer, want.ID, "con_2", second, []byte("nonce 2")))

	consume := func(issuer authz.IssuerName, connection authz.ConnectionID, state [32]byte, target error) {
		e.Helper()
		_, err := e.ConsumeUpstreamState(e.ctx, issuer, connection, state)
		e.is(err, target)
	}
	consume(e.issuer, "con_1", first, authz.ErrNotFound)  // the leg begun before is forgotten
	consume(e.issuer, "con_1", second, authz.ErrNotFound) // mix-up of connections
	consume("elsewhere", "con_2", second, authz.ErrNotFound)
	consume(e.issuer, "con_2", [32]byte{}, authz.ErrNotFound)

	got, err := e.ConsumeUpstreamState(e.ctx, e.issuer, "con_2", second)
	e.must(err)
	want.ConnectionID, want.Upstream = "con_2", []byte("nonce 2")
	e.same(got, want)
	consume(e.issuer, "con_2", second, authz.ErrConsumed)

	// A request that is over takes no answers.
	third := randomDigest()
	e.must(e.BeginUpstream(e.ctx, e.issuer, want.ID, "con_1", third, nil))
	e.must(e.ConsumeAuthorizationRequest(e.ctx, e.issuer, want.ID))
	consume(e.issuer, "con_1", third, authz.ErrConsumed)

	race := e.request()
	state := randomDigest()
	e.must(e.BeginUpstream(e.ctx, e.issuer, race.ID, "con_1", state, nil))
	e.oneWins(16, authz.ErrConsumed, func() error {
		_, err := e.ConsumeUpstreamState(e.ctx, e.issuer, "con_1", state)
		return err
	})
}
