package clientmeta

import (
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// profile is a safe bundle: what a client starts from, and the bounds it stays
// in.
type profile struct {
	methods []string // the first is the default
	grants  []string // a client has them, or fewer
	// defaults are further settings to start from.
	defaults func(*authz.Client)
	// held are what may not be loosened besides.
	held []func(authz.Client) error
}

var (
	codeGrants    = []string{authz.GrantAuthorizationCode, authz.GrantRefreshToken}
	confidentials = []string{authz.AuthClientSecretBasic, authz.AuthClientSecretPost, authz.AuthPrivateKeyJWT, authz.AuthTLS, authz.AuthSelfSignedTLS}
	withKeys      = []string{authz.AuthPrivateKeyJWT, authz.AuthTLS, authz.AuthSelfSignedTLS}
	fapiModes     = []string{"query", "jwt", "query.jwt"}
)

func requirePKCE(c *authz.Client) { c.Metadata.RequirePKCE = true }

// profileOf returns the bundle; false for a profile nobody knows.
func profileOf(name authz.ClientProfile) (profile, bool) {
	switch name {
	case authz.ProfileWeb:
		return profile{confidentials, codeGrants, requirePKCE, []func(authz.Client) error{holdPKCE}}, true
	case authz.ProfileSPA:
		return profile{[]string{authz.AuthNone}, codeGrants, requirePKCE, []func(authz.Client) error{holdPKCE, holdHTTPS}}, true
	case authz.ProfileNative:
		return profile{[]string{authz.AuthNone}, codeGrants, requirePKCE, []func(authz.Client) error{holdPKCE}}, true
	case authz.ProfileService:
		return profile{confidentials, []string{authz.GrantClientCredentials}, func(*authz.Client) {}, []func(authz.Client) error{holdNoRedirect}}, true
	case authz.ProfileFAPI2:
		return profile{withKeys, append([]string{authz.GrantClientCredentials}, codeGrants...), fapi2, []func(authz.Client) error{holdPKCE, holdHTTPS, holdFAPI2}}, true
	case authz.ProfileMCP:
		return profile{[]string{authz.AuthNone, authz.AuthPrivateKeyJWT}, codeGrants, requirePKCE, []func(authz.Client) error{holdPKCE}}, true
	}
	return profile{}, false
}

// fapi2 are the settings of the FAPI 2.0 Security Profile, section 5.3.
func fapi2(c *authz.Client) {
	c.GrantTypes = slices.Clone(codeGrants)
	c.IDTokenAlgorithm = "ES256"
	c.Metadata.RequirePKCE, c.Metadata.RequirePushed, c.Metadata.DPoPBound = true, true, true
	c.Metadata.ResponseModes = []string{"query", "jwt"}
}

// Bundle returns what a client of the profile starts from; without a profile,
// nothing but the profile's name is set.
func Bundle(name authz.ClientProfile) authz.Client {
	c := authz.Client{Metadata: authz.ClientMetadata{Profile: name}}
	p, known := profileOf(name)
	if !known {
		return c
	}
	c.AuthMethod, c.GrantTypes = p.methods[0], slices.Clone(p.grants)
	p.defaults(&c)
	return c
}

// checkProfile names the first setting that is looser than the client's
// profile allows.
func checkProfile(c authz.Client) error {
	if c.Metadata.Profile == "" {
		return nil
	}
	p, known := profileOf(c.Metadata.Profile)
	if !known {
		return bad("profile", "must be web, spa, native, service, fapi2 or mcp.")
	}
	if !slices.Contains(p.methods, c.AuthMethod) {
		return looser("token_endpoint_auth_method")
	}
	for _, g := range c.GrantTypes {
		if !slices.Contains(p.grants, g) {
			return looser("grant_types")
		}
	}
	for _, hold := range p.held {
		if err := hold(c); err != nil {
			return err
		}
	}
	return nil
}

// CheckMove refuses a change that takes a client out of its profile's bounds by
// naming another: each allows what another does not, but for fapi2, which is
// stricter than any.
func CheckMove(before, after authz.Client) error {
	from, to := before.Metadata.Profile, after.Metadata.Profile
	if from == "" || from == to || to == authz.ProfileFAPI2 {
		return nil
	}
	return bad("profile", "a client can go from its profile to fapi2 only; register another client for another profile.")
}

func looser(member string) error {
	return bad(member, "is looser than the client's profile allows.")
}

func holdPKCE(c authz.Client) error {
	if !c.Metadata.RequirePKCE {
		return looser("require_pkce")
	}
	return nil
}

func holdHTTPS(c authz.Client) error {
	for _, uri := range c.RedirectURIs {
		if u, err := url.Parse(uri); err != nil || u.Scheme != "https" {
			return looser("redirect_uris")
		}
	}
	return nil
}

func holdNoRedirect(c authz.Client) error {
	if len(c.RedirectURIs) > 0 {
		return looser("redirect_uris")
	}
	if len(c.Metadata.PostLogoutRedirectURIs) > 0 {
		return looser("post_logout_redirect_uris")
	}
	return nil
}

// holdFAPI2 holds to the FAPI 2.0 Security Profile: pushed requests, tokens
// bound to a key, and no RSASSA-PKCS1-v1_5 anywhere (section 5.4).
func holdFAPI2(c authz.Client) error {
	m := c.Metadata
	if !m.RequirePushed {
		return looser("require_pushed_authorization_requests")
	}
	if !m.DPoPBound && !m.CertificateBound {
		return looser("dpop_bound_access_tokens")
	}
	if len(m.ResponseModes) == 0 || slices.ContainsFunc(m.ResponseModes, func(mode string) bool { return !slices.Contains(fapiModes, mode) }) {
		return looser("response_modes")
	}
	if c.IDTokenAlgorithm == "" { // which means RS256
		return looser("id_token_signed_response_alg")
	}
	if m.RequestAlgorithm == "RS256" {
		return looser("request_object_signing_alg")
	}
	for member, alg := range answerAlgorithms(c) {
		if strings.HasPrefix(alg, "RS") {
			return looser(member)
		}
	}
	return nil
}
