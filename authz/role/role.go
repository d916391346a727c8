package role

import (
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Permission is a scope that a role may hold.
type Permission struct {
	Name string
	// PeopleOnly is never a service account's.
	PeopleOnly bool
	// ExplicitOnly is in no built-in role but those that administer.
	ExplicitOnly bool
	// Retired is in no role any more but those that had it.
	Retired bool
}

// Of are the permissions that roles of an issuer are made of: every scope that
// opens more than what a person told.
func Of(scopes *authz.Scopes) Catalogue {
	var all []Permission
	for _, kind := range []authz.ScopeKind{authz.KeyScope, authz.ClientScope} {
		for _, s := range scopes.All() {
			if s.Kind == kind && !authz.Identifies(s.Name) {
				all = append(all, Permission{Name: s.Name, PeopleOnly: s.PeopleOnly, ExplicitOnly: s.ExplicitOnly, Retired: s.Retired})
			}
		}
	}
	c := New(all)
	c.spellings = scopes.Names()
	for i, p := range c.permissions { // who holds an alias holds what it stands for
		if of := c.index(c.spellings.Canonical(p.Name)); of >= 0 {
			c.permissions[i].PeopleOnly = p.PeopleOnly || c.permissions[of].PeopleOnly
			c.permissions[i].ExplicitOnly = p.ExplicitOnly || c.permissions[of].ExplicitOnly
		}
	}
	return c
}

// ReadOnly reports whether the permission changes nothing: one of the parts of
// its name is "read".
func ReadOnly(name string) bool {
	return !authz.Manages(name) && slices.Contains(strings.Split(name, ":"), "read")
}

// Catalogue are the permissions of an issuer. One that goes by the name of another
// is held by whoever holds that.
type Catalogue struct {
	permissions []Permission
	spellings   authz.ScopeNames
}

// New returns a catalogue; a name that comes twice keeps what restricts it.
func New(permissions []Permission) Catalogue {
	var c Catalogue
	for _, p := range permissions {
		if i := c.index(p.Name); i >= 0 {
			c.permissions[i].PeopleOnly = c.permissions[i].PeopleOnly || p.PeopleOnly
			c.permissions[i].ExplicitOnly = c.permissions[i].ExplicitOnly || p.ExplicitOnly
			continue
		}
		c.permissions = append(c.permissions, p)
	}
	return c
}

// Named returns permissions by the names that are kept: an alias that is none by
// itself is what it stands for.
func (c Catalogue) Named(permissions []string) []string {
	named := slices.Clone(permissions)
	for i, name := range named {
		if c.index(name) < 0 {
			named[i] = c.spellings.Canonical(name)
		}
	}
	return named
}

func (c Catalogue) index(name string) int {
	return slices.IndexFunc(c.permissions, func(p Permission) bool { return p.Name == name })
}

// gives reports whether there is a permission that may be put into roles.
func (c Catalogue) gives(name string) bool {
	i := c.index(name)
	return i >= 0 && !c.permissions[i].Retired
}

// names are the permissions that fit, in the catalogue's order.
func (c Catalogue) names(fits func(Permission) bool) []string {
	names := []string{}
	for _, p := range c.permissions {
		if !p.Retired && fits(p) {
			names = append(names, p.Name)
		}
	}
	return names
}

// BuiltIn lists the roles every workspace has.
func (c Catalogue) BuiltIn() []authz.Role {
	made := func(id authz.RoleID, readOnly bool, fits func(Permission) bool) authz.Role {
		return authz.Role{ID: id, Name: string(id), ReadOnly: readOnly, BuiltIn: true, Permissions: c.names(fits), Revision: 1}
	}
	return []authz.Role{
		made(authz.RoleOwner, false, func(Permission) bool { return true }),
		made(authz.RoleAdmin, false, func(p Permission) bool {
			return !p.PeopleOnly && (!p.ExplicitOnly || authz.Manages(p.Name)) && p.Name != authz.ScopeManageWorkspace
		}),
		made(authz.RoleDeveloper, false, func(p Permission) bool {
			return !p.PeopleOnly && (!p.ExplicitOnly || p.Name == "manage:keys")
		}),
		made(authz.RoleViewer, true, func(p Permission) bool { return !p.PeopleOnly && !p.ExplicitOnly && ReadOnly(p.Name) }),
		made(authz.RoleMember, false, func(Permission) bool { return false }),
	}
}

// Find returns the built-in role of that id.
func (c Catalogue) Find(id authz.RoleID) (authz.Role, bool) {
	for _, r := range c.BuiltIn() {
		if r.ID == id {
			return r, true
		}
	}
	return authz.Role{}, false
}

// MaxPermissions bounds those of a role.
const MaxPermissions = 64

func invalid(member, why string) error {
	return authz.NewError(authz.Invalid, "invalid_"+member, member+": "+why)
}

// Check says what is wrong with a custom role, which replaces before unless
// that is the zero Role.
func (c Catalogue) Check(before, r authz.Role) error {
	if len(r.Permissions) == 0 || len(r.Permissions) > MaxPermissions {
		return invalid("permissions", "must name 1 to 64.")
	}
	if before.ReadOnly && !r.ReadOnly {
		return authz.NewError(authz.Forbidden, "role_read_only", "A role that is read-only stays so.")
	}
	for n, name := range r.Permissions {
		switch {
		case strings.Contains(name, "*"):
			return invalid("permissions", "a role never holds a wildcard.")
		case !c.gives(name) && !slices.Contains(before.Permissions, name):
			return invalid("permissions", "names one this issuer does not have.")
		case slices.Contains(r.Permissions[:n], name):
			return invalid("permissions", "names one twice.")
		case r.ReadOnly && !ReadOnly(name):
			return authz.NewError(authz.Forbidden, "role_read_only", "A read-only role never holds a permission that changes anything.")
		}
	}
	return nil
}

// ErrExceeds says that somebody would give what they do not hold.
var ErrExceeds = authz.NewError(authz.Forbidden, "role_exceeds", "Nobody gives a role that allows more than they may do themselves.")

// MayGive checks that whoever holds these permissions may give the role.
func MayGive(held []string, r authz.Role) error {
	for _, name := range r.Permissions {
		if !slices.Contains(held, name) {
			return ErrExceeds
		}
	}
	return nil
}

// Suits checks that the role can be given to that kind of subject: owners are
// people who are named as such, and what is for people is not for machines.
func (c Catalogue) Suits(r authz.Role, kind authz.SubjectKind) error {
	if r.BuiltIn && (r.ID == authz.RoleOwner || r.ID == authz.RoleMember) {
		return authz.NewError(authz.Invalid, "invalid_role", "role: is the role of a member, not one to bind.")
	}
	if kind != authz.ServiceAccountSubject {
		return nil
	}
	for _, name := range r.Permissions {
		if i := c.index(name); i < 0 || c.permissions[i].PeopleOnly {
			return authz.NewError(authz.Forbidden, "people_only", "The role holds a permission for people only.")
		}
	}
	return nil
}

// Given is a role as a binding gives it.
type Given struct {
	Role        authz.Role
	Environment authz.Environment
	Resources   authz.Resources
}

// ForPerson is what a member's own role and all given to them, or to their
// teams, come to.
func (c Catalogue) ForPerson(own authz.Role, given []Given) *authz.Bounds {
	b := &authz.Bounds{Free: own.ID == authz.RoleMember, List: []authz.Bound{}}
	if len(own.Permissions) > 0 {
		b.List = append(b.List, authz.Bound{Scopes: c.spelled(own)})
	}
	b.List = append(b.List, c.bounds(given)...)
	return b
}

// ForServiceAccount is what the roles given to a service account come to.
func (c Catalogue) ForServiceAccount(given []Given) *authz.Bounds {
	return &authz.Bounds{List: c.bounds(given)}
}

// spelled are the permissions of a role with those that are the same by another
// name.
func (c Catalogue) spelled(r authz.Role) []string {
	return slices.DeleteFunc(slices.Clone(c.spellings.Spelled(r.Permissions)), func(name string) bool { return c.index(name) < 0 })
}

func (c Catalogue) bounds(given []Given) []authz.Bound {
	list := []authz.Bound{}
	for _, g := range given {
		list = append(list, authz.Bound{Environment: g.Environment, Scopes: c.spelled(g.Role), Resources: g.Resources})
	}
	return list
}
