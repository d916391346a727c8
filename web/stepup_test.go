package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/web"
)

// tokens signs in, asking for a code with more, and returns what it gives.
func (h *house) tokens(b *browser, more ...string) map[string]string {
	h.Helper()
	location := b.through(h.authorizeURL(append([]string{"code_challenge", "", "code_challenge_method", ""}, more...)...))
	u, err := url.Parse(location)
	h.ok(err)
	w := h.send("POST", "/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "redirect_uri": {appURI}}.Encode(), "Content-Type", form, "Authorization", h.basic())
	if w.Code != http.StatusOK {
		h.Fatalf("no tokens for %s: %d %s", location, w.Code, w.Body)
	}
	return map[string]string{"access_token": member(w, "access_token"), "refresh_token": member(w, "refresh_token"), "scope": member(w, "scope")}
}

// through follows wherever it leads, allows what is asked, and returns where
// the client gets its answer.
func (b *browser) through(target string) string {
	b.h.Helper()
	w := b.get(target)
	for range 8 {
		location := w.Header().Get("Location")
		switch {
		case strings.HasPrefix(location, appURI):
			return location
		case strings.HasPrefix(location, b.h.upstream.Issuer()):
			w = b.get(b.h.upstreamAnswer(location))
		case strings.HasPrefix(location, "/consent"):
			u, _ := url.Parse(location)
			w = b.post("/consent", url.Values{"request": u.Query()["request"], "scope": b.h.consents, "decision": {"allow"}})
		default:
			w = b.get(location)
		}
	}
	b.h.Fatalf("no answer for the client: %d %s %.400s", w.Code, w.Header().Get("Location"), w.Body)
	return ""
}

var challenged = regexp.MustCompile(`(\w+)="([^"]*)"`)

// challenge reads the parameters of a WWW-Authenticate header.
func (h *house) challenge(w *httptest.ResponseRecorder) map[string]string {
	h.Helper()
	header := w.Header().Get("WWW-Authenticate")
	if w.Code != http.StatusUnauthorized || !strings.HasPrefix(header, "Bearer ") {
		h.Fatalf("no challenge: %d %q %s", w.Code, header, w.Body)
	}
	parameters := map[string]string{}
	for _, m := range challenged.FindAllStringSubmatch(header, -1) {
		parameters[m[1]] = m[2]
	}
	return parameters
}

func TestRFC9470_ATooWeakOrTooOldSignInIsToldWhatWouldDo(t *testing.T) {
	t.Parallel()
	for what, rule := range map[string]authz.AuthenticationRule{
		"stronger":    {ACRValues: []string{idptest.ACRMultiFactor}},
		"more recent": {MaxAge: 5 * time.Minute},
		"both":        {ACRValues: []string{idptest.ACRMultiFactor, "urn:better"}, MaxAge: 5 * time.Minute},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t, func(c *web.Config) {
				c.Issuers[0].Demands = func(operation string) authz.AuthenticationRule {
					if operation == "userinfo" {
						return rule
					}
					return authz.AuthenticationRule{}
				}
			})
			b := h.browser()
			me := func(token string) *httptest.ResponseRecorder {
				return h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer "+token)
			}
			weak := h.tokens(b)["access_token"]
			h.clock.Advance(6 * time.Minute)
			refused := me(weak)
			h.wants("refused", refused, http.StatusUnauthorized, "insufficient_user_authentication")
			asked := h.challenge(refused)
			if asked["error"] != "insufficient_user_authentication" || (asked["max_age"] == "300") != (rule.MaxAge > 0) || asked["acr_values"] != strings.Join(rule.ACRValues, " ") {
				t.Fatalf("challenge %v", asked)
			}
			more := []string{}
			for _, name := range []string{"acr_values", "max_age"} {
				if asked[name] != "" {
					more = append(more, name, asked[name])
				}
			}
			strong := h.tokens(b, more...)["access_token"]
			if w := me(strong); w.Code != http.StatusOK {
				t.Errorf("after the sign-in that was asked for: %d %v %s", w.Code, w.Header(), w.Body)
			}
			in := h.send("POST", "/oauth2/introspect", url.Values{"token": {strong}}.Encode(), "Content-Type", form, "Authorization", h.basic())
			if len(rule.ACRValues) > 0 && member(in, "acr") != idptest.ACRMultiFactor || !strings.Contains(in.Body.String(), `"auth_time":`) {
				t.Errorf("introspection %s", in.Body)
			}
			if w := me(weak); w.Code != http.StatusUnauthorized {
				t.Errorf("the old token was strengthened: %d", w.Code)
			}
			if e := h.entries("userinfo.refused"); len(e) != 2 || e[0].Reason != "insufficient_user_authentication" || e[0].Actor != string(h.app.ID) {
				t.Errorf("audit %+v", e)
			}
		})
	}
}

func TestRFC9470_ASessionThatIsStrongEnoughIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	h.tokens(b, "acr_values", idptest.ACRMultiFactor)
	h.clock.Advance(time.Minute)
	w := b.get(h.authorizeURL("acr_values", "urn:better "+idptest.ACRMultiFactor, "max_age", "90"))
	if !strings.HasPrefix(w.Header().Get("Location"), appURI) {
		t.Errorf("asked again: %d %s", w.Code, w.Header().Get("Location"))
	}
	silent := b.get(h.authorizeURL("acr_values", "urn:better", "prompt", "none"))
	if strings.Contains(silent.Header().Get("Location"), "error=") {
		t.Errorf("a wish was taken for a demand: %s", silent.Header().Get("Location"))
	}
	// A context nobody can give is asked for once, then the sign-in stands (OpenID Connect Core section 3.1.2.1: voluntary).
	if location := b.through(h.authorizeURL("acr_values", "urn:better")); !strings.Contains(location, "code=") {
		t.Errorf("a context nobody has: %s", location)
	}
}

func TestRFC9470_TheManagementAPIChallengesToo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := h.send("GET", "/v1/clients", "", "Authorization", "Bearer "+h.operator)
	if w.Code != http.StatusOK {
		t.Fatalf("nothing demanded: %d %s", w.Code, w.Body)
	}
	h.demands = map[string]authz.AuthenticationRule{"list-clients": {ACRValues: []string{"gold"}, MaxAge: time.Minute}}
	w = h.send("GET", "/v1/clients", "", "Authorization", "Bearer "+h.operator)
	h.wants("demanded", w, http.StatusUnauthorized, "insufficient_user_authentication")
	if asked := h.challenge(w); asked["acr_values"] != "gold" || asked["max_age"] != "60" || asked["error"] != "insufficient_user_authentication" {
		t.Errorf("challenge %v", asked)
	}
	if e := h.entries("api.refused"); len(e) != 1 || e[0].Reason != "insufficient_user_authentication" {
		t.Errorf("audit %+v", e)
	}
}
