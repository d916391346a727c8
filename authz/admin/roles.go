package admin

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// ScopeMembers allows to say who belongs to a workspace and what they may do.
const ScopeMembers = "manage:members"

// RoleStore keeps roles and who has them.
type RoleStore interface {
	CreateRole(ctx context.Context, r authz.Role) error
	GetRole(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.RoleID) (authz.Role, error)
	ListRoles(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.Role, error)
	UpdateRole(ctx context.Context, r authz.Role) error
	DeleteRole(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.RoleID) error
	CreateRoleBinding(ctx context.Context, b authz.RoleBinding) error
	GetRoleBinding(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.BindingID) (authz.RoleBinding, error)
	ListRoleBindings(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.RoleBinding, error)
	BindingsOfSubject(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, kind authz.SubjectKind, subject string, limit int) ([]authz.RoleBinding, error)
	BindingsOfRole(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, role authz.RoleID, limit int) ([]authz.RoleBinding, error)
	BindingsMadeBy(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, madeBy string, role authz.RoleID, env authz.Environment, limit int) ([]authz.RoleBinding, error)
	DeleteRoleBinding(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.BindingID) error
	DeleteBindingsOfSubject(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, kind authz.SubjectKind, subject string) error
	MembersOfRole(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, role authz.RoleID, limit int) ([]authz.Member, error)
	SetMemberBounds(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, b *authz.Bounds) error
	SetServiceAccountBounds(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ServiceAccountID, b *authz.Bounds) error
}

// RoleSettings are what somebody decides about a role; nil leaves it as it is.
type RoleSettings struct {
	Name        *string
	Permissions *[]string
	ReadOnly    *bool
}

func (s RoleSettings) apply(r *authz.Role) {
	authz.Replace(&r.Name, s.Name)
	authz.Replace(&r.Permissions, s.Permissions)
	authz.Replace(&r.ReadOnly, s.ReadOnly)
}

// ListRoles lists a workspace's own roles; the built-in ones stand before the
// first of them.
func (a *Admin) ListRoles(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, page authz.Page) ([]authz.Role, error) {
	if err := a.inWorkspace(ctx, by, ScopeMembers, ws); err != nil {
		return nil, err
	}
	return a.cfg.Store.ListRoles(ctx, a.cfg.Issuer, ws, page)
}

// BuiltInRoles are those every workspace has.
func (a *Admin) BuiltInRoles(ctx context.Context) ([]authz.Role, error) {
	known, err := a.roles(ctx)
	return known.BuiltIn(), err
}

// GetRole returns a built-in role, or one of the workspace's own.
func (a *Admin) GetRole(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.RoleID) (authz.Role, error) {
	if err := a.inWorkspace(ctx, by, ScopeMembers, ws); err != nil {
		return authz.Role{}, err
	}
	return a.roleOf(ctx, ws, id)
}

// CreateRole makes a role of permissions that its maker holds.
func (a *Admin) CreateRole(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, in RoleSettings) (authz.Role, error) {
	now := a.cfg.Clock.Now()
	r := authz.Role{ID: authz.NewRoleID(), Issuer: a.cfg.Issuer, WorkspaceID: ws, Revision: 1, CreatedAt: now, UpdatedAt: now}
	in.apply(&r)
	known, err := a.roles(ctx)
	if err != nil {
		return authz.Role{}, err
	}
	r.Permissions = known.Named(r.Permissions)
	return r, a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		if err := a.checkRole(ctx, by, authz.Role{}, r); err != nil {
			return err
		}
		if err := a.cfg.Store.CreateRole(ctx, r); err != nil {
			return err
		}
		return a.record(ctx, by, ws, "role.created", string(r.ID), map[string]any{"name": r.Name, "permissions_after": r.Permissions, "read_only": r.ReadOnly})
	})
}

func (a *Admin) checkRole(ctx context.Context, by authz.Principal, before, r authz.Role) error {
	if err := clientmeta.CheckText("name", r.Name); err != nil {
		return err
	}
	known, err := a.roles(ctx)
	if err != nil {
		return err
	}
	if _, taken := known.Find(authz.RoleID(r.Name)); taken {
		return invalid("name", "is that of a built-in role.")
	}
	if err := known.Check(before, r); err != nil {
		return err
	}
	return a.mayGive(ctx, by, r.WorkspaceID, r, "")
}

var errBuiltIn = authz.NewError(authz.Forbidden, "role_built_in", "Built-in roles are the same everywhere.")

// UpdateRole changes a role, and with it at once what everybody may do who has
// it. Whoever changes it must hold all it allowed and all it will.
func (a *Admin) UpdateRole(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.RoleID, revision int64, in RoleSettings) (authz.Role, error) {
	var r authz.Role
	err := a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		before, err := a.ownRole(ctx, by, ws, id)
		if err != nil {
			return err
		}
		if revision != 0 && revision != before.Revision {
			return authz.ErrStale
		}
		r = before
		in.apply(&r)
		known, err := a.roles(ctx)
		if err != nil {
			return err
		}
		r.Permissions = known.Named(r.Permissions)
		r.UpdatedAt = a.cfg.Clock.Now()
		if err := a.checkRole(ctx, by, before, r); err != nil {
			return err
		}
		if err := a.suitsAll(ctx, r); err != nil {
			return err
		}
		if err := a.cfg.Store.UpdateRole(ctx, r); err != nil {
			return err
		}
		r.Revision++
		if err := a.compileRole(ctx, ws, id); err != nil {
			return err
		}
		return a.record(ctx, by, ws, "role.updated", string(id), map[string]any{
			"name": r.Name, "permissions_before": before.Permissions, "permissions_after": r.Permissions, "read_only": r.ReadOnly,
		})
	})
	return r, err
}

// suitsAll checks that a role still suits those who have it.
func (a *Admin) suitsAll(ctx context.Context, r authz.Role) error {
	bindings, err := a.cfg.Store.BindingsOfRole(ctx, a.cfg.Issuer, r.WorkspaceID, r.ID, maxBound)
	if err != nil {
		return err
	}
	for _, b := range bindings {
		if err := a.suits(ctx, r, b.Kind); err != nil {
			return err
		}
	}
	return nil
}

// ownRole is a role of the workspace's own that the principal may change.
func (a *Admin) ownRole(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.RoleID) (authz.Role, error) {
	known, err := a.roles(ctx)
	if err != nil {
		return authz.Role{}, err
	}
	if _, ok := known.Find(id); ok {
		return authz.Role{}, errBuiltIn
	}
	r, err := a.cfg.Store.GetRole(ctx, a.cfg.Issuer, ws, id)
	if err != nil {
		return authz.Role{}, err
	}
	return r, a.mayGive(ctx, by, ws, r, "")
}

var errRoleInUse = authz.NewError(authz.Conflict, "role_in_use", "Somebody has the role; take it from them first.")

// DeleteRole deletes a role that nobody has.
func (a *Admin) DeleteRole(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.RoleID) error {
	return a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		if _, err := a.ownRole(ctx, by, ws, id); err != nil {
			return err
		}
		bound, err := a.cfg.Store.BindingsOfRole(ctx, a.cfg.Issuer, ws, id, 1)
		if err != nil {
			return err
		}
		members, err := a.cfg.Store.MembersOfRole(ctx, a.cfg.Issuer, ws, id, 1)
		if err != nil {
			return err
		}
		if len(bound)+len(members) > 0 {
			return errRoleInUse
		}
		if err := a.cfg.Store.DeleteRole(ctx, a.cfg.Issuer, ws, id); err != nil {
			return err
		}
		return a.record(ctx, by, ws, "role.deleted", string(id), nil)
	})
}

// Binding says whom to give which role, and where.
type Binding struct {
	Kind        authz.SubjectKind
	Subject     string
	Role        authz.RoleID
	Environment authz.Environment
	Resources   authz.Resources
}

// ListRoleBindings lists who has which role in a workspace.
func (a *Admin) ListRoleBindings(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, page authz.Page) ([]authz.RoleBinding, error) {
	if err := a.inWorkspace(ctx, by, ScopeMembers, ws); err != nil {
		return nil, err
	}
	return a.cfg.Store.ListRoleBindings(ctx, a.cfg.Issuer, ws, page)
}

// GetRoleBinding returns one.
func (a *Admin) GetRoleBinding(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.BindingID) (authz.RoleBinding, error) {
	if err := a.inWorkspace(ctx, by, ScopeMembers, ws); err != nil {
		return authz.RoleBinding{}, err
	}
	return a.cfg.Store.GetRoleBinding(ctx, a.cfg.Issuer, ws, id)
}

// Bind gives a subject a role; what the subject may do changes at once. A
// service account is narrowed to its roles from the first one on, for good.
func (a *Admin) Bind(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, in Binding) (authz.RoleBinding, error) {
	b := authz.RoleBinding{
		ID: authz.NewBindingID(), Issuer: a.cfg.Issuer, WorkspaceID: ws, Kind: in.Kind, Subject: in.Subject, Role: in.Role,
		Environment: in.Environment, Resources: in.Resources, MadeBy: by.Subject, CreatedAt: a.cfg.Clock.Now().Truncate(time.Microsecond),
	}
	return b, a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		r, err := a.roleOf(ctx, ws, in.Role)
		if err != nil {
			return notThere("role", err)
		}
		if err := a.checkBinding(ctx, by, b, r); err != nil {
			return err
		}
		if err := a.cfg.Store.CreateRoleBinding(ctx, b); err != nil {
			return err
		}
		if err := a.compile(ctx, ws, b.Kind, b.Subject); err != nil {
			return err
		}
		return a.recordBinding(ctx, by, "role.bound", b)
	})
}

func (a *Admin) checkBinding(ctx context.Context, by authz.Principal, b authz.RoleBinding, r authz.Role) error {
	if err := checkResources(b.Resources); err != nil {
		return err
	}
	if err := a.suits(ctx, r, b.Kind); err != nil {
		return err
	}
	if err := a.subject(ctx, b); err != nil {
		return err
	}
	if by.Environment != "" && !by.Platform() && b.Environment != by.Environment {
		return errEnvironment
	}
	if err := a.roomForBinding(ctx, b, r); err != nil {
		return err
	}
	return a.mayGive(ctx, by, b.WorkspaceID, r, b.Environment)
}

// roomForBinding checks that subject and role are within bounds with one more.
func (a *Admin) roomForBinding(ctx context.Context, b authz.RoleBinding, r authz.Role) error {
	held, err := a.cfg.Store.BindingsOfSubject(ctx, a.cfg.Issuer, b.WorkspaceID, b.Kind, b.Subject, maxBindings)
	if err != nil {
		return err
	}
	if len(held) >= maxBindings {
		return authz.NewError(authz.Conflict, "too_many_bindings", "The subject has 100 roles already.")
	}
	return a.hasRoom(ctx, b.WorkspaceID, r)
}

var errEnvironment = authz.NewError(authz.Forbidden, "wrong_environment", "environment: must be that of the credential used.")

// subject checks that the subject is in the workspace.
func (a *Admin) subject(ctx context.Context, b authz.RoleBinding) error {
	var err error
	switch b.Kind {
	case authz.UserSubject:
		_, err = a.cfg.Store.GetMember(ctx, a.cfg.Issuer, b.WorkspaceID, authz.UserID(b.Subject))
	case authz.TeamSubject:
		_, err = a.cfg.Store.GetTeam(ctx, a.cfg.Issuer, b.WorkspaceID, authz.TeamID(b.Subject))
	case authz.ServiceAccountSubject:
		var found authz.ServiceAccount
		found, err = a.cfg.Store.GetServiceAccount(ctx, a.cfg.Issuer, b.WorkspaceID, authz.ServiceAccountID(b.Subject))
		if err == nil && found.State == authz.Deleted {
			err = authz.ErrNotFound
		}
	default:
		return invalid("subject_kind", "must be user, team or service_account.")
	}
	return notThere("subject", err)
}

// Unbind takes a role from a subject, at once. Whoever does must be able to give
// it.
func (a *Admin) Unbind(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.BindingID) error {
	return a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		b, err := a.cfg.Store.GetRoleBinding(ctx, a.cfg.Issuer, ws, id)
		if err != nil {
			return err
		}
		r, err := a.roleOf(ctx, ws, b.Role)
		if err != nil {
			return err
		}
		if err := a.mayGive(ctx, by, ws, r, b.Environment); err != nil {
			return err
		}
		if by.Environment != "" && !by.Platform() && b.Environment != by.Environment {
			return errEnvironment
		}
		if err := a.cfg.Store.DeleteRoleBinding(ctx, a.cfg.Issuer, ws, id); err != nil {
			return err
		}
		if err := a.compile(ctx, ws, b.Kind, b.Subject); err != nil {
			return err
		}
		return a.recordBinding(ctx, by, "role.unbound", b)
	})
}

// recordBinding writes that a role was given or taken: an act on the team, or on
// what looks after the service account.
func (a *Admin) recordBinding(ctx context.Context, by authz.Principal, typ string, b authz.RoleBinding) error {
	var team authz.TeamID
	switch b.Kind {
	case authz.TeamSubject:
		team = authz.TeamID(b.Subject)
	case authz.ServiceAccountSubject:
		s, err := a.cfg.Store.GetServiceAccount(ctx, a.cfg.Issuer, b.WorkspaceID, authz.ServiceAccountID(b.Subject))
		if err != nil {
			return err
		}
		team = s.TeamID
	}
	return a.recordFor(ctx, by, b.WorkspaceID, team, typ, string(b.ID), map[string]any{
		"subject_kind": b.Kind, "subject": b.Subject, "role": b.Role, "environment": b.Environment, "resources": b.Resources,
	})
}

// notThere makes of what a request names and is not there a fault of the
// request: the object it is for is there.
func notThere(member string, err error) error {
	if authz.KindOf(err) == authz.NotFound {
		return invalid(member, "is not one of this workspace.")
	}
	return err
}
