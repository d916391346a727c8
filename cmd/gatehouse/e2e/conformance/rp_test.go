package conformance

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// callbacks is the web server of every relying party: redirect URIs,
// back-channel and front-channel logout, and whatever else a test serves.
type callbacks struct {
	server *httptest.Server
	mu     sync.Mutex
	heard  map[string][]heard
	serve  map[string]http.Handler
}

// heard is a request that came to a path.
type heard struct {
	method      string
	query, form url.Values
	header      http.Header
	tls         uint16
}

func newCallbacks(pair tls.Certificate) *callbacks {
	c := &callbacks{heard: map[string][]heard{}, serve: map[string]http.Handler{}}
	c.server = httptest.NewUnstartedServer(c)
	c.server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	c.server.StartTLS()
	return c
}

// ServeHTTP keeps what came and answers 200, or as a test has it.
func (c *callbacks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	form, _ := url.ParseQuery(string(body))
	c.mu.Lock()
	c.heard[r.URL.Path] = append(c.heard[r.URL.Path], heard{r.Method, r.URL.Query(), form, r.Header, r.TLS.Version})
	h := c.serve[r.URL.Path]
	c.mu.Unlock()
	if h != nil {
		h.ServeHTTP(w, r)
		return
	}
	_, _ = io.WriteString(w, `<p id="callback">Thank you.</p>`)
}

// at is what came to a path so far.
func (c *callbacks) at(path string) []heard {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]heard(nil), c.heard[path]...)
}

// answering serves a path from here on.
func (c *callbacks) answering(path string, h http.Handler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serve[path] = h
}

// rp is a relying party: a client of the server's, with pages of its own.
type rp struct {
	t  *testing.T
	s  *server
	id string
	// secret and method are how it authenticates at the token endpoint.
	secret, method string
	alg            string // of its ID tokens
	name           string // its part of the callback server
	redirectURI    string
	// mode is the response_mode it asks for; empty for none.
	mode string
}

// plan is a server and how its relying parties want to be answered.
type plan struct {
	*server
	mode string
}

func (p plan) register(t *testing.T, members map[string]any) *rp {
	t.Helper()
	r := p.server.register(t, members)
	r.mode = p.mode
	return r
}

const allScopes = "openid profile email phone address offline_access"

// register makes a client with members of the caller's choice over the usual
// ones of a static client of the suite. "{rp}" in a text stands for the origin
// and path of its own pages.
func (s *server) register(t *testing.T, members map[string]any) *rp {
	t.Helper()
	r := &rp{t: t, s: s, name: "/" + strings.ToLower(rand.Text()), method: "client_secret_basic", alg: "RS256"}
	r.redirectURI = r.page("/callback")
	all := map[string]any{
		"name": t.Name(), "workspace_id": s.workspace, "redirect_uris": []string{r.redirectURI}, "scopes": strings.Fields(allScopes),
		"post_logout_redirect_uris": []string{r.page("/bye")},
	}
	for name, value := range members {
		all[name] = value
	}
	body, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.manage(http.MethodPost, "/v1/clients", strings.ReplaceAll(string(body), "{rp}", r.page("")))
	if err != nil || a.status != http.StatusCreated {
		t.Fatalf("registering: %d %s %v", a.status, a.body, err)
	}
	r.id, r.secret = a.text("client_id"), a.text("client_secret")
	if method, ok := members["token_endpoint_auth_method"].(string); ok {
		r.method = method
	}
	if alg, ok := members["id_token_signed_response_alg"].(string); ok {
		r.alg = alg
	}
	return r
}

// page is the address of one of the party's own pages.
func (r *rp) page(path string) string { return r.s.callbacks.server.URL + r.name + path }

// asked is an authorization request and what the party remembers of it.
type asked struct{ url.Values }

// request is an authorization request with a state and a nonce; pairs replace
// parameters, an empty value takes one away.
func (r *rp) request(pairs ...string) asked {
	a := asked{url.Values{
		"client_id": {r.id}, "redirect_uri": {r.redirectURI}, "response_type": {"code"}, "scope": {"openid"},
		"state": {rand.Text()}, "nonce": {rand.Text()},
	}}
	if r.mode != "" {
		a.Set("response_mode", r.mode)
	}
	for n := 0; n+1 < len(pairs); n += 2 {
		a.Del(pairs[n])
		if pairs[n+1] != "" {
			a.Set(pairs[n], pairs[n+1])
		}
	}
	return a
}

func (r *rp) authorizeURL(a asked) string { return r.s.URL + "/oauth2/authorize?" + a.Encode() }

// visit sends the browser to the authorization endpoint and through whatever
// is asked of the person.
func (r *rp) visit(b *browser, a asked) *page {
	r.t.Helper()
	return b.onward(b.get(r.authorizeURL(a)))
}

// returned are the parameters the browser came back with, where the party
// asked to have them and nowhere else.
func (r *rp) returned(p *page) url.Values {
	r.t.Helper()
	if !strings.HasPrefix(p.url.String(), r.redirectURI) || p.url.Fragment != "" {
		r.t.Fatalf("the browser is at %s (status %d):\n%s", p.url, p.status, p.body)
	}
	if r.mode != "form_post" {
		return p.url.Query()
	}
	if len(p.url.Query()) > 0 || p.posted == nil {
		r.t.Fatalf("the response is not in a form: %s", p.url)
	}
	return p.posted
}

// signIn is a whole sign-in, every answer verified.
func (r *rp) signIn(b *browser, pairs ...string) tokens {
	r.t.Helper()
	a := r.request(pairs...)
	return r.redeemed(a, r.visit(b, a))
}

// redeemed exchanges the code the browser came back with.
func (r *rp) redeemed(a asked, p *page, pairs ...string) tokens {
	r.t.Helper()
	code := r.wantCode(a, p)
	return r.wantTokens(a, r.exchange(code, pairs...))
}

func (r *rp) exchange(code string, pairs ...string) answer {
	r.t.Helper()
	return r.token(append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", r.redirectURI}, pairs...)...)
}

// token asks the token endpoint, authenticated as registered.
func (r *rp) token(pairs ...string) answer {
	r.t.Helper()
	form := url.Values{}
	for n := 0; n+1 < len(pairs); n += 2 {
		form.Set(pairs[n], pairs[n+1])
	}
	req, err := http.NewRequest(http.MethodPost, r.s.URL+"/oauth2/token", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	switch r.method {
	case "client_secret_basic":
		req.SetBasicAuth(url.QueryEscape(r.id), url.QueryEscape(r.secret))
	case "client_secret_post":
		form.Set("client_id", r.id)
		form.Set("client_secret", r.secret)
	default:
		form.Set("client_id", r.id)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Body = io.NopCloser(strings.NewReader(form.Encode()))
	req.ContentLength = int64(len(form.Encode()))
	a, err := r.s.do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func (r *rp) userinfo(method, token string) answer {
	r.t.Helper()
	return r.s.send(r.t, method, r.s.URL+"/oauth2/userinfo", "", "Authorization", "Bearer "+token)
}

func (r *rp) logoutURL(pairs ...string) string {
	q := url.Values{}
	for n := 0; n+1 < len(pairs); n += 2 {
		q.Set(pairs[n], pairs[n+1])
	}
	return r.s.URL + "/oauth2/logout?" + q.Encode()
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// pkce is a code verifier and its S256 challenge (RFC 7636).
func pkce() (verifier, challenge string) {
	verifier = rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	return verifier, base64.RawURLEncoding.EncodeToString(sum[:])
}
