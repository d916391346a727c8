package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/factor"
	"github.com/gatehouse-auth/gatehouse/authz/localaccount"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// ShowFactor serves GET /signin/factor: prove a factor, or set one up.
func (f *Flow) ShowFactor(w http.ResponseWriter, r *http.Request) error {
	p, s, account, wanted, err := f.proving(r, r.URL.Query().Get("request"))
	switch {
	case err != nil:
		return err
	case !wanted:
		return f.proceed(w, r, p, s, account)
	}
	return f.factorPage(w, r, p, s, "", nil)
}

// SubmitFactor serves POST /signin/factor.
func (f *Flow) SubmitFactor(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	p, s, account, wanted, err := f.proving(r, r.PostForm.Get("request"))
	switch {
	case err != nil:
		return err
	case !wanted:
		return f.proceed(w, r, p, s, account)
	case r.PostForm.Get("decision") == "without":
		// Not asked again here; whatever else the request takes is asked for.
		p.passed = true
		return f.proceed(w, r, p, s, account)
	}
	of := f.whose(r, s, account)
	if of.Permit, err = f.permit(r, s); err == nil && r.PostForm.Get("do") == "permit" {
		return f.factorPage(w, r, p, s, "", nil)
	}
	up := newStepUp(s)
	var codes []authz.Secret
	if err == nil {
		codes, err = f.prove(r, up, of)
	}
	if told, ok := errors.AsType[*authz.Error](err); ok && shownAgain(told) {
		return f.factorPage(w, r, p, s, r.PostForm.Get("pending"), told)
	}
	if err != nil {
		return err
	}
	if err := f.steppedUp(w, up); err != nil {
		return err
	}
	if len(codes) > 0 {
		return f.showCodes(w, codes, "/signin/done?"+url.Values{"request": {p.row.ID}}.Encode())
	}
	p.passed = true // what is lacking now, a factor does not bring
	return f.proceed(w, r, p, up.session, account)
}

// prove looks at what the form brings; recovery codes come with a first factor.
func (f *Flow) prove(r *http.Request, up *stepUp, of factor.Person) ([]authz.Secret, error) {
	ctx, form, then := r.Context(), r.PostForm, f.then(up, of.Session)
	switch {
	case form.Has("pending"):
		return f.cfg.Factors.EnrolApp(ctx, of, form.Get("pending"), form.Get("code"), then)
	case form.Has("ceremony") && !f.cfg.Factors.HasPasskeys():
		return nil, factor.ErrPasskey
	case form.Has("ceremony") && form.Get("do") == "create":
		return f.cfg.Factors.EnrolPasskey(ctx, of, form.Get("ceremony"), form.Get("response"), form.Get("name"), then)
	case form.Has("ceremony"):
		return nil, f.cfg.Factors.ProvePasskey(ctx, of, form.Get("ceremony"), form.Get("response"), then)
	case form.Has("recovery_code"):
		return nil, f.cfg.Factors.ProveRecovery(ctx, of, form.Get("recovery_code"), then)
	}
	return nil, f.cfg.Factors.ProveApp(ctx, of, form.Get("code"), then)
}

func (f *Flow) whose(r *http.Request, s authz.Session, account authz.AccountID) factor.Person {
	return factor.Person{Session: s, AccountID: account, Browser: f.knownBrowser(r, s)}
}

// shownAgain reports whether the person can mend it on the same page.
func shownAgain(e *authz.Error) bool {
	switch e.Code {
	case factor.ErrWrongCode.Code, factor.ErrUsedCode.Code, factor.ErrTooOften.Code, factor.ErrOver.Code, factor.ErrPasskey.Code, factor.ErrCopied.Code,
		factor.ErrHasApp.Code, factor.ErrHasPasskey.Code, factor.ErrNotFresh.Code, factor.ErrInterim.Code, factor.ErrFactorFirst.Code, factor.ErrLastFactor.Code, localaccount.ErrLink.Code:
		return true
	}
	return false
}

// factorPage asks for a factor that the person has; whoever has none is asked to
// set one up, or told why that cannot be now.
func (f *Flow) factorPage(w http.ResponseWriter, r *http.Request, p *pending, s authz.Session, pending string, problem *authz.Error) error {
	held, err := f.cfg.Factors.Of(r.Context(), s.WorkspaceID, s.UserID)
	if err != nil {
		return err
	}
	view := map[string]any{"Client": p.request.Client.Name, "Request": p.row.ID, "Action": "/signin/factor"}
	status, page := tellProblem(w, view, problem), ui.FactorPage
	permit, notPermitted := f.permit(r, s)
	switch refused := factor.MayEnrol(s, held, f.cfg.Clock.Now()); {
	case held.Usable():
		err = f.toProve(view, s, held)
	case errors.Is(refused, factor.ErrInterim) && permit != nil && notPermitted == nil:
		page, view["Permit"] = ui.FactorSetupPage, r.PostForm.Get("permit")
		err = f.toSetUp(r, view, s, held, pending)
	case refused != nil:
		page, view["Refused"], view["MayPermit"] = ui.FactorSetupPage, descriptionOf(refused), errors.Is(refused, factor.ErrInterim)
	default:
		page, err = ui.FactorSetupPage, f.toSetUp(r, view, s, held, pending)
	}
	if err != nil {
		return err
	}
	return f.writeFactors(w, status, page, view, f.leadsTo(p)...)
}

// writeFactors answers with a page of factors, which has a script where it may
// ask for a passkey.
func (f *Flow) writeFactors(w http.ResponseWriter, status int, page string, view map[string]any, formAction ...string) error {
	if view["Passkey"] != nil || view["NewPasskey"] != nil {
		return f.cfg.Pages.WriteScripted(w, status, page, view, formAction...)
	}
	return f.cfg.Pages.Write(w, status, page, view, formAction...)
}

// permit is what the administrator's code in a form is good for; nil where there
// is none.
func (f *Flow) permit(r *http.Request, s authz.Session) (func(context.Context) error, error) {
	code := strings.TrimSpace(r.PostForm.Get("permit"))
	if code == "" {
		return nil, nil //nolint:nilnil // as said
	}
	return f.cfg.Accounts.Permitted(r.Context(), s.WorkspaceID, s.UserID, authz.Secret(code))
}

// tellProblem puts a problem on a page, and returns the page's status.
func tellProblem(w http.ResponseWriter, view map[string]any, problem *authz.Error) int {
	if problem == nil {
		return http.StatusOK
	}
	view["Problem"] = problem.Description
	if problem.Kind != authz.RateLimited {
		return http.StatusOK
	}
	w.Header().Set("Retry-After", strconv.FormatInt(int64((problem.RetryAfter+time.Second-1)/time.Second), 10))
	return http.StatusTooManyRequests
}

// toProve adds to a page what the person can prove themselves with.
func (f *Flow) toProve(view map[string]any, s authz.Session, held factor.Held) error {
	view["App"], view["Codes"] = held.Has(authz.TOTPFactor), held.Codes > 0
	if !held.Has(authz.PasskeyFactor) || !f.cfg.Factors.HasPasskeys() {
		return nil
	}
	offer, err := f.cfg.Factors.AskPasskey(factor.Person{Session: s}, held)
	view["Passkey"] = offer
	return err
}

// toSetUp adds to a page what the person can set up: a passkey where there are
// any, and an app where they have none. An offer of an app that is good still is
// made again.
func (f *Flow) toSetUp(r *http.Request, view map[string]any, s authz.Session, held factor.Held, pending string) error {
	user, err := f.cfg.Store.GetUserAcrossWorkspaces(r.Context(), f.issuer, s.UserID)
	if err != nil {
		return err
	}
	of, account := factor.Person{Session: s}, accountName(user)
	if f.cfg.Factors.HasPasskeys() {
		offer, err := f.cfg.Factors.BeginPasskey(of, held, account, nameOf(user))
		if err != nil {
			return err
		}
		view["NewPasskey"] = offer
	}
	if held.Has(authz.TOTPFactor) {
		return nil
	}
	offer, err := f.cfg.Factors.AgainApp(of, pending, account)
	if err != nil {
		offer, err = f.cfg.Factors.BeginApp(of, account)
	}
	if err != nil {
		return err
	}
	view["Pending"], view["Secret"], view["QR"] = offer.Pending, offer.Text.Reveal(), picture(offer.QR)
	return nil
}

// accountName is what an app calls the account.
func accountName(u authz.User) string {
	if u.Profile.Email != "" {
		return u.Profile.Email
	}
	return nameOf(u)
}

// showCodes shows recovery codes, this once.
func (f *Flow) showCodes(w http.ResponseWriter, codes []authz.Secret, next string) error {
	texts := make([]string, len(codes))
	for i, c := range codes {
		texts[i] = c.Reveal()
	}
	return f.cfg.Pages.Write(w, http.StatusOK, ui.CodesPage, map[string]any{
		"Codes": texts, "Next": next, "File": textFile(f.cfg.Pages.Brand(), texts),
	})
}

// leadsTo is where the forms of a request's pages may lead.
func (f *Flow) leadsTo(p *pending) []string {
	if p.request.Device != nil {
		return nil
	}
	return []string{originOf(p.request.RedirectURI)}
}

func descriptionOf(err error) string {
	if e, ok := errors.AsType[*authz.Error](err); ok {
		return e.Description
	}
	return ""
}
