package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// elsewhere is where bob is signed in and stepped up with a passkey, besides the
// browser at hand, with an access token that hangs on that session.
type elsewhere struct {
	*browser
	token string
	sid   authz.SessionID
}

func (h *house) steppedUpElsewhere(with func(*browser)) elsewhere {
	h.Helper()
	b := h.browser()
	with(b)
	location := b.through(h.authorizeURL(append([]string{"code_challenge", "", "code_challenge_method", ""}, bobHint...)...))
	code := made(url.Parse(location))(h).Query().Get("code")
	w := h.send("POST", "/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {appURI}}.Encode(), "Content-Type", form, "Authorization", h.basic())
	return elsewhere{b, member(w, "access_token"), h.sessionOf(b).ID}
}

// goesOn and isOver say whether session and token live, and isOver that the
// client was told, once, with the reason in the audit.
func (e elsewhere) goesOn() bool { return in(e.silent()) && e.tokenLives() }

func (e elsewhere) tokenLives() bool {
	w := e.h.send("POST", "/oauth2/introspect", url.Values{"token": {e.token}}.Encode(), "Content-Type", form, "Authorization", e.h.basic())
	return strings.Contains(w.Body.String(), `"active":true`)
}

func (e elsewhere) isOver(reason, actor string) {
	e.h.Helper()
	if to := e.silent(); !out(to) {
		e.h.Errorf("the session elsewhere lives: %s", to)
	}
	if e.tokenLives() {
		e.h.Error("the token that hangs on the session elsewhere lives")
	}
	told := e.h.logouts()
	if len(told) != 1 || told[0].SID != e.sid || told[0].ClientID != e.h.app.ID {
		e.h.Errorf("logout tokens: %+v, want one for %s", told, e.sid)
	}
	var ends []authz.AuditEntry
	for _, entry := range e.h.entries("session.revoked") {
		if entry.Reason == reason {
			ends = append(ends, entry)
		}
	}
	if len(ends) != 1 || ends[0].Target != string(e.sid) || ends[0].Actor != actor || ends[0].AccountID == "" {
		e.h.Errorf("audit of %s by %s: %+v", reason, actor, ends)
	}
}

func TestSE_07_AChangeOfFactorsEndsThePersonsOtherSessions(t *testing.T) {
	t.Parallel()
	for reason, change := range map[string]func(h *house, home *browser, id string){
		"factor_removed": func(h *house, home *browser, id string) {
			if w := home.post("/security", url.Values{"do": {"remove"}, "factor": {id}}); w.Code != http.StatusSeeOther {
				h.Fatalf("%d %.600s", w.Code, w.Body)
			}
		},
		"recovery_codes_replaced": func(h *house, home *browser, _ string) {
			if w := home.post("/security", url.Values{"do": {"codes"}}); w.Code != http.StatusOK {
				h.Fatalf("%d %.600s", w.Code, w.Body)
			}
		},
	} {
		t.Run(reason, func(t *testing.T) {
			h := newHouse(t)
			h.leaving()
			home := h.browser()
			key := home.enrolKey()
			if w := home.createKey(home.get("/security"), "/security", newKey()); w.Code != http.StatusSeeOther {
				t.Fatalf("%d %.600s", w.Code, w.Body)
			}
			away := h.steppedUpElsewhere(func(b *browser) {
				if w := b.post("/signin/factor", h.usedKey(b.factorPage(bobHint...), key)); w.Code != http.StatusSeeOther {
					t.Fatalf("%d %.600s", w.Code, w.Body)
				}
			})
			alice := h.browser()
			alice.signedInWith()
			if !away.goesOn() {
				t.Fatal("nothing to end")
			}
			change(h, home, string(made(h.factors.Of(t.Context(), h.workspace.ID, h.bob()))(t).Factors[0].ID))
			away.isOver(reason, string(h.bob()))
			home.wantsSignedIn("the session it was done in", in)
			alice.wantsSignedIn("somebody else", in)
			if w := home.get("/security"); w.Code != http.StatusOK {
				t.Errorf("at home: %d", w.Code)
			}
		})
	}
}

func TestSE_07_ACopiedPasskeyEndsThePersonsOtherSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.leaving()
	first := h.browser()
	key := first.enrolKey()
	away := h.steppedUpElsewhere(func(b *browser) {
		if w := b.post("/signin/factor", h.usedKey(b.factorPage(bobHint...), key)); w.Code != http.StatusSeeOther {
			t.Fatalf("%d %.600s", w.Code, w.Body)
		}
	})
	copied := *key
	copied.Counter--
	finder := h.browser()
	form := h.usedKey(finder.factorPage(bobHint...), &copied)
	h.ok(h.endOf(first)) // one is enough
	if w := finder.post("/signin/factor", form); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "copied") {
		t.Fatalf("%d %.600s", w.Code, w.Body)
	}
	away.isOver("factor_copied", string(h.bob()))
	finder.wantsSignedIn("the session that showed it", in)
}

// endOf ends the session of a browser by itself.
func (h *house) endOf(b *browser) error {
	_, err := h.store.KillNode(h.Context(), issuer, h.workspace.ID, authz.NodeRef{Kind: authz.SessionNode, ID: string(h.sessionOf(b).ID)}, authz.Revoked)
	return err
}

func TestSE_07_WhatAnAdministratorDoesAboutAPersonEndsAllOfTheirSessions(t *testing.T) {
	t.Parallel()
	for reason, change := range map[string]func(h *house) *http.Request{
		"factors_reset": func(h *house) *http.Request {
			return made(http.NewRequest(http.MethodDelete, "/v1/members/"+string(h.bob())+"/factors?workspace_id="+string(h.workspace.ID), nil))(h)
		},
		"member_removed": func(h *house) *http.Request {
			return made(http.NewRequest(http.MethodDelete, "/v1/members/"+string(h.bob())+"?workspace_id="+string(h.workspace.ID), nil))(h)
		},
	} {
		t.Run(reason, func(t *testing.T) {
			h := newHouse(t)
			h.leaving()
			away := h.steppedUpElsewhere(func(b *browser) { b.enrolKey() })
			r := change(h)
			if w := h.manage(h.operator, r.Method, r.URL.String(), ""); w.Code != http.StatusNoContent {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			var by string
			for _, e := range append(h.entries("member.factors_reset"), h.entries("member.removed")...) {
				by = e.Actor
			}
			away.isOver(reason, by)
		})
	}
}

func TestSE_07_ANewLinkEndsAnOperatorsSessionsAndItsUseThoseSince(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := newKey()
	b := h.browser()
	if w := b.createKey(b.get(h.invite("", authz.OperatorAccount, "operator")), "/enrol", a); w.Code != http.StatusOK {
		t.Fatalf("%d", w.Code)
	}
	signedIn := func(b *browser) bool { return b.get("/security").Code == http.StatusOK }
	if !signedIn(b) {
		t.Fatal("not signed in")
	}
	link := h.invite("", authz.OperatorAccount, "operator")
	if signedIn(b) {
		t.Error("a session outlives a new link")
	}
	// Until the link is used, the operator signs in as before.
	if w := b.post("/operator/signin", h.usedKey(b.get("/operator"), a)); w.Code != http.StatusSeeOther || !signedIn(b) {
		t.Fatalf("%d %.600s", w.Code, w.Body)
	}
	found := h.browser()
	if w := found.createKey(found.get(link), "/enrol", newKey()); w.Code != http.StatusOK || !signedIn(found) {
		t.Fatalf("%d %.600s", w.Code, w.Body)
	}
	if signedIn(b) {
		t.Error("a session outlives an enrolment")
	}
	for n, want := range []string{"enrolment_link", "enrolled_anew"} {
		if e := h.entries("session.revoked"); len(e) != 2 || e[n].Reason != want || e[n].WorkspaceID != "" {
			t.Errorf("audit %+v", e)
		}
	}
}

// Who has lost their app gets another one by the link, and what was lost is good
// for nothing.
func TestMF_06_ALinkReplacesEverythingAnOperatorHad(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	link := h.invite("", authz.OperatorAccount, "operator")
	if page := h.browser().get(link); strings.Contains(page.Body.String(), `id="afresh"`) {
		t.Error("a new account is told of what it had")
	}
	lost, shown := h.browser().accept(link, goodPassword)
	codes := shownCode.FindAllStringSubmatch(shown.Body.String(), -1)
	if len(codes) != 10 {
		t.Fatalf("%d %.600s", shown.Code, shown.Body)
	}
	h.clock.Advance(time.Minute)

	link = h.invite("", authz.OperatorAccount, "operator")
	b := h.browser()
	if page := b.get(link); !strings.Contains(page.Body.String(), `id="afresh"`) {
		t.Errorf("%.900s", page.Body)
	}
	const another = "another horse battery staple"
	app, shown := b.accept(link, another)
	if n := len(shownCode.FindAllString(shown.Body.String(), -1)); shown.Code != http.StatusOK || n != 10 {
		t.Fatalf("%d codes: %d %.900s", n, shown.Code, shown.Body)
	}
	h.clock.Advance(time.Minute)
	signIn := func(password, code string) bool {
		w := h.browser().post("/operator/signin", url.Values{"login": {"operator"}, "password": {password}, "code": {code}})
		return w.Code == http.StatusSeeOther
	}
	for what, form := range map[string][2]string{
		"the lost app": {another, lost.code()}, "an old recovery code": {another, codes[0][1]}, "the old password": {goodPassword, app.code()},
	} {
		if signIn(form[0], form[1]) {
			t.Errorf("%s signs in", what)
		}
	}
	if !signIn(another, app.code()) {
		t.Error("the new app does not sign in")
	}
	if e := h.entries("factor.enrolled"); len(e) != 2 || e[1].Details["forgotten"] != float64(1) {
		t.Errorf("audit %+v", e)
	}
	// A passkey in its place takes the password away as well.
	again := h.browser()
	link = h.invite("", authz.OperatorAccount, "operator")
	key := newKey()
	if w := again.createKey(again.get(link), "/enrol", key); len(shownCode.FindAllString(w.Body.String(), -1)) != 10 {
		t.Fatalf("%d %.600s", w.Code, w.Body)
	}
	h.clock.Advance(time.Minute)
	account, err := h.accounts.Find(t.Context(), "", "operator")
	h.ok(err)
	if account.Password != "" || signIn(another, app.code()) {
		t.Error("the password of before is kept")
	}
	back := h.browser()
	if w := back.post("/operator/signin", h.usedKey(back.get("/operator"), key)); w.Code != http.StatusSeeOther {
		t.Errorf("the passkey: %d %.600s", w.Code, w.Body)
	}
}
