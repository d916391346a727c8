package web_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/web"
)

var endpoints = []string{"/oauth2/token", "/oauth2/revoke", "/oauth2/introspect", "/oauth2/par"}

func TestTK_01_ProtocolEndpointsTakeOneKindOfRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	grant := "grant_type=client_credentials&token=x"
	for _, path := range endpoints {
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"} {
			if w := h.send(method, path, ""); w.Code != 405 || w.Header().Get("Allow") != "OPTIONS, POST" && w.Header().Get("Allow") != "POST, OPTIONS" || w.Body.Len() != 0 {
				t.Errorf("%s %s: %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
		for _, kind := range []string{"application/json", "text/plain", "multipart/form-data; boundary=x", "", form + ", " + form, "x"} {
			h.wants(path+" as "+kind, h.send("POST", path, grant, "Content-Type", kind, "Authorization", h.basic()), 400, "invalid_request")
		}
		h.wants("CA-03: in the query", h.send("POST", path+"?client_id="+string(h.app.ID)+"&client_secret="+h.secret, grant, "Content-Type", form), 400, "invalid_request")
		h.wants("the grant in the query", h.send("POST", path+"?"+grant, "", "Content-Type", form, "Authorization", h.basic()), 400, "invalid_request")
		h.wants("rubbish", h.send("POST", path, "a=%zz", "Content-Type", form, "Authorization", h.basic()), 400, "invalid_request")
		h.wants("a semicolon", h.send("POST", path, "a=b;c=d", "Content-Type", form, "Authorization", h.basic()), 400, "invalid_request")
		many := url.Values{}
		for range 65 {
			many.Set(authz.NewID("p"), "x")
		}
		h.wants("DS-03: many parameters", h.send("POST", path, many.Encode(), "Content-Type", form, "Authorization", h.basic()), 400, "invalid_request")
	}
	if strings.Contains(h.log.String(), h.secret) {
		t.Error("AU-03: a secret in the log")
	}
}

func TestAK_05_TwoAuthorizationHeadersAreNoAuthorization(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, path := range endpoints {
		w := h.send("POST", path, "grant_type=client_credentials&token=x", "Content-Type", form, "Authorization", h.basic(), "Authorization", h.basic())
		h.wants(path, w, 400, "invalid_request")
	}
	for _, path := range []string{"/oauth2/userinfo", "/v1/workspaces"} {
		w := h.send("GET", path, "", "Authorization", "Bearer "+h.operator, "Authorization", "Bearer "+h.operator)
		h.wants(path, w, 400, "invalid_request")
	}
	for header, status := range map[string]int{
		"Bearer " + h.operator + ", Bearer " + h.operator: 401, "Bearer": 401, "Bearer ": 401, h.operator: 401, "Basic " + h.operator: 401,
		"Bearer " + strings.Repeat("x", 60<<10): 401, "bearer " + h.operator: 200,
	} {
		if w := h.send("GET", "/v1/workspaces", "", "Authorization", header); w.Code != status {
			t.Errorf("%.40q: %d %s", header, w.Code, w.Body)
		}
	}
}

func TestDS_01_AHugeBodyIsCutOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	huge := "token=" + strings.Repeat("x", 1<<20)
	for _, path := range endpoints {
		h.wants(path, h.send("POST", path, huge, "Content-Type", form, "Authorization", h.basic()), 413, "invalid_request")
	}
	for _, path := range []string{"/signin", "/consent", "/oauth2/authorize"} {
		if w := h.send("POST", path, huge, "Content-Type", form, "Origin", host); w.Code != 413 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := h.send("POST", "/oauth2/userinfo", "access_token="+strings.Repeat("x", 1<<20), "Content-Type", form); w.Code != 413 {
		t.Errorf("userinfo: %d", w.Code)
	}
	if w := h.send("POST", "/v1/workspaces", `{"name":"`+huge+`"}`, "Content-Type", "application/json", "Authorization", "Bearer "+h.operator); w.Code != 413 {
		t.Errorf("/v1: %d %.200s", w.Code, w.Body)
	}
}

func TestIN_01_IN_02_TheCallerMustProveItself(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := "token=" + h.operator
	for name, w := range map[string]*httptest.ResponseRecorder{
		"nobody":          h.send("POST", "/oauth2/introspect", token, "Content-Type", form),
		"a public client": h.send("POST", "/oauth2/introspect", token+"&client_id="+string(h.spa.ID), "Content-Type", form),
		"an id alone":     h.send("POST", "/oauth2/introspect", token+"&client_id="+string(h.app.ID), "Content-Type", form),
		"the token":       h.send("POST", "/oauth2/introspect", token, "Content-Type", form, "Authorization", "Bearer "+h.operator),
		"in the body":     h.send("POST", "/oauth2/introspect", token+"&access_token="+h.operator, "Content-Type", form),
	} {
		h.wants(name, w, 401, "invalid_client")
		if w.Header().Get("WWW-Authenticate") == "" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", name, w.Header())
		}
	}
	h.wants("in the query", h.send("POST", "/oauth2/introspect?access_token="+h.operator, token, "Content-Type", form), 400, "credential_in_query")
	h.wants("a token in the query", h.send("POST", "/oauth2/introspect?access_token=x", token, "Content-Type", form), 400, "invalid_request")
	for _, text := range []string{"x", h.operator, strings.Repeat("x", 20<<10), "ey.ey.ey", "rt_" + strings.Repeat("a", 43)} {
		w := h.send("POST", "/oauth2/introspect", url.Values{"token": {text}, "token_type_hint": {"nonsense"}}.Encode(), "Content-Type", form, "Authorization", h.basic())
		if w.Code != 200 || w.Body.String() != `{"active":false}` || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%.20s: %d %s", text, w.Code, w.Body)
		}
	}
	h.wants("two tokens", h.send("POST", "/oauth2/introspect", "token=a&token=b", "Content-Type", form, "Authorization", h.basic()), 400, "invalid_request")
	if n := len(h.entries("introspection.refused")); n != 5 {
		t.Errorf("%d refusals audited", n)
	}
}

func TestABearerTokenComesInTheHeaderAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, w := range map[string]*httptest.ResponseRecorder{
		"query":           h.send("GET", "/oauth2/userinfo?access_token=x", ""),
		"query and right": h.send("GET", "/oauth2/userinfo?access_token=x", "", "Authorization", "Bearer at_x"),
		"body":            h.send("POST", "/oauth2/userinfo", "access_token=x", "Content-Type", form),
		"body and right":  h.send("POST", "/oauth2/userinfo", "access_token=x", "Content-Type", form, "Authorization", "Bearer at_x"),
	} {
		h.wants(name, w, 400, "invalid_request")
	}
	bare := h.send("GET", "/oauth2/userinfo", "")
	if bare.Code != 401 || bare.Header().Get("WWW-Authenticate") != `Bearer realm="gatehouse", resource_metadata="https://up.example/.well-known/oauth-protected-resource"` || bare.Body.Len() != 0 {
		t.Errorf("bare: %d %q %s", bare.Code, bare.Header().Get("WWW-Authenticate"), bare.Body)
	}
	h.wants("RT-10 and a key", h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer "+h.operator), 401, "invalid_token")
	for _, q := range []string{"access_token", "api_key", "apikey", "key", "token"} {
		h.wants("AK-01: "+q, h.send("GET", "/v1/workspaces?"+q+"="+h.operator, "", "Authorization", "Bearer "+h.operator), 400, "credential_in_query")
	}
	for _, header := range [][]string{{"X-API-Key", h.operator}, {"Cookie", "key=" + h.operator}, {"Authorization", "Basic " + h.operator}} {
		if w := h.send("GET", "/v1/workspaces", "", header...); w.Code != 401 {
			t.Errorf("AK-02: %s: %d", header[0], w.Code)
		}
	}
	h.wants("a page's script", h.send("GET", "/v1/workspaces", "", "Authorization", "Bearer "+h.operator, "Origin", host), 403, "browser_refused")
	if strings.Contains(h.log.String(), h.operator) {
		t.Error("AU-03: a key in the log")
	}
}

func TestAU_03_AKeyInTheWrongPlaceReachesNoLogAndNoAuditEntry(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, body := range []url.Values{
		{"grant_type": {"client_credentials"}, "client_id": {h.operator}}, {"grant_type": {h.operator}},
		{"grant_type": {"client_credentials"}, "client_id": {h.operator}, "client_secret": {h.operator}},
	} {
		w := h.send("POST", "/oauth2/token", body.Encode(), "Content-Type", form)
		if w.Code/100 != 4 || strings.Contains(w.Body.String(), h.operator[:30]) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	for _, e := range h.entries("token.refused") {
		if strings.Contains(e.Actor, h.operator[:30]) {
			t.Error("the audit trail holds a key")
		}
	}
	if strings.Contains(h.log.String(), h.operator[:30]) {
		t.Error("the log holds a key")
	}
}

func TestAU_03_TheLogNamesTheClientHoweverItAuthenticates(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	basic := func(id string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+h.secret))
	}
	for _, path := range []string{"/oauth2/token", "/oauth2/revoke"} {
		h.send("POST", path, "grant_type=authorization_code&code=x&token=x", "Content-Type", form, "Authorization", basic(string(h.app.ID)))
		h.send("POST", path, "grant_type=authorization_code&code=x&token=x", "Content-Type", form, "Authorization", basic(h.operator))
		h.send("POST", path, "grant_type=authorization_code&code=x&token=x&client_id="+string(h.spa.ID), "Content-Type", form)
	}
	log := h.log.String()
	for _, id := range []authz.ClientID{h.app.ID, h.spa.ID} {
		if got := strings.Count(log, `"client_id":"`+string(id)+`"`); got != 2 {
			t.Errorf("%s is named %d times:\n%s", id, got, log)
		}
	}
	if strings.Contains(log, h.operator[:30]) || strings.Contains(log, h.secret) {
		t.Error("the log holds a secret")
	}
}

func TestDI_01_TheHostIsTheIssuersOrNobodys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, target := range []string{"https://evil.example/.well-known/openid-configuration", "https://up.example:8443/", "https://up.example.evil.example/", "https://127.0.0.1/oauth2/token"} {
		w := h.send("GET", target, "")
		if w.Code != 421 || strings.Contains(w.Body.String(), "evil") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	plain := h.send("GET", "/.well-known/openid-configuration", "").Body.String()
	spoofed := h.send("GET", "https://UP.EXAMPLE:443/.well-known/openid-configuration", "", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "http", "Forwarded", "host=evil.example").Body.String()
	if plain != spoofed || !strings.Contains(plain, `"issuer":"https://up.example"`) {
		t.Errorf("metadata %s", spoofed)
	}
	if other := h.send("GET", "/.well-known/oauth-authorization-server", "").Body.String(); other != plain {
		t.Error("DI-02: the two documents differ")
	}
}

func TestRL_02_RL_03_OnlyATrustedProxyIsAskedForTheAddress(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *web.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	for _, c := range []struct{ peer, forwarded, want string }{
		{"192.0.2.1:1", "203.0.113.9", "192.0.2.1"},
		{"10.0.0.1:1", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:1", "6.6.6.6, 203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:1", "203.0.113.9, 10.0.0.2", "203.0.113.9"},
		{"10.0.0.1:1", "203.0.113.9, rubbish", "10.0.0.1"},
		{"10.0.0.1:1", "203.0.113.9, rubbish, 10.0.0.2", "10.0.0.2"},
		{"10.0.0.1:1", "", "10.0.0.1"},
		{"[::ffff:10.0.0.1]:1", "::ffff:203.0.113.9", "203.0.113.9"},
		{"[::ffff:192.0.2.1]:1", "203.0.113.9", "192.0.2.1"},
		{"rubbish", "203.0.113.9", ""},
	} {
		before := h.log.String()
		r := httptest.NewRequest("GET", host+"/oauth2/userinfo", nil)
		r.RemoteAddr = c.peer
		r.Header.Set("X-Forwarded-For", c.forwarded)
		r.Header.Set("X-Real-IP", "6.6.6.6")
		r.Header.Set("Forwarded", "for=6.6.6.6")
		r.Header.Set("True-Client-IP", "6.6.6.6")
		h.handler.ServeHTTP(httptest.NewRecorder(), r)
		if line := strings.TrimPrefix(h.log.String(), before); !strings.Contains(line, `"client_ip":"`+c.want+`"`) {
			t.Errorf("%+v: %s", c, line)
		}
	}
}

// RL-04: a name with underscores, which some gateways turn into dashes, and one
// that was declared hop-by-hop, say nothing: neither of the address nor of who asks.
func TestRL_04_SmuggledHeadersSayNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *web.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	address := func(peer string, headers ...string) string {
		t.Helper()
		before := h.log.String()
		r := httptest.NewRequest("GET", host+"/oauth2/userinfo", nil)
		r.RemoteAddr = peer
		for n := 0; n < len(headers); n += 2 {
			r.Header[headers[n]] = []string{headers[n+1]} // as it was written
		}
		h.handler.ServeHTTP(httptest.NewRecorder(), r)
		_, rest, _ := strings.Cut(strings.TrimPrefix(h.log.String(), before), `"client_ip":"`)
		told, _, _ := strings.Cut(rest, `"`)
		return told
	}
	for _, c := range [][]string{
		{"10.0.0.1:1", "10.0.0.1", "X_Forwarded_For", "203.0.113.9"},
		{"10.0.0.1:1", "10.0.0.1", "X-Forwarded_For", "203.0.113.9"},
		{"10.0.0.1:1", "203.0.113.9", "X_Forwarded_For", "6.6.6.6", "X-Forwarded-For", "203.0.113.9"},
		{"192.0.2.1:1", "192.0.2.1", "Connection", "close, X-Forwarded-For", "X-Forwarded-For", "203.0.113.9"},
		{"192.0.2.1:1", "192.0.2.1", "X_Forwarded_For", "203.0.113.9"},
	} {
		if told := address(c[0], c[2:]...); told != c[1] {
			t.Errorf("%v: the address is %q", c, told)
		}
	}
	_, key := h.mint(nil)
	ask := func(headers ...string) int {
		return h.send("GET", "/v1/forward-auth", "", append(headers, "Authorization", "Bearer "+key)...).Code
	}
	gateway := h.gateway(authz.Live)
	if got := ask("X-Gatehouse-Caller", gateway); got != http.StatusOK {
		t.Fatalf("its caller: %d", got)
	}
	for _, name := range []string{"X_Gatehouse_Caller", "X-Gatehouse_Caller"} {
		if got := ask(name, gateway); got == http.StatusOK {
			t.Errorf("%s was believed", name)
		}
	}
}

func TestTK_09_U12_AKeyInAPageIsNotExchanged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, key := h.key(h.workspace.ID, "monitor:read")
	body := url.Values{"grant_type": {authz.GrantTokenExchange}, "subject_token": {key}}.Encode()
	w := h.send("POST", "/oauth2/token", body, "Content-Type", form, "Authorization", h.basic(), "Origin", "https://app.example")
	h.wants("exchanged in a page", w, 403, "browser_refused")
	if n := len(h.entries("credential.refused")); n != 1 {
		t.Errorf("%d entries", n)
	}
	if w := h.send("POST", "/oauth2/token", body, "Content-Type", form, "Authorization", h.basic()); w.Code == 403 {
		t.Errorf("from a server: %d %s", w.Code, w.Body)
	}
}

func TestRFC9449_8_2_AScriptReadsItsNextNonce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Origin", "https://app.example", "DPoP", "x")
	if exposed := w.Header().Get("Access-Control-Expose-Headers"); w.Header().Get("DPoP-Nonce") == "" || !strings.Contains(exposed, "DPoP-Nonce") || !strings.Contains(exposed, "WWW-Authenticate") {
		t.Errorf("%v", w.Header())
	}
}

func TestTK_09_OtherOriginsReadWithoutCredentials(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, path := range []string{"/oauth2/token", "/oauth2/revoke", "/oauth2/userinfo", "/.well-known/jwks.json"} {
		w := h.send("OPTIONS", path, "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
		if w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	for _, path := range []string{"/oauth2/introspect", "/oauth2/authorize", "/consent", "/signin", "/v1/workspaces", "/"} {
		w := h.send("OPTIONS", path, "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
		if w.Header().Get("Access-Control-Allow-Origin") != "" || w.Header().Get("Access-Control-Allow-Methods") != "" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
}
