package web_test

import (
	"encoding/base32"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/web"
	"github.com/gatehouse-auth/gatehouse/web/login"
)

// invite makes a local account and returns the path of its link.
func (h *house) invite(ws authz.WorkspaceID, kind authz.LocalKind, name string) string {
	h.Helper()
	_, token, err := h.accounts.Invite(h.Context(), ws, kind, name, "test", nil)
	h.ok(err)
	return strings.TrimPrefix(login.EnrolmentURL(host, token), host)
}

const goodPassword = "correct horse battery staple"

// accept opens a link and sets a password and an app up.
func (b *browser) accept(link, password string) (otpApp, *httptest.ResponseRecorder) {
	b.h.Helper()
	w := b.get(link)
	m := shownSecret.FindStringSubmatch(w.Body.String())
	if w.Code != http.StatusOK || m == nil {
		b.h.Fatalf("no secret: %d %.900s", w.Code, w.Body)
	}
	a := otpApp{b.h, made(base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(m[1], " ", "")))(b.h)}
	fields := fieldsOf(w)
	fields.Set("password", password)
	fields.Set("code", a.code())
	return a, b.post("/enrol", fields)
}

func TestU26_TheFirstOperatorEnrolsByALinkOnceAndLetsAKeyGoOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	link := h.invite("", authz.OperatorAccount, "Operator")
	b, a := h.browser(), newKey()
	page := b.get(link)
	if !strings.Contains(page.Body.String(), `id="login">operator<`) || !strings.Contains(page.Header().Get("Content-Security-Policy"), "script-src 'self'") {
		t.Fatalf("%d %.900s", page.Code, page.Body)
	}
	late := h.browser().get(link) // to look uses nothing up
	w := b.createKey(page, "/enrol", a)
	if len(shownCode.FindAllString(w.Body.String(), -1)) != 10 || !strings.Contains(w.Body.String(), `href="/operator"`) {
		t.Fatalf("%d %.900s", w.Code, w.Body)
	}
	if w := h.browser().createKey(late, "/enrol", newKey()); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "enrolment_link_over") {
		t.Errorf("the link, again: %d %.600s", w.Code, w.Body)
	}

	key, text, err := h.keys.MintOperator(t.Context(), authz.Origin{}, apikey.OperatorRequest{Name: "daily", DelegationEndsAt: h.clock.Now().Add(24 * time.Hour)})
	h.ok(err)
	mint := func() *httptest.ResponseRecorder {
		return h.manage(text.Reveal(), "POST", "/v1/auth/keys", `{"name":"k","workspace_id":"`+string(h.workspace.ID)+`","environment":"live","scopes":["monitor:read"]}`)
	}
	if w := mint(); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	h.clock.Advance(25 * time.Hour)
	h.wants("a day later", mint(), http.StatusForbidden, "issuing_delegation_required")

	// The session is over; the operator comes back with the passkey alone.
	c := h.browser()
	if w = c.post("/operator/signin", h.usedKey(c.get("/operator"), a)); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %.900s", w.Code, w.Body)
	}
	page = c.get("/operator")
	if !strings.Contains(page.Body.String(), "daily") || !strings.Contains(page.Body.String(), "makes no keys now") {
		t.Fatalf("%d %.2000s", page.Code, page.Body)
	}
	if w := c.post("/operator", url.Values{"do": {"delegate"}, "key": {string(key.ID)}}); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %.900s", w.Code, w.Body)
	}
	if w := mint(); w.Code != http.StatusCreated {
		t.Errorf("after the operator let it: %d %s", w.Code, w.Body)
	}
	if e := h.entries("api_key.delegated"); len(e) != 1 || !strings.HasPrefix(e[0].Actor, "usr_") || e[0].Target != string(key.ID) {
		t.Errorf("audit %+v", e)
	}
	// Not without a fresh proof, and no key of a workspace.
	h.clock.Advance(16 * time.Minute)
	if page := c.get("/operator"); strings.Contains(page.Body.String(), `value="delegate"`) || !strings.Contains(page.Body.String(), `id="passkey"`) {
		t.Errorf("%.2000s", page.Body)
	}
	if w := c.post("/operator", url.Values{"do": {"delegate"}, "key": {string(key.ID)}}); w.Code == http.StatusSeeOther || len(h.entries("api_key.delegated")) != 1 {
		t.Errorf("an old proof: %d", w.Code)
	}
	if w := c.post("/operator", h.usedKey(c.get("/operator"), a)); w.Code != http.StatusSeeOther {
		t.Errorf("proven again: %d %.600s", w.Code, w.Body)
	}
	foreign, _ := h.key(h.workspace.ID, "monitor:read")
	if w := c.post("/operator", url.Values{"do": {"delegate"}, "key": {string(foreign.ID)}}); w.Code != http.StatusNotFound {
		t.Errorf("a key of a workspace: %d", w.Code)
	}
}

func TestU26_AnOperatorsSessionIsGoodForNoClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	if w := b.createKey(b.get(h.invite("", authz.OperatorAccount, "operator")), "/enrol", newKey()); w.Code != http.StatusOK {
		t.Fatalf("%d", w.Code)
	}
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients"}}
	platform, _, err := h.admin.CreateClient(t.Context(), by, admin.ClientSettings{Name: "Everybody's", RedirectURIs: []string{appURI}, Scopes: []string{"openid", "profile"}, SkipConsent: true})
	h.ok(err)
	for _, client := range []authz.ClientID{platform.ID, h.app.ID} {
		w := b.get(h.authorizeURL("client_id", string(client), "prompt", "none"))
		if !strings.Contains(w.Header().Get("Location"), "login_required") {
			t.Errorf("%s: %d %s", client, w.Code, w.Header().Get("Location"))
		}
	}
	if w := b.get("/security"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Laptop") {
		t.Errorf("their own page: %d", w.Code)
	}
}

func TestMF_07_AD_07_ALinkIsGoodOnceUntilItsEndOrTheNext(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	older := h.invite("", authz.OperatorAccount, "operator")
	newer := h.invite("", authz.OperatorAccount, "operator")
	for name, link := range map[string]string{"an older one": older, "unknown": "/enrol?token=enr_x", "none": "/enrol"} {
		if w := h.browser().get(link); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "enrolment_link_over") {
			t.Errorf("%s: %d %.300s", name, w.Code, w.Body)
		}
	}
	for _, weak := range []string{"", "short", "operator-operator", strings.Repeat("long ", 60)} {
		b := h.browser()
		if _, w := b.accept(newer, weak); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "12 to 256 characters") {
			t.Errorf("%q: %d %.600s", weak, w.Code, w.Body)
		}
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	accepted := 0
	for range 3 { // keys, so that the one app of a person is not what stops them
		b := h.browser()
		page := b.get(newer)
		group.Go(func() {
			if w := b.createKey(page, "/enrol", newKey()); strings.Contains(w.Body.String(), `id="codes"`) {
				mu.Lock()
				accepted++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if accepted != 1 {
		t.Errorf("%d used one link", accepted)
	}
	if held := made(h.accounts.List(t.Context(), ""))(t); len(held) != 1 {
		t.Errorf("accounts %+v", held)
	}
	last := h.invite("", authz.OperatorAccount, "operator")
	h.clock.Advance(24*time.Hour + time.Second)
	if w := h.browser().get(last); w.Code != http.StatusBadRequest {
		t.Errorf("a day later: %d", w.Code)
	}
	if strings.Contains(h.log.String(), "enr_") {
		t.Error("AU-03: the log holds a link's token")
	}
}

func TestMF_08_AnOperatorWhoClicksTwiceKeepsTheirPasskey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b, a := h.browser(), newKey()
	b.createKey(b.get(h.invite("", authz.OperatorAccount, "operator")), "/enrol", a)
	c := h.browser()
	form := h.usedKey(c.get("/operator"), a)
	if w := c.post("/operator/signin", form); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %.600s", w.Code, w.Body)
	}
	if w := c.post("/operator/signin", form); w.Code != http.StatusOK || len(h.entries("factor.copied")) != 0 {
		t.Errorf("again: %d, copied %+v", w.Code, h.entries("factor.copied"))
	}
	d := h.browser()
	if w := d.post("/operator/signin", h.usedKey(d.get("/operator"), a)); w.Code != http.StatusSeeOther {
		t.Errorf("the operator cannot sign in any more: %d %.600s", w.Code, w.Body)
	}
}

// Whether there is an account does not show in how spellings of it are counted.
func TestMF_07_RL_06_SpellingsTellNothingAndShareOneCounter(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.browser().accept(h.invite("", authz.OperatorAccount, "operator"), goodPassword)
	for _, spellings := range [][]string{{"operator", "OPERATOR "}, {"nobody", " NOBODY"}, {"<1>", "<2>"}, {"kim@acme.example", "\u212aIM@ACME.example\u00a0"}} {
		for n := range 6 {
			w := h.browser().post("/operator/signin", url.Values{"login": {spellings[n%2]}, "password": {"wrong horse battery"}, "code": {"000000"}})
			if limited := w.Code == http.StatusTooManyRequests; limited != (n == 5) {
				t.Errorf("%q, attempt %d: %d", spellings, n+1, w.Code)
			}
		}
	}
}

func TestMF_07_WhoSignsInHereIsToldNothingOfWhatWasWrong(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *web.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")} })
	home := h.browser()
	a, w := home.accept(h.invite("", authz.OperatorAccount, "operator"), goodPassword)
	if !strings.Contains(w.Body.String(), `id="codes"`) {
		t.Fatalf("%d %.900s", w.Code, w.Body)
	}
	h.clock.Advance(time.Minute)
	try := func(b *browser, name, password, code string) *httptest.ResponseRecorder {
		w := b.get("/operator")
		if strings.Contains(w.Body.String(), `id="keys"`) {
			t.Fatal("signed in already")
		}
		return b.post("/operator/signin", url.Values{"login": {name}, "password": {password}, "code": {code}})
	}
	var told []string
	for name, in := range map[string][3]string{
		"an unknown login": {"nobody", goodPassword, a.code()}, "a wrong password": {"operator", "wrong horse battery staple", a.code()},
		"a wrong code": {"operator", goodPassword, "000000"}, "no password": {"operator", "", a.code()}, "an impossible login": {"<script>", goodPassword, a.code()},
	} {
		w := h.browser().post("/operator/signin", url.Values{"login": {in[0]}, "password": {in[1]}, "code": {in[2]}})
		m := strings.SplitN(w.Body.String(), `id="problem">`, 2)
		if w.Code != http.StatusOK || len(m) != 2 {
			t.Errorf("%s: %d %.600s", name, w.Code, w.Body)
			continue
		}
		told = append(told, strings.SplitN(m[1], "<", 2)[0])
	}
	if slices.Sort(told); len(slices.Compact(told)) != 1 {
		t.Errorf("told %q", told)
	}
	reasons := map[string]bool{}
	for _, e := range h.entries("local_login.refused") {
		reasons[e.Reason] = true
	}
	if !reasons["wrong_login_or_password"] || !reasons["wrong_code"] {
		t.Errorf("audit %v", reasons)
	}
	// Strangers at this address have had their tries, and lock nobody out who is
	// known in their browser.
	for range 5 {
		try(h.browser(), "operator", "wrong horse battery staple", a.code())
	}
	if w := try(h.browser(), "operator", goodPassword, a.code()); w.Code != http.StatusTooManyRequests {
		t.Errorf("a stranger goes on: %d", w.Code)
	}
	home.cookies["__Host-sid-up"] = ""
	if w := try(home, "OPERATOR ", goodPassword, a.code()); w.Code != http.StatusSeeOther {
		t.Errorf("locked out at home: %d %.900s", w.Code, w.Body)
	}
	if page := home.get("/operator"); page.Code != http.StatusOK || !strings.Contains(page.Body.String(), `id="security"`) {
		t.Errorf("%d %.600s", page.Code, page.Body)
	}
	if e := h.entries("operator.signed_in"); len(e) != 2 {
		t.Errorf("audit %+v", e)
	}
	// Whoever has the password is not told so by the wait for codes, wherever
	// they come from.
	answers := map[string]bool{}
	for n := range 8 {
		for _, password := range []string{goodPassword, "wrong horse battery staple"} {
			b := h.browser()
			from := "203.0.113." + strconv.Itoa(n)
			w := b.send("POST", "/operator/signin", url.Values{"login": {"operator"}, "password": {password}, "code": {"000000"}}.Encode(), "Origin", host, "Sec-Fetch-Site", "same-origin", "X-Forwarded-For", from)
			m := strings.SplitN(w.Body.String(), `id="problem">`, 2)
			if len(m) != 2 {
				t.Fatalf("%d %.600s", w.Code, w.Body)
			}
			answers[strconv.Itoa(w.Code)+strings.SplitN(m[1], "<", 2)[0]] = true
		}
	}
	if len(answers) != 1 {
		t.Errorf("told apart: %v", answers)
	}
	for range 7 {
		h.browser().send("POST", "/operator/signin", url.Values{"login": {"typed-into-the-wrong-field"}, "password": {"x"}, "code": {"000000"}}.Encode(), "Origin", host, "Sec-Fetch-Site", "same-origin", "X-Forwarded-For", "203.0.113.200")
	}
	for _, e := range h.entries("factor.refused") {
		// The code beside a wrong password is looked at as one of nobody's.
		if strings.Contains(fmt.Sprintf("%+v", e), "typed") || e.Actor == "" && e.Reason != "too_many_codes" && e.Reason != "no_factor" {
			t.Errorf("a stranger's text is in the audit log: %+v", e)
		}
	}
	for _, secret := range []string{goodPassword, "wrong horse"} {
		if strings.Contains(h.log.String(), secret) {
			t.Error("AU-03: the log holds a password")
		}
	}
}
