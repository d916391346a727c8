package storagetest

import (
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func testConsents(e *env) {
	want := authz.Consent{Issuer: e.issuer, WorkspaceID: "ws_1", UserID: "usr_1", ClientID: "cl_1", Scopes: []string{"openid"}, UpdatedAt: e.now}
	_, err := e.GetConsent(e.ctx, e.issuer, "ws_1", "usr_1", "cl_1")
	e.is(err, authz.ErrNotFound)
	for _, scopes := range [][]string{{"openid"}, {"openid", "email"}} {
		want.Scopes, want.UpdatedAt = scopes, want.UpdatedAt.Add(time.Second)
		want.Audience = append(want.Audience, "https://"+scopes[len(scopes)-1]+".example")
		e.must(e.PutConsent(e.ctx, want))
		got, err := e.GetConsent(e.ctx, e.issuer, "ws_1", "usr_1", "cl_1")
		e.must(err)
		e.same(got, want)
	}
	e.still(e.DeleteConsent(e.ctx, e.issuer, "ws_2", "usr_1", "cl_1"))
	e.moved(e.DeleteConsent(e.ctx, e.issuer, "ws_1", "usr_1", "cl_1"))
	e.still(e.DeleteConsent(e.ctx, e.issuer, "ws_1", "usr_1", "cl_1"))
}

func testSigningKeys(e *env) {
	key := func(kid string, period int64) authz.SigningKey {
		at := e.now.Add(time.Duration(period) * time.Hour)
		return authz.SigningKey{
			KID: kid, Issuer: e.issuer, Algorithm: "ES256", Period: period, Public: []byte(`{"kty":"EC"}`), Sealed: []byte{1, 0, 2},
			PublishedAt: at, ActiveAt: at, RetiredAt: at.Add(time.Hour), RemoveAt: at.Add(2 * time.Hour),
		}
	}
	first, second := key("k1", 1), key("k2", 2)
	e.must(e.CreateSigningKey(e.ctx, first))
	e.must(e.CreateSigningKey(e.ctx, second))
	e.is(e.CreateSigningKey(e.ctx, key("k3", 2)), authz.ErrConflict)
	list, err := e.ListSigningKeys(e.ctx, e.issuer)
	e.must(err)
	e.same(list, []authz.SigningKey{second, first})
	n, err := e.DeleteSigningKeysRemovedBefore(e.ctx, e.issuer, first.RemoveAt)
	e.must(err)
	m, err := e.DeleteSigningKeysRemovedBefore(e.ctx, e.issuer, second.RemoveAt)
	e.must(err)
	if n != 0 || m != 1 {
		e.Fatalf("%d and %d keys were deleted, want 0 and 1", n, m)
	}
}

func testAudit(e *env) {
	entry := authz.AuditEntry{
		ID: authz.NewID("evt"), Issuer: e.issuer, WorkspaceID: "ws_1", AccountID: "acc_1", Time: e.now, Type: "login.refused",
		Result: authz.Refused, Reason: "no_membership", Actor: "usr_1", Target: "con_1", RequestID: "r1", IP: "2001:db8::1",
		UserAgent: "browser", Details: map[string]any{"acr": "urn:acr"},
	}
	e.must(e.AppendAudit(e.ctx, entry))
	e.must(e.AppendAudit(e.ctx, authz.AuditEntry{Issuer: e.issuer, WorkspaceID: "ws_2", Type: "a", Result: authz.Success, Time: e.now.Add(time.Second)}))
	e.must(e.AppendAudit(e.ctx, authz.AuditEntry{Issuer: e.issuer, Type: "b", Result: authz.Success}))
	e.is(e.AppendAudit(e.ctx, entry), authz.ErrConflict)

	list, err := e.ListAudit(e.ctx, e.issuer, "ws_1", authz.Page{})
	e.must(err)
	e.same(list, []authz.AuditEntry{entry})
	list, err = e.ListAudit(e.ctx, e.issuer, "", authz.Page{})
	e.must(err)
	if len(list) != 1 || list[0].ID == "" || list[0].Time.IsZero() {
		e.Fatalf("the store gave no id or time: %+v", list)
	}
	list, err = e.ListAuditAcrossWorkspaces(e.ctx, e.issuer, authz.Page{After: authz.Position{CreatedAt: e.now, ID: entry.ID}})
	e.must(err)
	if len(list) != 1 || list[0].Type != "a" {
		e.Fatalf("after the first entry came %+v", list)
	}
}

// testAuditTeams marks acts of people and machines on what a team looks after
// that they are not in.
func testAuditTeams(e *env) {
	x := e.tenant()
	ws, mine, theirs := x.workspace.ID, authz.NewTeamID(), authz.NewTeamID()
	x.service.TeamID = theirs
	e.must(e.UpdateServiceAccount(e.ctx, x.service))
	e.must(e.AddTeamMember(e.ctx, authz.TeamMembership{Issuer: e.issuer, WorkspaceID: ws, Team: mine, User: x.user.ID, CreatedAt: e.now}))
	written := func(e2 authz.AuditEntry) authz.AuditEntry {
		e.Helper()
		e2.ID, e2.Issuer, e2.WorkspaceID, e2.Time, e2.Type, e2.Result = authz.NewID("evt"), e.issuer, ws, e.now, "t", authz.Success
		e.must(e.AppendAudit(e.ctx, e2))
		return e2
	}
	person, machine, key := string(x.user.ID), string(x.service.ID), string(x.key.ID)
	var crossed []authz.AuditEntry
	for _, c := range []struct {
		what, actor, target string
		team                authz.TeamID
		actorTeam, found    authz.TeamID
		cross               bool
	}{
		{"another team's service account", person, machine, "", mine, theirs, true},
		{"its key", person, key, "", mine, theirs, true},
		{"a machine's own key", machine, key, "", theirs, theirs, false},
		{"one's own team's", person, "eu", mine, mine, mine, false},
		{"another team's resource", person, "us", theirs, mine, theirs, true},
		{"somebody in no team", "usr_0", key, "", "", theirs, true},
		{"nobody's", person, "con_1", "", "", "", false},
		{"nobody known", "", key, "", "", theirs, false},
	} {
		entry := written(authz.AuditEntry{Actor: c.actor, Target: c.target, Team: c.team})
		entry.Team, entry.ActorTeam, entry.CrossTeam = c.found, c.actorTeam, c.cross
		list, err := e.ListAudit(e.ctx, e.issuer, ws, authz.Page{Limit: 500})
		e.must(err)
		i := slices.IndexFunc(list, func(a authz.AuditEntry) bool { return a.ID == entry.ID })
		e.same(list[i], entry)
		if c.cross {
			crossed = append(crossed, entry)
		}
	}
	// In both teams: it is the one that counts that is told.
	e.must(e.AddTeamMember(e.ctx, authz.TeamMembership{Issuer: e.issuer, WorkspaceID: ws, Team: theirs, User: x.user.ID, CreatedAt: e.now}))
	written(authz.AuditEntry{Actor: person, Target: key})
	found, err := e.ListCrossTeam(e.ctx, e.issuer, ws, authz.Page{})
	e.must(err)
	slices.SortFunc(crossed, func(a, b authz.AuditEntry) int { return strings.Compare(a.ID, b.ID) })
	e.same(found, crossed)
	other, err := e.ListCrossTeam(e.ctx, e.issuer, "ws_other", authz.Page{})
	e.must(err)
	e.same(other, []authz.AuditEntry{})
}

func testOutbox(e *env) {
	event := authz.Event{ID: authz.NewID("evt"), Issuer: e.issuer, WorkspaceID: "ws_1", Type: "key.revoked", Body: []byte(`{"a":1}`), CreatedAt: e.now}
	e.must(e.AppendEvent(e.ctx, event, []string{"webhook", "feed"}))
	e.must(e.AppendEvent(e.ctx, authz.Event{ID: authz.NewID("evt")}, nil))

	claim := func(at time.Time, want int) []authz.Delivery {
		e.Helper()
		got, err := e.ClaimDeliveries(e.ctx, at, time.Minute, 10)
		e.must(err)
		if len(got) != want {
			e.Fatalf("%d deliveries were claimed at %s, want %d", len(got), at, want)
		}
		return got
	}
	claim(e.now.Add(-time.Second), 0)
	got := claim(e.now, 2)
	e.same(got[0], authz.Delivery{Event: event, Sink: got[0].Sink, Attempts: 1, NextAttempt: e.now.Add(time.Minute)})
	claim(e.now, 0)                          // they are someone's
	got = claim(e.now.Add(2*time.Minute), 2) // who died
	if got[0].Attempts != 2 || got[0].Sink == got[1].Sink {
		e.Fatalf("second claim: %+v", got)
	}

	e.must(e.CompleteDelivery(e.ctx, event.ID, "feed"))
	e.must(e.CompleteDelivery(e.ctx, event.ID, "feed"))
	e.must(e.RetryDelivery(e.ctx, event.ID, "webhook", e.now.Add(time.Hour), "500\x00 from \xff the sink"))
	e.is(e.RetryDelivery(e.ctx, event.ID, "feed", e.now, ""), authz.ErrNotFound)
	claim(e.now.Add(30*time.Minute), 0)
	claim(e.now.Add(time.Hour), 1)
	e.must(e.BuryDelivery(e.ctx, event.ID, "webhook", "gone"))
	e.is(e.BuryDelivery(e.ctx, event.ID, "webhook", "gone"), authz.ErrNotFound)
	claim(e.now.Add(24*time.Hour), 0)
}

func testLeases(e *env) {
	name := string(e.issuer) // leases are not an issuer's; a name of our own will do
	acquire := func(holder string, at time.Time, held bool, fence int64) {
		e.Helper()
		h, f, err := e.AcquireLease(e.ctx, name, holder, time.Minute, at)
		e.must(err)
		if h != held || f != fence {
			e.Fatalf("%s holds it: %v, fence %d; want %v, %d", holder, h, f, held, fence)
		}
	}
	acquire("a", e.now, true, 1)
	acquire("b", e.now.Add(59*time.Second), false, 0)
	acquire("a", e.now.Add(30*time.Second), true, 1) // until 90 s
	acquire("b", e.now.Add(89*time.Second), false, 0)
	acquire("b", e.now.Add(90*time.Second), true, 2)
	acquire("b", e.now.Add(151*time.Second), true, 3) // it had lapsed
	e.must(e.ReleaseLease(e.ctx, name, "a"))          // not a's to give
	acquire("a", e.now.Add(152*time.Second), false, 0)
	e.must(e.ReleaseLease(e.ctx, name, "b"))
	acquire("a", e.now.Add(152*time.Second), true, 4)
	e.oneWins(8, errHeld, func() error {
		held, _, err := e.AcquireLease(e.ctx, name, authz.NewID("node"), time.Minute, e.now.Add(time.Hour))
		if err == nil && !held {
			return errHeld
		}
		return err
	})
}

func testPresence(e *env) {
	present := func(id string, at time.Time, want int) {
		e.Helper()
		n, err := e.Present(e.ctx, id, at.Add(15*time.Second), at)
		e.must(err)
		if n != want {
			e.Fatalf("%d processes are there at %s, want %d", n, at, want)
		}
	}
	present("a", e.now, 1)
	present("b", e.now.Add(time.Second), 2)
	present("a", e.now.Add(15*time.Second), 2)
	present("a", e.now.Add(16*time.Second), 1) // b's time is over
	present("b", e.now.Add(16*time.Second), 2)
	e.must(e.Absent(e.ctx, "a"))
	e.must(e.Absent(e.ctx, "a"))
	present("b", e.now.Add(17*time.Second), 1)
}
