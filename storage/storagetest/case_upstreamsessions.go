package storagetest

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// connections are the promises about connections and the two sides they have.
func connections() []promise {
	return []promise{
		{"ConnectionsAreReplacedAndTheirDomainsUnique", testConnections},
		{"ConnectionsHaveTwoSides", testSidesOfAConnection},
		{"ConnectionsChangeByRevision", testChangesOfConnections},
		{"WhatAConnectionWasIsRememberedWithoutItsSecrets", testConnectionHistory},
		{"UpstreamsNameSessions", testUpstreamSessions},
		{"UpstreamsAreAskedAboutSessions", testUpstreamRefreshes},
		{"MetadataIsLookedAtWhenItsTimeHasCome", testConnectionMetadata},
		{"SetupLinksAreOfOneConnection", testSetupLinks},
		{"JoinLinksAreOfOnePersonAndGoodOnce", testJoinLinks},
		{"GrantsAreFoundByTheSessionTheyWereMadeIn", testGrantsOfSessions},
		{"OverridesAreOfOneConnection", testOverrides},
		{"CircuitsAreWrittenByTheFastest", testCircuits},
		{"LinksJoinTheSidesOfAConnection", testLinks},
	}
}

func testUpstreamSessions(e *env) {
	x := e.tenant()
	named := x.session
	named.ID, named.Digest = authz.NewSessionID(e.now), randomDigest()
	named.Upstream = authz.UpstreamName{Side: authz.SAMLSide, Person: randomDigest(), Session: "_1"}
	e.must(e.CreateSession(e.ctx, named))
	of := func(person [32]byte, sessions ...string) authz.UpstreamSessions {
		return authz.UpstreamSessions{
			Issuer: e.issuer, WorkspaceID: x.workspace.ID, ConnectionID: x.connection.ID, Side: authz.SAMLSide, Person: person, Sessions: sessions,
		}
	}
	find := func(of authz.UpstreamSessions, want ...authz.Session) {
		e.Helper()
		got, err := e.SessionsByUpstream(e.ctx, of)
		e.must(err)
		e.same(len(got), len(want))
		for i := range want {
			e.same(got[i], want[i])
		}
	}
	byCookie, _, err := e.SessionByDigestAcrossWorkspaces(e.ctx, e.issuer, named.Digest)
	e.must(err)
	e.same(byCookie.Upstream, authz.UpstreamName{Side: authz.SAMLSide})
	nobody, person := [32]byte{}, named.Upstream.Person
	find(of(person), named)
	find(of(person, "_0", "_1"), named)
	find(of(person, "_2"))
	find(of(randomDigest()))
	// Without a person a session is found by its own name; none finds nobody.
	find(of(nobody, "_0", "_1"), named)
	find(of(nobody, "_2", ""))
	find(of(nobody))
	for _, change := range []func(*authz.UpstreamSessions){
		func(o *authz.UpstreamSessions) { o.Issuer = "another" },
		func(o *authz.UpstreamSessions) { o.WorkspaceID = "ws_other" },
		func(o *authz.UpstreamSessions) { o.ConnectionID = "con_other" },
		func(o *authz.UpstreamSessions) { o.Side = authz.OIDCSide },
	} {
		for _, other := range []authz.UpstreamSessions{of(person), of(nobody, "_1")} {
			change(&other)
			find(other)
		}
	}

	// A later sign-in has another name; an ended session is not found.
	named.Upstream.Session = "_2"
	e.must(e.RenewSession(e.ctx, named))
	find(of(person, "_1"))
	find(of(person, "_2"), named)
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, authz.NodeRef{Kind: authz.SessionNode, ID: string(named.ID)}, authz.Revoked))
	find(of(person))
	find(of(nobody, "_2"))
}

func testSidesOfAConnection(e *env) {
	x := e.tenant()
	x.connection.Vendor, x.connection.SAMLKey = "entra", []byte{1, 0, 255}
	x.connection.SAML = &authz.SAMLUpstream{
		EntityID: "https://sts.example/", SSO: map[string]string{"redirect": "https://sts.example/sso"}, Certificates: [][]byte{{1}, {2, 3}},
		Subject: []string{"tenantid", "objectidentifier"}, Require: map[string]string{"tenantid": "t"},
	}
	x.connection.Fallback.Routes = []authz.Route{{Domain: "legacy.example", Use: authz.SAMLSide}}
	x.connection.JIT, x.connection.OIDC = authz.JITOff, &authz.OIDCUpstream{Subject: []string{"tid", "oid"}}
	e.must(e.PutConnection(e.ctx, x.connection))
	x.connection.Revision = 2
	got, err := e.GetConnectionAcrossWorkspaces(e.ctx, e.issuer, x.connection.ID)
	e.must(err)
	e.same(got, x.connection)
	list, err := e.ListConnections(e.ctx, e.issuer, x.workspace.ID)
	e.must(err)
	e.same(list, []authz.Connection{x.connection})

	ruled := x.connection
	ruled.Groups = []authz.GroupRule{{Group: "ops", Role: "viewer", Environment: authz.Live}, {Group: "sre", Team: "team_1"}}
	e.must(e.SetGroupRules(e.ctx, ruled))
	e.is(e.SetGroupRules(e.ctx, ruled), authz.ErrStale)
	ruled.Revision++
	foreign := ruled
	foreign.WorkspaceID = e.tenant().workspace.ID
	e.is(e.SetGroupRules(e.ctx, foreign), authz.ErrStale)
	e.must(e.PutConnection(e.ctx, x.connection)) // by the configuration, which does not say
	ruled.Revision++
	got, err = e.GetConnection(e.ctx, e.issuer, x.workspace.ID, ruled.ID)
	e.must(err)
	e.same(got, ruled)
	e.must(e.UpdateConnection(e.ctx, got, got.State)) // nor do other settings
	ruled.Revision++
	list, err = e.ListConnections(e.ctx, e.issuer, x.workspace.ID)
	e.must(err)
	e.same(list, []authz.Connection{ruled})

	// The sides may call two people by one name.
	twin := x.user
	twin.ID = authz.NewUserID()
	identity := x.identity
	identity.UserID, identity.Side = twin.ID, authz.SAMLSide
	e.must(e.CreateUser(e.ctx, twin, identity))
	for side, want := range map[authz.Side]authz.UserID{authz.OIDCSide: x.user.ID, authz.SAMLSide: twin.ID} {
		user, _, _, err := e.UserByUpstream(e.ctx, e.issuer, x.workspace.ID, x.connection.ID, side, x.identity.Subject)
		e.must(err)
		e.same(user.ID, want)
	}
}

func testConnectionHistory(e *env) {
	x, other := e.tenant(), e.tenant()
	c := x.connection
	c.ClientSecret, c.SAMLKey = []byte("sealed"), []byte("sealed too")
	kept := func(revision int64) authz.ConnectionRevision {
		e.Helper()
		c.Revision, c.Name = revision, "Revision"
		r := authz.ConnectionRevision{Connection: c, Actor: "usr_1", At: e.now}
		e.must(e.KeepConnectionRevision(e.ctx, r, 2))
		r.Connection.ClientSecret, r.Connection.SAMLKey = nil, nil
		return r
	}
	kept(1)
	second, third := kept(2), kept(3)
	got, err := e.ListConnectionRevisions(e.ctx, e.issuer, c.WorkspaceID, c.ID, 10)
	e.must(err)
	e.same(got, []authz.ConnectionRevision{third, second})
	e.is(e.KeepConnectionRevision(e.ctx, third, 2), authz.ErrConflict)
	got, err = e.ListConnectionRevisions(e.ctx, e.issuer, other.workspace.ID, c.ID, 10)
	e.must(err)
	e.same(got, []authz.ConnectionRevision{})
}

func testChangesOfConnections(e *env) {
	x := e.tenant()
	c := x.connection
	c.Name, c.State, c.Domains = "Renamed", authz.Testing, []string{"renamed-" + c.Domains[0]}
	c.Tested = map[authz.Side]authz.ConnectionTest{authz.OIDCSide: {At: e.now, By: "usr_1", Link: "ab"}}
	c.SAML, c.Untried = &authz.SAMLUpstream{EntityID: "https://sts.example/"}, []authz.Side{authz.SAMLSide}
	c.Fallback.Link = authz.LinkKey{OIDC: []string{"sub"}, SAML: []string{"id"}}
	e.is(e.UpdateConnection(e.ctx, c, authz.Disabled), authz.ErrStale) // somebody switched it off or on meanwhile
	e.must(e.UpdateConnection(e.ctx, c, authz.Active))
	e.is(e.UpdateConnection(e.ctx, c, authz.Testing), authz.ErrStale) // of a revision that is gone
	c.Revision = 2
	got, err := e.GetConnection(e.ctx, e.issuer, x.workspace.ID, c.ID)
	e.must(err)
	e.same(got, c)
	_, err = e.GetConnection(e.ctx, e.issuer, "ws_other", c.ID)
	e.is(err, authz.ErrNotFound)
	_, err = e.ConnectionByDomainAcrossWorkspaces(e.ctx, e.issuer, x.connection.Domains[0])
	e.is(err, authz.ErrNotFound)
	rival := e.connection(x.workspace.ID)
	e.must(e.PutConnection(e.ctx, rival))
	rival.Domains = c.Domains
	e.is(e.UpdateConnection(e.ctx, rival, authz.Active), authz.ErrConflict)

	test := authz.ConnectionTest{At: e.now.Add(time.Minute), By: "usr_2"}
	e.must(e.SetConnectionTested(e.ctx, c, authz.SAMLSide, test))
	c.Tested[authz.SAMLSide] = test // of somebody else than the other's: it is still untried
	got, err = e.GetConnection(e.ctx, e.issuer, x.workspace.ID, c.ID)
	e.must(err)
	e.same(got, c)
	test.Link = "ab"
	e.must(e.SetConnectionTested(e.ctx, c, authz.SAMLSide, test))
	c.Tested[authz.SAMLSide], c.Untried = test, nil
	got, err = e.GetConnection(e.ctx, e.issuer, x.workspace.ID, c.ID)
	e.must(err)
	e.same(got, c)
	old := c
	old.Revision = 1
	e.is(e.SetConnectionTested(e.ctx, old, authz.SAMLSide, test), authz.ErrStale)
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, authz.NodeRef{Kind: authz.ConnectionNode, ID: string(c.ID)}, authz.Deleted))
	e.is(e.UpdateConnection(e.ctx, c, authz.Deleted), authz.ErrStale)
	_, err = e.GetConnection(e.ctx, e.issuer, x.workspace.ID, c.ID)
	e.is(err, authz.ErrNotFound)
}
