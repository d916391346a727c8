package conformance

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// modules are those of the plan oidcc-basic-certification, by the suite's names.
// One that moves the clock has a server with others like it, one after the other.
var modules = []struct {
	name  string
	moves bool
	run   func(*testing.T, plan)
}{
	{"oidcc-server", false, happyFlow},
	{"oidcc-response-type-missing", false, responseTypeMissing},
	{"oidcc-idtoken-signature", false, idTokenSignature},
	{"oidcc-userinfo-get, post-header, post-body", false, userInfo},
	{"oidcc-userinfo-rs256", false, userInfoRS256},
	{"oidcc-ensure-request-without-nonce-succeeds-for-code-flow", false, ensureRequestWithoutNonceSucceedsForCodeFlow},
	{"oidcc-scope-profile, email, address, phone, all, alternate-happy-flow", false, scopes},
	{"oidcc-display-page, display-popup, unknown-parameter, login-hint, ui-locales, claims-locales", false, harmlessParameters},
	{"oidcc-prompt-login", true, promptLogin},
	{"oidcc-prompt-none-not-logged-in", false, promptNoneNotLoggedIn},
	{"oidcc-prompt-none-logged-in", true, promptNoneLoggedIn},
	{"oidcc-max-age-1", true, maxAge1},
	{"oidcc-max-age-10000", true, maxAge10000},
	{"oidcc-id-token-hint", false, idTokenHint},
	{"oidcc-ensure-request-with-acr-values-succeeds", false, ensureRequestWithAcrValuesSucceeds},
	{"oidcc-codereuse", false, codeReuse},
	{"oidcc-codereuse-30seconds", true, codeReuse30Seconds},
	{"oidcc-ensure-registered-redirect-uri", false, ensureRegisteredRedirectUri},
	{"oidcc-ensure-post-request-succeeds", false, ensurePostRequestSucceeds},
	{"oidcc-server-client-secret-post", false, serverClientSecretPost},
	{"oidcc-request-uri-unsigned, unsigned-request-object", false, unsignedRequestObjects},
	{"oidcc-claims-essential", false, claimsEssential},
	{"oidcc-refresh-token", true, refreshToken},
	{"oidcc-ensure-request-with-valid-pkce-succeeds", false, ensureRequestWithValidPkceSucceeds},
	{"pairwise-subjects", false, pairwiseSubjects},
}

func TestOIDCC_BasicCertification(t *testing.T) { certify(t, "") }

// The same list with response_mode=form_post.
func TestOIDCC_FormPostBasicCertification(t *testing.T) { certify(t, "form_post") }

func certify(t *testing.T, responseMode string) {
	for _, m := range modules {
		t.Run(m.name, func(t *testing.T) {
			if m.moves {
				m.run(t, plan{movableServer(t), responseMode})
				return
			}
			t.Parallel()
			m.run(t, plan{theServer(t), responseMode})
		})
	}
}

func happyFlow(t *testing.T, s plan) {
	r := s.register(t, nil)
	got := r.signIn(s.browser(t))
	for name := range got.claims {
		usual := []string{"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"}
		if !slices.Contains(usual, name) {
			t.Errorf("nobody asked for %s in the ID token", name)
		}
	}
	r.wantClaims(got)
}

func responseTypeMissing(t *testing.T, s plan) {
	r := s.register(t, nil)
	a := r.request("response_type", "")
	r.wantErrorRedirect(a, r.visit(s.browser(t), a), "unsupported_response_type", "invalid_request")
}

func idTokenSignature(t *testing.T, s plan) {
	for _, alg := range []string{"RS256", "ES256", "PS256", "EdDSA"} { // every one that the metadata lists
		s.register(t, map[string]any{"id_token_signed_response_alg": alg}).signIn(s.browser(t))
	}
	if algs := s.metadata(t).list("id_token_signing_alg_values_supported"); slices.Contains(algs, "none") {
		t.Error("unsigned ID tokens are offered")
	}
}

func (s *server) metadata(t *testing.T) answer {
	t.Helper()
	return s.send(t, http.MethodGet, s.URL+"/.well-known/openid-configuration", "")
}

func userInfo(t *testing.T, s plan) {
	r := s.register(t, nil)
	got := r.signIn(s.browser(t))
	for _, method := range []string{http.MethodGet, http.MethodPost} { // userinfo-get, userinfo-post-header
		if a := r.userinfo(method, got.access); a.status != http.StatusOK || a.text("sub") != got.claims["sub"] {
			t.Errorf("%s: %d %s", method, a.status, a.body)
		}
	}
	// userinfo-post-body: refused on purpose, see docs/divergences.md.
	a := s.send(t, http.MethodPost, s.URL+"/oauth2/userinfo", url.Values{"access_token": {got.access}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	if a.status != http.StatusBadRequest || a.text("error") != "invalid_request" {
		t.Errorf("in the body: %d %s", a.status, a.body)
	}
}

func userInfoRS256(t *testing.T, s plan) {
	for _, alg := range s.metadata(t).list("userinfo_signing_alg_values_supported") {
		r := s.register(t, map[string]any{"userinfo_signed_response_alg": alg})
		got := r.signIn(s.browser(t))
		a := r.userinfo(http.MethodGet, got.access)
		if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "application/jwt") {
			t.Fatalf("%s: %d %v", alg, a.status, a.header)
		}
		if c := s.verified(t, a.body, alg, ""); c["iss"] != s.URL || c["aud"] != r.id || c["sub"] != got.claims["sub"] {
			t.Errorf("%s: %v", alg, c)
		}
	}
}

func ensureRequestWithoutNonceSucceedsForCodeFlow(t *testing.T, s plan) {
	s.register(t, nil).signIn(s.browser(t), "nonce", "") // wantIDToken holds the nonce against none
}

// claimsOf are the claims of each scope (OpenID Connect Core section 5.4).
func claimsOf(scope string) []string {
	return map[string][]string{
		"profile": {
			"name", "given_name", "family_name", "middle_name", "nickname", "profile", "picture", "website", "gender", "birthdate",
			"zoneinfo", "locale", "updated_at", "preferred_username",
		},
		"email": {"email", "email_verified"}, "phone": {"phone_number", "phone_number_verified"}, "address": {"address"},
	}[scope]
}

func scopes(t *testing.T, s plan) {
	r := s.register(t, nil)
	b := s.browser(t)
	var all []string
	for _, scope := range []string{"profile", "email", "address", "phone"} { // scope-profile, -email, -address, -phone
		got := r.signIn(b, "scope", "openid "+scope)
		info := r.wantClaims(got, claimsOf(scope)...)
		all = append(all, claimsOf(scope)...)
		for _, name := range claimsOf(scope) {
			if got.claims[name] != nil {
				t.Errorf("%s is in the ID token", name)
			}
		}
		if scope == "profile" {
			if at, ok := info["updated_at"].(float64); !ok || at != 1_700_000_000 {
				t.Errorf("updated_at %v", info["updated_at"])
			}
		}
	}
	r.wantClaims(r.signIn(b, "scope", "openid profile email address phone"), all...) // scope-all
	r.wantClaims(r.signIn(b, "scope", "phone address email profile openid"), all...) // alternate-happy-flow
}

func harmlessParameters(t *testing.T, s plan) {
	r := s.register(t, nil)
	for _, pair := range [][]string{
		{"display", "page"}, {"display", "popup"}, {"extra", "foobar"}, {"login_hint", alice}, {"ui_locales", "se"}, {"claims_locales", "se"},
		{"acr_values", "1 2"},
	} {
		r.signIn(s.browser(t), pair...)
	}
}

func promptLogin(t *testing.T, s plan) {
	r := s.register(t, nil)
	b := s.browser(t)
	first := r.signIn(b)
	s.advance(t, 2*time.Second)
	second := r.signIn(b, "prompt", "login")
	if b.logins != 2 || second.claims["sub"] != first.claims["sub"] || !seconds(second.claims, "auth_time").After(seconds(first.claims, "auth_time")) {
		t.Errorf("%d sign-ins, %v then %v", b.logins, first.claims, second.claims)
	}
}

func promptNoneNotLoggedIn(t *testing.T, s plan) {
	r := s.register(t, nil)
	a := r.request("prompt", "none", "state", longState())
	b := s.browser(t)
	r.wantErrorRedirect(a, r.visit(b, a), "login_required", "interaction_required", "account_selection_required", "consent_required")
	if b.logins != 0 {
		t.Error("somebody was asked")
	}
}

func promptNoneLoggedIn(t *testing.T, s plan) {
	r := s.register(t, nil)
	b := s.browser(t)
	first := r.signIn(b)
	s.advance(t, 2*time.Second)
	second := r.signIn(b, "prompt", "none")
	if b.logins != 1 || first.claims["sub"] != second.claims["sub"] || first.claims["auth_time"] != second.claims["auth_time"] {
		t.Errorf("%d sign-ins, %v then %v", b.logins, first.claims, second.claims)
	}
}

func maxAge1(t *testing.T, s plan) {
	r := s.register(t, nil)
	b := s.browser(t)
	first := r.signIn(b)
	s.advance(t, 2*time.Second)
	second := r.signIn(b, "max_age", "1")
	before, after := seconds(first.claims, "auth_time"), seconds(second.claims, "auth_time")
	if b.logins != 2 || !after.After(before) || s.now().Sub(after) > 10*time.Second {
		t.Errorf("%d sign-ins, at %v and %v, now %v", b.logins, before, after, s.now())
	}
}

func maxAge10000(t *testing.T, s plan) {
	r := s.register(t, nil)
	b := s.browser(t)
	first := r.signIn(b, "max_age", "15000")
	s.advance(t, 2*time.Second)
	second := r.signIn(b, "max_age", "10000")
	if b.logins != 1 || first.claims["auth_time"] == nil || first.claims["auth_time"] != second.claims["auth_time"] {
		t.Errorf("%d sign-ins, auth_time %v then %v", b.logins, first.claims["auth_time"], second.claims["auth_time"])
	}
	registered := s.register(t, map[string]any{"default_max_age": 1, "require_auth_time": true})
	if got := registered.signIn(b); b.logins != 2 || got.claims["auth_time"] == nil {
		t.Errorf("default_max_age: %d sign-ins, %v", b.logins, got.claims)
	}
}

func idTokenHint(t *testing.T, s plan) {
	for _, kind := range []string{"public", "pairwise"} {
		r := s.register(t, map[string]any{"subject_type": kind})
		b := s.browser(t)
		first := r.signIn(b)
		second := r.signIn(b, "prompt", "none", "id_token_hint", first.id)
		if b.logins != 1 || first.claims["sub"] != second.claims["sub"] {
			t.Errorf("%s: %d sign-ins, %v then %v", kind, b.logins, first.claims, second.claims)
		}
		other := s.browser(t)
		other.login = bob
		hint := r.signIn(other).id
		a := r.request("prompt", "none", "id_token_hint", hint)
		r.wantErrorRedirect(a, r.visit(b, a), "login_required")
	}
}

func ensureRequestWithAcrValuesSucceeds(t *testing.T, s plan) {
	r := s.register(t, nil)
	values := s.metadata(t).list("acr_values_supported")
	got := r.signIn(s.browser(t), "acr_values", strings.Join(values, " "))
	acr, _ := got.claims["acr"].(string)
	if !slices.Contains(values, acr) {
		t.Errorf("acr %q, of %v", acr, values)
	}
	demanding := r.request("claims", `{"id_token":{"acr":{"essential":true,"values":["`+idptest.ACRMultiFactor+`"]}}}`)
	r.wantErrorRedirect(demanding, r.visit(s.browser(t), demanding), "unmet_authentication_requirements")
	b := s.browser(t)
	b.login = bob
	if got := r.redeemed(demanding, r.visit(b, demanding)); got.claims["acr"] != idptest.ACRMultiFactor {
		t.Errorf("acr %v", got.claims["acr"])
	}
}

func codeReuse(t *testing.T, s plan) {
	r := s.register(t, nil)
	a := r.request()
	code := r.wantCode(a, r.visit(s.browser(t), a))
	r.wantTokens(a, r.exchange(code))
	wantTokenError(t, r.exchange(code), "invalid_grant")
}

func codeReuse30Seconds(t *testing.T, s plan) {
	r := s.register(t, nil)
	a := r.request()
	code := r.wantCode(a, r.visit(s.browser(t), a))
	got := r.wantTokens(a, r.exchange(code))
	s.advance(t, 30*time.Second)
	wantTokenError(t, r.exchange(code), "invalid_grant")
	if a := r.userinfo(http.MethodGet, got.access); a.status != http.StatusUnauthorized {
		t.Errorf("the first access token lives: %d", a.status)
	}
}

func ensureRegisteredRedirectUri(t *testing.T, s plan) {
	r := s.register(t, nil)
	a := r.request("redirect_uri", r.page("/other"))
	s.wantErrorPage(t, r.visit(s.browser(t), a))
	if n := len(s.callbacks.at(r.name + "/other")); n != 0 {
		t.Errorf("%d requests came to an unregistered URI", n)
	}
}

func ensurePostRequestSucceeds(t *testing.T, s plan) {
	r := s.register(t, nil)
	b := s.browser(t)
	a := r.request()
	r.redeemed(a, b.onward(b.post(s.URL+"/oauth2/authorize", a.Values, originOf(must(t, r.redirectURI)))))
	again := r.request("prompt", "none")
	r.redeemed(again, b.onward(b.post(s.URL+"/oauth2/authorize", again.Values, originOf(must(t, r.redirectURI)))))
	if b.logins != 1 {
		t.Errorf("%d sign-ins", b.logins)
	}
}

func must(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func serverClientSecretPost(t *testing.T, s plan) {
	s.register(t, map[string]any{"token_endpoint_auth_method": "client_secret_post"}).signIn(s.browser(t))
}

func unsignedRequestObjects(t *testing.T, s plan) {
	r := s.register(t, nil)
	const unsigned = "eyJhbGciOiJub25lIn0.e30." // {"alg":"none"}.{}
	for _, pair := range [][]string{{"request", unsigned}, {"request_uri", r.page("/request.jwt")}} {
		a := r.request(pair...)
		r.wantErrorRedirect(a, r.visit(s.browser(t), a), "request_not_supported", "request_uri_not_supported", "invalid_request_object", "invalid_request_uri")
	}
	if n := len(s.callbacks.at(r.name + "/request.jwt")); n != 0 {
		t.Errorf("AZ-09: the server fetched a request object, %d times", n)
	}
	a := r.request("registration", `{"client_name":"x"}`)
	r.wantErrorRedirect(a, r.visit(s.browser(t), a), "registration_not_supported")
}

func claimsEssential(t *testing.T, s plan) {
	r := s.register(t, nil)
	got := r.signIn(s.browser(t), "claims", `{"userinfo":{"name":{"essential":true}}}`)
	if info := r.wantClaims(got, "name"); info["name"] != "Alice Adams" || got.claims["name"] != nil {
		t.Errorf("userinfo %v, ID token %v", info, got.claims)
	}
	got = r.signIn(s.browser(t), "claims", `{"id_token":{"email":null,"auth_time":{"essential":true}}}`)
	if got.claims["email"] != alice || got.claims["auth_time"] == nil {
		t.Errorf("ID token %v", got.claims)
	}
}

func refreshToken(t *testing.T, s plan) {
	r, other := s.register(t, nil), s.register(t, nil)
	b := s.browser(t)
	first := r.signIn(b, "scope", "openid offline_access", "prompt", "consent")
	foreign := other.signIn(b, "scope", "openid offline_access", "prompt", "consent")
	s.advance(t, 2*time.Second)
	a := r.token("grant_type", "refresh_token", "refresh_token", first.refresh, "scope", "openid")
	second := r.wantTokens(asked{}, a)
	for _, name := range []string{"iss", "sub", "auth_time", "azp"} {
		if second.claims[name] != first.claims[name] {
			t.Errorf("%s was %v and is %v", name, first.claims[name], second.claims[name])
		}
	}
	if !seconds(second.claims, "iat").After(seconds(first.claims, "iat")) || second.access == first.access {
		t.Errorf("nothing is new: %v", second.claims)
	}
	wantTokenError(t, r.token("grant_type", "refresh_token", "refresh_token", foreign.refresh), "invalid_grant")
	if a := other.token("grant_type", "refresh_token", "refresh_token", foreign.refresh); a.status != http.StatusOK {
		t.Errorf("a stranger's attempt ended the owner's token: %d %s", a.status, a.body)
	}
}

func ensureRequestWithValidPkceSucceeds(t *testing.T, s plan) {
	r := s.register(t, nil)
	verifier, challenge := pkce()
	a := r.request("code_challenge", challenge, "code_challenge_method", "S256")
	r.redeemed(a, r.visit(s.browser(t), a), "code_verifier", verifier)
	a = r.request("code_challenge", challenge, "code_challenge_method", "S256")
	wantTokenError(t, r.exchange(r.wantCode(a, r.visit(s.browser(t), a))), "invalid_grant")
}

func pairwiseSubjects(t *testing.T, s plan) {
	b := s.browser(t)
	subs := map[any]string{}
	parties := map[string]map[string]any{
		"public": nil, "pairwise": {"subject_type": "pairwise", "sector": "one.example"}, "another sector": {"subject_type": "pairwise", "sector": "two.example"},
	}
	for name, members := range parties {
		r := s.register(t, members)
		got := r.signIn(b, "scope", "openid profile")
		if name != "public" && strings.HasPrefix(got.claims["sub"].(string), "usr_") {
			t.Errorf("%s: %v", name, got.claims["sub"])
		}
		r.wantClaims(got, claimsOf("profile")...)
		if before, known := subs[got.claims["sub"]]; known {
			t.Errorf("%s and %s know the person by one name", name, before)
		}
		subs[got.claims["sub"]] = name
	}
	if again := s.register(t, parties["pairwise"]).signIn(b); subs[again.claims["sub"]] != "pairwise" {
		t.Errorf("another client of the sector: %v of %v", again.claims["sub"], slices.Collect(maps.Values(subs)))
	}
}
