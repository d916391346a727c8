package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientdoc"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// askConsent sends the browser to the consent page of the stored request.
func (f *Flow) askConsent(w http.ResponseWriter, r *http.Request, p *pending) error {
	if err := f.store(w, r, p); err != nil {
		return err
	}
	return seeOther(w, r, "/consent?"+url.Values{"request": {p.row.ID}}.Encode())
}

// required scopes are not for the person to leave out: without openid the
// request is another one.
func requiredScope(scope string) bool { return scope == "openid" }

type scopeView struct {
	Name, Description string
	Required          bool
}

// ShowConsent serves GET /consent.
func (f *Flow) ShowConsent(w http.ResponseWriter, r *http.Request) error {
	p, session, _, err := f.consenting(r, r.URL.Query().Get("request"))
	if err != nil {
		return err
	}
	user, err := f.cfg.Store.GetUserAcrossWorkspaces(r.Context(), f.issuer, session.UserID)
	if err != nil {
		return err
	}
	workspace, err := f.cfg.Store.GetWorkspace(r.Context(), f.issuer, session.WorkspaceID)
	if err != nil {
		return err
	}
	known, err := f.cfg.OAuth.Scopes(r.Context())
	if err != nil {
		return err
	}
	scopes := scopeViews(known, p.request.Scopes)
	if p.request.Device != nil {
		return f.showDeviceConsent(w, r, p, scopes, nameOf(user), workspace.Name)
	}
	origin := originOf(p.request.RedirectURI)
	return f.cfg.Pages.Write(w, http.StatusOK, ui.ConsentPage, map[string]any{
		"Client": p.request.Client.Name, "Request": p.row.ID, "Person": nameOf(user), "Workspace": workspace.Name,
		"Scopes": scopes, "ReturnsTo": origin, "PublishedAt": publishedAt(p.request.Client),
		"Claims": p.request.ClaimsBeyond(), "Details": f.cfg.OAuth.DetailViews(p.request), "Resources": f.cfg.OAuth.ResourceNames(p.request),
	}, origin)
}

// SubmitConsent serves POST /consent.
func (f *Flow) SubmitConsent(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	p, session, account, err := f.consenting(r, r.PostForm.Get("request"))
	if err != nil {
		return err
	}
	if r.PostForm.Get("decision") != "allow" {
		return f.deny(w, r, p, session)
	}
	chosen := make([]string, 0, len(p.request.Scopes))
	for _, scope := range p.request.Scopes {
		if requiredScope(scope) || slices.Contains(r.PostForm["scope"], scope) {
			chosen = append(chosen, scope)
		}
	}
	if len(chosen) == 0 && len(p.request.Details) == 0 {
		return f.deny(w, r, p, session)
	}
	return f.approve(w, r, p, oauth.Approval{Session: session, AccountID: account, Scopes: chosen, Remember: len(chosen) > 0})
}

// deny ends the request and tells the client.
func (f *Flow) deny(w http.ResponseWriter, r *http.Request, p *pending, s authz.Session) error {
	err := f.cfg.Store.InTx(r.Context(), func(ctx context.Context) error {
		if err := f.cfg.Store.ConsumeAuthorizationRequest(ctx, f.issuer, p.row.ID); err != nil {
			return err
		}
		if p.request.Device != nil {
			if err := f.cfg.OAuth.DenyDevice(ctx, p.request); err != nil {
				return err
			}
		}
		return f.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
			Issuer: f.issuer, WorkspaceID: s.WorkspaceID, Time: f.cfg.Clock.Now(), Type: "consent.denied",
			Result: authz.Refused, Reason: "access_denied", Actor: string(s.UserID), Target: string(p.request.Client.ID),
		}.From(authz.OriginFrom(ctx)))
	})
	if errors.Is(err, authz.ErrConsumed) {
		return errRequestGone
	}
	if err != nil {
		return err
	}
	if p.request.Device != nil {
		return f.deviceDone(w, "denied")
	}
	return f.cfg.OAuth.Deny(r.Context(), p.request)
}

var errSignedOut = pageError(authz.Expired, "signed_out", "You were signed out meanwhile. Go back to the application and start again.")

// consenting resumes a request whose person is signed in.
func (f *Flow) consenting(r *http.Request, id string) (*pending, authz.Session, authz.AccountID, error) {
	p, err := f.resume(r.Context(), r, id)
	if err != nil {
		return nil, authz.Session{}, "", err
	}
	session, account, err := f.session(r)
	if err != nil {
		return nil, authz.Session{}, "", err
	}
	if signIn, refused := f.lacks(p, session); signIn || refused != nil {
		return nil, authz.Session{}, "", errSignedOut
	}
	decision, err := f.cfg.OAuth.Ask(r.Context(), p.request, oauth.Approval{Session: session, AccountID: account, Scopes: p.request.Scopes})
	if err != nil {
		return nil, authz.Session{}, "", err
	}
	if decision.Refusal != nil { // while the person was reading
		return nil, authz.Session{}, "", f.cfg.OAuth.Withhold(r.Context(), p.request, decision, toldClient(decision.Refusal))
	}
	p.request.Narrow(decision.Scopes)
	return p, session, account, nil
}

func scopeViews(known *authz.Scopes, scopes []string) []scopeView {
	views := make([]scopeView, 0, len(scopes))
	for _, scope := range scopes {
		view := scopeView{Name: scope, Description: scope, Required: requiredScope(scope)}
		if found, ok := known.Find(authz.ClientScope, scope); ok && found.Description != "" {
			view.Description = found.Description
		}
		views = append(views, view)
	}
	return views
}

// originOf is what a browser compares with form-action: the origin of an http
// URI, the scheme of a private-use one.
func originOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return "'none'"
	}
	if u.Host == "" {
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

// publishedAt is the host of a client's document: its name is its own to
// choose, its host is not.
func publishedAt(c authz.Client) string {
	if c.Metadata.Registration != authz.RegisteredByDocument {
		return ""
	}
	return clientdoc.Host(string(c.ID))
}

func nameOf(u authz.User) string {
	for _, name := range []string{u.Profile.Name, u.Profile.PreferredUsername, u.Profile.Email} {
		if name != "" {
			return name
		}
	}
	return string(u.ID)
}
