package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// A permission is one, whatever name a key was made with, a gateway asks by, a
// token was narrowed by, or a role was made of.
func TestS2_S5_U1_AScopeIsTheSameByEachOfItsNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	gateway := h.gateway(authz.Live, authz.Test)
	account := h.id("POST", "/v1/service-accounts", `{"name":"runner"}`)
	_, key := h.mint(func(r *apikey.Request) {
		r.ServiceAccountID, r.Scopes = authz.ServiceAccountID(account), []string{"read:monitor", "monitor:write"}
		r.Resources.Clusters = []string{"eu-1"}
	})
	names := []string{"monitor:read", "read:monitor", "product:monitor:read"}
	decided := func(what, credential, reason string) {
		t.Helper()
		for _, name := range names {
			ask := map[string]any{"credential": credential, "action": name}
			if told := h.decided(what+": "+name, h.verify(gateway, ask), reason); reason == "ok" && !strings.HasPrefix(told["scope"].(string), "monitor:read") {
				t.Errorf("%s: told %v", what, told["scope"])
			}
			status := map[string]int{"ok": http.StatusOK, "scope": http.StatusForbidden}[reason]
			if w := h.hold("?action="+url.QueryEscape(name), gateway, "Bearer "+credential); w.Code != status {
				t.Errorf("%s: forward-auth %s: %d %s", what, name, w.Code, w.Body)
			}
		}
	}
	decided("the key", key, "ok")
	h.decided("elsewhere", h.verify(gateway, map[string]any{"credential": key, "action": "read:monitor", "resource": map[string]any{"kind": "cluster", "id": "us-1"}}), "resource")

	token := func(authorization string, pairs ...string) *httptest.ResponseRecorder {
		body := url.Values{}
		for n := 0; n+1 < len(pairs); n += 2 {
			body.Add(pairs[n], pairs[n+1])
		}
		return h.send("POST", "/oauth2/token", body.Encode(), "Content-Type", form, "Authorization", authorization)
	}
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients"}, Delegation: &authz.Delegation{Issuer: issuer, Scopes: []string{"*"}}}
	robots, secret, err := h.admin.CreateClient(t.Context(), by, admin.ClientSettings{
		Name: "robots", WorkspaceID: h.workspace.ID, GrantTypes: []string{authz.GrantTokenExchange}, Scopes: []string{"manage:keys"},
	})
	h.ok(err)
	_, managing := h.mint(func(r *apikey.Request) { r.Scopes = []string{"manage:keys", "monitor:read"} })
	for _, name := range names {
		w := token("Bearer "+key, "grant_type", "client_credentials", "scope", name)
		if member(w, "scope") != "monitor:read" {
			t.Fatalf("narrowed to %s: %d %s", name, w.Code, w.Body)
		}
		decided("the token", member(w, "access_token"), "ok")
		twice := token("Bearer "+key, "grant_type", "client_credentials", "scope", "monitor:read "+name)
		if member(twice, "scope") != "monitor:read" {
			t.Errorf("asked for twice: %s", twice.Body)
		}
		exchange := []string{"grant_type", authz.GrantTokenExchange, "subject_token", managing, "subject_token_type", "urn:gatehouse:params:oauth:token-type:api_key", "scope", name}
		h.wants("a client without the scope exchanges for "+name, token(basicOf(string(robots.ID), secret.Reveal()), exchange...), http.StatusBadRequest, "invalid_scope")
	}
	narrow := member(token("Bearer "+key, "grant_type", "client_credentials", "scope", "monitor:write"), "access_token")
	decided("a token of the other scope", narrow, "scope")
	h.wants("a name nobody gave", token("Bearer "+key, "grant_type", "client_credentials", "scope", "monitors:read"), http.StatusBadRequest, "invalid_scope")

	// A role is made of permissions, by any of their names, and narrows by all.
	role := h.done("POST", "/v1/roles", `{"name":"readers","permissions":["product:monitor:read"]}`)
	if got := role["permissions"].([]any); len(got) != 1 || got[0] != "monitor:read" {
		t.Errorf("the role holds %v", got)
	}
	h.done("POST", "/v1/role-bindings", `{"role":"`+role["id"].(string)+`","subject_kind":"service_account","subject":"`+account+`"}`)
	decided("the key by its role", key, "ok")
	h.decided("beyond its role", h.verify(gateway, map[string]any{"credential": key, "action": "monitor:write"}), "scope")
	if w := h.manage(h.operator, "POST", "/v1/roles", `{"workspace_id":"`+string(h.workspace.ID)+`","name":"twice","permissions":["monitor:read","read:monitor"]}`); w.Code != http.StatusBadRequest {
		t.Errorf("a permission twice: %d %s", w.Code, w.Body)
	}

	// A name that is given, or taken, while the server runs counts from the next call.
	wants := func(w *httptest.ResponseRecorder) {
		t.Helper()
		if w.Code/100 != 2 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	wants(h.manage(h.operator, "POST", "/v1/scopes", `{"kind":"key","name":"deploy:run","description":"Deploy","aliases":["run:deploy"]}`))
	_, deploys := h.mint(func(r *apikey.Request) { r.Scopes = []string{"run:deploy"} })
	ask := map[string]any{"credential": deploys, "action": "run:deploy"}
	h.decided("a name that was added", h.verify(gateway, ask), "ok")
	wants(h.manage(h.operator, "PATCH", "/v1/scopes/deploy:run", `{"aliases":[]}`))
	h.decided("a name that was taken", h.verify(gateway, ask), "scope")
	ask["action"] = "deploy:run"
	h.decided("its own", h.verify(gateway, ask), "ok")
}
