package access_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/access"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/policy"
	"github.com/gatehouse-auth/gatehouse/storage"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

const issuer = authz.IssuerName("uptimepulse")

var scopes = []string{"openid", "profile", "monitor:read", "monitor:write"}

// onBoth runs a test on each database.
func onBoth(t *testing.T, run func(*testing.T, storage.Config)) {
	t.Run("sqlite", func(t *testing.T) {
		run(t, storage.Config{Driver: storage.SQLite, Path: storagetest.SQLite(t), Synchronous: "normal"})
	})
	t.Run("postgres", func(t *testing.T) {
		run(t, storage.Config{Driver: storage.Postgres, DSN: storagetest.PostgresWithSchema(t)})
	})
}

// node is one process of several on one database.
type node struct {
	*access.Access
	store  *storage.Store
	epochs *credential.Epochs
	reads  int // statements of the hot path
}

func newNode(t *testing.T, cfg storage.Config) *node {
	t.Helper()
	n := &node{epochs: credential.NewEpochs()}
	cfg.Clock, cfg.AutoMigrate, cfg.OnMoved, cfg.Observe = authz.SystemClock{}, true, n.epochs.Bump, func(string) { n.reads++ }
	var err error
	if n.store, err = storage.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.store.Close() })
	n.Access = n.on(t)
	return n
}

// on is conditional access on the node's store and epochs, remembering nothing.
func (n *node) on(t *testing.T) *access.Access {
	t.Helper()
	outbox, err := event.NewOutbox(issuer, n.store, []string{"sink"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := access.New(access.Config{
		Issuer: issuer, Store: n.store, Outbox: outbox, Clock: authz.SystemClock{}, Epochs: n.epochs, Lease: credential.ForeverLease(),
		Scopes: known, Retention: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// known are the scopes that rules may name.
func known(context.Context) (*authz.Scopes, error) {
	var list []authz.Scope
	for _, name := range scopes {
		list = append(list, authz.Scope{Kind: authz.ClientScope, Name: name})
	}
	return authz.NewScopes(list, authz.ScopesVersion{}), nil
}

var operator = authz.Principal{Issuer: issuer, Subject: "sa_operator", Scopes: []string{access.ScopeManagePolicies}}

func (n *node) workspace(t *testing.T) authz.WorkspaceID {
	t.Helper()
	now := time.Now()
	account := authz.Account{ID: authz.NewAccountID(), Issuer: issuer, Name: "Acme", State: authz.Active, CreatedAt: now}
	ws := authz.Workspace{ID: authz.NewWorkspaceID(), Issuer: issuer, AccountID: account.ID, Name: "Acme", State: authz.Active, CreatedAt: now, UpdatedAt: now}
	for _, err := range []error{n.store.CreateAccount(t.Context(), account), n.store.CreateWorkspace(t.Context(), ws)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return ws.ID
}

// put puts rules in force, whatever was before.
func (n *node) put(t *testing.T, ws authz.WorkspaceID, rules string) authz.Policy {
	t.Helper()
	draft := access.Draft{Rules: json.RawMessage(rules)}
	p, _, err := n.Create(t.Context(), operator, ws, draft)
	if authz.CodeOf(err) == "conflict" {
		if p, err = n.store.PolicyOf(t.Context(), issuer, ws); err == nil {
			p, _, err = n.Publish(t.Context(), operator, p.ID, p.Revision, draft)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (n *node) decide(t *testing.T, ws authz.WorkspaceID, asked ...string) authz.AccessDecision {
	t.Helper()
	ctx := authz.WithOrigin(t.Context(), authz.Origin{IP: "192.0.2.1"})
	d, err := n.Decide(ctx, authz.AccessRequest{
		Place: authz.AtToken, Grant: authz.Grant{WorkspaceID: ws, UserID: "usr_1", ClientID: "cl_1"}, GrantType: authz.GrantAuthorizationCode, Scopes: asked,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const deny = `[{"id":"r","name":"r","state":"on","then":{"deny":true}}]`

func TestS25_AChangeCountsAtTheNextDecisionOfEveryNode(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg storage.Config) {
		here := newNode(t, cfg)
		ws := here.workspace(t)
		there := here
		if cfg.Driver == storage.Postgres { // SQLite is one process
			there = newNode(t, cfg)
		}
		_, pos, err := there.store.NodeEventsSince(t.Context(), storage.EventPosition{})
		if err != nil {
			t.Fatal(err)
		}
		hears := func() {
			t.Helper()
			moved, next, err := there.store.NodeEventsSince(t.Context(), pos)
			if err != nil {
				t.Fatal(err)
			}
			pos = next
			if there != here {
				there.epochs.Bump(moved)
			}
		}
		allowed := func(when string, want bool) {
			t.Helper()
			for _, n := range []*node{here, there} {
				if got := n.decide(t, ws, "openid").Refusal == nil; got != want {
					t.Errorf("%s: allowed %v", when, got)
				}
			}
		}
		allowed("before", true)
		p := here.put(t, ws, deny)
		hears()
		allowed("after", false)
		here.put(t, ws, `[]`)
		hears()
		allowed("taken back", true)
		if _, _, err := here.Rollback(t.Context(), operator, p.ID, 0, 0); err != nil {
			t.Fatal(err)
		}
		hears()
		allowed("rolled back", false)
	})
}

func TestAWorkspaceWithoutRulesCostsNoQuery(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg storage.Config) {
		n := newNode(t, cfg)
		ws := n.workspace(t)
		n.decide(t, ws, "openid")
		n.reads = 0
		for range 100 {
			if d := n.decide(t, ws, "openid"); d.ID != "" || d.Record != nil {
				t.Fatalf("%+v", d)
			}
		}
		if n.reads != 0 {
			t.Errorf("%d statements", n.reads)
		}
	})
}

func TestS25_WhatCannotBeReadAllowsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg storage.Config) {
		n := newNode(t, cfg)
		ws := n.workspace(t)
		// Rules of a release to come, or a row that somebody edited.
		p := authz.Policy{ID: authz.NewPolicyID(), Issuer: issuer, WorkspaceID: ws, Version: 1, Latest: 1, Revision: 1}
		v := authz.PolicyVersion{PolicyID: p.ID, Issuer: issuer, WorkspaceID: ws, Version: 1, Rules: json.RawMessage(`[{"when":{"unheard_of":1}}]`)}
		if err := n.store.CreatePolicy(t.Context(), p, v); err != nil {
			t.Fatal(err)
		}
		if d := n.decide(t, ws, "openid"); authz.CodeOf(d.Refusal) != "access_denied" || len(d.Scopes) != 0 || d.Record == nil {
			t.Errorf("%+v", d)
		}
		if w := n.workspace(t); n.decide(t, w, "openid").Refusal != nil {
			t.Error("another workspace was denied")
		}
		// A database that is away allows nothing either.
		fresh := n.on(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := fresh.Decide(ctx, authz.AccessRequest{Grant: authz.Grant{WorkspaceID: ws}, Scopes: scopes}); err == nil {
			t.Error("nobody knew, and it was allowed")
		}
	})
}

// dice makes rule sets of everything a rule can say.
func dice(r *rand.Rand) string {
	some := func(list ...string) string {
		list = slices.Clone(list)
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		text, _ := json.Marshal(list[:1+r.IntN(len(list))])
		return string(text)
	}
	pick := func(parts ...string) string {
		var chosen []string
		for _, p := range parts {
			if r.IntN(3) == 0 {
				chosen = append(chosen, p)
			}
		}
		return "{" + strings.Join(chosen, ",") + "}"
	}
	rules := make([]string, 1+r.IntN(4))
	for i := range rules {
		then := pick(`"remove_scopes":`+some(scopes...), `"allow_only_scopes":`+some(scopes...), fmt.Sprintf(`"access_ttl_max":%d`, 1+r.IntN(9000)),
			fmt.Sprintf(`"refresh_ttl_max":%d`, 1+r.IntN(9_000_000)), `"step_up":{"mfa":"proven"}`)
		if then == "{}" || r.IntN(12) == 0 {
			then = `{"deny":true}`
		}
		rules[i] = fmt.Sprintf(`{"id":"r%d","name":"n","state":%q,"match":%s,"when":%s,"then":%s}`, i, []string{"on", "on", "on", "report_only", "off"}[r.IntN(5)],
			pick(`"scopes":`+some(scopes...), `"grants":["authorization_code"]`, `"groups":["ops"]`, `"roles":["member"]`),
			pick(`"ip_in":["192.0.2.0/24"]`, `"ip_not_in":["10.0.0.0/8"]`, `"mfa":{"evidence":["none"]}`, `"regions_not_in":["DE"]`, `"risk":["unknown"]`, `"environments":["live"]`), then)
	}
	return "[" + strings.Join(rules, ",") + "]"
}

// TestNoPolicyEverWidensAnything is the property: whatever rules a workspace has
// and the operator adds, scopes and lifetimes are at most what they were.
func TestNoPolicyEverWidensAnything(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg storage.Config) {
		n := newNode(t, cfg)
		ws := n.workspace(t)
		r := rand.New(rand.NewPCG(1, 2))
		n.put(t, "", `[]`)
		for range 150 {
			n.put(t, "", `[]`)
			own := dice(r)
			n.put(t, ws, own)
			asked := scopes[:1+r.IntN(len(scopes))]
			alone := n.decide(t, ws, asked...)
			operators := dice(r)
			n.put(t, "", operators)
			both := n.decide(t, ws, asked...)
			within := func(d authz.AccessDecision, limit []string) bool {
				return !slices.ContainsFunc(d.Scopes, func(s string) bool { return !slices.Contains(limit, s) })
			}
			shorter := func(a, b time.Duration) bool { return b == 0 || a > 0 && a <= b }
			switch {
			case !within(alone, asked), alone.Refusal != nil && len(alone.Scopes) > 0:
				t.Fatalf("rules %s gave %v of %v", own, alone.Scopes, asked)
			case alone.Refusal != nil && both.Refusal == nil, !within(both, alone.Scopes),
				!shorter(both.AccessTTL, alone.AccessTTL), !shorter(both.RefreshTTL, alone.RefreshTTL):
				t.Fatalf("more rules gave more: %s and %s: %+v, was %+v", own, operators, both, alone)
			}
		}
	})
}

func TestRegionsRiskAndRolesAreFacts(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg storage.Config) {
		n := newNode(t, cfg)
		ws := n.workspace(t)
		user := authz.User{ID: authz.NewUserID(), Issuer: issuer, State: authz.Active, CreatedAt: time.Now(), UpdatedAt: time.Now()}
		for _, err := range []error{
			n.store.CreateUser(t.Context(), user, authz.UpstreamIdentity{Issuer: issuer, ConnectionID: "con_1", Side: authz.OIDCSide, Subject: "s", UserID: user.ID}),
			n.store.AddMember(t.Context(), authz.Member{Issuer: issuer, WorkspaceID: ws, UserID: user.ID, Role: authz.RoleViewer, CreatedAt: time.Now()}),
			n.store.CreateRole(t.Context(), authz.Role{ID: "role_auditor", Issuer: issuer, WorkspaceID: ws, Name: "Auditor", Revision: 1, CreatedAt: time.Now(), UpdatedAt: time.Now()}),
			n.store.CreateRoleBinding(t.Context(), authz.RoleBinding{ID: "rb_1", Issuer: issuer, WorkspaceID: ws, Kind: authz.UserSubject, Subject: string(user.ID), Role: "role_auditor", Environment: authz.Live, CreatedAt: time.Now()}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		n.put(t, ws, `[{"id":"r","name":"r","state":"on","match":{"roles":["role_auditor"]},"then":{"allow_only_scopes":["monitor:read"]}}]`)
		d, err := n.Decide(t.Context(), authz.AccessRequest{Grant: authz.Grant{WorkspaceID: ws, UserID: user.ID, Environment: authz.Live}, Scopes: scopes})
		if err != nil || !slices.Equal(d.Scopes, []string{"monitor:read"}) {
			t.Errorf("%+v, %v", d, err)
		}
		if d := n.decide(t, ws, scopes...); len(d.Scopes) != len(scopes) {
			t.Errorf("somebody of another role: %+v", d)
		}
		elsewhere, err := n.Decide(t.Context(), authz.AccessRequest{Grant: authz.Grant{WorkspaceID: ws, UserID: user.ID, Environment: authz.Test}, Scopes: scopes})
		if err != nil || len(elsewhere.Scopes) != len(scopes) {
			t.Errorf("a role of production in the sandbox: %+v, %v", elsewhere, err)
		}
		bad := access.Draft{Rules: json.RawMessage(`[{"id":"r","name":"r","state":"on","match":{"roles":["role_none"]},"then":{"deny":true}}]`)}
		if _, _, err := n.Create(t.Context(), operator, n.workspace(t), bad); !strings.Contains(fmt.Sprint(err), "rules[0].match.roles[0]: does not exist") {
			t.Errorf("a role nobody has: %v", err)
		}
		var asked policy.Request
		if err := json.Unmarshal(d.Record.Request, &asked); err != nil || !slices.Equal(asked.Facts.Roles, []string{"viewer", "role_auditor"}) {
			t.Errorf("recorded %s, %v", d.Record.Request, err)
		}
	})
}

// A sign-in that stands in for another administers nothing before its person has
// proven a factor of ours, with rules and without.
func TestFB_AFallbackAloneAdministersNothing(t *testing.T) {
	n := newNode(t, storage.Config{Driver: storage.SQLite, Path: storagetest.SQLite(t), Synchronous: "normal"})
	ws := n.workspace(t)
	for _, rules := range []string{"", `[{"id":"r","name":"r","state":"on","then":{"remove_scopes":["profile"]}}]`} {
		if rules != "" {
			n.put(t, ws, rules)
		}
		for name, of := range map[string]struct {
			signIn authz.SignIn
			want   []string
		}{
			"the usual side":                    {authz.SignIn{}, []string{"monitor:read", "admin:billing"}},
			"a fallback":                        {authz.SignIn{Fallback: true, MFA: authz.MFAProven}, []string{"monitor:read"}},
			"a fallback and a factor of theirs": {authz.SignIn{Fallback: true, MFA: authz.MFAProven, Local: "totp"}, []string{"monitor:read", "admin:billing"}},
		} {
			asked := []string{"monitor:read", "admin:billing"}
			d, err := n.Decide(t.Context(), authz.AccessRequest{Place: authz.AtToken, Grant: authz.Grant{WorkspaceID: ws, UserID: "usr_1", SignIn: of.signIn}, Scopes: asked})
			if err != nil || !slices.Equal(d.Scopes, of.want) {
				t.Errorf("%s: %v, %v", name, d.Scopes, err)
			}
			if asked[1] != "admin:billing" {
				t.Fatal("what was asked for is another list now")
			}
		}
	}
}
