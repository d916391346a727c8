package conformance

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// wantSignedOut checks that a silent request finds nobody.
func (r *rp) wantSignedOut(b *browser) {
	r.t.Helper()
	a := r.request("prompt", "none")
	r.wantErrorRedirect(a, r.visit(b, a), "login_required")
}

// wantSignedIn checks that a silent request still finds the person.
func (r *rp) wantSignedIn(b *browser) {
	r.t.Helper()
	a := r.request("prompt", "none")
	r.wantCode(a, r.visit(b, a))
}

// wantBye checks that the browser is back at the party, with nothing but the
// state.
func (r *rp) wantBye(p *page, state string) {
	r.t.Helper()
	want := r.page("/bye")
	if state != "" {
		want += "?" + url.Values{"state": {state}}.Encode()
	}
	if p.url.String() != want {
		r.t.Errorf("the browser is at %s, want %s (status %d):\n%s", p.url, want, p.status, p.body)
	}
}

func TestOIDCC_RPInitiatedLogoutDiscoveryEndpointVerification(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	if end := s.metadata(t).text("end_session_endpoint"); end != s.URL+"/oauth2/logout" || !strings.HasPrefix(end, "https://") {
		t.Errorf("end_session_endpoint %q", end)
	}
}

func TestOIDCC_RPInitiatedLogout(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	for _, kind := range []string{"public", "pairwise"} {
		r := s.register(t, map[string]any{"subject_type": kind})
		b := s.browser(t)
		got := r.signIn(b, "scope", "openid profile")
		p := b.get(r.logoutURL("id_token_hint", got.id, "post_logout_redirect_uri", r.page("/bye"), "state", longState()))
		r.wantBye(p, longState())
		r.wantSignedOut(b)
		if a := r.userinfo(http.MethodGet, got.access); a.status != http.StatusUnauthorized {
			t.Errorf("%s: the access token lives: %d", kind, a.status)
		}
		wantTokenError(t, r.token("grant_type", "refresh_token", "refresh_token", got.refresh), "invalid_grant")
	}
}

func TestOIDCC_RPInitiatedLogoutLeavesOfflineAccess(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	r := s.register(t, nil)
	b := s.browser(t)
	got := r.signIn(b, "scope", "openid offline_access", "prompt", "consent")
	r.wantBye(b.get(r.logoutURL("id_token_hint", got.id, "post_logout_redirect_uri", r.page("/bye"))), "")
	r.wantSignedOut(b)
	if a := r.token("grant_type", "refresh_token", "refresh_token", got.refresh); a.status != http.StatusOK {
		t.Errorf("offline access ended with the session: %d %s", a.status, a.body)
	}
}

func TestOIDCC_RPInitiatedLogoutNoState(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	r := s.register(t, nil)
	b := s.browser(t)
	got := r.signIn(b)
	r.wantBye(b.get(r.logoutURL("id_token_hint", got.id, "post_logout_redirect_uri", r.page("/bye"))), "")
	r.wantSignedOut(b)
}

func TestOIDCC_RPInitiatedLogoutByPost(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	r := s.register(t, nil)
	b := s.browser(t)
	got := r.signIn(b)
	form := url.Values{"id_token_hint": {got.id}, "post_logout_redirect_uri": {r.page("/bye")}, "state": {"s"}}
	r.wantBye(b.post(s.URL+"/oauth2/logout", form, originOf(must(t, r.redirectURI))), "s")
	r.wantSignedOut(b)
}

func TestOIDCC_RPInitiatedLogoutIsRefused(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	r, other := s.register(t, nil), s.register(t, nil)
	b := s.browser(t)
	hint := r.signIn(b).id
	foreign := other.signIn(b).id
	for module, pairs := range map[string][]string{
		"bad-post-logout-redirect-uri":         {"id_token_hint", hint, "post_logout_redirect_uri", r.page("/elsewhere")},
		"query-added-to-post-logout-redirect":  {"id_token_hint", hint, "post_logout_redirect_uri", r.page("/bye?foo=bar")},
		"modified-id-token-hint":               {"id_token_hint", unsigned(hint), "post_logout_redirect_uri", r.page("/bye")},
		"bad-id-token-hint":                    {"id_token_hint", resigned(t, hint), "post_logout_redirect_uri", r.page("/bye")},
		"no-id-token-hint":                     {"post_logout_redirect_uri", r.page("/bye")},
		"another client's hint":                {"id_token_hint", foreign, "post_logout_redirect_uri", r.page("/bye")},
		"another client's hint under our name": {"id_token_hint", foreign, "client_id", r.id, "post_logout_redirect_uri", r.page("/bye")},
	} {
		t.Log(module)
		s.wantErrorPage(t, b.get(r.logoutURL(append(pairs, "state", "s")...)))
		r.wantSignedIn(b)
	}
	if n := len(s.callbacks.at(r.name+"/bye")) + len(s.callbacks.at(r.name+"/elsewhere")); n != 0 {
		t.Errorf("the browser was sent back %d times", n)
	}
}

// unsigned is the token under alg none.
func unsigned(token string) string {
	parts := strings.Split(token, ".")
	return "eyJhbGciOiJub25lIn0." + parts[1] + "."
}

// resigned is the token's payload under its kid and a stranger's key.
func resigned(t *testing.T, token string) string {
	t.Helper()
	own, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: own.Signatures[0].Protected.KeyID},
	}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(own.UnsafePayloadWithoutVerification())
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func TestOIDCC_RPInitiatedLogoutIsConfirmed(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	r := s.register(t, nil)
	for module, pairs := range map[string][]string{
		"no-params": nil, "only-state": {"state", "s"}, "client-id": {"client_id", r.id, "post_logout_redirect_uri", r.page("/bye"), "state", "s"},
	} {
		b := s.browser(t)
		r.signIn(b)
		p := b.get(r.logoutURL(pairs...))
		if p.status != http.StatusOK || p.element("confirm") == nil || originOf(p.url) != s.URL {
			t.Fatalf("%s: no question but %s (status %d):\n%s", module, p.url, p.status, p.body)
		}
		r.wantSignedIn(b)
		p = b.submit(p, "confirm", nil)
		if module == "client-id" {
			r.wantBye(p, "s")
		} else if p.status != http.StatusOK || p.element("signed_out") == nil {
			t.Errorf("%s: the person is not told: %s (status %d)\n%s", module, p.url, p.status, p.body)
		}
		r.wantSignedOut(b)
	}
}

func TestOIDCC_RPInitiatedLogoutNoPostLogoutRedirectUri(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	r := s.register(t, nil)
	b := s.browser(t)
	got := r.signIn(b)
	if p := b.get(r.logoutURL("id_token_hint", got.id)); p.status != http.StatusOK || p.element("signed_out") == nil {
		t.Errorf("the person is not told: %s (status %d)\n%s", p.url, p.status, p.body)
	}
	r.wantSignedOut(b)
}
