package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/factor"
	"github.com/gatehouse-auth/gatehouse/authz/localaccount"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// EnrolmentURL is the link by which the person of a local account sets up what
// they sign in with, at the issuer of that URL.
func EnrolmentURL(issuer string, token authz.Secret) string {
	return issuer + "/enrol?" + url.Values{"token": {token.Reveal()}}.Encode()
}

// ShowEnrol serves GET /enrol. To look uses nothing up.
func (f *Flow) ShowEnrol(w http.ResponseWriter, r *http.Request) error {
	return f.enrolPage(w, r, r.URL.Query().Get("token"), nil)
}

func (f *Flow) enrolPage(w http.ResponseWriter, r *http.Request, token string, problem *authz.Error) error {
	e, account, err := f.cfg.Accounts.Open(r.Context(), authz.Secret(token))
	if err != nil {
		return err
	}
	view := map[string]any{"Action": "/enrol", "Request": token, "Login": account.Login, "Password": true, "Operator": account.Kind == authz.OperatorAccount}
	status := tellProblem(w, view, problem)
	s := f.linked(r.Context(), e, account)
	had, err := f.cfg.Factors.Of(r.Context(), s.WorkspaceID, s.UserID)
	if err != nil {
		return err
	}
	view["Afresh"] = account.Password != "" || len(had.Factors) > 0
	if err := f.toSetUp(r, view, s, factor.Held{}, r.PostForm.Get("pending")); err != nil {
		return err
	}
	return f.writeFactors(w, status, ui.EnrolPage, view)
}

// linked is whoever holds the link: nobody has signed in, and yet they may enrol
// what they sign in with, as somebody who has nothing. The name of the session
// ties what the page offers to this link.
func (f *Flow) linked(ctx context.Context, e authz.Enrolment, account authz.LocalAccount) authz.Session {
	s := f.localSession(ctx, account)
	s.ID = authz.SessionID("link " + base32Text(e.Digest[:]))
	return s
}

// SubmitEnrol serves POST /enrol: the link is used in the transaction that
// stores the factor, and the person is signed in.
func (f *Flow) SubmitEnrol(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	in, codes, err := f.enrolLinked(r)
	if told, ok := errors.AsType[*authz.Error](err); ok && (shownAgain(told) || told.Code == localaccount.ErrPassword.Code) {
		return f.enrolPage(w, r, r.PostForm.Get("request"), told)
	}
	if err != nil {
		return err
	}
	if err := f.steppedUp(w, in.up); err != nil {
		return err
	}
	next := "/security"
	if in.account.Kind == authz.OperatorAccount {
		next = "/operator"
	}
	if len(codes) > 0 {
		return f.showCodes(w, codes, next)
	}
	return seeOther(w, r, next)
}

func (f *Flow) enrolLinked(r *http.Request) (in local, codes []authz.Secret, err error) {
	ctx, form := r.Context(), r.PostForm
	e, account, err := f.cfg.Accounts.Open(ctx, authz.Secret(form.Get("request")))
	if err != nil {
		return in, nil, err
	}
	in = local{account: account, up: newStepUp(authz.Session{})}
	of := factor.Person{Session: f.linked(ctx, e, account), Afresh: true}
	password := ""
	then := func(ctx context.Context, p factor.Proof) error {
		if password != "" {
			p.AMR = append([]string{"pwd"}, p.AMR...)
		}
		if err := f.cfg.Accounts.Accept(ctx, e, account, password); err != nil {
			return err
		}
		return f.enter(ctx, r, &in, p, nil)
	}
	if form.Has("ceremony") {
		if !f.cfg.Factors.HasPasskeys() {
			return in, nil, factor.ErrPasskey
		}
		codes, err = f.cfg.Factors.EnrolPasskey(ctx, of, form.Get("ceremony"), form.Get("response"), form.Get("name"), then)
		return in, codes, err
	}
	if password, err = f.cfg.Accounts.Hash(ctx, account, authz.Secret(form.Get("password"))); err != nil {
		return in, nil, err
	}
	codes, err = f.cfg.Factors.EnrolApp(ctx, of, form.Get("pending"), form.Get("code"), then)
	return in, codes, err
}
