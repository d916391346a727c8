package counterpart

import "testing"

// ProviderConfig is what an upstream OpenID provider knows.
type ProviderConfig struct {
	Clients []ProviderClient `json:"clients"`
	Users   []ProviderUser   `json:"users"`
	// Refuse authorization requests without a code challenge.
	RequirePKCE bool `json:"require_pkce"`
	// Repeat the claims of profile and email in the ID token, as most vendors
	// do, instead of leaving them to the UserInfo endpoint.
	ClaimsInIDToken bool `json:"claims_in_id_token"`
}

// ProviderClient is a relying party the provider knows.
type ProviderClient struct {
	ID                     string   `json:"id"`
	Secret                 string   `json:"secret"`
	RedirectURIs           []string `json:"redirect_uris"`
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogoutURI   string   `json:"backchannel_logout_uri,omitempty"`
	// RS256 (the default) or ES256.
	IDTokenAlg string `json:"id_token_alg,omitempty"`
}

// ProviderUser is a person who can sign in upstream.
type ProviderUser struct {
	// What is typed, or sent as login_hint, to sign in as this person.
	Login   string `json:"login"`
	Subject string `json:"subject"`
	// email, email_verified, name, groups, …; released by scope.
	Claims map[string]any `json:"claims"`
	ACR    string         `json:"acr,omitempty"`
	AMR    []string       `json:"amr,omitempty"`
	// This person answers access_denied instead of signing in.
	Denies bool `json:"denies,omitempty"`
}

// OIDCProvider starts npm's oidc-provider and returns its issuer URL.
//
// A login_hint that names a user signs in by redirects alone. Without one a
// page asks: type into #login, press #sign-in. Everything is consented to.
// POST /forget/LOGIN takes a user out of its directory, GET /refreshes says how
// many refresh tokens it took.
func OIDCProvider(t testing.TB, config ProviderConfig) string {
	t.Helper()
	p := node(t, "oidc-provider.mjs")
	p.tell(config)
	var ready struct {
		Issuer string `json:"issuer"`
	}
	p.hear(&ready)
	return ready.Issuer
}
