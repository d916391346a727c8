package web_test

import (
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/connection"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// Whoever manages connections and is no owner changes nothing about who the
// people of one in use are: not by a provider of their own at its other side,
// nor by another claim for groups, another vendor's reading or another key.
func TestUO_WhoIsWhoAtAConnectionInUseIsAnOwnersToChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := made(h.store.GetConnection(h.Context(), issuer, h.workspace.ID, h.connection.ID))(h)
	c.Fallback.Mode, c.JIT, c.Vendor, c.Revision = authz.FallbackNever, authz.JITDomain, "okta", max(c.Revision, 1) // as the API makes them
	c.Scopes = []string{"openid", "profile", "email"}
	h.ok(h.store.PutConnection(h.Context(), c))
	theirs, ours := samlKeys()
	rogue := made(idptest.NewSAML(idptest.SAMLConfig{
		EntityID: "https://old.example/", SSO: entitySSO, SLO: entitySLO, Vendor: "okta", User: oldUser(), Key: theirs, Encrypt: ours.Certificate, Now: h.clock.Now,
	}))(h)
	auth0, poll, name, numbers := "auth0", authz.OIDCUpstream{PollMinutes: new(30)}, "another", authz.Numbers{AttemptMinutes: 20, MFAAgeMinutes: 30}
	secret := authz.Secret("rolled")
	manager := authz.Principal{Issuer: issuer, WorkspaceID: h.workspace.ID, Subject: "usr_mallory", Scopes: []string{"manage:connections"}}
	owner := manager
	owner.Scopes = []string{"manage:connections", "manage:workspace"}
	c.Numbers = authz.Numbers{MFAAgeMinutes: 30}
	h.ok(h.store.PutConnection(h.Context(), c))
	type test struct {
		change connection.Change
		owners bool
	}
	times := func(n authz.Numbers, owners bool) test { return test{connection.Change{Numbers: &n}, owners} }
	for what, test := range map[string]test{
		"a factor that counts for longer":       times(authz.Numbers{MFAAgeMinutes: 31}, true),
		"a factor that counts as by default":    times(authz.Numbers{}, true),
		"a factor that counts for less":         times(authz.Numbers{MFAAgeMinutes: 29}, false),
		"a wider skew of OpenID Connect":        times(authz.Numbers{MFAAgeMinutes: 30, OIDCSkewSeconds: 61}, true),
		"a wider skew of SAML":                  times(authz.Numbers{MFAAgeMinutes: 30, SAMLSkewSeconds: 61}, true),
		"older assertions":                      times(authz.Numbers{MFAAgeMinutes: 30, AssertionAgeSeconds: 301}, true),
		"longer sessions of a fallback":         times(authz.Numbers{MFAAgeMinutes: 30, FallbackSessionMinutes: 61}, true),
		"all of them less, others as they like": times(authz.Numbers{AttemptMinutes: 15, OIDCSkewSeconds: 59, SAMLSkewSeconds: 59, AssertionAgeSeconds: 299, DiscoveryRefreshMinutes: 721, DiscoveryKeptMinutes: 1441, FallbackSessionMinutes: 59, MFAAgeMinutes: 15}, false),
		"a side of SAML":                        {connection.Change{Metadata: &connection.Metadata{XML: string(rogue.Metadata())}}, true},
		"the claim of groups":                   {connection.Change{OIDC: &authz.OIDCUpstream{Groups: []string{"favourite_colours"}}}, true},
		"the vendor":                            {connection.Change{Vendor: &auth0}, true},
		"the link key":                          {connection.Change{Fallback: &authz.Fallback{Mode: authz.FallbackNever, Link: authz.LinkKey{OIDC: []string{"sub"}, SAML: []string{"id"}}}}, true},
		"how often to ask":                      {connection.Change{OIDC: &poll}, false},
		"the numbers":                           {connection.Change{Numbers: &numbers}, false},
		"the name":                              {connection.Change{Name: &name}, false},
		"the secret":                            {connection.Change{Secret: &secret}, false},
	} {
		_, err := h.connections.Update(t.Context(), manager, h.workspace.ID, c.ID, 0, test.change)
		if refused := authz.CodeOf(err) == "owner_required"; refused != test.owners || err != nil && !refused {
			t.Errorf("%s by a manager of connections: %v", what, err)
		}
		if _, err := h.connections.Update(t.Context(), owner, h.workspace.ID, c.ID, 0, test.change); err != nil {
			t.Errorf("%s by an owner: %v", what, err)
		}
		h.ok(h.store.PutConnection(h.Context(), c))
	}
}
