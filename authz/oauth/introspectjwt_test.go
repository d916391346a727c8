package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/jwks"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

func TestRFC9701_AnIntrospectionIsSignedForItsCallerAlone(t *testing.T) {
	h := newHouse(t)
	both := made(jwks.New(jwks.Config{
		Issuer: "both", Algorithms: []string{"RS256", "ES256"}, RotateEvery: 6 * time.Hour, PublishAhead: time.Hour,
		TokenTTL: time.Hour, Store: h.store, Sealer: h.ring, Clock: h.clock,
	}))(t)
	h.ok(both.Rotate(t.Context()))
	rs256 := h.serverWith(func(c *oauth.Config) {
		c.Signer, c.Settings.IDTokenAlgorithms = both, []string{"RS256", "ES256"}
	})
	choosy := h.client(func(c *authz.Client) { c.Metadata.IntrospectionAlgorithm = "ES256" })
	for what, c := range map[string]struct {
		server *oauth.Server
		set    *jwks.Set
		client authz.Client
		alg    string
	}{
		"the default":          {rs256, both, h.web, "RS256"},
		"registered":           {rs256, both, choosy, "ES256"},
		"an issuer without it": {h.server, h.set, h.web, "ES256"},
	} {
		caller := made(c.server.AuthenticateClient(t.Context(), h.from(c.client)))(t)
		compact := made(c.server.SignIntrospection(t.Context(), caller, json.RawMessage(`{"active":false}`)))(t)
		payload, typ, err := c.set.Verify(t.Context(), compact)
		h.ok(err)
		var header struct{ Alg string }
		h.ok(json.Unmarshal(decoded(t, strings.Split(compact, ".")[0]), &header))
		var claims map[string]any
		h.ok(json.Unmarshal(payload, &claims))
		inner, _ := json.Marshal(claims["token_introspection"])
		if typ != "token-introspection+jwt" || header.Alg != c.alg || len(claims) != 4 || claims["iss"] != issuerURL || claims["aud"] != string(c.client.ID) ||
			claims["iat"] != float64(h.clock.Now().Unix()) || string(inner) != `{"active":false}` {
			t.Errorf("%s: %s %s %s", what, typ, header.Alg, payload)
		}
		h.dead(what+": the answer as a token", authz.Secret(compact))
	}
	doc := string(made(rs256.Metadata(made(scopes(t.Context()))(t)))(t))
	if !strings.Contains(doc, `"introspection_signing_alg_values_supported":["RS256","ES256"]`) {
		t.Errorf("metadata %s", doc)
	}
}

func decoded(t testing.TB, text string) []byte {
	t.Helper()
	return made(base64.RawURLEncoding.DecodeString(text))(t)
}
