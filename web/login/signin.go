package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// signIn finds the one connection that can sign this person in, or asks.
func (f *Flow) signIn(w http.ResponseWriter, r *http.Request, p *pending) error {
	connections, err := f.candidates(r.Context(), p, p.request.LoginHint)
	if err != nil {
		return err
	}
	if len(connections) == 1 && !p.request.Prompts("select_account") {
		return f.signInAt(w, r, p, connections[0], p.request.LoginHint)
	}
	if err := f.store(w, r, p); err != nil {
		return err
	}
	return f.showSignIn(w, http.StatusOK, p, connections, p.request.LoginHint, "")
}

// candidates are the connections a person may sign in by: the one their e-mail
// domain routes to, or all of the client's workspace.
func (f *Flow) candidates(ctx context.Context, p *pending, email string) ([]authz.Connection, error) {
	if domain := authz.EmailDomain(email); domain != "" {
		c, err := f.cfg.Connections.ByDomain(ctx, domain)
		switch {
		case err == nil && c.State == authz.Active && (p.request.Client.Platform() || c.WorkspaceID == p.request.Client.WorkspaceID):
			return []authz.Connection{c}, nil
		case err != nil && !errors.Is(err, authz.ErrNotFound):
			return nil, err
		}
	}
	if p.request.Client.Platform() {
		return nil, nil
	}
	all, err := f.cfg.Store.ListConnections(ctx, f.issuer, p.request.Client.WorkspaceID)
	if err != nil {
		return nil, err
	}
	active := make([]authz.Connection, 0, len(all))
	for _, c := range all {
		if c.State == authz.Active {
			active = append(active, c)
		}
	}
	if len(active) == 0 {
		return nil, pageError(authz.Forbidden, "no_connection", "No sign-in has been set up for this workspace yet. Its administrator can connect an identity provider.")
	}
	return active, nil
}

type connectionView struct{ ID, Name, Href string }

func (f *Flow) showSignIn(w http.ResponseWriter, status int, p *pending, connections []authz.Connection, email, problem string) error {
	views := make([]connectionView, 0, len(connections))
	for _, c := range connections {
		query := url.Values{"request": {p.row.ID}, "connection": {string(c.ID)}}
		views = append(views, connectionView{ID: string(c.ID), Name: c.Name, Href: "/signin?" + query.Encode()})
	}
	return f.cfg.Pages.Write(w, status, ui.SignInPage, map[string]any{
		"Client": p.request.Client.Name, "Request": p.row.ID, "Connections": views, "Email": email, "Problem": problem,
		"PublishedAt": publishedAt(p.request.Client),
	})
}

// ChooseConnection serves GET /signin: a link of the chooser, or the page again.
func (f *Flow) ChooseConnection(w http.ResponseWriter, r *http.Request) error {
	p, err := f.resume(r.Context(), r, r.URL.Query().Get("request"))
	if err != nil {
		return err
	}
	connections, err := f.candidates(r.Context(), p, "")
	if err != nil {
		return err
	}
	chosen := authz.ConnectionID(r.URL.Query().Get("connection"))
	for _, c := range connections {
		if c.ID == chosen {
			return f.signInAt(w, r, p, c, "")
		}
	}
	return f.showSignIn(w, http.StatusOK, p, connections, "", "")
}

// SubmitEmail serves POST /signin: the e-mail address names the connection.
func (f *Flow) SubmitEmail(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	p, err := f.resume(r.Context(), r, r.PostForm.Get("request"))
	if err != nil {
		return err
	}
	email := strings.TrimSpace(r.PostForm.Get("email"))
	connections, err := f.candidates(r.Context(), p, email)
	if err != nil {
		return err
	}
	if len(connections) != 1 {
		return f.showSignIn(w, http.StatusOK, p, connections, email, "No sign-in is set up for this address. Check the spelling, or ask your administrator.")
	}
	return f.signInAt(w, r, p, connections[0], email)
}

// upstreamPrompt passes on what the upstream must do for us: our own session
// is not enough when the client asks for a fresh sign-in.
func upstreamPrompt(p *pending) string {
	switch {
	case p.request.Prompts("login"), p.request.MaxAge != nil && *p.request.MaxAge == 0:
		return "login"
	case p.request.Prompts("select_account"):
		return "select_account"
	}
	return ""
}
