package oauth

import (
	"time"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// clientView shows fosite a client, or a service account behind an API key,
// for one request. It is deliberately no OpenIDConnectClient: fosite must not
// look at request objects or client keys.
type clientView struct {
	id           string
	public       bool
	grantTypes   fosite.Arguments
	redirectURIs []string
	scopes       fosite.Arguments
	names        authz.ScopeNames // that scopes may be asked for by
	audience     fosite.Arguments
	client       authz.Client // zero behind a key
	accountID    authz.AccountID
	key          *authz.Credential // nil unless an API key
}

func viewOf(c credential.AuthenticatedClient, audience []string) *clientView {
	return &clientView{
		id: string(c.ID), public: c.Public(), grantTypes: c.GrantTypes,
		redirectURIs: c.RedirectURIs, scopes: c.Scopes, audience: audience,
		client: *c.Client, accountID: c.AccountID,
	}
}

func viewOfKey(key *authz.Credential, audience []string) *clientView {
	return &clientView{
		id: key.Principal.Subject, grantTypes: fosite.Arguments{authz.GrantClientCredentials},
		scopes: key.Principal.Scopes, audience: audience, accountID: key.Principal.AccountID, key: key,
	}
}

// jwtTokens reports whether the client's access tokens are JWTs.
func (v *clientView) jwtTokens(fallback authz.TokenFormat) bool {
	if v.client.TokenFormat != "" {
		return v.client.TokenFormat == authz.JWT
	}
	return fallback == authz.JWT
}

// keepsRefreshToken reports whether refreshing leaves the refresh token as it
// is: a FAPI client proves itself each time, so that rotation would only lose
// tokens on the way (FAPI 2.0 Security Profile section 5.3.2.1).
func (v *clientView) keepsRefreshToken() bool { return v.client.Metadata.FAPI2() }

// accessTTL is the life of an access token issued at now: never longer than the
// client's, nor past the end of the key it came from.
func (v *clientView) accessTTL(policy time.Duration, now time.Time) time.Duration {
	policy = v.client.Metadata.AccessLife(policy)
	if v.key == nil || v.key.EndsAt.IsZero() {
		return policy
	}
	return min(policy, v.key.EndsAt.Sub(now).Truncate(time.Second))
}

func (v *clientView) GetID() string                      { return v.id }
func (v *clientView) GetHashedSecret() []byte            { return nil }
func (v *clientView) GetRedirectURIs() []string          { return v.redirectURIs }
func (v *clientView) GetGrantTypes() fosite.Arguments    { return v.grantTypes }
func (v *clientView) GetResponseTypes() fosite.Arguments { return fosite.Arguments{"code"} }
func (v *clientView) GetScopes() fosite.Arguments        { return v.names.Spelled(v.scopes) }
func (v *clientView) IsPublic() bool                     { return v.public }
func (v *clientView) GetAudience() fosite.Arguments      { return v.audience }
