package web_test

import (
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// numbers gives the house's connection numbers, by the API.
func (h *house) numbers(text string) {
	h.Helper()
	h.with(func(c *authz.Connection) {
		c.JIT = authz.JITDomain
		c.Fallback.Mode = max(c.Fallback.Mode, authz.FallbackAdmin)
	})
	h.done("PATCH", "/v1/connections/"+string(h.connection.ID), `{"numbers":`+text+`}`)
}

func TestNumbers_AreRefusedOutOfTheirBounds(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		h.numbers(`{"attempt_minutes":30}`)
		at := "/v1/connections/" + string(h.connection.ID) + "?workspace_id=" + string(h.workspace.ID)
		for _, r := range authz.NumberRules() {
			w := h.manage(h.operator, "PATCH", at, `{"numbers":{"`+r.Member+`":10081}}`)
			if w.Code/100 != 4 || !strings.Contains(w.Body.String(), r.Member) {
				h.Errorf("%s: %d %s", r.Member, w.Code, w.Body)
			}
		}
		w := h.manage(h.operator, "PATCH", at, `{"numbers":{"discovery_refresh_minutes":2000}}`)
		if w.Code != http.StatusBadRequest || member(w, "code") != "invalid_numbers" || !strings.Contains(w.Body.String(), "discovery_kept_minutes") {
			h.Errorf("kept shorter than fresh: %d %s", w.Code, w.Body)
		}
		for _, poll := range []string{"4", "-1", "1441"} {
			if w := h.manage(h.operator, "PATCH", at, `{"oidc":{"settings":{"poll_minutes":`+poll+`}}}`); w.Code/100 != 4 || !strings.Contains(w.Body.String(), "poll_minutes") {
				h.Errorf("poll_minutes %s: %d %s", poll, w.Code, w.Body)
			}
		}
		if got := made(h.store.GetConnection(h.Context(), issuer, h.workspace.ID, h.connection.ID))(h).Numbers; got != (authz.Numbers{AttemptMinutes: 30}) {
			h.Errorf("kept %+v", got)
		}
	})
}

// A sign-in that takes long is over, and one that may take longer is not over
// with its request.
func TestNumbers_AnAttemptIsOverInItsTime(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		for _, c := range []struct {
			numbers string
			after   time.Duration
			ok      bool
		}{
			{`{}`, 10*time.Minute - time.Second, true}, {`{}`, 10 * time.Minute, false}, {`{"attempt_minutes":5}`, 5 * time.Minute, false},
			{`{"attempt_minutes":30}`, 30*time.Minute - time.Second, true}, {`{"attempt_minutes":30}`, 30 * time.Minute, false},
		} {
			h.numbers(c.numbers)
			b := h.browser()
			w := b.get(h.authorizeURL())
			h.clock.Advance(c.after)
			w = b.get(h.upstreamAnswer(w.Header().Get("Location")))
			if came := b.cookies[cookie] != ""; came != c.ok {
				h.Errorf("%s after %s: %d", c.numbers, c.after, w.Code)
			}
			// Nor does a request that is chosen for before, on a page, end before its attempt.
			b = h.browser()
			w = b.get(h.authorizeURL("prompt", "select_account"))
			_, page, _ := strings.Cut(w.Body.String(), `href="/signin?`)
			page, _, _ = strings.Cut(page, `"`)
			h.clock.Advance(14 * time.Minute)
			w = b.get("/signin?" + html.UnescapeString(page))
			if w.Header().Get("Location") == "" {
				h.Fatalf("%q leads to no upstream: %d %.400s", page, w.Code, w.Body)
			}
			h.clock.Advance(c.after)
			b.get(h.upstreamAnswer(w.Header().Get("Location")))
			if came := b.cookies[cookie] != ""; came != c.ok {
				h.Errorf("%s after a page and %s: %v", c.numbers, c.after, came)
			}
		}
		list := h.entries("login.refused")
		for _, e := range list {
			if e.Reason != "attempt_expired" && e.Reason != "state" {
				h.Errorf("audit %+v", e)
			}
		}
		if list[0].Reason != "attempt_expired" || list[0].WorkspaceID != h.workspace.ID {
			h.Errorf("audit %+v", list[0])
		}
	})
}

func TestNumbers_ASkewAndAnAgeAreThoseOfTheConnection(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAdmin, func(c *authz.Connection) {
		c.Fallback.Routes = []authz.Route{{Email: "grace@acme.example", Use: authz.SAMLSide}}
	})
	in := func() bool {
		h.upstream.SetFaults(idptest.Faults{IDToken: func(c map[string]any) { c["exp"] = h.clock.Now().Add(-170 * time.Second).Unix() }})
		b := h.browser()
		b.get(b.callbackURL())
		return b.cookies[cookie] != ""
	}
	saml := func(change func(*idptest.SAMLAnswer)) bool {
		b := h.browser()
		d.signIn(b, change)
		return b.cookies[cookie] != ""
	}
	old := func(a *idptest.SAMLAnswer) { a.Issued = h.clock.Now().Add(-8 * time.Minute) }
	ahead := func(a *idptest.SAMLAnswer) { a.AuthnInstant = h.clock.Now().Add(170 * time.Second) }
	for _, c := range []struct {
		numbers          authz.Numbers
		oidc, old, ahead bool
	}{
		{authz.Numbers{}, false, false, false}, {authz.Numbers{OIDCSkewSeconds: 180}, true, false, false},
		{authz.Numbers{SAMLSkewSeconds: 180}, false, false, true}, {authz.Numbers{AssertionAgeSeconds: 600}, false, true, false},
	} {
		h.clock.Advance(time.Second)
		h.with(func(now *authz.Connection) { now.Numbers, now.UpdatedAt = c.numbers, h.clock.Now() })
		if oidc, older, later := in(), saml(old), saml(ahead); oidc != c.oidc || older != c.old || later != c.ahead {
			t.Errorf("%+v: expired token %v, old assertion %v, sign-in ahead %v", c.numbers, oidc, older, later)
		}
	}
}

func TestNumbers_ASessionThatStandsInLastsAsLongAsTheConnectionSays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for numbers, want := range map[authz.Numbers]time.Duration{{}: time.Hour, {FallbackSessionMinutes: 480}: 8 * time.Hour, {FallbackSessionMinutes: 5}: 5 * time.Minute} {
		d := h.both(authz.FallbackAdmin, func(c *authz.Connection) { c.Numbers = numbers })
		h.upstream.SetFaults(idptest.Faults{})
		first := h.browser()
		first.get(first.callbackURL()) // known by the link
		made(h.federation.Override(t.Context(), authz.Principal{Issuer: issuer, Subject: "test"}, d.connection, "drill", time.Time{}))(t)
		b := h.browser()
		d.signIn(b, asAda)
		if row := h.sessionOf(b); row.ExpiresAt.Sub(row.CreatedAt) != want {
			t.Errorf("%+v: %s", numbers, row.ExpiresAt.Sub(row.CreatedAt))
		}
		h.ok(h.federation.EndOverride(t.Context(), authz.Principal{Issuer: issuer, Subject: "test"}, d.connection))
	}
}

// A factor that the provider saw this morning is none this evening, unless an
// administrator's word is left.
func TestNumbers_ASecondFactorAtTheProviderCountsForAWhile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, c := range []struct {
		numbers  authz.Numbers
		declared bool
		age      time.Duration
		want     string
	}{
		{authz.Numbers{}, false, 12*time.Hour - time.Second, "proven"}, {authz.Numbers{}, false, 12*time.Hour + time.Second, "none"},
		{authz.Numbers{MFAAgeMinutes: 15}, false, 16 * time.Minute, "none"}, {authz.Numbers{MFAAgeMinutes: 1440}, false, 20 * time.Hour, "proven"},
		{authz.Numbers{}, true, 13 * time.Hour, "declared"},
	} {
		h.with(func(now *authz.Connection) {
			now.Numbers, now.OIDC = c.numbers, &authz.OIDCUpstream{MFADeclared: c.declared}
		})
		h.upstream.SetFaults(idptest.Faults{IDToken: func(claims map[string]any) {
			claims["amr"], claims["auth_time"] = []string{"pwd", "mfa"}, h.clock.Now().Add(-c.age).Unix()
		}})
		b := h.browser()
		b.get(b.callbackURL())
		if got := h.sessionOf(b).SignIn.MFA; got != c.want {
			t.Errorf("%+v declared %v after %s: %s", c.numbers, c.declared, c.age, got)
		}
		if list := h.entries("login.succeeded"); list[len(list)-1].Details["mfa"] != c.want {
			t.Errorf("audit %v", list[len(list)-1].Details["mfa"])
		}
	}
}

// Who asks for offline_access asks about sessions, unless it says that it does
// not.
func TestNumbers_AProviderIsAskedByDefaultWhereOfflineAccessIs(t *testing.T) {
	t.Parallel()
	offline := []string{"openid", "profile", "email", "offline_access"}
	for what, c := range map[string]struct {
		scopes []string
		poll   *int
		want   time.Duration
	}{
		"by default": {offline, nil, 15 * time.Minute}, "never": {offline, new(0), 0}, "said": {offline, new(30), 30 * time.Minute},
		"without offline_access": {[]string{"openid"}, nil, 0}, "asked for because it was said": {[]string{"openid"}, new(5), 5 * time.Minute},
	} {
		conn := authz.Connection{UpstreamIssuer: "https://idp.example", Scopes: c.scopes}
		if c.poll != nil {
			conn.OIDC = &authz.OIDCUpstream{PollMinutes: c.poll}
		}
		if got := conn.PollEvery(); got != c.want {
			t.Errorf("%s: %s", what, got)
		}
		conn.OIDC = &authz.OIDCUpstream{PollMinutes: c.poll}
		if conn.UpstreamIssuer = ""; conn.PollEvery() != 0 {
			t.Errorf("%s: without the side", what)
		}
	}
	h := newHouse(t)
	h.with(func(c *authz.Connection) { c.Scopes = offline })
	b := h.browser()
	b.get(b.callbackURL())
	h.clock.Advance(12*time.Minute - time.Second)
	if n := h.polls(); n != 0 {
		t.Errorf("asked %d times before its time", n)
	}
	h.clock.Advance(6*time.Minute + 2*time.Second)
	if n := h.polls(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// A request lives as long as its attempts may take, however often somebody sets
// out: max_age and prompt=login are about when it arrived.
func TestNumbers_NoNumberOfAttemptsDrawsOutARequest(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		for attempt, steps := range map[string][]time.Duration{
			`{}`:                     {9 * time.Minute, 9 * time.Minute, 9 * time.Minute, 8*time.Minute - time.Second},
			`{"attempt_minutes":30}`: {14 * time.Minute, 29 * time.Minute, 29 * time.Minute, 3*time.Minute - time.Second},
		} {
			h.numbers(attempt)
			b := h.browser()
			w := b.get(h.authorizeURL("prompt", "select_account"))
			_, page, _ := strings.Cut(w.Body.String(), `href="/signin?`)
			page, _, _ = strings.Cut(page, `"`)
			again := "/signin?" + html.UnescapeString(page)
			for n, step := range steps {
				h.clock.Advance(step)
				if w = b.get(again); !strings.HasPrefix(w.Header().Get("Location"), h.upstream.Issuer()) {
					h.Fatalf("%s: the %d. time leads to %d %s", attempt, n+1, w.Code, w.Header().Get("Location"))
				}
			}
			answer := h.upstreamAnswer(w.Header().Get("Location"))
			h.clock.Advance(time.Second)
			if w = b.get(again); w.Code != http.StatusGone && w.Code != http.StatusBadRequest {
				h.Errorf("%s: it lives on: %d %s", attempt, w.Code, w.Header().Get("Location"))
			}
			if b.get(answer); b.cookies[cookie] != "" {
				h.Errorf("%s: an answer is good after it", attempt)
			}
		}
	})
}

// What must be done within minutes is not drawn out by a longer attempt.
func TestNumbers_ALongAttemptDrawsOutNoCeremony(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.ceremony(func(c *authz.Connection) { c.Numbers.AttemptMinutes = 30 })
	a := c.begin()
	h.clock.Advance(10*time.Minute + time.Second)
	if w := c.d.post(c.d.answer(a, nil)); w.Code == http.StatusSeeOther {
		t.Errorf("ten minutes later the directory's answer leads to %s", w.Header().Get("Location"))
	}
}
