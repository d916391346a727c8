package login

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/factor"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

var errNobody = pageError(authz.Unauthenticated, "not_signed_in", "You are not signed in here. Open the application you use, sign in, and come back.")

// ShowSecurity serves GET /security: a person's own second factors.
func (f *Flow) ShowSecurity(w http.ResponseWriter, r *http.Request) error {
	s, _, err := f.signedInPerson(r)
	if err != nil {
		return err
	}
	return f.securityPage(w, r, s, "", nil)
}

func (f *Flow) signedInPerson(r *http.Request) (authz.Session, authz.AccountID, error) {
	s, account, err := f.session(r)
	if err == nil && s.ID == "" {
		err = errNobody
	}
	return s, account, err
}

// SubmitSecurity serves POST /security.
func (f *Flow) SubmitSecurity(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	s, account, err := f.signedInPerson(r)
	if err != nil {
		return err
	}
	up, codes, err := f.change(r, f.whose(r, s, account))
	if told, ok := errors.AsType[*authz.Error](err); ok && shownAgain(told) {
		return f.securityPage(w, r, s, r.PostForm.Get("pending"), told)
	}
	if err != nil {
		return err
	}
	if up != nil {
		if err := f.steppedUp(w, up); err != nil {
			return err
		}
	}
	if len(codes) > 0 {
		return f.showCodes(w, codes, "/security")
	}
	return seeOther(w, r, "/security")
}

// change does what the form asks; up is nil where nothing was proven by it.
func (f *Flow) change(r *http.Request, of factor.Person) (up *stepUp, codes []authz.Secret, err error) {
	switch r.PostForm.Get("do") {
	case "remove":
		return nil, nil, f.cfg.Factors.Remove(r.Context(), of, authz.FactorID(r.PostForm.Get("factor")))
	case "codes":
		codes, err = f.cfg.Factors.NewCodes(r.Context(), of)
		return nil, codes, err
	}
	up = newStepUp(of.Session)
	codes, err = f.prove(r, up, of)
	return up, codes, err
}

func (f *Flow) workspaceName(ctx context.Context, s authz.Session) (string, error) {
	if s.WorkspaceID == "" {
		return "", nil
	}
	workspace, err := f.cfg.Store.GetWorkspace(ctx, f.issuer, s.WorkspaceID)
	return workspace.Name, err
}

type factorView struct {
	ID               authz.FactorID
	Name, Kind       string
	Added, Used      string
	Synced, Disabled bool
}

func (f *Flow) securityPage(w http.ResponseWriter, r *http.Request, s authz.Session, pending string, problem *authz.Error) error {
	ctx := r.Context()
	held, err := f.cfg.Factors.Of(ctx, s.WorkspaceID, s.UserID)
	if err != nil {
		return err
	}
	user, err := f.cfg.Store.GetUserAcrossWorkspaces(ctx, f.issuer, s.UserID)
	if err != nil {
		return err
	}
	workspace, err := f.workspaceName(ctx, s)
	if err != nil {
		return err
	}
	now := f.cfg.Clock.Now()
	refused := factor.MayEnrol(s, held, now)
	view := map[string]any{
		"Action": "/security", "Request": "", "Person": nameOf(user), "Workspace": workspace, "Factors": factorViews(held), "CodesLeft": held.Codes,
		"MayChange": len(held.Factors) > 0 && refused == nil,
	}
	_, _, notLinked := f.otherSide(ctx, s)
	view["MayLink"] = notLinked == nil
	status := tellProblem(w, view, problem)
	switch {
	case refused == nil:
		err = f.toSetUp(r, view, s, held, pending)
	case len(held.Factors) == 0:
		view["Refused"] = descriptionOf(refused)
	default:
		view["Confirm"], err = true, f.toProve(view, s, held)
	}
	if err != nil {
		return err
	}
	return f.writeFactors(w, status, ui.SecurityPage, view)
}

func factorViews(h factor.Held) []factorView {
	day := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return at.UTC().Format("2 January 2006, 15:04 MST")
	}
	kinds := map[authz.FactorKind]string{authz.TOTPFactor: "authenticator app", authz.PasskeyFactor: "passkey"}
	views := make([]factorView, len(h.Factors))
	for i, f := range h.Factors {
		views[i] = factorView{
			ID: f.ID, Name: f.Name, Kind: kinds[f.Kind], Added: day(f.CreatedAt), Used: day(f.LastUsedAt), Synced: f.Synced, Disabled: f.State != authz.Active,
		}
	}
	return views
}
