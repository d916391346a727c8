package e2e_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The cases bear the names of the modules of the OpenID Foundation's plan
// fapi2-security-profile-final (openid_connect), without their common beginning,
// and of fapi2-message-signing-final. Each runs in every variant it is for.
func TestFAPI2SecurityProfileFinal(t *testing.T) {
	t.Parallel()
	always, asserted, dpop := func(fapiVariant) bool { return true }, fapiVariant.asserted, fapiVariant.dpop
	modules := []struct {
		name string
		in   func(fapiVariant) bool
		run  func(*fapiHouse)
	}{
		{"happy-flow", always, happyFlow},
		{"discovery-end-point-verification", always, fapiDiscovery},
		{"user-rejects-authentication", always, userRejects},
		{"par-authorization-requests", always, parRequests},
		{"par-attempt-reuse-request_uri", always, parReuse},
		{"par-client-assertion-audience", asserted, parAudience},
		{"authorization-requests", always, fapiAuthorizationRequests},
		{"token-endpoint", always, fapiTokenEndpoint},
		{"dpop-code-binding", dpop, dpopBinding},
		{"dpop-negative-tests", dpop, dpopNegative},
		{"refresh-token", always, fapiRefresh},
		{"attempt-reuse-authorization-code", always, fapiCodeReuse},
		{"message-signing-request-objects", always, messageSigningRequests},
		{"message-signing-jarm", always, messageSigningJARM},
		{"tls", always, fapiTLS},
		{"expired-auth-code-and-request_uri", always, fapiExpired},
		{"ensure-holder-of-key-required", always, holderOfKey},
		{"access-token-type-header-case", always, tokenTypeCase},
		{"par-attempt-invalid-http-method", always, parMethod},
		{"par-ensure-reused-request-uri-prior-to-auth-completion-succeeds", always, parVisitedTwice},
		{"par-without-duplicate-parameters", always, parAlone},
		{"fapi_client_credentials_grant-happy-flow", always, credentialsHappyFlow},
		{"fapi_client_credentials_grant-negative", always, credentialsNegative},
		{"fapi_client_credentials_grant-client-assertion", asserted, credentialsAssertion},
		{"fapi_client_credentials_grant-dpop", dpop, credentialsDPoP},
	}
	for _, v := range []fapiVariant{
		{"private_key_jwt", "dpop"}, {"private_key_jwt", "mtls"}, {"tls_client_auth", "dpop"}, {"tls_client_auth", "mtls"},
		{"self_signed_tls_client_auth", "dpop"}, {"self_signed_tls_client_auth", "mtls"},
	} {
		t.Run(v.auth+" "+v.bind, func(t *testing.T) {
			h := newFAPIHouse(t, v)
			for _, m := range modules {
				if m.in(v) {
					t.Run(m.name, func(t *testing.T) { m.run(h.reportingTo(t)) })
				}
			}
		})
	}
}

// reportingTo is the house for one module: each reports to its own test.
func (h *fapiHouse) reportingTo(t *testing.T) *fapiHouse {
	own := *h
	own.TB = t
	client, other := *h.client, *h.other
	client.h, other.h = &own, &own
	own.client, own.other = &client, &other
	return &own
}

func happyFlow(h *fapiHouse) {
	for _, rp := range []*fapiRP{h.client, h.other} {
		form := rp.parameters()
		p := rp.browse(h.browser(), rp.pushed(form), "allow")
		q := p.back.Query()
		if q.Get("state") != form.Get("state") || q.Get("iss") != h.d.url || len(q.Get("code")) < 16 {
			h.Errorf("the response: %v", q)
		}
		if rp == h.other && q.Get("dummy2") != "ipsum" {
			h.Errorf("the query of the redirect URI is gone: %v", q)
		}
		a := rp.token(rp.redemption(q.Get("code")))
		wantStatus(h, a, http.StatusOK)
		if a.text("token_type") != h.tokenType() || a.text("id_token") == "" || a.header.Get("Cache-Control") != "no-store" {
			h.Errorf("the answer: %s", a.body)
		}
		wantStatus(h, rp.use(a.text("access_token")), http.StatusOK)
		inQuery := sure(h)(h.n.try(http.MethodGet, "/oauth2/userinfo?access_token="+a.text("access_token"), ""))
		if inQuery.status < 400 {
			h.Errorf("a token in the query: %d", inQuery.status)
		}
	}
	first := h.client.tokens().text("access_token")
	wantStatus(h, h.other.use(first), http.StatusUnauthorized)
}

func fapiDiscovery(h *fapiHouse) {
	a := sure(h)(h.n.try(http.MethodGet, "/.well-known/openid-configuration", ""))
	wantStatus(h, a, http.StatusOK)
	for member, want := range map[string]string{
		"code_challenge_methods_supported": "S256", "token_endpoint_auth_methods_supported": "private_key_jwt",
		"token_endpoint_auth_signing_alg_values_supported": "ES256", "dpop_signing_alg_values_supported": "ES256",
		"id_token_signing_alg_values_supported": "ES256", "response_modes_supported": "jwt", "authorization_signing_alg_values_supported": "ES256",
		"request_object_signing_alg_values_supported": "PS256",
	} {
		list, _ := a.json[member].([]any)
		if !slices.Contains(list, any(want)) {
			h.Errorf("%s: %v lacks %s", member, list, want)
		}
	}
	if a.json["authorization_response_iss_parameter_supported"] != true || a.json["pushed_authorization_request_endpoint"] != h.d.url+"/oauth2/par" {
		h.Errorf("metadata: %s", a.body)
	}
	if list, _ := a.json["dpop_signing_alg_values_supported"].([]any); slices.Contains(list, any("RS256")) {
		h.Error("RS256 is advertised for DPoP")
	}
}

func userRejects(h *fapiHouse) {
	rp, form := h.client, h.client.parameters("prompt", "consent")
	q := rp.browse(h.browser(), rp.pushed(form), "deny").back.Query()
	if q.Get("error") != "access_denied" || q.Get("state") != form.Get("state") || q.Get("iss") != h.d.url || q.Has("code") {
		h.Errorf("the response: %v", q)
	}
}

func parRequests(h *fapiHouse) {
	rp := h.client
	wantStatus(h, rp.push(rp.parameters("state", "", "nonce", "")), http.StatusCreated)
	for name, more := range map[string][]string{
		"par-ensure-pkce-required":                                       {"code_challenge", "", "code_challenge_method", ""},
		"par-plain-pkce-rejected":                                        {"code_challenge_method", "plain"},
		"ensure-response-type-code-idtoken-fails":                        {"response_type", "code id_token"},
		"ensure-response-type-token-fails":                               {"response_type", "token"},
		"ensure-redirect-uri-in-authorization-request":                   {"redirect_uri", ""},
		"ensure-registered-redirect-uri":                                 {"redirect_uri", "https://fapi.example/other"},
		"par-authorization-request-containing-request_uri-form-param":    {"request_uri", "urn:ietf:params:oauth:request_uri:x"},
		"ensure-mismatched-dpop-jkt-fails: a thumbprint of nothing":      {"dpop_jkt", "x"},
		"ensure-request-object-signature-algorithm-is-not-none: garbage": {"request", "x"},
	} {
		if a := rp.push(rp.parameters(more...)); a.status != http.StatusBadRequest || a.text("error") == "" {
			h.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	unknown := rp.parameters()
	unknown.Set("client_id", h.other.id)
	wantError(h, rp.push(unknown), http.StatusUnauthorized, "invalid_client")
}

func parReuse(h *fapiHouse) {
	uri := h.client.pushed(h.client.parameters())
	h.client.codeOf(uri)
	if p := h.client.browse(h.browser(), uri, "allow"); p.status != http.StatusBadRequest || !strings.Contains(p.body, "invalid_request_uri") {
		h.Errorf("a second time: %d %v", p.status, p.back)
	}
	if p := h.other.browse(h.browser(), h.client.pushed(h.client.parameters()), "allow"); p.status != http.StatusBadRequest {
		h.Errorf("another client's: %d %v", p.status, p.back)
	}
}

func parVisitedTwice(h *fapiHouse) {
	uri := h.client.pushed(h.client.parameters("prompt", "consent"))
	b := h.browser()
	b.get(h.d.url + "/oauth2/authorize?" + url.Values{"client_id": {h.client.id}, "request_uri": {uri}}.Encode())
	if p := h.client.browse(b, uri, "allow"); p.back == nil || p.back.Query().Get("code") == "" {
		h.Errorf("a page that was loaded again: %d %v", p.status, p.back)
	}
}

func parMethod(h *fapiHouse) {
	if a := sure(h)(h.n.try(http.MethodPut, "/oauth2/par", "")); a.status != http.StatusMethodNotAllowed {
		h.Errorf("PUT: %d", a.status)
	}
	if a := sure(h)(h.n.try(http.MethodGet, "/oauth2/par?"+h.client.authenticated(h.client.parameters()).Encode(), "")); a.status != http.StatusMethodNotAllowed {
		h.Errorf("GET: %d", a.status)
	}
}

func parAudience(h *fapiHouse) {
	rp := h.client
	for _, path := range []string{"/oauth2/par", "/oauth2/token"} {
		form := rp.parameters()
		if path == "/oauth2/token" {
			form = rp.redemption(rp.code())
		}
		for name, aud := range map[string]any{
			"par-test-array-as-audience-fails": []string{h.d.url}, "par-test-par-endpoint-url-as-audience-fails": h.d.url + "/oauth2/par",
			"par-test-token-endpoint-url-as-audience-fails": h.d.url + "/oauth2/token", "none": nil,
		} {
			text := sign(h, "ES256", rp.key, nil, with(rp.assertionClaims(), "aud", aud))
			wantErrorOf(h, path+" "+name, rp.post(path, withAssertion(form, text), rp.holding("POST", path, "")...), "invalid_client")
		}
		now := time.Now().Unix()
		for name, text := range map[string]string{
			"RS256": sign(h, "RS256", rsaKey(h), nil, rp.assertionClaims()), "another's key": sign(h, "ES256", h.other.key, nil, rp.assertionClaims()),
			"expired":        sign(h, "ES256", rp.key, nil, with(rp.assertionClaims(), "exp", now-300)),
			"no sub":         sign(h, "ES256", rp.key, nil, with(rp.assertionClaims(), "sub", nil)),
			"nbf 60 s ahead": sign(h, "ES256", rp.key, nil, with(rp.assertionClaims(), "nbf", now+60)),
			"iat 60 s ahead": sign(h, "ES256", rp.key, nil, with(rp.assertionClaims(), "iat", now+60)), "none at all": "",
		} {
			wantErrorOf(h, path+" "+name, rp.post(path, withAssertion(form, text), rp.holding("POST", path, "")...), "invalid_client")
		}
	}
	soon := sign(h, "ES256", rp.key, nil, with(rp.assertionClaims(), "nbf", time.Now().Unix()+8))
	wantStatus(h, rp.post("/oauth2/par", withAssertion(rp.parameters(), soon)), http.StatusCreated)
}

// wantErrorOf is wantError for one of many.
func wantErrorOf(h *fapiHouse, what string, a answer, codes ...string) {
	h.Helper()
	if (a.status != http.StatusBadRequest && a.status != http.StatusUnauthorized) || !slices.Contains(codes, a.text("error")) {
		h.Errorf("%s: %d %s", what, a.status, a.body)
	}
}

func fapiAuthorizationRequests(h *fapiHouse) {
	rp := h.client
	outer := h.d.url + "/oauth2/authorize?"
	if p := h.browser().get(outer + rp.parameters().Encode()); p.back == nil || p.back.Query().Get("error") != "invalid_request" {
		h.Errorf("ensure-unsigned-authorization-request-without-using-par-fails: %d %v", p.status, p.back)
	}
	for name, more := range map[string][]string{
		"ensure-authorization-request-with-64-char-nonce-success": {"nonce", strings.Repeat("n", 64)},
		"ensure-authorization-request-with-long-nonce":            {"nonce", strings.Repeat("n", 384)},
		"ensure-authorization-request-with-long-state":            {"state", strings.Repeat("s", 384)},
		"ensure-authorization-request-without-nonce-success":      {"nonce", ""},
		"ensure-authorization-request-without-state-success":      {"state", ""},
		"ensure-other-scope-order-succeeds":                       {"scope", "profile openid"},
	} {
		form := rp.parameters(more...)
		q := rp.browse(h.browser(), rp.pushed(form), "allow").back.Query()
		a := rp.token(rp.redemption(q.Get("code")))
		wantStatus(h, a, http.StatusOK)
		claims := payloadOf(h, a.text("id_token"))
		if got, _ := claims["nonce"].(string); q.Get("state") != form.Get("state") || got != form.Get("nonce") {
			h.Errorf("%s: %v, %v", name, q, claims)
		}
	}
	uri := rp.pushed(rp.parameters("state", ""))
	b := h.browser()
	p := b.get(outer + url.Values{"client_id": {rp.id}, "request_uri": {uri}, "state": {"outside"}}.Encode())
	if p.back == nil {
		p = b.submit(p, "allow", nil)
	}
	if q := p.back.Query(); q.Has("state") || q.Get("code") == "" {
		h.Errorf("state-only-outside-request-object-not-used: %v", q)
	}
}

func fapiTokenEndpoint(h *fapiHouse) {
	rp := h.client
	for name, form := range map[string]url.Values{
		"ensure-pkce-code-verifier-required":                rp.redemption(rp.code(), "code_verifier", ""),
		"incorrect-pkce-code-verifier-rejected":             rp.redemption(rp.code(), "code_verifier", strings.Repeat("x", 43)),
		"ensure-authorization-code-is-bound-to-client":      rp.redemption(h.other.code()),
		"ensure-token-endpoint-fails: another redirect URI": rp.redemption(rp.code(), "redirect_uri", h.other.redirect),
	} {
		wantErrorOf(h, name, rp.token(form), "invalid_grant")
	}
	mismatch := rp.redemption(rp.code())
	mismatch.Set("client_id", h.other.id)
	wantErrorOf(h, "ensure-client-id-in-token-endpoint", rp.token(mismatch), "invalid_client", "invalid_grant", "invalid_request")
	bare := rp.redemption(rp.code())
	bare.Set("client_id", rp.id)
	unproven := postedTo(h, h.n, "/oauth2/token", bare, rp.holding("POST", "/oauth2/token", "")...)
	wantErrorOf(h, "neither assertion nor certificate", unproven, "invalid_client")
}

func holderOfKey(h *fapiHouse) {
	wantErrorOf(h, "without a key", h.client.keyless("/oauth2/token", h.client.redemption(h.client.code())), h.keylessCodes()...)
	h.wantBound(h.client.tokens().text("access_token"))
}

// keyless is a request of the client's that proves it and not its key.
func (rp *fapiRP) keyless(path string, form url.Values) answer {
	rp.h.Helper()
	n := rp.n
	if !rp.h.dpop() {
		n = rp.h.n
	}
	return postedTo(rp.h, n, path, rp.authenticated(form))
}

// keylessCodes are what that may be answered with: without its certificate a
// client may be nobody.
func (h *fapiHouse) keylessCodes() []string {
	switch {
	case h.dpop():
		return []string{"invalid_dpop_proof"}
	case h.asserted():
		return []string{"invalid_request"}
	}
	return []string{"invalid_client"}
}

// wantBound checks that a token is of use to the holder of its key alone.
func (h *fapiHouse) wantBound(token string) {
	h.Helper()
	wantStatus(h, h.client.use(token), http.StatusOK)
	stolen := sure(h)(h.n.try(http.MethodGet, "/oauth2/userinfo", "", "Authorization", h.tokenType()+" "+token))
	wantStatus(h, stolen, http.StatusUnauthorized)
	cnf, _ := h.n.introspect(h, token).json["cnf"].(map[string]any)
	want := map[string]any{"jkt": thumbprintOf(h, h.client.dpop)}
	if !h.dpop() {
		want = map[string]any{"x5t#S256": hashed(string(h.client.certificate.Certificate[0]))}
	}
	if !maps.Equal(cnf, want) {
		h.Errorf("cnf %v, want %v", cnf, want)
	}
}

func tokenTypeCase(h *fapiHouse) {
	token := h.client.tokens().text("access_token")
	for _, scheme := range []string{h.tokenType(), strings.ToLower(h.tokenType()), strings.ToUpper(h.tokenType())} {
		headers := append([]string{"Authorization", scheme + " " + token}, h.client.holding("GET", "/oauth2/userinfo", token)...)
		wantStatus(h, sure(h)(h.client.n.try(http.MethodGet, "/oauth2/userinfo", "", headers...)), http.StatusOK)
	}
}

func parAlone(h *fapiHouse) {
	uri := h.client.pushed(h.client.parameters())
	a := sure(h)(h.n.try(http.MethodGet, "/oauth2/authorize?"+url.Values{"request_uri": {uri}}.Encode(), ""))
	if a.status != http.StatusBadRequest {
		h.Errorf("without client_id: %d", a.status)
	}
	h.client.codeOf(uri)
}

func dpopBinding(h *fapiHouse) {
	rp, thief := h.client, newKey(h)
	jkt := thumbprintOf(h, rp.dpop)
	wantStatus(h, rp.token(rp.redemption(rp.code("dpop_jkt", jkt))), http.StatusOK)
	withProof := rp.codeOf(rp.pushed(rp.parameters(), "DPoP", rp.proof("POST", "/oauth2/par", "")))
	wantStatus(h, rp.token(rp.redemption(withProof)), http.StatusOK)
	byAnother := func(code string) answer {
		return rp.post("/oauth2/token", rp.authenticated(rp.redemption(code)), "DPoP", proofBy(h, thief, rp.proofClaims("POST", "/oauth2/token", "")))
	}
	wantErrorOf(h, "ensure-token-endpoint-fails-with-mismatched-dpop-jkt", byAnother(rp.code("dpop_jkt", jkt)), "invalid_grant", "invalid_dpop_proof")
	bound := rp.codeOf(rp.pushed(rp.parameters(), "DPoP", rp.proof("POST", "/oauth2/par", "")))
	wantErrorOf(h, "ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt", byAnother(bound), "invalid_grant", "invalid_dpop_proof")
	a := rp.push(rp.parameters("dpop_jkt", thumbprintOf(h, thief)), "DPoP", rp.proof("POST", "/oauth2/par", ""))
	wantErrorOf(h, "ensure-mismatched-dpop-jkt-fails", a, "invalid_dpop_proof", "invalid_request")
	for _, seconds := range []int64{-10, 10} {
		claims := with(rp.proofClaims("POST", "/oauth2/token", ""), "iat", time.Now().Unix()+seconds)
		a := rp.post("/oauth2/token", rp.authenticated(rp.redemption(rp.code())), "DPoP", proofBy(h, rp.dpop, claims))
		wantStatus(h, a, http.StatusOK)
	}
	ignored := with(with(rp.proofClaims("POST", "/oauth2/token", ""), "exp", 1), "nbf", time.Now().Unix()+3600)
	wantStatus(h, rp.post("/oauth2/token", rp.authenticated(rp.redemption(rp.code())), "DPoP", proofBy(h, rp.dpop, ignored)), http.StatusOK)
}

func dpopNegative(h *fapiHouse) {
	rp := h.client
	token := rp.tokens().text("access_token")
	good := func() map[string]any { return rp.proofClaims("GET", "/oauth2/userinfo", token) }
	present := func(proof string) int { return rp.resource("DPoP", token, proof).status }
	headers := map[string]any{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: rp.dpop.Public()}}
	now := time.Now().Unix()
	for name, claims := range map[string]map[string]any{
		"no jti": with(good(), "jti", nil), "no htm": with(good(), "htm", nil), "no htu": with(good(), "htu", nil), "no iat": with(good(), "iat", nil),
		"no ath": with(good(), "ath", nil), "wrong htm": with(good(), "htm", "PUT"), "wrong htu": with(good(), "htu", "https://other.example/"),
		"wrong ath": with(good(), "ath", hashed("x")), "an hour ahead": with(good(), "iat", now+3600), "an hour ago": with(good(), "iat", now-3600),
	} {
		if status := present(proofBy(h, rp.dpop, claims)); status != http.StatusUnauthorized && status != http.StatusBadRequest {
			h.Errorf("%s: %d", name, status)
		}
	}
	fine := proofBy(h, rp.dpop, good())
	for name, proof := range map[string]string{
		"no typ": sign(h, "ES256", rp.dpop, with(headers, "typ", nil), good()), "typ JWT": sign(h, "ES256", rp.dpop, with(headers, "typ", "JWT"), good()),
		"no jwk": sign(h, "ES256", rp.dpop, with(headers, "jwk", nil), good()), "another key": proofBy(h, newKey(h), good()),
		"the private key": sign(h, "ES256", rp.dpop, with(headers, "jwk", jose.JSONWebKey{Key: rp.dpop}), good()),
		"a bad signature": fine[:len(fine)-8] + "AAAAAAAA", "not a JWT": "x", "none": "",
	} {
		if status := present(proof); status != http.StatusUnauthorized && status != http.StatusBadRequest {
			h.Errorf("%s: %d", name, status)
		}
	}
	for name, claims := range map[string]map[string]any{
		"a query": with(good(), "htu", h.d.url+"/oauth2/userinfo?a=b#c"), "capitals": with(good(), "htu", strings.Replace(h.d.url, "https", "HTTPS", 1)+"/oauth2/userinfo"),
		"more": with(good(), "more", "x"),
	} {
		if status := present(proofBy(h, rp.dpop, claims)); status != http.StatusOK {
			h.Errorf("%s: %d", name, status)
		}
	}
	once := proofBy(h, rp.dpop, good())
	if first, second := present(once), present(once); first != http.StatusOK || second == http.StatusOK {
		h.Errorf("a jti twice: %d, %d", first, second)
	}
	wantStatus(h, rp.resource("Bearer", token, ""), http.StatusUnauthorized)
	two := sure(h)(h.n.try(http.MethodGet, "/oauth2/userinfo", "", "Authorization", "DPoP "+token, "DPoP", proofBy(h, rp.dpop, good()), "DPoP", proofBy(h, rp.dpop, good())))
	wantStatus(h, two, http.StatusUnauthorized)
	wantStatus(h, rp.resource("DPoP", token, proofBy(h, rp.dpop, good())), http.StatusOK)
}

func fapiRefresh(h *fapiHouse) {
	rp := h.client
	first := rp.tokens("scope", "openid offline_access", "prompt", "consent")
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.text("refresh_token")}}
	for range 2 {
		a := rp.token(form)
		wantStatus(h, a, http.StatusOK)
		if a.text("refresh_token") != "" || a.text("access_token") == first.text("access_token") || a.text("token_type") != h.tokenType() {
			h.Errorf("refreshed: %s", a.body)
		}
	}
	wantErrorOf(h, "another client", h.other.token(form), "invalid_grant")
	alone := url.Values{"grant_type": form["grant_type"], "refresh_token": form["refresh_token"], "client_id": {rp.id}}
	unproven := postedTo(h, h.n, "/oauth2/token", alone, rp.holding("POST", "/oauth2/token", "")...)
	wantErrorOf(h, "without client authentication", unproven, "invalid_client")
	wantErrorOf(h, "without a key", rp.keyless("/oauth2/token", form), h.keylessCodes()...)
}

func fapiCodeReuse(h *fapiHouse) {
	rp, code := h.client, h.client.code()
	a := rp.token(rp.redemption(code))
	wantStatus(h, a, http.StatusOK)
	wantErrorOf(h, "again", rp.token(rp.redemption(code)), "invalid_grant")
	token := a.text("access_token")
	wantStatus(h, rp.use(token), http.StatusUnauthorized)
}

func fapiExpired(h *fapiHouse) {
	// A house of its own, as its clock runs ahead.
	t, ok := h.TB.(*testing.T)
	if !ok {
		h.Fatal("not a test")
	}
	own := newFAPIHouse(t, h.fapiVariant)
	rp := own.client
	code, uri := rp.code(), rp.pushed(rp.parameters())
	own.n.advance(own, "62s")
	if p := rp.browse(own.browser(), uri, "allow"); p.status != http.StatusBadRequest {
		h.Errorf("par-attempt-to-use-expired-request_uri: %d %v", p.status, p.back)
	}
	form, headers := rp.authenticated(rp.redemption(code)), []string(nil)
	if own.asserted() {
		late := map[string]any{"iss": rp.id, "sub": rp.id, "aud": own.d.url, "jti": nonce(), "exp": time.Now().Unix() + 120}
		form = withAssertion(rp.redemption(code), sign(own, "ES256", rp.key, nil, late))
	}
	if own.dpop() {
		headers = []string{"DPoP", proofBy(own, rp.dpop, with(rp.proofClaims("POST", "/oauth2/token", ""), "iat", time.Now().Unix()+62))}
	}
	a := rp.post("/oauth2/token", form, headers...)
	wantErrorOf(own, "ensure-token-endpoint-fails-with-expired-auth-code", a, "invalid_grant")
}

func fapiTLS(h *fapiHouse) {
	for _, version := range []uint16{0x0301, 0x0302} {
		conf := h.tls.Clone()
		conf.MinVersion, conf.MaxVersion = version, version
		if c, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: conf}}).Get(h.d.url + "/"); err == nil {
			_ = c.Body.Close()
			h.Errorf("TLS %x is spoken", version)
		}
	}
}
