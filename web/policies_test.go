package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/web"
)

// policies asks the API about policies with a key of the workspace.
func (h *house) policies(key string) func(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	return func(method, path, body string, headers ...string) *httptest.ResponseRecorder {
		h.Helper()
		headers = append([]string{"Authorization", "Bearer " + key, "Content-Type", "application/json"}, headers...)
		return h.send(method, "/v1/policies"+path, body, headers...)
	}
}

// apply puts rules in force, whatever was before, and returns the policy's id.
func (h *house) apply(rules string) string {
	h.Helper()
	ask := h.policies(h.operator)
	w := ask("POST", "", `{"workspace_id":"`+string(h.workspace.ID)+`","rules":`+rules+`}`)
	if w.Code == http.StatusConflict {
		var page struct{ Items []struct{ ID string } }
		h.ok(json.Unmarshal(ask("GET", "?workspace_id="+string(h.workspace.ID), "").Body.Bytes(), &page))
		id := "/" + page.Items[0].ID
		w = ask("PUT", id, `{"rules":`+rules+`}`, "If-Match", ask("GET", id, "").Header().Get("ETag"))
	}
	if w.Code/100 != 2 {
		h.Fatalf("applying rules: %d %s", w.Code, w.Body)
	}
	return member(w, "id")
}

// rule is one that is on.
func rule(id, match, when, then string) string {
	return fmt.Sprintf(`{"id":%q,"name":%q,"state":"on","match":{%s},"when":{%s},"then":{%s}}`, id, "rule "+id, match, when, then)
}

func TestS25_RulesAreAppliedInVersionsAndRolledBackInOneCall(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, key := h.key(h.workspace.ID, "manage:policies")
	ask := h.policies(key)
	first, second := "["+rule("a", "", "", `"remove_scopes":["profile"]`)+"]", "["+rule("b", "", "", `"deny":true`)+"]"
	w := ask("POST", "", `{"note":"first","rules":`+first+`}`)
	if w.Code != http.StatusCreated || w.Header().Get("ETag") != `"1"` || !strings.HasPrefix(member(w, "id"), "pol_") {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	id := "/" + member(w, "id")
	h.wants("a second set", ask("POST", "", `{"rules":[]}`), http.StatusConflict, "conflict")
	h.wants("a change of nothing read", ask("PUT", id, `{"rules":`+second+`}`), http.StatusBadRequest, "if_match_required")
	if w = ask("PUT", id, `{"note":"stricter","rules":`+second+`}`, "If-Match", `"1"`); w.Code != http.StatusOK || w.Header().Get("ETag") != `"2"` {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w = ask("PUT", id, `{"rules":`+first+`}`, "If-Match", `"1"`); w.Code/100 != 4 || member(w, "code") != "stale" {
		t.Errorf("the second administrator's change: %d %s", w.Code, w.Body)
	}
	if w = ask("GET", id, ""); !strings.Contains(w.Body.String(), `"rule b"`) || w.Header().Get("ETag") != `"2"` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w = ask("POST", id+"/rollback", `{}`); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"rule a"`) || !strings.Contains(w.Body.String(), `"version":1,"latest_version":2`) {
		t.Errorf("rollback: %d %s", w.Code, w.Body)
	}
	h.wants("back before the first", ask("POST", id+"/rollback", `{}`), http.StatusNotFound, "not_found")
	if w = ask("POST", id+"/rollback", `{"version":2}`, "If-Match", `"3"`); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"rule b"`) {
		t.Errorf("forward again: %d %s", w.Code, w.Body)
	}
	var page struct {
		Items []struct {
			Version int64
			Note    string
		}
		NextCursor string `json:"next_cursor"`
	}
	h.ok(json.Unmarshal(ask("GET", id+"/versions?limit=1", "").Body.Bytes(), &page))
	if len(page.Items) != 1 || page.Items[0].Version != 2 || page.Items[0].Note != "stricter" || page.NextCursor == "" {
		t.Errorf("history: %+v", page)
	}
	h.ok(json.Unmarshal(ask("GET", id+"/versions?limit=1&cursor="+page.NextCursor, "").Body.Bytes(), &page))
	if page.Items[0].Note != "first" {
		t.Errorf("history, continued: %+v", page)
	}
	if w = ask("GET", id+"/versions/1", ""); !strings.Contains(w.Body.String(), `"rule a"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for typ, n := range map[string]int{"policy.created": 1, "policy.published": 1, "policy.rolled_back": 2} {
		if got := h.entries(typ); len(got) != n || got[0].WorkspaceID != h.workspace.ID || !strings.HasPrefix(got[0].Actor, "sa_") {
			t.Errorf("%d entries %s, want %d: %+v", len(got), typ, n, got)
		}
	}
}

func TestS25_BadRuleSetsAreRefusedByPlaceAndNeverEchoed(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *web.Config) { c.MaxBody = 1 << 20 })
	_, key := h.key(h.workspace.ID, "manage:policies")
	ask := h.policies(key)
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprintf(`{"id":"r%d","name":"n","state":"on","then":{"deny":true}}`, i)
	}
	deny := `"deny":true`
	for what, c := range map[string]struct{ rules, location string }{
		"10,000 rules":      {"[" + strings.Join(many, ",") + "]", "rules"},
		"a scope":           {"[" + rule("a", "", "", `"remove_scopes":["s3cret:x"]`) + "]", "rules[0].then.remove_scopes[0]"},
		"a client":          {"[" + rule("a", `"clients":["cl_s3cret"]`, "", deny) + "]", "rules[0].match.clients[0]"},
		"a connection":      {"[" + rule("a", "", `"connections":["con_s3cret"]`, deny) + "]", "rules[0].when.connections[0]"},
		"a role":            {"[" + rule("a", `"roles":["s3cret"]`, "", deny) + "]", "rules[0].match.roles[0]"},
		"an address":        {"[" + rule("a", "", `"ip_in":["s3cret"]`, deny) + "]", "rules[0].when.ip_in[0]"},
		"a time zone":       {"[" + rule("a", "", `"time":{"from":"08:00","to":"18:00","time_zone":"s3cret"}`, deny) + "]", "rules[0].when.time"},
		"no name":           {`[{"id":"a","name":"","state":"on","then":{"deny":true}}]`, "rules[0].name"},
		"text turned round": {`[{"id":"a","name":"s3cret\u202e","state":"on","then":{"deny":true}}]`, ""},
		"a NUL byte":        {`[{"id":"a","name":"s3cret\u0000","state":"on","then":{"deny":true}}]`, ""},
		"another case":      {`[{"id":"a","name":"n","STATE":"on","state":"on","then":{"deny":true}}]`, ""},
		"twice":             {`[{"id":"a","name":"n","state":"on","state":"off","then":{"deny":true}}]`, ""},
		"unknown":           {`[{"id":"a","name":"n","state":"on","unknown":1,"then":{"deny":true}}]`, ""},
		"1 MB of a name":    {`[{"id":"a","name":"` + strings.Repeat("s3cret", 200_000) + `","state":"on","then":{"deny":true}}]`, ""},
		"no array":          {`{"s3cret":1}`, ""},
	} {
		w := ask("POST", "", `{"rules":`+c.rules+`}`)
		if w.Code != http.StatusBadRequest && w.Code != http.StatusRequestEntityTooLarge || strings.Contains(w.Body.String(), "s3cret") || !strings.Contains(w.Body.String(), c.location) {
			t.Errorf("%s: %d %.300s", what, w.Code, w.Body)
		}
	}
	if _, err := h.store.PolicyOf(t.Context(), issuer, h.workspace.ID); authz.KindOf(err) != authz.NotFound {
		t.Error("something was put in force")
	}
}

func TestTN_01_AnotherTenantsPolicyDoesNotExist(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := "/" + h.apply("["+rule("a", "", "", `"deny":true`)+"]")
	_, key := h.key(h.other().ID, "manage:policies")
	ask := h.policies(key)
	for _, r := range []struct{ method, path, body string }{
		{"GET", "", ""}, {"PUT", "", `{"rules":[]}`}, {"POST", "/rollback", `{}`}, {"GET", "/versions", ""}, {"GET", "/versions/1", ""},
	} {
		foreign, unknown := ask(r.method, id+r.path, r.body, "If-Match", `"1"`), ask(r.method, id[:len(id)-4]+"0000"+r.path, r.body, "If-Match", `"1"`)
		if foreign.Code != http.StatusNotFound || foreign.Body.String() != unknown.Body.String() {
			t.Errorf("%s %s: %d %s", r.method, r.path, foreign.Code, foreign.Body)
		}
	}
	ws := string(h.workspace.ID)
	h.wants("list", ask("GET", "?workspace_id="+ws, ""), http.StatusNotFound, "not_found")
	h.wants("create", ask("POST", "", `{"workspace_id":"`+ws+`","rules":[]}`), http.StatusNotFound, "not_found")
	h.wants("simulate", ask("POST", ":simulate", `{"workspace_id":"`+ws+`"}`), http.StatusNotFound, "not_found")

	_, weak := h.key(h.workspace.ID, "monitor:read")
	h.wants("without the scope", h.policies(weak)("GET", id, ""), http.StatusForbidden, "insufficient_scope")
	_, _, err := h.access.Get(t.Context(), authz.Principal{Issuer: "other", Scopes: []string{"manage:policies"}}, authz.PolicyID(id[1:]))
	if authz.KindOf(err) != authz.NotFound {
		t.Errorf("another issuer's operator: %v", err)
	}
}

func TestTN_07_ASandboxKeyChangesNoPolicy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	by := authz.Principal{Issuer: issuer, WorkspaceID: h.workspace.ID, Environment: authz.Test, Scopes: []string{"manage:policies"}}
	id := authz.PolicyID(h.apply("[" + rule("a", "", "", `"deny":true`) + "]"))
	if _, _, err := h.access.Rollback(t.Context(), by, id, 0, 1); authz.CodeOf(err) != "wrong_environment" {
		t.Errorf("%v", err)
	}
}

func TestS25_SimulateNamesTheRuleAndEveryFact(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, key := h.key(h.workspace.ID, "manage:policies")
	ask := h.policies(key)
	draft := rule("office", `"scopes":["profile"]`, `"ip_not_in":["10.0.0.0/8"],"regions_not_in":["DE"]`, `"remove_scopes":["profile"]`)
	w := ask("POST", ":simulate", `{"rules":[`+draft+`],"scopes":["openid","profile"],"facts":{"address":"203.0.113.9","grant_type":"authorization_code"}}`)
	var v struct {
		Outcome         string
		Scopes, Removed []string
		Rules           []struct {
			ID      string
			Matched bool
			Facts   []struct {
				Name  string
				Holds bool
			}
		}
	}
	h.ok(json.Unmarshal(w.Body.Bytes(), &v))
	// The address is in Germany by the offline table, so the rule does not match.
	if w.Code != http.StatusOK || v.Outcome != "allowed" || len(v.Removed) != 0 || len(v.Rules) != 1 || v.Rules[0].Matched || len(v.Rules[0].Facts) != 3 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	w = ask("POST", ":simulate", `{"rules":[`+draft+`],"scopes":["openid","profile"],"facts":{"address":"192.0.2.1"}}`)
	h.ok(json.Unmarshal(w.Body.Bytes(), &v))
	if !slices.Equal(v.Scopes, []string{"openid"}) || !v.Rules[0].Matched {
		t.Errorf("from nobody knows where: %s", w.Body)
	}
	if w = ask("POST", ":simulate", `{"scopes":["openid"]}`); member(w, "outcome") != "allowed" {
		t.Errorf("nothing in force: %s", w.Body)
	}
	// The operator's rules hold beside whatever a workspace drafts.
	w = h.policies(h.operator)("POST", "", `{"rules":[`+rule("operators", "", "", `"deny":true`)+`]}`)
	if w.Code != http.StatusCreated {
		t.Fatal(w.Body)
	}
	if w = ask("POST", ":simulate", `{"rules":[],"scopes":["openid"]}`); member(w, "outcome") != "denied" || !strings.Contains(w.Body.String(), `"operator":true`) {
		t.Errorf("beside the operator's: %s", w.Body)
	}
	h.wants("an address", ask("POST", ":simulate", `{"facts":{"address":"s3cret"}}`), http.StatusBadRequest, "invalid_request")
}
