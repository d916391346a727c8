package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// InvitationURL is the link to join by, at the issuer of that URL.
func InvitationURL(issuer string, token authz.Secret) string {
	return issuer + "/invitation?" + url.Values{"token": {token.Reveal()}}.Encode()
}

// errInvitation is the one page for every invitation that lets nobody in:
// unknown, used, ended, over, of a workspace that is suspended, or another
// person's.
var errInvitation = pageError(authz.Invalid, "invalid_invitation",
	"The invitation is not good, or not any more, or is for somebody else. Ask whoever invited you for a new one.")

// invitationParameter marks a stored request that follows an invitation: it has
// no client.
const invitationParameter = "invitation"

// ShowInvitation serves GET /invitation: the link that somebody was sent. To
// look uses nothing up, as scanners of mail follow links.
func (f *Flow) ShowInvitation(w http.ResponseWriter, r *http.Request) error {
	token := onlyValue(r.URL.Query()["token"])
	_, workspace, err := f.openInvitation(r.Context(), token)
	if err != nil {
		return err
	}
	inviting, err := f.inviting(r.Context(), workspace.ID)
	if err != nil {
		return err
	}
	return f.cfg.Pages.Write(w, http.StatusOK, ui.InvitationPage, map[string]any{
		"Workspace": workspace.Name, "Token": token, "Connections": inviting,
	})
}

func (f *Flow) openInvitation(ctx context.Context, token string) (authz.Invitation, authz.Workspace, error) {
	i, workspace, err := f.cfg.Members.OpenInvitation(ctx, authz.Secret(token))
	if authz.CodeOf(err) == errInvitation.Code {
		err = f.refuseAs(ctx, "invitation.refused", nil, authz.Connection{}, errInvitation.Code, errInvitation)
	}
	return i, workspace, err
}

// inviting are the connections by which somebody new may join the workspace.
func (f *Flow) inviting(ctx context.Context, ws authz.WorkspaceID) ([]authz.Connection, error) {
	all, err := f.cfg.Store.ListConnections(ctx, f.issuer, ws)
	if err != nil {
		return nil, err
	}
	var some []authz.Connection
	for _, c := range all {
		if c.State == authz.Active && c.JIT != authz.JITOff {
			some = append(some, c)
		}
	}
	if len(some) == 0 {
		return nil, pageError(authz.Forbidden, "no_connection", "The workspace has no sign-in by which somebody new could join yet. Tell whoever invited you.")
	}
	return some, nil
}

// SubmitInvitation serves POST /invitation: the person goes to the workspace's
// own sign-in. The invitation is used when they come back as who was invited.
func (f *Flow) SubmitInvitation(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	ctx, now := r.Context(), f.cfg.Clock.Now()
	i, workspace, err := f.openInvitation(ctx, r.PostForm.Get("token"))
	if err != nil {
		return err
	}
	inviting, err := f.inviting(ctx, workspace.ID)
	if err != nil {
		return err
	}
	for _, c := range inviting {
		if string(c.ID) != r.PostForm.Get("connection") {
			continue
		}
		choice, err := f.cfg.Choose(ctx, c, authz.Visitor{Email: i.Email})
		if err != nil {
			return err
		}
		if choice.Reason.Interim() { // an outage makes no accounts
			return errUpstreamAway
		}
		p := invitedPending(i.ID, authz.AuthorizationRequest{
			ID: authz.NewID("ar"), Issuer: f.issuer, BrowserDigest: authz.Digest(f.browser(w, r)),
			Parameters: url.Values{invitationParameter: {string(i.ID)}}.Encode(),
			ArrivedAt:  now, ExpiresAt: now.Add(requestLife), State: authz.Active,
		})
		p.drafted = true
		return f.depart(w, r, p, c, i.Email, choice)
	}
	return errInvitation
}

func invitedPending(id authz.InvitationID, row authz.AuthorizationRequest) *pending {
	return &pending{request: &oauth.AuthorizationRequest{ID: row.ID, ArrivedAt: row.ArrivedAt}, row: row, invited: id}
}

// clientless is a stored request that no client made: a test sign-in, one that
// follows an invitation or a join link, or one that joins another side to
// somebody.
func clientless(row authz.AuthorizationRequest) (*pending, error) {
	params, err := url.ParseQuery(row.Parameters)
	switch {
	case err != nil:
		return nil, err
	case params.Has(testParameter):
		return testOf(row, params)
	case params.Has(linkingParameter):
		return linkingOf(row, params)
	case params.Has(joinParameter):
		return joinPending(authz.JoinLinkID(params.Get(joinParameter)), row), nil
	case params.Has(invitationParameter):
		return invitedPending(authz.InvitationID(params.Get(invitationParameter)), row), nil
	}
	return nil, errRequestGone
}

// whoever is the person behind an identity: a member, or who was invited.
func (f *Flow) whoever(ctx context.Context, p *pending, a arrival) (authz.User, error) {
	if p.invited == "" {
		return f.person(ctx, a)
	}
	if a.connection.JIT == authz.JITOff || a.fallback.Interim() { // since they left for the upstream
		return authz.User{}, errInvitation
	}
	i, err := f.cfg.Members.Admit(ctx, a.connection.WorkspaceID, p.invited, a.identity.Email)
	if err != nil {
		return authz.User{}, err
	}
	user, _, member, err := f.cfg.Store.UserByUpstream(ctx, f.issuer, a.connection.WorkspaceID, a.connection.ID, a.side, a.identity.Subject)
	switch {
	case errors.Is(err, authz.ErrNotFound):
		if user, member, err = f.invitedStranger(ctx, a); err != nil {
			return authz.User{}, err
		}
	case err != nil:
		return authz.User{}, err
	case user.State != authz.Active:
		return authz.User{}, errNoMembership
	default:
		if user, err = f.refreshed(ctx, a, user); err != nil {
			return authz.User{}, err
		}
	}
	if member { // and stays what they are; the invitation is nobody else's
		return user, nil
	}
	_, err = f.cfg.Members.Join(ctx, i, user.ID)
	return user, err
}

// invitedStranger is somebody invited whom this side tells of for the first
// time: a member whom the other side knows, or a new person, of no workspace yet.
func (f *Flow) invitedStranger(ctx context.Context, a arrival) (user authz.User, member bool, err error) {
	if link := linkOf(a); link != ([32]byte{}) {
		_, err := f.cfg.Store.UserByLink(ctx, f.issuer, a.connection.ID, link)
		if !errors.Is(err, authz.ErrNotFound) {
			user, err = f.stranger(ctx, a)
			return user, true, err
		}
	}
	if err := f.unclaimed(ctx, a); err != nil {
		return authz.User{}, false, err
	}
	user, err = f.createPerson(ctx, a)
	return user, false, err
}

// joined signs in who was invited, and tells them where they are.
func (f *Flow) joined(w http.ResponseWriter, r *http.Request, p *pending, a arrival) error {
	workspace, err := f.cfg.Store.GetWorkspace(r.Context(), f.issuer, a.connection.WorkspaceID)
	if err != nil {
		return err
	}
	used := func(ctx context.Context, _ authz.Session, _ authz.Lineage) error {
		return f.cfg.Store.ConsumeAuthorizationRequest(ctx, f.issuer, p.row.ID)
	}
	if err := f.welcome(w, r, p, a, used); err != nil {
		return err
	}
	return f.cfg.Pages.Write(w, http.StatusOK, ui.InvitationPage, map[string]any{"Workspace": workspace.Name, "Joined": true})
}
