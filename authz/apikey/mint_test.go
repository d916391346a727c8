package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
)

// U24: how often keys are made in a workspace is bounded; another one is not held
// up, and nothing is written, hashed or counted for who may not mint.
func TestU24_HowOftenKeysAreMadeInAWorkspaceIsBounded(t *testing.T) {
	h := newHouse(t)
	cfg := h.config(up, "up")
	cfg.Creations = must(ratelimit.New(ratelimit.Config{PerSecond: 0.1, Burst: 3, Clock: h.clock}))(t)
	keys := must(apikey.New(cfg))(t)
	mint := func(by authz.Principal, ws authz.WorkspaceID) error {
		_, _, err := keys.Mint(t.Context(), by, origin, h.request(func(r *apikey.Request) { r.WorkspaceID = ws }))
		return err
	}
	for range 5 {
		refused(t, "who may not", mint(authz.Principal{Issuer: up, WorkspaceID: h.ws.ID, Scopes: []string{"manage:keys"}}, h.ws.ID), authz.Forbidden, "issuing_delegation_required")
	}
	for range 3 {
		h.check(mint(h.operator, h.ws.ID))
	}
	before := h.rows("api_keys")
	err := mint(h.operator, h.ws.ID)
	refused(t, "the fourth", err, authz.RateLimited, "rate_limited")
	if e, ok := errors.AsType[*authz.Error](err); !ok || e.RetryAfter < 8*time.Second || e.RetryAfter > 10*time.Second {
		t.Errorf("%v says when to come back", err)
	}
	if n := h.rows("api_keys"); n != before {
		t.Errorf("%d keys were made", n-before)
	}
	h.check(mint(h.operator, h.neighbour.ID))
	h.clock.Advance(10 * time.Second)
	h.check(mint(h.operator, h.ws.ID))
}

func TestU1_U2_U7_U8_AMintedKeyWorksAtOnceAndIsBoundToItsWorkspace(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint(func(r *apikey.Request) {
		r.Scopes = []string{"monitor:read", "alert:read"}
		r.Resources = authz.Resources{Clusters: []string{"eu-1"}}
		r.IPAllowlist = []string{"192.0.2.77/24", "2001:DB8::1/32"}
		r.ExpiresAt = h.clock.Now().Add(time.Hour)
	})
	got, lineage, err := h.keys.Authenticate(t.Context(), text)
	h.check(err)
	if got.ID != key.ID || got.WorkspaceID != h.ws.ID || got.AccountID != h.ws.AccountID || got.Environment != authz.Live {
		t.Errorf("authenticates as %+v", got)
	}
	if !slices.Equal(got.Scopes, []string{"monitor:read", "alert:read"}) || !slices.Equal(got.Resources.Clusters, []string{"eu-1"}) {
		t.Errorf("scopes %v, resources %+v", got.Scopes, got.Resources)
	}
	if !slices.Equal(got.IPAllowlist, []string{"192.0.2.0/24", "2001:db8::/32"}) || got.Tier != "standard" || got.CreatedBy != h.operator.Subject {
		t.Errorf("allow-list %v, tier %s, created by %s", got.IPAllowlist, got.Tier, got.CreatedBy)
	}
	for _, kind := range []authz.NodeKind{authz.AccountNode, authz.WorkspaceNode, authz.ServiceAccountNode, authz.APIKeyNode} {
		if !slices.ContainsFunc(lineage, func(n authz.Node) bool { return n.Kind == kind }) {
			t.Errorf("no %s among the ancestors", kind)
		}
	}
	h.clock.Advance(time.Hour)
	_, _, err = h.keys.Authenticate(t.Context(), text)
	refused(t, "expired", err, authz.Unauthenticated, "invalid_token")
}

func TestU6_S3_TheTextIsNowhereButInTheAnswer(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint()
	if key.Hash != "" {
		t.Error("the hash left the package")
	}
	stored, _, err := h.store.GetAPIKeyAcrossWorkspaces(t.Context(), up, key.ID)
	h.check(err)
	if !strings.HasPrefix(stored.Hash, "$argon2id$v=19$m=") {
		t.Errorf("stored as %q", stored.Hash)
	}
	if key.Prefix != text.Reveal()[:24] || key.Last4 != text.Reveal()[68:] {
		t.Errorf("shown as %s…%s", key.Prefix, key.Last4)
	}
	for _, file := range []string{h.path, h.path + "-wal"} {
		content, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if strings.Contains(string(content), text.Reveal()[24:60]) {
			t.Errorf("the secret stands in %s", file)
		}
	}
}

func TestS36_AKeyItsAuditEntryAndItsEventAreOneAct(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint()
	entries, events := h.entries(h.ws.ID, "api_key.created"), h.events("api_key.created")
	if len(entries) != 1 || len(events) != 2 { // the operator's key has one too
		t.Fatalf("%d audit entries, %d events", len(entries), len(events))
	}
	e := entries[0]
	if e.Target != string(key.ID) || e.Actor != h.operator.Subject || e.AccountID != h.ws.AccountID || e.IP != origin.IP ||
		e.RequestID != origin.RequestID || e.Result != authz.Success || e.Details["actor_key_id"] != string(h.operator.KeyID) {
		t.Errorf("audit entry %+v", e)
	}
	body := string(events[1].Body)
	if events[1].WorkspaceID != h.ws.ID || !strings.Contains(body, `"key_id":"`+string(key.ID)+`"`) || strings.Contains(body, text.Reveal()[24:60]) {
		t.Errorf("event %s", body)
	}
}

// silentOutbox is an outbox that cannot be written.
type silentOutbox struct{}

func (silentOutbox) Append(context.Context, authz.WorkspaceID, string, time.Time, any) error {
	return errors.New("no room")
}

func TestAKeyThatCannotBeToldOfIsNotMinted(t *testing.T) {
	h := newHouse(t)
	cfg := h.config(up, "up")
	cfg.Outbox = silentOutbox{}
	keys := must(apikey.New(cfg))(t)
	if _, text, err := keys.Mint(t.Context(), h.operator, origin, h.request()); err == nil || text != "" {
		t.Fatalf("minted, %v", err)
	}
	left, err := h.keys.List(t.Context(), h.operator, h.ws.ID, authz.KeyFilter{}, authz.Page{})
	h.check(err)
	if len(left) != 0 || len(h.entries(h.ws.ID, "api_key.created")) != 0 {
		t.Error("something is left of it")
	}
}

func TestU5_AK_10_AFaultNamesItsMemberAndDoesNotQuoteIt(t *testing.T) {
	h := newHouse(t)
	const odd = "zzz-odd-value"
	for i, c := range []struct {
		member string
		change func(*apikey.Request)
	}{
		{"name", func(r *apikey.Request) { r.Name = "  " }},
		{"name", func(r *apikey.Request) { r.Name = odd + "\r\nSet-Cookie: a" }},
		{"name", func(r *apikey.Request) { r.Name = strings.Repeat("é", 101) }},
		{"name", func(r *apikey.Request) { r.Name = odd + "\xff" }},
		{"workspace_id", func(r *apikey.Request) { r.WorkspaceID = "" }},
		{"environment", func(r *apikey.Request) { r.Environment = odd }},
		{"environment", func(r *apikey.Request) { r.Environment = "" }},
		{"scopes", func(r *apikey.Request) { r.Scopes = nil }},
		{"scopes", func(r *apikey.Request) { r.Scopes = []string{odd} }},
		{"scopes", func(r *apikey.Request) { r.Scopes = []string{"*"} }},
		{"scopes", func(r *apikey.Request) { r.Scopes = []string{"monitor:*"} }},
		{"scopes", func(r *apikey.Request) { r.Scopes = []string{"monitor:read", "monitor:read"} }},
		{"scopes", func(r *apikey.Request) { r.Scopes = []string{"monitor:read alert:read"} }},
		{"scopes", func(r *apikey.Request) { r.Scopes = []string{"admin:all"} }},
		{"scopes", func(r *apikey.Request) { r.Scopes = []string{"people:vote"} }},
		{"scopes", func(r *apikey.Request) { r.Scopes = make([]string, 65) }},
		{"service_account_id", func(r *apikey.Request) { r.ServiceAccountID = authz.ServiceAccountID(strings.Repeat("s", 200)) }},
		{"resources.clusters", func(r *apikey.Request) { r.Resources.Clusters = []string{""} }},
		{"resources.check_groups", func(r *apikey.Request) { r.Resources.CheckGroups = []string{odd + "<"} }},
		{"resources.alert_routes", func(r *apikey.Request) { r.Resources.AlertRoutes = slices.Repeat([]string{"a"}, 101) }},
		{"ip_allowlist", func(r *apikey.Request) { r.IPAllowlist = []string{odd} }},
		{"ip_allowlist", func(r *apikey.Request) { r.IPAllowlist = []string{"192.0.2.1"} }},
		{"ip_allowlist", func(r *apikey.Request) { r.IPAllowlist = []string{"::ffff:192.0.2.0/120"} }},
		{"ip_allowlist", func(r *apikey.Request) { r.IPAllowlist = []string{"fe80::1%eth0/64"} }},
		{"ip_allowlist", func(r *apikey.Request) { r.IPAllowlist = slices.Repeat([]string{"192.0.2.0/24"}, 65) }},
		{"expires_at", func(r *apikey.Request) { r.ExpiresAt = h.clock.Now() }},
		{"tier", func(r *apikey.Request) { r.Tier = odd }},
		{"delegation.scopes", func(r *apikey.Request) { r.Delegation = &authz.Delegation{ExpiresAt: h.clock.Now().Add(time.Hour)} }},
		{"delegation.scopes", func(r *apikey.Request) {
			r.Delegation = &authz.Delegation{Scopes: []string{"*"}, ExpiresAt: h.clock.Now().Add(time.Hour)}
		}},
		{"delegation.expires_at", func(r *apikey.Request) { r.Delegation = &authz.Delegation{Scopes: []string{"monitor:read"}} }},
		{"delegation.expires_at", func(r *apikey.Request) {
			r.Delegation = &authz.Delegation{Scopes: []string{"monitor:read"}, ExpiresAt: h.clock.Now().Add(91 * 24 * time.Hour)}
		}},
		{"delegation.workspaces", func(r *apikey.Request) {
			r.Delegation = &authz.Delegation{
				Scopes: []string{"monitor:read"}, ExpiresAt: h.clock.Now().Add(time.Hour), Workspaces: []authz.WorkspaceID{h.neighbour.ID},
			}
		}},
	} {
		_, _, err := h.keys.Mint(t.Context(), h.operator, origin, h.request(c.change))
		refused(t, fmt.Sprintf("case %d, %s", i, c.member), err, authz.Invalid, "invalid_request", odd)
		if e, ok := errors.AsType[*authz.Error](err); ok && !strings.HasPrefix(e.Description, c.member+": ") {
			t.Errorf("case %d names %q, want %s", i, e.Description, c.member)
		}
	}
	if left, err := h.keys.List(t.Context(), h.operator, h.ws.ID, authz.KeyFilter{}, authz.Page{}); err != nil || len(left) != 0 {
		t.Errorf("%d keys minted, %v", len(left), err)
	}
}

func TestAK_17_WhoCarriesNoLiveDelegationMintsNothing(t *testing.T) {
	h := newHouse(t)
	_, text := h.mint(func(r *apikey.Request) { r.Scopes = []string{"manage:keys", "monitor:read"} })
	plain := h.principal(text)
	_, _, err := h.keys.Mint(t.Context(), plain, origin, h.request())
	refused(t, "none", err, authz.Forbidden, "issuing_delegation_required")

	foreign := h.issuing("monitor:read")
	foreign.Issuer = sp
	_, _, err = h.keys.Mint(t.Context(), foreign, origin, h.request())
	refused(t, "of another issuer", err, authz.Forbidden, "issuing_delegation_required")

	ending, _ := h.newOperator(h.clock.Now().Add(24 * time.Hour))
	h.clock.Advance(24*time.Hour - time.Second)
	_, _, err = h.keys.Mint(t.Context(), ending, origin, h.request())
	h.check(err)
	h.clock.Advance(time.Second)
	_, _, err = h.keys.Mint(t.Context(), ending, origin, h.request())
	refused(t, "ended", err, authz.Forbidden, "issuing_delegation_required")
}

func TestTN_01_AForeignWorkspaceIsOneThatIsNotThere(t *testing.T) {
	h := newHouse(t)
	local := h.issuing("monitor:read")
	for name, c := range map[string]struct {
		by authz.Principal
		ws authz.WorkspaceID
	}{
		"unknown to the operator":       {h.operator, authz.NewWorkspaceID()},
		"of another issuer":             {h.operator, h.foreign.ID},
		"unknown to a workspace's key":  {local, authz.NewWorkspaceID()},
		"a neighbour of a key's":        {local, h.neighbour.ID},
		"another issuer's, a local key": {local, h.foreign.ID},
	} {
		_, _, err := h.keys.Mint(t.Context(), c.by, origin, h.request(func(r *apikey.Request) { r.WorkspaceID = c.ws }))
		if !errors.Is(err, authz.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAWorkspaceThatDoesNotStandGetsNoKeys(t *testing.T) {
	h := newHouse(t)
	kill := func(kind authz.NodeKind, id string, ws authz.WorkspaceID, to authz.State) {
		_, err := h.store.KillNode(t.Context(), up, ws, authz.NodeRef{Kind: kind, ID: id}, to)
		h.check(err)
	}
	in := func(ws authz.Workspace) error {
		_, _, err := h.keys.Mint(t.Context(), h.operator, origin, h.request(func(r *apikey.Request) { r.WorkspaceID = ws.ID }))
		return err
	}
	kill(authz.WorkspaceNode, string(h.ws.ID), h.ws.ID, authz.Suspended)
	refused(t, "suspended", in(h.ws), authz.Conflict, "workspace_suspended")
	kill(authz.WorkspaceNode, string(h.ws.ID), h.ws.ID, authz.Deleted)
	refused(t, "deleted", in(h.ws), authz.NotFound, "not_found")
	kill(authz.AccountNode, string(h.neighbour.AccountID), "", authz.Suspended)
	refused(t, "account suspended", in(h.neighbour), authz.Conflict, "workspace_suspended")
}

// A key is of its workspace's tier, and nobody but the operator names another:
// neither a faster one nor, where the workspace's is slow, the default.
func TestI5_AKeyIsOfItsWorkspacesTier(t *testing.T) {
	h := newHouse(t)
	local := h.issuing("monitor:read")
	minted := func(by authz.Principal, named string) string {
		t.Helper()
		key, _, err := h.keys.Mint(t.Context(), by, origin, h.request(func(r *apikey.Request) { r.Tier = named }))
		if err != nil {
			return authz.CodeOf(err)
		}
		kept, _, err := h.store.GetAPIKeyAcrossWorkspaces(t.Context(), up, key.ID)
		h.check(err)
		if kept.Tier != key.Tier {
			t.Errorf("told %q, kept %q", key.Tier, kept.Tier)
		}
		return key.Tier
	}
	is := func(workspace string, want map[string]string) {
		t.Helper()
		h.ws.Tier, h.ws.UpdatedAt = workspace, h.clock.Now()
		h.check(h.store.UpdateWorkspace(t.Context(), h.ws))
		h.ws.Revision++
		for who, by := range map[string]authz.Principal{"operator": h.operator, "local": local} {
			for _, named := range []string{"", "standard", "bulk"} {
				if got := minted(by, named); got != want[who+named] {
					t.Errorf("in a workspace of %q, %s names %q: %q, want %q", workspace, who, named, got, want[who+named])
				}
			}
		}
	}
	h.ws.Revision = max(h.ws.Revision, 1)
	is("", map[string]string{
		"operator": "standard", "operatorstandard": "standard", "operatorbulk": "bulk", "local": "standard", "localstandard": "standard", "localbulk": "operator_required",
	})
	is("bulk", map[string]string{
		"operator": "bulk", "operatorstandard": "standard", "operatorbulk": "bulk", "local": "bulk", "localstandard": "operator_required", "localbulk": "bulk",
	})
	is("gone from the configuration", map[string]string{
		"operator": "standard", "operatorstandard": "standard", "operatorbulk": "bulk", "local": "standard", "localstandard": "standard", "localbulk": "operator_required",
	})
}

func TestAK_11_NobodyMintsWiderThanTheirDelegation(t *testing.T) {
	h := newHouse(t)
	local := h.issuing("monitor:read", "alert:read")
	cases := map[string]struct {
		by     authz.Principal
		change func(*apikey.Request)
		code   string
	}{
		"a scope not delegated": {local, func(r *apikey.Request) { r.Scopes = []string{"monitor:read", "monitor:write"} }, "issuing_delegation_exceeded"},
		"an explicit scope":     {local, func(r *apikey.Request) { r.Scopes = []string{"config:admin"} }, "issuing_delegation_exceeded"},
		"its own manage:keys":   {local, func(r *apikey.Request) { r.Scopes = []string{"manage:keys"} }, "issuing_delegation_exceeded"},
		"the other environment": {local, func(r *apikey.Request) { r.Environment = authz.Test }, "wrong_environment"},
		"a tier":                {local, func(r *apikey.Request) { r.Tier = "bulk" }, "operator_required"},
		"a delegation": {local, func(r *apikey.Request) {
			r.Delegation = &authz.Delegation{Scopes: []string{"monitor:read"}, ExpiresAt: h.clock.Now().Add(time.Minute)}
		}, "operator_required"},
	}
	starred := local
	starred.Delegation = &authz.Delegation{Issuer: up, Workspaces: []authz.WorkspaceID{h.ws.ID}, Scopes: []string{"*"}}
	cases["a star that is not the operator's"] = struct {
		by     authz.Principal
		change func(*apikey.Request)
		code   string
	}{starred, func(*apikey.Request) {}, "issuing_delegation_exceeded"}
	unbounded := local
	unbounded.Delegation = &authz.Delegation{Issuer: up, Scopes: []string{"monitor:read"}}
	cases["every workspace, by who is not the operator"] = struct {
		by     authz.Principal
		change func(*apikey.Request)
		code   string
	}{unbounded, func(*apikey.Request) {}, "issuing_delegation_exceeded"}
	ending, _ := h.newOperator(h.clock.Now().Add(time.Hour))
	cases["a delegation longer than its maker's"] = struct {
		by     authz.Principal
		change func(*apikey.Request)
		code   string
	}{ending, func(r *apikey.Request) {
		r.Delegation = &authz.Delegation{Scopes: []string{"monitor:read"}, ExpiresAt: h.clock.Now().Add(2 * time.Hour)}
	}, "issuing_delegation_exceeded"}
	for name, c := range cases {
		_, _, err := h.keys.Mint(t.Context(), c.by, origin, h.request(c.change))
		refused(t, name, err, authz.Forbidden, c.code)
	}
	if _, _, err := h.keys.Mint(t.Context(), local, origin, h.request()); err != nil {
		t.Errorf("within the delegation: %v", err)
	}
}

func TestDecision5_AnExplicitScopeIsGivenByWhoNamesItAndByTheOperator(t *testing.T) {
	h := newHouse(t)
	explicit := func(r *apikey.Request) { r.Scopes = []string{"config:admin"} }
	h.mint(explicit)
	_, _, err := h.keys.Mint(t.Context(), h.issuing("config:admin"), origin, h.request(explicit))
	h.check(err)
}

func TestNoRequestGetsMoreThanTheDelegationNames(t *testing.T) {
	h := newHouse(t)
	all := []string{"monitor:read", "monitor:write", "alert:read", "config:admin", "admin:all", "people:vote", "manage:keys", "*", "no:such"}
	some := func(r *rand.Rand) []string {
		return slices.DeleteFunc(slices.Clone(all), func(string) bool { return r.IntN(3) == 0 })
	}
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a repeatable test
	by, minted := h.issuing("monitor:read"), 0
	for range 400 {
		d := authz.Delegation{Issuer: up, Scopes: some(r), ExpiresAt: h.clock.Now().Add(time.Duration(r.IntN(3)-1) * time.Hour)}
		d.Workspaces = [][]authz.WorkspaceID{nil, {h.ws.ID}, {h.neighbour.ID}, {h.ws.ID, h.neighbour.ID}}[r.IntN(4)]
		by.Delegation = &d
		q := h.request(func(q *apikey.Request) {
			q.WorkspaceID = []authz.WorkspaceID{h.ws.ID, h.neighbour.ID}[r.IntN(2)]
			q.Scopes = some(r)[:1+r.IntN(2)]
		})
		key, _, err := h.keys.Mint(t.Context(), by, origin, q)
		if err != nil {
			continue
		}
		minted++
		beyond := func(s string) bool {
			return !slices.Contains(d.Scopes, s) || slices.Contains([]string{"*", "admin:all", "people:vote", "no:such"}, s)
		}
		if slices.ContainsFunc(key.Scopes, beyond) || key.WorkspaceID != h.ws.ID || !slices.Contains(d.Workspaces, h.ws.ID) || !d.ExpiresAt.After(h.clock.Now()) {
			t.Fatalf("delegation %+v minted %+v", d, key)
		}
	}
	if minted < 10 {
		t.Errorf("only %d requests were granted: the test tests nothing", minted)
	}
}

func TestAKeyMaySpeakForAServiceAccountOfItsWorkspace(t *testing.T) {
	h := newHouse(t)
	first, _ := h.mint()
	second, _ := h.mint(func(r *apikey.Request) { r.ServiceAccountID = first.ServiceAccountID })
	third, _ := h.mint()
	if second.ServiceAccountID != first.ServiceAccountID || third.ServiceAccountID == first.ServiceAccountID {
		t.Errorf("service accounts %s, %s, %s", first.ServiceAccountID, second.ServiceAccountID, third.ServiceAccountID)
	}
	named := func(ws authz.WorkspaceID, id authz.ServiceAccountID) error {
		_, _, err := h.keys.Mint(t.Context(), h.operator, origin, h.request(func(r *apikey.Request) {
			r.WorkspaceID, r.ServiceAccountID = ws, id
		}))
		return err
	}
	refused(t, "of a neighbour", named(h.neighbour.ID, first.ServiceAccountID), authz.NotFound, "not_found")
	refused(t, "unknown", named(h.ws.ID, authz.NewServiceAccountID()), authz.NotFound, "not_found")
	_, err := h.store.KillNode(t.Context(), up, h.ws.ID, authz.NodeRef{Kind: authz.ServiceAccountNode, ID: string(first.ServiceAccountID)}, authz.Disabled)
	h.check(err)
	refused(t, "disabled", named(h.ws.ID, first.ServiceAccountID), authz.Conflict, "service_account_disabled")
}

func TestTheOperatorKeyIsOfThePlatformAndMayManage(t *testing.T) {
	h := newHouse(t)
	p := h.operator
	if !p.Platform() || p.AccountID != "" || !slices.Equal(p.Scopes, []string{"manage:keys", "manage:clients", "manage:workspace"}) {
		t.Errorf("operator %+v", p)
	}
	if p.Delegation == nil || !p.Delegation.ExpiresAt.IsZero() || !slices.Equal(p.Delegation.Scopes, []string{"*"}) || len(p.Delegation.Workspaces) != 0 {
		t.Errorf("delegation %+v", p.Delegation)
	}
	_, _, err := h.keys.MintOperator(t.Context(), origin, apikey.OperatorRequest{Name: "x", Scopes: []string{"admin:all"}})
	refused(t, "admin:all", err, authz.Invalid, "invalid_request")
	_, _, err = h.keys.MintOperator(t.Context(), origin, apikey.OperatorRequest{Name: "x", DelegationEndsAt: h.clock.Now()})
	refused(t, "ended", err, authz.Invalid, "invalid_request")
}
