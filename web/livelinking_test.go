package web_test

import (
	"encoding/base32"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/mfa/mfatest"
)

// keyed is bob, who has a passkey in place of an app, long after signing in.
func (h *house) keyed() (*ceremony, *mfatest.Authenticator) {
	h.Helper()
	c := &ceremony{browser: h.browser(), d: h.joinable()}
	key := c.enrolKey()
	c.bob = h.lastIn()
	h.clock.Advance(30 * time.Minute)
	return c, key
}

// live signs in at the person's own side anew, from the page.
func (c *ceremony) live() *httptest.ResponseRecorder {
	c.h.Helper()
	to := c.h.goesTo(c.post("/security/link", url.Values{"do": {"again"}}))
	if u := made(url.Parse(to))(c.h); !strings.HasPrefix(to, c.h.upstream.Issuer()) || u.Query().Get("prompt") != "login" || u.Query().Get("login_hint") != "bob@acme.example" {
		c.h.Fatalf("no live sign-in at their own side is asked for: %s", to)
	}
	return c.get(c.h.upstreamAnswer(to))
}

func (c *ceremony) prove(fields url.Values) {
	c.h.Helper()
	if w := c.post("/security/link", fields); w.Code != http.StatusSeeOther {
		c.h.Fatalf("no step-up: %d %.900s", w.Code, w.Body)
	}
}

// cannotBegin checks that the other side is not asked for anything.
func (c *ceremony) cannotBegin(what, told string) {
	c.h.Helper()
	if w := c.post("/security/link", url.Values{"do": {"begin"}}); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), told) {
		c.h.Errorf("%s: %d %.600s", what, w.Code, w.Body)
	}
}

func TestUO_18_APasskeyIsTheFactorAndNoSignInAtASide(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		c, key := h.keyed()
		page := c.get("/security/link")
		if !strings.Contains(page.Body.String(), `id="again"`) || strings.Contains(page.Body.String(), `id="begin"`) {
			h.Fatalf("no way to sign in again: %.900s", page.Body)
		}
		h.guarded("again", page)
		// A sign-in by the passkey is one for the application, and none for this.
		w := c.get(h.authorizeURL(append([]string{"acr_values", authz.ACRMultiFactor, "max_age", "60"}, bobHint...)...))
		c.post("/signin/factor", h.usedKey(c.get(w.Header().Get("Location")), key))
		if s := h.sessionOf(c.browser); h.clock.Now().Sub(s.AuthTime) > time.Minute || s.SignIn.Local != string(authz.PasskeyFactor) {
			h.Fatalf("the passkey was no sign-in: %+v", s)
		}
		c.cannotBegin("with a passkey alone", "your own side")
		if w := c.live(); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/security/link" {
			h.Fatalf("back from their own side: %d %s %.600s", w.Code, w.Header().Get("Location"), w.Body)
		}
		c.cannotBegin("without the factor", "passkey or an authenticator")
		c.prove(h.usedKey(c.get("/security/link"), key))
		yes := c.asked()
		if w := c.post("/security/link/confirm", yes); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="joined"`) {
			h.Fatalf("joined: %d %.900s", w.Code, w.Body)
		}
		if e := h.entries("identity.linked"); len(e) != 1 || e[0].Target != string(c.bob) {
			h.Errorf("audit %+v", e)
		}
	})
}

func TestUO_18_ARecoveryCodeJoinsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := &ceremony{browser: h.browser(), d: h.joinable()}
	app, codes := c.enrolApp()
	c.app = app
	h.clock.Advance(30 * time.Minute)
	c.live()
	c.prove(url.Values{"recovery_code": {codes[0]}})
	c.cannotBegin("with a recovery code", "passkey or an authenticator")
	c.prove(url.Values{"code": {app.code()}})
	c.asked()
}

// What an upstream vouches for without saying when may be a sign-in of this
// morning: it counts where the upstream was asked to have the person sign in.
func TestUO_18_ASignInOfUntoldTimeCountsWhereItWasAskedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.upstream.SetFaults(idptest.Faults{IDToken: func(c map[string]any) { delete(c, "auth_time") }})
	c := &ceremony{browser: h.browser(), d: h.joinable()}
	c.app, _ = c.enrolApp()
	h.clock.Advance(time.Minute)
	c.prove(url.Values{"code": {c.app.code()}})
	c.cannotBegin("whenever it was", "your own side")
	c.live()
	h.clock.Advance(time.Minute)
	c.prove(url.Values{"code": {c.app.code()}})
	c.asked()
}

// A sign-in that the upstream says was before it was asked for is none.
func TestUO_18_AnOldSignInAtTheirOwnSideIsNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := &ceremony{browser: h.browser(), d: h.joinable()}
	c.app, _ = c.enrolApp()
	h.clock.Advance(30 * time.Minute)
	old := h.clock.Now().Add(-9 * time.Minute).Unix()
	h.upstream.SetFaults(idptest.Faults{IDToken: func(c map[string]any) { c["auth_time"] = old }})
	if w := c.live(); w.Code != http.StatusUnauthorized {
		t.Errorf("prompt=login was passed over: %d %.300s", w.Code, w.Body)
	}
	c.cannotBegin("nine minutes old", "your own side")
}

func TestUO_18_SomebodyElseAtTheirOwnSideIsSignedInByNothingHere(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		c := &ceremony{browser: h.browser(), d: h.joinable()}
		c.app, _ = c.enrolApp()
		bob := h.lastIn()
		h.clock.Advance(30 * time.Minute)
		members := len(made(h.store.ListMembers(h.Context(), issuer, h.workspace.ID, authz.Page{}))(h))
		was, before := c.cookies[cookie], len(h.entries("login.succeeded"))
		mallory := func(claims map[string]any) {
			claims["sub"] = "s-mallory"
			if claims["email"] != nil {
				claims["email"] = "mallory@acme.example"
			}
		}
		h.upstream.SetFaults(idptest.Faults{IDToken: mallory, UserInfo: mallory})
		if w := c.live(); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "Somebody else") {
			h.Errorf("%d %.600s", w.Code, w.Body)
		}
		if e := h.entries("identity.link_refused"); len(e) != 1 || e[0].Reason != "another_person" || e[0].Actor != string(bob) {
			h.Errorf("audit %+v", e)
		}
		after := len(made(h.store.ListMembers(h.Context(), issuer, h.workspace.ID, authz.Page{}))(h))
		if after != members || len(h.entries("login.succeeded")) != before || c.cookies[cookie] != was {
			h.Errorf("%d members of %d, or somebody was signed in", after, members)
		}
		if s := h.sessionOf(c.browser); s.UserID != bob || s.State != authz.Active {
			h.Errorf("bob's session %+v", s)
		}
	})
}

// Both sign-ins and the factor are of the ten minutes before it is done, not
// before it is begun.
func TestUO_18_AllOfItIsOfTheSameTenMinutes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.ceremony()
	h.clock.Advance(9 * time.Minute)
	c.prove(url.Values{"code": {c.app.code()}})
	yes, another := c.asked(), c.begin()
	h.clock.Advance(2 * time.Minute)
	if w := c.post("/security/link/confirm", yes); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "your own side") {
		t.Errorf("said eleven minutes after the first sign-in: %d %.600s", w.Code, w.Body)
	}
	if w := c.returns(another, nil); w.Code != http.StatusForbidden || confirmation(w).Get("h") != "" {
		t.Errorf("asked eleven minutes after the first sign-in: %d %.600s", w.Code, w.Body)
	}
	if e := h.entries("identity.link_refused"); len(e) != 2 || e[0].Reason != "sign_in_not_fresh" || e[1].Reason != "sign_in_not_fresh" {
		t.Errorf("audit %+v", e)
	}
	c.unlinked("eleven minutes")
}

// What was begun at their own side is of one browser and session too, good once,
// and is not the other half.
func TestUO_18_TheSignInAtTheirOwnSideIsOfOneSessionAndGoodOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.ceremony()
	to := h.upstreamAnswer(h.goesTo(c.post("/security/link", url.Values{"do": {"again"}})))
	if w := h.browser().get(to); w.Code/100 != 4 {
		t.Errorf("another browser: %d %.300s", w.Code, w.Body)
	}
	to = h.upstreamAnswer(h.goesTo(c.post("/security/link", url.Values{"do": {"again"}})))
	h.ok(h.ending.EndPerson(t.Context(), authz.PersonEnd{WorkspaceID: h.workspace.ID, UserID: c.bob, Reason: "test"}))
	if w := c.get(to); w.Code != http.StatusForbidden || c.get("/security").Code != http.StatusUnauthorized {
		t.Errorf("the session ended: %d %.300s", w.Code, w.Body)
	}
	c.again()
	to = h.upstreamAnswer(h.goesTo(c.post("/security/link", url.Values{"do": {"again"}})))
	if w := c.get(to); w.Code != http.StatusSeeOther {
		t.Errorf("once: %d %.300s", w.Code, w.Body)
	}
	if w := c.get(to); w.Code/100 != 4 {
		t.Errorf("twice: %d", w.Code)
	}
	c.unlinked("one side alone")
}

// Whoever came by SAML joins the side of OpenID Connect in the same way.
func TestUO_18_APersonOfTheDirectoryJoinsTheOtherSide(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		c := &ceremony{browser: h.browser(), d: h.joinable()}
		if w := c.d.signIn(c.browser, nil); w.Code >= 400 {
			h.Fatalf("grace: %d %.300s", w.Code, w.Body)
		}
		grace := h.lastIn()
		page := c.get("/security")
		secret := shownSecret.FindStringSubmatch(page.Body.String())
		if secret == nil {
			h.Fatalf("no app to set up: %.900s", page.Body)
		}
		c.app = otpApp{h, made(base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(secret[1], " ", "")))(h)}
		fields := fieldsOf(page)
		fields.Set("code", c.app.code())
		if w := c.post("/security", fields); w.Code != http.StatusOK {
			h.Fatalf("setting the app up: %d %.600s", w.Code, w.Body)
		}
		h.clock.Advance(30 * time.Minute)
		if page := c.get("/security"); !strings.Contains(page.Body.String(), `href="/security/link"`) {
			h.Errorf("nothing leads there: %.900s", page.Body)
		}
		w := httptest.NewRecorder()
		w.Header().Set("Location", h.goesTo(c.post("/security/link", url.Values{"do": {"again"}})))
		w.Code = http.StatusSeeOther
		if w := c.returns(c.d.read(w), nil); w.Code != http.StatusSeeOther {
			h.Fatalf("at their own side: %d %.600s", w.Code, w.Body)
		}
		c.prove(url.Values{"code": {c.app.code()}})
		to := h.goesTo(c.post("/security/link", url.Values{"do": {"begin"}}))
		if u := made(url.Parse(to))(h); !strings.HasPrefix(to, h.upstream.Issuer()) || u.Query().Get("prompt") != "login" {
			h.Fatalf("begun at %s", to)
		}
		question := c.get(h.upstreamAnswer(to))
		if !strings.Contains(question.Body.String(), "s-ada") {
			h.Fatalf("no question: %d %.900s", question.Code, question.Body)
		}
		if w := c.post("/security/link/confirm", confirmation(question)); w.Code != http.StatusOK {
			h.Fatalf("joined: %d %.900s", w.Code, w.Body)
		}
		h.clock.Advance(time.Second)
		if h.browser().signIn(); h.lastIn() != grace {
			h.Errorf("ada is %s, not %s", h.lastIn(), grace)
		}
	})
}
