package admin

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/role"
)

// Bounds of what one subject, role or team may have, so that compiling ends.
const (
	maxBindings    = 100  // of a subject
	maxTeams       = 50   // of a person
	maxTeamMembers = 1000 // of a team
	maxBound       = 1000 // subjects of one role
)

// compile keeps what all roles of a subject come to, where whatever hangs below
// the subject is read with it. A team's are kept with each of its people.
func (a *Admin) compile(ctx context.Context, ws authz.WorkspaceID, kind authz.SubjectKind, subject string) error {
	switch kind {
	case authz.UserSubject:
		return a.compilePerson(ctx, ws, authz.UserID(subject))
	case authz.ServiceAccountSubject:
		given, err := a.given(ctx, ws, kind, subject)
		if err != nil {
			return err
		}
		known, err := a.roles(ctx)
		if err != nil {
			return err
		}
		return a.cfg.Store.SetServiceAccountBounds(ctx, a.cfg.Issuer, ws, authz.ServiceAccountID(subject), known.ForServiceAccount(given))
	case authz.TeamSubject:
		people, err := a.cfg.Store.ListTeamMembers(ctx, a.cfg.Issuer, ws, authz.TeamID(subject), maxTeamMembers)
		if err != nil {
			return err
		}
		for _, id := range people {
			if err := a.compilePerson(ctx, ws, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *Admin) compilePerson(ctx context.Context, ws authz.WorkspaceID, id authz.UserID) error {
	bounds, err := a.personBounds(ctx, ws, id)
	if err != nil {
		return err
	}
	return a.cfg.Store.SetMemberBounds(ctx, a.cfg.Issuer, ws, id, bounds)
}

// personBounds is what all roles of a person come to, by the scopes of now.
func (a *Admin) personBounds(ctx context.Context, ws authz.WorkspaceID, id authz.UserID) (*authz.Bounds, error) {
	m, err := a.cfg.Store.GetMember(ctx, a.cfg.Issuer, ws, id)
	if err != nil {
		return nil, err
	}
	own, err := a.roleOf(ctx, ws, m.Role)
	if errors.Is(err, authz.ErrNotFound) {
		own, err = authz.Role{}, nil // it allows nothing any more
	}
	if err != nil {
		return nil, err
	}
	given, err := a.given(ctx, ws, authz.UserSubject, string(id))
	if err != nil {
		return nil, err
	}
	teams, err := a.cfg.Store.TeamsOf(ctx, a.cfg.Issuer, ws, id, maxTeams)
	if err != nil {
		return nil, err
	}
	for _, team := range teams {
		more, err := a.given(ctx, ws, authz.TeamSubject, string(team))
		if err != nil {
			return nil, err
		}
		given = append(given, more...)
	}
	known, err := a.cfg.Scopes(ctx)
	if err != nil {
		return nil, err
	}
	b := role.Of(known).ForPerson(own, given)
	b.Version = known.Version()
	return b, nil
}

// keepUp compiles a person's bounds anew where there are other scopes since they
// were compiled: built-in roles hold those that were added.
func (a *Admin) keepUp(ctx context.Context, ws authz.WorkspaceID, id authz.UserID) error {
	known, err := a.cfg.Scopes(ctx)
	if err != nil || known.Version() == 0 {
		return err
	}
	m, err := a.cfg.Store.GetMember(ctx, a.cfg.Issuer, ws, id)
	if err != nil || m.Bounds == nil || len(m.Bounds.List) == 0 || m.Bounds.Version == known.Version() {
		return err
	}
	if err := a.cfg.Store.LockWorkspace(ctx, a.cfg.Issuer, ws); err != nil {
		return err
	}
	return a.compilePerson(ctx, ws, id)
}

// given are the roles bound to one subject by name.
func (a *Admin) given(ctx context.Context, ws authz.WorkspaceID, kind authz.SubjectKind, subject string) ([]role.Given, error) {
	bindings, err := a.cfg.Store.BindingsOfSubject(ctx, a.cfg.Issuer, ws, kind, subject, maxBindings)
	if err != nil {
		return nil, err
	}
	given := make([]role.Given, 0, len(bindings))
	for _, b := range bindings {
		r, err := a.roleOf(ctx, ws, b.Role)
		if errors.Is(err, authz.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		given = append(given, role.Given{Role: r, Environment: b.Environment, Resources: b.Resources})
	}
	return given, nil
}

// compileRole does so for everybody who has the role.
func (a *Admin) compileRole(ctx context.Context, ws authz.WorkspaceID, id authz.RoleID) error {
	bindings, err := a.cfg.Store.BindingsOfRole(ctx, a.cfg.Issuer, ws, id, maxBound)
	if err != nil {
		return err
	}
	for _, b := range bindings {
		if err := a.compile(ctx, ws, b.Kind, b.Subject); err != nil {
			return err
		}
	}
	members, err := a.cfg.Store.MembersOfRole(ctx, a.cfg.Issuer, ws, id, maxBound)
	if err != nil {
		return err
	}
	for _, m := range members {
		if err := a.compilePerson(ctx, ws, m.UserID); err != nil {
			return err
		}
	}
	return nil
}
