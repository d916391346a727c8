package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/web"
)

// key mints a key of the workspace that may manage what is in it.
func (h *house) key(ws authz.WorkspaceID, scopes ...string) (authz.APIKey, string) {
	h.Helper()
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:keys"}, Delegation: &authz.Delegation{ID: "del_test", Issuer: issuer, Scopes: []string{"*"}, MadeBy: "test"}}
	k, text, err := h.keys.Mint(h.Context(), by, authz.Origin{}, apikey.Request{Name: "k", WorkspaceID: ws, Environment: authz.Live, Scopes: scopes})
	h.ok(err)
	return k, text.Reveal()
}

// other moves a second tenant in.
func (h *house) other() authz.Workspace {
	h.Helper()
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:workspace"}}
	return made(h.admin.CreateWorkspace(h.Context(), by, admin.NewWorkspace{Name: "Other"}))(h)
}

func TestTN_01_RV_05_AnotherTenantsObjectDoesNotExist(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	theirs, theirText := h.key(h.workspace.ID, "monitor:read")
	_, mine := h.key(h.other().ID, "manage:keys", "manage:clients", "manage:workspace")
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		return h.send(method, path, body, "Authorization", "Bearer "+mine, "Content-Type", "application/json")
	}
	routes := []struct{ method, path, id, body string }{
		{"GET", "/v1/auth/keys/", string(theirs.ID), ""}, {"DELETE", "/v1/auth/keys/", string(theirs.ID), ""},
		{"GET", "/v1/clients/", string(h.app.ID), ""}, {"DELETE", "/v1/clients/", string(h.app.ID), ""}, {"PATCH", "/v1/clients/", string(h.app.ID), `{"name":"mine"}`},
		{"POST", "/v1/clients/{id}/rotate", string(h.app.ID), `{}`}, {"GET", "/v1/workspaces/", string(h.workspace.ID), ""},
		{"PATCH", "/v1/auth/keys/", string(theirs.ID), `{"status":"disabled"}`}, {"POST", "/v1/auth/keys/{id}/rotate", string(theirs.ID), `{}`},
		{"GET", "/v1/workspaces/{id}/key-policy", string(h.workspace.ID), ""},
		{"PUT", "/v1/workspaces/{id}/key-policy", string(h.workspace.ID), `{"enforce_rotation":false,"disable_unused_after":"P1D"}`},
	}
	for _, r := range routes {
		target := func(id string) string {
			if strings.Contains(r.path, "{id}") {
				return strings.Replace(r.path, "{id}", id, 1)
			}
			return r.path + id
		}
		unknown := ask(r.method, target(r.id[:len(r.id)-4]+"0000"), r.body)
		foreign := ask(r.method, target(r.id), r.body)
		if foreign.Code != http.StatusNotFound || foreign.Body.String() != unknown.Body.String() {
			t.Errorf("%s %s: %d %s, unknown %d %s", r.method, r.path, foreign.Code, foreign.Body, unknown.Code, unknown.Body)
		}
		if w := ask(r.method, target(r.id)+"?workspace_id="+string(h.workspace.ID), r.body); w.Code/100 != 4 {
			t.Errorf("TN-02: %s %s with their workspace named: %d %s", r.method, r.path, w.Code, w.Body)
		}
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"list keys":     ask("GET", "/v1/auth/keys?workspace_id="+string(h.workspace.ID), ""),
		"list clients":  ask("GET", "/v1/clients?workspace_id="+string(h.workspace.ID), ""),
		"mint":          ask("POST", "/v1/auth/keys", `{"name":"x","environment":"live","scopes":["monitor:read"],"workspace_id":"`+string(h.workspace.ID)+`"}`),
		"new client":    ask("POST", "/v1/clients", `{"name":"x","redirect_uris":["https://x.example/"],"workspace_id":"`+string(h.workspace.ID)+`"}`),
		"suspend":       ask("POST", "/v1/workspaces/"+string(h.workspace.ID)+"/suspend", ""),
		"own suspend":   ask("POST", "/v1/workspaces", `{"name":"x"}`),
		"platform's":    ask("POST", "/v1/clients", `{"name":"x","redirect_uris":["https://x.example/"],"introspect":true}`),
		"skip consent":  ask("POST", "/v1/clients", `{"name":"x","redirect_uris":["https://x.example/"],"skip_consent":true}`),
		"unknown field": ask("POST", "/v1/clients", `{"name":"x","redirect_uris":["https://x.example/"],"state":"active"}`),
		"javascript":    ask("POST", "/v1/clients", `{"name":"x","redirect_uris":["JaVaScRiPt:alert(1)"]}`),
		"cursor":        ask("GET", "/v1/clients?cursor=AAAA", ""),
		"sort":          ask("GET", "/v1/clients?sort=id", ""),
		"semicolon":     ask("GET", "/v1/clients?access_token=x;y=z", ""),
	} {
		if w.Code/100 != 4 || strings.Contains(w.Body.String(), string(h.app.ID)) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Bearer "+theirText); w.Code != 200 {
		t.Errorf("their key afterwards: %d %s", w.Code, w.Body)
	}
	if c := made(h.store.GetClient(t.Context(), issuer, h.workspace.ID, h.app.ID))(t); c.Name != h.app.Name || c.State != authz.Active || c.Revision != h.app.Revision {
		t.Errorf("their client afterwards: %+v", c)
	}
}

func TestAK_13_AKeyDoesWhatItsScopesSay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, text := h.key(h.workspace.ID, "monitor:read")
	other, _ := h.key(h.workspace.ID, "monitor:read")
	key, policy := "/v1/auth/keys/"+string(other.ID), "/v1/workspaces/"+string(h.workspace.ID)+"/key-policy"
	for _, r := range [][2]string{
		{"GET", key}, {"PATCH", key}, {"DELETE", key}, {"DELETE", key + "?successors=true"}, {"POST", key + "/rotate"}, {"GET", policy}, {"PUT", policy},
		{"GET", "/v1/auth/keys"}, {"POST", "/v1/auth/keys"}, {"GET", "/v1/clients"}, {"POST", "/v1/clients"}, {"GET", "/v1/workspaces"}, {"POST", "/v1/workspaces"},
		{"DELETE", "/v1/clients/" + string(h.app.ID)}, {"PATCH", "/v1/clients/" + string(h.app.ID)}, {"POST", "/v1/clients/" + string(h.app.ID) + "/rotate"},
		{"POST", "/v1/workspaces/" + string(h.workspace.ID) + "/suspend"},
	} {
		body := map[string]string{
			"/v1/auth/keys": `{"name":"x","environment":"live","scopes":["monitor:read"]}`, "/v1/workspaces": `{"name":"x"}`,
		}[r[1]]
		if body == "" {
			body = `{"name":"x"}`
		}
		if strings.HasSuffix(r[1], "/key-policy") {
			body = `{"enforce_rotation":false}`
		}
		if strings.HasSuffix(r[1], "/rotate") {
			body = `{}`
		}
		if r[0] == "GET" || r[0] == "DELETE" || strings.HasSuffix(r[1], "/suspend") {
			body = ""
		}
		if w := h.send(r[0], r[1], body, "Authorization", "Bearer "+text, "Content-Type", "application/json"); w.Code != http.StatusForbidden {
			t.Errorf("%s %s: %d %s", r[0], r[1], w.Code, w.Body)
		}
	}
}

func TestRV_07_ARevokedKeyIsNobodyAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, text := h.key(h.workspace.ID, "manage:keys")
	if w := h.send("GET", "/v1/auth/keys", "", "Authorization", "Bearer "+text); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := h.send("DELETE", "/v1/auth/keys/"+string(k.ID), "", "Authorization", "Bearer "+text); w.Code != 200 || strings.Contains(w.Body.String(), text) {
		t.Fatalf("by its holder: %d %s", w.Code, w.Body)
	}
	for _, path := range []string{"/v1/auth/keys", "/v1/auth/keys/" + string(k.ID)} {
		h.wants("afterwards", h.send("GET", path, "", "Authorization", "Bearer "+text), 401, "invalid_token")
	}
	if strings.Contains(h.log.String(), text) {
		t.Error("the log holds the key")
	}
}

func TestAD_05_HealthAndMetricsAreTheOperatorsAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, path := range []string{"/metrics", "/livez", "/readyz", "/debug/pprof/", "/debug/clock", "/v1/../metrics", "//metrics", "/%6detrics"} {
		if w := h.send("GET", path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	h.send("GET", h.authorizeURL("state", "a-secret-state"), "")
	operator := &web.Operator{Metrics: web.NewMetrics()}
	w := httptest.NewRecorder()
	operator.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/livez", nil))
	if w.Code != 200 {
		t.Errorf("livez %d", w.Code)
	}
	operator.Drain()
	w = httptest.NewRecorder()
	operator.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	if w.Code != 503 {
		t.Errorf("readyz while draining: %d", w.Code)
	}
	if strings.Contains(h.log.String(), "a-secret-state") {
		t.Error("the log holds a query")
	}
}

// A successor is a key of its own: whoever revokes is told what still works.
func TestRV_07_RevokingAKeyNamesItsSuccessors(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	k, text := h.key(h.workspace.ID, "monitor:read")
	rotated := h.send("POST", "/v1/auth/keys/"+string(k.ID)+"/rotate", `{}`, "Authorization", "Bearer "+text, "Content-Type", "application/json")
	var next struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(rotated.Body.Bytes(), &next); err != nil || rotated.Code != 200 || next.ID == "" {
		t.Fatalf("%d %s", rotated.Code, rotated.Body)
	}
	revoke := func(id string) string {
		t.Helper()
		w := h.send("DELETE", "/v1/auth/keys/"+id+"?workspace_id="+string(h.workspace.ID), "", "Authorization", "Bearer "+h.operator)
		var answer struct {
			Status     string          `json:"status"`
			Successors json.RawMessage `json:"successors"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 || answer.Status != "revoked" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return string(answer.Successors)
	}
	if got, want := revoke(string(k.ID)), `[{"id":"`+next.ID+`","status":"active","handed_to_predecessor":true}]`; got != want {
		t.Errorf("successors %s, want %s", got, want)
	}
	if got := revoke(next.ID); got != "" {
		t.Errorf("successors %s of one that has none", got)
	}
}

func TestOperationsOfTheManagementAPIAreCountedByName(t *testing.T) {
	t.Parallel()
	metrics := web.NewMetrics()
	h := newHouse(t, func(c *web.Config) { c.Metrics = metrics })
	operator := []string{"Authorization", "Bearer " + h.operator}
	h.send("GET", "/v1/workspaces", "", operator...)
	h.send("GET", "/v1/workspaces/ws_unknown", "", operator...)
	h.send("GET", "/v1/nothing-"+strings.Repeat("x", 10), "", operator...)
	w := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	for _, want := range []string{
		`gatehouse_api_requests_total{issuer="uptimepulse",operation="list-workspaces",status="2xx"} 1`,
		`gatehouse_api_requests_total{issuer="uptimepulse",operation="get-workspace",status="4xx"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if n := strings.Count(text, "gatehouse_api_requests_total{"); n != 2 || strings.Contains(text, "nothing-") {
		t.Errorf("%d operations were counted", n)
	}
}
