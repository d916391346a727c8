package demo

import (
	"crypto/rand"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// upstream is the customer's identity provider, and the old directory that
// some of its people are still in, which speaks SAML.
type upstream struct {
	provider *idptest.Provider
	legacy   *idptest.SAMLServer
	server   *http.Server
	users    []idptest.User
	legacies []idptest.User
	clientID string
	secret   string
}

// domain is the e-mail domain of each product's customer; people sign in to
// both, so that one directory serves two workspaces.
const domain = "example.com"

// legacyDomain is that of the people in the old directory.
const legacyDomain = "legacy.example"

func startUpstream(p *ports) (*upstream, error) {
	u := &upstream{
		users: []idptest.User{
			person("alice", "Alice", "Adams", domain, true),
			person("bob", "Bob", "Brown", domain, false),
			person("mallory", "Mallory", "Miller", "elsewhere.example", false),
		},
		legacies: []idptest.User{person("carol", "Carol", "Clark", legacyDomain, true)},
		clientID: "gatehouse", secret: rand.Text(),
	}
	at := "http://" + p.upstream.Addr().String()
	var err error
	u.provider, err = idptest.New(idptest.Config{
		Issuer: at, Title: "Example Corp directory", Users: u.users,
	})
	if err != nil {
		return nil, err
	}
	u.legacy, err = idptest.NewSAMLServer(idptest.SAMLServerConfig{URL: at, Title: "Example Corp old directory", Vendor: legacyVendor, Users: u.legacies})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", u.provider.Handler())
	mux.Handle("/saml/", u.legacy.Handler())
	u.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = u.server.Serve(p.upstream) }()
	return u, nil
}

func person(name, given, family, at string, mfa bool) idptest.User {
	return idptest.User{
		Login: name + "@" + at, Password: rand.Text(), Subject: "upstream-" + name, Email: name + "@" + at, EmailVerified: true, MFA: mfa,
		Profile: idp.Profile{
			Name: given + " " + family, GivenName: given, FamilyName: family, PreferredUsername: name, Locale: "en", Zoneinfo: "UTC",
			UpdatedAt: time.Now().Add(-24 * time.Hour).Truncate(time.Second),
		},
	}
}

// legacyVendor is whose product the old directory is like.
const legacyVendor = "okta"

// register makes the issuers clients of the upstream.
func (u *upstream) register(redirectURIs, formAction []string) error {
	return u.provider.AddClient(idptest.Client{ID: u.clientID, Secret: u.secret, RedirectURIs: redirectURIs, FormAction: formAction})
}

// connection is the customer's provider as a workspace knows it. Who is in the
// old directory signs in there.
func (u *upstream) connection(issuer authz.IssuerName, ws authz.WorkspaceID, old *authz.SAMLUpstream) authz.Connection {
	return authz.Connection{
		ID: connectionID(issuer), Issuer: issuer, WorkspaceID: ws, Name: "Example Corp", UpstreamIssuer: u.provider.Issuer(),
		ClientID: u.clientID, Scopes: []string{"openid", "profile", "email"}, Domains: []string{domain, legacyDomain}, State: authz.Active,
		Vendor: legacyVendor, SAML: old, Fallback: authz.Fallback{Routes: []authz.Route{{Domain: legacyDomain, Use: authz.SAMLSide}}},
	}
}

func connectionID(issuer authz.IssuerName) authz.ConnectionID {
	return authz.ConnectionID("con_demo_" + string(issuer))
}
