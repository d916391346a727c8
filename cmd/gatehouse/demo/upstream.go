package demo

import (
	"crypto/rand"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// upstream is the customer's identity provider.
type upstream struct {
	provider *idptest.Provider
	server   *http.Server
	users    []idptest.User
	clientID string
	secret   string
}

// domain is the e-mail domain of each product's customer; people sign in to
// both, so that one directory serves two workspaces.
const domain = "example.com"

func startUpstream(p *ports) (*upstream, error) {
	u := &upstream{
		users: []idptest.User{
			person("alice", "Alice", "Adams", domain, true),
			person("bob", "Bob", "Brown", domain, false),
			person("mallory", "Mallory", "Miller", "elsewhere.example", false),
		},
		clientID: "gatehouse", secret: rand.Text(),
	}
	var err error
	u.provider, err = idptest.New(idptest.Config{
		Issuer: "http://" + p.upstream.Addr().String(), Title: "Example Corp directory", Users: u.users,
	})
	if err != nil {
		return nil, err
	}
	u.server = &http.Server{Handler: u.provider.Handler(), ReadHeaderTimeout: 5 * time.Second}
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

// register makes the issuers clients of the upstream.
func (u *upstream) register(redirectURIs, formAction []string) error {
	return u.provider.AddClient(idptest.Client{ID: u.clientID, Secret: u.secret, RedirectURIs: redirectURIs, FormAction: formAction})
}

// connection is the customer's provider as a workspace knows it.
func (u *upstream) connection(issuer authz.IssuerName, ws authz.WorkspaceID) authz.Connection {
	return authz.Connection{
		ID: connectionID(issuer), Issuer: issuer, WorkspaceID: ws, Name: "Example Corp", UpstreamIssuer: u.provider.Issuer(),
		ClientID: u.clientID, Scopes: []string{"openid", "profile", "email"}, Domains: []string{domain}, State: authz.Active,
	}
}

func connectionID(issuer authz.IssuerName) authz.ConnectionID {
	return authz.ConnectionID("con_demo_" + string(issuer))
}
