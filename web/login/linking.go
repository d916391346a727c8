package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/federation"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// A person joins the other side of their connection to themselves by showing
// that they are known to both: they sign in at their own side, prove a factor
// of theirs with us, sign in at the other side in the same browser, and say that
// it is to be, all of it within ten minutes. A passkey is the factor and never
// one of the sign-ins: it says nothing of what a side knows. Neither half is
// worth anything in another browser or session.

// linkFresh is how old the sign-in at their own side and the factor may be, both
// when it begins and when it is done, and how long what was begun is good.
const linkFresh = 10 * time.Minute

var (
	errLinkNowhere = pageError(authz.Forbidden, "no_other_side", "Your organisation's connection has no other sign-in that could be joined to you.")
	errLinkInterim = pageError(authz.Forbidden, "linking_needs_usual_sign_in", "You are signed in by a way that stands in for the usual one. Sign in the usual way first.")
	errLinkStale   = pageError(authz.Forbidden, "sign_in_not_fresh", "Sign in at your own side again first: another sign-in is joined right after that.")
	errLinkFactor  = pageError(authz.Forbidden, "factor_required", "Confirm with a passkey or an authenticator app of yours first.")
	errLinkOther   = pageError(authz.Forbidden, "another_person", "Somebody else than you signed in. Nothing was changed.")
	errLinkMutable = pageError(authz.Forbidden, "mutable_subject", "The other sign-in calls people by addresses, which change hands: nobody is joined by one.")
	errLinkedHere  = pageError(authz.Conflict, "already_linked", "Your other sign-in is joined to you already. Your administrator can take it away.")
	errLinkTaken   = pageError(authz.Conflict, "link_conflict", "That sign-in is somebody else's here. Nothing was joined. Ask your administrator.")
)

// linking marks a stored request by which a person joins another side to
// themselves: it is of one session, and dies with it.
type linking struct {
	Session authz.SessionID
	User    authz.UserID
	// Again says that it is the sign-in at their own side, which comes first.
	Again bool
}

const (
	linkingParameter      = "linking"
	linkingAgainParameter = "linking_again"
)

func linkingPending(l linking, row authz.AuthorizationRequest) *pending {
	request := &oauth.AuthorizationRequest{ID: row.ID, ArrivedAt: row.ArrivedAt, Prompt: []string{"login"}}
	return &pending{request: request, row: row, linking: &l}
}

// otherSide is what the session's person could join: the connection they signed
// in by, and its side that does not know them yet.
func (f *Flow) otherSide(ctx context.Context, s authz.Session) (authz.Connection, authz.Side, error) {
	if s.ConnectionID == "" {
		return authz.Connection{}, "", errLinkNowhere
	}
	c, err := f.cfg.Store.GetConnectionAcrossWorkspaces(ctx, f.issuer, s.ConnectionID)
	if err != nil {
		return c, "", err
	}
	side := opposite(s.Upstream.Side)
	switch {
	case c.State != authz.Active || c.WorkspaceID != s.WorkspaceID || !c.Uses(authz.OIDCSide) || !c.Uses(authz.SAMLSide):
		return c, side, errLinkNowhere
	case s.Fallback.Interim() || s.SignIn.Fallback:
		return c, side, errLinkInterim
	case side == authz.SAMLSide && c.SAML.MutableSubject:
		return c, side, errLinkMutable
	}
	held, err := f.cfg.Store.ListIdentities(ctx, f.issuer, s.WorkspaceID, s.UserID, maxIdentities)
	if err != nil {
		return c, side, err
	}
	for _, i := range held {
		if i.ConnectionID == c.ID && i.Side == side {
			return c, side, errLinkedHere
		}
	}
	return c, side, nil
}

func opposite(s authz.Side) authz.Side {
	if s == authz.SAMLSide {
		return authz.OIDCSide
	}
	return authz.SAMLSide
}

// maxIdentities is more than a person has in a workspace.
const maxIdentities = 50

// mayLink checks that the session's person has signed in at their own side, and
// shown us a factor of theirs, in the last minutes. A recovery code stands in
// for a factor that was lost, and joins nothing.
func mayLink(s authz.Session, now time.Time) error {
	within := func(at time.Time) bool { return !at.IsZero() && !at.After(now) && now.Sub(at) <= linkFresh }
	switch {
	case !within(s.SignIn.LiveAt):
		return errLinkStale
	case s.SignIn.Local == "" || s.SignIn.Local == authz.RecoveryMethod || s.SignIn.MFA != authz.MFAProven || !within(s.SignIn.MFAAt):
		return errLinkFactor
	}
	return nil
}

// ShowLinking serves GET /security/link: what can be joined, and what it takes.
func (f *Flow) ShowLinking(w http.ResponseWriter, r *http.Request) error {
	s, _, err := f.signedInPerson(r)
	if err != nil {
		return err
	}
	return f.linkingPage(w, r, s, nil)
}

func (f *Flow) linkingPage(w http.ResponseWriter, r *http.Request, s authz.Session, problem *authz.Error) error {
	ctx := r.Context()
	user, err := f.cfg.Store.GetUserAcrossWorkspaces(ctx, f.issuer, s.UserID)
	if err != nil {
		return err
	}
	view := map[string]any{"Action": "/security/link", "Request": "", "Person": nameOf(user)}
	status := tellProblem(w, view, problem)
	c, side, err := f.otherSide(ctx, s)
	if err == nil {
		err = mayLink(s, f.cfg.Clock.Now())
	}
	view["Connection"], view["Provider"], view["Own"] = c.Name, providerOf(c, side), providerOf(c, opposite(side))
	told, refused := errors.AsType[*authz.Error](err)
	switch {
	case err == nil:
		view["Ready"] = true
	case !refused:
		return err
	case told.Code == errLinkFactor.Code:
		if err := f.toStepUp(ctx, view, s); err != nil {
			return err
		}
	case told.Code == errLinkStale.Code:
		view["Again"] = true
	default:
		view["Refused"] = told.Description
	}
	return f.writeFactors(w, status, ui.LinkPage, view)
}

// toStepUp adds to the page what the person can prove, or that they must have
// something to prove first.
func (f *Flow) toStepUp(ctx context.Context, view map[string]any, s authz.Session) error {
	held, err := f.cfg.Factors.Of(ctx, s.WorkspaceID, s.UserID)
	if err != nil {
		return err
	}
	if !held.Usable() {
		view["SetUp"] = true
		return nil
	}
	view["Confirm"] = true
	err = f.toProve(view, s, held)
	view["Codes"] = false // a recovery code does not count here
	return err
}

// providerOf is what the upstream of a side calls itself.
func providerOf(c authz.Connection, side authz.Side) string {
	if side == authz.SAMLSide && c.SAML != nil {
		return c.SAML.EntityID
	}
	return c.UpstreamIssuer
}

// SubmitLinking serves POST /security/link: a proof of a factor, or the way to
// the other side.
func (f *Flow) SubmitLinking(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	s, account, err := f.signedInPerson(r)
	if err != nil {
		return err
	}
	switch r.PostForm.Get("do") {
	case "again":
		return f.beginLiveAgain(w, r, s)
	case "begin":
		return f.beginLinking(w, r, s)
	}
	if r.PostForm.Has("pending") || r.PostForm.Get("do") != "" {
		return f.linkingPage(w, r, s, nil) // factors are set up elsewhere
	}
	up := newStepUp(s)
	_, err = f.prove(r, up, f.whose(r, s, account))
	if told, ok := errors.AsType[*authz.Error](err); ok && shownAgain(told) {
		return f.linkingPage(w, r, s, told)
	}
	if err != nil {
		return err
	}
	if err := f.steppedUp(w, up); err != nil {
		return err
	}
	return seeOther(w, r, "/security/link")
}

// beginLinking sends the browser to the other side, where the person signs in
// anew.
func (f *Flow) beginLinking(w http.ResponseWriter, r *http.Request, s authz.Session) error {
	c, side, err := f.otherSide(r.Context(), s)
	if err == nil {
		err = mayLink(s, f.cfg.Clock.Now())
	}
	if err != nil {
		return err
	}
	return f.departLinking(w, r, linking{Session: s.ID, User: s.UserID}, c, side, "")
}

// departLinking sends the browser to a side of the connection, which is asked to
// have the person sign in.
func (f *Flow) departLinking(w http.ResponseWriter, r *http.Request, l linking, c authz.Connection, side authz.Side, hint string) error {
	now, params := f.cfg.Clock.Now(), url.Values{linkingParameter: {string(l.Session), string(l.User)}}
	if l.Again {
		params.Set(linkingAgainParameter, "true")
	}
	p := linkingPending(l, authz.AuthorizationRequest{
		ID: authz.NewID("ar"), Issuer: f.issuer, BrowserDigest: authz.Digest(f.browser(w, r)), Parameters: params.Encode(),
		ArrivedAt: now, ExpiresAt: now.Add(linkFresh), State: authz.Active,
	})
	p.drafted = true
	return f.depart(w, r, p, c, hint, federation.Choice{Side: side})
}

// linkingOf is the joining that a stored request is.
func linkingOf(row authz.AuthorizationRequest, params url.Values) (*pending, error) {
	told := params[linkingParameter]
	if len(told) != 2 {
		return nil, errRequestGone
	}
	return linkingPending(linking{authz.SessionID(told[0]), authz.UserID(told[1]), params.Has(linkingAgainParameter)}, row), nil
}
