package admin

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// FactorStore keeps what people prove themselves with to us.
type FactorStore interface {
	ListFactors(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) ([]authz.Factor, error)
	DeleteFactors(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (deleted int64, err error)
	HoldPerson(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) error
}

// Sessions ends the sessions of people (authz/session).
type Sessions interface {
	EndPerson(ctx context.Context, e authz.PersonEnd) error
	EndUpstream(ctx context.Context, e authz.UpstreamEnd) error
}

// LocalAccounts keeps people who sign in with us (authz/localaccount).
type LocalAccounts interface {
	Invite(ctx context.Context, ws authz.WorkspaceID, kind authz.LocalKind, login, by string, join func(context.Context, authz.UserID) error) (authz.LocalAccount, authz.Secret, error)
	Permit(ctx context.Context, ws authz.WorkspaceID, user authz.UserID, by string) (authz.Secret, error)
	List(ctx context.Context, ws authz.WorkspaceID) ([]authz.LocalAccount, error)
	RemoveOperator(ctx context.Context, r authz.OperatorRemoval) error
}

// ListFactors lists the second factors that a member has with us.
func (a *Admin) ListFactors(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, user authz.UserID) ([]authz.Factor, error) {
	if _, err := a.GetMember(ctx, by, ws, user); err != nil {
		return nil, err
	}
	return a.cfg.Store.ListFactors(ctx, a.cfg.Issuer, ws, user)
}

// ResetFactors forgets all that a member proves themselves with to us, and ends
// their sessions. Whoever does must hold what the member's role allows, and a
// person must have a fresh proof of MFA: the member may enrol anew by their
// upstream alone.
func (a *Admin) ResetFactors(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, user authz.UserID) error {
	return a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		if err := a.mayVouch(ctx, by, ws, user); err != nil {
			return err
		}
		if err := a.cfg.Store.HoldPerson(ctx, a.cfg.Issuer, ws, user); err != nil {
			return err
		}
		deleted, err := a.cfg.Store.DeleteFactors(ctx, a.cfg.Issuer, ws, user)
		if err != nil {
			return err
		}
		if err := a.cfg.Sessions.EndPerson(ctx, authz.PersonEnd{WorkspaceID: ws, UserID: user, Reason: "factors_reset", Actor: by.Subject}); err != nil {
			return err
		}
		return a.record(ctx, by, ws, "member.factors_reset", string(user), map[string]any{"factors": deleted})
	})
}

// PermitEnrolment gives out a code, shown this once, with which the member sets
// up a first factor in a session that stands in for another during an outage.
func (a *Admin) PermitEnrolment(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, user authz.UserID) (code authz.Secret, err error) {
	err = a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		if err := a.mayVouch(ctx, by, ws, user); err != nil {
			return err
		}
		if code, err = a.cfg.Accounts.Permit(ctx, ws, user, by.Subject); err != nil {
			return err
		}
		return a.record(ctx, by, ws, "member.enrolment_permitted", string(user), nil)
	})
	return code, err
}

// mayVouch checks that somebody may decide with what a member signs in.
func (a *Admin) mayVouch(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, user authz.UserID) error {
	m, err := a.cfg.Store.GetMember(ctx, a.cfg.Issuer, ws, user)
	if err != nil {
		return err
	}
	if by.Environment != "" && !by.Platform() {
		return errEnvironment
	}
	if err := authz.PersonIsFresh(by, a.cfg.Clock.Now()); err != nil {
		return err
	}
	r, err := a.roleOf(ctx, ws, m.Role)
	if err != nil {
		return err
	}
	return a.mayGive(ctx, by, ws, r, "")
}

// CreateBreakGlass makes an account by which somebody gets into the workspace
// when its upstream is no way in, with a role that whoever makes it could give,
// and returns the token of a link to set it up by, once. For an account that is
// there it is a new link, and the role stays.
func (a *Admin) CreateBreakGlass(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, login string, as authz.RoleID) (authz.LocalAccount, authz.Secret, error) {
	if as == "" {
		as = authz.RoleOwner
	}
	var account authz.LocalAccount
	var token authz.Secret
	err := a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		if by.Environment != "" && !by.Platform() {
			return errEnvironment
		}
		if err := authz.PersonIsFresh(by, a.cfg.Clock.Now()); err != nil {
			return err
		}
		r, err := a.roleOf(ctx, ws, as)
		if err != nil {
			return notThere("role", err)
		}
		if err := a.mayGive(ctx, by, ws, r, ""); err != nil {
			return err
		}
		account, token, err = a.cfg.Accounts.Invite(ctx, ws, authz.BreakGlassAccount, login, by.Subject, func(ctx context.Context, user authz.UserID) error {
			if err := a.hasRoom(ctx, ws, r); err != nil {
				return err
			}
			m := authz.Member{Issuer: a.cfg.Issuer, WorkspaceID: ws, UserID: user, Role: as, Revision: 1, CreatedAt: a.cfg.Clock.Now()}
			if err := a.cfg.Store.AddMember(ctx, m); err != nil {
				return err
			}
			return a.compilePerson(ctx, ws, user)
		})
		if err != nil {
			return err
		}
		// A link to an account that is there opens what its role of today allows.
		return a.mayVouch(ctx, by, ws, account.UserID)
	})
	return account, token, err
}

// ListBreakGlass lists a workspace's break-glass accounts, at most a hundred.
func (a *Admin) ListBreakGlass(ctx context.Context, by authz.Principal, ws authz.WorkspaceID) ([]authz.LocalAccount, error) {
	if err := a.inWorkspace(ctx, by, ScopeMembers, ws); err != nil {
		return nil, err
	}
	return a.cfg.Accounts.List(ctx, ws)
}
