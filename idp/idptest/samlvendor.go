package idptest

import "time"

// Names that vendors use for what they tell.
const (
	claimNames = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	entraNames = "http://schemas.microsoft.com/identity/claims/"
	// SAMLTenant is the tenant that the Entra shape tells.
	SAMLTenant = "11111111-2222-3333-4444-555555555555"
)

// shape gives an answer the looks of the provider's vendor, as their
// documentation and, for Auth0, its library show them.
func (p *SAML) shape(a *SAMLAnswer) {
	u := p.config.User
	tell := func(name string, values ...string) {
		a.Attributes = append(a.Attributes, SAMLAttribute{Name: name, Values: values})
	}
	switch p.config.Vendor {
	case "okta":
		a.SignResponse = true
		a.NameID, a.NameIDFormat = u.Login, "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
		tell("id", u.Subject)
		tell("email", u.Email)
		tell("firstName", u.Profile.GivenName)
		tell("lastName", u.Profile.FamilyName)
		tell("groups", u.Groups...)
		methods := []string{"pwd"}
		if u.MFA {
			methods = []string{"pwd", "mfa", "swk"}
		}
		tell("session.amr", methods...)
	case "entra":
		p.entra(a, tell)
	case "auth0":
		a.NameIDFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
		a.NotOnOrAfter, a.ConfirmationEnds = a.Issued.Add(time.Hour), a.Issued.Add(time.Hour)
		a.Context = samlNames + "ac:classes:unspecified"
		if p.config.Encrypt != nil {
			a.SignResponse, a.Encrypt = true, "http://www.w3.org/2009/xmlenc11#aes256-gcm"
		}
		tell(claimNames+"nameidentifier", u.Subject)
		tell(claimNames+"emailaddress", u.Email)
		tell(claimNames+"name", u.Profile.Name)
		tell(claimNames+"givenname", u.Profile.GivenName)
		tell(claimNames+"surname", u.Profile.FamilyName)
	case "onelogin":
		a.SignResponse, a.SignAssertion = true, false
		a.NameID, a.NameIDFormat = u.Email, "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
		a.NotBefore, a.NotOnOrAfter = a.Issued.Add(-3*time.Minute), a.Issued.Add(3*time.Minute)
		tell("User.id", u.Subject)
		tell("User.email", u.Email)
		tell("User.FirstName", u.Profile.GivenName)
		tell("User.LastName", u.Profile.FamilyName)
		tell("memberOf", u.Groups...)
	case "pingone", "pingfederate":
		if u.MFA && p.config.Vendor == "pingfederate" {
			a.Context = "https://refeds.org/profile/mfa"
		}
		tell("id", u.Subject)
		tell("email", u.Email)
		tell("name", u.Profile.Name)
		tell("groups", u.Groups...)
	}
}

func (p *SAML) entra(a *SAMLAnswer, tell func(string, ...string)) {
	u := p.config.User
	a.NotBefore, a.NotOnOrAfter, a.ConfirmationEnds = a.Issued, a.Issued.Add(70*time.Minute), a.Issued.Add(70*time.Minute)
	a.Context = samlNames + "ac:classes:Password"
	tell(entraNames+"objectidentifier", u.Subject)
	tell(entraNames+"tenantid", SAMLTenant)
	tell(claimNames+"emailaddress", u.Email)
	tell(claimNames+"givenname", u.Profile.GivenName)
	tell(claimNames+"surname", u.Profile.FamilyName)
	tell(claimNames+"name", u.Login)
	tell(entraNames+"displayname", u.Profile.Name)
	methods := []string{"http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password"}
	if u.MFA {
		methods = append(methods, "http://schemas.microsoft.com/claims/multipleauthn")
	}
	tell("http://schemas.microsoft.com/claims/authnmethodsreferences", methods...)
	if len(u.Groups) > 150 {
		tell("http://schemas.microsoft.com/claims/groups.link", "https://graph.windows.net/"+SAMLTenant+"/users/x/getMemberObjects")
		return
	}
	tell("http://schemas.microsoft.com/ws/2008/06/identity/claims/groups", u.Groups...)
}
