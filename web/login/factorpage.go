package login

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/factor"
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
	up := newStepUp(s)
	codes, err := f.prove(r, up, f.whose(r, s, account))
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
	return f.proceed(w, r, p, up.session, account)
}

// prove looks at what the form brings; recovery codes come with a first factor.
func (f *Flow) prove(r *http.Request, up *stepUp, of factor.Person) ([]authz.Secret, error) {
	ctx, form, then := r.Context(), r.PostForm, f.then(up, of.Session)
	switch {
	case form.Has("pending"):
		return f.cfg.Factors.EnrolApp(ctx, of, form.Get("pending"), form.Get("code"), then)
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
	return e.Code == "wrong_code" || e.Code == "used_code" || e.Code == factor.ErrTooOften.Code || e.Code == factor.ErrOver.Code
}

// factorPage asks for a factor that the person has; whoever has none is asked to
// set one up, or told why that cannot be now.
func (f *Flow) factorPage(w http.ResponseWriter, r *http.Request, p *pending, s authz.Session, pending string, problem *authz.Error) error {
	held, err := f.cfg.Factors.Of(r.Context(), s.WorkspaceID, s.UserID)
	if err != nil {
		return err
	}
	view := map[string]any{"Client": p.request.Client.Name, "Request": p.row.ID, "Action": "/signin/factor", "Problem": ""}
	status := http.StatusOK
	if problem != nil {
		view["Problem"] = problem.Description
		if problem.Kind == authz.RateLimited {
			status = http.StatusTooManyRequests
			w.Header().Set("Retry-After", strconv.FormatInt(int64((problem.RetryAfter+time.Second-1)/time.Second), 10))
		}
	}
	leads := f.leadsTo(p)
	if held.Usable() {
		view["App"], view["Codes"] = held.Has(authz.TOTPFactor), held.Codes > 0
		return f.cfg.Pages.Write(w, status, ui.FactorPage, view, leads...)
	}
	if refused := factor.MayEnrol(s, held, f.cfg.Clock.Now()); refused != nil {
		view["Refused"] = descriptionOf(refused)
		return f.cfg.Pages.Write(w, status, ui.FactorSetupPage, view, leads...)
	}
	if err := f.offerApp(r, view, s, pending); err != nil {
		return err
	}
	return f.cfg.Pages.Write(w, status, ui.FactorSetupPage, view, leads...)
}

// offerApp adds a secret for an authenticator app to a page: the one that was
// offered already, while it is good.
func (f *Flow) offerApp(r *http.Request, view map[string]any, s authz.Session, pending string) error {
	user, err := f.cfg.Store.GetUserAcrossWorkspaces(r.Context(), f.issuer, s.UserID)
	if err != nil {
		return err
	}
	of, account := factor.Person{Session: s}, accountName(user)
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
