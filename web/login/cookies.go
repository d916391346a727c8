package login

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Two cookies: sid is the session; flow binds a browser to the authorization
// requests it began. Both hold 256 random bits; the database holds their
// digests.
const (
	sessionCookie = "sid"
	flowCookie    = "flow"
)

func randomText() string { return authz.NewToken("").Reveal() }

// cookieName carries the issuer, as hosts may differ in the port only, and the
// __Host- prefix, which keeps sibling hosts from planting one (RFC 6265bis
// section 4.1.3.2). Plain http on loopback cannot have the prefix.
func (f *Flow) cookieName(kind string) string {
	name := kind + "-" + f.cfg.CookieSuffix
	if f.cfg.Secure {
		return "__Host-" + name
	}
	return name
}

// readCookie returns the value of a cookie that occurs exactly once.
func (f *Flow) readCookie(r *http.Request, kind string) string {
	found := r.CookiesNamed(f.cookieName(kind))
	if len(found) != 1 || len(found[0].Value) > 64 {
		return ""
	}
	return found[0].Value
}

// setCookie sets a cookie for as long as the browser runs. Lax lets it come
// along when another site sends the browser here by a link or redirect.
func (f *Flow) setCookie(w http.ResponseWriter, kind, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: f.cookieName(kind), Value: value, Path: "/", Secure: f.cfg.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// browser is what binds requests to this browser, which gets it if it has none.
func (f *Flow) browser(w http.ResponseWriter, r *http.Request) string {
	text := f.readCookie(r, flowCookie)
	if text == "" {
		text = randomText()
		f.setCookie(w, flowCookie, text)
	}
	return text
}

// dropCookie makes the browser forget a cookie.
func (f *Flow) dropCookie(w http.ResponseWriter, kind string) {
	http.SetCookie(w, &http.Cookie{
		Name: f.cookieName(kind), Path: "/", MaxAge: -1, Secure: f.cfg.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
