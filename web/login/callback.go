package login

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp"
)

const maxConnectionID = 64

// Callback serves GET /oidc/{upstream}/callback: the person comes back from
// the upstream. Each upstream has a callback of its own, so that an answer of
// one cannot be passed off as another's.
func (f *Flow) Callback(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	connectionID := authz.ConnectionID(r.PathValue("upstream"))
	if len(connectionID) > maxConnectionID {
		connectionID = "" // nobody's; a stranger's text is not for the audit trail
	}
	params := r.URL.Query()
	row, err := f.cfg.Store.ConsumeUpstreamState(ctx, f.issuer, connectionID, authz.Digest(params.Get("state")))
	if errors.Is(err, authz.ErrNotFound) || errors.Is(err, authz.ErrConsumed) {
		return f.refuse(ctx, nil, authz.Connection{ID: connectionID}, idp.ReasonState, errRequestGone)
	}
	if err != nil {
		return err
	}
	p, err := f.reopen(ctx, r, row)
	if errors.Is(err, errOtherBrowser) {
		return f.refuse(ctx, nil, authz.Connection{ID: connectionID}, "browser_mismatch", errOtherBrowser)
	}
	if err != nil {
		return err
	}
	connection, err := f.cfg.Store.GetConnectionAcrossWorkspaces(ctx, f.issuer, connectionID)
	if err != nil {
		return err
	}
	if !connection.State.Usable() { // the rest is looked at when a session is made
		return f.refuse(ctx, p, connection, "switched_off", errSwitchedOff)
	}
	identity, err := f.finish(ctx, p, connection, params)
	if err != nil {
		return f.upstreamFailed(ctx, p, connection, err)
	}
	session, account, err := f.welcome(w, r, p, connection, identity)
	if err != nil {
		return err
	}
	if p.request.Device != nil {
		// The pages of a device read the session cookie, which this browser gets
		// with this answer.
		return seeOther(w, r, "/signin/done?"+url.Values{"request": {p.row.ID}}.Encode())
	}
	return f.proceed(w, r, p, session, account)
}

// Done serves GET /signin/done: back to the dispatcher, with the new session.
func (f *Flow) Done(w http.ResponseWriter, r *http.Request) error {
	p, err := f.resume(r.Context(), r, r.URL.Query().Get("request"))
	if err != nil {
		return err
	}
	return f.dispatch(w, r, p)
}

var errSwitchedOff = pageError(authz.Forbidden, "sign_in_off", "Sign-in for this workspace is switched off.")

func (f *Flow) finish(ctx context.Context, p *pending, c authz.Connection, params url.Values) (idp.Identity, error) {
	plain, err := f.cfg.Sealer.Open(legPurpose, p.row.ID, p.row.Upstream)
	if err != nil {
		return idp.Identity{}, err
	}
	var leg upstreamLeg
	if err := json.Unmarshal(plain, &leg); err != nil {
		return idp.Identity{}, err
	}
	p.asked = leg.Asked
	connector, err := f.cfg.Connect(ctx, c)
	if err != nil {
		return idp.Identity{}, err
	}
	identity, err := connector.Finish(ctx, idp.Callback{
		Params: params, Nonce: leg.Nonce, CodeVerifier: leg.Verifier, MaxAge: p.request.MaxAge,
	})
	if err == nil && p.request.Prompts("login") && signedInBefore(identity, p.request.ArrivedAt) {
		return idp.Identity{}, idp.Refuse(idp.ReasonStaleAuth, errors.New("prompt=login was passed over"))
	}
	return identity, err
}

// signedInBefore reports whether the upstream says that the person signed in
// before they were asked to; clocks may differ by a minute.
func signedInBefore(i idp.Identity, asked time.Time) bool {
	return !i.AuthTime.IsZero() && i.AuthTime.Add(time.Minute).Before(asked)
}

var (
	errUpstream     = pageError(authz.Unauthenticated, "upstream_refused", "Your organisation's sign-in did not work out. Nothing was changed and you are not signed in. Try again, or ask your administrator.")
	errUpstreamAway = pageError(authz.Unavailable, "upstream_unavailable", "Your organisation's sign-in cannot be reached right now. Try again in a moment.")
)

// upstreamFailed turns a refusal by a connector into an audit entry with its
// reason and one plain page without it.
func (f *Flow) upstreamFailed(ctx context.Context, p *pending, c authz.Connection, err error) error {
	if ctx.Err() != nil {
		return err
	}
	switch reason := idp.ReasonOf(err); reason {
	case "":
		return f.refuse(ctx, p, c, "upstream_error", errUpstream.Because(err))
	case idp.ReasonUnavailable, idp.ReasonBlocked, idp.ReasonTooLarge, idp.ReasonMetadata:
		return f.refuse(ctx, p, c, reason, errUpstreamAway.Because(err))
	default:
		return f.refuse(ctx, p, c, reason, errUpstream.Because(err))
	}
}

// refuse writes the audit entry of a refused sign-in and returns the error the
// person sees.
func (f *Flow) refuse(ctx context.Context, p *pending, c authz.Connection, reason string, shown *authz.Error) error {
	entry := authz.AuditEntry{
		Issuer: f.issuer, WorkspaceID: c.WorkspaceID, Time: f.cfg.Clock.Now(), Type: "login.refused",
		Result: authz.Refused, Reason: reason, Target: string(c.ID),
	}.From(authz.OriginFrom(ctx))
	if p != nil {
		entry.Actor = string(p.request.Client.ID)
	}
	if err := f.cfg.Store.AppendAudit(ctx, entry); err != nil {
		return err
	}
	return shown
}
