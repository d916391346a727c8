package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// explained is what would happen to somebody with the address: home, and the
// first way.
func (h *house) explained(email string) (whole, way map[string]any) {
	h.Helper()
	whole = h.done("POST", "/v1/connections:explain", `{"email":"`+email+`"}`)
	way = map[string]any{}
	if ways := whole["ways"].([]any); len(ways) > 0 {
		way = ways[0].(map[string]any)
	}
	return whole, way
}

func (h *house) explains(what, email string, home, side, because, outcome, reason any) {
	h.Helper()
	whole, way := h.explained(email)
	for member, want := range map[string]any{"side": side, "because": because, "outcome": outcome, "reason": reason} {
		if way[member] != want {
			h.Errorf("%s: %s is %v, want %v: %v", what, member, way[member], want, whole)
		}
	}
	if whole["home"] != home {
		h.Errorf("%s: home is %v, want %v", what, whole["home"], home)
	}
}

// What is foretold is what happens: each answer is held against a sign-in.
func TestExplain_WhatIsForetoldIsWhatHappens(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		comes := func(hint string) (way string, status int) {
			b := h.browser()
			if way = h.goes(b, "login_hint", hint); way != "oidc" {
				return way, 0
			}
			b = h.browser()
			return way, b.get(b.callbackURL("login_hint", hint)).Code
		}
		entries := len(made(h.store.ListAudit(h.Context(), issuer, h.workspace.ID, authz.Page{Limit: 500}))(h))
		h.explains("somebody new", "bob@acme.example", "domain", "oidc", "only_side", "joins", nil)
		h.explains("of no domain", "eve@elsewhere.example", "only_active", "oidc", "only_side", "refused", "no_membership")
		if after := len(made(h.store.ListAudit(h.Context(), issuer, h.workspace.ID, authz.Page{Limit: 500}))(h)); after != entries {
			h.Errorf("%d audit entries of a dry run", after-entries)
		}
		if _, is := h.isMember("bob@acme.example"); is {
			h.Fatal("a dry run made a member")
		}
		if way, status := comes("eve@elsewhere.example"); way != "oidc" || status != http.StatusForbidden {
			h.Errorf("eve: %s %d", way, status)
		}
		if way, status := comes("bob@acme.example"); way != "oidc" || status != http.StatusSeeOther {
			h.Errorf("bob: %s %d", way, status)
		}
		h.explains("known by now", "BOB@acme.example", "domain", "oidc", "only_side", "known", nil)
		bob, _ := h.isMember("bob@acme.example")
		if _, way := h.explained("bob@acme.example"); way["user_id"] != string(bob.UserID) {
			h.Errorf("bob is %v", way["user_id"])
		}

		h.both(authz.FallbackAsk, func(c *authz.Connection) {
			c.Fallback.Link = authz.LinkKey{}
			c.Fallback.Routes = []authz.Route{{Email: "grace@acme.example", Use: authz.SAMLSide}, {Email: "bob@acme.example", Use: authz.SAMLSide}}
		})
		h.explains("routed, new", "grace@acme.example", "domain", "saml", "route", "joins", nil)
		h.explains("routed, known at the other side", "bob@acme.example", "domain", "saml", "route", "refused", "link_conflict")
		h.explains("not routed", "ada@acme.example", "domain", "oidc", "usual", "joins", nil)
		h.outage()
		h.explains("during an outage", "ada@acme.example", "domain", "saml", "circuit", "refused", "no_membership")
		if _, way := h.explained("ada@acme.example"); way["asked"] != true || way["circuit_open"] != true {
			h.Errorf("during an outage: %v", way)
		}
		if way, _ := comes("ada@acme.example"); way != "ask" {
			h.Errorf("during an outage ada is sent to %s", way)
		}
		h.done("POST", "/v1/connections/"+string(h.connection.ID)+"/fallback", `{"reason":"drill"}`)
		h.explains("an override", "ada@acme.example", "domain", "saml", "override", "refused", "no_membership")
		if _, way := h.explained("ada@acme.example"); way["override_until"] == nil {
			h.Errorf("an override: %v", way)
		}
	})
}

func TestExplain_SaysWhyNobodyNewJoins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for jit, want := range map[authz.JIT]string{authz.JITOff: "refused", authz.JITInvited: "invited", authz.JITDomain: "joins"} {
		h.with(func(c *authz.Connection) { c.JIT = jit })
		if _, way := h.explained("new@acme.example"); way["outcome"] != want {
			t.Errorf("jit %s: %v", jit, way)
		}
	}
	second := h.connection
	second.ID, second.Domains, second.Name = "con_second", nil, "Second"
	h.ok(h.store.PutConnection(t.Context(), second))
	if whole, _ := h.explained("new@nowhere.example"); whole["home"] != "chooser" || len(whole["ways"].([]any)) != 2 {
		t.Errorf("two connections: %v", whole)
	}
	for _, c := range []authz.ConnectionID{h.connection.ID, "con_second"} {
		moved(t)(h.store.KillNode(t.Context(), issuer, h.workspace.ID, authz.NodeRef{Kind: authz.ConnectionNode, ID: string(c)}, authz.Disabled))
	}
	if whole, _ := h.explained("new@acme.example"); whole["home"] != "no_connections" || whole["unused_connection_id"] != string(h.connection.ID) {
		t.Errorf("none in use: %v", whole)
	}
}

func moved(t *testing.T) func(bool, error) {
	return func(moved bool, err error) {
		t.Helper()
		if err != nil || !moved {
			t.Fatal(moved, err)
		}
	}
}

func TestExplain_SaysWhatConditionalAccessWouldAsk(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.done("POST", "/v1/policies", `{"rules":[{"id":"mfa","name":"mfa","state":"on","then":{"step_up":{"mfa":"proven","max_age":900}}}]}`)
	if _, way := h.explained("new@acme.example"); way["max_age"] == nil && way["acr_values"] == nil {
		t.Errorf("%v", way)
	}
	if d := made(h.store.ListDecisions(t.Context(), issuer, h.workspace.ID, authz.Page{}))(t); len(d) != 0 {
		t.Errorf("a dry run is recorded: %v", d)
	}
}

// Another tenant's domain is nobody's, and its members are not told of; whoever
// may not see members is told nothing.
func TestExplain_TN_AnotherTenantsDomainIsNobodys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	theirs := h.other()
	h.browser().signIn() // ada@acme.example
	asks := func(scopes []string, email string) (int, string) {
		_, key := h.mint(func(r *apikey.Request) { r.WorkspaceID, r.Scopes = theirs.ID, scopes })
		w := h.manage(key, "POST", "/v1/connections:explain", `{"email":"`+email+`"}`)
		var m map[string]any
		_ = json.Unmarshal(w.Body.Bytes(), &m)
		for _, member := range []string{"email", "domain"} {
			delete(m, member)
		}
		text, _ := json.Marshal(m)
		return w.Code, string(text)
	}
	both := []string{"manage:connections", "manage:members"}
	status, taken := asks(both, "ada@acme.example")
	if _, nobodys := asks(both, "ada@nobody.example"); status != http.StatusOK || taken != nobodys || strings.Contains(taken, string(h.connection.ID)) {
		t.Errorf("%d %s, of a domain nobody has: %s", status, taken, nobodys)
	}
	for _, scopes := range [][]string{{"manage:connections"}, {"manage:members"}} {
		if status, _ := asks(scopes, "ada@acme.example"); status != http.StatusForbidden {
			t.Errorf("with %v: %d", scopes, status)
		}
	}
	h.wants("no address", h.manage(h.operator, "POST", "/v1/connections:explain", `{"workspace_id":"`+string(h.workspace.ID)+`","email":"nonsense"}`), http.StatusBadRequest, "invalid_email")
}
