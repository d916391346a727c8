package login

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/session"
	"github.com/gatehouse-auth/gatehouse/idp"
)

var (
	errLogoutToken = authz.NewError(authz.Invalid, "invalid_request", "The logout token is not acceptable.")
	errLogoutAway  = authz.NewError(authz.Unavailable, "temporarily_unavailable", "The logout token could not be verified now.")
)

// BackChannelLogout serves POST /oidc/{upstream}/backchannel-logout: an OpenID
// provider tells that sessions have ended there (OpenID Connect Back-Channel
// Logout section 2.5). What is wrong with a token is told to the administrators
// of the connection alone.
func (f *Flow) BackChannelLogout(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	if err := readForm(r); err != nil {
		return err
	}
	c, rp, err := f.relyingParty(r)
	if err != nil {
		return err
	}
	raw := onlyValue(r.PostForm["logout_token"])
	if raw == "" {
		return f.logoutRefused(ctx, c, idp.Refuse(idp.ReasonLogoutToken, errors.New("not one logout_token")))
	}
	token, err := rp.LogoutToken(ctx, raw)
	if err != nil {
		return f.logoutRefused(ctx, c, err)
	}
	err = f.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		// In the transaction that ends the sessions: a token whose sessions could
		// not be ended may come again.
		id := authz.Digest(strings.Join([]string{"logout token", string(f.issuer), string(c.ID), token.ID}, "\x00"))
		err := f.cfg.Store.UseOnce(ctx, f.issuer, id, token.Until)
		if errors.Is(err, authz.ErrConsumed) {
			return idp.Refuse(idp.ReasonReplay, errors.New("the jti was used before"))
		}
		if err != nil {
			return err
		}
		return f.endUpstreamSessions(ctx, c, authz.OIDCSide, token.Subject, present(token.SessionID))
	})
	if err != nil {
		return f.logoutRefused(ctx, c, err)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return nil
}

// logoutRefused records why a logout token was refused, and tells its sender no
// more than whether to come again.
func (f *Flow) logoutRefused(ctx context.Context, c authz.Connection, err error) error {
	reason, shown := idp.ReasonOf(err), errLogoutToken
	if reason == "" || ctx.Err() != nil {
		return err
	}
	if reason == idp.ReasonUnavailable {
		shown = errLogoutAway
	}
	return f.refuseAs(ctx, "logout.refused", nil, c, reason, shown.Because(err))
}

// FrontChannelLogout serves GET /oidc/{upstream}/frontchannel-logout: a frame of
// the provider's page tells that a session has ended there (OpenID Connect
// Front-Channel Logout section 3). Such a frame brings no cookie of ours, so
// that the session is found by the provider's name of it; issuer and name are
// both required.
func (f *Flow) FrontChannelLogout(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, _, err := f.relyingParty(r)
	if err != nil {
		return err
	}
	iss, sid := onlyValue(r.URL.Query()["iss"]), onlyValue(r.URL.Query()["sid"])
	if sid == "" || iss == "" || iss != c.UpstreamIssuer {
		reason := idp.ReasonLogoutToken
		if iss != "" && iss != c.UpstreamIssuer {
			reason = idp.ReasonIssuerMismatch
		}
		return f.refuseAs(ctx, "logout.refused", nil, c, reason, errLogout)
	}
	if err := f.endUpstreamSessions(ctx, c, authz.OIDCSide, "", []string{sid}); err != nil {
		return err
	}
	h := w.Header()
	h.Del("X-Frame-Options") // there is nothing on this page to click on
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return nil
}

// relyingParty is what we are to the connection of the path; not found where it
// has no side of OpenID Connect.
func (f *Flow) relyingParty(r *http.Request) (authz.Connection, idp.RelyingParty, error) {
	c, connector, err := f.upstreamSide(r, authz.OIDCSide)
	if err != nil {
		return authz.Connection{}, nil, err
	}
	rp, ok := connector.(idp.RelyingParty)
	if !ok {
		return authz.Connection{}, nil, errors.New("login: the side of OpenID Connect is no relying party")
	}
	return c, rp, nil
}

// upstreamSide is a side of the connection of the path, whatever its state but
// deleted.
func (f *Flow) upstreamSide(r *http.Request, side authz.Side) (authz.Connection, idp.Connector, error) {
	c, err := f.cfg.Store.GetConnectionAcrossWorkspaces(r.Context(), f.issuer, upstreamOf(r))
	if errors.Is(err, authz.ErrNotFound) || err == nil && (!c.Has(side) || c.State == authz.Deleted) {
		return authz.Connection{}, nil, errNoSide
	}
	if err != nil {
		return authz.Connection{}, nil, err
	}
	connector, err := f.cfg.Connect(r.Context(), c, side)
	return c, connector, err
}

// endUpstreamSessions ends the sessions that an upstream names: all of a person,
// or those of these names, or, with both, those of these names of the person.
func (f *Flow) endUpstreamSessions(ctx context.Context, c authz.Connection, side authz.Side, person string, sessions []string) error {
	of := authz.UpstreamSessions{Issuer: f.issuer, WorkspaceID: c.WorkspaceID, ConnectionID: c.ID, Side: side, Sessions: sessions}
	if person != "" {
		of.Person = authz.Digest(person)
	}
	return f.cfg.Sessions.EndUpstream(ctx, authz.UpstreamEnd{Of: of, Reason: session.UpstreamLogout})
}

func present(text string) []string {
	return slices.DeleteFunc([]string{text}, func(s string) bool { return s == "" })
}
