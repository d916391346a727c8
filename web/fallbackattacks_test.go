package web_test

import (
	"bytes"
	"compress/flate"
	"context"
	"database/sql"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/federation"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/storage"
)

// plant gives the house both sides, and sends the people of plant.example to
// SAML for good.
func (h *house) plant(mode authz.FallbackMode) *directory {
	h.Helper()
	return h.both(mode, func(c *authz.Connection) {
		c.Fallback.Routes = []authz.Route{{Domain: "plant.example", Use: authz.SAMLSide}}
		c.Domains = append(c.Domains, "plant.example")
	})
}

// as is an answer of the directory about that person.
func as(id, mail string) func(*idptest.SAMLAnswer) {
	return func(a *idptest.SAMLAnswer) {
		for n := range a.Attributes {
			switch a.Attributes[n].Name {
			case "id":
				a.Attributes[n].Values = []string{id}
			case "email":
				a.Attributes[n].Values = []string{mail}
			}
		}
	}
}

var aRoutedHint = []string{"login_hint", "whoever@plant.example"}

func TestFB_32_AHintLeadsNobodyToSAMLWhomNoRouteNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.plant(authz.FallbackNever)
	h.browser().signIn() // Ada, who signs in by OpenID Connect
	for what, person := range map[string]func(*idptest.SAMLAnswer){
		"somebody known": as("s-ada", "ada@acme.example"), "somebody new": as("u-new", "new@acme.example"),
		"an address inside another": as("u-new", "x@plant.example.acme.example"), "no address": as("u-new", ""),
	} {
		b := h.browser()
		d.refused(what, b, d.signIn(b, person, aRoutedHint...), "other_side")
	}
	if linked := h.entries("identity.linked"); len(linked) != 0 {
		t.Errorf("linked %+v", linked)
	}
	b := h.browser()
	if d.signIn(b, as("u-plant", "Pat@PLANT.example"), aRoutedHint...); b.cookies[cookie] == "" {
		t.Fatal("whom the route names was refused")
	}
	if row := h.sessionOf(b); row.Fallback != authz.FallbackRoute || row.ExpiresAt.Sub(row.CreatedAt) != 12*time.Hour {
		t.Errorf("session %+v", row)
	}
	if d.refused("somebody known who moved away", h.browser(), d.signIn(h.browser(), as("u-plant", "pat@acme.example"), aRoutedHint...), "other_side"); len(h.entries("login.succeeded")) != 2 {
		t.Error("signed in")
	}
	b = h.browser() // whose directory tells no address
	if d.signIn(b, as("u-plant", ""), aRoutedHint...); b.cookies[cookie] == "" {
		t.Error("refused without an address")
	}
}

func TestFB_32_ATypedAddressLeadsNobodyToSAMLWhomNoRouteNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.plant(authz.FallbackNever)
	b := h.browser()
	id := b.chooser("prompt", "select_account")
	w := b.post("/signin", url.Values{"request": {id}, "email": {"whoever@plant.example"}})
	_, rest, found := strings.Cut(w.Body.String(), entitySSO)
	if !found {
		t.Fatalf("%d %.900s", w.Code, w.Body)
	}
	query, _, _ := strings.Cut(rest, `"`)
	location := made(url.Parse(entitySSO + strings.ReplaceAll(query, "&amp;", "&")))(h)
	redirect := w
	redirect.Code = http.StatusSeeOther
	redirect.Header().Set("Location", location.String())
	w = d.post(d.answer(d.read(redirect), as("s-ada", "ada@acme.example")))
	d.refused("a typed address", b, b.get(w.Header().Get("Location")), "other_side")
}

func TestFB_33_ARouteIsNoWayRoundTheLimitsOfAnOutage(t *testing.T) {
	t.Parallel()
	for what, reason := range map[string]authz.FallbackReason{"an outage": authz.FallbackHealth, "an override": authz.FallbackForced} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			d := h.plant(authz.FallbackAuto)
			h.browser().signIn()
			if reason == authz.FallbackHealth {
				h.outage()
			} else {
				_, err := h.federation.Override(t.Context(), authz.Principal{Issuer: issuer, Subject: "usr_admin"}, d.connection, "why", time.Time{})
				h.ok(err)
			}
			b := h.browser()
			d.refused("somebody new", b, d.signIn(b, as("u-new", "new@acme.example"), aRoutedHint...), "no_membership")
			b = h.browser()
			if d.signIn(b, as("s-ada", "ada@acme.example"), aRoutedHint...); b.cookies[cookie] == "" {
				t.Fatal("Ada was refused")
			}
			if row := h.sessionOf(b); row.Fallback != reason || row.ExpiresAt.Sub(h.clock.Now()) > time.Hour {
				t.Errorf("session %+v", row)
			}
			list := h.entries("login.succeeded")
			if last := list[len(list)-1]; last.Details["fallback_reason"] != string(reason) {
				t.Errorf("audit %+v", last)
			}
			b = h.browser()
			if d.signIn(b, as("u-plant", "pat@plant.example"), aRoutedHint...); b.cookies[cookie] == "" || h.sessionOf(b).Fallback != authz.FallbackRoute {
				t.Error("whom the route names signs in as ever")
			}
		})
	}
}

func TestFB_33_ARouteIsNoWayRoundBeingAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.plant(authz.FallbackAsk)
	h.browser().signIn()
	h.outage()
	b := h.browser()
	d.refused("nobody was asked", b, d.signIn(b, as("s-ada", "ada@acme.example"), aRoutedHint...), "other_side")
}

func TestFB_32_ACodeThatTheUpstreamStumblesOverOpensNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAuto)
	stumbles := idptest.Faults{Serve: map[string]http.Handler{"/token": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if r.PostForm.Get("code") == "%boom%" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
	})}}
	h.upstream.SetFaults(stumbles)
	callback := "/oidc/" + string(d.connection.ID) + "/callback?"
	attack := func() {
		for range 5 {
			b := h.browser()
			u := made(url.Parse(b.get(h.authorizeURL()).Header().Get("Location")))(h)
			b.get(callback + url.Values{"state": {u.Query().Get("state")}, "iss": {h.upstream.Issuer()}, "code": {"%boom%"}}.Encode())
		}
	}
	for range 3 {
		attack()
		h.probes()
		if got := h.goes(h.browser()); got != "oidc" {
			t.Fatalf("a browser opened the circuit: everybody goes to %s", got)
		}
	}
	if n := h.upstream.Requests("/token"); n != 5*3+3 {
		t.Errorf("%d requests: want a probe for five failures", n)
	}
	h.federation.Observed(t.Context(), d.connection, false) // what a good probe answered for is forgotten
	h.probes()
	if n := h.upstream.Requests("/token"); n != 5*3+3 {
		t.Errorf("%d requests: a probe for one failure", n)
	}
	attack()
	h.away(true) // now it is gone indeed
	h.probes()
	if got := h.goes(h.browser()); got != "saml" || len(h.entries("connection.circuit_opened")) != 1 {
		t.Errorf("an outage: %s", got)
	}
}

func TestFB_AnAgeIsAskedOfADirectoryToo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta")
	w := h.browser().get(h.authorizeURL("login_hint", "grace@acme.example", "max_age", "300"))
	u := made(url.Parse(w.Header().Get("Location")))(h)
	raw := made(io.ReadAll(flate.NewReader(bytes.NewReader(decoded(t, u.Query().Get("SAMLRequest"))))))(h)
	if !bytes.Contains(raw, []byte(`ForceAuthn="true"`)) {
		t.Errorf("asked %s", raw)
	}
	b := h.browser()
	if d.signIn(b, nil, "max_age", "300"); b.cookies[cookie] == "" {
		t.Error("refused although fresh")
	}
	b = h.browser()
	d.refused("an old sign-in", b, d.signIn(b, func(a *idptest.SAMLAnswer) { a.AuthnInstant = h.clock.Now().Add(-time.Hour) }, "max_age", "300"), "stale_auth")
}

func TestFB_ADirectoryThatTellsLittleTakesNothingAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	more := func(c map[string]any) {
		c["picture"], c["locale"], c["phone_number"], c["phone_number_verified"] = "https://acme.example/ada.png", "en-GB", "+44 1", true
	}
	h.upstream.SetFaults(idptest.Faults{IDToken: more, UserInfo: more})
	d := h.plant(authz.FallbackAuto)
	b := h.browser()
	b.signIn()
	before := made(h.store.GetUserAcrossWorkspaces(t.Context(), issuer, h.sessionOf(b).UserID))(h).Profile
	if before.Picture == "" || before.Locale == "" || before.PhoneNumber == "" || !before.EmailVerified {
		t.Fatalf("told %+v", before)
	}
	h.outage()
	by := func(mail, name string) authz.Profile {
		b := h.browser()
		d.signIn(b, func(a *idptest.SAMLAnswer) {
			as("s-ada", mail)(a)
			for n := range a.Attributes {
				if strings.HasPrefix(a.Attributes[n].Name, "first") {
					a.Attributes[n].Values = []string{name}
				}
			}
		})
		return made(h.store.GetUserAcrossWorkspaces(t.Context(), issuer, h.sessionOf(b).UserID))(h).Profile
	}
	by("ADA@acme.example", "Ada") // makes the link
	got := by("ADA@acme.example", "Ada")
	if !got.EmailVerified || got.Picture != before.Picture || got.Locale != before.Locale || got.PhoneNumber != before.PhoneNumber || !got.PhoneVerified || got.Email != "ADA@acme.example" {
		t.Errorf("after a sign-in by SAML %+v", got)
	}
	if got = by("other@acme.example", "Ada"); got.EmailVerified || got.Email != "other@acme.example" || got.Picture != before.Picture {
		t.Errorf("another address: %+v", got)
	}
}

func TestFB_JunkDoesNotUseUpAConnection(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackNever)
	h.returns = made(ratelimit.New(ratelimit.Config{PerSecond: 0.001, Burst: 2, Clock: h.clock}))(h)
	for range 5 {
		if w := h.browser().get("/oidc/" + string(d.connection.ID) + "/callback?state=junk&code=x"); w.Code == http.StatusTooManyRequests {
			t.Fatal("junk is counted")
		}
		if w := d.post(url.Values{"RelayState": {"junk"}, "SAMLResponse": {"x"}}); w.Code == http.StatusTooManyRequests {
			t.Fatal("junk is counted")
		}
	}
	h.browser().signIn()
	b := h.browser()
	b.get(b.callbackURL())
	b = h.browser()
	if w := b.get(b.callbackURL()); w.Code != http.StatusTooManyRequests || b.cookies[cookie] != "" {
		t.Errorf("beyond the limit: %d", w.Code)
	}
}

func TestFB_WhatAStrangerWritesIntoAPathIsNotAudited(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, id := range []string{"con_x%20said%20eve", "%0aforged", "con_%F0%9F%92%A9", "a%2fb", "<script>", strings.Repeat("a", 64)} {
		h.browser().get("/oidc/" + id + "/callback?state=x")
	}
	h.browser().get("/oidc/acme-okta_1/callback?state=x")
	list := h.entries("login.refused")
	if len(list) != 7 {
		t.Fatalf("audit %+v", list)
	}
	told := ""
	for _, e := range list {
		told += e.Target
	}
	if told != "acme-okta_1" {
		t.Errorf("audited %q", told)
	}
}

func TestSM_38_ALogoutThatFailedOnTheWayMayComeAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "gatehouse.db")
	h := newHouseOn(t, storage.Config{Driver: storage.SQLite, Path: path, Synchronous: "normal"})
	d := h.directory("okta")
	b := h.browser()
	d.signIn(b, nil)
	beside := made(sql.Open("sqlite", path))(h)
	defer beside.Close()
	stop := func(statement string) {
		_, err := beside.ExecContext(t.Context(), statement)
		h.ok(err)
	}
	stop("CREATE TRIGGER stops BEFORE INSERT ON audit_entries WHEN new.type = 'session.revoked' BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
	query := "/saml/" + string(d.connection.ID) + "/slo?" + d.logoutRequest("grace@acme.example", "")
	if w := h.send("GET", query, ""); w.Code < http.StatusInternalServerError {
		t.Fatalf("%d", w.Code)
	}
	stop("DROP TRIGGER stops")
	if w := h.send("GET", query, ""); w.Code != http.StatusSeeOther || len(h.entries("session.revoked")) != 1 {
		t.Errorf("again: %d", w.Code)
	}
	if w := h.send("GET", query, ""); w.Code != http.StatusBadRequest || len(h.entries("session.revoked")) != 1 {
		t.Errorf("replayed: %d", w.Code)
	}
}

func TestFB_AnUpstreamThatHangsKeepsNoOtherFromBeingProbed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var arrived sync.WaitGroup
	arrived.Add(2)
	probe := func(ctx context.Context, _ authz.Connection) error {
		arrived.Done()
		both := make(chan struct{})
		go func() { arrived.Wait(); close(both) }()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-both:
			return nil
		}
	}
	f := made(federation.New(federation.Config{
		Issuer: issuer, Store: h.store, Outbox: made(event.NewOutbox(issuer, h.store, []string{"sink"}))(h), Clock: h.clock, Probe: probe,
	}))(h)
	one := h.both(authz.FallbackAuto).connection
	two := one
	two.ID, two.Domains = authz.NewConnectionID(), nil
	h.ok(h.store.PutConnection(t.Context(), two))
	for _, c := range []authz.Connection{one, two} {
		for range 5 {
			f.Observed(t.Context(), c, false)
		}
	}
	h.ok(f.ProbeDue(t.Context()))
	if opened := h.entries("connection.circuit_opened"); len(opened) != 0 {
		t.Errorf("one waited for the other: %+v", opened)
	}
}

func TestFB_AnOutageOfDiscoveryAloneNeitherOpensACircuitNorKeepsItOpen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAuto)
	h.outage()
	h.upstream.SetFaults(idptest.Faults{Serve: map[string]http.Handler{
		"/.well-known/openid-configuration": idptest.Status(http.StatusBadGateway), "/jwks": idptest.Status(http.StatusBadGateway),
	}})
	h.recovers(d)
	if got := h.goes(h.browser()); got != "oidc" {
		t.Errorf("everybody goes to %s", got)
	}
}

// During an outage the directory's word for a second factor makes no
// credentials; a proof to us does (federation case 34).
func TestFB_34_WhoeverIsInByAFallbackMakesKeysAfterAProofToUsOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAuto)
	usually := h.app
	h.console(h.workspace) // Ada owns it
	fresh := []string{"scope", "openid manage:keys", "acr_values", authz.ACRMultiFactor, "max_age", "900", "code_challenge", "", "code_challenge_method", ""}
	mint := func(token string) (int, string) {
		w := h.manage(token, "POST", "/v1/auth/keys", `{"name":"mine","workspace_id":"`+string(h.workspace.ID)+`","environment":"live","scopes":["manage:keys"]}`)
		return w.Code, member(w, "code")
	}
	token := func(location string) string {
		t.Helper()
		code := made(url.Parse(location))(h).Query().Get("code")
		w := h.send("POST", "/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {appURI}}.Encode(), "Content-Type", form, "Authorization", h.basic())
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", location, w.Code, w.Body)
		}
		return member(w, "access_token")
	}
	home := h.browser()
	usual := token(home.through(h.authorizeURL(fresh...)))
	if status, code := mint(usual); status != http.StatusCreated {
		t.Fatalf("usually: %d %s", status, code)
	}
	key := newKey()
	if w := home.createKey(home.get("/security"), "/security", key); w.Code != http.StatusOK {
		t.Fatalf("%d %.600s", w.Code, w.Body)
	}

	console := h.app
	h.app = usually
	h.outage()
	h.app = console
	b := h.browser()
	proven := func(a *idptest.SAMLAnswer) { as("s-ada", "ada@acme.example")(a); factors("pwd", "mfa")(a) }
	if w := d.signIn(b, proven, fresh...); w.Code != http.StatusSeeOther || b.cookies[cookie] == "" {
		t.Fatalf("%d %.600s", w.Code, w.Body)
	}
	page, location := b.upTo(h.authorizeURL(fresh...))
	if location != "" || !strings.Contains(page.Body.String(), `id="passkey"`) {
		t.Fatalf("nobody asks for a proof to us: %d %s %.600s", page.Code, location, page.Body)
	}
	without := b.post("/signin/factor", url.Values{"request": fieldsOf(page)["request"], "decision": {"without"}})
	if status, code := mint(token(b.allows(without))); status != http.StatusUnauthorized || code != "insufficient_user_authentication" {
		t.Errorf("by the directory's word: %d %s", status, code)
	}
	page, _ = b.upTo(h.authorizeURL(fresh...))
	if status, code := mint(token(b.allows(b.post("/signin/factor", h.usedKey(page, key))))); status != http.StatusCreated {
		t.Errorf("by a proof to us: %d %s", status, code)
	}
}

// factors are what a directory of Okta tells of how somebody signed in.
func factors(methods ...string) func(*idptest.SAMLAnswer) {
	return func(a *idptest.SAMLAnswer) {
		for n := range a.Attributes {
			if a.Attributes[n].Name == "session.amr" {
				a.Attributes[n].Values = methods
			}
		}
	}
}

// allows goes on with an answer, consent included, to the client's address.
func (b *browser) allows(w *httptest.ResponseRecorder) string {
	b.h.Helper()
	if w.Code != http.StatusSeeOther {
		b.h.Fatalf("not accepted: %d %.600s", w.Code, w.Body)
	}
	if location := w.Header().Get("Location"); strings.HasPrefix(location, appURI) {
		return location
	}
	return b.through(w.Header().Get("Location"))
}
