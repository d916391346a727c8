package admin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// IdentityStore keeps what connections call people.
type IdentityStore interface {
	ListIdentities(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, limit int) ([]authz.UpstreamIdentity, error)
	AddUpstreamIdentity(ctx context.Context, i authz.UpstreamIdentity) error
	RemoveIdentity(ctx context.Context, i authz.UpstreamIdentity) error
	KnownElsewhereAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (bool, error)
	GrantsWithoutSession(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, c authz.ConnectionID, limit int) ([]authz.GrantID, error)
	CreateUser(ctx context.Context, u authz.User, identity authz.UpstreamIdentity) error
	MemberHasEmail(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, email string) (bool, error)
	JoinLinkStore
}

const (
	// maxIdentities bounds what the connections of a workspace call one person.
	maxIdentities = 50
	// maxSubject is the longest name that a sign-in can bring, in bytes.
	maxSubject = 255
	// identityRemoved is why sessions and grants end with an identity.
	identityRemoved = "identity_removed"
)

var (
	errWhoIsWho = authz.NewError(authz.Forbidden, "owner_required",
		"Who the people of a connection are, only an owner of the workspace says.")
	errIdentityTaken = authz.NewError(authz.Conflict, "identity_taken", "The connection knows somebody by this identity already.")
	errElsewhere     = authz.NewError(authz.Conflict, "known_elsewhere",
		"The person signs in by way of another workspace: who they are is not this workspace's to say.")
	errNotInUse = authz.NewError(authz.Conflict, "not_in_use",
		"Whom a draft would bring is not settled: name people once the connection is in use.")
	errFollows = authz.NewError(authz.Conflict, "identity_follows",
		"Both sides of the connection tell one name: the next sign-in would bring it back. Remove the member, or take the link key away first.")
	errMutable = authz.NewError(authz.Conflict, "mutable_subject",
		"This side calls people by names that change hands: whoever has one tomorrow is not who was meant.")
	errTooManyIdentities = authz.NewError(authz.Conflict, "too_many_identities", "A person has 50 identities in a workspace at most.")
)

// Named says what a side of a connection calls somebody.
type Named struct {
	Connection authz.ConnectionID
	Side       authz.Side
	Subject    string
}

// NewMember is a person who is to be a member before they first sign in.
type NewMember struct {
	Named
	Role        authz.RoleID // empty: RoleMember
	Name, Email string       // to be shown; nobody is found by them
}

// ListIdentities lists what the workspace's connections call a member, at most 50.
func (a *Admin) ListIdentities(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, user authz.UserID) ([]authz.UpstreamIdentity, error) {
	if _, err := a.GetMember(ctx, by, ws, user); err != nil {
		return nil, err
	}
	return a.cfg.Store.ListIdentities(ctx, a.cfg.Issuer, ws, user, maxIdentities)
}

// Identify says what a side of a connection calls a member: whoever signs in
// there under that name is them from now on. Only an owner says so, and of a
// connection in use: whoever sets a draft up afterwards could be any member.
func (a *Admin) Identify(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, user authz.UserID, in Named) (authz.UpstreamIdentity, error) {
	var i authz.UpstreamIdentity
	err := a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		if err := a.mayVouch(ctx, by, ws, user); err != nil {
			return err
		}
		var err error
		if i, err = a.named(ctx, by, ws, user, in); err != nil {
			return err
		}
		if by.May(authz.ScopeManageWorkspace, ws) != nil {
			return errWhoIsWho
		}
		if _, err := a.oneMore(ctx, ws, user); err != nil {
			return err
		}
		if err := a.cfg.Store.AddUpstreamIdentity(ctx, i); err != nil {
			return taken(err)
		}
		return a.recordIdentity(ctx, by, ws, "identity.linked", i)
	})
	return i, err
}

// oneMore checks that a person may come to be known by one more identity, and
// returns what they are known by.
func (a *Admin) oneMore(ctx context.Context, ws authz.WorkspaceID, user authz.UserID) ([]authz.UpstreamIdentity, error) {
	// A profile is told by whoever signs a person in, and read in every
	// workspace they are in.
	elsewhere, err := a.cfg.Store.KnownElsewhereAcrossWorkspaces(ctx, a.cfg.Issuer, ws, user)
	if err != nil {
		return nil, err
	}
	if elsewhere {
		return nil, errElsewhere
	}
	held, err := a.cfg.Store.ListIdentities(ctx, a.cfg.Issuer, ws, user, maxIdentities)
	if err == nil && len(held) >= maxIdentities {
		err = errTooManyIdentities
	}
	return held, err
}

func taken(err error) error {
	if errors.Is(err, authz.ErrConflict) {
		return errIdentityTaken.Because(err)
	}
	return err
}

// named is the identity that was asked for, where the principal may say so.
func (a *Admin) named(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, user authz.UserID, in Named) (authz.UpstreamIdentity, error) {
	c, err := a.connectionOf(ctx, by, ws, in.Connection)
	if err != nil {
		return authz.UpstreamIdentity{}, err
	}
	control := func(r rune) bool { return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control) }
	switch {
	case c.Drafted():
		return authz.UpstreamIdentity{}, errNotInUse
	case !c.Has(in.Side):
		return authz.UpstreamIdentity{}, invalid("side", "is none that the connection has.")
	case in.Subject == "" || len(in.Subject) > maxSubject || !utf8.ValidString(in.Subject) || strings.ContainsFunc(in.Subject, control) || strings.TrimSpace(in.Subject) != in.Subject:
		return authz.UpstreamIdentity{}, invalid("subject", "must be 1 to 255 bytes of text, without blanks around it or control characters.")
	case in.Side == authz.SAMLSide && c.SAML.MutableSubject:
		return authz.UpstreamIdentity{}, errMutable
	}
	return authz.UpstreamIdentity{
		Issuer: a.cfg.Issuer, ConnectionID: c.ID, Side: in.Side, Subject: in.Subject, UserID: user, LinkedBy: authz.LinkedByAdmin, CreatedAt: a.cfg.Clock.Now(),
	}, nil
}

// connectionOf is a connection of the workspace about whose people the principal
// may decide.
func (a *Admin) connectionOf(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) (authz.Connection, error) {
	c, err := a.cfg.Store.GetConnection(ctx, a.cfg.Issuer, ws, id)
	if err == nil && c.State == authz.Deleted {
		err = authz.ErrNotFound
	}
	if err == nil && by.May(authz.ScopeManageWorkspace, ws) != nil {
		err = errWhoIsWho
	}
	return c, err
}

// RemoveIdentity takes an identity from a member, and ends at once the sessions
// that came by that side of the connection, with what was granted in them.
func (a *Admin) RemoveIdentity(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, user authz.UserID, id string) error {
	return a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		if err := a.mayVouch(ctx, by, ws, user); err != nil {
			return err
		}
		held, err := a.cfg.Store.ListIdentities(ctx, a.cfg.Issuer, ws, user, maxIdentities)
		if err != nil {
			return err
		}
		for _, i := range held {
			if i.ID() == id {
				return a.unlink(ctx, by, ws, i, held)
			}
		}
		return authz.ErrNotFound
	})
}

func (a *Admin) unlink(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, i authz.UpstreamIdentity, held []authz.UpstreamIdentity) error {
	c, err := a.connectionOf(ctx, by, ws, i.ConnectionID)
	if err != nil {
		return err
	}
	other := func(o authz.UpstreamIdentity) bool { return o.ConnectionID == i.ConnectionID && o.Side != i.Side }
	if len(c.Fallback.Link.OIDC) > 0 && slices.ContainsFunc(held, other) {
		return errFollows
	}
	if err := a.cfg.Store.RemoveIdentity(ctx, i); err != nil {
		return err
	}
	// Whoever had it could have a link too.
	if _, err := a.cfg.Store.RevokeJoinLinks(ctx, a.cfg.Issuer, ws, i.UserID, i.ConnectionID, i.Side); err != nil {
		return err
	}
	if err := a.cfg.Sessions.EndUpstream(ctx, authz.UpstreamEnd{
		Of:     authz.UpstreamSessions{Issuer: a.cfg.Issuer, WorkspaceID: ws, ConnectionID: i.ConnectionID, Side: i.Side, User: i.UserID},
		Reason: identityRemoved, Grants: true,
	}); err != nil {
		return err
	}
	if err := a.endOrphans(ctx, ws, i); err != nil {
		return err
	}
	return a.recordIdentity(ctx, by, ws, "identity.unlinked", i)
}

// endOrphans ends what was granted by way of the connection in sessions that are
// over: by which side they came, nobody knows any more.
func (a *Admin) endOrphans(ctx context.Context, ws authz.WorkspaceID, i authz.UpstreamIdentity) error {
	for {
		ids, err := a.cfg.Store.GrantsWithoutSession(ctx, a.cfg.Issuer, ws, i.UserID, i.ConnectionID, batch)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			ref := authz.NodeRef{Kind: authz.GrantNode, ID: string(id)}
			if _, err := a.cfg.Store.KillNode(ctx, a.cfg.Issuer, ws, ref, authz.Revoked); err != nil {
				return err
			}
		}
	}
}

func (a *Admin) recordIdentity(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, typ string, i authz.UpstreamIdentity) error {
	return a.record(ctx, by, ws, typ, string(i.UserID), map[string]any{
		"connection_id": i.ConnectionID, "side": i.Side, "identity": i.ID(), "linked_by": i.LinkedBy,
	})
}

// CreateMember makes a person and a member of somebody who is to come: they are
// recognised at their first sign-in by the identity, and by nothing else.
func (a *Admin) CreateMember(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, in NewMember) (Person, error) {
	if in.Role == "" {
		in.Role = authz.RoleMember
	}
	if err := in.check(); err != nil {
		return Person{}, err
	}
	now := a.cfg.Clock.Now()
	user := authz.User{
		ID: authz.NewUserID(), Issuer: a.cfg.Issuer, Profile: authz.Profile{Name: in.Name, Email: in.Email}, State: authz.Active, CreatedAt: now, UpdatedAt: now,
	}
	m := authz.Member{Issuer: a.cfg.Issuer, WorkspaceID: ws, UserID: user.ID, Role: in.Role, Revision: 1, CreatedAt: now}
	return Person{Member: m, Profile: user.Profile}, a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		if err := a.mayAdmit(ctx, by, ws, in); err != nil {
			return err
		}
		i, err := a.named(ctx, by, ws, user.ID, in.Named)
		if err != nil {
			return err
		}
		if err := a.cfg.Store.CreateUser(ctx, user, i); err != nil {
			return taken(err)
		}
		if err := a.cfg.Store.AddMember(ctx, m); err != nil {
			return err
		}
		if err := a.compilePerson(ctx, ws, user.ID); err != nil {
			return err
		}
		if err := a.record(ctx, by, ws, "member.created", string(user.ID), map[string]any{"role": m.Role}); err != nil {
			return err
		}
		return a.recordIdentity(ctx, by, ws, "identity.linked", i)
	})
}

func (n NewMember) check() error {
	if n.Name != "" {
		if err := clientmeta.CheckText("name", n.Name); err != nil {
			return err
		}
	}
	if n.Email != "" && (clientmeta.CheckText("email", n.Email) != nil || !strings.Contains(n.Email, "@")) {
		return invalid("email", "must be an e-mail address.")
	}
	return nil
}

// mayAdmit checks that the principal may make such a member.
func (a *Admin) mayAdmit(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, in NewMember) error {
	if by.Environment != "" && !by.Platform() {
		return errEnvironment
	}
	if err := authz.PersonIsFresh(by, a.cfg.Clock.Now()); err != nil {
		return err
	}
	r, err := a.roleOf(ctx, ws, in.Role)
	if err != nil {
		return notThere("role", err)
	}
	if err := a.hasRoom(ctx, ws, r); err != nil {
		return err
	}
	if err := a.mayGive(ctx, by, ws, r, ""); err != nil || in.Email == "" {
		return err
	}
	has, err := a.cfg.Store.MemberHasEmail(ctx, a.cfg.Issuer, ws, in.Email)
	if err == nil && has {
		return authz.NewError(authz.Conflict, "email_taken", "A member has this address: name the identity of theirs instead, if it is the same person.")
	}
	return err
}
