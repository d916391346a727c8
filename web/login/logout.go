package login

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/authz/session"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// Logout serves GET and POST /oauth2/logout (OpenID Connect RP-Initiated
// Logout section 2). A POST is answered with a redirect to itself by GET, as
// Authorize does. A valid ID token hint of the person who is signed in here
// ends the session at once; anything less asks them, so that no link on
// another site signs anybody out.
func (f *Flow) Logout(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		if r.URL.RawQuery != "" {
			return pageError(authz.Invalid, "invalid_request", "Send the parameters in the body or in the query, not in both.")
		}
		if _, err := f.cfg.OAuth.Logout(r.Context(), r.PostForm); err != nil {
			return err
		}
		known := url.Values{} // what a form holds besides may be no matter for a URL
		for _, name := range asked {
			if r.PostForm.Has(name) {
				known.Set(name, r.PostForm.Get(name))
			}
		}
		return seeOther(w, r, "/oauth2/logout?"+known.Encode())
	}
	req, err := f.cfg.OAuth.Logout(r.Context(), r.URL.Query())
	if err != nil {
		return err
	}
	live, account, err := f.session(r)
	if err != nil {
		return err
	}
	hinted := req.Subject != "" && req.Subject == f.cfg.OAuth.SubjectFor(req.Client, live.UserID)
	switch {
	case live.ID == "":
		return f.signedOut(w, r, req, logout{proven: req.Subject != ""})
	case !hinted:
		return f.askLogout(w, r, req, live)
	}
	return f.logOut(w, r, req, live, account)
}

// SubmitLogout serves POST /logout: the person says yes. It is held against
// cross-origin requests like every form.
func (f *Flow) SubmitLogout(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	req, err := f.cfg.OAuth.Logout(r.Context(), r.PostForm)
	if err != nil {
		return err
	}
	live, account, err := f.session(r)
	if err != nil {
		return err
	}
	if live.ID == "" {
		return f.signedOut(w, r, req, logout{proven: req.Subject != ""})
	}
	return f.logOut(w, r, req, live, account)
}

// asked are the parameters that come back with the person's answer.
var asked = []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state"}

type field struct{ Name, Value string }

func (f *Flow) askLogout(w http.ResponseWriter, r *http.Request, req *oauth.LogoutRequest, live authz.Session) error {
	user, err := f.cfg.Store.GetUserAcrossWorkspaces(r.Context(), f.issuer, live.UserID)
	if err != nil {
		return err
	}
	var fields []field
	for _, name := range asked {
		if value := req.Parameters.Get(name); value != "" {
			fields = append(fields, field{name, value})
		}
	}
	var leadsTo []string
	if req.RedirectURI != "" {
		leadsTo = append(leadsTo, originOf(req.RedirectURI))
	}
	return f.cfg.Pages.Write(w, http.StatusOK, ui.LogoutPage, map[string]any{
		"Person": nameOf(user), "Client": req.Client.Name, "Fields": fields,
	}, leadsTo...)
}

// logOut ends the session and with it the cookie.
func (f *Flow) logOut(w http.ResponseWriter, r *http.Request, req *oauth.LogoutRequest, live authz.Session, account authz.AccountID) error {
	told, err := f.cfg.Sessions.Revoke(r.Context(), session.Revocation{
		Session: live, AccountID: account, Reason: session.SignedOut, ClientID: req.Client.ID,
	})
	if err != nil {
		return err
	}
	return f.signedOut(w, r, req, logout{told: told, sid: live.ID, proven: true})
}

// logout is how a logout went.
type logout struct {
	told []authz.SessionClient
	sid  authz.SessionID
	// proven says that the client, or the person, is known to have wanted it:
	// only then is the browser sent on unasked.
	proven bool
}

// signedOut sends the browser back to the client, by way of a page that lets
// the clients of the session clear their own (OpenID Connect Front-Channel
// Logout section 3), or shows that page alone.
func (f *Flow) signedOut(w http.ResponseWriter, r *http.Request, req *oauth.LogoutRequest, l logout) error {
	f.dropCookie(w, sessionCookie)
	frames := f.frames(l)
	location := req.Location()
	if location != "" && l.proven && len(frames) == 0 {
		return seeOther(w, r, location)
	}
	view := map[string]any{"Client": req.Client.Name, "Location": location, "Frames": frames, "Leads": l.proven && location != ""}
	return f.cfg.Pages.WriteFraming(w, http.StatusOK, ui.SignedOutPage, view, originsOf(frames)...)
}

// frames are the front-channel logout addresses, with the issuer and the
// session in their query. Their origins stand in the page's policy, so they
// are held to what may be registered once more.
func (f *Flow) frames(l logout) []string {
	var frames []string
	for _, c := range l.told {
		uri := c.Metadata.FrontchannelLogoutURI
		if !strings.HasPrefix(uri, "http") || oauth.CheckRedirectURI(uri) != nil {
			continue
		}
		frame := oauth.Redirect{URI: uri, Parameters: url.Values{"iss": {f.cfg.OAuth.Settings().URL}, "sid": {string(l.sid)}}}.Location()
		if !slices.Contains(frames, frame) {
			frames = append(frames, frame)
		}
	}
	return frames
}

func originsOf(frames []string) []string {
	var origins []string
	for _, frame := range frames {
		if origin := originOf(frame); !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	return origins
}
