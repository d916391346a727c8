package storagetest

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
)

func (e *env) policy(ws authz.WorkspaceID) (authz.Policy, authz.PolicyVersion) {
	p := authz.Policy{
		ID: authz.NewPolicyID(), Issuer: e.issuer, WorkspaceID: ws, Version: 1, Latest: 1, Revision: 1, CreatedAt: e.now, UpdatedAt: e.now, UpdatedBy: "key_1",
	}
	return p, e.rules(p, 1)
}

func (e *env) rules(p authz.Policy, version int64) authz.PolicyVersion {
	return authz.PolicyVersion{
		PolicyID: p.ID, Issuer: e.issuer, WorkspaceID: p.WorkspaceID, Version: version, Rules: json.RawMessage(`[{"id":"r1"}]`), Count: 1,
		Note: "first ✓", CreatedBy: "key_1", CreatedAt: e.now,
	}
}

func testPolicies(e *env) {
	x := e.tenant()
	_, _, err := e.RulesInForce(e.ctx, e.issuer, x.workspace.ID)
	e.is(err, authz.ErrNotFound)
	p, first := e.policy(x.workspace.ID)
	e.must(e.CreatePolicy(e.ctx, p, first))
	again, other := e.policy(x.workspace.ID)
	e.is(e.CreatePolicy(e.ctx, again, other), authz.ErrConflict)

	second := e.rules(p, 0)
	second.Rules, second.CreatedAt = json.RawMessage(`[]`), e.now.Add(time.Minute)
	second.Count = 0
	published := p
	published.UpdatedAt, published.UpdatedBy = e.now.Add(time.Minute), "key_2"
	e.must(e.PublishPolicy(e.ctx, published, second))
	e.is(e.PublishPolicy(e.ctx, published, second), authz.ErrStale)
	second.Version = 2
	want := published
	want.Version, want.Latest, want.Revision = 2, 2, 2
	got, err := e.PolicyOf(e.ctx, e.issuer, x.workspace.ID)
	e.must(err)
	e.same(got, want)
	version, rules, err := e.RulesInForce(e.ctx, e.issuer, x.workspace.ID)
	e.must(err)
	e.same(version, int64(2))
	e.same(string(rules), `[]`)

	// Back, and on: numbers are never given twice.
	back := got
	back.Version = 1
	e.must(e.ActivatePolicy(e.ctx, back))
	e.is(e.ActivatePolicy(e.ctx, back), authz.ErrStale)
	got, err = e.GetPolicy(e.ctx, e.issuer, x.workspace.ID, p.ID)
	e.must(err)
	want.Version, want.Revision = 1, 3
	e.same(got, want)
	missing := got
	missing.Version = 7
	e.is(e.ActivatePolicy(e.ctx, missing), authz.ErrNotFound)
	e.must(e.PublishPolicy(e.ctx, got, e.rules(p, 0)))
	kept, err := e.GetPolicyVersion(e.ctx, e.issuer, x.workspace.ID, 2)
	e.must(err)
	e.same(kept, second)
	listed, err := e.ListPolicyVersions(e.ctx, e.issuer, x.workspace.ID, 3, 10)
	e.must(err)
	second.Rules, first.Rules = nil, nil
	e.same(listed, []authz.PolicyVersion{second, first})

	e.foreignPolicies(p, second)
}

// foreignPolicies looks for a policy of which three versions were given where it
// is, and where there is nothing.
func (e *env) foreignPolicies(p authz.Policy, second authz.PolicyVersion) {
	e.Helper()
	all, err := e.ListPoliciesAcrossWorkspaces(e.ctx, e.issuer, authz.Page{})
	e.must(err)
	if len(all) != 1 || all[0].ID != p.ID || all[0].Latest != 3 {
		e.Fatalf("listed %+v", all)
	}
	_, err = e.GetPolicy(e.ctx, e.issuer, "ws_other", p.ID)
	e.is(err, authz.ErrNotFound)
	_, err = e.GetPolicyAcrossWorkspaces(e.ctx, "other", p.ID)
	e.is(err, authz.ErrNotFound)
	_, err = e.GetPolicyVersion(e.ctx, e.issuer, "ws_other", 1)
	e.is(err, authz.ErrNotFound)
	foreign := all[0]
	foreign.WorkspaceID = "ws_other"
	e.is(e.PublishPolicy(e.ctx, foreign, second), authz.ErrStale)
}

// Two administrators who read the same rules do not both put theirs in force.
func testPolicyRace(e *env) {
	x := e.tenant()
	p, first := e.policy(x.workspace.ID)
	e.must(e.CreatePolicy(e.ctx, p, first))
	for range rounds() {
		read, err := e.PolicyOf(e.ctx, e.issuer, x.workspace.ID)
		e.must(err)
		var all sync.WaitGroup
		errs := make([]error, 4)
		for n := range errs {
			all.Go(func() { errs[n] = e.PublishPolicy(e.ctx, read, e.rules(p, 0)) })
		}
		all.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			e.is(err, authz.ErrStale)
		}
		e.same(won, 1)
	}
}

// What is remembered of a workspace's rules is old the moment they change.
func testPolicyEvents(e *env) {
	x := e.tenant()
	_, pos, err := e.NodeEventsSince(e.ctx, storage.EventPosition{})
	e.must(err)
	p, first := e.policy(x.workspace.ID)
	e.must(e.CreatePolicy(e.ctx, p, first))
	e.must(e.PublishPolicy(e.ctx, p, e.rules(p, 0)))
	p.Revision, p.Version = 2, 1
	e.must(e.ActivatePolicy(e.ctx, p))
	refs, _, err := e.NodeEventsSince(e.ctx, pos)
	e.must(err)
	told := 0
	for _, ref := range refs {
		if ref == authz.PolicyRef(e.issuer, x.workspace.ID) {
			told++
		}
	}
	e.same(told, 3)
}

func (e *env) decision(ws authz.WorkspaceID, at time.Time) authz.PolicyDecision {
	return authz.PolicyDecision{
		ID: authz.NewID("dec"), Issuer: e.issuer, WorkspaceID: ws, Time: at, Place: authz.AtRefresh, Outcome: "allowed", Changed: true,
		ClientID: "cl_1", Subject: "usr_1", GrantID: "gr_1", OperatorVersion: 1, Version: 2,
		Request: json.RawMessage(`{"scopes":["a"]}`), Result: json.RawMessage(`{"scopes":[]}`), ExpiresAt: at.Add(time.Hour),
	}
}

func testDecisions(e *env) {
	x := e.tenant()
	older, newer := e.decision(x.workspace.ID, e.now), e.decision(x.workspace.ID, e.now.Add(time.Minute))
	e.must(e.RecordDecision(e.ctx, older))
	e.must(e.RecordDecision(e.ctx, newer))
	got, err := e.GetDecision(e.ctx, e.issuer, x.workspace.ID, older.ID)
	e.must(err)
	e.same(got, older)
	_, err = e.GetDecision(e.ctx, e.issuer, "ws_other", older.ID)
	e.is(err, authz.ErrNotFound)
	_, err = e.GetDecisionAcrossWorkspaces(e.ctx, "other", older.ID)
	e.is(err, authz.ErrNotFound)
	list, err := e.ListDecisions(e.ctx, e.issuer, x.workspace.ID, authz.Page{})
	e.must(err)
	e.same(list, []authz.PolicyDecision{newer, older})
	list, err = e.ListDecisions(e.ctx, e.issuer, x.workspace.ID, authz.Page{After: authz.Position{CreatedAt: newer.Time, ID: newer.ID}})
	e.must(err)
	e.same(list, []authz.PolicyDecision{older})

	// They go with their time.
	_, err = e.DeleteExpiredAcrossWorkspaces(e.ctx, older.ExpiresAt, 1000)
	e.must(err)
	_, err = e.GetDecision(e.ctx, e.issuer, x.workspace.ID, older.ID)
	e.is(err, authz.ErrNotFound)
	_, err = e.GetDecision(e.ctx, e.issuer, x.workspace.ID, newer.ID)
	e.must(err)
}

// A decision is there exactly when what was decided on is.
func testIssuedDecision(e *env) {
	x := e.tenant()
	g := e.granted(e.personal(x))
	old := e.refreshToken(g)
	issue := func() (authz.Issuance, authz.PolicyDecision) {
		d := e.decision(x.workspace.ID, e.now)
		next := old
		next.Digest = randomDigest()
		return authz.Issuance{
			Issuer: e.issuer, Rotation: &authz.Rotation{Digest: old.Digest, Successor: next.Digest, Sealed: []byte("s"), At: e.now},
			Access:  authz.AccessToken{Digest: randomDigest(), Issuer: e.issuer, GrantID: g.ID, JTI: authz.NewID("jti"), State: authz.Active, IssuedAt: e.now, ExpiresAt: e.now.Add(time.Hour)},
			Refresh: &next, Audit: authz.AuditEntry{Issuer: e.issuer, WorkspaceID: x.workspace.ID, Type: "token.issued", Result: authz.Success}, Decision: &d,
		}, d
	}
	first, decision := issue()
	e.must(e.Issue(e.ctx, first))
	got, err := e.GetDecision(e.ctx, e.issuer, x.workspace.ID, decision.ID)
	e.must(err)
	e.same(got, decision)
	late, lost := issue()
	e.is(e.Issue(e.ctx, late), authz.ErrConsumed)
	_, err = e.GetDecision(e.ctx, e.issuer, x.workspace.ID, lost.ID)
	e.is(err, authz.ErrNotFound)
	// Alone, as an exchange is written.
	alone, decided := issue()
	alone.Rotation, alone.Refresh = nil, nil
	e.must(e.InTx(e.ctx, func(ctx context.Context) error { return e.Issue(ctx, alone) }))
	_, err = e.GetDecision(e.ctx, e.issuer, x.workspace.ID, decided.ID)
	e.must(err)
}

func testNamedByPolicy(e *env) {
	x, y := e.tenant(), e.tenant()
	platform := e.client("")
	e.must(e.CreateClient(e.ctx, platform, nil))
	clients := []string{string(x.client.ID), string(y.client.ID), string(platform.ID), "cl_none"}
	connections := []string{string(x.connection.ID), string(y.connection.ID)}
	found, err := e.NamedByPolicy(e.ctx, e.issuer, x.workspace.ID, clients, connections)
	e.must(err)
	e.same(found, map[string]bool{string(x.client.ID): true, string(platform.ID): true, string(x.connection.ID): true})
	found, err = e.NamedByPolicy(e.ctx, e.issuer, "", clients, connections)
	e.must(err)
	e.same(len(found), 5)
}
