package storagetest

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func testOverrides(e *env) {
	x := e.tenant()
	o := authz.Override{
		Issuer: e.issuer, WorkspaceID: x.workspace.ID, ConnectionID: x.connection.ID, Reason: "maintenance", MadeBy: "usr_1",
		MadeAt: e.now, Until: e.now.Add(time.Hour),
	}
	got, circuit, err := e.FallbackOf(e.ctx, e.issuer, x.workspace.ID, x.connection.ID)
	e.must(err)
	e.same(got, authz.Override{})
	e.same(circuit, authz.Circuit{})
	e.must(e.PutOverride(e.ctx, o))
	o.Reason = "still"
	e.must(e.PutOverride(e.ctx, o))
	got, _, err = e.FallbackOf(e.ctx, e.issuer, x.workspace.ID, x.connection.ID)
	e.must(err)
	e.same(got, o)
	for _, ws := range []authz.WorkspaceID{"", "ws_other"} {
		got, _, err = e.FallbackOf(e.ctx, e.issuer, ws, x.connection.ID)
		e.must(err)
		e.same(got, authz.Override{})
		e.still(e.DropOverride(e.ctx, e.issuer, ws, x.connection.ID))
	}
	e.moved(e.DropOverride(e.ctx, e.issuer, x.workspace.ID, x.connection.ID))
	e.still(e.DropOverride(e.ctx, e.issuer, x.workspace.ID, x.connection.ID))
}

func testCircuits(e *env) {
	x := e.tenant()
	c := authz.Circuit{Issuer: e.issuer, WorkspaceID: x.workspace.ID, ConnectionID: x.connection.ID, Counts: []authz.CircuitCount{{At: 5, OK: 1, Failed: 2}}}
	e.must(e.PutCircuit(e.ctx, c))
	e.is(e.PutCircuit(e.ctx, c), authz.ErrConflict) // somebody made it meanwhile
	_, got, err := e.FallbackOf(e.ctx, e.issuer, x.workspace.ID, x.connection.ID)
	e.must(err)
	c.Revision = 1
	e.same(got, c)
	c.OpenedAt, c.ProbeAt, c.AlertedAt, c.Good, c.Counts = e.now, e.now.Add(30*time.Second), e.now, 2, nil
	e.must(e.PutCircuit(e.ctx, c))
	e.is(e.PutCircuit(e.ctx, c), authz.ErrConflict) // of a revision that is gone
	due := func(at time.Time, want int) {
		e.Helper()
		list, err := e.CircuitsToProbeAcrossWorkspaces(e.ctx, e.issuer, at, 10)
		e.must(err)
		e.same(len(list), want)
	}
	due(c.ProbeAt.Add(-time.Millisecond), 0)
	due(c.ProbeAt, 1)
	list, err := e.CircuitsToProbeAcrossWorkspaces(e.ctx, "another", c.ProbeAt, 10)
	e.must(err)
	e.same(len(list), 0)
	c.Revision = 2
	_, got, err = e.FallbackOf(e.ctx, e.issuer, x.workspace.ID, x.connection.ID)
	e.must(err)
	e.same(got, c)
	c.OpenedAt, c.ProbeAt = time.Time{}, time.Time{}
	e.must(e.PutCircuit(e.ctx, c))
	due(e.now.Add(time.Hour), 0)
}

func testLinks(e *env) {
	x := e.tenant()
	link := randomDigest()
	_, err := e.UserByLink(e.ctx, e.issuer, x.connection.ID, link)
	e.is(err, authz.ErrNotFound)
	x.identity.Link = link
	e.must(e.SetUpstreamLink(e.ctx, x.identity))
	id, err := e.UserByLink(e.ctx, e.issuer, x.connection.ID, link)
	e.must(err)
	e.same(id, x.user.ID)
	_, err = e.UserByLink(e.ctx, e.issuer, "con_other", link)
	e.is(err, authz.ErrNotFound)
	_, err = e.UserByLink(e.ctx, "another", x.connection.ID, link)
	e.is(err, authz.ErrNotFound)

	// The other side joins them; a third with the same link makes it nobody's.
	other := x.identity
	other.Side, other.Subject = authz.SAMLSide, "name-id"
	e.must(e.AddUpstreamIdentity(e.ctx, other))
	e.is(e.AddUpstreamIdentity(e.ctx, other), authz.ErrConflict)
	user, told, member, err := e.UserByUpstream(e.ctx, e.issuer, x.workspace.ID, x.connection.ID, authz.SAMLSide, "name-id")
	e.must(err)
	e.same(user.ID, x.user.ID)
	e.same(told, link)
	e.same(member, true)
	twin := x.user
	twin.ID = authz.NewUserID()
	other.Subject, other.UserID = "twin", twin.ID
	e.must(e.CreateUser(e.ctx, twin, other))
	_, err = e.UserByLink(e.ctx, e.issuer, x.connection.ID, link)
	e.is(err, authz.ErrConflict)
	other.Subject = "nobody"
	e.is(e.SetUpstreamLink(e.ctx, other), authz.ErrNotFound)

	has := func(ws authz.WorkspaceID, email string, want bool) {
		e.Helper()
		got, err := e.MemberHasEmail(e.ctx, e.issuer, ws, email)
		e.must(err)
		e.same(got, want)
	}
	has(x.workspace.ID, "ADA@acme.example", true)
	has(x.workspace.ID, "bob@acme.example", false)
	has("ws_other", "ada@acme.example", false)
}
