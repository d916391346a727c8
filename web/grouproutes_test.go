package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/federation"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// legacy gives the house both sides and sends a group to SAML.
func (h *house) legacy(routes ...authz.Route) *directory {
	h.Helper()
	d := h.both(authz.FallbackAuto, func(c *authz.Connection) {
		c.Fallback.Routes = append([]authz.Route{{Group: "legacy-plant", Use: authz.SAMLSide}}, routes...)
	})
	h.connection = d.connection
	return d
}

// follows answers the directory's request in w as somebody, and comes back.
func (d *directory) follows(b *browser, w *httptest.ResponseRecorder, change func(*idptest.SAMLAnswer)) *httptest.ResponseRecorder {
	d.h.Helper()
	w = d.post(d.answer(d.read(w), change))
	if w.Code != http.StatusSeeOther {
		return w
	}
	return b.get(w.Header().Get("Location"))
}

var asAda = as("s-ada", "ada@acme.example")

func TestFB_ARouteByGroupIsForThoseWhoseUpstreamToldOfTheGroup(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		t := h.T
		d := h.legacy()
		h.told["groups"] = []string{"legacy-plant", "everybody"}
		b := h.browser()
		if b.get(b.callbackURL()); b.cookies[cookie] == "" {
			t.Fatal("somebody nobody knows yet is kept from the usual way")
		}
		ada := h.sessionOf(b).UserID
		groups := func() []string {
			return made(h.store.ListIdentities(t.Context(), issuer, h.workspace.ID, ada, 9))(t)[0].Groups
		}
		if got := groups(); !slices.Equal(got, []string{"legacy-plant"}) {
			t.Errorf("kept %v, which is not what routes are about", got)
		}

		// In another browser she is nobody until she has signed in; then she goes on.
		b = h.browser()
		w := b.get(b.callbackURL())
		if b.cookies[cookie] != "" || !strings.HasPrefix(w.Header().Get("Location"), entitySSO) {
			t.Fatalf("not sent on: %d %s", w.Code, w.Header().Get("Location"))
		}
		if list := h.entries("login.sent_on"); len(list) != 1 || list[0].Actor != string(ada) || list[0].Details["group"] != "legacy-plant" || list[0].Details["side"] != "oidc" {
			t.Errorf("audit %+v", list)
		}
		d.follows(b, w, asAda)
		if row := h.sessionOf(b); b.cookies[cookie] == "" || row.UserID != ada || row.Fallback != authz.FallbackRoute || row.Upstream.Side == authz.OIDCSide {
			t.Errorf("session %+v", row)
		}

		// This browser has a session of hers, which is ours to know.
		if got := h.goes(b, "prompt", "login"); got != "saml" {
			t.Errorf("signing in again leads to %s", got)
		}
		if got := h.goes(b, "prompt", "login", "login_hint", "bob@acme.example"); got != "oidc" {
			t.Errorf("somebody else in her browser goes to %s", got)
		}
		if got := h.goes(b, "prompt", "select_account"); got == "saml" {
			t.Error("who wants another account is taken for the last one")
		}

		// The group goes, or is left out as too many were: so does the rule.
		for what, told := range map[string]map[string]any{
			"no group": {"groups": []string{"everybody"}}, "overage": {"groups": nil, "_claim_names": map[string]string{"groups": "src1"}},
		} {
			for name, value := range told {
				h.told[name] = value
			}
			b = h.browser()
			if b.get(b.callbackURL()); b.cookies[cookie] == "" {
				t.Errorf("%s: kept out", what)
			}
			if got := groups(); got != nil {
				t.Errorf("%s: kept %v", what, got)
			}
		}
	})
}

// FB-32, HRD: where an address leads says nothing of who has it.
func TestFB_32_ARouteByGroupTellsNobodyOfAnAddress(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.legacy()
	h.told["groups"] = []string{"legacy-plant"}
	for _, hint := range []string{"ada@acme.example", "bob@acme.example"} {
		b := h.browser()
		b.get(b.callbackURL("login_hint", hint))
	}
	if got := h.goes(h.browser(), "login_hint", "warm@acme.example"); got != "oidc" {
		t.Fatal(got)
	}
	h.statements.take()
	seen := map[string]string{}
	for _, hint := range []string{"ada@acme.example", "bob@acme.example", "nobody@acme.example"} {
		w := h.browser().get(h.authorizeURL("login_hint", hint))
		u, err := url.Parse(w.Header().Get("Location"))
		h.ok(err)
		seen[hint] = strings.Join([]string{u.Host + u.Path, http.StatusText(w.Code), shapes(h.statements.take())}, "\n")
	}
	if seen["ada@acme.example"] != seen["nobody@acme.example"] || seen["bob@acme.example"] != seen["nobody@acme.example"] {
		t.Errorf("%v", seen)
	}
}

// Who comes back by SAML is looked at, not who left.
func TestFB_32_ARouteByGroupLetsNobodyElseInBySAML(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.legacy()
	h.told["groups"] = []string{"legacy-plant"}
	for _, hint := range []string{"ada@acme.example", "bob@acme.example"} {
		b := h.browser()
		b.get(b.callbackURL("login_hint", hint))
	}
	bob, _ := h.isMember("bob@acme.example")
	h.ok(h.store.AddUpstreamIdentity(t.Context(), authz.UpstreamIdentity{
		Issuer: issuer, ConnectionID: d.connection.ID, Side: authz.SAMLSide, Subject: "s-bob", UserID: bob.UserID, CreatedAt: h.clock.Now(), LastLoginAt: h.clock.Now(),
	}))
	for what, person := range map[string]func(*idptest.SAMLAnswer){
		"somebody known of no group": as("s-bob", "bob@acme.example"), "somebody new": as("u-new", "new@acme.example"),
		"whose directory claims the group": func(a *idptest.SAMLAnswer) {
			as("s-bob", "bob@acme.example")(a)
			for n := range a.Attributes {
				if a.Attributes[n].Name == "groups" {
					a.Attributes[n].Values = []string{"legacy-plant"}
				}
			}
		},
	} {
		b := h.browser()
		d.refused(what, b, d.follows(b, b.get(b.callbackURL()), person), "other_side")
	}
	// In the browser of somebody of the group, somebody else is sent back, once.
	b := h.browser()
	d.follows(b, b.get(b.callbackURL()), asAda)
	w := b.get(h.authorizeURL("prompt", "login"))
	w = d.follows(b, w, as("s-bob", "bob@acme.example"))
	if to := w.Header().Get("Location"); !strings.HasPrefix(to, h.upstream.Issuer()) {
		t.Fatalf("bob is sent to %q: %d", to, w.Code)
	}
	if list := h.entries("login.sent_on"); list[len(list)-1].Details["side"] != "saml" {
		t.Errorf("audit %+v", list)
	}
	before := len(h.entries("login.refused"))
	if w = b.get(h.upstreamAnswer(strings.ReplaceAll(w.Header().Get("Location"), "bob%40acme.example", "ada%40acme.example"))); w.Code != http.StatusUnauthorized || len(h.entries("login.refused")) != before+1 {
		t.Errorf("sent to and fro: %d %s", w.Code, w.Header().Get("Location"))
	}
}

// What was told long ago is told anew by the side that tells it.
func TestFB_ARouteByGroupIsAsFreshAsTheLastWeek(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.legacy()
	h.told["groups"] = []string{"legacy-plant"}
	b := h.browser()
	b.get(b.callbackURL())
	if got := h.goes(b, "prompt", "login"); got != "saml" {
		t.Fatalf("leads to %s", got)
	}
	h.clock.Advance(7*24*time.Hour + time.Minute)
	if got := h.goes(b, "prompt", "login"); got != "oidc" {
		t.Errorf("a week later it leads to %s", got)
	}
	if d.follows(b, b.get(b.callbackURL("prompt", "login")), asAda); h.sessionOf(b).Fallback != authz.FallbackRoute {
		t.Error("told anew, she is not let in at the other side")
	}
}

// The first rule that is about somebody rules, whatever it is about.
func TestFB_RoutesAreLookedAtInTheirOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := authz.Route{Group: "admins", Use: authz.OIDCSide}
	domain := authz.Route{Domain: "acme.example", Use: authz.SAMLSide}
	h.told["groups"] = []string{"admins"}
	h.connection = h.both(authz.FallbackNever).connection
	b := h.browser()
	b.get(b.callbackURL()) // before there is a route

	for what, routes := range map[string][]authz.Route{"group first": {group, domain}, "domain first": {domain, group}} {
		d := h.both(authz.FallbackNever, func(c *authz.Connection) { c.Fallback.Routes = routes })
		h.ok(h.store.SetUpstreamGroups(t.Context(), authz.UpstreamIdentity{
			Issuer: issuer, ConnectionID: h.connection.ID, Side: authz.OIDCSide, Subject: "s-ada", Groups: []string{"admins"},
		}))
		b := h.browser()
		w := d.follows(b, b.get(h.authorizeURL()), asAda)
		if onward := strings.HasPrefix(w.Header().Get("Location"), h.upstream.Issuer()); onward != (what == "group first") {
			t.Errorf("%s: %d %s", what, w.Code, w.Header().Get("Location"))
		}
		if what != "group first" {
			continue
		}
		if b.get(h.upstreamAnswer(w.Header().Get("Location"))); b.cookies[cookie] == "" || h.sessionOf(b).Fallback != "" {
			t.Errorf("%s: no session at the other side", what)
		}
	}

	c := h.connection
	c.Fallback.Routes = []authz.Route{group, domain}
	ada := authz.Visitor{Email: "Ada@Acme.example", Groups: []string{"admins"}}
	for who, want := range map[*authz.Visitor]federation.Choice{
		{Email: "bob@acme.example"}:      {Side: authz.SAMLSide, Reason: authz.FallbackRoute, Route: domain},
		{Email: "eve@elsewhere.example"}: {Side: authz.OIDCSide},
		&ada:                             {Side: authz.OIDCSide, Route: group},
	} {
		full := made(h.store.GetConnection(t.Context(), issuer, h.workspace.ID, c.ID))(t)
		full.Fallback.Routes = c.Fallback.Routes
		if got := made(h.federation.Choose(t.Context(), full, *who))(t); got != want {
			t.Errorf("%+v: %+v, want %+v", who, got, want)
		}
	}
	// A rule that leads to OpenID Connect ends the rules, not what comes after them.
	full := made(h.store.GetConnection(t.Context(), issuer, h.workspace.ID, c.ID))(t)
	full.Fallback.Routes, full.Fallback.Mode = c.Fallback.Routes, authz.FallbackAdmin
	made(h.federation.Override(t.Context(), authz.Principal{Issuer: issuer, Subject: "test"}, full, "drill", time.Time{}))(t)
	if got := made(h.federation.Choose(t.Context(), full, ada))(t); got.Side != authz.SAMLSide || got.Reason != authz.FallbackForced {
		t.Errorf("during an override: %+v", got)
	}
}

func TestExplain_TellsTheRouteThatLeadsThere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.legacy(authz.Route{Domain: "plant.example", Use: authz.SAMLSide})
	h.told["groups"] = []string{"legacy-plant"}
	b := h.browser()
	b.get(b.callbackURL())
	h.explains("of the group", "ada@acme.example", "domain", "saml", "route", "refused", "link_conflict")
	route := func(email string) any {
		_, way := h.explained(email)
		return way["route"]
	}
	if got, _ := route("ada@acme.example").(map[string]any); got["group"] != "legacy-plant" || got["use"] != "saml" || len(got) != 2 {
		t.Errorf("route %v", got)
	}
	if got := route("bob@acme.example"); got != nil {
		t.Errorf("nobody known: %v", got)
	}
	d.follows(b, b.get(h.authorizeURL("prompt", "login")), asAda)
	h.explains("known at both", "ada@acme.example", "domain", "saml", "route", "known", nil)
}

func TestARouteIsAboutOneThing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.legacy()
	h.with(func(c *authz.Connection) { c.JIT = authz.JITDomain })
	at := "/v1/connections/" + string(d.connection.ID)
	for what, route := range map[string]string{
		"two":            `{"group":"a","domain":"acme.example","use":"saml"}`,
		"none":           `{"use":"saml"}`,
		"a long group":   `{"group":"` + strings.Repeat("g", 2049) + `","use":"saml"}`,
		"no side":        `{"group":"a","use":"ldap"}`,
		"a loud address": `{"email":"A@acme.example","use":"saml"}`,
	} {
		if w := h.manage(h.operator, "PATCH", at+"?workspace_id="+string(h.workspace.ID), `{"routes":[`+route+`]}`); w.Code/100 != 4 {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		} else if what != "no side" && member(w, "code") != "invalid_fallback" {
			t.Errorf("%s: %s", what, w.Body)
		}
	}
	if got := h.done("PATCH", at, `{"routes":[{"group":"Legacy Plant","use":"saml"}]}`)["routes"].([]any); got[0].(map[string]any)["group"] != "Legacy Plant" {
		t.Errorf("%v", got)
	}
}
