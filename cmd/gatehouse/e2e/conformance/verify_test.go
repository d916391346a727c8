package conformance

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// tokens are those of an answer that was verified.
type tokens struct {
	access, refresh, id string
	claims              map[string]any // of the ID token
}

// wantCode checks an authorization response as every happy module does.
func (r *rp) wantCode(a asked, p *page) string {
	r.t.Helper()
	q := r.returned(p)
	for name := range q {
		if !slices.Contains([]string{"code", "state", "iss", "session_state"}, name) {
			r.t.Errorf("the response holds %s", name)
		}
	}
	if q.Get("state") != a.Get("state") || q.Get("iss") != r.s.URL || q.Get("error") != "" {
		r.t.Fatalf("the response is %v, state was %q", q, a.Get("state"))
	}
	code := q.Get("code")
	if len(code) < 16 || entropy(code) < 96 {
		r.t.Errorf("a code of %d characters and %.0f bits", len(code), entropy(code))
	}
	return code
}

// wantTokens checks a token response (RFC 6749 section 5.1).
func (r *rp) wantTokens(a asked, got answer) tokens {
	r.t.Helper()
	if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
		r.t.Fatalf("the token endpoint answered %d %s", got.status, got.body)
	}
	wantNoStore(r.t, got)
	life, _ := got.json["expires_in"].(float64)
	if !strings.EqualFold(got.text("token_type"), "Bearer") || life <= 0 || life >= 365*24*3600 {
		r.t.Errorf("token_type %v, expires_in %v", got.json["token_type"], got.json["expires_in"])
	}
	tk := tokens{access: got.text("access_token"), refresh: got.text("refresh_token"), id: got.text("id_token")}
	for _, text := range []string{tk.access, tk.refresh} {
		if text != "" && (len(text) < 16 || entropy(text) < 96) {
			r.t.Errorf("a token of %d characters and %.0f bits", len(text), entropy(text))
		}
	}
	tk.claims = r.wantIDToken(tk.id, a.Get("nonce"))
	return tk
}

// wantIDToken verifies an ID token by the published keys (OpenID Connect Core
// section 3.1.3.7) and returns its claims.
func (r *rp) wantIDToken(raw, nonce string) map[string]any {
	r.t.Helper()
	claims := r.s.verified(r.t, raw, r.alg, "")
	now := float64(r.s.now().Unix())
	exp, _ := claims["exp"].(float64)
	iat, _ := claims["iat"].(float64)
	if claims["iss"] != r.s.URL || claims["aud"] != r.id || exp <= now || math.Abs(now-iat) > 300 {
		r.t.Errorf("ID token %v", claims)
	}
	if got, _ := claims["nonce"].(string); got != nonce {
		r.t.Errorf("nonce %q, want %q", got, nonce)
	}
	if sub, _ := claims["sub"].(string); sub == "" || len(sub) > 255 {
		r.t.Errorf("sub %v", claims["sub"])
	}
	if at, ok := claims["auth_time"].(float64); ok && at > now+5 {
		r.t.Errorf("auth_time %v is in the future", at)
	}
	if acr, there := claims["acr"]; there && acr == "" {
		r.t.Error("acr is empty")
	}
	return claims
}

// verified checks a JWS by the JWKS and returns its payload. typ is checked
// unless empty.
func (s *server) verified(t *testing.T, raw, alg, typ string) map[string]any {
	t.Helper()
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err != nil {
		t.Fatalf("not a JWS with %s: %v", alg, err)
	}
	head := jws.Signatures[0].Protected
	if got := head.ExtraHeaders[jose.HeaderType]; typ != "" && got != typ {
		t.Errorf("typ %v, want %s", got, typ)
	}
	keys := s.jwks(t).Key(head.KeyID)
	if head.KeyID == "" || len(keys) != 1 {
		t.Fatalf("%d keys are published under the kid %q", len(keys), head.KeyID)
	}
	payload, err := jws.Verify(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// jwks fetches the key set and checks that it gives nothing away.
func (s *server) jwks(t *testing.T) *jose.JSONWebKeySet {
	t.Helper()
	a := s.send(t, http.MethodGet, s.URL+"/.well-known/jwks.json", "")
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(a.body), &set); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	seen := map[string]bool{}
	for _, k := range set.Keys {
		if !k.Valid() || !k.IsPublic() || k.KeyID == "" || seen[k.KeyID] {
			t.Errorf("a key that is private, invalid or not told apart: %s", k.KeyID)
		}
		seen[k.KeyID] = true
	}
	return &set
}

// wantErrorRedirect checks an error response (RFC 6749 section 4.1.2.1).
func (r *rp) wantErrorRedirect(a asked, p *page, codes ...string) {
	r.t.Helper()
	q := r.returned(p)
	for name := range q {
		if !slices.Contains([]string{"error", "error_description", "error_uri", "state", "iss", "session_state"}, name) {
			r.t.Errorf("the error response holds %s", name)
		}
	}
	odd := func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }
	if !slices.Contains(codes, q.Get("error")) || q.Get("state") != a.Get("state") || strings.ContainsFunc(q.Get("error_description"), odd) {
		r.t.Errorf("the error response is %v, want one of %v and state %q", q, codes, a.Get("state"))
	}
	if q.Get("iss") != r.s.URL {
		r.t.Errorf("iss %q (RFC 9207)", q.Get("iss"))
	}
}

// wantErrorPage checks that the person is told, and the browser sent nowhere.
func (s *server) wantErrorPage(t *testing.T, p *page) {
	t.Helper()
	if originOf(p.url) != s.URL || p.status < 400 || p.element("error") == nil || p.text("error_code") == "" {
		t.Errorf("no error page but %s (status %d):\n%s", p.url, p.status, p.body)
	}
}

// wantTokenError checks an error of the token endpoint (RFC 6749 section 5.2).
func wantTokenError(t *testing.T, a answer, code string) {
	t.Helper()
	if a.status != http.StatusBadRequest || a.text("error") != code || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		t.Errorf("answer %d %s, want %s", a.status, a.body, code)
	}
	wantNoStore(t, a)
}

func wantNoStore(t *testing.T, a answer) {
	t.Helper()
	if !strings.Contains(a.header.Get("Cache-Control"), "no-store") {
		t.Errorf("Cache-Control is %q", a.header.Get("Cache-Control"))
	}
}

// wantClaims checks that userinfo tells all of the claims and no more.
func (r *rp) wantClaims(t tokens, names ...string) map[string]any {
	r.t.Helper()
	a := r.userinfo(http.MethodGet, t.access)
	if a.status != http.StatusOK || a.json["sub"] != t.claims["sub"] {
		r.t.Fatalf("userinfo answered %d %s", a.status, a.body)
	}
	for _, name := range names {
		if a.json[name] == nil || a.json[name] == "" {
			r.t.Errorf("userinfo lacks %s", name)
		}
	}
	if len(a.json) != len(names)+1 {
		r.t.Errorf("userinfo tells %v", a.json)
	}
	return a.json
}

// entropy is Shannon's, of the whole text, in bits.
func entropy(text string) float64 {
	counts := map[rune]float64{}
	for _, c := range text {
		counts[c]++
	}
	var perCharacter float64
	for _, n := range counts {
		p := n / float64(len(text))
		perCharacter -= p * math.Log2(p)
	}
	return perCharacter * float64(len(text))
}

// longState is a state of 128 characters.
func longState() string { return strings.Repeat("aB3-._~z", 16) }

func seconds(claims map[string]any, name string) time.Time {
	n, _ := claims[name].(float64)
	return time.Unix(int64(n), 0)
}
