package login

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp"
)

// Callback serves GET /oidc/{upstream}/callback: the person comes back from
// the upstream. Each upstream has a callback of its own, so that an answer of
// one cannot be passed off as another's.
func (f *Flow) Callback(w http.ResponseWriter, r *http.Request) error {
	ctx, params := r.Context(), r.URL.Query()
	row, err := f.answered(ctx, upstreamOf(r), params.Get("state"))
	if err != nil {
		return err
	}
	p, connection, err := f.comeBack(r, row)
	if err != nil {
		return err
	}
	leg, err := f.openLeg(row, authz.OIDCSide)
	if err != nil {
		return f.upstreamFailed(ctx, p, connection, err)
	}
	identity, err := f.finish(ctx, p, connection, leg, params)
	if err != nil {
		return f.upstreamFailed(ctx, p, connection, err)
	}
	p.asked = leg.Asked
	return f.arrive(w, r, p, leg.arrival(connection, authz.OIDCSide, identity))
}

// upstreamOf is the connection of the path; nobody's when it is none of ours: a
// stranger's text is not for the audit trail.
func upstreamOf(r *http.Request) authz.ConnectionID {
	id := authz.ConnectionID(r.PathValue("upstream"))
	if !id.Valid() {
		return ""
	}
	return id
}

// returned takes the request that an upstream's answer belongs to. The state
// is good once.
func (f *Flow) returned(ctx context.Context, c authz.ConnectionID, state string) (authz.AuthorizationRequest, error) {
	row, err := f.cfg.Store.ConsumeUpstreamState(ctx, f.issuer, c, authz.Digest(state))
	if errors.Is(err, authz.ErrNotFound) || errors.Is(err, authz.ErrConsumed) {
		return row, f.refuse(ctx, nil, authz.Connection{ID: c}, idp.ReasonState, errRequestGone)
	}
	return row, err
}

// answered is returned within the connection's limit. What counts has a state: a
// stranger, who has none, must not use it up.
func (f *Flow) answered(ctx context.Context, c authz.ConnectionID, state string) (authz.AuthorizationRequest, error) {
	row, err := f.returned(ctx, c, state)
	if err == nil && f.cfg.AllowReturn != nil {
		err = f.cfg.AllowReturn(string(c))
	}
	return row, err
}

// comeBack reopens a request for the browser that began it, at a connection
// that is still in use.
func (f *Flow) comeBack(r *http.Request, row authz.AuthorizationRequest) (*pending, authz.Connection, error) {
	ctx := r.Context()
	p, err := f.reopen(ctx, r, row)
	if errors.Is(err, errOtherBrowser) {
		return nil, authz.Connection{}, f.refuse(ctx, nil, authz.Connection{ID: row.ConnectionID}, "browser_mismatch", errOtherBrowser)
	}
	if err != nil {
		return nil, authz.Connection{}, err
	}
	c, err := f.connectionOf(ctx, p)
	return p, c, err
}

// connectionOf is the connection that a request went to, in use.
func (f *Flow) connectionOf(ctx context.Context, p *pending) (authz.Connection, error) {
	if p.test != nil { // of what was changed a moment ago, on whichever node
		c, err := f.cfg.Store.GetConnectionAcrossWorkspaces(ctx, f.issuer, p.row.ConnectionID)
		if err != nil || c.State != authz.Deleted {
			return c, err
		}
	}
	c, err := f.cfg.Connections.Get(ctx, p.row.ConnectionID)
	if err != nil {
		return authz.Connection{}, err
	}
	if !c.State.Usable() { // the rest is looked at when a session is made
		return authz.Connection{}, f.refuse(ctx, p, c, "switched_off", errSwitchedOff)
	}
	return c, nil
}

// arrival is somebody whom a side of a connection vouches for.
type arrival struct {
	connection authz.Connection
	side       authz.Side
	fallback   authz.FallbackReason
	identity   idp.Identity
	// asked says that the upstream was told to have them sign in.
	asked bool
	// byGroup says that a rule by group led there, onward that it was from the
	// other side.
	byGroup, onward bool
}

// arrive signs the person in and goes on with their request.
func (f *Flow) arrive(w http.ResponseWriter, r *http.Request, p *pending, a arrival) error {
	if p.test != nil {
		return f.tested(w, r, p, a)
	}
	if !a.connection.Uses(a.side) { // it was taken away and given back since they left
		return f.refuse(r.Context(), p, a.connection, "switched_off", errSwitchedOff)
	}
	a.asked = upstreamPrompt(p) == "login"
	if p.signsInAgain() {
		return f.liveAgain(w, r, p, a)
	}
	if p.linking != nil {
		return f.linkArrived(w, r, p, a)
	}
	if p.joining != "" {
		return f.joinArrived(w, r, p, a)
	}
	if sent, err := f.onward(w, r, p, a); sent || err != nil {
		return err
	}
	if p.invited != "" {
		return f.joined(w, r, p, a)
	}
	var next answer
	err := f.welcome(w, r, p, a, func(ctx context.Context, s authz.Session, ancestors authz.Lineage) (err error) {
		next, err = f.settle(ctx, p, s, ancestors)
		return err
	})
	if err != nil {
		return err
	}
	return next(w, r)
}

// Done serves GET /signin/done: back to the dispatcher, with the new session.
func (f *Flow) Done(w http.ResponseWriter, r *http.Request) error {
	p, err := f.resume(r.Context(), r, r.URL.Query().Get("request"))
	if err != nil {
		return err
	}
	if err := f.recall(p); err != nil {
		return err
	}
	return f.dispatch(w, r, p)
}

// recall remembers what the sign-in of a request was asked to be: one that
// falls short would be asked for without end.
func (f *Flow) recall(p *pending) error {
	if p.row.SessionID == "" {
		return nil
	}
	leg, err := f.openLeg(p.row, anySide)
	if err != nil {
		return err
	}
	p.asked = leg.Asked
	return nil
}

var errSwitchedOff = pageError(authz.Forbidden, "sign_in_off", "Sign-in for this workspace is switched off.")

func (f *Flow) finish(ctx context.Context, p *pending, c authz.Connection, leg upstreamLeg, params url.Values) (idp.Identity, error) {
	connector, err := f.cfg.Connect(ctx, c, leg.Side)
	if err != nil {
		return idp.Identity{}, err
	}
	identity, err := connector.Finish(ctx, idp.Callback{
		Params: params, Nonce: leg.Nonce, CodeVerifier: leg.Verifier, MaxAge: p.request.MaxAge, Tell: p.test != nil,
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
	switch reason := idp.ReasonOf(err); {
	case p != nil && p.test != nil:
		return f.testRefused(ctx, p, c, cmp.Or(reason, "upstream_error"), err)
	case reason == idp.ReasonTooLate:
		return f.refuse(ctx, p, c, reason, errRequestGone)
	case reason == "":
		return f.refuse(ctx, p, c, "upstream_error", errUpstream.Because(err))
	case slices.Contains([]string{idp.ReasonUnavailable, idp.ReasonBlocked, idp.ReasonTooLarge, idp.ReasonMetadata}, reason):
		return f.refuse(ctx, p, c, reason, errUpstreamAway.Because(err))
	default:
		return f.refuse(ctx, p, c, reason, errUpstream.Because(err))
	}
}

// refuse writes the audit entry of a refused sign-in and returns the error the
// person sees.
func (f *Flow) refuse(ctx context.Context, p *pending, c authz.Connection, reason string, shown *authz.Error) error {
	return f.refuseAs(ctx, "login.refused", p, c, reason, shown)
}

func (f *Flow) refuseAs(ctx context.Context, typ string, p *pending, c authz.Connection, reason string, shown *authz.Error) error {
	entry := authz.AuditEntry{
		Issuer: f.issuer, WorkspaceID: c.WorkspaceID, Time: f.cfg.Clock.Now(), Type: typ,
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
