package login

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// wantsFactor reports whether the next step of a request is that its person
// proves a factor of their own: more than one factor is asked for, and their
// sign-in shows no more than one, or is too old, or stands in for another during
// an outage: what makes credentials wants it proven to us then.
func (f *Flow) wantsFactor(ctx context.Context, p *pending, s authz.Session) (bool, error) {
	recent := p.signedInHere(s) || p.recent(s)
	wanted := func(contexts []string) bool {
		return slices.Contains(contexts, authz.ACRMultiFactor) && (!s.Reached(contexts) || !recent || s.StandsIn())
	}
	if p.passed || p.request.Prompts("none") || !wanted(p.request.RequiredACR) && !wanted(p.request.ACRValues) {
		return false, nil
	}
	return f.mayProve(ctx, p, s, p.signedInHere(s), recent)
}

// wantsFactorBy is wantsFactor for what conditional access demands.
func (f *Flow) wantsFactorBy(ctx context.Context, p *pending, s authz.Session, rule authz.AuthenticationRule) (bool, error) {
	within := func(at time.Time) bool { return rule.MaxAge == 0 || f.cfg.Clock.Now().Sub(at) <= rule.MaxAge }
	if p.passed || !slices.Contains(rule.ACRValues, authz.ACRMultiFactor) || s.SignIn.MFA == authz.MFAProven && within(s.SignIn.MFAAt) {
		return false, nil
	}
	recent := (p.signedInHere(s) || p.recent(s)) && within(s.AuthTime)
	return f.mayProve(ctx, p, s, p.signedInHere(s) && p.asked.Covers(rule), recent)
}

// mayProve reports whether a proof would help a session on with a request. The
// upstream comes first, as it may prove it with nobody being asked twice; unless
// the person has a factor with us, and the rest of their sign-in is as asked: it
// is recent, or becomes so by a passkey, which is a sign-in by itself.
func (f *Flow) mayProve(ctx context.Context, p *pending, s authz.Session, upstreamWasAsked, recent bool) (bool, error) {
	if s.ID == "" || !f.fits(p, s) || !f.cfg.OAuth.Names(p.request, s.UserID) {
		return false, nil
	}
	if upstreamWasAsked {
		return true, nil
	}
	if !p.signedInHere(s) && p.insists() {
		return false, nil
	}
	held, err := f.cfg.Factors.Of(ctx, s.WorkspaceID, s.UserID)
	return held.Has(authz.PasskeyFactor) || recent && held.Usable(), err
}

// askFactor sends the browser to the page of factors.
func (f *Flow) askFactor(w http.ResponseWriter, r *http.Request, p *pending) error {
	if err := f.store(w, r, p); err != nil {
		return err
	}
	return seeOther(w, r, "/signin/factor?"+url.Values{"request": {p.row.ID}}.Encode())
}

// proving resumes a request whose person is to prove a factor; wanted says
// whether that still is the next step.
func (f *Flow) proving(r *http.Request, id string) (p *pending, s authz.Session, account authz.AccountID, wanted bool, err error) {
	ctx := r.Context()
	if p, err = f.resume(ctx, r, id); err != nil {
		return nil, s, "", false, err
	}
	if err := f.recall(p); err != nil {
		return nil, s, "", false, err
	}
	if s, account, err = f.session(r); err != nil {
		return nil, s, "", false, err
	}
	if s.ID == "" || !f.fits(p, s) {
		return nil, s, "", false, errSignedOut
	}
	if wanted, err = f.wantsFactor(ctx, p, s); err != nil || wanted {
		return p, s, account, wanted, err
	}
	if signIn, impossible := f.lacks(p, s); signIn || impossible != nil {
		return p, s, account, false, nil //nolint:nilerr // the dispatcher says it
	}
	d, err := f.cfg.OAuth.Ask(ctx, p.request, oauth.Approval{Session: s, AccountID: account, Scopes: p.request.Scopes})
	if err == nil && d.Refusal != nil && d.Refusal.Rule != nil && !p.request.Prompts("none") {
		wanted, err = f.wantsFactorBy(ctx, p, s, *d.Refusal.Rule)
	}
	return p, s, account, wanted, err
}
