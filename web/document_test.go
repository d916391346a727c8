package web_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
)

const (
	nativeURI    = "http://127.0.0.1:7777/cb"
	codeVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	ofVerifier   = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// site publishes documents of clients.
type documentSite struct {
	*httptest.Server
	mu      sync.Mutex
	serve   map[string]http.HandlerFunc
	fetched atomic.Int32
}

// documents starts a site that the house may ask.
func (h *house) documentSite() *documentSite {
	h.Helper()
	s := &documentSite{serve: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fetched.Add(1)
		s.mu.Lock()
		serve := s.serve[r.URL.Path]
		s.mu.Unlock()
		if serve == nil {
			http.NotFound(w, r)
			return
		}
		serve(w, r)
	}))
	h.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	h.opened = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	h.outside = outbound.NewClient(outbound.Config{AllowPrivate: h.opened, RootCAs: roots, MaxBody: 5 << 10})
	return s
}

// put publishes a document at a path and returns its client_id; members replace
// those of a plain one.
func (s *documentSite) put(path string, members map[string]any, headers ...string) string {
	id := s.URL + path
	document := map[string]any{
		"client_id": id, "client_name": "Editor", "redirect_uris": []string{nativeURI, "https://editor.example/cb"}, "token_endpoint_auth_method": "none",
		"grant_types": []string{"authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"}, "id_token_signed_response_alg": "ES256",
	}
	for name, value := range members {
		document[name] = value
	}
	text, _ := json.Marshal(document)
	s.handle(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for n := 0; n+1 < len(headers); n += 2 {
			w.Header().Set(headers[n], headers[n+1])
		}
		_, _ = w.Write(text)
	})
	return id
}

func (s *documentSite) handle(path string, serve http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serve[path] = serve
}

func (h *house) documentRequest(id string, more ...string) string {
	return h.authorizeURL(append([]string{"client_id", id, "redirect_uri", nativeURI, "scope", "openid"}, more...)...)
}

// redeem redeems a code as a public client.
func (h *house) redeem(id, grant string, more ...string) *httptest.ResponseRecorder {
	h.Helper()
	v := url.Values{"grant_type": {grant}, "client_id": {id}}
	for n := 0; n+1 < len(more); n += 2 {
		v.Set(more[n], more[n+1])
	}
	return h.send("POST", "/oauth2/token", v.Encode(), "Content-Type", form)
}

// allowDocument signs a person in at a client of a document and redeems the code.
func (h *house) allowDocument(b *browser, id string) *httptest.ResponseRecorder {
	h.Helper()
	code := b.signIn("client_id", id, "redirect_uri", nativeURI, "scope", "openid", "code_challenge", ofVerifier)
	w := h.redeem(id, "authorization_code", "code", code, "redirect_uri", nativeURI, "code_verifier", codeVerifier)
	if w.Code != http.StatusOK {
		h.Fatalf("no tokens: %d %s", w.Code, w.Body)
	}
	return w
}

func TestCIMDAClientNobodyRegisteredSignsPeopleIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.documentSite()
	id := s.put("/client.json", nil)
	b := h.browser()
	request := b.consentPage("client_id", id, "redirect_uri", nativeURI, "scope", "openid")
	if _, err := h.store.GetClientAcrossWorkspaces(t.Context(), issuer, authz.ClientID(id)); err == nil {
		t.Error("a document left a row before a person allowed its client")
	}
	page := b.get("/consent?request=" + request).Body.String()
	if u, _ := url.Parse(id); !strings.Contains(page, `id="published_at"`) || !strings.Contains(page, u.Host) {
		t.Errorf("the consent page does not show the host: %.900s", page)
	}
	b = h.browser()
	tokens := h.allowDocument(b, id)
	c := made(h.store.GetClient(t.Context(), issuer, "", authz.ClientID(id)))(t)
	if c.Introspect || c.SkipConsent || len(c.Environments) > 0 || c.Metadata.Registration != "document" || c.MayUse(authz.GrantClientCredentials) || c.MayUse(authz.GrantDeviceCode) || c.Name != "Editor" {
		t.Errorf("the row %+v", c)
	}
	if list := h.entries("client.registered"); len(list) != 1 || list[0].Target != id {
		t.Errorf("audit %+v", list)
	}
	me := h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer "+member(tokens, "access_token"))
	if me.Code != http.StatusOK {
		t.Errorf("userinfo %d %s", me.Code, me.Body)
	}
	if again := h.redeem(id, "refresh_token", "refresh_token", member(tokens, "refresh_token")); again.Code != http.StatusOK {
		t.Errorf("refresh %d %s", again.Code, again.Body)
	}
	if n := s.fetched.Load(); n != 1 {
		t.Errorf("the document was fetched %d times", n)
	}
	if w := b.get(h.documentRequest(id, "prompt", "none")); !strings.Contains(w.Header().Get("Location"), "error=consent_required") {
		t.Errorf("RFC 8252 section 8.6: any program on the machine gets a code unasked: %d %s", w.Code, w.Header().Get("Location"))
	}
}

func TestCIMDOnlyTheDocumentAtItsAddressSpeaksForAClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.documentSite()
	refused := func(what, id string) {
		t.Helper()
		if w := h.browser().get(h.documentRequest(id)); w.Code != 400 || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d %s %.300s", what, w.Code, w.Header().Get("Location"), w.Body)
		}
	}
	n := 0
	document := func(members map[string]any, headers ...string) string {
		n++
		return s.put("/"+authz.NewID("d"), members, headers...)
	}
	for what, members := range map[string]map[string]any{
		"another client_id": {"client_id": "https://other.example/client"}, "a symmetric secret": {"token_endpoint_auth_method": "client_secret_basic"}, "a secret": {"client_secret": "x"},
		"no redirect URIs": {"redirect_uris": []string{}}, "RU-06": {"redirect_uris": []string{nativeURI, "javascript:alert(1)"}}, "RU-06 logo": {"logo_uri": "data:image/svg+xml,x"},
		"no keys for private_key_jwt": {"token_endpoint_auth_method": "private_key_jwt"}, "a statement": {"software_statement": "a.b.c"}, "implicit": {"response_types": []string{"token"}},
		"a name that turns": {"client_name": "\u202e"}, "grants of another kind only": {"grant_types": []string{"client_credentials"}}, "scopes of nobody": {"scope": "admin"},
		"too large": {"client_uri": "https://x.example/" + strings.Repeat("x", 6<<10)}, "keys inside": {"jwks_uri": "https://10.0.0.1/jwks", "token_endpoint_auth_method": "private_key_jwt"},
	} {
		refused(what, document(members))
	}
	refused("of another type", document(nil, "Content-Type", "text/html"))
	s.handle("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/client.json", http.StatusFound) })
	s.handle("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	s.handle("/null", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("null"))
	})
	s.put("/client.json", nil)
	for _, path := range []string{"/away", "/broken", "/null", "/none"} {
		refused(path, s.URL+path)
	}
	before := s.fetched.Load()
	plain := "http://" + strings.TrimPrefix(s.URL, "https://")
	for what, id := range map[string]string{
		"no path": s.URL, "a fragment": s.URL + "/client.json#x", "a user": strings.Replace(s.URL, "https://", "https://user@", 1) + "/client.json", "dot segments": s.URL + "/a/../client.json",
		"encoded dots": s.URL + "/a/%2e%2e/client.json", "upper case": strings.Replace(s.URL, "https", "HTTPS", 1) + "/client.json", "too long": s.URL + "/" + strings.Repeat("x", 250),
		"WH-01 a network inside": "https://10.0.0.1/client.json", "WH-01 metadata": "https://169.254.169.254/latest", "WH-01 a number": "https://2130706433/client.json",
		"WH-01 localhost by name": "https://internal.localhost./x", "a file": "file:///etc/passwd", "http elsewhere": "http://client.example/client.json", "a tab": s.URL + "/client\t.json",
	} {
		refused(what, id)
	}
	if s.fetched.Load() != before {
		t.Error("something was fetched from an address that is none")
	}
	h.opened = nil
	refused("http on loopback, not opened", plain+"/client.json")
	refused("https on loopback, not opened", s.URL+"/client.json")
	if list := h.entries("client.registered"); len(list) != 0 {
		t.Errorf("%d of %d documents left a row", len(list), n)
	}
}

func TestCIMDRedirectURIsMatchExactly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.documentSite().put("/client.json", nil)
	for _, uri := range []string{"https://editor.example/cb/", "https://editor.example/CB", "https://evil.example/cb", "http://localhost:7777/cb", "http://127.0.0.1:7777/cb?x=1"} {
		if w := h.browser().get(h.documentRequest(id, "redirect_uri", uri)); w.Code != 400 || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d %s", uri, w.Code, w.Header().Get("Location"))
		}
	}
	if w := h.browser().get(h.documentRequest(id, "code_challenge", "", "code_challenge_method", "")); !strings.Contains(w.Header().Get("Location"), "error=invalid_request") {
		t.Errorf("PK-01 without PKCE: %d %s", w.Code, w.Header().Get("Location"))
	}
}

func TestCIMDADeadRowOutlivesItsDocument(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.documentSite().put("/client.json", nil)
	tokens := h.allowDocument(h.browser(), id)
	_, tenant := h.key(h.workspace.ID, "manage:clients")
	path := "/v1/clients/url_" + base64.RawURLEncoding.EncodeToString([]byte(id))
	if w := h.send("DELETE", path, "", "Authorization", "Bearer "+tenant); w.Code != 404 {
		t.Errorf("TN-01: a tenant deletes the client of all: %d", w.Code)
	}
	if w := h.send("PATCH", path, `{"skip_consent":true}`, "Authorization", "Bearer "+h.operator, "Content-Type", "application/json"); w.Code != 400 {
		t.Errorf("AD-01: a client of a document is vouched for: %d %s", w.Code, w.Body)
	}
	if w := h.send("DELETE", path, "", "Authorization", "Bearer "+h.operator); w.Code != 204 {
		t.Fatalf("deleting: %d %s", w.Code, w.Body)
	}
	h.wants("its access token", h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer "+member(tokens, "access_token")), 401, "invalid_token")
	h.wants("its refresh token", h.redeem(id, "refresh_token", "refresh_token", member(tokens, "refresh_token")), 401, "invalid_client")
	if w := h.browser().get(h.documentRequest(id)); w.Code != 400 {
		t.Errorf("signing in again: %d %s", w.Code, w.Header().Get("Location"))
	}
	h.clock.Advance(25 * time.Hour) // no cache holds it up either
	if w := h.browser().get(h.documentRequest(id)); w.Code != 400 {
		t.Errorf("a day later: %d %s", w.Code, w.Header().Get("Location"))
	}
}

func TestCIMDDocumentsAreCachedWithinBounds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.documentSite()
	ask := func(id string) int { return h.browser().get(h.documentRequest(id)).Code }
	count := func(what string, want int32, act func()) {
		t.Helper()
		before := s.fetched.Load()
		act()
		if got := s.fetched.Load() - before; got != want {
			t.Errorf("%s: fetched %d times, want %d", what, got, want)
		}
	}
	for _, c := range []struct {
		cacheControl string
		keeps, drops time.Duration
	}{
		{"", 4 * time.Minute, 2 * time.Minute}, {"no-store", 4 * time.Minute, 2 * time.Minute}, {"max-age=1", 4 * time.Minute, 2 * time.Minute},
		{"public, max-age=3600", 59 * time.Minute, 2 * time.Minute}, {"max-age=31536000", 23 * time.Hour, 2 * time.Hour},
	} {
		id := s.put("/"+authz.NewID("d"), nil, "Cache-Control", c.cacheControl)
		count(c.cacheControl+" first", 1, func() { ask(id) })
		h.clock.Advance(c.keeps)
		count(c.cacheControl+" kept", 0, func() { ask(id) })
		h.clock.Advance(c.drops)
		count(c.cacheControl+" again", 1, func() { ask(id) })
	}
	count("none there", 1, func() { ask(s.URL + "/none"); ask(s.URL + "/none") })
	h.clock.Advance(2 * time.Minute)
	count("none there, later", 1, func() { ask(s.URL + "/none") })

	id, entered, leave := s.URL+"/slow", make(chan struct{}, 8), make(chan struct{})
	s.put("/slow", nil)
	quick := s.serve["/slow"]
	s.handle("/slow", func(w http.ResponseWriter, r *http.Request) { entered <- struct{}{}; <-leave; quick(w, r) })
	count("at once", 1, func() {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() { ask(id) })
		}
		<-entered
		close(leave)
		group.Wait()
	})
}

func TestCIMDARefreshNeedsNoDocumentASignInDoes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.documentSite()
	id := s.put("/client.json", nil)
	tokens := h.allowDocument(h.browser(), id)
	s.handle("/client.json", nil)
	h.clock.Advance(time.Hour)
	if w := h.redeem(id, "refresh_token", "refresh_token", member(tokens, "refresh_token")); w.Code != http.StatusOK {
		t.Errorf("refresh with the last known document: %d %s", w.Code, w.Body)
	}
	if w := h.browser().get(h.documentRequest(id)); w.Code != 400 {
		t.Errorf("a sign-in rests on what the document said once: %d", w.Code)
	}
	h.clock.Advance(2 * time.Minute)
	s.put("/client.json", map[string]any{"client_name": "Editor II"})
	h.allowDocument(h.browser(), id)
	if c := made(h.store.GetClient(t.Context(), issuer, "", authz.ClientID(id)))(t); c.Name != "Editor II" || c.Revision != 2 {
		t.Errorf("the row %+v", c)
	}
	h.allowDocument(h.browser(), id)
	if n := len(h.entries("client.updated")); n != 1 {
		t.Errorf("%d updates for one change", n)
	}
}

func TestCIMDRowsAreBoundedAndComeAndGo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.documentSite()
	for _, path := range []string{"/a", "/b"} { // the fixture allows two
		h.allowDocument(h.browser(), s.put(path, nil))
	}
	b := h.browser()
	id := s.put("/c", nil)
	w := b.post("/consent", url.Values{"request": {b.consentPage("client_id", id, "redirect_uri", nativeURI, "scope", "openid")}, "scope": {"openid"}, "decision": {"allow"}})
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("a third: %d %s", w.Code, w.Header().Get("Location"))
	}
	h.clock.Advance(40 * 24 * time.Hour)
	for range 3 {
		_, err := h.store.DeleteExpiredAcrossWorkspaces(t.Context(), h.clock.Now(), 1000)
		h.ok(err)
	}
	if n := made(h.documents.Purge(t.Context()))(t); n != 2 {
		t.Errorf("%d unused rows went", n)
	}
	h.ok(h.documents.Keep(t.Context(), made(h.documents.Current(t.Context(), authz.ClientID(id)))(t)))
}
