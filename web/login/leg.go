package login

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/federation"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// upstreamLeg is what must be remembered while the person is away.
type upstreamLeg struct {
	// Side is the way that was taken; empty means OpenID Connect.
	Side            authz.Side `json:",omitempty"`
	Nonce, Verifier string
	// Until is when they must have come back; zero for a leg that is over.
	Until time.Time `json:",omitzero"`
	// Asked is what the sign-in was to be, as conditional access demands.
	Asked authz.AuthenticationRule
	// Fallback is why it was SAML in place of OpenID Connect.
	Fallback authz.FallbackReason `json:",omitempty"`
	// Group says that a rule by group led there, Onward that it was from the other
	// side, at which they had signed in.
	Group, Onward bool `json:",omitempty"`
	// Identity is who an accepted response says has come back. What is left is
	// to see that it is the browser that went away.
	Identity *idp.Identity `json:",omitempty"`
}

const legPurpose = "upstream leg"

// signInAt sends the person to the side of the connection that is theirs now,
// or tells them first that it is not the usual one.
func (f *Flow) signInAt(w http.ResponseWriter, r *http.Request, p *pending, c authz.Connection, hint string) error {
	visitor, err := f.visitor(r, p, c, hint)
	if err != nil {
		return err
	}
	choice, err := f.cfg.Choose(r.Context(), c, visitor)
	if err != nil {
		return err
	}
	if !choice.Ask {
		return f.depart(w, r, p, c, hint, choice)
	}
	if err := f.store(w, r, p); err != nil {
		return err
	}
	again := url.Values{"request": {p.row.ID}, "connection": {string(c.ID)}}
	return f.cfg.Pages.Write(w, http.StatusOK, ui.OutagePage, map[string]any{
		"Client": p.request.Client.Name, "Request": p.row.ID, "Connection": c.ID, "Name": c.Name, "Email": hint, "Again": "/signin?" + again.Encode(),
	})
}

// SubmitFallback serves POST /signin/fallback: the person goes on although the
// usual sign-in does not answer. That it does not is ours to know: if it does
// again, they go there.
func (f *Flow) SubmitFallback(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	ctx := r.Context()
	p, err := f.resume(ctx, r, r.PostForm.Get("request"))
	if err != nil {
		return err
	}
	email := r.PostForm.Get("email")
	connections, err := f.candidates(ctx, p, email)
	if err != nil {
		return err
	}
	for _, c := range connections {
		if string(c.ID) != r.PostForm.Get("connection") {
			continue
		}
		visitor, err := f.visitor(r, p, c, email)
		if err != nil {
			return err
		}
		choice, err := f.cfg.Choose(ctx, c, visitor)
		if err != nil {
			return err
		}
		return f.depart(w, r, p, c, email, choice)
	}
	return f.showSignIn(w, http.StatusOK, p, connections, "", "")
}

// depart sends the browser to the upstream. A form is answered with a page that
// leads on, as browsers hold the redirects behind a form against its
// form-action, and the upstream was not known when it was sent.
func (f *Flow) depart(w http.ResponseWriter, r *http.Request, p *pending, c authz.Connection, hint string, choice federation.Choice) error {
	f.draft(w, r, p)
	away, err := f.begin(r.Context(), p, c, hint, choice)
	if err != nil {
		return err
	}
	if r.Method == http.MethodPost && away.URL != "" {
		return f.cfg.Pages.Write(w, http.StatusOK, ui.ContinuePage, map[string]any{"Location": away.URL})
	}
	return f.leave(w, r, away)
}

// begin prepares a leg to the upstream: fresh state, nonce and code verifier,
// of which the database keeps a digest and a sealed copy.
func (f *Flow) begin(ctx context.Context, p *pending, c authz.Connection, hint string, choice federation.Choice) (idp.Message, error) {
	state, leg := randomText(), upstreamLeg{Side: choice.Side, Fallback: choice.Reason, Nonce: randomText(), Verifier: randomText()}
	leg.Until = f.cfg.Clock.Now().Add(c.Numbers.Times().Attempt)
	leg.Group, leg.Onward = choice.Route.Group != "", p.onward
	connector, err := f.cfg.Connect(ctx, c, leg.Side)
	if err != nil {
		return idp.Message{}, f.upstreamFailed(ctx, p, c, err)
	}
	if leg.Asked, err = f.demanded(ctx, p, c); err != nil {
		return idp.Message{}, err
	}
	login := idp.Login{
		State: state, Nonce: leg.Nonce, CodeVerifier: leg.Verifier, LoginHint: hint, Prompt: upstreamPrompt(p),
		MaxAge:    younger(p.request.MaxAge, leg.Asked.MaxAge),
		UILocales: strings.Fields(p.request.UILocales),
	}
	if leg.Side == authz.OIDCSide {
		// By SAML they would be demanded exactly, and Entra refuses what it does
		// not know (AADSTS75011): there an administrator says what to ask for.
		login.ACRValues = authz.AuthenticationRule{ACRValues: p.request.ACRValues}.And(leg.Asked).ACRValues
	}
	away, err := goodbye(ctx, connector, login)
	if err != nil {
		return idp.Message{}, f.upstreamFailed(ctx, p, c, err)
	}
	sealed, err := f.sealLeg(p.row.ID, leg)
	if err != nil {
		return idp.Message{}, err
	}
	until := earlier(leg.Until, p.row.ArrivedAt.Add(requestLife+legsOfRequest*c.Numbers.Times().Attempt))
	if p.linking != nil || p.joining != "" || p.test != nil { // these end when they were said to
		until = time.Time{}
	}
	if p.drafted {
		p.row.ExpiresAt = later(p.row.ExpiresAt, until)
		p.row.ConnectionID, p.row.StateDigest, p.row.Upstream = c.ID, authz.Digest(state), sealed
		return away, f.create(ctx, p)
	}
	return away, f.remember(ctx, p.row.ID, c.ID, state, sealed, until)
}

// legsOfRequest is for how many times away, one after the other, a request lives
// longer than from page to page: what a client wants of a sign-in is held against
// when the request arrived, so that it must not live on.
const legsOfRequest = 2

// earlier is the earlier of two times.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// remember keeps a leg under a state that is good once; its request lasts until
// then at least.
func (f *Flow) remember(ctx context.Context, request string, c authz.ConnectionID, state string, sealed []byte, until time.Time) error {
	err := f.cfg.Store.BeginUpstream(ctx, f.issuer, request, c, authz.Digest(state), sealed, until)
	if errors.Is(err, authz.ErrConsumed) || errors.Is(err, authz.ErrNotFound) {
		return errRequestGone
	}
	return err
}

// goodbye is how the browser leaves for the upstream.
func goodbye(ctx context.Context, connector idp.Connector, login idp.Login) (idp.Message, error) {
	if sp, ok := connector.(idp.ServiceProvider); ok && sp.ByForm() {
		form, err := sp.BeginForm(login)
		return idp.Message{Form: form}, err
	}
	location, err := connector.Begin(ctx, login)
	return idp.Message{URL: location}, err
}

// leave sends the browser to an upstream, by a redirect or by a form.
func (f *Flow) leave(w http.ResponseWriter, r *http.Request, away idp.Message) error {
	if away.URL != "" {
		return seeOther(w, r, away.URL)
	}
	fields := make(map[string][]string, len(away.Form.Fields))
	for name, value := range away.Form.Fields {
		fields[name] = []string{value}
	}
	return postOn(w, f.cfg.Pages, away.Form.Action, fields, "your organisation's sign-in")
}

// postOn answers with a form that sends itself on where there is script, and
// has a button.
func postOn(w http.ResponseWriter, pages *ui.Pages, action string, fields map[string][]string, to string) error {
	return pages.Write(w, http.StatusOK, ui.FormPostPage, map[string]any{"URI": action, "Parameters": fields, "To": to}, originOf(action))
}

func (f *Flow) sealLeg(request string, leg upstreamLeg) ([]byte, error) {
	plain, err := json.Marshal(leg)
	if err != nil {
		return nil, err
	}
	return f.cfg.Sealer.Seal(legPurpose, request, plain)
}

// anySide opens a leg of whichever side.
const anySide authz.Side = ""

// arrival is who came back from a leg.
func (l upstreamLeg) arrival(c authz.Connection, side authz.Side, identity idp.Identity) arrival {
	return arrival{connection: c, side: side, fallback: l.Fallback, identity: identity, byGroup: l.Group, onward: l.Onward}
}

// openLeg returns what was remembered when the person went away by that side.
func (f *Flow) openLeg(row authz.AuthorizationRequest, by authz.Side) (upstreamLeg, error) {
	plain, err := f.cfg.Sealer.Open(legPurpose, row.ID, row.Upstream)
	if err != nil {
		return upstreamLeg{}, err
	}
	var leg upstreamLeg
	if err := json.Unmarshal(plain, &leg); err != nil {
		return upstreamLeg{}, err
	}
	if leg.Side == "" {
		leg.Side = authz.OIDCSide
	}
	if by != anySide && leg.Side != by {
		return upstreamLeg{}, idp.Refuse(idp.ReasonState, errors.New("the answer came by the other side of the connection"))
	}
	if by != anySide && !leg.Until.IsZero() && !f.cfg.Clock.Now().Before(leg.Until) {
		return upstreamLeg{}, idp.Refuse(idp.ReasonTooLate, errors.New("they were away for longer than a sign-in may take"))
	}
	return leg, nil
}
