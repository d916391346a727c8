package counterpart

import (
	"encoding/json"
	"testing"
)

// FAPIClient is what openid-client must be told to act as a FAPI 2.0 client.
type FAPIClient struct {
	Issuer      string `json:"issuer"`
	ClientID    string `json:"client_id"`
	RedirectURI string `json:"redirect_uri"`
	Scope       string `json:"scope"` // space-separated
	// JWK is the client's private EC P-256 key with a kid (RFC 7517).
	JWK json.RawMessage `json:"jwk"`
	// SignRequest sends a request object (RFC 9101), SignResponse asks for
	// JARM: FAPI 2.0 Message Signing.
	SignRequest  bool `json:"jar"`
	SignResponse bool `json:"jarm"`
	// Further parameters of the authorization request, such as login_hint.
	Parameters map[string]string `json:"parameters,omitempty"`
}

// OpenIDClientFAPI signs in with npm's openid-client as a FAPI 2.0 client does:
// private_key_jwt, a pushed request, PKCE and DPoP; then userinfo, refresh and
// introspection. signIn plays the browser, as for OpenIDClient.
func OpenIDClientFAPI(t testing.TB, c FAPIClient, signIn func(authorizationURL string) (callback string)) Outcome {
	t.Helper()
	p := node(t, "fapi-client.mjs")
	p.tell(c)
	var begun struct {
		AuthorizationURL string `json:"authorization_url"`
	}
	p.hear(&begun)
	p.line(signIn(begun.AuthorizationURL))
	var outcome Outcome
	p.hear(&outcome)
	return outcome
}
