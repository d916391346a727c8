package web_test

import (
	"encoding/base32"
	"encoding/base64"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// bob signs in at an upstream that never proves more than one factor.
var bobHint = []string{"login_hint", "bob@acme.example"}

var (
	hiddenField = regexp.MustCompile(`name="(request|pending)" value="([^"]*)"`)
	shownSecret = regexp.MustCompile(`id="secret">([A-Z2-7 ]+)<`)
	shownCode   = regexp.MustCompile(`<li><code>([0-9A-Z-]{14})</code>`)
)

// otpApp is an authenticator app.
type otpApp struct {
	house  *house
	secret []byte
}

func (a otpApp) code() string { return a.codeAt(a.house.clock.Now()) }

func (a otpApp) codeAt(at time.Time) string {
	return made(totp.GenerateCode(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(a.secret), at))(a.house)
}

// upTo follows wherever it leads until a page is shown, or the client gets its
// answer.
func (b *browser) upTo(target string) (w *httptest.ResponseRecorder, location string) {
	b.h.Helper()
	w = b.get(target)
	for range 8 {
		location = w.Header().Get("Location")
		switch {
		case location == "" || strings.HasPrefix(location, appURI):
			return w, location
		case strings.HasPrefix(location, b.h.upstream.Issuer()):
			w = b.get(b.h.upstreamAnswer(location))
		case strings.HasPrefix(location, "/consent"):
			return w, location
		default:
			w = b.get(location)
		}
	}
	b.h.Fatalf("no end: %s", location)
	return nil, ""
}

func fieldsOf(w *httptest.ResponseRecorder) url.Values {
	v := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(w.Body.String(), -1) {
		v.Set(m[1], html.UnescapeString(m[2]))
	}
	return v
}

// factorPage asks for more than one factor and returns the page that does so.
func (b *browser) factorPage(more ...string) *httptest.ResponseRecorder {
	b.h.Helper()
	w, location := b.upTo(b.h.authorizeURL(append([]string{"acr_values", authz.ACRMultiFactor, "code_challenge", "", "code_challenge_method", ""}, more...)...))
	if location != "" || w.Code != http.StatusOK || fieldsOf(w).Get("request") == "" {
		b.h.Fatalf("no page of factors: %d %s %.600s", w.Code, location, w.Body)
	}
	return w
}

// enrolApp sets an authenticator app up, and returns it and the recovery codes.
func (b *browser) enrolApp(more ...string) (otpApp, []string) {
	b.h.Helper()
	w := b.factorPage(append(slices.Clone(bobHint), more...)...)
	m := shownSecret.FindStringSubmatch(w.Body.String())
	if m == nil {
		b.h.Fatalf("no secret: %.900s", w.Body)
	}
	a := otpApp{b.h, made(base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(m[1], " ", "")))(b.h)}
	fields := fieldsOf(w)
	fields.Set("code", a.code())
	w = b.post("/signin/factor", fields)
	var codes []string
	for _, m := range shownCode.FindAllStringSubmatch(w.Body.String(), -1) {
		codes = append(codes, m[1])
	}
	if w.Code != http.StatusOK || len(codes) != 10 {
		b.h.Fatalf("no recovery codes: %d %.900s", w.Code, w.Body)
	}
	return a, codes
}

// answer finishes a request whose page of factors was answered with w.
func (b *browser) answer(w *httptest.ResponseRecorder) string {
	b.h.Helper()
	location := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther {
		b.h.Fatalf("not accepted: %d %.600s", w.Code, w.Body)
	}
	if !strings.HasPrefix(location, "/consent") {
		return location
	}
	u, _ := url.Parse(location)
	return b.post("/consent", url.Values{"request": u.Query()["request"], "scope": {"openid", "profile"}, "decision": {"allow"}}).Header().Get("Location")
}

// claims trades the code of an answer and introspects the token.
func (h *house) introspected(location string) string {
	h.Helper()
	u := made(url.Parse(location))(h)
	w := h.send("POST", "/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "redirect_uri": {appURI}}.Encode(), "Content-Type", form, "Authorization", h.basic())
	if w.Code != http.StatusOK {
		h.Fatalf("no token for %s: %d %s", location, w.Code, w.Body)
	}
	return h.send("POST", "/oauth2/introspect", url.Values{"token": {member(w, "access_token")}}.Encode(), "Content-Type", form, "Authorization", h.basic()).Body.String()
}

func TestAPersonWhoseUpstreamProvesNothingStepsUpWithAnAppOfTheirs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	a, _ := b.enrolApp()
	before := b.cookies["__Host-sid-up"]
	h.clock.Advance(time.Hour / 2)

	// Weaker requests go through; the stronger one, in the same session, asks.
	if location := b.through(h.authorizeURL(bobHint...)); !strings.Contains(location, "code=") {
		t.Fatalf("no code: %s", location)
	}
	other := h.browser()
	page := other.factorPage(bobHint...)
	h.guarded("page of factors", page)
	if !strings.Contains(page.Body.String(), `autocomplete="one-time-code"`) || shownSecret.MatchString(page.Body.String()) {
		t.Fatalf("page %.900s", page.Body)
	}
	fields := fieldsOf(page)
	fields.Set("code", a.code()[:3]+" "+a.code()[3:]) // as apps show it
	was := other.cookies["__Host-sid-up"]
	in := h.introspected(other.answer(other.post("/signin/factor", fields)))
	for _, want := range []string{`"acr":"` + authz.ACRMultiFactor + `"`, `"otp"`, `"mfa"`} {
		if !strings.Contains(in, want) {
			t.Errorf("introspection lacks %s: %s", want, in)
		}
	}
	if now := other.cookies["__Host-sid-up"]; now == was || now == before {
		t.Error("SE-02: the cookie outlived a step-up")
	}
	if w := (&browser{h, map[string]string{"__Host-sid-up": was}}).get(h.authorizeURL("prompt", "none")); !strings.Contains(w.Header().Get("Location"), "login_required") {
		t.Errorf("SE-02: the cookie of before the step-up: %s", w.Header().Get("Location"))
	}
	if used := h.entries("factor.used"); len(used) != 1 || used[0].Details["method"] != "totp" {
		t.Errorf("audit %+v", used)
	}
	if e := h.entries("factor.enrolled"); len(e) != 1 || e[0].Details["kind"] != string(authz.TOTPFactor) {
		t.Errorf("audit %+v", e)
	}
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(a.secret)
	if strings.Contains(h.log.String(), secret) || strings.Contains(h.log.String(), fields.Get("code")) {
		t.Error("AU-03: the log holds a secret")
	}
}

func TestMF_01_ACodeIsGoodOnceHoweverManySendIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, _ := h.browser().enrolApp()

	first := h.browser()
	page := first.factorPage(bobHint...)
	fields := fieldsOf(page)
	fields.Set("code", a.code()) // the very one that was shown to enrol
	if w := first.post("/signin/factor", fields); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "used already") {
		t.Errorf("the code of the enrolment: %d %.900s", w.Code, w.Body)
	}
	h.clock.Advance(time.Minute)
	code := a.code()
	const many = 4
	browsers, forms := make([]*browser, many), make([]url.Values, many)
	for n := range many {
		browsers[n] = h.browser()
		forms[n] = fieldsOf(browsers[n].factorPage(bobHint...))
		forms[n].Set("code", code)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	accepted := 0
	for n := range many {
		group.Go(func() {
			if browsers[n].post("/signin/factor", forms[n]).Code == http.StatusSeeOther {
				mu.Lock()
				accepted++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if accepted != 1 {
		t.Errorf("%d accepted one code", accepted)
	}
	// A clock that is set back does not make an old code good again.
	h.clock.Advance(-30 * time.Second)
	again := h.browser()
	form := fieldsOf(again.factorPage(bobHint...))
	form.Set("code", a.code())
	if w := again.post("/signin/factor", form); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "used already") {
		t.Errorf("a step before the last: %d %.600s", w.Code, w.Body)
	}
	if e := h.entries("factor.refused"); len(e) < 2 || e[0].Reason != "replayed" {
		t.Errorf("audit %+v", e)
	}
}

func TestMF_02_WhoeverGuessesIsStoppedAndLocksNobodyOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	home := h.browser()
	a, codes := home.enrolApp()
	h.clock.Advance(time.Minute)

	wrong := func(n int) string {
		code := []byte("000000")
		code[5] += byte(n)
		return string(code)
	}
	tries := 0
	for n := range 8 { // each from a browser and session of its own
		b := h.browser()
		fields := fieldsOf(b.factorPage(bobHint...))
		fields.Set("code", wrong(n))
		switch w := b.post("/signin/factor", fields); w.Code {
		case http.StatusOK:
			tries++
		case http.StatusTooManyRequests:
			if w.Header().Get("Retry-After") != "900" {
				t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
			}
		default:
			t.Fatalf("%d %.300s", w.Code, w.Body)
		}
	}
	if tries != 5 {
		t.Errorf("%d wrong codes were looked at", tries)
	}
	// Not even the right one, from elsewhere.
	stranger := h.browser()
	fields := fieldsOf(stranger.factorPage(bobHint...))
	fields.Set("code", a.code())
	if w := stranger.post("/signin/factor", fields); w.Code != http.StatusTooManyRequests {
		t.Errorf("a code was looked at: %d", w.Code)
	}
	// The victim goes on in the browser they have used before …
	fields = fieldsOf(home.factorPage(append([]string{"prompt", "login"}, bobHint...)...))
	if fields.Get("request") == "" {
		t.Fatal("no page")
	}
	fields.Set("code", a.code())
	if w := home.post("/signin/factor", fields); w.Code != http.StatusSeeOther {
		t.Errorf("the victim is locked out at home: %d %.600s", w.Code, w.Body)
	}
	// … and anywhere with a recovery code.
	away := h.browser()
	fields = fieldsOf(away.factorPage(bobHint...))
	fields.Set("recovery_code", strings.ToLower(codes[3]))
	if w := away.post("/signin/factor", fields); w.Code != http.StatusSeeOther {
		t.Errorf("the victim is locked out elsewhere: %d %.600s", w.Code, w.Body)
	}
	// Somebody else's name for a browser is none.
	thief := h.browser()
	thief.cookies["__Host-known-up"] = base64.RawURLEncoding.EncodeToString([]byte("planted"))
	fields = fieldsOf(thief.factorPage(bobHint...))
	fields.Set("code", a.code())
	if w := thief.post("/signin/factor", fields); w.Code != http.StatusTooManyRequests {
		t.Errorf("a planted cookie: %d", w.Code)
	}
	h.clock.Advance(16 * time.Minute)
	fields.Set("code", wrong(0))
	late := h.browser()
	fields.Set("request", fieldsOf(late.factorPage(bobHint...)).Get("request"))
	if w := late.post("/signin/factor", fields); w.Code != http.StatusOK {
		t.Errorf("a quarter of an hour later: %d", w.Code)
	}
}

func TestMF_03_NoStepIsSkippedByLeavingItOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.browser().enrolApp()
	demanded := []string{"claims", `{"id_token":{"acr":{"essential":true,"values":["` + authz.ACRMultiFactor + `"]}}}`}
	b := h.browser()
	w, _ := b.upTo(h.authorizeURL(append(demanded, bobHint...)...))
	request := fieldsOf(w).Get("request")
	if request == "" {
		t.Fatalf("no page: %d %.600s", w.Code, w.Body)
	}
	for name, fields := range map[string]url.Values{"empty": {}, "empty code": {"code": {""}}, "empty recovery code": {"recovery_code": {""}}, "empty pending": {"pending": {""}, "code": {"000000"}}} {
		fields.Set("request", request)
		if w := b.post("/signin/factor", fields); w.Code == http.StatusSeeOther || strings.Contains(w.Header().Get("Location"), "code=") {
			t.Errorf("%s: %d %s", name, w.Code, w.Header().Get("Location"))
		}
	}
	for _, path := range []string{"/consent?request=", "/signin/done?request="} {
		w := b.get(path + request)
		if strings.Contains(w.Header().Get("Location"), "code=") || strings.Contains(w.Body.String(), `id="allow"`) {
			t.Errorf("%s went on", path)
		}
	}
	// Whoever goes on without is refused, as the client insists.
	w = b.post("/signin/factor", url.Values{"request": {request}, "decision": {"without"}})
	if !strings.Contains(w.Header().Get("Location"), "unmet_authentication_requirements") {
		t.Errorf("without: %d %s", w.Code, w.Header().Get("Location"))
	}
	// The session is still one of a single factor.
	if in := h.introspected(b.through(h.authorizeURL(append([]string{"code_challenge", "", "code_challenge_method", ""}, bobHint...)...))); strings.Contains(in, authz.ACRMultiFactor) || strings.Contains(in, `"mfa"`) {
		t.Errorf("introspection %s", in)
	}
}

func TestMF_04_AWishForMoreThanOneFactorMayBePassedOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	w := b.factorPage(bobHint...)
	in := h.introspected(b.answer(b.post("/signin/factor", url.Values{"request": {fieldsOf(w).Get("request")}, "decision": {"without"}})))
	if strings.Contains(in, authz.ACRMultiFactor) {
		t.Errorf("introspection %s", in)
	}
	// And an upstream that proves it is believed, with nobody asked twice.
	if location := h.browser().through(h.authorizeURL("acr_values", authz.ACRMultiFactor+" "+idptest.ACRMultiFactor)); !strings.Contains(location, "code=") {
		t.Errorf("%s", location)
	}
}

func TestMF_06_AFirstFactorTakesAFreshSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	w := b.factorPage(bobHint...)
	m := shownSecret.FindStringSubmatch(w.Body.String())
	a := otpApp{h, made(base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(m[1], " ", "")))(h)}
	fields := fieldsOf(w)

	// Another session's offer is nobody else's.
	thief := h.browser()
	theirs := fieldsOf(thief.factorPage(bobHint...))
	theirs.Set("pending", fields.Get("pending"))
	theirs.Set("code", a.code())
	if w := thief.post("/signin/factor", theirs); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "took too long") {
		t.Errorf("an offer to another session: %d %.600s", w.Code, w.Body)
	}
	// A browser found open: the sign-in is of a while ago.
	h.upstream.SetFaults(idptest.Faults{IDToken: func(c map[string]any) { c["auth_time"] = h.clock.Now().Add(-16 * time.Minute).Unix() }})
	stolen := h.browser()
	w = stolen.factorPage(bobHint...)
	if !strings.Contains(w.Body.String(), `id="refused"`) || shownSecret.MatchString(w.Body.String()) {
		t.Errorf("a secret was offered: %.900s", w.Body)
	}
	mine := fieldsOf(w)
	mine.Set("pending", fields.Get("pending"))
	mine.Set("code", a.code())
	if w := stolen.post("/signin/factor", mine); w.Code == http.StatusSeeOther {
		t.Errorf("enrolled: %d", w.Code)
	}
	if e := h.entries("factor.enrolled"); len(e) != 0 {
		t.Errorf("enrolled %+v", e)
	}
}

func TestMF_06_ARecoveryCodeIsGoodOnceAndAlarms(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, codes := h.browser().enrolApp()
	try := func(code string) *httptest.ResponseRecorder {
		b := h.browser()
		fields := fieldsOf(b.factorPage(bobHint...))
		fields.Set("recovery_code", code)
		return b.post("/signin/factor", fields)
	}
	if w := try(codes[0]); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %.600s", w.Code, w.Body)
	}
	if w := try(codes[0]); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "none of your unused") {
		t.Errorf("again: %d %.600s", w.Code, w.Body)
	}
	if w := try(codes[1][:len(codes[1])-1] + "?"); w.Code != http.StatusOK {
		t.Errorf("malformed: %d", w.Code)
	}
	if e := h.entries("recovery_code.used"); len(e) != 1 {
		t.Errorf("audit %+v", e)
	}
	for _, code := range codes {
		if strings.Contains(h.log.String(), code) {
			t.Error("AU-03: the log holds a recovery code")
		}
	}
}

func TestMF_05_WhatRulesDemandIsBroughtAboutByAFactorOfTheirs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.apply("[" + rule("mfa", `"scopes":["profile"]`, "", `"step_up":{"mfa":"proven","max_age":600}`) + "]")
	ask := h.authorizeURL(append([]string{"code_challenge", "", "code_challenge_method", ""}, bobHint...)...)
	b := h.browser()
	w, _ := b.upTo(ask)
	m := shownSecret.FindStringSubmatch(w.Body.String())
	if m == nil {
		t.Fatalf("nothing is offered: %d %.600s", w.Code, w.Body)
	}
	a := otpApp{h, made(base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(m[1], " ", "")))(h)}
	fields := fieldsOf(w)
	fields.Set("code", a.code())
	if w = b.post("/signin/factor", fields); len(shownCode.FindAllString(w.Body.String(), -1)) != 10 {
		t.Fatalf("no recovery codes: %d %.600s", w.Code, w.Body)
	}
	if in := h.introspected(b.answer(b.get("/signin/done?request=" + fields.Get("request")))); !strings.Contains(in, `"scope":"openid profile"`) || !strings.Contains(in, authz.ACRMultiFactor) {
		t.Errorf("introspection %s", in)
	}
	// The demand is of the sign-in and of the proof: both are made anew.
	h.clock.Advance(11 * time.Minute)
	if away := b.get(ask).Header().Get("Location"); !strings.HasPrefix(away, h.upstream.Issuer()) {
		t.Errorf("a sign-in too old was not made anew: %s", away)
	}
	w, _ = b.upTo(ask)
	if fields = fieldsOf(w); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="code"`) {
		t.Fatalf("%d %.600s", w.Code, w.Body)
	}
	fields.Set("code", a.code())
	if location := b.answer(b.post("/signin/factor", fields)); !strings.Contains(location, "code=") {
		t.Errorf("%s", location)
	}
	// Without it the rule holds.
	h.clock.Advance(11 * time.Minute)
	w, _ = b.upTo(ask)
	w = b.post("/signin/factor", url.Values{"request": fieldsOf(w)["request"], "decision": {"without"}})
	for range 6 {
		location := w.Header().Get("Location")
		if location == "" { // a page that leads on, to the upstream
			location = b.h.onwards(w)
		}
		if strings.HasPrefix(location, appURI) {
			if strings.Contains(location, "code=") {
				t.Errorf("a rule was passed over: %s", location)
			}
			return
		}
		if strings.HasPrefix(location, h.upstream.Issuer()) {
			location = h.upstreamAnswer(location)
		}
		if w = b.get(location); fieldsOf(w).Has("request") {
			w = b.post("/signin/factor", url.Values{"request": fieldsOf(w)["request"], "decision": {"without"}})
		}
	}
	t.Errorf("no end: %d %.600s", w.Code, w.Body)
}

var leadsOn = regexp.MustCompile(`id="continue" href="([^"]+)"`)

func (h *house) onwards(w *httptest.ResponseRecorder) string {
	h.Helper()
	m := leadsOn.FindStringSubmatch(w.Body.String())
	if m == nil {
		h.Fatalf("leads nowhere: %d %.600s", w.Code, w.Body)
	}
	return html.UnescapeString(m[1])
}
