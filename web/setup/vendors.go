package setup

// vendor is a kind of provider, and where to begin there.
type vendor struct {
	ID, Name string
	Chosen   bool
	Hints    []string
}

// list are the vendors that connections have profiles of.
func list() []vendor {
	return []vendor{
		{ID: "generic", Name: "Another provider", Hints: []string{"Register an application of the type web, with the authorization code flow, or a service provider of SAML 2.0."}},
		{ID: "okta", Name: "Okta", Hints: []string{
			"Applications, Create App Integration: OIDC and Web Application, or SAML 2.0.", "Give the issuer of the org authorization server, https://<your org>.okta.com.", "Add a groups claim with a filter, or no groups are seen.",
		}},
		{ID: "entra", Name: "Microsoft Entra ID", Hints: []string{
			"App registrations, New registration, platform Web; or Enterprise applications with SAML.", "The issuer holds your tenant's id: https://login.microsoftonline.com/<tenant id>/v2.0. common and organizations are not one tenant.",
			"For SAML take the App Federation Metadata URL.",
		}},
		{ID: "auth0", Name: "Auth0", Hints: []string{"Applications, Create Application, Regular Web Application.", "The issuer ends with a slash: https://<your domain>/."}},
		{ID: "onelogin", Name: "OneLogin", Hints: []string{"Applications, Add App: OpenID Connect, or SAML Custom Connector (Advanced).", "The issuer is https://<your subdomain>.onelogin.com/oidc/2."}},
		{ID: "pingone", Name: "PingOne", Hints: []string{"Connections, Applications, Add: OIDC Web App, or SAML Application.", "The issuer is https://auth.pingone.<region>/<environment id>/as."}},
		{ID: "pingfederate", Name: "PingFederate", Hints: []string{"Applications, OAuth, Clients; or an SP connection with our metadata."}},
	}
}

func vendors(chosen string) []vendor {
	all := list()
	for n := range all {
		all[n].Chosen = all[n].ID == chosen
	}
	return all
}

func vendorOf(id string) vendor {
	for _, v := range list() {
		if v.ID == id {
			return v
		}
	}
	return list()[0]
}
