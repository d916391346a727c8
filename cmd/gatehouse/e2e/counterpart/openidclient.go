package counterpart

import (
	"cmp"
	"testing"
)

// RelyingParty is what a client must be told about a provider and itself.
type RelyingParty struct {
	Issuer       string `json:"issuer"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"`
	RedirectURI  string `json:"redirect_uri"`
	// Space-separated; "openid" if empty.
	Scope string `json:"scope"`
	// client_secret_basic (the default), client_secret_post or none.
	AuthMethod string `json:"auth_method"`
	// The algorithm ID tokens must be signed with; RS256 if empty.
	IDTokenAlg string `json:"id_token_alg"`
	// Further parameters of the authorization request, such as login_hint.
	Parameters map[string]string `json:"parameters,omitempty"`
}

func (rp RelyingParty) withDefaults() RelyingParty {
	rp.Scope = cmp.Or(rp.Scope, "openid")
	rp.AuthMethod = cmp.Or(rp.AuthMethod, "client_secret_basic")
	rp.IDTokenAlg = cmp.Or(rp.IDTokenAlg, "RS256")
	return rp
}

// Outcome is what openid-client got and found after one sign-in. A step the
// provider does not offer leaves its field nil.
type Outcome struct {
	Tokens    map[string]any `json:"tokens"`
	Claims    map[string]any `json:"claims"`
	UserInfo  map[string]any `json:"userinfo"`
	Refreshed map[string]any `json:"refreshed"`
	// The newest access token, before and after it was revoked.
	Introspection      map[string]any `json:"introspection"`
	Revoked            bool           `json:"revoked"`
	IntrospectionAfter map[string]any `json:"introspection_after"`
	// What went wrong, by the JSON name of the step.
	Errors map[string]string `json:"errors"`
}

// OpenIDClient signs in with npm's openid-client: discovery, code flow with
// PKCE, state and nonce, then userinfo, refresh, introspection and revocation.
// signIn plays the browser: it takes the authorization URL and returns the URL
// the provider sent it back to. A sign-in that openid-client finds fault with
// fails the test with its words.
func OpenIDClient(t testing.TB, rp RelyingParty, signIn func(authorizationURL string) (callback string)) Outcome {
	t.Helper()
	p := node(t, "openid-client.mjs")
	p.tell(rp.withDefaults())
	var begun struct {
		AuthorizationURL string `json:"authorization_url"`
	}
	p.hear(&begun)
	p.line(signIn(begun.AuthorizationURL))
	var outcome Outcome
	p.hear(&outcome)
	return outcome
}
