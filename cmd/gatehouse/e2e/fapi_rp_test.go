package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// fapiVariant is how the clients of a plan prove themselves and bind their
// tokens, in the suite's words: client_auth_type and sender_constrain.
type fapiVariant struct{ auth, bind string }

func (v fapiVariant) dpop() bool     { return v.bind == "dpop" }
func (v fapiVariant) asserted() bool { return v.auth == "private_key_jwt" }

func (v fapiVariant) tokenType() string {
	if v.dpop() {
		return "DPoP"
	}
	return "Bearer"
}

// fapiHouse is a server that speaks TLS, with two FAPI 2.0 clients.
type fapiHouse struct {
	testing.TB
	fapiVariant
	d             *deployment
	n             *node
	tls           *tls.Config
	ca            *tls.Certificate // of clients
	client, other *fapiRP
}

// fapiRP is a FAPI 2.0 client, which pushes its requests.
type fapiRP struct {
	h           *fapiHouse
	n           *node // as the client reaches it, with its certificate if it has one
	id          string
	redirect    string
	key         *ecdsa.PrivateKey // of its assertions and request objects
	dpop        *ecdsa.PrivateKey
	certificate *tls.Certificate
}

const fapiVerifier = "a-code-verifier-of-at-least-43-characters-0123456789"

func newFAPIHouse(t *testing.T, v fapiVariant) *fapiHouse {
	t.Helper()
	d, n, conf, ca := certifying(t)
	h := &fapiHouse{TB: t, fapiVariant: v, d: d, n: n, tls: conf, ca: ca}
	h.client = h.register("https://fapi.example/callback", map[string]any{})
	// The second one's redirect URI has a query, as the suite's second client.
	h.other = h.register("https://fapi.example/callback?dummy1=lorem&dummy2=ipsum", map[string]any{})
	return h
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (h *fapiHouse) register(redirect string, members map[string]any) *fapiRP {
	h.Helper()
	rp := &fapiRP{h: h, n: h.n, redirect: redirect, key: newKey(h), dpop: newKey(h)}
	keys := []jose.JSONWebKey{{Key: rp.key.Public(), KeyID: "k1"}}
	all := map[string]any{
		"name": "fapi", "workspace_id": h.d.WorkspaceID, "profile": "fapi2", "token_endpoint_auth_method": h.auth,
		"redirect_uris": []string{redirect}, "scopes": []string{"openid", "profile", "offline_access"},
		"dpop_bound_access_tokens": h.dpop(), "tls_client_certificate_bound_access_tokens": !h.dpop(), "id_token_signed_response_alg": "ES256",
	}
	if !h.asserted() || !h.dpop() {
		name := "client-" + strings.ToLower(rand.Text()) + ".example"
		by := h.ca
		switch h.auth {
		case "tls_client_auth":
			all["tls_client_auth_san_dns"] = name
		case "self_signed_tls_client_auth":
			by = nil
		}
		rp.certificate = issued(h, name, by)
		rp.n = h.n.bearing(h.tls, rp.certificate)
		if by == nil {
			keys = append(keys, jose.JSONWebKey{Key: rp.certificate.Leaf.PublicKey, KeyID: "k2", Certificates: []*x509.Certificate{rp.certificate.Leaf}})
		}
	}
	all["jwks"] = jose.JSONWebKeySet{Keys: keys}
	maps.Copy(all, members)
	if all["redirect_uris"] == nil {
		delete(all, "redirect_uris")
	}
	a := h.n.manage(h, http.MethodPost, "/v1/clients", string(marshal(h, all)))
	wantStatus(h, a, http.StatusCreated)
	rp.id = a.text("client_id")
	return rp
}

func marshal(t testing.TB, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// sign makes a compact JWS.
func sign(t testing.TB, alg string, key any, headers, claims map[string]any) string {
	t.Helper()
	options := &jose.SignerOptions{}
	for name, value := range headers {
		options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(marshal(t, claims))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// with is a copy of the claims with one set, or taken away by nil.
func with(claims map[string]any, name string, value any) map[string]any {
	c := maps.Clone(claims)
	if c[name] = value; value == nil {
		delete(c, name)
	}
	return c
}

func nonce() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:])
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

func (rp *fapiRP) assertionClaims() map[string]any {
	now := time.Now().Unix()
	return map[string]any{"iss": rp.id, "sub": rp.id, "aud": rp.h.d.url, "jti": nonce(), "iat": now, "exp": now + 60}
}

// authenticated adds a client assertion to a form, or the name of a client whose
// certificate says the rest.
func (rp *fapiRP) authenticated(form url.Values) url.Values {
	rp.h.Helper()
	if !rp.h.asserted() {
		all := maps.Clone(form)
		if !all.Has("client_id") {
			all.Set("client_id", rp.id)
		}
		return all
	}
	return withAssertion(form, sign(rp.h, "ES256", rp.key, map[string]any{"kid": "k1"}, rp.assertionClaims()))
}

func withAssertion(form url.Values, assertion string) url.Values {
	all := maps.Clone(form)
	all.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	all.Set("client_assertion", assertion)
	return all
}

func (rp *fapiRP) proofClaims(method, path, token string) map[string]any {
	claims := map[string]any{"jti": nonce(), "htm": method, "htu": rp.h.d.url + path, "iat": time.Now().Unix()}
	if token != "" {
		claims["ath"] = hashed(token)
	}
	return claims
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (rp *fapiRP) proof(method, path, token string) string {
	rp.h.Helper()
	return proofBy(rp.h, rp.dpop, rp.proofClaims(method, path, token))
}

func proofBy(t testing.TB, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	return sign(t, "ES256", key, map[string]any{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: key.Public()}}, claims)
}

func thumbprintOf(t testing.TB, key *ecdsa.PrivateKey) string {
	t.Helper()
	jwk := jose.JSONWebKey{Key: key.Public()}
	sum, err := jwk.Thumbprint(5)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// post sends a form to the server, over the client's own connection.
func (rp *fapiRP) post(path string, form url.Values, headers ...string) answer {
	rp.h.Helper()
	return postedTo(rp.h, rp.n, path, form, headers...)
}

func postedTo(t testing.TB, n *node, path string, form url.Values, headers ...string) answer {
	t.Helper()
	return sure(t)(n.try(http.MethodPost, path, form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...))
}

// holding are the headers by which the client proves its key, where that is not
// in its connection.
func (rp *fapiRP) holding(method, path, token string) []string {
	rp.h.Helper()
	if !rp.h.dpop() {
		return nil
	}
	return []string{"DPoP", rp.proof(method, path, token)}
}

// parameters are those of an authorization request; further pairs replace.
func (rp *fapiRP) parameters(more ...string) url.Values {
	form := url.Values{
		"client_id": {rp.id}, "redirect_uri": {rp.redirect}, "response_type": {"code"}, "scope": {"openid profile"}, "state": {nonce()},
		"nonce": {nonce()}, "code_challenge": {hashed(fapiVerifier)}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(more); i += 2 {
		if form.Set(more[i], more[i+1]); more[i+1] == "" {
			form.Del(more[i])
		}
	}
	return form
}

func (rp *fapiRP) push(form url.Values, headers ...string) answer {
	rp.h.Helper()
	return rp.post("/oauth2/par", rp.authenticated(form), headers...)
}

// pushed is the request URI of a request that was taken.
func (rp *fapiRP) pushed(form url.Values, headers ...string) string {
	rp.h.Helper()
	a := rp.push(form, headers...)
	wantStatus(rp.h, a, http.StatusCreated)
	return a.text("request_uri")
}

// browse takes a person through the authorization endpoint.
func (rp *fapiRP) browse(b *browser, requestURI string, button string) *page {
	rp.h.Helper()
	p := b.get(rp.h.d.url + "/oauth2/authorize?" + url.Values{"client_id": {rp.id}, "request_uri": {requestURI}}.Encode())
	if p.back == nil && p.status == http.StatusOK {
		p = b.submit(p, button, nil)
	}
	return p
}

func (h *fapiHouse) browser() *browser {
	h.Helper()
	b := newBrowser(h, "https://fapi.example/")
	b.client.Transport = &http.Transport{TLSClientConfig: h.tls.Clone()}
	return b
}

// code is what a person who allows everything sends back.
func (rp *fapiRP) code(more ...string) string {
	rp.h.Helper()
	return rp.codeOf(rp.pushed(rp.parameters(more...)))
}

func (rp *fapiRP) codeOf(requestURI string) string {
	rp.h.Helper()
	p := rp.browse(rp.h.browser(), requestURI, "allow")
	if p.back == nil || p.back.Query().Get("code") == "" || p.back.Query().Get("iss") != rp.h.d.url {
		rp.h.Fatalf("no code: %d %v\n%s", p.status, p.back, p.body)
	}
	return p.back.Query().Get("code")
}

// redemption is the form that exchanges a code.
func (rp *fapiRP) redemption(code string, more ...string) url.Values {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {rp.redirect}, "code_verifier": {fapiVerifier}}
	for i := 0; i+1 < len(more); i += 2 {
		if form.Set(more[i], more[i+1]); more[i+1] == "" {
			form.Del(more[i])
		}
	}
	return form
}

func (rp *fapiRP) token(form url.Values) answer {
	rp.h.Helper()
	return rp.post("/oauth2/token", rp.authenticated(form), rp.holding("POST", "/oauth2/token", "")...)
}

// tokens are those of a whole flow.
func (rp *fapiRP) tokens(more ...string) answer {
	rp.h.Helper()
	a := rp.token(rp.redemption(rp.code(more...)))
	wantStatus(rp.h, a, http.StatusOK)
	return a
}

// resource presents a token and a proof at userinfo.
func (rp *fapiRP) resource(scheme, token, proof string) answer {
	rp.h.Helper()
	headers := []string{"Authorization", scheme + " " + token}
	if proof != "" {
		headers = append(headers, "dPoP", proof)
	}
	return sure(rp.h)(rp.n.try(http.MethodGet, "/oauth2/userinfo", "", headers...))
}

// use presents a token at userinfo with what it is bound to, or what is the
// client's own in its place.
func (rp *fapiRP) use(token string) answer {
	rp.h.Helper()
	headers := append([]string{"Authorization", rp.h.tokenType() + " " + token}, rp.holding("GET", "/oauth2/userinfo", token)...)
	return sure(rp.h)(rp.n.try(http.MethodGet, "/oauth2/userinfo", "", headers...))
}

func rsaKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
