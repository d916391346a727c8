package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

const (
	byeURI   = "https://app.example/bye"
	backURI  = "https://app.example/back"
	frontURI = "https://front.example:8443/out?t=1"
)

// leaving gives the app all that logout is about.
func (h *house) leaving(change ...func(*authz.ClientMetadata)) {
	h.Helper()
	c := made(h.store.GetClient(h.Context(), issuer, h.workspace.ID, h.app.ID))(h)
	c.Metadata.PostLogoutRedirectURIs, c.Metadata.BackchannelLogoutURI = []string{byeURI}, backURI
	for _, f := range change {
		f(&c.Metadata)
	}
	h.ok(h.store.UpdateClient(h.Context(), c))
	h.app = c
}

// signedInWith signs in and returns the answer of the token endpoint.
func (b *browser) signedInWith(more ...string) *httptest.ResponseRecorder {
	b.h.Helper()
	code := b.signIn(append(more, "code_challenge", "", "code_challenge_method", "")...)
	w := b.h.send("POST", "/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {appURI}}.Encode(), "Content-Type", form, "Authorization", b.h.basic())
	if w.Code != http.StatusOK {
		b.h.Fatalf("%d %s", w.Code, w.Body)
	}
	return w
}

func logoutURL(list ...string) string {
	q := url.Values{}
	for n := 0; n+1 < len(list); n += 2 {
		q.Set(list[n], list[n+1])
	}
	return "/oauth2/logout?" + q.Encode()
}

// silent is where the browser goes when it is asked for a code without a word.
func (b *browser) silent() string {
	b.h.Helper()
	return b.get(b.h.authorizeURL("prompt", "none")).Header().Get("Location")
}

func (b *browser) wantsSignedIn(what string, yes func(string) bool) {
	b.h.Helper()
	if to := b.silent(); !yes(to) {
		b.h.Errorf("%s: %s", what, to)
	}
}

func in(location string) bool  { return strings.Contains(location, "code=") }
func out(location string) bool { return strings.Contains(location, "error=login_required") }

// logouts are the logout tokens that wait to be sent.
func (h *house) logouts() []authz.Logout {
	h.Helper()
	rows := made(h.store.ClaimDeliveries(h.Context(), h.clock.Now(), time.Hour, 500))(h)
	var found []authz.Logout
	for _, d := range rows {
		if d.Sink != event.LogoutSinkName(issuer) {
			continue
		}
		var body struct{ Data authz.Logout }
		h.ok(json.Unmarshal(d.Body, &body))
		found = append(found, body.Data)
	}
	return found
}

func TestLO_01_OnlyAHintOfThePersonHereSignsThemOutUnasked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.leaving()
	b, eve := h.browser(), h.browser()
	hint := member(b.signedInWith(), "id_token")
	h.upstream.SetFaults(asBob())
	foreign := member(eve.signedInWith(), "id_token")
	for what, query := range map[string]string{
		"nothing": "", "a client": "client_id=" + string(h.app.ID), "a state": "state=x", "somebody else's hint": "id_token_hint=" + foreign,
		"an address": url.Values{"client_id": {string(h.app.ID)}, "post_logout_redirect_uri": {byeURI}}.Encode(), "logout_hint": "logout_hint=ada&ui_locales=se",
	} {
		w := b.send("GET", "/oauth2/logout?"+query, "", "Sec-Fetch-Site", "cross-site")
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="confirm"`) || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d %.200s", what, w.Code, w.Body)
		}
		b.wantsSignedIn(what, in)
	}
	for _, site := range []string{"cross-site", "same-site"} {
		if w := b.send("POST", "/logout", "client_id="+string(h.app.ID), "Sec-Fetch-Site", site, "Origin", "https://evil.example"); w.Code != http.StatusForbidden {
			t.Errorf("a %s form signed out: %d", site, w.Code)
		}
	}
	b.wantsSignedIn("after forged forms", in)
	if w := b.get(logoutURL("id_token_hint", hint)); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="signed_out"`) {
		t.Errorf("%d %.300s", w.Code, w.Body)
	}
	b.wantsSignedIn("after the hint", out)
}

func TestLO_01_ThePersonsOwnWordSignsOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.leaving()
	b := h.browser()
	b.signIn()
	page := b.get(logoutURL("client_id", string(h.app.ID), "post_logout_redirect_uri", byeURI, "state", `"><svg onload=1>`))
	if csp := page.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://app.example") || strings.Contains(page.Body.String(), "<svg") {
		t.Errorf("policy %q, page %.600s", csp, page.Body)
	}
	w := b.post("/logout", url.Values{"client_id": {string(h.app.ID)}, "post_logout_redirect_uri": {byeURI}, "state": {"s t"}})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != byeURI+"?state=s+t" {
		t.Errorf("%d %s", w.Code, w.Header().Get("Location"))
	}
	b.wantsSignedIn("afterwards", out)
	w = b.post("/logout", url.Values{})
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="signed_out"`) {
		t.Errorf("signed out twice: %d", w.Code)
	}
	if n := len(h.entries("session.revoked")); n != 1 {
		t.Errorf("%d entries", n)
	}
}

func TestLO_02_AnAddressThatIsNotRegisteredIsShownAndNotFollowed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.leaving()
	b := h.browser()
	hint := member(b.signedInWith(), "id_token")
	for _, uri := range []string{"https://evil.example/", byeURI + "?foo=bar", "javascript:alert(1)"} {
		for _, w := range []*httptest.ResponseRecorder{
			b.get(logoutURL("id_token_hint", hint, "post_logout_redirect_uri", uri)), b.get(logoutURL("post_logout_redirect_uri", uri)),
			b.send("POST", "/oauth2/logout", url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {uri}}.Encode()),
			b.post("/logout", url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {uri}}),
		} {
			if w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" || !strings.Contains(w.Body.String(), `id="error"`) || strings.Contains(w.Body.String(), "evil") {
				t.Errorf("%s: %d %s %.300s", uri, w.Code, w.Header().Get("Location"), w.Body)
			}
		}
	}
	b.wantsSignedIn("an error ends no session", in)
}

func TestAFormOfAnotherSiteIsTakenUpByARedirect(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.leaving()
	b := h.browser()
	hint := member(b.signedInWith(), "id_token")
	body := url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {byeURI}, "state": {"s"}}.Encode()
	w := h.send("POST", "/oauth2/logout", body, "Content-Type", form, "Sec-Fetch-Site", "cross-site", "Origin", "https://app.example") // no Lax cookie
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/oauth2/logout?") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	b.wantsSignedIn("before the redirect", in)
	w = b.get(w.Header().Get("Location"))
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != byeURI+"?state=s" {
		t.Errorf("%d %s", w.Code, w.Header().Get("Location"))
	}
	if w := b.send("POST", "/oauth2/logout?state=x", body); w.Code != http.StatusBadRequest {
		t.Errorf("parameters in both: %d", w.Code)
	}
}

func TestLO_06_TheOldCookieAndTheTokensEndOnTheServer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.leaving()
	b := h.browser()
	tokens := b.signedInWith()
	old := b.cookies["__Host-sid-up"]
	w := b.get(logoutURL("id_token_hint", member(tokens, "id_token"), "post_logout_redirect_uri", byeURI))
	if w.Header().Get("Location") != byeURI { // no state was sent
		t.Errorf("to %s", w.Header().Get("Location"))
	}
	if cookies := w.Result().Cookies(); len(cookies) != 1 || cookies[0].MaxAge >= 0 || cookies[0].Value != "" {
		t.Errorf("cookies %v", cookies)
	}
	b.cookies["__Host-sid-up"] = old
	b.wantsSignedIn("the old cookie", out)
	if me := h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer "+member(tokens, "access_token")); me.Code != http.StatusUnauthorized {
		t.Errorf("the access token lives: %d", me.Code)
	}
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {member(tokens, "refresh_token")}}.Encode()
	if w := h.send("POST", "/oauth2/token", refresh, "Content-Type", form, "Authorization", h.basic()); member(w, "error") != "invalid_grant" {
		t.Errorf("the refresh token lives: %d", w.Code)
	}
	list := h.entries("session.revoked")
	if len(list) != 1 || list[0].Reason != "signed_out" || list[0].Details["client_id"] != string(h.app.ID) || list[0].AccountID == "" {
		t.Errorf("audit %+v", list)
	}
}

func TestLO_04_EveryClientOfTheSessionIsToldOnceForWhateverReasonItEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.leaving(func(m *authz.ClientMetadata) { m.SubjectType = oauth.SubjectPairwise })
	b := h.browser()
	sub := h.pairwiseSub(b.signedInWith())
	b.signIn("prompt", "login consent")
	if waiting := h.logouts(); len(waiting) != 0 {
		t.Fatalf("told too early: %v", waiting)
	}
	h.upstream.SetFaults(asBob())
	bob := b.signedInWith("prompt", "login")
	first := h.logouts()
	if len(first) != 1 || first[0].ClientID != h.app.ID || first[0].Subject != sub || first[0].SID == "" {
		t.Fatalf("replaced: %+v, sub %s", first, sub)
	}
	b.get(logoutURL("id_token_hint", member(bob, "id_token")))
	second := h.logouts()
	if len(second) != 1 || second[0].Subject == sub || second[0].SID == first[0].SID {
		t.Errorf("signed out: %+v", second)
	}
	b.get(logoutURL("id_token_hint", member(bob, "id_token")))
	if again := h.logouts(); len(again) != 0 {
		t.Errorf("told twice: %+v", again)
	}
}

// pairwiseSub is the sub that userinfo tells a pairwise client.
func (h *house) pairwiseSub(tokens *httptest.ResponseRecorder) string {
	h.Helper()
	sub := member(h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer "+member(tokens, "access_token")), "sub")
	if sub == "" || strings.HasPrefix(sub, "usr_") {
		h.Fatalf("userinfo tells %q", sub)
	}
	return sub
}

func TestFrontchannelLogoutFramesTheClientsAndNothingElse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.leaving(func(m *authz.ClientMetadata) { m.FrontchannelLogoutURI = frontURI })
	b := h.browser()
	hint := member(b.signedInWith(), "id_token")
	w := b.get(logoutURL("id_token_hint", hint, "post_logout_redirect_uri", byeURI, "state", "s"))
	page := w.Body.String()
	sid := h.entries("session.revoked")[0].Target
	frame := frontURI + "&amp;iss=" + url.QueryEscape(host) + "&amp;sid=" + sid
	if w.Code != http.StatusOK || !strings.Contains(page, `<iframe src="`+frame+`"`) || !strings.Contains(page, `content="2;url=`+byeURI+`?state=s"`) || !strings.Contains(page, `id="continue"`) {
		t.Errorf("%d %s", w.Code, page)
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.HasSuffix(csp, "; frame-src https://front.example:8443") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy %q", csp)
	}
	if again := b.get(logoutURL("id_token_hint", hint, "post_logout_redirect_uri", byeURI)); again.Code != http.StatusSeeOther {
		t.Errorf("a reload: %d", again.Code)
	}
}

func TestAFrontchannelAddressThatCannotStandInAPolicyIsNotFramed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, uri := range []string{"https://front.example; script-src *", "javascript:alert(1)", "data:text/html,x", "http://front.example/", "com.example.app:/out"} {
		h.leaving(func(m *authz.ClientMetadata) { m.FrontchannelLogoutURI = uri })
		b := h.browser()
		w := b.get(logoutURL("id_token_hint", member(b.signedInWith("prompt", "consent"), "id_token")))
		if strings.Contains(w.Body.String(), "<iframe") || strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-src") {
			t.Errorf("%s is framed", uri)
		}
	}
}

// What a form holds beside the parameters of logout is no matter for a URL: a
// logout token put there would be in histories and logs.
func TestLO_05_OnlyTheParametersOfLogoutGoOnInTheURL(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := h.send("POST", "/oauth2/logout", "state=st&logout_token=a.secret.token&access_token=at_secret&client_secret=hidden", "Content-Type", form)
	to := w.Header().Get("Location")
	if w.Code != 303 || !strings.HasPrefix(to, "/oauth2/logout?") || !strings.Contains(to, "state=st") {
		t.Fatalf("%d %q", w.Code, to)
	}
	for _, not := range []string{"secret", "hidden", "logout_token", "access_token"} {
		if strings.Contains(to, not) {
			t.Errorf("the URL holds %s: %s", not, to)
		}
	}
}
