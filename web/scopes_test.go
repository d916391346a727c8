package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// ofScopes asks the API about scopes with a credential.
func (h *house) ofScopes(credential string) func(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	return func(method, path, body string, headers ...string) *httptest.ResponseRecorder {
		h.Helper()
		return h.manage(credential, method, "/v1/scopes"+path, body, headers...)
	}
}

// added adds a scope as the operator.
func (h *house) added(kind, name string) {
	h.Helper()
	w := h.ofScopes(h.operator)("POST", "", `{"kind":"`+kind+`","name":"`+name+`","description":"What `+name+` allows"}`)
	if w.Code != http.StatusCreated {
		h.Fatalf("adding %s: %d %s", name, w.Code, w.Body)
	}
}

// supported are the scopes that the metadata names.
func (h *house) supported() string {
	h.Helper()
	var doc struct {
		Scopes []string `json:"scopes_supported"`
	}
	h.ok(json.Unmarshal(h.send("GET", "/.well-known/openid-configuration", "").Body.Bytes(), &doc))
	return strings.Join(doc.Scopes, " ")
}

// scopeOf is what introspection says a credential may be used for now.
func (h *house) scopeOf(credential string) string {
	h.Helper()
	return member(h.send("POST", "/oauth2/introspect", url.Values{"token": {credential}}.Encode(), "Content-Type", form, "Authorization", h.basic()), "scope")
}

// A scope of keys is added, changed and retired without a restart: who holds it
// loses it at the next check, and whoever takes it back by a rollback gives
// nothing but what was granted.
func TestAScopeOfKeysIsConfiguredWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ask := h.ofScopes(h.operator)
	mint := func() *httptest.ResponseRecorder {
		return h.manage(h.operator, "POST", "/v1/auth/keys", `{"name":"k","workspace_id":"`+string(h.workspace.ID)+`","environment":"live","scopes":["read:reports","monitor:read"]}`)
	}
	if w := ask("GET", "", ""); w.Header().Get("ETag") != "" {
		t.Errorf("an ETag of nothing, which If-Match does not take: %s", w.Header().Get("ETag"))
	}
	h.wants("before it is there", mint(), http.StatusBadRequest, "invalid_request")
	h.added("key", "reports:read")
	if w := ask("PATCH", "/reports:read", `{"aliases":["read:reports"],"note":"as the others"}`, "If-Match", `"1"`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	w := mint()
	key := member(w, "key")
	if w.Code != http.StatusCreated || h.scopeOf(key) != "reports:read monitor:read" {
		t.Fatalf("%d %s: %q", w.Code, w.Body, h.scopeOf(key))
	}
	token := member(h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Bearer "+key), "access_token")
	verify := func(action string) string {
		return h.send("POST", "/v1/verify", `{"credential":"`+token+`","action":"`+action+`"}`, "Authorization", h.basic(), "Content-Type", "application/json").Body.String()
	}
	if said := verify("reports:read"); !strings.Contains(said, `"allowed":true`) {
		t.Fatalf("before: %s", said)
	}

	if w := ask("POST", "/reports:read/retire", `{"note":"no more"}`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for what, credential := range map[string]string{"key": key, "token of the key": token} {
		if got := h.scopeOf(credential); got != "monitor:read" {
			t.Errorf("%s after it was retired: %q", what, got)
		}
	}
	if said := verify("reports:read"); !strings.Contains(said, `"allowed":false`) || !strings.Contains(said, `"reason":"scope"`) {
		t.Errorf("verified: %s", said)
	}
	h.wants("a new key", mint(), http.StatusBadRequest, "invalid_request")
	h.wants("a token that names it", h.send("POST", "/oauth2/token", "grant_type=client_credentials&scope=reports%3Aread", "Content-Type", form, "Authorization", "Bearer "+key), http.StatusBadRequest, "invalid_scope")
	rotated := h.manage(h.operator, "POST", "/v1/auth/keys/"+member(w, "id")+"/rotate", `{}`)
	if rotated.Code != http.StatusCreated && rotated.Code != http.StatusOK || h.scopeOf(member(rotated, "key")) != "monitor:read" {
		t.Errorf("its successor: %d %s: %q", rotated.Code, rotated.Body, h.scopeOf(member(rotated, "key")))
	}
	h.wants("the name is taken", ask("POST", "", `{"kind":"client","name":"reports:read","description":"other"}`), http.StatusConflict, "scope_taken")
	h.wants("what is retired is not changed", ask("PATCH", "/reports:read", `{"description":"x"}`), http.StatusConflict, "scope_retired")

	if w := ask("POST", ":rollback", `{}`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := h.scopeOf(key); got != "reports:read monitor:read" {
		t.Errorf("the key after the rollback: %q", got)
	}
	var page struct {
		Items []struct {
			Version         int
			Act, Name, Note string
			CreatedBy       string `json:"created_by"`
		}
	}
	h.ok(json.Unmarshal(ask("GET", "/versions", "").Body.Bytes(), &page))
	var acts []string
	for _, v := range page.Items {
		if acts = append(acts, v.Act); v.CreatedBy == "" {
			t.Errorf("nobody did %s", v.Act)
		}
	}
	if got := strings.Join(acts, " "); got != "scopes.rolled_back scope.retired scope.updated scope.created" || page.Items[2].Note != "as the others" {
		t.Errorf("history: %s %+v", got, page.Items)
	}
	for _, typ := range acts {
		if e := h.entries(typ); len(e) != 1 || e[0].Actor == "" || e[0].Target == "" {
			t.Errorf("%s in the audit: %+v", typ, e)
		}
	}
	if was := ask("GET", "?version=1", ""); strings.Contains(was.Body.String(), "read:reports") || !strings.Contains(was.Body.String(), "reports:read") {
		t.Errorf("as it was first: %s", was.Body)
	}
}

// A scope of clients is in the metadata and on the consent page as soon as it is
// there, and after it was retired neither asked for, given nor worth anything:
// a refresh goes on with what is left.
func TestAScopeOfClientsIsConfiguredWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tag := h.send("GET", "/.well-known/openid-configuration", "").Header().Get("ETag")
	h.added("client", "reports:see")
	if !strings.HasSuffix(h.supported(), " reports:see") || h.send("GET", "/.well-known/openid-configuration", "").Header().Get("ETag") == tag {
		t.Errorf("supported: %s", h.supported())
	}
	if resource := h.send("GET", "/.well-known/oauth-protected-resource", ""); !strings.Contains(resource.Body.String(), "reports:see") {
		t.Errorf("the resource: %s", resource.Body)
	}
	client := "/v1/clients/" + string(h.app.ID) + "?workspace_id=" + string(h.workspace.ID)
	if w := h.manage(h.operator, "PATCH", client, `{"scopes":["openid","profile","offline_access","reports:see"]}`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	h.consents = []string{"openid", "reports:see", "offline_access"}
	got := h.tokens(h.browser(), "scope", "openid reports:see offline_access")
	if h.scopeOf(got["access_token"]) != "openid reports:see offline_access" {
		t.Fatalf("granted: %v, %q", got, h.scopeOf(got["access_token"]))
	}

	if w := h.ofScopes(h.operator)("POST", "/reports:see/retire", `{}`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := h.supported(); strings.Contains(got, "reports:see") {
		t.Errorf("supported: %s", got)
	}
	for _, token := range []string{"access_token", "refresh_token"} {
		if left := h.scopeOf(got[token]); left != "openid offline_access" {
			t.Errorf("%s: %q", token, left)
		}
	}
	w := h.send("POST", "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got["refresh_token"]}}.Encode(), "Content-Type", form, "Authorization", h.basic())
	if w.Code != http.StatusOK || member(w, "scope") != "openid offline_access" {
		t.Errorf("refreshed: %d %s", w.Code, w.Body)
	}
	at := h.browser().through(h.authorizeURL("code_challenge", "", "code_challenge_method", "", "scope", "openid reports:see"))
	if !strings.Contains(at, "error=invalid_scope") {
		t.Errorf("asked for anew: %s", at)
	}
	if w := h.manage(h.operator, "PATCH", client, `{"name":"Renamed"}`); w.Code != http.StatusOK {
		t.Errorf("a client that had it is changed otherwise: %d %s", w.Code, w.Body)
	}
}

// AD-01: what the configuration file says, what manages, and what is somebody
// else's to change stays as it is, whoever asks.
func TestAD_01_ScopesAreTheOperatorsAndNeverWidenTheFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.added("key", "reports:read")
	ask := h.ofScopes(h.operator)
	for what, c := range map[string]struct {
		method, path, body, code string
		status                   int
	}{
		"retires one of the file":  {"POST", "/monitor:read/retire", `{}`, "scope_built_in", http.StatusForbidden},
		"changes one of the file":  {"PATCH", "/monitor:read", `{"aliases":["m"]}`, "scope_built_in", http.StatusForbidden},
		"adds one of the file":     {"POST", "", `{"kind":"key","name":"monitor:read","description":"x"}`, "scope_taken", http.StatusConflict},
		"the file's as an alias":   {"POST", "", `{"kind":"key","name":"a","aliases":["monitor:read"],"description":"x"}`, "scope_taken", http.StatusConflict},
		"one that manages":         {"POST", "", `{"kind":"key","name":"manage:all","description":"x"}`, "scope_reserved", http.StatusForbidden},
		"manages by an alias":      {"POST", "", `{"kind":"key","name":"a","aliases":["manage:all"],"description":"x"}`, "scope_reserved", http.StatusForbidden},
		"is everything":            {"POST", "", `{"kind":"client","name":"admin:all","description":"x"}`, "scope_reserved", http.StatusForbidden},
		"a wildcard":               {"POST", "", `{"kind":"key","name":"a*","description":"x"}`, "invalid_name", http.StatusBadRequest},
		"a wildcard as an alias":   {"POST", "", `{"kind":"key","name":"a","aliases":["*"],"description":"x"}`, "invalid_aliases", http.StatusBadRequest},
		"an alias twice":           {"PATCH", "/reports:read", `{"aliases":["a","a"]}`, "invalid_aliases", http.StatusBadRequest},
		"another's alias":          {"POST", "", `{"kind":"key","name":"b","aliases":["reports:read"],"description":"x"}`, "scope_taken", http.StatusConflict},
		"a space":                  {"POST", "", `{"kind":"key","name":"a b","description":"x"}`, "invalid_name", http.StatusBadRequest},
		"a way out of the address": {"POST", "", `{"kind":"key","name":"..","description":"x"}`, "invalid_name", http.StatusBadRequest},
		"a client's with aliases":  {"POST", "", `{"kind":"client","name":"a","aliases":["b"],"description":"x"}`, "invalid_kind", http.StatusBadRequest},
		"nobody's kind":            {"POST", "", `{"kind":"Key","name":"a","description":"x"}`, "invalid_request", http.StatusBadRequest},
		"no description":           {"POST", "", `{"kind":"key","name":"a","description":" "}`, "invalid_description", http.StatusBadRequest},
		"an override":              {"POST", "", `{"kind":"key","name":"a","description":"x\u202e"}`, "invalid_request", http.StatusBadRequest},
		"one nobody has":           {"PATCH", "/nobodys", `{"description":"x"}`, "not_found", http.StatusNotFound},
		"a version nobody has":     {"POST", ":rollback", `{"version":77}`, "not_found", http.StatusNotFound},
	} {
		h.wants(what, ask(c.method, c.path, c.body), c.status, c.code)
	}
	h.wants("two administrators, the later", ask("PATCH", "/reports:read", `{"description":"x"}`, "If-Match", `"77"`), http.StatusPreconditionFailed, "stale")

	// A workspace's own, with everything a workspace has, reads and no more.
	theirs := h.ofScopes(h.attackersKey())
	if w := theirs("GET", "", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "reports:read") {
		t.Errorf("reading: %d %s", w.Code, w.Body)
	}
	for what, w := range map[string]*httptest.ResponseRecorder{
		"adds": theirs("POST", "", `{"kind":"key","name":"own:read","description":"x"}`), "changes": theirs("PATCH", "/reports:read", `{"description":"x"}`),
		"retires": theirs("POST", "/reports:read/retire", `{}`), "rolls back": theirs("POST", ":rollback", `{}`), "looks at what was": theirs("GET", "?version=1", ""),
		"looks who did it": theirs("GET", "/versions", ""),
	} {
		h.wants("a workspace "+what, w, http.StatusNotFound, "not_found")
	}
	if v := h.entries("scope.created"); len(v) != 1 {
		t.Errorf("%d scopes were added", len(v))
	}
}

// attackersKey holds all that a workspace's key can.
func (h *house) attackersKey() string {
	h.Helper()
	_, text := h.mint(func(r *apikey.Request) {
		r.Scopes = []string{"monitor:read", "manage:keys", "manage:clients", "manage:members", "manage:workspace", "manage:policies", "manage:connections"}
	})
	return text
}

// What comes later is retired by a rollback, not forgotten: nobody else gets
// its name, and a key that held it holds nothing.
func TestTN_03_TheNameOfAScopeIsNobodyElsesLater(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.added("key", "first:read")
	h.added("key", "second:read")
	_, key := h.key(h.workspace.ID, "first:read", "second:read")
	ask := h.ofScopes(h.operator)
	if w := ask("POST", ":rollback", `{"version":1}`); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"second:read"`) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := h.scopeOf(key); got != "first:read" {
		t.Errorf("after the rollback: %q", got)
	}
	h.wants("the same name anew", ask("POST", "", `{"kind":"key","name":"second:read","description":"x"}`), http.StatusConflict, "scope_taken")
	h.wants("as an alias", ask("PATCH", "/first:read", `{"aliases":["second:read"]}`), http.StatusConflict, "scope_taken")
}

// Warm checks ask nothing of the database for all of this.
func TestAWarmCheckAsksNothingAboutScopes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.added("key", "reports:read")
	_, key := h.key(h.workspace.ID, "reports:read")
	h.scopeOf(key)
	h.statements.take()
	for range 10 {
		h.scopeOf(key)
	}
	if asked := h.statements.take(); len(asked) != 0 {
		t.Errorf("%d statements: %v", len(asked), asked)
	}
}

// A role made of an added scope narrows as others do, and loses it with all
// others; one that had it can be changed otherwise.
func TestARoleLosesWhatIsRetired(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.added("key", "reports:read")
	ws := `"workspace_id":"` + string(h.workspace.ID) + `"`
	make := func(name string) *httptest.ResponseRecorder {
		return h.manage(h.operator, "POST", "/v1/roles", `{`+ws+`,"name":"`+name+`","permissions":["reports:read","monitor:read"]}`)
	}
	w := make("Readers")
	if w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	k, key := h.key(h.workspace.ID, "reports:read", "monitor:write")
	if w := h.manage(h.operator, "POST", "/v1/role-bindings", `{`+ws+`,"subject_kind":"service_account","subject":"`+string(k.ServiceAccountID)+`","role":"`+member(w, "id")+`"}`); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := h.scopeOf(key); got != "reports:read" {
		t.Fatalf("bound: %q", got)
	}
	h.ofScopes(h.operator)("POST", "/reports:read/retire", `{}`)
	if got := h.scopeOf(key); got != "" {
		t.Errorf("retired: %q", got)
	}
	h.wants("another role with it", make("Others"), http.StatusBadRequest, "invalid_permissions")
	if w := h.manage(h.operator, "PATCH", "/v1/roles/"+member(w, "id")+"?workspace_id="+string(h.workspace.ID), `{"name":"Renamed"}`); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := h.manage(h.operator, "GET", "/v1/roles/viewer?workspace_id="+string(h.workspace.ID), ""); strings.Contains(w.Body.String(), "reports:read") {
		t.Errorf("a viewer: %s", w.Body)
	}
}

// Who has a role signs in to a scope that was added since it was given to them:
// an owner as somebody whom no role narrows.
func TestARoleKnowsAScopeThatWasAddedAtTheNextSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.console(h.workspace) // Ada owns the workspace
	h.added("client", "reports:see")
	if w := h.manage(h.operator, "PATCH", "/v1/clients/"+string(h.app.ID)+"?workspace_id="+string(h.workspace.ID), `{"scopes":["openid","manage:members","reports:see"]}`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	h.consents = []string{"openid", "reports:see", "manage:members"}
	got := h.tokens(h.browser(), "scope", "openid reports:see manage:members")
	if left := h.scopeOf(got["access_token"]); left != "openid reports:see manage:members" {
		t.Errorf("an owner: %q", left)
	}
}
