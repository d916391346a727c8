package admin

import (
	"context"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/role"
)

// inWorkspace checks that the principal may do this in a workspace that is
// there. What hangs on a workspace has one.
func (a *Admin) inWorkspace(ctx context.Context, by authz.Principal, scope string, ws authz.WorkspaceID) error {
	if err := by.May(scope, ws); err != nil {
		return err
	}
	if ws == "" {
		return invalid("workspace_id", "is required.")
	}
	w, err := a.cfg.Store.GetWorkspace(ctx, a.cfg.Issuer, ws)
	if err == nil && w.State == authz.Deleted {
		return authz.ErrNotFound
	}
	return err
}

// change runs one change of who may do what in a workspace. Such changes follow
// each other: each sees what the one before left.
func (a *Admin) change(ctx context.Context, by authz.Principal, scope string, ws authz.WorkspaceID, fn func(context.Context) error) error {
	if err := a.inWorkspace(ctx, by, scope, ws); err != nil {
		return err
	}
	return a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := a.cfg.Store.LockWorkspace(ctx, a.cfg.Issuer, ws); err != nil {
			return err
		}
		if err := a.activeWorkspace(ctx, ws); err != nil {
			return err
		}
		return fn(ctx)
	})
}

// person is the id of the person a principal is; empty for a machine.
func person(by authz.Principal) authz.UserID {
	if strings.HasPrefix(by.Subject, "usr_") {
		return authz.UserID(by.Subject)
	}
	return ""
}

// mayGive checks that the principal holds all that the role allows in the
// environment, or in both where it is empty: a person by the roles they have in
// the whole workspace, a machine by its scopes and what its issuing delegation
// hands out. The operator gives every role.
func (a *Admin) mayGive(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, r authz.Role, env authz.Environment) error {
	if by.Platform() {
		return nil
	}
	if id := person(by); id != "" {
		bounds, err := a.personBounds(ctx, ws, id) // by the scopes of now, as the role is
		if err != nil {
			return err
		}
		return role.MayGive(heldBy(bounds, env), r)
	}
	held := slices.Clone(by.Scopes)
	if d := by.Delegation; d != nil && (d.ExpiresAt.IsZero() || a.cfg.Clock.Now().Before(d.ExpiresAt)) && slices.Contains(d.Workspaces, ws) {
		held = append(held, d.Scopes...)
	}
	return role.MayGive(held, r)
}

// heldBy are the permissions a person has by their roles in the whole workspace.
// What they may use only because no role narrows it they do not hold.
func heldBy(b *authz.Bounds, env authz.Environment) []string {
	var held []string
	if b == nil {
		return held
	}
	for _, bound := range b.List {
		if bound.Resources.Empty() && (bound.Environment == "" || bound.Environment == env) {
			held = append(held, bound.Scopes...)
		}
	}
	return held
}

// hasRoom checks that a role of the workspace's own is not had by more subjects
// than are compiled when it changes.
func (a *Admin) hasRoom(ctx context.Context, ws authz.WorkspaceID, r authz.Role) error {
	if r.BuiltIn {
		return nil
	}
	bound, err := a.cfg.Store.BindingsOfRole(ctx, a.cfg.Issuer, ws, r.ID, maxBound)
	if err != nil {
		return err
	}
	members, err := a.cfg.Store.MembersOfRole(ctx, a.cfg.Issuer, ws, r.ID, maxBound)
	if err != nil {
		return err
	}
	if len(bound) >= maxBound || len(members) >= maxBound {
		return authz.NewError(authz.Conflict, "role_full", "A role of your own is given 1000 times at most.")
	}
	return nil
}

// roles are those every workspace has, and what others are made of.
func (a *Admin) roles(ctx context.Context) (role.Catalogue, error) {
	scopes, err := a.cfg.Scopes(ctx)
	if err != nil {
		return role.Catalogue{}, err
	}
	return role.Of(scopes), nil
}

// suits checks that a role can be given to that kind of subject.
func (a *Admin) suits(ctx context.Context, r authz.Role, kind authz.SubjectKind) error {
	known, err := a.roles(ctx)
	if err != nil {
		return err
	}
	return known.Suits(r, kind)
}

// roleOf finds a built-in role or one of the workspace's own.
func (a *Admin) roleOf(ctx context.Context, ws authz.WorkspaceID, id authz.RoleID) (authz.Role, error) {
	known, err := a.roles(ctx)
	if err != nil {
		return authz.Role{}, err
	}
	if r, ok := known.Find(id); ok {
		return r, nil
	}
	return a.cfg.Store.GetRole(ctx, a.cfg.Issuer, ws, id)
}
