package login

import (
	"context"
	"net/http"
	"net/url"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/federation"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// JoinURL is where a join link leads, at the issuer of that URL.
func JoinURL(issuer string, token authz.Secret) string {
	return issuer + "/join?" + url.Values{"token": {token.Reveal()}}.Encode()
}

// joinParameter marks a stored request that follows a join link: it has no client.
const joinParameter = "join_link"

var (
	errJoinLink     = pageError(authz.Invalid, admin.ErrJoinLink.Code, admin.ErrJoinLink.Description)
	errSomebodyHere = pageError(authz.Forbidden, "another_person", "Somebody else is signed in in this browser. The link is for another person: nothing was joined.")
)

func joinPending(id authz.JoinLinkID, row authz.AuthorizationRequest) *pending {
	request := &oauth.AuthorizationRequest{ID: row.ID, ArrivedAt: row.ArrivedAt, Prompt: []string{"login"}}
	return &pending{request: request, row: row, joining: id}
}

// ShowJoin serves GET /join: a link that an administrator made for one member
// and one side of one connection. To look uses nothing up, as scanners of mail
// follow links.
func (f *Flow) ShowJoin(w http.ResponseWriter, r *http.Request) error {
	token := onlyValue(r.URL.Query()["token"])
	l, c, err := f.openJoinLink(r, token)
	if err != nil {
		return err
	}
	user, err := f.cfg.Store.GetUserAcrossWorkspaces(r.Context(), f.issuer, l.UserID)
	if err != nil {
		return err
	}
	workspace, err := f.cfg.Store.GetWorkspace(r.Context(), f.issuer, l.WorkspaceID)
	if err != nil {
		return err
	}
	return f.cfg.Pages.Write(w, http.StatusOK, ui.JoinPage, map[string]any{
		"Person": nameOf(user), "Workspace": workspace.Name, "Connection": c.Name, "Provider": providerOf(c, l.Side), "Token": token,
	})
}

// openJoinLink is the link of a token, and where it leads, in a browser in which
// nobody else is signed in.
func (f *Flow) openJoinLink(r *http.Request, token string) (authz.JoinLink, authz.Connection, error) {
	ctx := r.Context()
	l, err := f.cfg.Members.OpenJoinLink(ctx, authz.Secret(token))
	if authz.CodeOf(err) == errJoinLink.Code {
		err = f.refuseAs(ctx, "identity.link_refused", nil, authz.Connection{}, errJoinLink.Code, errJoinLink)
	}
	if err != nil {
		return l, authz.Connection{}, err
	}
	c, err := f.cfg.Store.GetConnectionAcrossWorkspaces(ctx, f.issuer, l.ConnectionID)
	if err != nil {
		return l, c, err
	}
	if err := f.nobodyElse(r, l); err != nil {
		return l, c, f.linkRefused(ctx, joinPending(l.ID, authz.AuthorizationRequest{}), arrival{connection: c, side: l.Side}, err)
	}
	return l, c, nil
}

// nobodyElse refuses a link in the browser of somebody whom it is not for: their
// sign-in at the other side would become the member's.
func (f *Flow) nobodyElse(r *http.Request, l authz.JoinLink) error {
	s, _, err := f.session(r)
	if err == nil && s.ID != "" && s.UserID != l.UserID {
		err = errSomebodyHere
	}
	return err
}

// SubmitJoin serves POST /join: the person goes to the side that is to know
// them, and signs in there anew.
func (f *Flow) SubmitJoin(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	l, c, err := f.openJoinLink(r, r.PostForm.Get("token"))
	if err != nil {
		return err
	}
	now := f.cfg.Clock.Now()
	p := joinPending(l.ID, authz.AuthorizationRequest{
		ID: authz.NewID("ar"), Issuer: f.issuer, BrowserDigest: authz.Digest(f.browser(w, r)),
		Parameters: url.Values{joinParameter: {string(l.ID)}}.Encode(),
		ArrivedAt:  now, ExpiresAt: now.Add(linkFresh), State: authz.Active,
	})
	p.drafted = true
	return f.depart(w, r, p, c, "", federation.Choice{Side: l.Side})
}

// joinArrived shows who came back by a join link, and asks whether it is who the
// link is for.
func (f *Flow) joinArrived(w http.ResponseWriter, r *http.Request, p *pending, a arrival) error {
	ctx := r.Context()
	var l authz.JoinLink
	err := f.cfg.Store.InTx(ctx, func(ctx context.Context) (err error) {
		l, err = f.admitted(ctx, r, p, a)
		return err
	})
	if err != nil {
		return f.linkRefused(ctx, p, a, err)
	}
	return f.askWhetherThem(w, r, p, a, l.UserID, "/join/confirm")
}

// admitted is the link that an arrival follows, looked at anew: it is good, leads
// where they come from, and who they are is nobody's yet.
func (f *Flow) admitted(ctx context.Context, r *http.Request, p *pending, a arrival) (authz.JoinLink, error) {
	l, err := f.cfg.Members.AdmitByLink(ctx, a.connection.WorkspaceID, p.joining)
	if authz.CodeOf(err) == errJoinLink.Code {
		err = errJoinLink.Because(err)
	}
	switch {
	case err != nil:
		return l, err
	case l.ConnectionID != a.connection.ID || l.Side != a.side || a.fallback.Interim():
		return l, errJoinLink
	}
	if err := f.nobodyElse(r.WithContext(ctx), l); err != nil {
		return l, err
	}
	return l, f.nobodysYet(ctx, a, l.UserID)
}

// ConfirmJoin serves POST /join/confirm: whoever came by the link says that who
// came back is them. It makes no session: they sign in as ever, now by either
// side.
func (f *Flow) ConfirmJoin(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	ctx := r.Context()
	p, a, err := f.saidToBe(r)
	if err != nil {
		return err
	}
	if p.joining == "" {
		return errRequestGone
	}
	err = f.cfg.Store.InTx(ctx, func(ctx context.Context) error { return f.joinByLink(ctx, r, p, a) })
	if err != nil {
		return f.linkRefused(ctx, p, a, err)
	}
	return f.cfg.Pages.Write(w, http.StatusOK, ui.LinkPage, map[string]any{"Connection": a.connection.Name, "Joined": true, "ByLink": true})
}

func (f *Flow) joinByLink(ctx context.Context, r *http.Request, p *pending, a arrival) error {
	l, err := f.admitted(ctx, r, p, a)
	if err != nil {
		return err
	}
	if err := f.said(ctx, p); err != nil {
		return err
	}
	err = f.cfg.Members.JoinByLink(ctx, l, f.joining(a, l.UserID, authz.LinkedByInvite))
	switch authz.KindOf(err) {
	case authz.Conflict:
		return errLinkTaken.Because(err)
	case authz.Invalid:
		return errJoinLink.Because(err)
	}
	return err
}
