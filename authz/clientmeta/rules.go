package clientmeta

import (
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Rules are what an issuer allows its clients; every field but SubjectTypes is
// required.
type Rules struct {
	// AuthMethods are the client authentication methods in use.
	AuthMethods []string
	// Algorithms are the JWS algorithms the issuer signs with.
	Algorithms []string
	// Scopes is the OAuth scope catalogue.
	Scopes []string
	// KeyScopes are scopes of API keys that a client may exchange, and hold no
	// other way.
	KeyScopes []string
	// SubjectTypes are those in use; empty means public (OpenID Connect Core
	// section 8).
	SubjectTypes []string
	// CheckRedirectURI says whether a browser may be sent back to a URI.
	CheckRedirectURI func(string) error
	// CheckURL says whether the server may ask a URL that a stranger chose
	// (idp/outbound).
	CheckURL func(string) error
}

// bad is the problem with a member.
func bad(member, why string) error {
	return authz.NewError(authz.Invalid, "invalid_"+member, member+": "+why)
}

// Check looks at everything that is registered of a client and names the first
// member that is wrong.
func (r Rules) Check(c authz.Client) error {
	for _, check := range []func(authz.Client) error{
		r.checkNames, r.checkMethod, r.checkGrants, r.checkScopes, r.checkForms, r.checkKeys, r.checkCertificate,
		r.checkPages, r.checkLogout, r.checkSubject, r.checkRequests, r.checkAnswers, r.checkTargets, checkProfile,
	} {
		if err := check(c); err != nil {
			return err
		}
	}
	return nil
}

func (r Rules) checkMethod(c authz.Client) error {
	if !slices.Contains(r.AuthMethods, c.AuthMethod) {
		return bad("token_endpoint_auth_method", "is not in use at this issuer.")
	}
	return nil
}

// grantTypes are those a client may be registered for.
var grantTypes = []string{
	authz.GrantAuthorizationCode, authz.GrantRefreshToken, authz.GrantClientCredentials, authz.GrantDeviceCode, authz.GrantTokenExchange,
}

// personless grants prove nobody but the client: a public one proves nothing.
var personless = []string{authz.GrantClientCredentials, authz.GrantTokenExchange}

func (r Rules) checkGrants(c authz.Client) error {
	if len(c.GrantTypes) > len(grantTypes) {
		return bad("grant_types", "each at most once.")
	}
	for _, g := range c.GrantTypes {
		if !slices.Contains(grantTypes, g) {
			return bad("grant_types", "one is not supported.")
		}
		if c.Public() && slices.Contains(personless, g) {
			return bad("grant_types", "a public client cannot use client_credentials or token exchange.")
		}
	}
	if c.MayUse(authz.GrantAuthorizationCode) && len(c.RedirectURIs) == 0 {
		return bad("redirect_uris", "at least one is required for authorization_code.")
	}
	return r.checkRedirects("redirect_uris", c.RedirectURIs)
}

// Scopes are what clients may be registered for: their own scopes, and those of
// keys that they may exchange.
func Scopes(known *authz.Scopes) (own, ofKeys []string) {
	for _, s := range known.Of(authz.ClientScope) {
		own = append(own, s.Name)
	}
	for _, s := range known.Of(authz.KeyScope) {
		if !s.PeopleOnly {
			ofKeys = append(ofKeys, s.Name)
		}
	}
	return own, ofKeys
}

func (r Rules) checkScopes(c authz.Client) error {
	known := r.Scopes
	if exchangesOnly(c.GrantTypes) {
		known = slices.Concat(known, r.KeyScopes)
	}
	for _, s := range c.Scopes {
		if !slices.Contains(known, s) {
			return bad("scopes", "one is not in the catalogue.")
		}
	}
	return nil
}

// exchangesOnly reports whether a client gets nothing but what the subject of
// an exchange has: the scopes of keys are then a bound on what it takes, and
// nothing it holds by itself.
func exchangesOnly(grants []string) bool {
	return len(grants) > 0 && !slices.ContainsFunc(grants, func(g string) bool { return g != authz.GrantTokenExchange })
}

func (r Rules) checkForms(c authz.Client) error {
	if c.TokenFormat != "" && c.TokenFormat != authz.Opaque && c.TokenFormat != authz.JWT {
		return bad("token_format", "must be opaque or jwt.")
	}
	for _, e := range append([]authz.Environment{c.Environment}, c.Environments...) {
		if e != "" && e != authz.Live && e != authz.Test {
			return bad("environment", "must be live or test.")
		}
	}
	operators := len(c.Environments) > 0 || c.SkipConsent || c.Introspect
	if c.WorkspaceID != "" && operators {
		return bad("workspace_id", "environments, introspect and skip_consent are for platform clients.")
	}
	return nil
}
