package storagetest

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func (e *env) request() authz.AuthorizationRequest {
	e.Helper()
	pushed := randomDigest()
	r := authz.AuthorizationRequest{
		ID: authz.NewID("req"), Issuer: e.issuer, BrowserDigest: randomDigest(), ClientID: "cl_1", Parameters: "state=a%20b",
		Pushed: &pushed, ArrivedAt: e.now, ExpiresAt: e.now.Add(10 * time.Minute), State: authz.Active,
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
	e.is(e.BeginUpstream(e.ctx, e.issuer, want.ID, "con_1", randomDigest(), nil, time.Time{}), authz.ErrConsumed)
}

func testUpstreamStates(e *env) {
	want := e.request()
	first, second := randomDigest(), randomDigest()
	e.must(e.BeginUpstream(e.ctx, e.issuer, want.ID, "con_1", first, []byte("nonce 1"), time.Time{}))
	e.must(e.BeginUpstream(e.ctx, e.issuer, want.ID, "con_2", second, []byte("nonce 2"), time.Time{}))

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
	e.must(e.BeginUpstream(e.ctx, e.issuer, want.ID, "con_1", third, nil, time.Time{}))
	e.must(e.ConsumeAuthorizationRequest(e.ctx, e.issuer, want.ID))
	consume(e.issuer, "con_1", third, authz.ErrConsumed)

	race := e.request()
	state := randomDigest()
	e.must(e.BeginUpstream(e.ctx, e.issuer, race.ID, "con_1", state, nil, time.Time{}))
	e.oneWins(16, authz.ErrConsumed, func() error {
		_, err := e.ConsumeUpstreamState(e.ctx, e.issuer, "con_1", state)
		return err
	})
}

func testPushedRequests(e *env) {
	want := authz.PushedRequest{
		Digest: randomDigest(), Issuer: e.issuer, ClientID: "cl_1", Parameters: "state=a%20b", CreatedAt: e.now,
		ExpiresAt: e.now.Add(time.Minute), State: authz.Active,
	}
	e.must(e.CreatePushedRequest(e.ctx, want))
	e.is(e.CreatePushedRequest(e.ctx, want), authz.ErrConflict)
	got, err := e.GetPushedRequest(e.ctx, e.issuer, "cl_1", want.Digest)
	e.must(err)
	e.same(got, want)
	for _, of := range []struct {
		issuer authz.IssuerName
		client authz.ClientID
	}{{e.issuer, "cl_2"}, {"elsewhere", "cl_1"}} {
		_, err = e.GetPushedRequest(e.ctx, of.issuer, of.client, want.Digest)
		e.is(err, authz.ErrNotFound)
	}
	e.is(e.ConsumePushedRequest(e.ctx, "elsewhere", want.Digest), authz.ErrConsumed)
	e.oneWins(racers, authz.ErrConsumed, func() error { return e.ConsumePushedRequest(e.ctx, e.issuer, want.Digest) })
}

func testUseOnce(e *env) {
	id := randomDigest()
	e.oneWins(racers, authz.ErrConsumed, func() error { return e.UseOnce(e.ctx, e.issuer, id, e.now) })
	e.must(e.UseOnce(e.ctx, e.issuer, randomDigest(), e.now))
	_, err := e.DeleteExpiredAcrossWorkspaces(e.ctx, e.now, 100)
	e.must(err)
	e.must(e.UseOnce(e.ctx, e.issuer, id, e.now))
}

// testWaiting counts what a flood leaves: a request counts until it is used or
// over, for its issuer and its client.
func testWaiting(e *env) {
	push := func(client authz.ClientID) authz.PushedRequest {
		p := authz.PushedRequest{
			Digest: randomDigest(), Issuer: e.issuer, ClientID: client, CreatedAt: e.now, ExpiresAt: e.now.Add(time.Minute), State: authz.Active,
		}
		e.must(e.CreatePushedRequest(e.ctx, p))
		return p
	}
	for range 3 {
		e.request()
		push("cl_1")
	}
	push("cl_2")
	e.must(e.ConsumeAuthorizationRequest(e.ctx, e.issuer, e.request().ID))
	e.must(e.ConsumePushedRequest(e.ctx, e.issuer, push("cl_1").Digest))
	for _, c := range []struct {
		count  func(context.Context, authz.IssuerName, authz.ClientID, time.Time) (authz.Waiting, error)
		issuer authz.IssuerName
		client authz.ClientID
		after  time.Duration
		want   authz.Waiting
	}{
		{e.CountAuthorizationRequests, e.issuer, "cl_1", 0, authz.Waiting{Issuer: 3, Client: 3}},
		{e.CountAuthorizationRequests, e.issuer, "cl_2", 0, authz.Waiting{Issuer: 3}},
		{e.CountAuthorizationRequests, e.issuer, "cl_1", 10 * time.Minute, authz.Waiting{}},
		{e.CountPushedRequests, e.issuer, "cl_1", 0, authz.Waiting{Issuer: 4, Client: 3}},
		{e.CountPushedRequests, e.issuer, "cl_2", 0, authz.Waiting{Issuer: 4, Client: 1}},
		{e.CountPushedRequests, "elsewhere", "cl_1", 0, authz.Waiting{}},
		{e.CountPushedRequests, e.issuer, "cl_1", time.Minute, authz.Waiting{}},
	} {
		got, err := c.count(e.ctx, c.issuer, c.client, e.now.Add(c.after))
		e.must(err)
		e.same(got, c.want)
	}
}
