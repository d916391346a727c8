package login

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// visitor is who leaves for a side, for the rules: the address they gave, and
// the groups of the person of this browser's session, be it over, as our own
// records have them. Nobody is looked up by an address: where it leads would
// tell whether there is somebody with it, and their groups.
func (f *Flow) visitor(r *http.Request, p *pending, c authz.Connection, email string) (authz.Visitor, error) {
	v := authz.Visitor{Email: email}
	cookie := f.readCookie(r, sessionCookie)
	if cookie == "" || !c.Fallback.ByGroup() || p.request.Prompts("select_account") {
		return v, nil
	}
	ctx := r.Context()
	s, _, err := f.cfg.Store.SessionByDigestAcrossWorkspaces(ctx, f.issuer, authz.Digest(cookie))
	if err != nil || s.WorkspaceID != c.WorkspaceID {
		return v, unlessNotFound(err)
	}
	if email != "" { // it may be another's browser by now
		user, err := f.cfg.Store.GetUserAcrossWorkspaces(ctx, f.issuer, s.UserID)
		if err != nil || !strings.EqualFold(user.Profile.Email, email) {
			return v, unlessNotFound(err)
		}
	}
	held, err := f.cfg.Store.ListIdentities(ctx, f.issuer, c.WorkspaceID, s.UserID, maxIdentities)
	v.Groups = authz.GroupsAt(c.ID, held, f.cfg.Clock.Now())
	return v, err
}

// onward sends somebody who came on to the other side, once, where a rule by
// group leads there, or led here and is not about who came. It reports whether
// it did.
func (f *Flow) onward(w http.ResponseWriter, r *http.Request, p *pending, a arrival) (bool, error) {
	c, ctx := a.connection, r.Context()
	if a.onward || a.fallback.Interim() || !c.Fallback.ByGroup() {
		return false, nil
	}
	if _, err := f.routed(ctx, a); !errors.Is(err, errOtherSide) {
		return false, err
	}
	visitor, err := f.came(ctx, a)
	if err != nil {
		return false, err
	}
	choice, err := f.cfg.Choose(ctx, c, visitor)
	if err != nil || choice.Side == a.side || choice.Route.Group == "" && !a.byGroup {
		return false, err
	}
	if err := f.cfg.Store.InTx(ctx, func(ctx context.Context) error { return f.keepOnward(ctx, p, a, choice.Route) }); err != nil {
		return false, err
	}
	// What was asked here is asked there: the session will be judged by that leg.
	p.onward, p.demands = true, &p.asked
	return true, f.depart(w, r, p, c, visitor.Email, choice)
}

// keepOnward remembers the groups of who is sent on, by which they are let in at
// the other side, and that they were sent. Of who would be let in by neither,
// nothing is remembered.
func (f *Flow) keepOnward(ctx context.Context, p *pending, a arrival, by authz.Route) error {
	user, err := f.behind(ctx, a)
	if err != nil {
		return err
	}
	belongs, err := f.belongs(ctx, p, a, user)
	if err != nil {
		return err
	}
	if a.side == authz.OIDCSide && belongs {
		err := f.cfg.Store.TouchUpstreamIdentity(ctx, f.issuer, a.connection.ID, a.side, a.identity.Subject, f.cfg.Clock.Now())
		if err == nil {
			err = f.keepGroups(ctx, a, user.ID)
		}
		if unlessNotFound(err) != nil {
			return err
		}
	}
	return f.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
		Issuer: f.issuer, WorkspaceID: a.connection.WorkspaceID, Time: f.cfg.Clock.Now(), Type: "login.sent_on", Result: authz.Success,
		Actor: string(user.ID), Target: string(a.connection.ID), Details: map[string]any{"side": a.side, "group": by.Group},
	}.From(authz.OriginFrom(ctx)))
}

// belongs reports whether the person is a member in good standing, or comes by an
// invitation that would make them one.
func (f *Flow) belongs(ctx context.Context, p *pending, a arrival, user authz.User) (bool, error) {
	if user.State != authz.Active {
		return false, nil
	}
	ws := a.connection.WorkspaceID
	_, err := f.cfg.Store.GetMember(ctx, f.issuer, ws, user.ID)
	if !errors.Is(err, authz.ErrNotFound) || p.invited == "" {
		return err == nil, unlessNotFound(err)
	}
	_, err = f.cfg.Members.Admit(ctx, ws, p.invited, a.identity.Email)
	if authz.CodeOf(err) == errInvitation.Code {
		return false, nil
	}
	return err == nil, err
}

// keepGroups remembers what an identity tells of groups, for the rules. A
// sign-in that stands in for another says nothing of them.
func (f *Flow) keepGroups(ctx context.Context, a arrival, user authz.UserID) error {
	if !a.connection.Fallback.ByGroup() || a.fallback.Interim() {
		return nil
	}
	return f.cfg.Store.SetUpstreamGroups(ctx, f.identity(a, user, ""))
}
