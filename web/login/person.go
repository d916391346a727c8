package login

import (
	"context"
	"errors"
	"reflect"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// errLinkConflict says that somebody unknown comes with the address of a
// member: they may be the same person or not, which an administrator knows.
var errLinkConflict = errors.New("login: the e-mail address is another member's")

// person returns the member behind the identity: by connection, side and
// subject, or by the name that both sides of the connection tell; never by
// e-mail.
func (f *Flow) person(ctx context.Context, a arrival) (authz.User, error) {
	c := a.connection
	user, link, member, err := f.cfg.Store.UserByUpstream(ctx, f.issuer, c.WorkspaceID, c.ID, a.side, a.identity.Subject)
	switch {
	case errors.Is(err, authz.ErrNotFound):
		return f.stranger(ctx, a)
	case err != nil:
		return authz.User{}, err
	case user.State != authz.Active || !member:
		return authz.User{}, errNoMembership
	}
	if told := linkOf(a); told != link && told != ([32]byte{}) {
		if err := f.cfg.Store.SetUpstreamLink(ctx, f.identity(a, user.ID, "")); err != nil {
			return authz.User{}, err
		}
	}
	return f.refreshed(ctx, a, user)
}

// refreshed is the person with what the upstream tells of them now. To write
// down that they came holds the identity: one that is being taken from them is
// gone first, or takes the session that is being made with it.
func (f *Flow) refreshed(ctx context.Context, a arrival, user authz.User) (authz.User, error) {
	err := f.cfg.Store.TouchUpstreamIdentity(ctx, f.issuer, a.connection.ID, a.side, a.identity.Subject, f.cfg.Clock.Now())
	if errors.Is(err, authz.ErrNotFound) {
		return authz.User{}, errNoMembership
	}
	if err != nil {
		return authz.User{}, err
	}
	if err := f.keepGroups(ctx, a, user.ID); err != nil {
		return authz.User{}, err
	}
	profile := profileOf(a.identity)
	if a.side == authz.SAMLSide {
		profile = merged(user.Profile, profile)
	}
	if reflect.DeepEqual(user.Profile, profile) {
		return user, nil
	}
	user.Profile = profile
	return user, f.cfg.Store.UpdateUserProfile(ctx, f.issuer, user.ID, profile, f.cfg.Clock.Now())
}

// merged is a profile with what a directory of SAML tells, which is little: what
// it has no word for stays. An address stays verified while it is the same one.
func merged(held, told authz.Profile) authz.Profile {
	if told.Email != "" && !strings.EqualFold(told.Email, held.Email) {
		held.EmailVerified = false
	}
	for to, from := range map[*string]string{
		&held.Name: told.Name, &held.GivenName: told.GivenName, &held.FamilyName: told.FamilyName,
		&held.PreferredUsername: told.PreferredUsername, &held.Email: told.Email,
	} {
		if from != "" {
			*to = from
		}
	}
	return held
}

// stranger is somebody whom this side tells of for the first time: a member
// whom the other side knows by the same name, or a new one.
func (f *Flow) stranger(ctx context.Context, a arrival) (authz.User, error) {
	link := linkOf(a)
	if link == ([32]byte{}) {
		return f.newPerson(ctx, a)
	}
	id, err := f.cfg.Store.UserByLink(ctx, f.issuer, a.connection.ID, link)
	switch {
	case errors.Is(err, authz.ErrNotFound):
		return f.newPerson(ctx, a)
	case errors.Is(err, authz.ErrConflict):
		return authz.User{}, errLinkConflict
	case err != nil:
		return authz.User{}, err
	}
	user, err := f.cfg.Store.GetUserAcrossWorkspaces(ctx, f.issuer, id)
	if err != nil {
		return authz.User{}, err
	}
	_, err = f.cfg.Store.GetMember(ctx, f.issuer, a.connection.WorkspaceID, id)
	if errors.Is(err, authz.ErrNotFound) || err == nil && user.State != authz.Active {
		return authz.User{}, errNoMembership
	}
	if err != nil {
		return authz.User{}, err
	}
	if err := f.cfg.Store.AddUpstreamIdentity(ctx, f.identity(a, id, authz.LinkedByKey)); err != nil {
		return authz.User{}, err
	}
	return user, f.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
		Issuer: f.issuer, WorkspaceID: a.connection.WorkspaceID, Time: f.cfg.Clock.Now(), Type: "identity.linked", Result: authz.Success,
		Actor: string(id), Target: string(a.connection.ID), Details: map[string]any{"side": a.side, "linked_by": authz.LinkedByKey},
	}.From(authz.OriginFrom(ctx)))
}

// newPerson makes a person and a member.
func (f *Flow) newPerson(ctx context.Context, a arrival) (authz.User, error) {
	if err := f.unclaimed(ctx, a); err != nil {
		return authz.User{}, err
	}
	if !joins(a) {
		return authz.User{}, errNoMembership
	}
	user, err := f.createPerson(ctx, a)
	if err != nil {
		return authz.User{}, err
	}
	member := authz.Member{Issuer: f.issuer, WorkspaceID: a.connection.WorkspaceID, UserID: user.ID, Role: authz.RoleMember, CreatedAt: user.CreatedAt}
	return user, f.cfg.Store.AddMember(ctx, member)
}

// unclaimed checks that no member has the address of somebody new.
func (f *Flow) unclaimed(ctx context.Context, a arrival) error {
	if a.identity.Email == "" {
		return nil
	}
	taken, err := f.cfg.Store.MemberHasEmail(ctx, f.issuer, a.connection.WorkspaceID, a.identity.Email)
	if err == nil && taken {
		return errLinkConflict
	}
	return err
}

func (f *Flow) createPerson(ctx context.Context, a arrival) (authz.User, error) {
	now := f.cfg.Clock.Now()
	user := authz.User{
		ID: authz.NewUserID(), Issuer: f.issuer, Profile: profileOf(a.identity), State: authz.Active, CreatedAt: now, UpdatedAt: now,
	}
	return user, f.cfg.Store.CreateUser(ctx, user, f.identity(a, user.ID, authz.LinkedBySignIn))
}

// identity is what the side calls the person.
func (f *Flow) identity(a arrival, user authz.UserID, by authz.LinkedBy) authz.UpstreamIdentity {
	now := f.cfg.Clock.Now()
	i := authz.UpstreamIdentity{
		Issuer: f.issuer, ConnectionID: a.connection.ID, Side: a.side, Subject: a.identity.Subject, Link: linkOf(a), UserID: user, LinkedBy: by,
		CreatedAt: now, LastLoginAt: now,
	}
	// Of too much, no part is kept: which one would be chance.
	if routed := a.connection.Fallback.Routed(a.identity.Groups); !a.fallback.Interim() && !tooMuch(routed) {
		i.Groups = routed
	}
	return i
}

// linkOf is a digest of the name that both sides tell; all zero for none.
func linkOf(a arrival) [32]byte {
	if a.identity.Link == "" {
		return [32]byte{}
	}
	return authz.Digest("link\x00" + a.identity.Link)
}
