package web_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
)

// tv is a public client that signs in by device code only.
func (h *house) tv(change ...func(*admin.ClientSettings)) authz.Client {
	h.Helper()
	settings := admin.ClientSettings{
		Name: `TV "><svg onload=alert(1)>`, WorkspaceID: h.workspace.ID, AuthMethod: authz.AuthNone, IDTokenAlgorithm: "ES256",
		GrantTypes: []string{authz.GrantDeviceCode, authz.GrantRefreshToken}, Scopes: []string{"openid", "profile", "offline_access"},
	}
	for _, c := range change {
		c(&settings)
	}
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients"}}
	c, _, err := h.admin.CreateClient(h.Context(), by, settings)
	h.ok(err)
	return c
}

// sentFrom serves one request of an address, with a form if there is one.
func (h *house) sentFrom(address, target string, body url.Values, cookies map[string]string) *httptest.ResponseRecorder {
	h.Helper()
	r := httptest.NewRequest("POST", host+target, strings.NewReader(body.Encode()))
	r.RemoteAddr = address
	r.Header.Set("Content-Type", form)
	r.Header.Set("Origin", host)
	r.Header.Set("User-Agent", "Your Own Television")
	for name, value := range cookies {
		r.Header.Add("Cookie", name+"="+value)
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

// waiting is a device that waits: its device code and its user code.
func (h *house) waiting(c authz.Client) (device, user string) {
	h.Helper()
	w := h.sentFrom("198.51.100.7:443", "/oauth2/device_authorization", url.Values{"client_id": {string(c.ID)}, "scope": {"openid profile"}}, nil)
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" {
		h.Fatalf("device authorization: %d %v %s", w.Code, w.Header(), w.Body)
	}
	return member(w, "device_code"), member(w, "user_code")
}

func (h *house) poll(c authz.Client, device string) *httptest.ResponseRecorder {
	h.Helper()
	return h.send("POST", "/oauth2/token", url.Values{"grant_type": {authz.GrantDeviceCode}, "device_code": {device}, "client_id": {string(c.ID)}}.Encode(), "Content-Type", form)
}

// confirm enters the code, says that the device shows it, and returns where
// the sign-in goes on.
func (b *browser) confirm(user string) string {
	b.h.Helper()
	w := b.post("/device", url.Values{"user_code": {user}, "confirm": {"yes"}})
	_, rest, ok := strings.Cut(w.Body.String(), `content="0;url=`)
	next, _, _ := strings.Cut(rest, `"`)
	if w.Code != http.StatusOK || !ok || !strings.HasPrefix(next, "/signin/done?") {
		b.h.Fatalf("no way on: %d %.600s", w.Code, w.Body)
	}
	return html.UnescapeString(next)
}

// deviceConsent signs in for the device and returns the request at consent.
func (b *browser) deviceConsent(user string) string {
	b.h.Helper()
	w := b.get(b.confirm(user))
	for range 6 {
		location := w.Header().Get("Location")
		if strings.HasPrefix(location, "/consent") {
			u, _ := url.Parse(location)
			return u.Query().Get("request")
		}
		if strings.HasPrefix(location, b.h.upstream.Issuer()) {
			location = b.h.upstreamAnswer(location)
		}
		if location == "" {
			break
		}
		w = b.get(location)
	}
	b.h.Fatalf("no consent page: %d %s %.600s", w.Code, w.Header().Get("Location"), w.Body)
	return ""
}

func TestAPersonSignsADeviceIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tv, b := h.tv(), h.browser()
	device, user := h.waiting(tv)
	h.wants("nobody decided", h.poll(tv, device), http.StatusBadRequest, "authorization_pending")
	id := b.deviceConsent(strings.ToLower(user))
	page := b.get("/consent?request=" + id)
	h.guarded("consent", page)
	for _, part := range []string{`id="allow"`, `id="deny"`, `id="origin"`, "198.51.100.7", "which is not yours"} {
		if !strings.Contains(page.Body.String(), part) {
			t.Errorf("the consent page lacks %s: %s", part, page.Body)
		}
	}
	done := b.post("/consent", url.Values{"request": {id}, "scope": {"profile"}, "decision": {"allow"}})
	h.guarded("done", done)
	if done.Code != http.StatusOK || !strings.Contains(done.Body.String(), `id="done"`) || !strings.Contains(done.Body.String(), "You can go back to your device") {
		t.Errorf("after consent: %d %s", done.Code, done.Body)
	}
	tokens := h.poll(tv, device)
	if tokens.Code != http.StatusOK || member(tokens, "scope") != "openid profile" || member(tokens, "id_token") == "" || tokens.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("tokens: %d %s", tokens.Code, tokens.Body)
	}
	me := h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer "+member(tokens, "access_token"))
	if me.Code != http.StatusOK || member(me, "name") != "Ada <script>" {
		t.Errorf("userinfo %d %s", me.Code, me.Body)
	}
	if again := b.post("/consent", url.Values{"request": {id}, "decision": {"allow"}}); again.Code != http.StatusBadRequest {
		t.Errorf("consent once more: %d", again.Code)
	}
	for _, text := range []string{device, user, strings.ReplaceAll(user, "-", ""), member(tokens, "access_token"), member(tokens, "refresh_token")} {
		if strings.Contains(h.log.String(), text) {
			t.Errorf("AU-03: the log holds %.12s…", text)
		}
	}
}

func TestDV_01_GuessingUserCodesIsBoundedByAddressAndBySession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tv := h.tv()
	_, user := h.waiting(tv)
	guess := func(address, code string, cookies map[string]string) *httptest.ResponseRecorder {
		return h.sentFrom(address, "/device", url.Values{"user_code": {code}}, cookies)
	}
	for range 20 { // right ones, and what is no code at all, are no guesses
		for _, code := range []string{user, "not a code"} {
			if w := guess("203.0.113.1:1", code, nil); w.Code != http.StatusOK {
				t.Fatalf("%s: %d", code, w.Code)
			}
		}
	}
	for n := range 10 {
		w := guess("203.0.113.1:1", "BBBB-BBBB", nil)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="problem"`) || strings.Contains(w.Body.String(), "BBBB") {
			t.Fatalf("guess %d: %d %s", n, w.Code, w.Body)
		}
	}
	for _, code := range []string{"BBBB-BBBB", user} {
		if w := guess("203.0.113.1:1", code, nil); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Errorf("beyond the bound: %d %v", w.Code, w.Header())
		}
	}
	if w := guess("203.0.113.2:1", user, nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="confirm"`) {
		t.Errorf("somebody else: %d %s", w.Code, w.Body)
	}
	if n := len(h.entries("device.refused")); n != 10 {
		t.Errorf("%d audit entries of 10 guesses", n)
	}
	for n := range 10 { // one IPv6 network has addresses without end
		guess("[2001:db8::"+string(rune('1'+n%9))+"]:1", "BBBB-BBBB", nil)
	}
	if w := guess("[2001:db8::ffff]:1", user, nil); w.Code != http.StatusTooManyRequests {
		t.Errorf("another address of the network: %d", w.Code)
	}
	b := h.browser()
	b.signIn()
	for n := range 10 {
		guess("203.0.113."+string(rune('1'+n%9))+"0:1", "BBBB-BBBB", b.cookies)
	}
	if w := guess("203.0.113.99:1", user, b.cookies); w.Code != http.StatusTooManyRequests {
		t.Errorf("a session that changes addresses: %d", w.Code)
	}
	h.clock.Advance(time.Minute)
	if w := guess("203.0.113.1:1", user, nil); w.Code != http.StatusOK {
		t.Errorf("later: %d", w.Code)
	}
}

func TestDV_02_ThePageShowsWhoAsksFromWhereBeforeAnythingHappens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tv, b := h.tv(), h.browser()
	device, user := h.waiting(tv)
	h.clock.Advance(2 * time.Minute)
	link := b.get("/device?" + url.Values{"user_code": {user}}.Encode())
	h.guarded("the link", link)
	if body := link.Body.String(); !strings.Contains(body, `id="user_code"`) || !strings.Contains(body, `value="`+user+`"`) || !strings.Contains(body, `id="submit"`) ||
		strings.Contains(body, "198.51.100.7") || len(b.cookies) != 0 {
		t.Errorf("a link does more than fill in: %s", body)
	}
	asked := b.post("/device", url.Values{"user_code": {user}})
	h.guarded("the question", asked)
	for _, part := range []string{user, "TV &#34;&gt;", "198.51.100.7", "2 minutes ago", "which is not yours", `id="confirm"`, "signed in as you"} {
		if !strings.Contains(asked.Body.String(), part) {
			t.Errorf("the page lacks %q: %s", part, asked.Body)
		}
	}
	if strings.Contains(asked.Body.String(), "Television") || len(b.cookies) != 0 {
		t.Error("what the device says of itself is shown, or something was begun")
	}
	h.wants("unconfirmed", h.poll(tv, device), http.StatusBadRequest, "authorization_pending")
	for _, evil := range []string{hostile, "BCDF-GHJK" + hostile, "%00"} {
		w := b.get("/device?" + url.Values{"user_code": {evil}}.Encode())
		h.guarded("evil", w)
		if !strings.Contains(w.Body.String(), `value=""`) {
			t.Errorf("%q was filled in: %s", evil, w.Body)
		}
	}
	cross := b.send("POST", "/device", url.Values{"user_code": {user}, "confirm": {"yes"}}.Encode(), "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
	if cross.Code != http.StatusForbidden {
		t.Errorf("another site's form: %d", cross.Code)
	}
}

func TestDV_08_AClientOfOneWorkspaceIsNotForThePeopleOfAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	theirs := h.other().ID
	tv, b := h.tv(func(s *admin.ClientSettings) { s.WorkspaceID = theirs }), h.browser()
	b.signIn()
	device, user := h.waiting(tv)
	w := b.get(b.confirm(user))
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "no_connection") {
		t.Errorf("a session of another workspace: %d %s", w.Code, w.Body)
	}
	next := b.confirm(user)
	u, _ := url.Parse(next)
	if w := b.post("/consent", url.Values{"request": u.Query()["request"], "decision": {"allow"}, "scope": {"profile"}}); w.Code != http.StatusBadRequest {
		t.Errorf("consent: %d %s", w.Code, w.Body)
	}
	h.wants("poll", h.poll(tv, device), http.StatusBadRequest, "authorization_pending")
}

func TestDV_10_APersonDeniesADevice(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tv, b := h.tv(), h.browser()
	device, user := h.waiting(tv)
	id := b.deviceConsent(user)
	w := b.post("/consent", url.Values{"request": {id}, "decision": {"deny"}})
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="denied"`) {
		t.Errorf("denied: %d %s", w.Code, w.Body)
	}
	h.wants("poll", h.poll(tv, device), http.StatusBadRequest, "access_denied")
	if e := h.entries("consent.denied"); len(e) != 1 || e[0].Target != string(tv.ID) {
		t.Errorf("audit %+v", e)
	}
}

func TestDV_15_OnlyOneOfTwoBrowsersDecides(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tv := h.tv()
	device, user := h.waiting(tv)
	one, two := h.browser(), h.browser()
	first, second := one.deviceConsent(user), two.deviceConsent(user)
	if w := two.post("/consent", url.Values{"request": {first}, "decision": {"allow"}, "scope": {"profile"}}); w.Code != http.StatusForbidden {
		t.Errorf("one browser's request in another: %d", w.Code)
	}
	one.post("/consent", url.Values{"request": {first}, "decision": {"deny"}})
	if w := two.post("/consent", url.Values{"request": {second}, "decision": {"allow"}, "scope": {"profile"}}); w.Code != http.StatusBadRequest {
		t.Errorf("allowed after it was denied: %d %s", w.Code, w.Body)
	}
	h.wants("poll", h.poll(tv, device), http.StatusBadRequest, "access_denied")
}

func TestDV_16_ADeviceIsAskedAboutEveryTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	tv := h.tv(func(s *admin.ClientSettings) {
		s.GrantTypes, s.RedirectURIs = append(s.GrantTypes, authz.GrantAuthorizationCode), []string{appURI}
	})
	b.signIn("client_id", string(tv.ID)) // the consent to which is remembered
	own := h.tv(func(s *admin.ClientSettings) { s.WorkspaceID, s.SkipConsent = "", true })
	for _, c := range []authz.Client{tv, own} {
		device, user := h.waiting(c)
		if id := b.deviceConsent(user); id == "" {
			t.Error("nobody was asked")
		}
		h.wants("poll", h.poll(c, device), http.StatusBadRequest, "authorization_pending")
	}
}

func TestTK_01_TheDeviceAuthorizationEndpointTakesFormsOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tv := h.tv()
	body := url.Values{"client_id": {string(tv.ID)}, "scope": {"openid"}}.Encode()
	h.wants("GET", h.send("GET", "/oauth2/device_authorization?"+body, ""), http.StatusMethodNotAllowed, "")
	h.wants("query", h.send("POST", "/oauth2/device_authorization?"+body, "", "Content-Type", form), http.StatusBadRequest, "invalid_request")
	h.wants("JSON", h.send("POST", "/oauth2/device_authorization", `{}`, "Content-Type", "application/json"), http.StatusBadRequest, "invalid_request")
	h.wants("unknown client", h.send("POST", "/oauth2/device_authorization", "client_id=cl_x&scope=openid", "Content-Type", form), http.StatusUnauthorized, "invalid_client")
	if e := h.entries("device.refused"); len(e) != 1 || e[0].Reason != "invalid_client" {
		t.Errorf("audit %+v", e)
	}
}

func TestDV_13_ADeviceThatAsksForARecentSignInGetsOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tv, b := h.tv(), h.browser()
	b.signIn()
	for _, step := range []struct {
		ago time.Duration
		to  string
	}{{30 * time.Second, "/consent"}, {10 * time.Minute, h.upstream.Issuer()}} {
		h.clock.Advance(step.ago)
		w := h.send("POST", "/oauth2/device_authorization", url.Values{"client_id": {string(tv.ID)}, "scope": {"openid"}, "max_age": {"120"}}.Encode(), "Content-Type", form)
		if to := b.get(b.confirm(member(w, "user_code"))).Header().Get("Location"); !strings.HasPrefix(to, step.to) {
			t.Errorf("signed in %v ago: on to %s, want %s", step.ago, to, step.to)
		}
	}
	w := h.send("POST", "/oauth2/device_authorization", url.Values{"client_id": {string(tv.ID)}, "scope": {"openid"}, "max_age": {"soon"}}.Encode(), "Content-Type", form)
	h.wants("no number", w, http.StatusBadRequest, "invalid_request")
}
