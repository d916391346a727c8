package login

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// A browser in which somebody proved a factor is known from then on, for that
// person: what strangers guess elsewhere does not count against them there.
const (
	knownCookie  = "known"
	knownPurpose = "known browser"
	knownLife    = 180 * 24 * time.Hour
	maxKnown     = 256
)

func knownRow(s authz.Session) string { return string(s.WorkspaceID) + " " + string(s.UserID) }

// knownBrowser names the browser if the session's person is known in it.
func (f *Flow) knownBrowser(r *http.Request, s authz.Session) string {
	found := r.CookiesNamed(f.cookieName(knownCookie))
	if len(found) != 1 || len(found[0].Value) > maxKnown {
		return ""
	}
	sealed, err := base64.RawURLEncoding.DecodeString(found[0].Value)
	if err != nil {
		return ""
	}
	name, err := f.cfg.Sealer.Open(knownPurpose, knownRow(s), sealed)
	if err != nil {
		return ""
	}
	return string(name)
}

// rememberBrowser makes the browser one that the session's person is known in.
func (f *Flow) rememberBrowser(w http.ResponseWriter, s authz.Session) error {
	sealed, err := f.cfg.Sealer.Seal(knownPurpose, knownRow(s), []byte(authz.NewID("br")))
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: f.cookieName(knownCookie), Value: base64.RawURLEncoding.EncodeToString(sealed), Path: "/", MaxAge: int(knownLife / time.Second),
		Secure: f.cfg.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return nil
}
