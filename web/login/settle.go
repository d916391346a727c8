package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// settle goes on with a request in the transaction that signs its person in,
// and returns what to tell the browser once that is on disk. Nearly always
// nothing stands between a sign-in and its code: then one commit holds both.
// Else the request is left knowing the session.
func (f *Flow) settle(ctx context.Context, p *pending, s authz.Session, ancestors authz.Lineage) (answer, error) {
	next, granted, err := f.grant(ctx, p, s, ancestors)
	if granted || err != nil {
		return next, err
	}
	return next, f.cfg.Store.SetRequestSession(ctx, f.issuer, p.row.ID, s.ID)
}

// grant grants what a request asks for, if that is what comes next. An error
// undoes the sign-in; a refusal, which is for the client, does not.
func (f *Flow) grant(ctx context.Context, p *pending, s authz.Session, ancestors authz.Lineage) (next answer, granted bool, err error) {
	account := accountOf(ancestors)
	switch {
	case p.request.Device != nil:
		// The pages of a device read the session cookie, which this browser gets
		// with this answer.
		return func(w http.ResponseWriter, r *http.Request) error {
			return seeOther(w, r, "/signin/done?"+url.Values{"request": {p.row.ID}}.Encode())
		}, false, nil
	case p.request.Client.Metadata.Registration == authz.RegisteredByDocument:
		// Its document is to be kept first.
		return func(w http.ResponseWriter, r *http.Request) error { return f.proceed(w, r, p, s, account) }, false, nil
	}
	if next, err = f.next(ctx, p, s, account); next != nil || err != nil {
		return next, false, err
	}
	code, err := f.cfg.OAuth.Grant(ctx, p.request, oauth.Approval{Session: s, AccountID: account, Scopes: p.request.Scopes, Ancestors: ancestors})
	switch {
	case err == nil:
		return f.granted(p, code), true, nil
	case refuses(err):
		return func(_ http.ResponseWriter, r *http.Request) error { return f.unapproved(r.Context(), p, err) }, false, nil
	}
	return nil, false, err
}

// granted sends the browser back to the client with its code.
func (f *Flow) granted(p *pending, code authz.Secret) answer {
	return func(w http.ResponseWriter, r *http.Request) error {
		redirect, err := f.cfg.OAuth.Granted(r.Context(), p.request, code)
		if err != nil {
			return err
		}
		return Answer(w, r, f.cfg.Pages, redirect)
	}
}

// refuses reports whether an error is an answer to the client.
func refuses(err error) bool {
	_, told := errors.AsType[*oauth.RedirectError](err)
	return told || authz.KindOf(err) == authz.Forbidden
}
