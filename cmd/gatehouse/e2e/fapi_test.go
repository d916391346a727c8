package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

// keyPair is a client's private JWK and its public JWK Set.
func keyPair(t testing.TB) (private, public json.RawMessage) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwk := jose.JSONWebKey{Key: key, KeyID: "k1"}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{jwk.Public()}}
	return marshal(t, jwk), marshal(t, set)
}

func TestOpenIDClientAsAFAPI2ClientAgainstUs(t *testing.T) {
	for name, signed := range map[string]bool{"SecurityProfile": false, "MessageSigning": true} {
		t.Run(name, func(t *testing.T) {
			bothIssuers(t, func(t *testing.T, p *product, i issuer) {
				t.Parallel()
				private, public := keyPair(t)
				const redirect = "https://fapi.example/callback"
				c := i.register(t, map[string]any{
					"profile": "fapi2", "token_endpoint_auth_method": "private_key_jwt", "jwks": public, "redirect_uris": []string{redirect},
					"dpop_bound_access_tokens": true, "id_token_signed_response_alg": "ES256", "require_signed_request_object": signed,
				})
				got := counterpart.OpenIDClientFAPI(t, counterpart.FAPIClient{
					Issuer: i.Issuer, ClientID: c.ID, RedirectURI: redirect, Scope: scopesOf[i.Name], JWK: private,
					SignRequest: signed, SignResponse: signed,
				}, func(start string) string { return followBack(t, start, redirect, p.user("alice")) })
				if len(got.Errors) > 0 {
					t.Fatal(got.Errors)
				}
				if got.Tokens["token_type"] != "dpop" && got.Tokens["token_type"] != "DPoP" {
					t.Errorf("tokens %v", got.Tokens)
				}
				if got.UserInfo["sub"] != got.Claims["sub"] || got.Refreshed["access_token"] == nil || got.Refreshed["refresh_token"] != nil {
					t.Errorf("userinfo %v, refreshed %v", got.UserInfo, got.Refreshed)
				}
				if got.Introspection["active"] != true || got.Introspection["cnf"] == nil || got.Introspection["token_type"] != "DPoP" {
					t.Errorf("introspection %v", got.Introspection)
				}
				plain := request(t, http.MethodGet, i.Issuer+"/oauth2/userinfo", "", "Authorization", "Bearer "+got.Tokens["access_token"].(string))
				wantStatus(t, plain, http.StatusUnauthorized)
			})
		})
	}
}
