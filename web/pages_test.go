package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/web"
)

// hostile is text that must come out of no page as it went in.
const hostile = `"><script>alert(1)</script>`

// guarded checks the headers of an answer, and of HTML in particular.
func (h *house) guarded(what string, w *httptest.ResponseRecorder) {
	h.Helper()
	head := w.Header()
	if head.Get("X-Content-Type-Options") != "nosniff" {
		h.Errorf("%s: %d without nosniff", what, w.Code)
	}
	if !strings.HasPrefix(head.Get("Content-Type"), "text/html") {
		return
	}
	policy := head.Get("Content-Security-Policy")
	for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action "} {
		if !strings.Contains(policy, directive) {
			h.Errorf("%s: policy %q lacks %s", what, policy, directive)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") || head.Get("X-Frame-Options") != "DENY" ||
		head.Get("Cross-Origin-Opener-Policy") == "" || head.Get("Strict-Transport-Security") == "" || head.Get("Referrer-Policy") == "" {
		h.Errorf("%s: headers %v", what, head)
	}
	for _, raw := range []string{"<script", "<svg onload", "javascript:", `onload=alert(1)>`} {
		if strings.Contains(w.Body.String(), raw) && !strings.Contains(w.Body.String(), "&gt;") {
			h.Errorf("%s: the page holds %q", what, raw)
		}
	}
	if strings.Contains(w.Body.String(), "<script") || strings.Contains(w.Body.String(), "<svg onload") {
		h.Errorf("%s: raw input in the page: %.600s", what, w.Body)
	}
}

func TestWB_03_WB_04_EveryHTMLAnswerIsGuarded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	answers := map[string]*httptest.ResponseRecorder{
		"welcome": b.get("/"), "not found": b.get("/nothing"), "method": b.send("PUT", "/consent", ""),
		"unknown client": b.get("/oauth2/authorize?client_id=x"), "redirect to upstream": b.get(h.authorizeURL()),
		"chooser": b.get(h.authorizeURL("prompt", "select_account")), "gone": b.get("/consent?request=ar_x"), "error redirect": b.get(h.authorizeURL("scope", "x")),
		"static": b.get("/static/gatehouse.css"), "static folder": b.get("/static/"), "static nothing": b.get("/static/x"), "static index": b.get("/static/index.html"), "no slash": b.get("/static"),
		"unclean": b.get("//consent"), "dots": b.get("/x/../consent"), "doubled": b.get("/oauth2//authorize"), "api, no slash": b.get("/v1"), "api": b.get("/v1/nothing"),
		"metadata": b.get("/.well-known/openid-configuration"), "wrong host": h.send("GET", "https://evil.example/", ""), "cross-origin": b.send("POST", "/consent", "x=y", "Origin", "https://evil.example"),
	}
	id := b.consentPage("prompt", "consent")
	answers["consent"] = b.get("/consent?request=" + id)
	if body := answers["consent"].Body.String(); !strings.Contains(body, `id="allow"`) || !strings.Contains(body, "&lt;svg onload") || !strings.Contains(body, "Ada &lt;script&gt;") {
		t.Errorf("consent page %.900s", body)
	}
	if policy := answers["consent"].Header().Get("Content-Security-Policy"); !strings.HasSuffix(policy, "form-action 'self' https://app.example") {
		t.Errorf("policy %q", policy)
	}
	answers["code"] = b.post("/consent", url.Values{"request": {id}, "scope": {"profile"}, "decision": {"allow"}})
	for name, w := range answers {
		h.guarded(name, w)
	}
	for _, name := range []string{"unclean", "dots", "doubled", "static folder", "no slash"} {
		if w := answers[name]; w.Code != http.StatusNotFound {
			t.Errorf("AD-05: %s: %d %s", name, w.Code, w.Header().Get("Location"))
		}
	}
	if w := answers["code"]; w.Code != http.StatusSeeOther {
		t.Errorf("RU-12: after a POST: %d", w.Code)
	}
}

func TestAZ_12_NoPageEchoesWhatItWasSent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	id := b.chooser("max_age", "1")
	q := url.QueryEscape(hostile)
	for name, w := range map[string]*httptest.ResponseRecorder{
		"client":     b.get("/oauth2/authorize?client_id=" + q),
		"redirect":   b.get(h.authorizeURL("redirect_uri", hostile)),
		"strangers":  b.get(h.authorizeURL("error_hint", hostile, "error_description", hostile, "ui_locales", hostile, "prompt", "select_account")),
		"login hint": b.get(h.authorizeURL("login_hint", hostile, "prompt", "select_account")),
		"state":      b.get(h.authorizeURL("state", hostile, "scope", "x")),
		"e-mail":     b.post("/signin", url.Values{"request": {id}, "email": {hostile + "@x.example"}}),
		"request":    b.get("/consent?request=" + q),
		"path":       b.get("/" + url.PathEscape(hostile)),
		"callback":   b.get("/oidc/x/callback?error=" + q + "&error_description=" + q + "&state=" + q),
		"form":       b.post("/consent", url.Values{"request": {hostile}, "decision": {hostile}}),
	} {
		h.guarded(name, w)
		if strings.Contains(w.Body.String(), hostile) || strings.ContainsAny(w.Header().Get("Location"), "<>\"") {
			t.Errorf("%s: %.600s %s", name, w.Body, w.Header().Get("Location"))
		}
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"token":      h.send("POST", "/oauth2/token", url.Values{"grant_type": {hostile}, "client_id": {hostile}}.Encode(), "Content-Type", form),
		"introspect": h.send("POST", "/oauth2/introspect", url.Values{"token": {hostile}}.Encode(), "Content-Type", form, "Authorization", "Basic "+hostile),
		"api":        h.send("POST", "/v1/workspaces", `{"name":17,"`+"script"+`":"`+"<script>"+`"}`, "Content-Type", "application/json", "Authorization", "Bearer "+h.operator),
	} {
		if strings.Contains(w.Body.String(), "<script") || strings.Contains(w.Body.String(), `\u003cscript`) {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
}

func TestWB_01_AFormFromAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	id := b.consentPage()
	body := url.Values{"request": {id}, "scope": {"profile"}, "decision": {"allow"}}.Encode()
	for _, headers := range [][]string{
		{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://up.example.evil.example"}, {"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, {"Origin", "https://up.example:8443"},
	} {
		for _, path := range []string{"/consent", "/signin"} {
			if w := b.send("POST", path, body, headers...); w.Code != http.StatusForbidden || w.Header().Get("Location") != "" {
				t.Errorf("%s with %v: %d", path, headers, w.Code)
			}
		}
	}
	if w := b.post("/consent", url.Values{"request": {id}, "scope": {"profile"}, "decision": {"allow"}}); w.Code != http.StatusSeeOther {
		t.Errorf("from our own page: %d", w.Code)
	}
}

func TestARequestByPOSTCarriesNoSessionAlong(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	b.signIn()
	q := strings.TrimPrefix(h.authorizeURL(), "/oauth2/authorize?")
	w := b.send("POST", "/oauth2/authorize", q, "Origin", "https://app.example", "Sec-Fetch-Site", "cross-site")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/oauth2/authorize?") {
		t.Errorf("%d %s", w.Code, w.Header().Get("Location"))
	}
	if w := b.send("POST", "/oauth2/authorize?client_id=x", q); w.Code != http.StatusBadRequest {
		t.Errorf("parameters in both places: %d", w.Code)
	}
}

func TestAU_03_OnlyTheParametersOfARequestGoOnInTheURLAndIntoTheDatabase(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	q := strings.TrimPrefix(h.authorizeURL("display", "popup", "claims", `{"userinfo":{"name":null}}`, "resource", host), "/oauth2/authorize?")
	w := h.send("POST", "/oauth2/authorize", q+"&resource=https%3A%2F%2Ftools.example%2Fmcp&password=hunter2&client_secret=hidden&access_token=at_hidden&client_assertion=hidden&extra=foobar", "Content-Type", form)
	to := made(url.Parse(w.Header().Get("Location")))(t)
	sent, kept := made(url.ParseQuery(q))(t), to.Query()
	if w.Code != http.StatusSeeOther || to.Path != "/oauth2/authorize" || len(kept["resource"]) != 2 || len(kept) != len(sent) {
		t.Fatalf("%d %s", w.Code, to)
	}
	for name := range sent {
		if name != "resource" && kept.Get(name) != sent.Get(name) {
			t.Errorf("%s is %q, was %q", name, kept.Get(name), sent.Get(name))
		}
	}
	b := h.browser()
	id := b.consentPage("client_secret", "hidden", "password", "hunter2")
	row := made(h.store.GetAuthorizationRequest(t.Context(), issuer, id))(t)
	if strings.Contains(row.Parameters, "hidden") || strings.Contains(row.Parameters, "hunter2") || !strings.Contains(row.Parameters, "state=st") {
		t.Errorf("stored: %s", row.Parameters)
	}
}

func TestDS_08_APanicIsOneFailedRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *web.Config) {
		c.Issuers[0].JWKS = func() ([]byte, string) { panic("the secret word") }
		c.Issuers[0].API = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("the secret word") })
	})
	for _, path := range []string{"/.well-known/jwks.json", "/v1/x"} {
		w := h.send("GET", path, "")
		if w.Code != 500 || strings.Contains(w.Body.String(), "secret word") || strings.Contains(w.Body.String(), "goroutine") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := h.send("GET", "/", ""); w.Code != 200 {
		t.Errorf("afterwards: %d", w.Code)
	}
	if !strings.Contains(h.log.String(), "the secret word") {
		t.Error("the cause is not in the log")
	}
}

func TestHEADAndCachesOfDocuments(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/jwks.json"} {
		w := h.send("GET", path, "")
		tag := w.Header().Get("ETag")
		if w.Code != 200 || tag == "" || !strings.Contains(w.Header().Get("Cache-Control"), "max-age=") {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if again := h.send("GET", path, "", "If-None-Match", tag); again.Code != 304 || again.Body.Len() != 0 {
			t.Errorf("%s again: %d", path, again.Code)
		}
		if head := h.send("HEAD", path, ""); head.Code != 200 || head.Header().Get("ETag") != tag {
			t.Errorf("HEAD %s: %d", path, head.Code)
		}
	}
	if w := h.send("GET", "/.well-known/jwks.json", ""); w.Header().Get("Cache-Control") != "public, max-age=3600, must-revalidate" {
		t.Errorf("the key set may be kept for an hour: %q", w.Header().Get("Cache-Control"))
	}
	if body := h.send("GET", "/.well-known/jwks.json", "").Body.String(); strings.Contains(body, `"d"`) || !strings.Contains(body, `"kid"`) {
		t.Errorf("JW-12: %s", body)
	}
}

func TestAHEADRequestSpendsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	callback := b.callbackURL()
	b.send("HEAD", callback, "") // a link preview
	if w := b.get(callback); w.Code != http.StatusSeeOther {
		t.Errorf("after a HEAD: %d", w.Code)
	}
	b.send("HEAD", h.authorizeURL(), "")
	if n := len(h.entries("grant.created")); n != 0 {
		t.Errorf("%d grants", n)
	}
}
