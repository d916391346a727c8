package storagetest

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
)

func testUsers(e *env) {
	x := e.tenant()
	user, err := e.GetUserAcrossWorkspaces(e.ctx, e.issuer, x.user.ID)
	e.must(err)
	e.same(user, x.user)
	user, _, belongs, err := e.UserByUpstream(e.ctx, e.issuer, x.workspace.ID, x.connection.ID, authz.OIDCSide, x.identity.Subject)
	e.must(err)
	e.same(user, x.user)
	e.same(belongs, true)
	_, _, belongs, err = e.UserByUpstream(e.ctx, e.issuer, "ws_other", x.connection.ID, authz.OIDCSide, x.identity.Subject)
	e.must(err)
	e.same(belongs, false)
	_, _, _, err = e.UserByUpstream(e.ctx, e.issuer, x.workspace.ID, "con_other", authz.OIDCSide, x.identity.Subject)
	e.is(err, authz.ErrNotFound)

	// The same upstream subject is never two people, and the second leaves nothing.
	twin := x.user
	twin.ID = authz.NewUserID()
	identity := x.identity
	identity.UserID = twin.ID
	e.is(e.CreateUser(e.ctx, twin, identity), authz.ErrConflict)
	_, err = e.GetUserAcrossWorkspaces(e.ctx, e.issuer, twin.ID)
	e.is(err, authz.ErrNotFound)

	at := e.now.Add(time.Hour)
	profile := authz.Profile{Name: "Ada L.", UpdatedAt: &at, Address: &authz.Address{Country: "GB"}}
	e.must(e.UpdateUserProfile(e.ctx, e.issuer, x.user.ID, profile, at))
	user, err = e.GetUserAcrossWorkspaces(e.ctx, e.issuer, x.user.ID)
	e.must(err)
	x.user.Profile, x.user.UpdatedAt = profile, at
	e.same(user, x.user)
	e.is(e.UpdateUserProfile(e.ctx, e.issuer, "usr_none", profile, at), authz.ErrNotFound)
	e.must(e.TouchUpstreamIdentity(e.ctx, e.issuer, x.connection.ID, authz.OIDCSide, x.identity.Subject, at))
	e.is(e.TouchUpstreamIdentity(e.ctx, e.issuer, x.connection.ID, authz.OIDCSide, "nobody", at), authz.ErrNotFound)

	member, err := e.GetMember(e.ctx, e.issuer, x.workspace.ID, x.user.ID)
	e.must(err)
	e.is(e.AddMember(e.ctx, member), authz.ErrConflict)
	e.same(member, authz.Member{Issuer: e.issuer, WorkspaceID: x.workspace.ID, UserID: x.user.ID, Role: "member", Revision: 1, CreatedAt: e.now})

	// The operator, who names no workspace, may disable anybody.
	e.moved(e.KillNode(e.ctx, e.issuer, "", authz.NodeRef{Kind: authz.UserNode, ID: string(x.user.ID)}, authz.Disabled))
}

func testRemoveMember(e *env) {
	x := e.tenant()
	g := e.granted(e.personal(x))
	token := e.accessToken(g)
	machine := e.granted(e.machine(x))
	e.moved(e.RemoveMember(e.ctx, e.issuer, x.workspace.ID, x.user.ID))
	e.still(e.RemoveMember(e.ctx, e.issuer, x.workspace.ID, x.user.ID))
	session, err := e.GetSession(e.ctx, e.issuer, x.workspace.ID, x.session.ID)
	e.must(err)
	_, after, lineage, err := e.GetAccessToken(e.ctx, e.issuer, token.Digest)
	e.must(err)
	if session.State != authz.Revoked || after.State != authz.Revoked || live(after, lineage) {
		e.Fatal("a former member's session or token lives")
	}
	after, lineage, err = e.GetGrantAcrossWorkspaces(e.ctx, e.issuer, machine.ID)
	e.must(err)
	if !live(after, lineage) {
		e.Fatal("a machine's grant ended with a member's")
	}
}

func testConnections(e *env) {
	x := e.tenant()
	got, err := e.GetConnectionAcrossWorkspaces(e.ctx, e.issuer, x.connection.ID)
	e.must(err)
	e.same(got, x.connection)
	got, err = e.ConnectionByDomainAcrossWorkspaces(e.ctx, e.issuer, x.connection.Domains[0])
	e.must(err)
	e.same(got, x.connection)

	rival := e.connection(x.workspace.ID)
	rival.Domains = append(rival.Domains, x.connection.Domains...)
	e.is(e.PutConnection(e.ctx, rival), authz.ErrConflict)
	_, err = e.GetConnectionAcrossWorkspaces(e.ctx, e.issuer, rival.ID)
	e.is(err, authz.ErrNotFound)

	// Replacing changes neither state nor epoch.
	ref := authz.NodeRef{Kind: authz.ConnectionNode, ID: string(x.connection.ID)}
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Disabled))
	old := x.connection.Domains[0]
	x.connection.Name, x.connection.Domains, x.connection.ClientSecret = "Entra", []string{"new-" + old}, nil
	x.connection.UpdatedAt = e.now.Add(time.Minute)
	e.must(e.PutConnection(e.ctx, x.connection))
	x.connection.State, x.connection.Epoch, x.connection.Revision = authz.Disabled, 1, 2
	list, err := e.ListConnections(e.ctx, e.issuer, x.workspace.ID)
	e.must(err)
	e.same(list, []authz.Connection{x.connection})
	_, err = e.ConnectionByDomainAcrossWorkspaces(e.ctx, e.issuer, old)
	e.is(err, authz.ErrNotFound)

	// Deleting frees the domains and the connection never comes back.
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, ref, authz.Deleted))
	e.is(e.PutConnection(e.ctx, x.connection), authz.ErrConflict)
	rival.Domains = x.connection.Domains
	e.must(e.PutConnection(e.ctx, rival))
	list, err = e.ListConnections(e.ctx, e.issuer, x.workspace.ID)
	e.must(err)
	e.same(list, []authz.Connection{rival})
}

// testIdentityGroups: groups are of one identity, in their order, and go when
// none are told.
func testIdentityGroups(e *env) {
	x, other := e.tenant(), e.tenant()
	holds := func(want authz.UpstreamIdentity) {
		found, err := e.ListIdentities(e.ctx, e.issuer, x.workspace.ID, x.user.ID, 50)
		e.must(err)
		e.same(found, []authz.UpstreamIdentity{x.identity, want})
	}
	named := x.identity
	named.Side, named.Subject, named.CreatedAt = authz.SAMLSide, "s-2", e.now.Add(time.Second)
	e.must(e.AddUpstreamIdentity(e.ctx, named))
	named.Groups = []string{"Plant ✓", "a,b"}
	e.must(e.SetUpstreamGroups(e.ctx, named))
	holds(named)
	for _, not := range []func(*authz.UpstreamIdentity){
		func(i *authz.UpstreamIdentity) { i.Issuer = "another" }, func(i *authz.UpstreamIdentity) { i.ConnectionID = other.connection.ID },
		func(i *authz.UpstreamIdentity) { i.Side = authz.OIDCSide },
	} {
		foreign := named
		foreign.Groups = []string{"theirs"}
		not(&foreign)
		e.must(e.SetUpstreamGroups(e.ctx, foreign))
	}
	holds(named)
	named.Groups = nil
	e.must(e.SetUpstreamGroups(e.ctx, named))
	holds(named)
}

func testIdentities(e *env) {
	testIdentityGroups(e)
	x := e.tenant()
	other := e.tenant()
	list := func(ws authz.WorkspaceID) []authz.UpstreamIdentity {
		found, err := e.ListIdentities(e.ctx, e.issuer, ws, x.user.ID, 50)
		e.must(err)
		return found
	}
	elsewhere := func(ws authz.WorkspaceID) bool {
		is, err := e.KnownElsewhereAcrossWorkspaces(e.ctx, e.issuer, ws, x.user.ID)
		e.must(err)
		return is
	}
	e.same(list(x.workspace.ID), []authz.UpstreamIdentity{x.identity})
	e.same(len(list(other.workspace.ID)), 0)
	e.same([]bool{elsewhere(x.workspace.ID), elsewhere(other.workspace.ID)}, []bool{false, true})

	named := x.identity
	named.Side, named.Subject, named.LinkedBy, named.CreatedAt, named.LastLoginAt = authz.SAMLSide, "s-2", authz.LinkedByAdmin, e.now.Add(time.Second), time.Time{}
	e.must(e.AddUpstreamIdentity(e.ctx, named))
	e.is(e.AddUpstreamIdentity(e.ctx, named), authz.ErrConflict)
	e.same(list(x.workspace.ID), []authz.UpstreamIdentity{x.identity, named})
	foreign := named
	foreign.UserID = other.user.ID
	e.is(e.RemoveIdentity(e.ctx, foreign), authz.ErrNotFound)
	e.must(e.RemoveIdentity(e.ctx, named))
	e.is(e.RemoveIdentity(e.ctx, named), authz.ErrNotFound)
	e.same(list(x.workspace.ID), []authz.UpstreamIdentity{x.identity})

	// Sessions of a side are the person's, whatever the side calls them; grants
	// without one are those whose session is over.
	g := e.granted(e.personal(x))
	grants := func() []authz.GrantID {
		ids, err := e.GrantsWithoutSession(e.ctx, e.issuer, x.workspace.ID, x.user.ID, x.connection.ID, 10)
		e.must(err)
		return ids
	}
	e.same(len(grants()), 0)
	by := x.session
	by.ID, by.Digest = authz.NewSessionID(e.now), randomDigest()
	by.Upstream = authz.UpstreamName{Side: authz.SAMLSide, Person: randomDigest()}
	e.must(e.CreateSession(e.ctx, by))
	found, err := e.SessionsByUpstream(e.ctx, authz.UpstreamSessions{
		Issuer: e.issuer, WorkspaceID: x.workspace.ID, ConnectionID: x.connection.ID, Side: authz.SAMLSide, User: x.user.ID,
	})
	e.must(err)
	e.same(len(found) == 1 && found[0].ID == by.ID, true)
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, authz.NodeRef{Kind: authz.SessionNode, ID: string(x.session.ID)}, authz.Revoked))
	e.same(grants(), []authz.GrantID{g.ID})
	none, err := e.GrantsWithoutSession(e.ctx, e.issuer, other.workspace.ID, x.user.ID, x.connection.ID, 10)
	e.must(err)
	e.same(len(none), 0)

	// A deleted connection calls nobody anything.
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, authz.NodeRef{Kind: authz.ConnectionNode, ID: string(x.connection.ID)}, authz.Deleted))
	e.same(len(list(x.workspace.ID)), 0)
}

// testIdentityHeld signs several in at once by one identity, which nobody takes
// away until they are done.
func testIdentityHeld(e *env) {
	x := e.tenant()
	touch := func(ctx context.Context) error {
		return e.TouchUpstreamIdentity(ctx, e.issuer, x.connection.ID, authz.OIDCSide, x.identity.Subject, e.now.Add(time.Minute))
	}
	e.must(touch(e.ctx)) // so that the next writes nothing down, and holds all the same
	removed := make(chan error, 1)
	e.must(e.InTx(e.ctx, func(ctx context.Context) error {
		if err := touch(ctx); err != nil {
			return err
		}
		go func() { removed <- e.RemoveIdentity(e.ctx, x.identity) }()
		select {
		case err := <-removed:
			e.Errorf("an identity was taken away under a sign-in by it: %v", err)
			removed <- err
		case <-time.After(300 * time.Millisecond): // a slow machine may miss a fault, and finds none
		}
		if e.Driver() == storage.Postgres {
			e.must(e.InTx(e.ctx, touch)) // another sign-in does not wait
		}
		return nil
	}))
	e.must(<-removed)
	e.is(e.InTx(e.ctx, touch), authz.ErrNotFound)
}
