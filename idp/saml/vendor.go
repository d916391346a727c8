package saml

import "github.com/gatehouse-auth/gatehouse/idp"

// Names that vendors tell attributes under.
const (
	claimNames    = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	entraNames    = "http://schemas.microsoft.com/identity/claims/"
	entraGroups   = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"
	entraOverage  = "http://schemas.microsoft.com/claims/groups.link"
	entraMethods  = "http://schemas.microsoft.com/claims/authnmethodsreferences"
	entraMultiple = "http://schemas.microsoft.com/claims/multipleauthn"
	// refedsMFA is the one context class for more than one factor that vendors
	// share (REFEDS MFA Profile).
	refedsMFA = "https://refeds.org/profile/mfa"
)

// Profile is what a vendor's providers have in common: where a new connection
// starts from. Missing tells an administrator what such providers do not say
// unless somebody maps it.
type Profile struct {
	NameIDFormat  string
	Mapping       idp.Mapping
	MFA           idp.MFARule
	StaticContext bool
	Missing       []string
}

// Vendor returns the profile of okta, entra, auth0, onelogin, pingone,
// pingfederate or generic; not ok for others. Entra's Require still lacks the
// tenant's id.
func Vendor(name string) (p Profile, ok bool) {
	p = Profile{NameIDFormat: NameIDUnspecified, MFA: idp.MFARule{ACR: []string{refedsMFA}}}
	switch name {
	case "okta":
		// PasswordProtectedTransport whatever happened: session.amr tells.
		p.StaticContext = true
		p.Mapping = idp.Mapping{
			Subject: []string{"id"}, Email: []string{"email", "Email"}, Name: []string{"displayName", "name"},
			GivenName: []string{"firstName", "FirstName"}, FamilyName: []string{"lastName", "LastName"},
			Groups: []string{"groups"}, Methods: []string{"session.amr", "amr"},
		}
		p.Missing = []string{"map user.id to the attribute id", "map session.amr to an attribute of that name, or no second factor is seen", "add a group filter for groups"}
	case "entra":
		p.NameIDFormat, p.StaticContext = NameIDPersistent, true
		p.Mapping = idp.Mapping{
			Subject: []string{entraNames + "tenantid", entraNames + "objectidentifier"},
			Email:   []string{claimNames + "emailaddress"}, Name: []string{entraNames + "displayname"},
			GivenName: []string{claimNames + "givenname"}, FamilyName: []string{claimNames + "surname"},
			PreferredUsername: []string{claimNames + "name"},
			Groups:            []string{entraGroups}, Overage: []string{entraOverage}, Methods: []string{entraMethods},
		}
		p.MFA.AMR = []string{entraMultiple}
		p.Missing = []string{"groups are left out for members of more than 150: use groups assigned to the application"}
	case "auth0":
		p.StaticContext = true
		p.Mapping = idp.Mapping{
			Subject: []string{claimNames + "nameidentifier"}, Email: []string{claimNames + "emailaddress"}, Name: []string{claimNames + "name"},
			GivenName: []string{claimNames + "givenname"}, FamilyName: []string{claimNames + "surname"},
			Groups: []string{"http://schemas.auth0.com/roles"},
		}
		p.Missing = []string{"its context class is a setting, not evidence: people are asked for a local second factor"}
	case "onelogin":
		p.StaticContext = true
		p.Mapping = idp.Mapping{
			Subject: []string{"User.id"}, Email: []string{"User.email"}, GivenName: []string{"User.FirstName"},
			FamilyName: []string{"User.LastName"}, Groups: []string{"memberOf"},
		}
		p.Missing = []string{"map the OneLogin id to User.id", "it sends no evidence of a second factor: people are asked for a local one"}
	case "pingone", "pingfederate":
		p.StaticContext = name == "pingone"
		p.Mapping = idp.Mapping{
			Subject: []string{"id"}, Email: []string{"email"}, Name: []string{"name"}, GivenName: []string{"given_name", "firstName"},
			FamilyName: []string{"family_name", "lastName"}, Groups: []string{"groups", "memberOf"},
		}
		p.Missing = []string{"map the user id to the attribute id"}
	case "generic":
		p.NameIDFormat = NameIDPersistent
		p.Mapping = idp.Mapping{
			Email:      []string{"email", "mail", "urn:oid:0.9.2342.19200300.100.1.3", claimNames + "emailaddress"},
			Name:       []string{"displayName", "urn:oid:2.16.840.1.113730.3.1.241", "cn", "urn:oid:2.5.4.3", claimNames + "name"},
			GivenName:  []string{"givenName", "urn:oid:2.5.4.42", claimNames + "givenname"},
			FamilyName: []string{"sn", "urn:oid:2.5.4.4", claimNames + "surname"},
			Groups:     []string{"groups", "memberOf", "urn:oid:1.3.6.1.4.1.5923.1.5.1.1"},
		}
	default:
		return Profile{}, false
	}
	return p, true
}
