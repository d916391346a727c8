package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// login is a browser of one person and the client they sign in to: an
// authorization code flow with PKCE from an empty cookie jar to the tokens.
type login struct {
	s       *server
	c       client
	cookies map[string]string
	here    *connection // to the server
	there   *connection // to the provider
}

type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
}

// maxSteps bounds the redirects of one flow.
const maxSteps = 12

var errNoTokens = errors.New("the flow ended without tokens")

// whole logs in and returns the tokens.
func (l *login) whole() (tokens, error) {
	clear(l.cookies)
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	state := rand.Text()
	next := l.s.Issuer + "/oauth2/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {l.c.ID}, "redirect_uri": {redirectURI}, "scope": {"openid offline_access"},
		"state": {state}, "login_hint": {person}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}.Encode()
	for range maxSteps {
		if strings.HasPrefix(next, redirectURI) {
			return l.redeem(next, state, verifier)
		}
		var err error
		if next, err = l.step(next); err != nil {
			return tokens{}, err
		}
	}
	return tokens{}, errNoTokens
}

// step gets a page and returns where it leads; a consent page is allowed.
func (l *login) step(at string) (string, error) {
	c := l.here
	if !strings.HasPrefix(at, l.s.Issuer) {
		c = l.there
	}
	status, body, err := c.do(l.page(at, c == l.here))
	if err != nil {
		return "", err
	}
	l.keep(c)
	if status == http.StatusOK && strings.HasPrefix(at, l.s.Issuer+"/consent") {
		if status, err = l.consent(at, body); err != nil {
			return "", err
		}
	}
	if status/100 != 3 || c.location == "" {
		return "", fmt.Errorf("status %d where a redirect was expected", status)
	}
	base, err := url.Parse(at)
	if err != nil {
		return "", err
	}
	to, err := base.Parse(c.location)
	if err != nil {
		return "", err
	}
	return to.String(), nil
}

var hidden = regexp.MustCompile(`name="(request|csrf)" value="([^"]*)"`)

// consent allows everything that is asked, the first time.
func (l *login) consent(at string, page []byte) (int, error) {
	form := url.Values{"scope": {"openid", "offline_access"}, "decision": {"allow"}}
	for _, m := range hidden.FindAllSubmatch(page, -1) {
		form.Set(string(m[1]), string(m[2]))
	}
	body := form.Encode()
	req := newRequest(http.MethodPost, at)
	req.URL.RawQuery = ""
	req.Header = http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "Content-Length": {fmt.Sprint(len(body))},
		"Origin": {l.s.Issuer}, "Sec-Fetch-Site": {"same-origin"}, "Cookie": {l.jar()},
	}
	status, _, err := l.here.do(append(render(req), body...))
	l.keep(l.here)
	return status, err
}

func (l *login) page(at string, ours bool) []byte {
	req := newRequest(http.MethodGet, at)
	req.Header.Set("Accept", "text/html")
	if ours && len(l.cookies) > 0 {
		req.Header.Set("Cookie", l.jar())
	}
	return render(req)
}

func (l *login) jar() string {
	var b strings.Builder
	for name, value := range l.cookies {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(name + "=" + value)
	}
	return b.String()
}

func (l *login) keep(c *connection) {
	if c != l.here {
		return
	}
	for _, line := range c.cookies {
		pair, _, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		l.cookies[name] = value
	}
}

func (l *login) redeem(answer, state, verifier string) (tokens, error) {
	u, err := url.Parse(answer)
	if err != nil {
		return tokens{}, err
	}
	q := u.Query()
	if q.Get("state") != state || q.Get("code") == "" {
		return tokens{}, fmt.Errorf("no code, or another state: %s", q.Get("error"))
	}
	return askTokens(l.here, l.s, l.c, url.Values{
		"grant_type": {"authorization_code"}, "code": {q.Get("code")}, "redirect_uri": {redirectURI}, "code_verifier": {verifier},
	})
}

func askTokens(c *connection, s *server, by client, form url.Values) (tokens, error) {
	var t tokens
	if err := expect(c, post(s.Token, by, form), `"access_token":"`); err != nil {
		return t, err
	}
	if err := json.NewDecoder(bytes.NewReader(c.body)).Decode(&t); err != nil {
		return t, err
	}
	if t.Access == "" || t.Refresh == "" || t.ID == "" {
		return t, errNoTokens
	}
	return t, nil
}

// logins signs in anew each time (W5).
func logins(s *server, by client) workload {
	return func(int, int) func(*connection) error {
		l := &login{s: s, c: by, cookies: make(map[string]string), there: newConnection(s.provider, patience)}
		return func(c *connection) error {
			l.here = c
			_, err := l.whole()
			return err
		}
	}
}

// refreshes rotates a chain of refresh tokens, each connection its own (W4).
func refreshes(s *server, by client) workload {
	return func(int, int) func(*connection) error {
		l := &login{s: s, c: by, cookies: make(map[string]string), there: newConnection(s.provider, patience)}
		refresh := ""
		return func(c *connection) error {
			l.here = c
			if refresh == "" {
				t, err := l.whole()
				refresh = t.Refresh
				return err
			}
			t, err := askTokens(c, s, by, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
			if err != nil {
				return err
			}
			if t.Refresh == refresh {
				return errors.New("the refresh token was not rotated")
			}
			refresh = t.Refresh
			return nil
		}
	}
}
