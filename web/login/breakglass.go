package login

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// ShowBreakGlass serves GET /break-glass: the way into a workspace when its
// upstream is none. The page is the same whether there is such a workspace.
func (f *Flow) ShowBreakGlass(w http.ResponseWriter, r *http.Request) error {
	return f.breakGlassPage(w, r, r.URL.Query().Get("workspace"), nil)
}

func (f *Flow) breakGlassPage(w http.ResponseWriter, r *http.Request, ws string, problem *authz.Error) error {
	if ws == "" || len(ws) > 64 {
		return pageError(authz.Invalid, "invalid_request", "The address names no workspace. Use the one that came with your account.")
	}
	return f.localPage(w, r, map[string]any{"Action": "/break-glass", "Request": ws, "Login": r.PostForm.Get("login")}, problem)
}

// SignInBreakGlass serves POST /break-glass. Whoever is let in has a session of
// the workspace, with which its applications go on.
func (f *Flow) SignInBreakGlass(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	ws := r.PostForm.Get("request")
	if ws == "" { // that is where operators are
		return f.breakGlassPage(w, r, ws, nil)
	}
	_, err := f.signInLocally(w, r, authz.WorkspaceID(ws), nil)
	if told := localProblem(err); told != nil {
		return f.breakGlassPage(w, r, ws, told)
	}
	if err != nil {
		return err
	}
	return seeOther(w, r, "/security")
}
