package login

import (
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// delegationLife is how long a key mints others that an operator lets.
const delegationLife = 24 * time.Hour

// ShowOperator serves GET /operator: an operator's own page, or their sign-in.
func (f *Flow) ShowOperator(w http.ResponseWriter, r *http.Request) error {
	s, _, err := f.session(r)
	switch {
	case err != nil:
		return err
	case s.ID == "" || s.WorkspaceID != "":
		return f.localPage(w, r, map[string]any{"Action": "/operator/signin", "Request": "", "Operator": true}, nil)
	}
	return f.operatorPage(w, r, s, nil)
}

// SignInOperator serves POST /operator/signin.
func (f *Flow) SignInOperator(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	_, err := f.signInLocally(w, r, "", nil)
	if told := localProblem(err); told != nil {
		return f.localPage(w, r, map[string]any{"Action": "/operator/signin", "Request": "", "Operator": true, "Login": r.PostForm.Get("login")}, told)
	}
	if err != nil {
		return err
	}
	return seeOther(w, r, "/operator")
}

// localProblem is what a person can mend on the page of a local sign-in.
func localProblem(err error) *authz.Error {
	if told, ok := errors.AsType[*authz.Error](err); ok && (told.Code == errLocal.Code || shownAgain(told)) {
		return told
	}
	return nil
}

// localPage asks for a sign-in with us.
func (f *Flow) localPage(w http.ResponseWriter, r *http.Request, view map[string]any, problem *authz.Error) error {
	binding := f.bound(w, r)
	if f.cfg.Factors.HasPasskeys() {
		offer, err := f.cfg.Factors.AskAnyPasskey(binding)
		if err != nil {
			return err
		}
		view["Passkey"] = offer
	}
	return f.writeFactors(w, tellProblem(w, view, problem), ui.LocalPage, view)
}

// principal is an operator in person.
func (f *Flow) principal(s authz.Session) authz.Principal {
	return authz.Principal{
		Issuer: f.issuer, Subject: string(s.UserID), Scopes: []string{"manage:keys"}, AuthTime: s.AuthTime, ACR: s.ACR, AMR: s.AMR,
		MFA: s.SignIn.MFA, MFAAt: s.SignIn.MFAAt,
	}
}

// SubmitOperator serves POST /operator: confirm who you are, or let a key mint
// others for a while.
func (f *Flow) SubmitOperator(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	s, account, err := f.session(r)
	if err != nil {
		return err
	}
	if s.ID == "" || s.WorkspaceID != "" {
		return seeOther(w, r, "/operator")
	}
	if r.PostForm.Get("do") == "delegate" {
		_, err = f.cfg.Operators.Delegate(r.Context(), f.principal(s), authz.OriginFrom(r.Context()), authz.KeyID(r.PostForm.Get("key")), f.cfg.Clock.Now().Add(delegationLife))
	} else {
		up := newStepUp(s)
		if _, err = f.prove(r, up, f.whose(r, s, account)); err == nil {
			err = f.steppedUp(w, up)
		}
	}
	if told, ok := errors.AsType[*authz.Error](err); ok && (shownAgain(told) || told.Rule != nil) {
		return f.operatorPage(w, r, s, told)
	}
	if err != nil {
		return err
	}
	return seeOther(w, r, "/operator")
}

type keyView struct{ ID, Name, Shown, Until string }

func (f *Flow) operatorPage(w http.ResponseWriter, r *http.Request, s authz.Session, problem *authz.Error) error {
	ctx, now := r.Context(), f.cfg.Clock.Now()
	account, err := f.cfg.Accounts.Get(ctx, "", s.UserID)
	if err != nil {
		return err
	}
	keys, err := f.cfg.Operators.List(ctx, f.principal(s), "", authz.KeyFilter{Status: string(authz.Active)}, authz.Page{Limit: 100})
	if err != nil {
		return err
	}
	views := make([]keyView, len(keys))
	for i, k := range keys {
		views[i] = keyView{ID: string(k.ID), Name: k.Name, Shown: k.Prefix + "…" + k.Last4}
		d, err := f.cfg.Operators.DelegationOf(ctx, k)
		if err != nil && !errors.Is(err, authz.ErrNotFound) {
			return err
		}
		if err == nil && now.Before(d.ExpiresAt) {
			views[i].Until = d.ExpiresAt.UTC().Format("2 January 2006, 15:04 MST")
		}
	}
	view := map[string]any{"Action": "/operator", "Request": "", "Login": account.Login, "Keys": views}
	if authz.MayMint(f.principal(s), now) != nil {
		held, err := f.cfg.Factors.Of(ctx, "", s.UserID)
		if err != nil {
			return err
		}
		view["Confirm"] = true
		if err := f.toProve(view, s, held); err != nil {
			return err
		}
	}
	return f.writeFactors(w, tellProblem(w, view, problem), ui.OperatorPage, view)
}
