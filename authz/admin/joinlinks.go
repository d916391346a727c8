package admin

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// JoinLinkStore keeps join links.
type JoinLinkStore interface {
	CreateJoinLink(ctx context.Context, l authz.JoinLink) error
	GetJoinLink(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.JoinLinkID) (authz.JoinLink, error)
	JoinLinkByDigestAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, of [32]byte) (authz.JoinLink, error)
	ListJoinLinks(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, limit int) ([]authz.JoinLink, error)
	EndJoinLink(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.JoinLinkID, to authz.State, now time.Time) error
	RevokeJoinLinks(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, c authz.ConnectionID, side authz.Side) (int64, error)
}

// How long a join link may be good.
const (
	DefaultJoinLink = 24 * time.Hour
	MaxJoinLink     = 7 * 24 * time.Hour
)

const (
	joinToken    = "join" // the prefix of a token
	maxJoinLinks = 100    // listed; more are made only by taking others back
	// identityJoined is why sessions end when somebody came by a link.
	identityJoined = "identity_joined"
)

// ErrJoinLink is the one answer to every link that joins nobody: unknown, used,
// taken back, over, of a member who left, of a side that is not in use, or made
// by a person who could not make it any more. Those that the operator's key made
// do not end with the key.
var ErrJoinLink = authz.NewError(authz.Invalid, "invalid_join_link", "The link is not good, or not any more. Ask your administrator for a new one.")

var errKnownThere = authz.NewError(authz.Conflict, "already_linked", "This side of the connection knows the member already.")

// NewJoinLink says where a member is to come to be known.
type NewJoinLink struct {
	Connection authz.ConnectionID
	Side       authz.Side
	ExpiresIn  time.Duration // zero: DefaultJoinLink
}

// CreateJoinLink makes a link by which whoever has it signs in at one side of a
// connection and is the member from then on, and returns its token, once. It
// takes what saying so by name takes (see Identify), of a person the whole role
// of an owner too: that is looked at again when the link is used. An open one of
// the same member and side is taken back.
func (a *Admin) CreateJoinLink(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, user authz.UserID, in NewJoinLink) (authz.JoinLink, authz.Secret, error) {
	if in.ExpiresIn == 0 {
		in.ExpiresIn = DefaultJoinLink
	}
	if in.ExpiresIn < time.Minute || in.ExpiresIn > MaxJoinLink {
		return authz.JoinLink{}, "", invalid("expires_in", "must be between 1m and 168h.")
	}
	token, now := authz.NewToken(joinToken), a.cfg.Clock.Now()
	l := authz.JoinLink{
		ID: authz.NewJoinLinkID(), Issuer: a.cfg.Issuer, WorkspaceID: ws, UserID: user, ConnectionID: in.Connection, Side: in.Side,
		Digest: authz.Digest(token.Reveal()), State: authz.Active, MadeBy: by.Subject, CreatedAt: now, ExpiresAt: now.Add(in.ExpiresIn),
	}
	return l, token, a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		if err := a.mayVouch(ctx, by, ws, user); err != nil {
			return err
		}
		c, err := a.connectionOf(ctx, by, ws, in.Connection)
		if err != nil {
			return err
		}
		if !c.Has(in.Side) {
			return invalid("side", "is none that the connection has.")
		}
		if err := a.mayLink(ctx, by, ws); err != nil {
			return err
		}
		if err := a.mayJoin(ctx, l, c); err != nil {
			return err
		}
		if _, err := a.cfg.Store.RevokeJoinLinks(ctx, a.cfg.Issuer, ws, user, c.ID, in.Side); err != nil {
			return err
		}
		if err := a.cfg.Store.CreateJoinLink(ctx, l); err != nil {
			return err
		}
		return a.recordJoinLink(ctx, by, "member.join_link_created", l)
	})
}

// mayJoin checks that the member of a link may come to be known where it leads.
func (a *Admin) mayJoin(ctx context.Context, l authz.JoinLink, c authz.Connection) error {
	switch {
	case c.State != authz.Active || !c.Uses(l.Side):
		return errNotInUse
	case l.Side == authz.SAMLSide && c.SAML.MutableSubject:
		return errMutable
	}
	held, err := a.oneMore(ctx, l.WorkspaceID, l.UserID)
	if err != nil {
		return err
	}
	for _, i := range held {
		if i.ConnectionID == c.ID && i.Side == l.Side {
			return errKnownThere
		}
	}
	return nil
}

func (a *Admin) recordJoinLink(ctx context.Context, by authz.Principal, typ string, l authz.JoinLink) error {
	return a.record(ctx, by, l.WorkspaceID, typ, string(l.UserID), map[string]any{
		"link": l.ID, "connection_id": l.ConnectionID, "side": l.Side, "expires_at": l.ExpiresAt.UTC().Format(time.RFC3339),
	})
}

// ListJoinLinks lists the links of a member, the newest first, also those that
// are good no more until they are purged.
func (a *Admin) ListJoinLinks(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, user authz.UserID) ([]authz.JoinLink, error) {
	if _, err := a.GetMember(ctx, by, ws, user); err != nil {
		return nil, err
	}
	return a.cfg.Store.ListJoinLinks(ctx, a.cfg.Issuer, ws, user, maxJoinLinks)
}

// RevokeJoinLink takes a link back at once; one that ended already stays as it is.
func (a *Admin) RevokeJoinLink(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, user authz.UserID, id authz.JoinLinkID) error {
	return a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		l, err := a.cfg.Store.GetJoinLink(ctx, a.cfg.Issuer, ws, id)
		if err == nil && l.UserID != user {
			err = authz.ErrNotFound
		}
		if err != nil {
			return err
		}
		err = a.cfg.Store.EndJoinLink(ctx, a.cfg.Issuer, ws, id, authz.Revoked, a.cfg.Clock.Now())
		if errors.Is(err, authz.ErrConsumed) {
			return nil
		}
		if err != nil {
			return err
		}
		return a.recordJoinLink(ctx, by, "member.join_link_revoked", l)
	})
}

// OpenJoinLink returns the link whose token it is, while it is good. To look
// uses nothing up.
func (a *Admin) OpenJoinLink(ctx context.Context, token authz.Secret) (authz.JoinLink, error) {
	l, err := a.cfg.Store.JoinLinkByDigestAcrossWorkspaces(ctx, a.cfg.Issuer, authz.Digest(token.Reveal()))
	if authz.KindOf(err) == authz.NotFound {
		return authz.JoinLink{}, ErrJoinLink
	}
	if err != nil {
		return authz.JoinLink{}, err
	}
	return l, a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		l, err = a.AdmitByLink(ctx, l.WorkspaceID, l.ID)
		return err
	})
}

// AdmitByLink checks, within a transaction, that a workspace's link is good, and
// holds the workspace until the transaction ends: whatever is wrong is answered
// alike.
func (a *Admin) AdmitByLink(ctx context.Context, ws authz.WorkspaceID, id authz.JoinLinkID) (authz.JoinLink, error) {
	if err := a.cfg.Store.LockWorkspace(ctx, a.cfg.Issuer, ws); err != nil {
		return authz.JoinLink{}, notGood(err)
	}
	l, err := a.cfg.Store.GetJoinLink(ctx, a.cfg.Issuer, ws, id)
	if err != nil {
		return l, notGood(err)
	}
	if !l.UsableAt(a.cfg.Clock.Now()) {
		return l, ErrJoinLink
	}
	if err := a.activeWorkspace(ctx, ws); err != nil {
		return l, notGood(err)
	}
	c, err := a.cfg.Store.GetConnection(ctx, a.cfg.Issuer, ws, l.ConnectionID)
	if err == nil {
		err = a.mayJoin(ctx, l, c)
	}
	if err == nil {
		err = a.stillVouched(ctx, l)
	}
	return l, notGood(err)
}

// notGood is an error of the database as it is, and ErrJoinLink for every other.
func notGood(err error) error {
	switch authz.KindOf(err) {
	case authz.NotFound, authz.Conflict, authz.Forbidden:
		return ErrJoinLink.Because(err)
	}
	return err
}

// stillVouched refuses the link of a person who could not make it any more: they
// are out of use or no owner now, or hold less than the member has come to. What
// the operator's key made stands until it is taken back.
func (a *Admin) stillVouched(ctx context.Context, l authz.JoinLink) error {
	m, err := a.cfg.Store.GetMember(ctx, a.cfg.Issuer, l.WorkspaceID, l.UserID)
	if err != nil {
		return err
	}
	user, err := a.cfg.Store.GetUserAcrossWorkspaces(ctx, a.cfg.Issuer, l.UserID)
	if err != nil {
		return err
	}
	if user.State != authz.Active {
		return ErrJoinLink
	}
	if !strings.HasPrefix(l.MadeBy, "usr_") {
		return nil
	}
	return a.owns(ctx, l.WorkspaceID, authz.UserID(l.MadeBy), m.Role)
}

// owns checks that a person is there and holds, in the workspace, all that an
// owner does and all that the role allows.
func (a *Admin) owns(ctx context.Context, ws authz.WorkspaceID, id authz.UserID, also authz.RoleID) error {
	user, err := a.cfg.Store.GetUserAcrossWorkspaces(ctx, a.cfg.Issuer, id)
	if err != nil {
		return err
	}
	if user.State != authz.Active {
		return errWhoIsWho
	}
	if _, err := a.cfg.Store.GetMember(ctx, a.cfg.Issuer, ws, id); err != nil {
		return err
	}
	by := authz.Principal{Issuer: a.cfg.Issuer, WorkspaceID: ws, Subject: string(id)}
	for _, as := range []authz.RoleID{authz.RoleOwner, also} {
		r, err := a.roleOf(ctx, ws, as)
		if err != nil {
			return err
		}
		if err := a.mayGive(ctx, by, ws, r, ""); err != nil {
			return err
		}
	}
	return nil
}

// mayLink checks that a person who makes a link is an owner, as they must be
// when it is used.
func (a *Admin) mayLink(ctx context.Context, by authz.Principal, ws authz.WorkspaceID) error {
	id := person(by)
	if id == "" {
		return nil
	}
	err := a.owns(ctx, ws, id, authz.RoleOwner)
	switch authz.KindOf(err) {
	case authz.NotFound, authz.Forbidden:
		return errWhoIsWho.Because(err)
	}
	return err
}

// JoinByLink makes an identity the member's by a link that AdmitByLink let
// through, in the same transaction: the link is used then, and the person's
// sessions end, as another way in is theirs from now on.
func (a *Admin) JoinByLink(ctx context.Context, l authz.JoinLink, i authz.UpstreamIdentity) error {
	err := a.cfg.Store.EndJoinLink(ctx, a.cfg.Issuer, l.WorkspaceID, l.ID, authz.Used, a.cfg.Clock.Now())
	if errors.Is(err, authz.ErrConsumed) {
		return ErrJoinLink
	}
	if err != nil {
		return err
	}
	i.UserID, i.ConnectionID, i.Side, i.LinkedBy = l.UserID, l.ConnectionID, l.Side, authz.LinkedByInvite
	if err := a.cfg.Store.AddUpstreamIdentity(ctx, i); err != nil {
		return taken(err)
	}
	if err := a.cfg.Sessions.EndPerson(ctx, authz.PersonEnd{WorkspaceID: l.WorkspaceID, UserID: l.UserID, Reason: identityJoined, Actor: string(l.ID)}); err != nil {
		return err
	}
	return a.recordIdentity(ctx, authz.Principal{Issuer: a.cfg.Issuer, Subject: string(l.ID)}, l.WorkspaceID, "identity.linked", i)
}
