package admin

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// InvitationStore keeps invitations.
type InvitationStore interface {
	CreateInvitation(ctx context.Context, i authz.Invitation) error
	GetInvitation(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.InvitationID) (authz.Invitation, error)
	InvitationByDigestAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, of [32]byte) (authz.Invitation, error)
	ListInvitations(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.Invitation, error)
	EndInvitation(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.InvitationID, to authz.State, by authz.UserID, now time.Time) error
}

// How long an invitation may be good.
const (
	DefaultInvitation = 7 * 24 * time.Hour
	MaxInvitation     = 30 * 24 * time.Hour
)

// invitationPrefix begins the token of an invitation, for scanners to find.
const invitationPrefix = "gin_"

// NewInvitation says whom to invite as what.
type NewInvitation struct {
	Email     string
	Role      authz.RoleID  // empty: RoleMember
	ExpiresIn time.Duration // zero: DefaultInvitation
}

// Invite makes an invitation and returns its token, once. It lets one person
// join, with a role that whoever invites could give.
func (a *Admin) Invite(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, in NewInvitation) (authz.Invitation, authz.Secret, error) {
	if in.Role == "" {
		in.Role = authz.RoleMember
	}
	if in.ExpiresIn == 0 {
		in.ExpiresIn = DefaultInvitation
	}
	if in.ExpiresIn < time.Minute || in.ExpiresIn > MaxInvitation {
		return authz.Invitation{}, "", invalid("expires_in", "must be between 1m and 720h.")
	}
	if err := clientmeta.CheckText("email", in.Email); err != nil || !strings.Contains(in.Email, "@") {
		return authz.Invitation{}, "", invalid("email", "must be an e-mail address.")
	}
	text := authz.Secret(invitationPrefix + authz.NewID("")[1:] + authz.NewID("")[1:])
	now := a.cfg.Clock.Now()
	i := authz.Invitation{
		ID: authz.NewInvitationID(), Issuer: a.cfg.Issuer, WorkspaceID: ws, Digest: authz.Digest(text.Reveal()), Email: in.Email, Role: in.Role,
		State: authz.Active, InvitedBy: by.Subject, CreatedAt: now, ExpiresAt: now.Add(in.ExpiresIn),
	}
	return i, text, a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		if by.Environment != "" && !by.Platform() && in.Role != authz.RoleMember {
			return errEnvironment
		}
		r, err := a.roleOf(ctx, ws, in.Role)
		if err != nil {
			return notThere("role", err)
		}
		if err := a.mayGive(ctx, by, ws, r, ""); err != nil {
			return err
		}
		if err := a.cfg.Store.CreateInvitation(ctx, i); err != nil {
			return err
		}
		return a.record(ctx, by, ws, "invitation.created", string(i.ID), map[string]any{"role": i.Role, "expires_at": i.ExpiresAt})
	})
}

// ListInvitations lists a workspace's invitations, used and ended ones too.
func (a *Admin) ListInvitations(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, page authz.Page) ([]authz.Invitation, error) {
	if err := a.inWorkspace(ctx, by, ScopeMembers, ws); err != nil {
		return nil, err
	}
	return a.cfg.Store.ListInvitations(ctx, a.cfg.Issuer, ws, page)
}

// GetInvitation returns one.
func (a *Admin) GetInvitation(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.InvitationID) (authz.Invitation, error) {
	if err := a.inWorkspace(ctx, by, ScopeMembers, ws); err != nil {
		return authz.Invitation{}, err
	}
	return a.cfg.Store.GetInvitation(ctx, a.cfg.Issuer, ws, id)
}

// RevokeInvitation ends an invitation; one that ended already stays as it is.
func (a *Admin) RevokeInvitation(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.InvitationID) error {
	return a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		if _, err := a.cfg.Store.GetInvitation(ctx, a.cfg.Issuer, ws, id); err != nil {
			return err
		}
		err := a.cfg.Store.EndInvitation(ctx, a.cfg.Issuer, ws, id, authz.Revoked, "", a.cfg.Clock.Now())
		if errors.Is(err, authz.ErrConsumed) {
			return nil
		}
		if err != nil {
			return err
		}
		return a.record(ctx, by, ws, "invitation.revoked", string(id), nil)
	})
}

var (
	// errInvitation is the one answer to every token that lets nobody in.
	errInvitation = authz.NewError(authz.Invalid, "invalid_invitation", "The invitation is not good, or not any more, or is for somebody else.")
	errPeople     = authz.NewError(authz.Forbidden, "people_only", "Only a person who signed in accepts an invitation.")
)

// Accept makes the person a member of the workspace they were invited to. Their
// role is not more than whoever invited them could still give.
func (a *Admin) Accept(ctx context.Context, by authz.Principal, token authz.Secret) (authz.Member, error) {
	user := person(by)
	if user == "" || by.Issuer != a.cfg.Issuer {
		return authz.Member{}, errPeople
	}
	i, err := a.invitationOf(ctx, token)
	if err != nil {
		return authz.Member{}, err
	}
	who, err := a.cfg.Store.GetUserAcrossWorkspaces(ctx, a.cfg.Issuer, user)
	if err != nil {
		return authz.Member{}, err
	}
	var m authz.Member
	err = a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if i, err = a.Admit(ctx, i.WorkspaceID, i.ID, who.Profile.Email); err != nil {
			return err
		}
		m, err = a.Join(ctx, i, user)
		return err
	})
	return m, err
}

func (a *Admin) invitationOf(ctx context.Context, token authz.Secret) (authz.Invitation, error) {
	i, err := a.cfg.Store.InvitationByDigestAcrossWorkspaces(ctx, a.cfg.Issuer, authz.Digest(token.Reveal()))
	if authz.KindOf(err) == authz.NotFound {
		return i, errInvitation
	}
	return i, err
}

// OpenInvitation returns the invitation whose token it is, while it is good, and
// the workspace it leads to.
func (a *Admin) OpenInvitation(ctx context.Context, token authz.Secret) (authz.Invitation, authz.Workspace, error) {
	i, err := a.invitationOf(ctx, token)
	if err != nil {
		return authz.Invitation{}, authz.Workspace{}, err
	}
	ws, err := a.cfg.Store.GetWorkspace(ctx, a.cfg.Issuer, i.WorkspaceID)
	if err != nil {
		return authz.Invitation{}, authz.Workspace{}, err
	}
	if i.State != authz.Active || !a.cfg.Clock.Now().Before(i.ExpiresAt) || ws.State != authz.Active {
		return authz.Invitation{}, authz.Workspace{}, errInvitation
	}
	return i, ws, nil
}

// Admit checks, within a transaction, that a workspace's invitation is good for
// somebody with that address, and holds the workspace until Join: whatever is
// wrong is answered alike.
func (a *Admin) Admit(ctx context.Context, ws authz.WorkspaceID, id authz.InvitationID, email string) (authz.Invitation, error) {
	if err := a.cfg.Store.LockWorkspace(ctx, a.cfg.Issuer, ws); err != nil {
		return authz.Invitation{}, err
	}
	i, err := a.cfg.Store.GetInvitation(ctx, a.cfg.Issuer, ws, id)
	if authz.KindOf(err) == authz.NotFound {
		return authz.Invitation{}, errInvitation
	}
	if err != nil {
		return authz.Invitation{}, err
	}
	err = a.activeWorkspace(ctx, ws)
	if err != nil && authz.KindOf(err) != authz.Conflict {
		return authz.Invitation{}, err
	}
	if err != nil || i.State != authz.Active || !a.cfg.Clock.Now().Before(i.ExpiresAt) || !sameAddress(i.Email, email) {
		return authz.Invitation{}, errInvitation
	}
	return i, nil
}

// sameAddress compares addresses but for the case of ASCII: other letters that
// fold into these are other people's.
func sameAddress(a, b string) bool {
	lower := func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	return a != "" && strings.Map(lower, a) == strings.Map(lower, b)
}

// Join makes a person a member by an invitation that Admit let through, in the
// same transaction; the invitation is used then.
func (a *Admin) Join(ctx context.Context, i authz.Invitation, user authz.UserID) (authz.Member, error) {
	m, err := a.join(ctx, i, user)
	if errors.Is(err, authz.ErrConsumed) || errors.Is(err, authz.ErrNotFound) {
		return authz.Member{}, errInvitation
	}
	return m, err
}

func (a *Admin) join(ctx context.Context, i authz.Invitation, user authz.UserID) (authz.Member, error) {
	now := a.cfg.Clock.Now()
	if err := a.cfg.Store.EndInvitation(ctx, a.cfg.Issuer, i.WorkspaceID, i.ID, authz.Used, user, now); err != nil {
		return authz.Member{}, err
	}
	r, err := a.roleOf(ctx, i.WorkspaceID, i.Role)
	if err != nil {
		return authz.Member{}, err
	}
	if err := a.stillGiven(ctx, i, r); err != nil {
		return authz.Member{}, err
	}
	if err := a.hasRoom(ctx, i.WorkspaceID, r); err != nil {
		return authz.Member{}, err
	}
	m := authz.Member{Issuer: a.cfg.Issuer, WorkspaceID: i.WorkspaceID, UserID: user, Role: i.Role, Revision: 1, CreatedAt: now}
	if err := a.cfg.Store.AddMember(ctx, m); err != nil {
		return authz.Member{}, err // a member joins no second time
	}
	if err := a.compilePerson(ctx, i.WorkspaceID, user); err != nil {
		return authz.Member{}, err
	}
	by := authz.Principal{Issuer: a.cfg.Issuer, Subject: string(user)}
	return m, a.record(ctx, by, i.WorkspaceID, "member.joined", string(user), map[string]any{"role": m.Role, "invitation_id": i.ID})
}

// stillGiven refuses the invitation of a person who could not give its role any
// more: they left, or are less than they were. People who invite each other in
// a circle gain nothing.
func (a *Admin) stillGiven(ctx context.Context, i authz.Invitation, r authz.Role) error {
	if !strings.HasPrefix(i.InvitedBy, "usr_") {
		return nil
	}
	inviter := authz.Principal{Issuer: a.cfg.Issuer, WorkspaceID: i.WorkspaceID, Subject: i.InvitedBy}
	if err := a.mayGive(ctx, inviter, i.WorkspaceID, r, ""); err != nil {
		return errInvitation
	}
	return nil
}
