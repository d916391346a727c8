package login

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/connection"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// Authorize serves GET and POST /oauth2/authorize (OpenID Connect Core section
// 3.1.2.1). A POST is answered with a redirect to itself by GET: a form on
// another site does not bring the session cookie along, a redirect does.
func (f *Flow) Authorize(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		if r.URL.RawQuery != "" {
			return pageError(authz.Invalid, "invalid_request", "Send the parameters in the body or in the query, not in both.")
		}
		if _, err := f.cfg.OAuth.Authorize(r.Context(), r.PostForm, f.cfg.Clock.Now()); err != nil {
			return err
		}
		return seeOther(w, r, "/oauth2/authorize?"+oauth.Known(r.PostForm).Encode())
	}
	req, err := f.cfg.OAuth.Authorize(r.Context(), r.URL.Query(), f.cfg.Clock.Now())
	if err != nil {
		return err
	}
	return f.dispatch(w, r, &pending{request: req})
}

// readForm reads the query and the form: FormValue would take a body that is
// too large, or malformed, for an empty one.
func readForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return pageError(authz.Invalid, "invalid_request", "The request could not be read.").Because(err)
	}
	return nil
}

// pending is an authorization request on its way.
type pending struct {
	request *oauth.AuthorizationRequest
	// row is the stored request; zero before it needed storing.
	row authz.AuthorizationRequest
	// test is the test sign-in that this is, in place of a client's request; nil
	// for none.
	test *connection.Test
	// invited is the invitation that this follows, in place of a client's
	// request; empty for none.
	invited authz.InvitationID
	// linking is the joining of another side that this is, in place of a client's
	// request; nil for none.
	linking *linking
	// joining is the join link that this follows, in place of a client's request;
	// empty for none.
	joining authz.JoinLinkID
	// drafted says that the row is to be stored yet.
	drafted bool
	// demands is the sign-in that conditional access asks for, or nil; asked is
	// what this request's sign-in was asked to be.
	demands *authz.AuthenticationRule
	asked   authz.AuthenticationRule
	// passed says that the person was asked for a factor of theirs, and has none
	// at hand.
	passed bool
	// onward says that they came by one side and are sent on to the other.
	onward bool
}

// signedInHere reports whether the session was made while this request waited.
func (p *pending) signedInHere(s authz.Session) bool {
	return p.row.SessionID != "" && p.row.SessionID == s.ID
}

// store keeps a request that needs a page.
func (f *Flow) store(w http.ResponseWriter, r *http.Request, p *pending) error {
	if f.draft(w, r, p); !p.drafted {
		return nil
	}
	return f.create(r.Context(), p)
}

// create stores a draft, unless too many requests wait already; then the client
// is told to come back.
func (f *Flow) create(ctx context.Context, p *pending) error {
	if p.test != nil {
		p.drafted = false
		return f.cfg.Store.CreateAuthorizationRequest(ctx, p.row)
	}
	err := f.cfg.OAuth.Admit(ctx, p.request.Client.ID)
	if authz.KindOf(err) == authz.RateLimited {
		if p.request.Device != nil || p.invited != "" || p.linking != nil || p.joining != "" {
			return err
		}
		return f.cfg.OAuth.Refuse(ctx, p.request, authz.NewError(authz.Unavailable, "temporarily_unavailable", "Too many sign-ins wait.").Because(err))
	}
	if err != nil {
		return err
	}
	p.drafted = false
	return f.cfg.Store.CreateAuthorizationRequest(ctx, p.row)
}

// draft makes the row of a request that has none, bound to this browser.
func (f *Flow) draft(w http.ResponseWriter, r *http.Request, p *pending) {
	if p.row.ID != "" {
		return
	}
	browser := f.browser(w, r)
	p.row = authz.AuthorizationRequest{
		ID: authz.NewAuthorizationRequestID(p.request.ArrivedAt), Issuer: f.issuer, BrowserDigest: authz.Digest(browser), ClientID: p.request.Client.ID,
		Parameters: oauth.Known(p.request.Parameters).Encode(), Pushed: p.request.Pushed(), ArrivedAt: p.request.ArrivedAt,
		ExpiresAt: p.request.ArrivedAt.Add(requestLife), State: authz.Active,
	}
	if d := p.request.Device; d != nil {
		p.row.Device = d.Digest
	}
	p.request.ID, p.drafted = p.row.ID, true
}

var (
	errRequestGone  = pageError(authz.Expired, "request_expired", "This sign-in took too long or was finished already. Go back to the application and start again.")
	errOtherBrowser = pageError(authz.Forbidden, "browser_mismatch", "This sign-in was started in another browser. Go back to the application and start again here.")
)

// resume finds a stored request by its handle, for the browser that began it.
func (f *Flow) resume(ctx context.Context, r *http.Request, id string) (*pending, error) {
	row, err := f.cfg.Store.GetAuthorizationRequest(ctx, f.issuer, id)
	if errors.Is(err, authz.ErrNotFound) {
		return nil, errRequestGone
	}
	if err != nil {
		return nil, err
	}
	if row.ClientID == "" {
		return nil, errRequestGone // a sign-in for no client has no pages of one's
	}
	return f.reopen(ctx, r, row)
}

// reopen checks a stored request once more: its age, its browser, and its
// client, which may have changed since.
func (f *Flow) reopen(ctx context.Context, r *http.Request, row authz.AuthorizationRequest) (*pending, error) {
	if !f.waiting(row) {
		return nil, errRequestGone
	}
	browser := authz.Digest(f.readCookie(r, flowCookie))
	if subtle.ConstantTimeCompare(browser[:], row.BrowserDigest[:]) != 1 {
		return nil, errOtherBrowser
	}
	return f.rebuild(ctx, row)
}

// waiting reports whether a stored request may still go on.
func (f *Flow) waiting(row authz.AuthorizationRequest) bool {
	return row.State == authz.Active && f.cfg.Clock.Now().Before(row.ExpiresAt)
}

// rebuild makes the request of a row again, whosever browser asks.
func (f *Flow) rebuild(ctx context.Context, row authz.AuthorizationRequest) (*pending, error) {
	if row.ClientID == "" {
		return clientless(row)
	}
	if row.Device != ([32]byte{}) {
		return f.reopenDevice(ctx, row)
	}
	req, err := f.cfg.OAuth.Reauthorize(ctx, row)
	if err != nil {
		return nil, err
	}
	return &pending{request: req, row: row}, nil
}

// fresh reports whether the session's sign-in satisfies prompt, max_age and
// acr_values; one made for this very request is all there is to have.
func (p *pending) fresh(s authz.Session) bool {
	if p.signedInHere(s) {
		return true
	}
	// A wish is worth a sign-in, which may reach more (RFC 9470 section 5), but
	// no refusal where nobody may be asked (OpenID Connect Core section 3.1.2.1).
	if len(p.request.ACRValues) > 0 && !p.request.Prompts("none") && !s.Reached(p.request.ACRValues) {
		return false
	}
	return p.recent(s)
}

// recent is fresh but for acr_values.
func (p *pending) recent(s authz.Session) bool {
	if p.insists() {
		return false
	}
	if p.request.MaxAge == nil {
		return true
	}
	within := func(at time.Time) bool { return p.request.ArrivedAt.Sub(at.Truncate(time.Second)) <= *p.request.MaxAge }
	return within(s.AuthTime) && (!p.asksMultiFactor() || s.SignIn.MFA != authz.MFAProven || within(s.SignIn.MFAAt))
}

// asksMultiFactor reports whether the client asks for more than one factor; how
// old the sign-in may be is then said of the proof too, the time of which an
// upstream that is not asked for it may leave out.
func (p *pending) asksMultiFactor() bool {
	return slices.Contains(p.request.RequiredACR, authz.ACRMultiFactor) || slices.Contains(p.request.ACRValues, authz.ACRMultiFactor)
}

// insists reports whether the client wants a sign-in at the upstream whatever
// there is.
func (p *pending) insists() bool {
	return p.request.Prompts("login") || p.request.Prompts("select_account") || p.request.MaxAge != nil && *p.request.MaxAge == 0
}
