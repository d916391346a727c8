package oidc

import (
	"regexp"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// Profile is what a vendor's providers have in common: where a new connection
// starts from. Missing tells an administrator what such providers do not say
// unless somebody sets it up.
type Profile struct {
	Mapping idp.Mapping
	MFA     idp.MFARule
	Missing []string
}

// Vendor returns the profile of okta, entra, auth0, onelogin, pingone,
// pingfederate or generic; not ok for others.
func Vendor(name string) (p Profile, ok bool) {
	switch name {
	case "okta":
		p.MFA.ACR = []string{"urn:okta:loa:2fa:any", "phr", "phrh"}
		p.Missing = []string{"add a groups claim with a filter to the application, or no groups are seen"}
	case "entra":
		// sub is another one for each application registration; tid and oid stay.
		p.Mapping.Subject = []string{"tid", "oid"}
		p.Missing = []string{
			"v2.0 tokens say nothing of a second factor: ask for an authentication context (request: claims, mfa_contexts), or people are asked for a local one",
			"groups are left out for members of more than 200: use groups assigned to the application, or app roles",
			"email is never proof of who somebody is",
		}
	case "auth0":
		p.Missing = []string{"groups come only as a claim with a namespace that an Action adds (groups)", "amr tells of a second factor at the sign-in that used one, not later"}
	case "onelogin":
		p.Missing = []string{"it sends no evidence of a second factor: people are asked for a local one", "it does not say that an e-mail address was verified: nobody joins by signing in"}
	case "pingone", "pingfederate":
		p.Missing = []string{"acr is the name of the policy: say which ones mean a second factor (mfa_contexts)", "map email_verified, or nobody joins by signing in"}
	case "generic":
	default:
		return Profile{}, false
	}
	return p, true
}

// The issuers of Entra ID, of v2.0 and v1.0 tokens, on whichever of its clouds.
var entraIssuer = regexp.MustCompile(`^https://[^/]+/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?:/v2\.0|/)$`)

// EntraTenant is the tenant that the name of an issuer of Entra ID holds; empty
// where it holds none. Tokens of that issuer say the same as tid.
func EntraTenant(issuer string) string {
	if m := entraIssuer.FindStringSubmatch(issuer); m != nil {
		return m[1]
	}
	return ""
}
