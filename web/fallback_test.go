package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// both gives the house's connection a second side, in that mode.
func (h *house) both(mode authz.FallbackMode, change ...func(*authz.Connection)) *directory {
	h.Helper()
	return h.directoryAt(h.connection, "okta", append([]func(*authz.Connection){func(c *authz.Connection) {
		c.Fallback.Mode = mode
		c.Fallback.Link = authz.LinkKey{OIDC: []string{"sub"}, SAML: []string{"id"}}
	}}, change...)...)
}

// away makes the token endpoint of the OpenID provider fail.
func (h *house) away(down bool) {
	faults := idptest.Faults{}
	if down {
		faults.Serve = map[string]http.Handler{"/token": idptest.Status(http.StatusBadGateway)}
	}
	h.upstream.SetFaults(faults)
}

// outage fails as many sign-ins at the token endpoint as open the circuit.
func (h *house) outage() {
	h.Helper()
	h.away(true)
	for range 5 {
		b := h.browser()
		if w := b.get(b.callbackURL()); w.Code != http.StatusServiceUnavailable {
			h.Fatalf("during the outage: %d %.300s", w.Code, w.Body)
		}
	}
	h.probes()
}

// probes makes the probes that are due, as Run does every second.
func (h *house) probes() {
	h.Helper()
	h.ok(h.federation.ProbeDue(h.Context()))
}

func (h *house) goes(b *browser, more ...string) string {
	h.Helper()
	w := b.get(h.authorizeURL(more...))
	location := w.Header().Get("Location")
	switch {
	case strings.HasPrefix(location, h.upstream.Issuer()):
		return "oidc"
	case strings.HasPrefix(location, entitySSO):
		return "saml"
	case strings.Contains(w.Body.String(), `id="fallback"`):
		return "ask"
	}
	return location
}

func TestFB_WhoeverHasARouteSignsInBySAMLAndNothingElseDoes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.both(authz.FallbackAsk, func(c *authz.Connection) {
		c.Fallback.Routes = []authz.Route{{Email: "grace@acme.example", Use: authz.SAMLSide}, {Domain: "plant.example", Use: authz.SAMLSide}}
		c.Domains = append(c.Domains, "plant.example")
	})
	for hint, want := range map[string]string{"ada@acme.example": "oidc", "Grace@ACME.example": "saml", "x@plant.example": "saml"} {
		if got := h.goes(h.browser(), "login_hint", hint); got != want {
			t.Errorf("%s goes to %s, want %s", hint, got, want)
		}
	}
	for _, more := range [][]string{{"idp", "saml"}, {"fallback", "true"}, {"acr_values", "saml"}, {"idp_hint", "saml"}} {
		if got := h.goes(h.browser(), more...); got != "oidc" {
			t.Errorf("32: %v led to %s", more, got)
		}
	}
}

func TestFB_32_NothingABrowserSaysOpensTheCircuit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAuto)
	callback := "/oidc/" + string(d.connection.ID) + "/callback?"
	state := func(b *browser) string {
		u, _ := url.Parse(b.get(h.authorizeURL()).Header().Get("Location"))
		return u.Query().Get("state")
	}
	for range 12 {
		for _, params := range []url.Values{
			{"code": {"\x00"}}, {"code": {"caf\xe9"}}, {"code": {"\x7f"}}, {"code": {"a\r\nb"}},
			{"error": {"server_error"}}, {"error": {"temporarily_unavailable"}}, {"error": {"access_denied"}}, {"code": {"no code of theirs"}},
			{"code": {strings.Repeat("x", 3000)}}, {},
		} {
			b := h.browser()
			params.Set("state", state(b))
			params.Set("iss", h.upstream.Issuer())
			b.get(callback + params.Encode())
		}
	}
	// What an upstream says wrongly is an attack or a mistake, no outage.
	for _, faults := range []idptest.Faults{
		{Signature: idptest.SignedByStranger}, {IDToken: func(c map[string]any) { c["nonce"] = "x" }}, {IDToken: func(c map[string]any) { c["aud"] = "x" }},
		{IDToken: func(c map[string]any) { c["exp"] = 1 }}, {IDToken: func(c map[string]any) { c["iss"] = "https://x.example" }},
	} {
		h.upstream.SetFaults(faults)
		for range 6 {
			b := h.browser()
			b.get(b.callbackURL())
		}
	}
	// A browser that hangs up while we wait.
	h.upstream.SetFaults(idptest.Faults{Serve: map[string]http.Handler{"/token": idptest.Hang()}})
	for range 6 {
		b := h.browser()
		target := b.callbackURL()
		ctx, cancel := context.WithCancel(t.Context())
		r := httptest.NewRequest("GET", host+strings.TrimPrefix(target, host), nil).WithContext(ctx)
		for name, value := range b.cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		done := make(chan struct{})
		before := h.upstream.Requests("/token")
		go func() { h.handler.ServeHTTP(httptest.NewRecorder(), r); close(done) }()
		for h.upstream.Requests("/token") == before { //nolint:revive // until it waits
		}
		cancel()
		<-done
	}
	h.away(false)
	_, circuit, err := h.store.FallbackOf(t.Context(), issuer, h.workspace.ID, d.connection.ID)
	h.ok(err)
	failed := 0
	for _, n := range circuit.Counts {
		failed += n.Failed
	}
	if circuit.Open() || failed > 0 || h.goes(h.browser()) != "oidc" {
		t.Errorf("circuit %+v", circuit)
	}
}

func TestFB_AnOutageThatWeSawLeadsToSAMLAsTheModeSays(t *testing.T) {
	t.Parallel()
	for mode, want := range map[authz.FallbackMode]string{
		authz.FallbackNever: "oidc", authz.FallbackAdmin: "oidc", authz.FallbackAsk: "ask", authz.FallbackAuto: "saml",
	} {
		t.Run(string(mode), func(t *testing.T) {
			h := newHouse(t)
			h.both(mode)
			h.outage()
			if got := h.goes(h.browser()); got != want {
				t.Errorf("people are led to %s, want %s", got, want)
			}
			opened := h.entries("connection.circuit_opened")
			h.both(authz.FallbackNever)
			if got := h.goes(h.browser()); got != "oidc" {
				t.Errorf("after the mode became never: %s", got)
			}
			if told := want == "oidc"; told != (len(opened) == 0) || len(opened) > 1 {
				t.Errorf("audited %+v", opened)
			}
		})
	}
}

func TestFB_InModeAskThePersonSaysSoToUs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAsk)
	h.outage()
	b := h.browser()
	w := b.get(h.authorizeURL())
	id := inputOf(w.Body.String(), "request")
	if w.Code != http.StatusOK || id == "" || !strings.Contains(w.Body.String(), "does not answer") {
		t.Fatalf("%d %.900s", w.Code, w.Body)
	}
	form := url.Values{"request": {id}, "connection": {string(d.connection.ID)}, "email": {"ada@acme.example"}}
	if w := b.send("POST", "/signin/fallback", form.Encode(), "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("from another site: %d", w.Code)
	}
	if w := b.get("/signin/fallback?" + form.Encode()); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("by a link: %d", w.Code)
	}
	if w := h.browser().post("/signin/fallback", form); w.Code == http.StatusOK {
		t.Errorf("in another browser: %d", w.Code)
	}
	w = b.post("/signin/fallback", form)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), entitySSO) {
		t.Errorf("%d %.900s", w.Code, w.Body)
	}
	// It is back: what the form says changes nothing.
	h.away(false)
	h.recovers(d)
	b = h.browser()
	other := b.chooser("prompt", "select_account")
	w = b.post("/signin/fallback", url.Values{"request": {other}, "connection": {string(d.connection.ID)}, "email": {"ada@acme.example"}})
	if strings.Contains(w.Body.String(), entitySSO) || !strings.Contains(w.Body.String(), h.upstream.Issuer()) {
		t.Errorf("the browser chose SAML: %.900s", w.Body)
	}
}

// recovers lets as many probes go well as close the circuit.
func (h *house) recovers(d *directory) {
	h.Helper()
	for range 3 {
		h.clock.Advance(34 * time.Second)
		h.ok(h.federation.Flush(h.Context())) // as Run does, every two seconds
		h.ok(h.federation.ProbeDue(h.Context()))
	}
	if _, circuit, err := h.store.FallbackOf(h.Context(), issuer, h.workspace.ID, d.connection.ID); err != nil || circuit.Open() {
		h.Fatalf("still open: %+v %v", circuit, err)
	}
}

func inputOf(body, name string) string {
	_, rest, _ := strings.Cut(body, `name="`+name+`" value="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func TestFB_33_AnOutageMakesNoAccountsAndFindsPeopleByTheirLinkAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAuto)
	h.browser().signIn() // Ada is known, as s-ada
	h.outage()
	for _, c := range []struct{ what, id, mail, reason string }{
		{"somebody new", "u-new", "new@acme.example", "no_membership"},
		{"the victim's address", "u-mallory", "ada@acme.example", "link_conflict"},
		{"the victim's address, otherwise written", "u-mallory", "ADA@acme.example", "link_conflict"},
	} {
		b := h.browser()
		d.refused(c.what, b, d.signIn(b, as(c.id, c.mail)), c.reason)
	}
	b := h.browser()
	if w := d.signIn(b, as("s-ada", "ada@acme.example")); w.Code != http.StatusSeeOther || b.cookies[cookie] == "" {
		t.Fatalf("Ada herself: %d %.300s", w.Code, w.Body)
	}
	list := h.entries("login.succeeded")
	last := list[len(list)-1]
	if len(list) != 2 || last.Actor != list[0].Actor || last.Details["side"] != "saml" || last.Details["fallback_reason"] != "health" {
		t.Errorf("audit %+v", list)
	}
	if linked := h.entries("identity.linked"); len(linked) != 1 || linked[0].Actor != last.Actor {
		t.Errorf("audit %+v", linked)
	}
	// The session is short, and nothing made in it is longer.
	row := h.sessionOf(b)
	if row.Fallback != authz.FallbackHealth || row.ExpiresAt.After(h.clock.Now().Add(time.Hour)) {
		t.Errorf("session %+v", row)
	}
}

func (h *house) sessionOf(b *browser) authz.Session {
	h.Helper()
	s, _, err := h.store.SessionByDigestAcrossWorkspaces(h.Context(), issuer, authz.Digest(b.cookies[cookie]))
	h.ok(err)
	return s
}

func TestFB_ARefreshTokenOfAFallbackEndsWithItsSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAuto)
	h.browser().signIn()
	h.outage()
	b := h.browser()
	w := d.signIn(b, func(a *idptest.SAMLAnswer) {
		for n := range a.Attributes {
			if a.Attributes[n].Name == "id" {
				a.Attributes[n].Values = []string{"s-ada"}
			}
		}
	}, "scope", "openid offline_access", "prompt", "consent", "code_challenge", "", "code_challenge_method", "")
	w = b.post("/consent", url.Values{"request": {b.requestOf(w.Header().Get("Location"))}, "scope": {"openid", "offline_access"}, "decision": {"allow"}})
	u, _ := url.Parse(w.Header().Get("Location"))
	w = h.send("POST", "/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "redirect_uri": {appURI}}.Encode(), "Content-Type", form, "Authorization", h.basic())
	told := h.send("POST", "/oauth2/introspect", url.Values{"token": {member(w, "access_token")}}.Encode(), "Content-Type", form, "Authorization", h.basic())
	if member(told, "fallback_reason") != "health" {
		t.Errorf("introspection %s", told.Body)
	}
	refresh := member(w, "refresh_token")
	if refresh == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	use := func() *httptest.ResponseRecorder {
		return h.send("POST", "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}.Encode(), "Content-Type", form, "Authorization", h.basic())
	}
	h.clock.Advance(59 * time.Minute)
	if w = use(); w.Code != http.StatusOK {
		t.Fatalf("within the hour: %d %s", w.Code, w.Body)
	}
	refresh = member(w, "refresh_token")
	h.clock.Advance(2 * time.Minute)
	if w = use(); w.Code != http.StatusBadRequest {
		t.Errorf("after the hour: %d %s", w.Code, w.Body)
	}
}

func TestFB_36_TwoNodesShareOneCircuitWithoutThrash(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAuto)
	ctx := t.Context()
	h.away(true)
	var group sync.WaitGroup
	for n := range 40 { // half of them fail, on whichever node
		group.Go(func() { h.federation.Observed(ctx, d.connection, n%2 == 0) })
	}
	group.Wait()
	h.ok(h.federation.Flush(ctx))
	for range 5 {
		group.Go(func() { _ = h.federation.ProbeDue(ctx) })
	}
	group.Wait()
	if n := h.upstream.Requests("/token"); n != 1 {
		t.Errorf("%d probes", n)
	}
	_, circuit, err := h.store.FallbackOf(ctx, issuer, h.workspace.ID, d.connection.ID)
	h.ok(err)
	if !circuit.Open() || h.goes(h.browser()) != "saml" {
		t.Fatalf("circuit %+v", circuit)
	}
	for range 3 { // open, closed, open within a window: one alert
		h.away(false)
		h.recovers(d)
		h.away(true)
		for range 6 {
			h.federation.Observed(ctx, d.connection, false)
		}
		h.probes()
	}
	opened, closed := h.entries("connection.circuit_opened"), h.entries("connection.circuit_closed")
	if len(opened) != 4 || len(closed) != 3 {
		t.Errorf("opened %d times, closed %d times", len(opened), len(closed))
	}
	for _, e := range h.events("connection.circuit_opened") {
		if !strings.Contains(e, `"severity":"P1"`) {
			t.Errorf("no alert: %s", e)
		}
	}
}

func TestFB_AnUpstreamThatIsMostlyThereIsNotAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAuto)
	ctx := t.Context()
	h.away(true)
	for range 11 {
		h.federation.Observed(ctx, d.connection, true)
	}
	for range 10 {
		h.federation.Observed(ctx, d.connection, false)
	}
	h.probes()
	if got := h.goes(h.browser()); got != "oidc" {
		t.Errorf("10 of 21 failed: %s", got)
	}
	h.clock.Advance(70 * time.Second) // what is past the window counts no more
	for range 4 {
		h.federation.Observed(ctx, d.connection, false)
	}
	h.probes()
	if got := h.goes(h.browser()); got != "oidc" {
		t.Errorf("4 of 4 failed: %s", got)
	}
	h.federation.Observed(ctx, d.connection, false)
	h.probes()
	if got := h.goes(h.browser()); got != "saml" {
		t.Errorf("5 of 5 failed: %s", got)
	}
}

func TestFB_ACircuitClosesAfterThreeProbesAndNotBefore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAuto)
	h.outage()
	probe := func() {
		h.clock.Advance(34 * time.Second)
		h.ok(h.federation.ProbeDue(t.Context()))
	}
	probe()
	if got := h.goes(h.browser()); got != "saml" {
		t.Errorf("a failed probe: %s", got)
	}
	h.away(false)
	probe()
	h.ok(h.federation.ProbeDue(t.Context())) // not due again
	probe()
	if got := h.goes(h.browser()); got != "saml" {
		t.Errorf("two good probes: %s", got)
	}
	h.away(true)
	probe() // back to none
	h.away(false)
	probe()
	if got := h.goes(h.browser()); got != "saml" {
		t.Errorf("one good probe after a bad one: %s", got)
	}
	h.recovers(d)
	if got := h.goes(h.browser()); got != "oidc" {
		t.Errorf("three good probes: %s", got)
	}
}

func TestFB_AnAdministratorSwitchesOverWithReasonAndEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAdmin)
	ctx, by, now := t.Context(), authz.Principal{Issuer: issuer, Subject: "usr_admin"}, h.clock.Now()
	for what, err := range map[string]error{
		"no reason":        last(h.federation.Override(ctx, by, d.connection, "  ", time.Time{})),
		"eight days":       last(h.federation.Override(ctx, by, d.connection, "why", now.Add(8*24*time.Hour))),
		"an end before":    last(h.federation.Override(ctx, by, d.connection, "why", now.Add(-time.Minute))),
		"one side":         last(h.federation.Override(ctx, by, h.connection, "why", time.Time{})),
		"mode never":       last(h.federation.Override(ctx, by, withMode(d.connection, authz.FallbackNever), "why", time.Time{})),
		"a book as reason": last(h.federation.Override(ctx, by, d.connection, strings.Repeat("x", 501), time.Time{})),
	} {
		if err == nil {
			t.Errorf("%s: switched over", what)
		}
	}
	if got := h.goes(h.browser()); got != "oidc" {
		t.Fatalf("before: %s", got)
	}
	o, err := h.federation.Override(ctx, by, d.connection, "certificate rolls", time.Time{})
	h.ok(err)
	if got := h.goes(h.browser()); got != "saml" || o.Until.Sub(o.MadeAt) != 24*time.Hour {
		t.Errorf("switched over until %v: %s", o.Until, got)
	}
	b := h.browser()
	d.refused("an override makes no accounts", b, d.signIn(b, nil), "no_membership")
	h.clock.Advance(24*time.Hour + time.Second)
	if got := h.goes(h.browser()); got != "oidc" {
		t.Errorf("after the end: %s", got)
	}
	_, err = h.federation.Override(ctx, by, d.connection, "again", h.clock.Now().Add(time.Hour))
	h.ok(err)
	h.ok(h.federation.EndOverride(ctx, by, d.connection))
	if got := h.goes(h.browser()); got != "oidc" {
		t.Errorf("ended early: %s", got)
	}
	forced := h.entries("connection.fallback_forced")
	if len(forced) != 2 || forced[0].Actor != "usr_admin" || forced[0].Details["reason"] != "certificate rolls" || len(h.entries("connection.fallback_ended")) != 1 {
		t.Errorf("audit %+v", forced)
	}
	if events := h.events("connection.fallback_forced"); len(events) != 2 || !strings.Contains(events[0], `"severity":"P2"`) {
		t.Errorf("events %v", events)
	}
}

func last[T any](_ T, err error) error { return err }

func withMode(c authz.Connection, mode authz.FallbackMode) authz.Connection {
	c.Fallback.Mode = mode
	return c
}

func TestFB_TheMFAOfAFallbackIsJudgedAsAnyOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAuto, func(c *authz.Connection) {
		c.Fallback.Routes = []authz.Route{{Email: "grace@acme.example", Use: authz.SAMLSide}}
	})
	d.signIn(h.browser(), nil)
	d.signIn(h.browser(), func(a *idptest.SAMLAnswer) {
		a.Context = "https://refeds.org/profile/mfa" // Okta says so whatever happened
		for n := range a.Attributes {
			if a.Attributes[n].Name == "session.amr" {
				a.Attributes[n].Values = []string{"pwd"}
			}
		}
	})
	list := h.entries("login.succeeded")
	if len(list) != 2 || list[0].Details["mfa"] != idp.EvidenceProven.String() || list[1].Details["mfa"] == idp.EvidenceProven.String() {
		t.Errorf("audit %+v", list)
	}
	if list[0].Details["fallback_reason"] != "route" {
		t.Errorf("audit %+v", list[0].Details)
	}
}

// events takes the bodies of the events of a type from the outbox.
func (h *house) events(typ string) []string {
	h.Helper()
	deliveries := made(h.store.ClaimDeliveries(h.Context(), h.clock.Now(), time.Hour, 500))(h)
	var bodies []string
	for _, d := range deliveries {
		if d.Type == typ && d.Sink == "sink" {
			bodies = append(bodies, string(d.Body))
		}
	}
	return bodies
}
