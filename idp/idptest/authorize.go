package idptest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const sessionCookie = "idptest_session"

// GET /authorize (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2)
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	req, code, ok := p.parseRequest(r)
	if !ok {
		http.Error(w, "Unknown client or redirect URI.", http.StatusBadRequest)
		return
	}
	if code != "" {
		p.redirect(w, r, req, url.Values{"error": {code}})
		return
	}
	if p.config.AutoLogin {
		p.autoLogin(w, r, req)
		return
	}
	s, ok := p.session(r)
	if ok && req.maxAge != nil {
		ok = p.config.Now().Sub(s.authTime) <= *req.maxAge
	}
	if slices.Contains(req.prompts, "none") && !ok {
		p.redirect(w, r, req, url.Values{"error": {"login_required"}})
		return
	}
	if !ok || req.interactive() {
		p.showLogin(w, r, req, "")
		return
	}
	p.finish(w, r, req, s)
}

// POST /authorize with the query of the request and the form's login and password
func (p *Provider) login(w http.ResponseWriter, r *http.Request) {
	req, code, ok := p.parseRequest(r)
	if !ok || code != "" {
		http.Error(w, "Not an authorization request.", http.StatusBadRequest)
		return
	}
	if err := r.ParseForm(); err != nil {
		http.Error(w, "Malformed form.", http.StatusBadRequest)
		return
	}
	user, ok := authenticate(p.config.Users, r.PostForm.Get("username"), r.PostForm.Get("password"))
	if !ok {
		p.showLogin(w, r, req, "That user name and password do not belong together.")
		return
	}
	s := session{user: user, authTime: p.config.Now(), id: rand.Text()}
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: p.sessions.put(s), Path: "/", HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(p.Issuer(), "https:"),
	})
	p.finish(w, r, req, s)
}

func (p *Provider) session(r *http.Request) (session, bool) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return session{}, false
	}
	return p.sessions.get(cookie.Value)
}

// autoLogin signs in whom login_hint names; nobody but tests asks for that.
func (p *Provider) autoLogin(w http.ResponseWriter, r *http.Request, req request) {
	i := slices.IndexFunc(p.config.Users, func(u User) bool {
		return req.loginHint == "" || u.Login == req.loginHint || u.Email == req.loginHint
	})
	if i < 0 {
		p.redirect(w, r, req, url.Values{"error": {"access_denied"}})
		return
	}
	p.finish(w, r, req, session{user: p.config.Users[i], authTime: p.config.Now(), id: rand.Text()})
}

// finish sends the browser back with a code (RFC 6749 section 4.1.2).
func (p *Provider) finish(w http.ResponseWriter, r *http.Request, req request, s session) {
	code := p.codes.put(grant{
		session: s, clientID: req.client.ID, redirectURI: req.redirectURI, challenge: req.challenge,
		nonce: req.nonce, scopes: req.scopes, askedMaxAge: req.maxAge != nil,
		mfa: s.user.MFA || s.user.MFAOnRequest && slices.Contains(req.acrValues, ACRMultiFactor),
	})
	p.redirect(w, r, req, url.Values{"code": {code}})
}

// redirect answers with state and iss (RFC 9207) beside the parameters.
func (p *Provider) redirect(w http.ResponseWriter, r *http.Request, req request, params url.Values) {
	params.Set("iss", p.Issuer())
	if req.state != "" {
		params.Set("state", req.state)
	}
	if _, faults := p.signing(); faults.Callback != nil {
		faults.Callback(params)
	}
	separator := "?"
	if strings.Contains(req.redirectURI, "?") {
		separator = "&"
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, req.redirectURI+separator+params.Encode(), http.StatusSeeOther)
}
