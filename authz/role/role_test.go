package role_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/role"
)

func catalogue() role.Catalogue {
	return role.New([]role.Permission{
		{Name: "read:checks"}, {Name: "write:checks"}, {Name: "admin:billing", ExplicitOnly: true}, {Name: "admin:all", PeopleOnly: true, ExplicitOnly: true},
		{Name: "manage:keys", ExplicitOnly: true}, {Name: "manage:members", ExplicitOnly: true}, {Name: "manage:workspace", ExplicitOnly: true}, {Name: "statuspulse:checks:read"},
	})
}

func TestS1_ReadOnlyRolesAreNeverWidened(t *testing.T) {
	c := catalogue()
	viewer, _ := c.Find(authz.RoleViewer)
	if !viewer.ReadOnly || !slices.Equal(viewer.Permissions, []string{"read:checks", "statuspulse:checks:read"}) {
		t.Errorf("viewer: %+v", viewer)
	}
	readers := authz.Role{ReadOnly: true, Permissions: []string{"read:checks"}}
	if err := c.Check(authz.Role{}, readers); err != nil {
		t.Error(err)
	}
	writers := authz.Role{Permissions: []string{"read:checks", "write:checks"}}
	if err := c.Check(readers, writers); authz.CodeOf(err) != "role_read_only" {
		t.Errorf("a read-only role became one that writes: %v", err)
	}
	writers.ReadOnly = true
	for _, before := range []authz.Role{readers, {}, writers} {
		if err := c.Check(before, writers); authz.CodeOf(err) != "role_read_only" {
			t.Errorf("a read-only role that writes: %v", err)
		}
	}
	for _, name := range []string{"manage:read", "spread:all", "write:reads"} {
		if role.ReadOnly(name) {
			t.Errorf("%s is taken for read-only", name)
		}
	}
}

func TestS30_AD_02_WhatIsForPeopleIsNoServiceAccounts(t *testing.T) {
	c := catalogue()
	all := authz.Role{Permissions: []string{"admin:all"}}
	if err := c.Suits(all, authz.ServiceAccountSubject); authz.CodeOf(err) != "people_only" {
		t.Errorf("admin:all to a service account: %v", err)
	}
	if err := c.Suits(all, authz.UserSubject); err != nil {
		t.Errorf("admin:all to a person: %v", err)
	}
	for _, id := range []authz.RoleID{authz.RoleOwner, authz.RoleMember} {
		r, _ := c.Find(id)
		if err := c.Suits(r, authz.UserSubject); authz.CodeOf(err) != "invalid_role" {
			t.Errorf("%s was bound: %v", id, err)
		}
	}
	for _, id := range []authz.RoleID{authz.RoleAdmin, authz.RoleDeveloper, authz.RoleViewer} {
		r, _ := c.Find(id)
		if err := c.Suits(r, authz.ServiceAccountSubject); err != nil || slices.Contains(r.Permissions, "admin:all") || slices.Contains(r.Permissions, "admin:billing") {
			t.Errorf("%s: %v %v", id, r.Permissions, err)
		}
	}
}

func TestAD_01_NobodyGivesWhatTheyDoNotHold(t *testing.T) {
	c := catalogue()
	admin, _ := c.Find(authz.RoleAdmin)
	owner, _ := c.Find(authz.RoleOwner)
	if err := role.MayGive(admin.Permissions, owner); authz.CodeOf(err) != "role_exceeds" {
		t.Errorf("an admin gave ownership: %v", err)
	}
	for _, r := range c.BuiltIn() {
		if err := role.MayGive(owner.Permissions, r); err != nil {
			t.Errorf("an owner gives %s: %v", r.ID, err)
		}
	}
	for _, bad := range [][]string{nil, {"*"}, {"read:*"}, {"unknown"}, {"read:checks", "read:checks"}, make([]string, 65)} {
		if err := c.Check(authz.Role{}, authz.Role{Permissions: bad}); authz.KindOf(err) != authz.Invalid {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// A permission that a role holds is held by each of its names: those it is asked
// for by, and a scope of people that is the same.
func TestS5_S32_ARoleHoldsAPermissionByEachOfItsNames(t *testing.T) {
	c := role.Of(authz.NewScopes([]authz.Scope{
		{Kind: authz.KeyScope, Name: "read:checks", Aliases: []string{"checks:read", "product:checks:read"}}, {Kind: authz.KeyScope, Name: "write:checks"},
		{Kind: authz.ClientScope, Name: "product:checks:read"},
	}, authz.ScopesVersion{}))
	if got := c.Named([]string{"checks:read", "write:checks", "product:checks:read", "x"}); !slices.Equal(got, []string{"read:checks", "write:checks", "product:checks:read", "x"}) {
		t.Errorf("named %v", got)
	}
	given := []role.Given{{Role: authz.Role{Permissions: []string{"read:checks"}}}}
	for name, b := range map[string]*authz.Bounds{"a service account": c.ForServiceAccount(given), "a person": c.ForPerson(authz.Role{}, given)} {
		if got := b.List[0].Scopes; !slices.Equal(got, []string{"read:checks", "product:checks:read"}) {
			t.Errorf("%s: %v", name, got)
		}
	}
	if own := c.ForPerson(authz.Role{Permissions: []string{"product:checks:read"}}, nil).List[0].Scopes; !slices.Equal(own, []string{"product:checks:read", "read:checks"}) {
		t.Errorf("a member's own role: %v", own)
	}
}

// What is given one by one is not given by another of its names.
func TestS30_AnAliasIsAsRestrictedAsWhatItStandsFor(t *testing.T) {
	c := role.Of(authz.NewScopes([]authz.Scope{
		{Name: "payments:read", Kind: authz.KeyScope},
		{Name: "payments:refund", Kind: authz.KeyScope, ExplicitOnly: true, Aliases: []string{"refund"}},
		{Name: "refund", Kind: authz.ClientScope},
	}, authz.ScopesVersion{}))
	for _, id := range []authz.RoleID{authz.RoleAdmin, authz.RoleDeveloper} {
		r, _ := c.Find(id)
		if !slices.Equal(r.Permissions, []string{"payments:read"}) {
			t.Errorf("%s holds %v", id, r.Permissions)
		}
	}
}
