package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// holder has a key pair and signs with it, as a client does.
type holder struct {
	testing.TB
	key *ecdsa.PrivateKey
}

func newHolder(t testing.TB) *holder {
	t.Helper()
	return &holder{t, made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)}
}

// jwks is the public half.
func (k *holder) jwks() json.RawMessage {
	k.Helper()
	return made(json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.key.Public(), KeyID: "k1"}}}))(k)
}

func (k *holder) sign(headers, claims map[string]any) string {
	k.Helper()
	return signed(k, "ES256", k.key, headers, claims)
}

func signed(t testing.TB, alg string, key any, headers, claims map[string]any) string {
	t.Helper()
	options := &jose.SignerOptions{}
	for name, value := range headers {
		options.WithHeader(jose.HeaderKey(name), value)
	}
	signer := made(jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, options))(t)
	jws := made(signer.Sign(made(json.Marshal(claims))(t)))(t)
	return made(jws.CompactSerialize())(t)
}

// handmade is a JWS nobody signed.
func handmade(header, claims map[string]any) string {
	encode := func(v map[string]any) string {
		raw, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	return encode(header) + "." + encode(claims) + "."
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, _ := rsa.GenerateKey(rand.Reader, 2048)
	return key
})

// changed is a copy of the claims with one set, or taken away by nil.
func changed(claims map[string]any, name string, value any) map[string]any {
	c := maps.Clone(claims)
	if c[name] = value; value == nil {
		delete(c, name)
	}
	return c
}

// keyed registers a client that authenticates by private_key_jwt.
func (h *house) keyed(change func(*authz.Client)) (authz.Client, *holder) {
	h.Helper()
	k := newHolder(h)
	return h.client(func(c *authz.Client) {
		c.AuthMethod, c.Metadata.JWKS = authz.AuthPrivateKeyJWT, k.jwks()
		change(c)
	}), k
}

// assertion is the claims of a good client assertion; each has a jti of its own.
func (h *house) assertion(c authz.Client) map[string]any {
	now := h.clock.Now().Unix()
	return map[string]any{
		"iss": string(c.ID), "sub": string(c.ID), "aud": issuerURL, "jti": authz.NewID("jti"), "iat": now, "exp": now + 60,
	}
}

// asserted authenticates the client by an assertion.
func (h *house) asserted(c authz.Client, k *holder, list ...string) oauth.Request {
	h.Helper()
	return withAssertion(k.sign(map[string]any{"kid": "k1"}, h.assertion(c)), list...)
}

func withAssertion(assertion string, list ...string) oauth.Request {
	form := pairs(list...)
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	return oauth.Request{Form: form}
}

// thumb is the key's thumbprint (RFC 7638).
func (k *holder) thumb() string {
	k.Helper()
	jwk := jose.JSONWebKey{Key: k.key.Public()}
	return base64.RawURLEncoding.EncodeToString(made(jwk.Thumbprint(5))(k))
}

// prove adds a DPoP proof to a request.
func (h *house) prove(k *holder, method, path string, in oauth.Request, more ...func(claims map[string]any)) oauth.Request {
	h.Helper()
	claims := map[string]any{"jti": authz.NewID("jti"), "htm": method, "htu": issuerURL + path, "iat": h.clock.Now().Unix()}
	for _, m := range more {
		m(claims)
	}
	in.Method, in.Path = method, path
	in.DPoP = []string{k.sign(map[string]any{"typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: k.key.Public()}}, claims)}
	return in
}

// forToken is the ath of a proof.
func forToken(token authz.Secret) func(map[string]any) {
	return func(claims map[string]any) {
		sum := sha256.Sum256([]byte(token.Reveal()))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
}
