package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func TestU14_ABreakGlassAccountSignsInHereAndAlarms(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := h.manage(h.operator, "POST", "/v1/break-glass-accounts", `{"workspace_id":"`+string(h.workspace.ID)+`","login":"Glass"}`)
	link := strings.TrimPrefix(member(w, "link"), host)
	if w.Code != http.StatusCreated || !strings.HasPrefix(link, "/enrol?token=") || member(w, "login") != "glass" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	list := h.manage(h.operator, "GET", "/v1/break-glass-accounts?workspace_id="+string(h.workspace.ID), "")
	if list.Code != http.StatusOK || !strings.Contains(list.Body.String(), `"glass"`) || strings.Contains(list.Body.String(), "enr_") {
		t.Errorf("%d %s", list.Code, list.Body)
	}
	a, shown := h.browser().accept(link, goodPassword)
	if !strings.Contains(shown.Body.String(), `id="codes"`) {
		t.Fatalf("%d %.900s", shown.Code, shown.Body)
	}
	h.clock.Advance(60e9)

	// The upstream is away; the application goes on.
	_ = h.upstream.Close()
	b := h.browser()
	page := b.get("/break-glass?workspace=" + string(h.workspace.ID))
	if page.Code != http.StatusOK || !strings.Contains(page.Body.String(), "recorded") {
		t.Fatalf("%d %.600s", page.Code, page.Body)
	}
	in := url.Values{"request": {string(h.workspace.ID)}, "login": {"glass"}, "password": {goodPassword}, "code": {a.code()}}
	if w := b.post("/break-glass", in); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %.900s", w.Code, w.Body)
	}
	said := h.introspected(b.through(h.authorizeURL("acr_values", authz.ACRMultiFactor, "code_challenge", "", "code_challenge_method", "")))
	for _, want := range []string{`"acr":"` + authz.ACRMultiFactor + `"`, `"pwd"`, `"otp"`, `"workspace_id":"` + string(h.workspace.ID) + `"`} {
		if !strings.Contains(said, want) {
			t.Errorf("introspection lacks %s: %s", want, said)
		}
	}
	if e := h.entries("break_glass.signed_in"); len(e) != 2 || e[0].Actor != e[1].Actor {
		t.Errorf("audit %+v", e)
	}

	// Wrong ones alarm, and tell nothing; another workspace's page knows it not.
	other := h.other()
	in.Set("code", "000000")
	in.Set("password", "wrong horse battery staple")
	for _, ws := range []authz.WorkspaceID{h.workspace.ID, other.ID, "ws_none"} {
		in.Set("request", string(ws))
		if w := h.browser().post("/break-glass", in); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "not accepted") {
			t.Errorf("%s: %d %.600s", ws, w.Code, w.Body)
		}
	}
	if e := h.entries("local_login.refused"); len(e) == 0 {
		t.Error("no refusal is audited")
	}
	if w := h.browser().post("/break-glass", url.Values{"login": {"operator"}, "password": {"x"}, "code": {"1"}}); w.Code != http.StatusBadRequest {
		t.Errorf("no workspace is the operators': %d", w.Code)
	}

	// Suspending the workspace ends the session, and lets nobody in.
	h.manage(h.operator, "POST", "/v1/workspaces/"+string(h.workspace.ID)+"/suspend", "")
	if w := b.get("/security"); w.Code != http.StatusUnauthorized {
		t.Errorf("after the suspension: %d", w.Code)
	}
	h.clock.Advance(60e9)
	late := url.Values{"request": {string(h.workspace.ID)}, "login": {"glass"}, "password": {goodPassword}, "code": {a.code()}}
	if w := h.browser().post("/break-glass", late); w.Code != http.StatusForbidden {
		t.Errorf("into a suspended workspace: %d", w.Code)
	}
}

func TestMF_06_AnAdministratorsCodeLetsEnrolDuringAnOutageOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	w := b.factorPage(bobHint...)
	request := fieldsOf(w).Get("request")
	b.interim()
	permit := func(user authz.UserID) string {
		w := h.manage(h.operator, "POST", "/v1/members/"+string(user)+"/enrolment-code?workspace_id="+string(h.workspace.ID), "")
		if w.Code != http.StatusCreated || member(w, "code") == "" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return member(w, "code")
	}
	h.browser().through(h.authorizeURL())
	ada, _, _, err := h.store.UserByUpstream(t.Context(), issuer, h.workspace.ID, h.connection.ID, authz.OIDCSide, "s-ada")
	h.ok(err)
	for name, code := range map[string]string{"a guess": "enr_x", "somebody else's": permit(ada.ID)} {
		if w := b.post("/signin/factor", url.Values{"request": {request}, "do": {"permit"}, "permit": {code}}); shownSecret.MatchString(w.Body.String()) {
			t.Errorf("%s: %.900s", name, w.Body)
		}
	}
	code := permit(h.bob())
	page := b.post("/signin/factor", url.Values{"request": {request}, "do": {"permit"}, "permit": {" " + code + " "}})
	if page.Code != http.StatusOK || !shownSecret.MatchString(page.Body.String()) {
		t.Fatalf("%d %.900s", page.Code, page.Body)
	}
	options, fields := h.asked("create", page)
	fields.Set("request", request)
	fields.Set("response", made(newKey().Create(options))(t))
	fields.Del("permit")
	if w := b.post("/signin/factor", fields); strings.Contains(w.Body.String(), `id="codes"`) {
		t.Error("enrolled without the code")
	}
	page = b.post("/signin/factor", url.Values{"request": {request}, "do": {"permit"}, "permit": {code}})
	options, fields = h.asked("create", page)
	fields.Set("request", request)
	fields.Set("permit", code)
	fields.Set("response", made(newKey().Create(options))(t))
	if w := b.post("/signin/factor", fields); !strings.Contains(w.Body.String(), `id="codes"`) {
		t.Errorf("with the code: %d %.900s", w.Code, w.Body)
	}
	// It is used; and an administrator undoes all of it.
	path := "/v1/members/" + string(h.bob()) + "/factors?workspace_id=" + string(h.workspace.ID)
	if w := h.manage(h.operator, "GET", path, ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"kind":"passkey"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := h.manage(h.operator, "DELETE", path, ""); w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := b.get("/security"); w.Code != http.StatusUnauthorized {
		t.Errorf("the session lives on: %d", w.Code)
	}
	if held := made(h.factors.Of(t.Context(), h.workspace.ID, h.bob()))(t); len(held.Factors) != 0 || held.Codes != 0 {
		t.Errorf("left %+v", held)
	}
	c := h.browser()
	request = fieldsOf(c.factorPage(bobHint...)).Get("request")
	c.interim()
	if w := c.post("/signin/factor", url.Values{"request": {request}, "do": {"permit"}, "permit": {code}}); shownSecret.MatchString(w.Body.String()) {
		t.Error("the code is good twice")
	}
	if e := h.entries("member.factors_reset"); len(e) != 1 {
		t.Errorf("audit %+v", e)
	}
}

func TestMF_03_AnAccountIsGoodAtItsOwnPageOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	glass := func(ws authz.WorkspaceID) string {
		w := h.manage(h.operator, "POST", "/v1/break-glass-accounts", `{"workspace_id":"`+string(ws)+`","login":"glass"}`)
		if w.Code != http.StatusCreated {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return strings.TrimPrefix(member(w, "link"), host)
	}
	other := h.other()
	pages := map[string]string{
		"operator": "/operator", "ours": "/break-glass?workspace=" + string(h.workspace.ID), "theirs": "/break-glass?workspace=" + string(other.ID),
	}
	links := map[string]string{"operator": h.invite("", authz.OperatorAccount, "operator"), "ours": glass(h.workspace.ID), "theirs": glass(other.ID)}
	targets := map[string]string{"operator": "/operator/signin", "ours": "/break-glass", "theirs": "/break-glass"}
	for who, link := range links {
		first, a := h.browser(), newKey()
		if w := first.createKey(first.get(link), "/enrol", a); !strings.Contains(w.Body.String(), `id="codes"`) {
			t.Fatalf("%s: %d %.600s", who, w.Code, w.Body)
		}
		for where, page := range pages {
			b := h.browser()
			w := b.post(targets[where], h.usedKey(b.get(page), a))
			if in := w.Code == http.StatusSeeOther; in != (who == where) {
				t.Errorf("%s at %s: %d %.300s", who, where, w.Code, w.Body)
			}
		}
	}
	// An operator's password where no workspace is named.
	a, w := h.browser().accept(h.invite("", authz.OperatorAccount, "second"), goodPassword)
	if !strings.Contains(w.Body.String(), `id="codes"`) {
		t.Fatalf("%d", w.Code)
	}
	h.clock.Advance(60e9)
	b := h.browser()
	if w := b.post("/break-glass", url.Values{"request": {""}, "login": {"second"}, "password": {goodPassword}, "code": {a.code()}}); w.Code != http.StatusBadRequest || b.cookies["__Host-sid-up"] != "" {
		t.Errorf("%d", w.Code)
	}
}
