package web_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
)

// provingEndpoints are those that clients prove themselves at, with a form that
// is good but for that.
func provingEndpoints() map[string]url.Values {
	return map[string]url.Values{
		"/oauth2/token":                {"grant_type": {"authorization_code"}, "code": {"ac_x"}, "redirect_uri": {appURI}},
		"/oauth2/introspect":           {"token": {"at_x"}},
		"/oauth2/revoke":               {"token": {"at_x"}},
		"/oauth2/par":                  {"response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {appURI}, "code_challenge": {challenge}, "code_challenge_method": {"S256"}},
		"/oauth2/device_authorization": {"scope": {"openid"}},
	}
}

func signedJWT(t *testing.T, alg jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	signer := made(jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT")))(t)
	return made(made(signer.Sign(made(json.Marshal(claims))(t)))(t).CompactSerialize())(t)
}

// assertedBy registers a client that proves itself with the keys.
func (h *house) assertedBy(alg string, keys ...crypto.PublicKey) authz.Client {
	h.Helper()
	var list jose.JSONWebKeySet
	for n, key := range keys {
		list.Keys = append(list.Keys, jose.JSONWebKey{Key: key, KeyID: strconv.Itoa(n), Use: "sig"})
	}
	set := made(json.Marshal(list))(h)
	c, _, err := h.admin.CreateClient(h.Context(), authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients"}}, admin.ClientSettings{
		Name: "bank", WorkspaceID: h.workspace.ID, RedirectURIs: []string{appURI}, Scopes: []string{"openid"}, IDTokenAlgorithm: "ES256", AuthMethod: authz.AuthPrivateKeyJWT,
		GrantTypes: []string{authz.GrantAuthorizationCode, authz.GrantDeviceCode},
		Metadata:   authz.ClientMetadata{JWKS: set, AuthAlgorithm: alg},
	})
	h.ok(err)
	return c
}

func TestCA_07_AnAssertionIsSignedWithTheClientsKeyAndAlgorithm(t *testing.T) {
	h := newHouse(t)
	key := made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	stranger := made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	rsaKey := made(rsa.GenerateKey(rand.Reader, 2048))(t)
	bank, shop, free := h.assertedBy("ES256", key.Public(), rsaKey.Public()), h.assertedBy("PS256", rsaKey.Public()), h.assertedBy("", rsaKey.Public())
	claims := func(c authz.Client) map[string]any {
		now := h.clock.Now().Unix()
		return map[string]any{"iss": string(c.ID), "sub": string(c.ID), "aud": host, "jti": authz.NewID("jti"), "iat": now, "exp": now + 60}
	}
	ask := func(path string, body url.Values, assertion string) *httptest.ResponseRecorder {
		with := url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}}
		for name, values := range body {
			with[name] = values
		}
		return h.send("POST", path, with.Encode(), "Content-Type", form)
	}
	unsigned := func(alg string, c authz.Client, tail string) string {
		part := func(v any) string { return base64.RawURLEncoding.EncodeToString(made(json.Marshal(v))(t)) }
		return part(map[string]any{"alg": alg, "typ": "JWT"}) + "." + part(claims(c)) + "." + tail
	}
	der := made(x509.MarshalPKIXPublicKey(key.Public()))(t)
	for path, body := range provingEndpoints() {
		for _, good := range []string{signedJWT(t, jose.ES256, key, claims(bank)), signedJWT(t, jose.PS256, rsaKey, claims(shop)), signedJWT(t, jose.PS256, rsaKey, claims(free))} {
			if w := ask(path, body, good); w.Code == http.StatusUnauthorized || member(w, "error") == "invalid_client" {
				t.Errorf("%s: a good assertion: %d %s", path, w.Code, w.Body)
			}
		}
		text := signedJWT(t, jose.ES256, key, claims(bank))
		bad := map[string]string{
			"alg none": unsigned("none", bank, ""), "alg None": unsigned("None", bank, ""), "alg none, signed": unsigned("none", bank, text[strings.LastIndex(text, ".")+1:]), "no alg": unsigned("", bank, ""),
			"64 zero bytes": text[:strings.LastIndex(text, ".")+1] + strings.Repeat("A", 86), "no signature": text[:strings.LastIndex(text, ".")+1],
			"a stranger's key":        signedJWT(t, jose.ES256, stranger, claims(bank)),
			"RS256, PS256 was said":   signedJWT(t, jose.RS256, rsaKey, claims(shop)),
			"PS384, PS256 was said":   signedJWT(t, jose.PS384, rsaKey, claims(shop)),
			"RS256, nothing was said": signedJWT(t, jose.RS256, rsaKey, claims(free)),
			"PS384, nothing was said": signedJWT(t, jose.PS384, rsaKey, claims(free)),
			"another client's":        signedJWT(t, jose.ES256, key, claims(shop)),
			"PS256, ES256 was said":   signedJWT(t, jose.PS256, rsaKey, claims(bank)),
			"HS256 with the JWK":      signedJWT(t, jose.HS256, made(json.Marshal(jose.JSONWebKey{Key: key.Public()}))(t), claims(bank)),
			"HS256 with the DER":      signedJWT(t, jose.HS256, der, claims(bank)),
			"HS256 with the PEM":      signedJWT(t, jose.HS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), claims(bank)),
			"HS256 with the JWK set":  signedJWT(t, jose.HS256, []byte(bank.Metadata.JWKS), claims(bank)),
		}
		for what, assertion := range bad {
			h.wants(path+": "+what, ask(path, body, assertion), http.StatusUnauthorized, "invalid_client")
		}
	}
}

func TestCA_03_ASecretInTheQueryIsRefusedAndNotLogged(t *testing.T) {
	h := newHouse(t)
	for path, body := range provingEndpoints() {
		for what, query := range map[string]url.Values{
			"a secret": {"client_id": {string(h.app.ID)}, "client_secret": {h.secret}}, "a secret alone": {"client_secret": {h.secret}},
			"an assertion": {"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {h.secret}},
		} {
			h.wants(path+": "+what, h.send("POST", path+"?"+query.Encode(), body.Encode(), "Content-Type", form), http.StatusBadRequest, "invalid_request")
			h.wants(path+": beside Basic, "+what, h.send("POST", path+"?"+query.Encode(), body.Encode(), "Content-Type", form, "Authorization", h.basic()), http.StatusBadRequest, "invalid_request")
		}
	}
	if strings.Contains(h.log.String(), h.secret) {
		t.Error("the secret is in the log")
	}
}
