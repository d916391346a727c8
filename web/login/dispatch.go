package login

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

var (
	errLoginRequired   = authz.NewError(authz.Invalid, "login_required", "The person must sign in.")
	errConsentRequired = authz.NewError(authz.Invalid, "consent_required", "The person must consent.")
	// errContext is that of OpenID Connect Core Error Code
	// unmet_authentication_requirements 1.0.
	errContext = authz.NewError(authz.Invalid, "unmet_authentication_requirements", "The sign-in did not reach the authentication context asked for.")
)

// dispatch decides what happens next. Every page comes back here.
func (f *Flow) dispatch(w http.ResponseWriter, r *http.Request, p *pending) error {
	session, account, err := f.session(r)
	if err != nil {
		return err
	}
	return f.proceed(w, r, p, session, account)
}

// proceed is dispatch for a session that is known.
func (f *Flow) proceed(w http.ResponseWriter, r *http.Request, p *pending, session authz.Session, account authz.AccountID) error {
	otherwise, err := f.next(r.Context(), p, session, account)
	if err != nil {
		return err
	}
	if otherwise != nil {
		return otherwise(w, r)
	}
	return f.approve(w, r, p, oauth.Approval{Session: session, AccountID: account, Scopes: p.request.Scopes})
}

// An answer is what is still to be told a browser.
type answer func(http.ResponseWriter, *http.Request) error

// next decides what comes next for a request and a session: nil for nothing but
// the approval. It reads, and writes nothing.
func (f *Flow) next(ctx context.Context, p *pending, session authz.Session, account authz.AccountID) (answer, error) {
	factor, err := f.wantsFactor(ctx, p, session)
	if err != nil {
		return nil, err
	}
	signIn, refused := f.lacks(p, session)
	switch {
	case factor:
		return func(w http.ResponseWriter, r *http.Request) error { return f.askFactor(w, r, p) }, nil
	case refused != nil:
		return f.refusal(p, refused), nil
	case signIn && p.request.Prompts("none"):
		return f.refusal(p, errLoginRequired), nil
	case signIn:
		return func(w http.ResponseWriter, r *http.Request) error { return f.signIn(w, r, p) }, nil
	}
	decision, err := f.cfg.OAuth.Ask(ctx, p.request, oauth.Approval{Session: session, AccountID: account, Scopes: p.request.Scopes})
	if err != nil {
		return nil, err
	}
	if decision.Refusal != nil {
		return func(w http.ResponseWriter, r *http.Request) error { return f.withhold(w, r, p, session, decision) }, nil //nolint:nilerr // it is the answer
	}
	p.request.Narrow(decision.Scopes)
	needed, err := f.consentNeeded(ctx, p, session)
	switch {
	case err != nil || !needed:
		return nil, err
	case p.request.Prompts("none"):
		return f.refusal(p, errConsentRequired), nil
	}
	return func(w http.ResponseWriter, r *http.Request) error { return f.askConsent(w, r, p) }, nil
}

func (f *Flow) refusal(p *pending, e *authz.Error) answer {
	return func(_ http.ResponseWriter, r *http.Request) error {
		return f.cfg.OAuth.Refuse(r.Context(), p.request, e)
	}
}

// lacks says what the session is short of for the request: a sign-in, or
// something that no sign-in would bring. Somebody other than the one the client
// expects is sent away, not asked to become another person.
func (f *Flow) lacks(p *pending, s authz.Session) (signIn bool, refused *authz.Error) {
	switch {
	case s.ID == "" || !f.fits(p, s) || !p.fresh(s):
		return true, nil
	case !f.cfg.OAuth.Names(p.request, s.UserID):
		return false, errLoginRequired
	case p.request.ReachedBy(s):
		return false, nil
	case p.signedInHere(s):
		return false, errContext
	}
	return true, nil
}

// fits reports whether the session is of the client's workspace; a platform
// client takes any but an operator's, whose tokens would reach every workspace.
func (f *Flow) fits(p *pending, s authz.Session) bool {
	if s.WorkspaceID == "" {
		return false
	}
	return p.request.Client.Platform() || p.request.Client.WorkspaceID == s.WorkspaceID
}

// session finds the browser's live session and the account it hangs under;
// zero when there is none. A session of somebody who is no longer a member is
// none.
func (f *Flow) session(r *http.Request) (authz.Session, authz.AccountID, error) {
	cookie := f.readCookie(r, sessionCookie)
	if cookie == "" {
		return authz.Session{}, "", nil
	}
	ctx, now := r.Context(), f.cfg.Clock.Now()
	session, lineage, err := f.cfg.Store.SessionByDigestAcrossWorkspaces(ctx, f.issuer, authz.Digest(cookie))
	if errors.Is(err, authz.ErrNotFound) {
		return authz.Session{}, "", nil
	}
	if err != nil {
		return authz.Session{}, "", err
	}
	if !session.LiveAt(now) || !lineage.Usable() || lineage.Sum() != session.Lineage+session.Epoch {
		return authz.Session{}, "", nil
	}
	if session.WorkspaceID == "" {
		_, err = f.cfg.Accounts.Get(ctx, "", session.UserID)
	} else {
		_, err = f.cfg.Store.GetMember(ctx, f.issuer, session.WorkspaceID, session.UserID)
	}
	if errors.Is(err, authz.ErrNotFound) {
		return authz.Session{}, "", nil
	}
	if err != nil {
		return authz.Session{}, "", err
	}
	f.extend(ctx, session)
	return session, accountOf(lineage), nil
}

// extend moves the idle end, at most once in a tenth of the idle time. Failing
// to do so costs the person a sign-in at worst.
func (f *Flow) extend(ctx context.Context, s authz.Session) {
	until := f.cfg.Clock.Now().Add(f.cfg.SessionIdle)
	if until.Sub(s.IdleUntil) > f.cfg.SessionIdle/10 {
		_ = f.cfg.Store.ExtendSession(ctx, f.issuer, s.ID, until)
	}
}

func accountOf(lineage authz.Lineage) authz.AccountID {
	for _, n := range lineage {
		if n.Kind == authz.AccountNode {
			return authz.AccountID(n.ID)
		}
	}
	return ""
}

// consentNeeded reports whether the person must be asked: the client is not
// the operator's own, and the remembered consent does not cover the scopes. A
// device is asked about every time, as it may be a stranger's.
func (f *Flow) consentNeeded(ctx context.Context, p *pending, s authz.Session) (bool, error) {
	if p.request.Prompts("consent") || p.request.Device != nil || anyoneCouldBe(p.request) {
		return true, nil
	}
	if p.request.Client.SkipConsent {
		return false, nil
	}
	if len(p.request.Details) > 0 {
		return true, nil // what is allowed once in such detail is allowed once
	}
	consent, err := f.cfg.Store.GetConsent(ctx, f.issuer, s.WorkspaceID, s.UserID, p.request.Client.ID)
	if errors.Is(err, authz.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return !f.cfg.OAuth.Covers(consent, p.request), nil
}

// anyoneCouldBe reports whether any program on the person's machine could have
// sent the request: a client of a document on a loopback address. Such a
// request is never answered without the person (RFC 8252 section 8.6).
func anyoneCouldBe(r *oauth.AuthorizationRequest) bool {
	return r.Client.Metadata.Registration == authz.RegisteredByDocument && strings.HasPrefix(r.RedirectURI, "http://")
}

func (f *Flow) approve(w http.ResponseWriter, r *http.Request, p *pending, a oauth.Approval) error {
	if p.request.Device != nil {
		return f.approveDevice(w, r, p, a)
	}
	redirect, err := f.cfg.OAuth.Approve(r.Context(), p.request, a)
	if err != nil {
		return f.unapproved(r.Context(), p, err)
	}
	return Answer(w, r, f.cfg.Pages, redirect)
}

// unapproved tells the client why nothing was granted, where that is for it.
func (f *Flow) unapproved(ctx context.Context, p *pending, err error) error {
	if _, told := errors.AsType[*oauth.RedirectError](err); told || !refuses(err) {
		return err
	}
	return f.cfg.OAuth.Refuse(ctx, p.request, err)
}
