package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/web"
)

const registered = `{"client_name":"Notes","redirect_uris":["https://notes.example/cb"],"grant_types":["authorization_code","refresh_token"],"scope":"openid","id_token_signed_response_alg":"ES256"}`

// initialToken mints a registration token as the operator.
func (h *house) initialToken(body string) string {
	h.Helper()
	w := h.send("POST", "/v1/registration-tokens", body, "Authorization", "Bearer "+h.operator, "Content-Type", "application/json")
	if w.Code != http.StatusCreated || !strings.HasPrefix(member(w, "token"), "git_") {
		h.Fatalf("no registration token: %d %s", w.Code, w.Body)
	}
	return member(w, "token")
}

func (h *house) inWorkspace(more string) string {
	return `{"workspace_id":"` + string(h.workspace.ID) + `"` + more + `}`
}

func (h *house) register(token, body string) *httptest.ResponseRecorder {
	h.Helper()
	return h.send("POST", "/oauth2/register", body, "Authorization", "Bearer "+token, "Content-Type", "application/json")
}

// held asks about a registered client.
func (h *house) held(method, id, token, body string) *httptest.ResponseRecorder {
	h.Helper()
	return h.send(method, "/oauth2/register/"+id, body, "Authorization", "Bearer "+token, "Content-Type", "application/json")
}

func TestRFC7591AClientRegistersItselfAndWorks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := h.register(h.initialToken(h.inWorkspace("")), registered)
	if w.Code != http.StatusCreated || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var told map[string]any
	h.ok(json.Unmarshal(w.Body.Bytes(), &told))
	id, secret := member(w, "client_id"), member(w, "client_secret")
	if told["client_secret_expires_at"] != float64(0) || told["client_name"] != "Notes" || told["scope"] != "openid" || told["token_endpoint_auth_method"] != "client_secret_basic" ||
		told["registration_client_uri"] != host+"/oauth2/register/"+id || !strings.HasPrefix(member(w, "registration_access_token"), "grt_") || told["client_id_issued_at"] == nil {
		t.Errorf("section 3.2.1: %s", w.Body)
	}
	stored := made(h.store.GetClient(t.Context(), issuer, h.workspace.ID, authz.ClientID(id)))(t)
	if stored.Metadata.Registration != "dynamic" || stored.SkipConsent || stored.Introspect {
		t.Errorf("stored %+v", stored)
	}
	b := h.browser()
	code := b.signIn("client_id", id, "redirect_uri", "https://notes.example/cb", "scope", "openid", "code_challenge", "", "code_challenge_method", "")
	r := httptest.NewRequest("POST", host+"/oauth2/token", strings.NewReader(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"https://notes.example/cb"}}.Encode()))
	r.Header.Set("Content-Type", form)
	r.SetBasicAuth(id, secret)
	tokens := httptest.NewRecorder()
	h.handler.ServeHTTP(tokens, r)
	if tokens.Code != http.StatusOK || member(tokens, "refresh_token") == "" {
		t.Errorf("tokens %d %s", tokens.Code, tokens.Body)
	}
	if list := h.entries("client.registered"); len(list) != 1 || list[0].Target != id || !strings.HasPrefix(list[0].Actor, "irt_") || list[0].WorkspaceID != h.workspace.ID {
		t.Errorf("audit %+v", list)
	}
	for _, text := range []string{secret, member(w, "registration_access_token")} {
		if strings.Contains(h.log.String(), text) {
			t.Error("AU-03: a secret in the log")
		}
	}
}

func TestAD04RegistrationIsClosedToStrangersAndStaleTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	bare := h.send("POST", "/oauth2/register", registered, "Content-Type", "application/json")
	if bare.Code != 401 || bare.Header().Get("WWW-Authenticate") == "" || bare.Body.Len() != 0 {
		t.Errorf("without a token: %d %s", bare.Code, bare.Body)
	}
	once, short := h.initialToken(h.inWorkspace("")), h.initialToken(h.inWorkspace(`,"expires_in":"1m"`))
	revoked := h.send("POST", "/v1/registration-tokens", h.inWorkspace(""), "Authorization", "Bearer "+h.operator, "Content-Type", "application/json")
	if w := h.send("DELETE", "/v1/registration-tokens/"+member(revoked, "id")+"?workspace_id="+string(h.workspace.ID), "", "Authorization", "Bearer "+h.operator); w.Code != 204 {
		t.Fatalf("revoking: %d %s", w.Code, w.Body)
	}
	if w := h.register(once, registered); w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	h.clock.Advance(2 * time.Minute)
	for what, token := range map[string]string{
		"used up": once, "expired": short, "revoked": member(revoked, "token"), "unknown": "git_" + strings.Repeat("A", 43), "a key": h.operator, "cut": once[:len(once)-1],
	} {
		h.wants(what, h.register(token, registered), 401, "invalid_token")
	}
	h.wants("DPoP scheme", h.send("POST", "/oauth2/register", registered, "Authorization", "DPoP "+short, "Content-Type", "application/json"), 401, "")
	h.wants("in the query", h.send("POST", "/oauth2/register?access_token="+short, registered, "Content-Type", "application/json"), 400, "invalid_request")
	if n := len(h.entries("registration.refused")); n < 6 {
		t.Errorf("%d refusals audited", n)
	}
	suspended := h.initialToken(h.inWorkspace(""))
	h.send("POST", "/v1/workspaces/"+string(h.workspace.ID)+"/suspend", "", "Authorization", "Bearer "+h.operator)
	h.wants("of a suspended workspace", h.register(suspended, registered), 401, "invalid_token")
}

func TestAD04TheHoldOnARegistrationIsRotatedAndDies(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.initialToken(h.inWorkspace(`,"uses":2`))
	w, other := h.register(token, registered), h.register(token, registered)
	id, first := member(w, "client_id"), member(w, "registration_access_token")
	if got := h.held("GET", id, first, ""); got.Code != 200 || member(got, "client_id") != id || member(got, "client_secret") != "" || member(got, "registration_access_token") != first {
		t.Errorf("RFC 7592 section 2.1: %d %s", got.Code, got.Body)
	}
	unknown := h.held("GET", id[:len(id)-4]+"0000", first, "")
	for what, got := range map[string]*httptest.ResponseRecorder{
		"of another": h.held("GET", id, member(other, "registration_access_token"), ""), "of a client registered by hand": h.held("GET", string(h.app.ID), first, ""),
		"the initial token": h.held("GET", id, token, ""), "put by another": h.held("PUT", id, member(other, "registration_access_token"), registered),
		"deleted by another": h.held("DELETE", id, member(other, "registration_access_token"), ""),
	} {
		if got.Code != 401 || got.Body.String() != unknown.Body.String() {
			t.Errorf("%s: %d %s, want what an unknown client gets: %s", what, got.Code, got.Body, unknown.Body)
		}
	}
	body := strings.Replace(registered, `{`, `{"client_id":"`+id+`",`, 1)
	for what, wrong := range map[string]string{
		"no client_id": registered, "another client_id": strings.Replace(body, id, "cl_other", 1), "another secret": strings.Replace(body, `{`, `{"client_secret":"x",`, 1),
		"the token in the body": strings.Replace(body, `{`, `{"registration_access_token":"`+first+`",`, 1), "another method": strings.Replace(body, `{`, `{"token_endpoint_auth_method":"none",`, 1),
	} {
		h.wants(what, h.held("PUT", id, first, wrong), 400, "invalid_client_metadata")
	}
	put := h.held("PUT", id, first, strings.Replace(strings.Replace(body, "Notes", "Better notes", 1), `{`, `{"client_secret":"`+member(w, "client_secret")+`",`, 1))
	second := member(put, "registration_access_token")
	if put.Code != 200 || member(put, "client_name") != "Better notes" || second == first || second == "" {
		t.Fatalf("RFC 7592 section 2.2: %d %s", put.Code, put.Body)
	}
	h.wants("the token before", h.held("GET", id, first, ""), 401, "invalid_token")
	if stored := made(h.store.GetClient(t.Context(), issuer, h.workspace.ID, authz.ClientID(id)))(t); stored.Name != "Better notes" || stored.Revision != 2 {
		t.Errorf("stored %+v", stored)
	}
	if w := h.held("DELETE", id, second, ""); w.Code != 204 || w.Body.Len() != 0 {
		t.Errorf("RFC 7592 section 2.3: %d %s", w.Code, w.Body)
	}
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		h.wants(method+" when it is gone", h.held(method, id, second, body), 401, "invalid_token")
	}
	if page := h.browser().get(h.authorizeURL("client_id", id, "redirect_uri", "https://notes.example/cb", "scope", "openid")); page.Code != 400 {
		t.Errorf("the deleted client at the authorization endpoint: %d", page.Code)
	}
	if len(h.entries("client.updated")) != 1 || len(h.entries("client.deleted")) != 1 {
		t.Error("the acts are not audited once each")
	}
}

func TestRFC7591WhatAClientMayNotSayIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.initialToken(h.inWorkspace(`,"uses":100`))
	with := func(members string) string { return strings.Replace(registered, `{`, `{`+members+`,`, 1) }
	for what, c := range map[string]struct{ body, code string }{
		"RU-06 javascript":             {`{"redirect_uris":["JaVaScRiPt:alert(1)"]}`, "invalid_redirect_uri"},
		"RU-07 a wildcard":             {`{"redirect_uris":["https://*.example/cb"]}`, "invalid_redirect_uri"},
		"no redirect URI":              {`{"client_name":"x"}`, "invalid_redirect_uri"},
		"a statement":                  {with(`"software_statement":"eyJhbGciOiJub25lIn0.e30."`), "unapproved_software_statement"},
		"client_credentials":           {strings.Replace(registered, `"refresh_token"`, `"client_credentials"`, 1), "invalid_client_metadata"},
		"token exchange":               {strings.Replace(registered, `"refresh_token"`, `"urn:ietf:params:oauth:grant-type:token-exchange"`, 1), "invalid_client_metadata"},
		"implicit":                     {with(`"response_types":["token"]`), "invalid_client_metadata"},
		"scopes for others":            {strings.Replace(registered, `"openid"`, `"offline_access"`, 1), "invalid_client_metadata"},
		"RU-06 logo":                   {with(`"logo_uri":"javascript:alert(1)"`), "invalid_client_metadata"},
		"CA-08 keys inside":            {with(`"jwks_uri":"https://127.0.0.1/jwks"`), "invalid_client_metadata"},
		"a private key":                {with(`"jwks":{"keys":[{"kty":"oct","k":"AAAA"}]}`), "invalid_client_metadata"},
		"a name that turns":            {strings.Replace(registered, "Notes", "\u202eseton", 1), "invalid_client_metadata"},
		"an unknown method":            {with(`"token_endpoint_auth_method":"client_secret_jwt"`), "invalid_client_metadata"},
		"not an object":                {`[]`, "invalid_client_metadata"},
		"not JSON":                     {`{`, "invalid_client_metadata"},
		"a text where a list belongs":  {`{"redirect_uris":"https://notes.example/cb"}`, "invalid_client_metadata"},
		"deep":                         {strings.Repeat("[", 20_000), "invalid_client_metadata"},
		"a logout address in a subnet": {with(`"backchannel_logout_uri":"https://10.0.0.1/out"`), "invalid_client_metadata"},
	} {
		w := h.register(token, c.body)
		h.wants(what, w, 400, c.code)
		if strings.Contains(w.Body.String(), "alert") || strings.Contains(w.Body.String(), "10.0.0.1") {
			t.Errorf("%s: the answer quotes the request: %s", what, w.Body)
		}
	}
	h.wants("a form", h.send("POST", "/oauth2/register", "a=b", "Authorization", "Bearer "+token, "Content-Type", form), 400, "invalid_client_metadata")
	h.wants("too large", h.register(token, `{"client_name":"`+strings.Repeat("x", 70<<10)+`"}`), 413, "invalid_request")
	if n := len(h.entries("client.registered")); n != 0 {
		t.Errorf("%d clients were registered", n)
	}
	quiet := h.register(token, with(`"skip_consent":true,"introspect":true,"environments":["live"],"registration":"","workspace_id":"ws_x","profile":"service"`))
	c := made(h.store.GetClient(t.Context(), issuer, h.workspace.ID, authz.ClientID(member(quiet, "client_id"))))(t)
	if c.SkipConsent || c.Introspect || len(c.Environments) > 0 || c.Metadata.Registration != "dynamic" || c.Metadata.Profile != "" {
		t.Errorf("AD-01: a client made itself more than it may be: %+v", c)
	}
}

func TestAProfileOfTheTokenHoldsTheClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.initialToken(h.inWorkspace(`,"uses":5,"profile":"mcp"`))
	w := h.register(token, `{"client_name":"x","redirect_uris":["http://127.0.0.1/cb"]}`)
	var told map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &told)
	if w.Code != 201 || told["token_endpoint_auth_method"] != "none" || told["client_secret"] != nil || told["client_secret_expires_at"] != nil || told["require_pkce"] != true {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h.wants("looser", h.register(token, `{"redirect_uris":["https://x.example/"],"require_pkce":false}`), 400, "invalid_client_metadata")
	h.wants("with a secret", h.register(token, `{"redirect_uris":["https://x.example/"],"token_endpoint_auth_method":"client_secret_basic"}`), 400, "invalid_client_metadata")
	for _, body := range []string{h.inWorkspace(`,"profile":"service"`), h.inWorkspace(`,"uses":0,"expires_in":"721h"`), h.inWorkspace(`,"uses":1001`), `{}`} {
		if w := h.send("POST", "/v1/registration-tokens", body, "Authorization", "Bearer "+h.operator, "Content-Type", "application/json"); w.Code != 400 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

func TestTN01RegistrationTokensStayInTheirWorkspace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	theirs := h.send("POST", "/v1/registration-tokens", h.inWorkspace(""), "Authorization", "Bearer "+h.operator, "Content-Type", "application/json")
	_, mine := h.key(h.other().ID, "manage:clients")
	_, powerless := h.key(h.workspace.ID, "monitor:read")
	ask := func(key, method, path, body string) int {
		return h.send(method, path, body, "Authorization", "Bearer "+key, "Content-Type", "application/json").Code
	}
	if got := ask(mine, "POST", "/v1/registration-tokens", h.inWorkspace("")); got != 404 {
		t.Errorf("minting in another workspace: %d", got)
	}
	if got := ask(mine, "DELETE", "/v1/registration-tokens/"+member(theirs, "id"), ""); got != 404 {
		t.Errorf("revoking another's: %d", got)
	}
	if got := ask(powerless, "POST", "/v1/registration-tokens", "{}"); got != 403 {
		t.Errorf("without the scope: %d", got)
	}
	if w := h.register(member(theirs, "token"), registered); w.Code != 201 {
		t.Errorf("theirs afterwards: %d %s", w.Code, w.Body)
	}
}

func TestRegistrationsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.initialToken(h.inWorkspace(`,"uses":4`))
	var ok, full int
	var lock sync.Mutex
	var group sync.WaitGroup
	for range 6 { // the fixture allows three
		group.Go(func() {
			w := h.register(token, registered)
			lock.Lock()
			defer lock.Unlock()
			switch w.Code {
			case 201:
				ok++
			case 401, 403:
				full++
			default:
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	group.Wait()
	if ok != 3 || full != 3 {
		t.Errorf("%d registered, %d refused", ok, full)
	}
	h.clock.Advance(719 * time.Hour)
	early := made(h.registrar.Purge(t.Context()))(t)
	h.clock.Advance(2 * time.Hour)
	if due := made(h.registrar.Purge(t.Context()))(t); early != 0 || due != 3 {
		t.Errorf("%d purged early, %d in time", early, due)
	}
	if w := h.register(h.initialToken(h.inWorkspace("")), registered); w.Code != 201 {
		t.Errorf("there is no room after the purge: %d %s", w.Code, w.Body)
	}
}

func TestRegistrationIsServedAndAdvertisedOnlyWhereItIsOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if w := h.send("GET", "/.well-known/oauth-authorization-server", ""); member(w, "registration_endpoint") != host+"/oauth2/register" {
		t.Errorf("metadata %s", w.Body)
	}
	off := newHouse(t, func(c *web.Config) { c.Issuers[0].Registration = nil })
	for _, target := range []string{"POST /oauth2/register", "GET /oauth2/register/cl_x"} {
		method, path, _ := strings.Cut(target, " ")
		if w := off.send(method, path, registered, "Authorization", "Bearer git_x", "Content-Type", "application/json"); w.Code != 404 {
			t.Errorf("%s where it is off: %d", target, w.Code)
		}
	}
	limited := newHouse(t, func(c *web.Config) { c.Limits.Registration.PerAddress = refusing{} })
	h.wants("DS-01 the limit", limited.register("git_x", registered), 429, "rate_limited")
}

type refusing struct{}

func (refusing) Allow(string) error {
	return authz.NewError(authz.RateLimited, "rate_limited", "Slow down.")
}

func TestClientsTakeEveryMemberByItsRegisteredName(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		return h.send(method, path, body, "Authorization", "Bearer "+h.operator, "Content-Type", "application/json")
	}
	const keys = `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	w := ask("POST", "/v1/clients", h.inWorkspace(`,"name":"bank","profile":"fapi2","redirect_uris":["https://bank.example/cb"],"scopes":["openid"],"jwks":`+keys+`,"contacts":["ops@bank.example"]`))
	if w.Code != 201 || member(w, "client_secret") != "" || member(w, "token_endpoint_auth_method") != "private_key_jwt" || member(w, "id_token_signed_response_alg") != "ES256" ||
		!strings.Contains(w.Body.String(), `"require_pushed_authorization_requests":true`) || !strings.Contains(w.Body.String(), `"dpop_bound_access_tokens":true`) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	path := "/v1/clients/" + member(w, "client_id") + "?workspace_id=" + string(h.workspace.ID)
	h.wants("looser", ask("PATCH", path, `{"dpop_bound_access_tokens":false}`), 400, "invalid_dpop_bound_access_tokens")
	h.wants("both", ask("PATCH", path, `{"jwks_uri":"https://bank.example/jwks"}`), 400, "invalid_jwks_uri")
	moved := ask("PATCH", path, `{"jwks":null,"jwks_uri":"https://bank.example/jwks","tls_client_certificate_bound_access_tokens":true,"dpop_bound_access_tokens":false}`)
	if moved.Code != 200 || member(moved, "jwks_uri") == "" || strings.Contains(moved.Body.String(), `"jwks":`) || !strings.Contains(moved.Body.String(), "ops@bank.example") {
		t.Errorf("PATCH %d %s", moved.Code, moved.Body)
	}
	if got := ask("GET", path, ""); got.Code != 200 || got.Body.String() != moved.Body.String() || got.Header().Get("ETag") != `"2"` {
		t.Errorf("GET %s %s", got.Header().Get("ETag"), got.Body)
	}
	h.wants("a secret for who has none", ask("POST", strings.Replace(path, "?", "/rotate?", 1), `{}`), 400, "invalid_auth_method")
	h.wants("registration is ours", ask("PATCH", path, `{"registration":"dynamic"}`), 400, "invalid_request")
	for member, body := range map[string]string{"logo_uri": `{"logo_uri":"javascript:alert(1)"}`, "post_logout_redirect_uris": `{"post_logout_redirect_uris":["data:text/html,x"]}`} {
		h.wants("RU-06 "+member, ask("PATCH", path, body), 400, "invalid_"+member)
	}
	if slices.ContainsFunc(h.entries("client.updated"), func(e authz.AuditEntry) bool { return e.Target == "" }) || len(h.entries("client.updated")) != 1 {
		t.Error("one change is one entry")
	}
}

func TestAClientCannotBeMovedOutOfItsProfile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		return h.send(method, path, body, "Authorization", "Bearer "+h.operator, "Content-Type", "application/json")
	}
	const keys = `"jwks":{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	const strict = `"profile":"fapi2","require_pushed_authorization_requests":true,"dpop_bound_access_tokens":true,"response_modes":["query"],"id_token_signed_response_alg":"ES256"`
	w := ask("POST", "/v1/clients", h.inWorkspace(`,"name":"bank","profile":"web","token_endpoint_auth_method":"private_key_jwt","redirect_uris":["https://bank.example/cb"],"scopes":["openid"],`+keys))
	if w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	id, in := member(w, "client_id"), "?workspace_id="+string(h.workspace.ID)
	path := "/v1/clients/" + id + in
	h.wants("web to mcp", ask("PATCH", path, `{"profile":"mcp"}`), 400, "invalid_profile")
	h.wants("to fapi2 without what it asks", ask("PATCH", path, `{"profile":"fapi2"}`), 400, "invalid_require_pushed_authorization_requests")
	if w := ask("PATCH", path, "{"+strict+"}"); w.Code != 200 || member(w, "profile") != "fapi2" {
		t.Fatalf("web to fapi2: %d %s", w.Code, w.Body)
	}
	for _, to := range []string{"web", "spa", "native", "service", "mcp"} {
		h.wants("fapi2 to "+to, ask("PATCH", path, `{"profile":"`+to+`","require_pushed_authorization_requests":false,"dpop_bound_access_tokens":false}`), 400, "invalid_profile")
	}
	h.wants("back to what it was", ask("POST", "/v1/clients/"+id+"/rollback"+in, `{"revision":1}`), 400, "invalid_profile")
}
