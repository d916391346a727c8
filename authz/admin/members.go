package admin

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// MemberStore keeps who belongs to a workspace.
type MemberStore interface {
	AddMember(ctx context.Context, m authz.Member) error
	GetMember(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (authz.Member, error)
	ListMembers(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.Member, error)
	UpdateMemberRole(ctx context.Context, m authz.Member) error
	RemoveMember(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (removed bool, err error)
	LeaveTeams(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) error
	GetUserAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.UserID) (authz.User, error)
}

// Person is a member with what is known of them.
type Person struct {
	authz.Member
	Profile authz.Profile
}

// ListMembers lists who belongs to a workspace.
func (a *Admin) ListMembers(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, page authz.Page) ([]authz.Member, error) {
	if err := a.inWorkspace(ctx, by, ScopeMembers, ws); err != nil {
		return nil, err
	}
	return a.cfg.Store.ListMembers(ctx, a.cfg.Issuer, ws, page)
}

// GetMember returns a member of a workspace.
func (a *Admin) GetMember(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.UserID) (Person, error) {
	if err := a.inWorkspace(ctx, by, ScopeMembers, ws); err != nil {
		return Person{}, err
	}
	m, err := a.cfg.Store.GetMember(ctx, a.cfg.Issuer, ws, id)
	if err != nil {
		return Person{}, err
	}
	user, err := a.cfg.Store.GetUserAcrossWorkspaces(ctx, a.cfg.Issuer, id)
	return Person{Member: m, Profile: user.Profile}, err
}

var errLastOwner = authz.NewError(authz.Conflict, "last_owner", "The workspace would have no owner; name another one first.")

// keepsAnOwner refuses what would leave a workspace without an owner. It runs
// under the workspace's lock: two owners cannot each be the other's last.
func (a *Admin) keepsAnOwner(ctx context.Context, m authz.Member) error {
	if m.Role != authz.RoleOwner {
		return nil
	}
	owners, err := a.cfg.Store.MembersOfRole(ctx, a.cfg.Issuer, m.WorkspaceID, authz.RoleOwner, 2)
	if err == nil && len(owners) < 2 {
		return errLastOwner
	}
	return err
}

// SetMemberRole gives a member another role of their own, at once. Whoever does
// must hold what the member's role allowed and what it will allow.
func (a *Admin) SetMemberRole(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.UserID, revision int64, to authz.RoleID) (authz.Member, error) {
	var m authz.Member
	err := a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		var err error
		if m, err = a.cfg.Store.GetMember(ctx, a.cfg.Issuer, ws, id); err != nil {
			return err
		}
		if revision != 0 && revision != m.Revision {
			return authz.ErrStale
		}
		before := m.Role
		if before == to {
			return nil
		}
		if err := a.mayMove(ctx, by, m, to); err != nil {
			return err
		}
		m.Role = to
		if err := a.cfg.Store.UpdateMemberRole(ctx, m); err != nil {
			return err
		}
		m.Revision++
		if err := a.compilePerson(ctx, ws, id); err != nil {
			return err
		}
		return a.record(ctx, by, ws, "member.role_changed", string(id), map[string]any{"role_before": before, "role_after": to})
	})
	return m, err
}

// mayMove checks that a member may be given another role of their own.
func (a *Admin) mayMove(ctx context.Context, by authz.Principal, m authz.Member, to authz.RoleID) error {
	if by.Environment != "" && !by.Platform() {
		return errEnvironment // a member's own role is for both
	}
	was, err := a.roleOf(ctx, m.WorkspaceID, m.Role)
	if err != nil && authz.KindOf(err) != authz.NotFound {
		return err
	}
	will, err := a.roleOf(ctx, m.WorkspaceID, to)
	if err != nil {
		return notThere("role", err)
	}
	if err := a.hasRoom(ctx, m.WorkspaceID, will); err != nil {
		return err
	}
	for _, r := range []authz.Role{was, will} {
		if err := a.mayGive(ctx, by, m.WorkspaceID, r, ""); err != nil {
			return err
		}
	}
	return a.keepsAnOwner(ctx, m)
}

// RemoveMember ends a membership with the sessions and tokens of the person in
// the workspace, and passes on or ends the service accounts they answer for.
// People may leave by themselves; the last owner may not.
func (a *Admin) RemoveMember(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id, successor authz.UserID) error {
	leaves := person(by) == id && by.Reaches(ws) && by.Issuer == a.cfg.Issuer
	if leaves {
		by.Scopes = append([]string{ScopeMembers}, by.Scopes...) // for this act alone
	}
	return a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		m, err := a.cfg.Store.GetMember(ctx, a.cfg.Issuer, ws, id)
		if err != nil {
			return err
		}
		if err := a.mayRemove(ctx, by, m, leaves); err != nil {
			return err
		}
		became, err := a.passOn(ctx, by, m, successor)
		if err != nil {
			return err
		}
		if err := a.cfg.Store.DeleteBindingsOfSubject(ctx, a.cfg.Issuer, ws, authz.UserSubject, string(id)); err != nil {
			return err
		}
		if _, err := a.cfg.Store.RevokeJoinLinks(ctx, a.cfg.Issuer, ws, id, "", ""); err != nil {
			return err
		}
		if err := a.cfg.Store.LeaveTeams(ctx, a.cfg.Issuer, ws, id); err != nil {
			return err
		}
		// What is left of them ends with the membership; clients are told here.
		if err := a.cfg.Sessions.EndPerson(ctx, authz.PersonEnd{WorkspaceID: ws, UserID: id, Reason: "member_removed", Actor: by.Subject}); err != nil {
			return err
		}
		if _, err := a.cfg.Store.RemoveMember(ctx, a.cfg.Issuer, ws, id); err != nil {
			return err
		}
		return a.record(ctx, by, ws, "member.removed", string(id), became)
	})
}

func (a *Admin) mayRemove(ctx context.Context, by authz.Principal, m authz.Member, leaves bool) error {
	if err := a.keepsAnOwner(ctx, m); err != nil {
		return err
	}
	if leaves {
		return nil
	}
	r, err := a.roleOf(ctx, m.WorkspaceID, m.Role)
	if authz.KindOf(err) == authz.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return a.mayGive(ctx, by, m.WorkspaceID, r, "")
}
