package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

func TestAPersonSignsInAndTheClientGetsTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	code := b.signIn("code_challenge", "", "code_challenge_method", "")
	w := h.send("POST", "/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {appURI}}.Encode(), "Content-Type", form, "Authorization", h.basic())
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" || member(w, "id_token") == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	me := h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer "+member(w, "access_token"))
	if me.Code != http.StatusOK || member(me, "name") != "Ada <script>" {
		t.Errorf("userinfo %d %s", me.Code, me.Body)
	}
	for _, token := range []string{code, member(w, "access_token"), member(w, "refresh_token"), member(w, "id_token"), h.secret, b.cookies["__Host-sid-up"]} {
		if strings.Contains(h.log.String(), token) {
			t.Errorf("AU-03: the log holds %.20s…", token)
		}
	}
}

func TestSE_01_CookiesAreBoundToTheHost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	for _, w := range []*http.Response{b.get(h.authorizeURL()).Result(), b.get(b.callbackURL()).Result()} {
		for _, c := range w.Cookies() {
			if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode || len(c.Value) < 43 {
				t.Errorf("cookie %+v", c)
			}
		}
	}
}

func TestSE_02_TheSessionCookieIsNewAtEverySignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	b.cookies["__Host-sid-up"] = strings.Repeat("A", 43) // planted
	b.signIn()
	first := b.cookies["__Host-sid-up"]
	if first == strings.Repeat("A", 43) || first == "" {
		t.Fatalf("cookie %q", first)
	}
	b.get(b.callbackURL("prompt", "login"))
	if second := b.cookies["__Host-sid-up"]; second == first {
		t.Error("the cookie outlived a sign-in")
	}
	old := &browser{h, map[string]string{"__Host-sid-up": first}}
	if w := old.get(h.authorizeURL("prompt", "none")); !strings.Contains(w.Header().Get("Location"), "error=login_required") {
		t.Errorf("the old cookie: %d %s", w.Code, w.Header().Get("Location"))
	}
}

func TestSE_04_SessionsEndIdleAndAltogether(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	b.signIn()
	silent := func() string { return b.get(h.authorizeURL("prompt", "none")).Header().Get("Location") }
	for range 11 {
		h.clock.Advance(59 * time.Minute)
		if !strings.Contains(silent(), "code=") {
			t.Fatalf("a session in use ended: %s", silent())
		}
	}
	h.clock.Advance(59 * time.Minute)
	h.clock.Advance(15 * time.Minute)
	if !strings.Contains(silent(), "login_required") {
		t.Error("a session outlived 12 h")
	}
	other := h.browser()
	other.signIn("prompt", "consent")
	h.clock.Advance(time.Hour + time.Second)
	if w := other.get(h.authorizeURL("prompt", "none")); !strings.Contains(w.Header().Get("Location"), "login_required") {
		t.Error("an idle session lived on")
	}
}

func TestAZ_07_AFreshSignInIsAReallyFreshOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	b.signIn()
	h.clock.Advance(30 * time.Minute)
	for _, more := range [][]string{{"prompt", "login"}, {"max_age", "60"}, {"max_age", "0"}} {
		if w := b.get(h.authorizeURL(more...)); !strings.HasPrefix(w.Header().Get("Location"), h.upstream.Issuer()) {
			t.Errorf("%v: %d %s", more, w.Code, w.Header().Get("Location"))
		}
		id := b.chooser(more...) // left alone, then the old session tries its luck
		for _, path := range []string{"/signin/done?request=", "/consent?request="} {
			if w := b.get(path + id); strings.Contains(w.Header().Get("Location"), "code=") || strings.Contains(w.Body.String(), `id="allow"`) {
				t.Errorf("%v: %s went on without a sign-in", more, path)
			}
		}
		if w := b.get(h.authorizeURL(append(more, "prompt", "none")...)); more[0] == "max_age" && !strings.Contains(w.Header().Get("Location"), "login_required") {
			t.Errorf("%v with prompt=none: %s", more, w.Header().Get("Location"))
		}
	}
	h.upstream.SetFaults(idptest.Faults{IDToken: func(c map[string]any) { c["auth_time"] = h.clock.Now().Add(-time.Hour).Unix() }})
	for _, more := range [][]string{{"prompt", "login"}, {"max_age", "60"}} {
		if w := b.get(b.callbackURL(more...)); w.Code == http.StatusSeeOther {
			t.Errorf("%v: an upstream that did not ask the person again was believed", more)
		}
	}
	if list := h.entries("login.refused"); len(list) != 2 {
		t.Errorf("%d refusals audited", len(list))
	}
}

// chooser asks for the page of connections and returns the id of its request.
func (b *browser) chooser(more ...string) string {
	b.h.Helper()
	prompt := "select_account"
	if more[0] == "prompt" {
		prompt += " " + more[1]
	}
	w := b.get(b.h.authorizeURL(append(slices.Clone(more), "prompt", prompt)...))
	_, rest, _ := strings.Cut(w.Body.String(), "request=")
	id, _, _ := strings.Cut(rest, `"`)
	if !strings.HasPrefix(id, "ar_") {
		b.h.Fatalf("no request in %.600s", w.Body)
	}
	return id
}

func TestAZ_13_AFlowBelongsToTheBrowserThatBeganIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	attacker, victim := h.browser(), h.browser()
	callback := attacker.callbackURL()
	if w := victim.get(callback); w.Code != http.StatusForbidden || victim.cookies["__Host-sid-up"] != "" {
		t.Errorf("WB-02: the attacker's callback in the victim's browser: %d", w.Code)
	}
	victim.signIn("prompt", "consent")
	id := attacker.consentPage("prompt", "consent")
	for _, w := range []*http.Response{
		victim.get("/consent?request=" + id).Result(), victim.get("/signin/done?request=" + id).Result(), victim.get("/signin?request=" + id).Result(),
		victim.post("/consent", url.Values{"request": {id}, "scope": {"openid"}, "decision": {"allow"}}).Result(),
		victim.post("/signin", url.Values{"request": {id}, "email": {"ada@acme.example"}}).Result(),
	} {
		if w.StatusCode != http.StatusForbidden || w.Header.Get("Location") != "" {
			t.Errorf("the victim went on with the attacker's flow: %d %s", w.StatusCode, w.Header.Get("Location"))
		}
	}
	bare := &browser{h, map[string]string{"__Host-sid-up": attacker.cookies["__Host-sid-up"]}}
	if w := bare.get("/consent?request=" + id); w.Code != http.StatusForbidden {
		t.Errorf("without the flow's cookie: %d", w.Code)
	}
}

func TestUO_05_UO_19_AStateIsGoodOnceAtItsOwnConnection(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	callback := b.callbackURL()
	if w := b.get(callback); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %.300s", w.Code, w.Body)
	}
	w := b.get(callback)
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "request_expired") {
		t.Errorf("replayed: %d", w.Code)
	}
	other := strings.Replace(b.callbackURL("prompt", "login"), string(h.connection.ID), "con_other", 1)
	path := "/oidc/" + string(h.connection.ID) + "/callback"
	for _, target := range []string{other, path, path + "?state=", path + "?state=x&code=y", path + "?code=y", path + "?error=access_denied&state=x"} {
		if w := b.get(target); w.Code != http.StatusBadRequest || len(w.Result().Cookies()) != 0 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	if list := h.entries("login.refused"); len(list) != 7 {
		t.Errorf("%d refusals audited", len(list))
	}
}

func TestARefusedAuditEntryHoldsNoTextOfAStranger(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.send("GET", "/oidc/"+strings.Repeat("A", 4000)+"/callback?state=x", "")
	list := h.entries("login.refused")
	if len(list) != 1 || len(list[0].Target) > 64 {
		t.Errorf("%d entries, target of %d bytes", len(list), len(list[0].Target))
	}
}

func TestAStrangerOfTheWorkspaceGetsAPageAndNoSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	w := b.get(h.authorizeURL())
	location := strings.Replace(w.Header().Get("Location"), "ada%40acme.example", "eve%40elsewhere.example", 1)
	w = b.get(h.upstreamAnswer(location))
	if w.Code != http.StatusForbidden || b.cookies["__Host-sid-up"] != "" || !strings.Contains(w.Body.String(), "no_membership") {
		t.Errorf("%d %.300s", w.Code, w.Body)
	}
}

func TestAConsentIsForWhatWasShown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	id := b.consentPage()
	w := b.post("/consent", url.Values{"request": {id}, "scope": {"profile", "offline_access", "admin:all"}, "decision": {"allow"}})
	u, _ := url.Parse(w.Header().Get("Location"))
	if w.Code != http.StatusSeeOther || u.Query().Get("code") == "" || u.Query().Get("iss") != host || u.Query().Get("state") != "st" {
		t.Fatalf("%d %s", w.Code, u)
	}
	rows := h.entries("grant.created")
	if len(rows) != 1 || rows[0].Details["scope"] != "openid profile" {
		t.Errorf("granted %+v", rows)
	}
	if w := b.post("/consent", url.Values{"request": {id}, "decision": {"allow"}}); w.Code == http.StatusSeeOther {
		t.Error("one consent gave two codes")
	}
	id = b.requestOf(b.get(h.authorizeURL("prompt", "consent")).Header().Get("Location"))
	w = b.post("/consent", url.Values{"request": {id}, "decision": {"deny"}})
	if !strings.Contains(w.Header().Get("Location"), "error=access_denied") || !strings.Contains(w.Header().Get("Location"), "iss=") {
		t.Errorf("denied: %s", w.Header().Get("Location"))
	}
	if w := b.post("/consent", url.Values{"request": {id}, "decision": {"allow"}, "scope": {"profile"}}); w.Code == http.StatusSeeOther {
		t.Error("a denied request was allowed afterwards")
	}
}

func (b *browser) requestOf(location string) string {
	u, _ := url.Parse(location)
	return u.Query().Get("request")
}

func TestAZ_06_SilenceNeedsASessionAndAConsent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	for _, name := range []string{"login_required", "consent_required"} {
		if name == "consent_required" {
			b.consentPage()
		}
		w := b.get(h.authorizeURL("prompt", "none"))
		u, _ := url.Parse(w.Header().Get("Location"))
		if w.Code != http.StatusSeeOther || u.Query().Get("error") != name || u.Query().Get("iss") != host || !strings.HasPrefix(u.String(), appURI) {
			t.Errorf("%s: %d %s", name, w.Code, u)
		}
	}
}

func TestASessionOfARemovedOrDisabledPersonIsNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	b.signIn()
	user, _, _, err := h.store.UserByUpstream(t.Context(), issuer, h.workspace.ID, h.connection.ID, authz.OIDCSide, "s-ada")
	h.ok(err)
	_, err = h.store.KillNode(t.Context(), issuer, h.workspace.ID, authz.NodeRef{Kind: authz.UserNode, ID: string(user.ID)}, authz.Disabled)
	h.ok(err)
	if w := b.get(h.authorizeURL("prompt", "none")); !strings.Contains(w.Header().Get("Location"), "login_required") {
		t.Errorf("%s", w.Header().Get("Location"))
	}
	if w := b.get(b.callbackURL()); w.Code != http.StatusForbidden {
		t.Errorf("UO-09: signing in again: %d", w.Code)
	}
}

func TestTheSessionOfSomebodyElseInThisBrowserEndsAudited(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	b.signIn()
	user, _, _, err := h.store.UserByUpstream(t.Context(), issuer, h.workspace.ID, h.connection.ID, authz.OIDCSide, "s-ada")
	h.ok(err)
	h.upstream.SetFaults(asBob())
	if w := b.get(b.callbackURL("prompt", "login")); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %.300s", w.Code, w.Body)
	}
	list := h.entries("session.revoked")
	if len(list) != 1 || list[0].Reason != "replaced" || list[0].Details["sub"] != string(user.ID) {
		t.Errorf("audit %+v", list)
	}
}

func TestUO_08_WhatIsSwitchedOffDuringASignInGivesNoSessionForLater(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, node := range []authz.NodeRef{
		{Kind: authz.WorkspaceNode, ID: string(h.workspace.ID)}, {Kind: authz.ConnectionNode, ID: string(h.connection.ID)},
	} {
		off := map[authz.NodeKind]authz.State{authz.WorkspaceNode: authz.Suspended, authz.ConnectionNode: authz.Disabled}[node.Kind]
		b := h.browser()
		callback := b.callbackURL()
		h.upstream.SetFaults(idptest.Faults{IDToken: func(map[string]any) { // after the first look at the lineage
			_, err := h.store.KillNode(t.Context(), issuer, h.workspace.ID, node, off)
			h.ok(err)
		}})
		w := b.get(callback)
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "sign_in_off") || b.cookies["__Host-sid-up"] != "" {
			t.Errorf("%s: %d %.300s", node.Kind, w.Code, w.Body)
		}
		h.upstream.SetFaults(idptest.Faults{})
		_, err := h.store.ReviveNode(t.Context(), issuer, h.workspace.ID, node, authz.Active)
		h.ok(err)
		if w := b.get(h.authorizeURL("prompt", "none")); !strings.Contains(w.Header().Get("Location"), "error=login_required") {
			t.Errorf("%s: switched on again, the browser is signed in: %s", node.Kind, w.Header().Get("Location"))
		}
	}
	list := h.entries("login.refused")
	if len(list) != 2 || list[0].Reason != "switched_off" || list[1].Reason != "switched_off" {
		t.Errorf("audit %+v", list)
	}
}
