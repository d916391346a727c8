package storagetest

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func testRoles(e *env) {
	x, other := e.tenant(), e.tenant()
	ws, foreign := x.workspace.ID, other.workspace.ID
	r := authz.Role{ID: authz.NewRoleID(), Issuer: e.issuer, WorkspaceID: ws, Name: "Readers", Permissions: []string{"a:read"}, ReadOnly: true, Revision: 1, CreatedAt: e.now, UpdatedAt: e.now}
	e.must(e.CreateRole(e.ctx, r))
	twin := r
	twin.ID = authz.NewRoleID()
	e.is(e.CreateRole(e.ctx, twin), authz.ErrConflict)
	twin.WorkspaceID = foreign
	e.must(e.CreateRole(e.ctx, twin))
	got, err := e.GetRole(e.ctx, e.issuer, ws, r.ID)
	e.must(err)
	e.same(got, r)
	_, err = e.GetRole(e.ctx, e.issuer, foreign, r.ID)
	e.is(err, authz.ErrNotFound)
	r.Permissions, r.Name = []string{"a:read", "b:read"}, "More"
	e.must(e.UpdateRole(e.ctx, r))
	e.is(e.UpdateRole(e.ctx, r), authz.ErrStale)
	r.Revision++
	stolen := r
	stolen.WorkspaceID = foreign
	e.is(e.UpdateRole(e.ctx, stolen), authz.ErrStale)
	list, err := e.ListRoles(e.ctx, e.issuer, ws, authz.Page{})
	e.must(err)
	e.same(list, []authz.Role{r})
	e.is(e.DeleteRole(e.ctx, e.issuer, foreign, r.ID), authz.ErrNotFound)
	e.must(e.DeleteRole(e.ctx, e.issuer, ws, r.ID))
}

func testRoleBindings(e *env) {
	x, other := e.tenant(), e.tenant()
	ws, foreign := x.workspace.ID, other.workspace.ID
	r := authz.Role{ID: authz.NewRoleID()}
	b := authz.RoleBinding{
		ID: authz.NewBindingID(), Issuer: e.issuer, WorkspaceID: ws, Kind: authz.ServiceAccountSubject, Subject: string(x.service.ID), Role: r.ID,
		Environment: authz.Live, Resources: authz.Resources{Clusters: []string{"eu"}}, MadeBy: "usr_1", CreatedAt: e.now,
	}
	e.must(e.CreateRoleBinding(e.ctx, b))
	found, err := e.GetRoleBinding(e.ctx, e.issuer, ws, b.ID)
	e.must(err)
	e.same(found, b)
	for _, from := range []func() ([]authz.RoleBinding, error){
		func() ([]authz.RoleBinding, error) { return e.ListRoleBindings(e.ctx, e.issuer, ws, authz.Page{}) },
		func() ([]authz.RoleBinding, error) {
			return e.BindingsOfSubject(e.ctx, e.issuer, ws, b.Kind, b.Subject, 5)
		},
		func() ([]authz.RoleBinding, error) { return e.BindingsOfRole(e.ctx, e.issuer, ws, r.ID, 5) },
	} {
		rows, err := from()
		e.must(err)
		e.same(rows, []authz.RoleBinding{b})
	}
	for env, want := range map[authz.Environment][]authz.RoleBinding{authz.Live: {b}, authz.Test: {}, "": {}} {
		rows, err := e.BindingsMadeBy(e.ctx, e.issuer, ws, "usr_1", r.ID, env, 5)
		e.must(err)
		e.same(rows, want)
	}
	none, err := e.BindingsMadeBy(e.ctx, e.issuer, foreign, "usr_1", r.ID, authz.Live, 5)
	e.must(err)
	e.same(none, []authz.RoleBinding{})
	none, err = e.BindingsOfSubject(e.ctx, e.issuer, foreign, b.Kind, b.Subject, 5)
	e.must(err)
	e.same(none, []authz.RoleBinding{})
	e.is(e.DeleteRoleBinding(e.ctx, e.issuer, foreign, b.ID), authz.ErrNotFound)
	e.must(e.DeleteBindingsOfSubject(e.ctx, e.issuer, foreign, b.Kind, b.Subject))
	e.must(e.DeleteRoleBinding(e.ctx, e.issuer, ws, b.ID))
	e.is(e.DeleteRoleBinding(e.ctx, e.issuer, ws, b.ID), authz.ErrNotFound)
}

// testBounds reads bounds with everything that hangs below their subject.
func testBounds(e *env) {
	x := e.tenant()
	person, machine := e.granted(e.personal(x)), e.granted(e.machine(x))
	bounds := func(scope string) *authz.Bounds {
		return &authz.Bounds{List: []authz.Bound{{Scopes: []string{scope}, Resources: authz.Resources{Clusters: []string{"eu"}}}}}
	}
	e.must(e.SetMemberBounds(e.ctx, e.issuer, x.workspace.ID, x.user.ID, bounds("person")))
	e.must(e.SetServiceAccountBounds(e.ctx, e.issuer, x.workspace.ID, x.service.ID, bounds("machine")))
	e.is(e.SetMemberBounds(e.ctx, e.issuer, "ws_other", x.user.ID, nil), authz.ErrNotFound)
	e.is(e.SetServiceAccountBounds(e.ctx, e.issuer, "ws_other", x.service.ID, nil), authz.ErrNotFound)
	for want, g := range map[string]authz.Grant{"person": person, "machine": machine} {
		got, _, err := e.GetGrantAcrossWorkspaces(e.ctx, e.issuer, g.ID)
		e.must(err)
		e.same(got.Bounds, bounds(want))
		_, byToken, _, err := e.GetAccessToken(e.ctx, e.issuer, e.accessToken(g).Digest)
		e.must(err)
		e.same(byToken.Bounds, bounds(want))
	}
	key, _, err := e.GetAPIKeyAcrossWorkspaces(e.ctx, e.issuer, x.key.ID)
	e.must(err)
	e.same(key.Bounds, bounds("machine"))
}

func testTeams(e *env) {
	x, other := e.tenant(), e.tenant()
	ws, foreign := x.workspace.ID, other.workspace.ID
	t := authz.Team{ID: authz.NewTeamID(), Issuer: e.issuer, WorkspaceID: ws, Name: "SRE", Revision: 1, CreatedAt: e.now, UpdatedAt: e.now}
	e.must(e.CreateTeam(e.ctx, t))
	e.is(e.CreateTeam(e.ctx, t), authz.ErrConflict)
	got, err := e.GetTeam(e.ctx, e.issuer, ws, t.ID)
	e.must(err)
	e.same(got, t)
	_, err = e.GetTeam(e.ctx, e.issuer, foreign, t.ID)
	e.is(err, authz.ErrNotFound)
	t.Name = "Ops"
	e.must(e.UpdateTeam(e.ctx, t))
	e.is(e.UpdateTeam(e.ctx, t), authz.ErrStale)
	in := authz.TeamMembership{Issuer: e.issuer, WorkspaceID: ws, Team: t.ID, User: x.user.ID, MadeBy: "con_1", CreatedAt: e.now}
	e.must(e.AddTeamMember(e.ctx, in))
	e.is(e.AddTeamMember(e.ctx, in), authz.ErrConflict)
	people, err := e.ListTeamMembers(e.ctx, e.issuer, ws, t.ID, 10)
	e.must(err)
	e.same(people, []authz.UserID{x.user.ID})
	teams, err := e.TeamsOf(e.ctx, e.issuer, ws, x.user.ID, 10)
	e.must(err)
	e.same(teams, []authz.TeamID{t.ID})
	how, err := e.TeamMembershipsOf(e.ctx, e.issuer, ws, x.user.ID, 10)
	e.must(err)
	e.same(how, []authz.TeamMembership{in})
	for by, want := range map[string][]authz.TeamMembership{"con_1": {in}, "con_2": {}, "": {}} {
		some, err := e.TeamMembersMadeBy(e.ctx, e.issuer, ws, by, t.ID, 10)
		e.must(err)
		e.same(some, want)
	}
	none, err := e.TeamMembersMadeBy(e.ctx, e.issuer, foreign, "con_1", t.ID, 10)
	e.must(err)
	e.same(none, []authz.TeamMembership{})
	e.is(e.RemoveTeamMember(e.ctx, e.issuer, foreign, t.ID, x.user.ID), authz.ErrNotFound)
	e.must(e.LeaveTeams(e.ctx, e.issuer, foreign, x.user.ID))
	e.must(e.RemoveTeamMember(e.ctx, e.issuer, ws, t.ID, x.user.ID))
	e.must(e.AddTeamMember(e.ctx, in))
	e.is(e.DeleteTeam(e.ctx, e.issuer, foreign, t.ID), authz.ErrNotFound)
	e.must(e.DeleteTeam(e.ctx, e.issuer, ws, t.ID))
	teams, err = e.TeamsOf(e.ctx, e.issuer, ws, x.user.ID, 10)
	e.must(err)
	e.same(teams, []authz.TeamID{})
}

func testInvitations(e *env) {
	x, other := e.tenant(), e.tenant()
	ws, foreign := x.workspace.ID, other.workspace.ID
	i := authz.Invitation{
		ID: authz.NewInvitationID(), Issuer: e.issuer, WorkspaceID: ws, Digest: randomDigest(), Email: "a@x.example", Role: authz.RoleViewer, State: authz.Active,
		InvitedBy: "usr_1", CreatedAt: e.now, ExpiresAt: e.now.Add(time.Hour),
	}
	e.must(e.CreateInvitation(e.ctx, i))
	got, err := e.GetInvitation(e.ctx, e.issuer, ws, i.ID)
	e.must(err)
	e.same(got, i)
	got, err = e.InvitationByDigestAcrossWorkspaces(e.ctx, e.issuer, i.Digest)
	e.must(err)
	e.same(got, i)
	_, err = e.InvitationByDigestAcrossWorkspaces(e.ctx, "elsewhere", i.Digest)
	e.is(err, authz.ErrNotFound)
	_, err = e.GetInvitation(e.ctx, e.issuer, foreign, i.ID)
	e.is(err, authz.ErrNotFound)
	e.is(e.EndInvitation(e.ctx, e.issuer, foreign, i.ID, authz.Used, "usr_2", e.now), authz.ErrConsumed)
	e.is(e.EndInvitation(e.ctx, e.issuer, ws, i.ID, authz.Used, "usr_2", i.ExpiresAt), authz.ErrConsumed)
	e.must(e.EndInvitation(e.ctx, e.issuer, ws, i.ID, authz.Used, "usr_2", e.now))
	e.is(e.EndInvitation(e.ctx, e.issuer, ws, i.ID, authz.Used, "usr_3", e.now), authz.ErrConsumed)
	list, err := e.ListInvitations(e.ctx, e.issuer, ws, authz.Page{})
	e.must(err)
	i.State, i.UsedBy = authz.Used, "usr_2"
	e.same(list, []authz.Invitation{i})
}

func testResources(e *env) {
	x, other := e.tenant(), e.tenant()
	ws, foreign := x.workspace.ID, other.workspace.ID
	r := authz.Resource{Issuer: e.issuer, WorkspaceID: ws, Kind: authz.Cluster, ID: "eu-1", Name: "Europe", Environment: authz.Live, Revision: 1, CreatedAt: e.now, UpdatedAt: e.now}
	e.must(e.CreateResource(e.ctx, r))
	e.is(e.CreateResource(e.ctx, r), authz.ErrConflict)
	theirs := r
	theirs.WorkspaceID = foreign // ids are the customers' own
	e.must(e.CreateResource(e.ctx, theirs))
	r.Name = "Frankfurt"
	e.must(e.UpdateResource(e.ctx, r))
	e.is(e.UpdateResource(e.ctx, r), authz.ErrStale)
	r.Revision++
	got, err := e.GetResource(e.ctx, e.issuer, ws, authz.Cluster, "eu-1")
	e.must(err)
	e.same(got, r)
	got, err = e.GetResource(e.ctx, e.issuer, foreign, authz.Cluster, "eu-1")
	e.must(err)
	e.same(got, theirs)
	list, err := e.ListResources(e.ctx, e.issuer, ws, authz.Cluster, authz.Page{})
	e.must(err)
	e.same(list, []authz.Resource{r})
	e.must(e.DeleteResource(e.ctx, e.issuer, ws, authz.Cluster, "eu-1"))
	e.is(e.DeleteResource(e.ctx, e.issuer, ws, authz.Cluster, "eu-1"), authz.ErrNotFound)
	_, err = e.GetResource(e.ctx, e.issuer, foreign, authz.Cluster, "eu-1")
	e.must(err)
}

func testOwners(e *env) {
	x, other := e.tenant(), e.tenant()
	ws, foreign := x.workspace.ID, other.workspace.ID
	s := x.service
	s.Name, s.OwnerID, s.TeamID = "runner", x.user.ID, "team_1"
	e.must(e.UpdateServiceAccount(e.ctx, s))
	e.is(e.UpdateServiceAccount(e.ctx, s), authz.ErrStale)
	s.Revision++
	stolen := s
	stolen.WorkspaceID = foreign
	e.is(e.UpdateServiceAccount(e.ctx, stolen), authz.ErrStale)
	owned, err := e.ServiceAccountsOf(e.ctx, e.issuer, ws, x.user.ID, 10)
	e.must(err)
	e.same(owned, []authz.ServiceAccount{s})
	listed, err := e.ListServiceAccounts(e.ctx, e.issuer, ws, authz.Page{})
	e.must(err)
	e.same(listed, []authz.ServiceAccount{s})
	keys, err := e.KeysOfServiceAccount(e.ctx, e.issuer, ws, s.ID, 10)
	e.must(err)
	if len(keys) != 1 || keys[0].ID != x.key.ID {
		e.Fatalf("keys %+v", keys)
	}
	keys, err = e.KeysOfServiceAccount(e.ctx, e.issuer, foreign, s.ID, 10)
	e.must(err)
	e.same(keys, []authz.APIKey{})

	m, err := e.GetMember(e.ctx, e.issuer, ws, x.user.ID)
	e.must(err)
	m.Role = authz.RoleOwner
	e.must(e.UpdateMemberRole(e.ctx, m))
	e.is(e.UpdateMemberRole(e.ctx, m), authz.ErrStale)
	m.Revision++
	owners, err := e.MembersOfRole(e.ctx, e.issuer, ws, authz.RoleOwner, 2)
	e.must(err)
	e.same(owners, []authz.Member{m})
	members, err := e.ListMembers(e.ctx, e.issuer, ws, authz.Page{})
	e.must(err)
	e.same(members, []authz.Member{m})
	e.is(e.LockWorkspace(e.ctx, e.issuer, "ws_none"), authz.ErrNotFound)
	e.must(e.InTx(e.ctx, func(ctx context.Context) error { return e.LockWorkspace(ctx, e.issuer, ws) }))

	account := x.account
	account.Name = "Acme Ltd"
	e.must(e.UpdateAccount(e.ctx, account))
	e.is(e.UpdateAccount(e.ctx, account), authz.ErrStale)
	accounts, err := e.ListAccountsAcrossWorkspaces(e.ctx, e.issuer, authz.Page{})
	e.must(err)
	if len(accounts) != 2 {
		e.Fatalf("accounts %+v", accounts)
	}
}

func testClientHistory(e *env) {
	x := e.tenant()
	for revision := range int64(5) {
		c := x.client
		c.Revision = revision + 1
		e.must(e.KeepClientRevision(e.ctx, authz.ClientRevision{Client: c, Actor: "usr_1", At: e.now}, 3))
	}
	kept, err := e.ListClientRevisions(e.ctx, e.issuer, x.workspace.ID, x.client.ID, 10)
	e.must(err)
	if len(kept) != 3 || kept[0].Client.Revision != 5 || kept[2].Client.Revision != 3 || kept[0].Actor != "usr_1" || !kept[0].At.Equal(e.now) {
		e.Fatalf("kept %+v", kept)
	}
	want := x.client
	want.Revision = 5
	e.same(kept[0].Client, want)
	none, err := e.ListClientRevisions(e.ctx, e.issuer, "ws_other", x.client.ID, 10)
	e.must(err)
	e.same(none, []authz.ClientRevision{})
}
