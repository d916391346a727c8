package access

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxBindings bounds the bindings that are looked at of one subject, and the
// teams of a person.
const maxBindings = 500

// rolesOf are the roles that whom a grant is about has now, not those at
// sign-in: a member's own, those bound to them, and those bound to their teams.
// A binding for another environment does not count.
func (a *Access) rolesOf(ctx context.Context, g authz.Grant) ([]string, error) {
	if g.UserID == "" {
		if g.ServiceAccountID == "" {
			return nil, nil
		}
		return a.bound(ctx, g, authz.ServiceAccountSubject, string(g.ServiceAccountID), nil)
	}
	member, err := a.cfg.Store.GetMember(ctx, a.cfg.Issuer, g.WorkspaceID, g.UserID)
	if errors.Is(err, authz.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading a person's roles: %w", err)
	}
	roles, err := a.bound(ctx, g, authz.UserSubject, string(g.UserID), []string{string(member.Role)})
	if err != nil {
		return nil, err
	}
	teams, err := a.cfg.Store.TeamsOf(ctx, a.cfg.Issuer, g.WorkspaceID, g.UserID, maxBindings)
	if err != nil {
		return nil, fmt.Errorf("reading a person's teams: %w", err)
	}
	for _, team := range teams {
		if roles, err = a.bound(ctx, g, authz.TeamSubject, string(team), roles); err != nil {
			return nil, err
		}
	}
	return roles, nil
}

// bound adds the roles that are bound to a subject.
func (a *Access) bound(ctx context.Context, g authz.Grant, kind authz.SubjectKind, subject string, roles []string) ([]string, error) {
	bindings, err := a.cfg.Store.BindingsOfSubject(ctx, a.cfg.Issuer, g.WorkspaceID, kind, subject, maxBindings)
	if err != nil {
		return nil, fmt.Errorf("reading role bindings: %w", err)
	}
	for _, b := range bindings {
		if !b.Environment.Apart(g.Environment) && !slices.Contains(roles, string(b.Role)) {
			roles = append(roles, string(b.Role))
		}
	}
	return roles, nil
}

// builtIn are the roles that every workspace has.
var builtIn = []authz.RoleID{authz.RoleOwner, authz.RoleAdmin, authz.RoleDeveloper, authz.RoleViewer, authz.RoleMember}

// rolesThere returns which of the roles a policy of the workspace may name.
func (a *Access) rolesThere(ctx context.Context, ws authz.WorkspaceID, named []string) (map[string]bool, error) {
	there := map[string]bool{}
	for _, name := range named {
		if slices.Contains(builtIn, authz.RoleID(name)) {
			there[name] = true
			continue
		}
		_, err := a.cfg.Store.GetRole(ctx, a.cfg.Issuer, ws, authz.RoleID(name))
		if err != nil && !errors.Is(err, authz.ErrNotFound) {
			return nil, err
		}
		there[name] = err == nil
	}
	return there, nil
}
