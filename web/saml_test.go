package web_test

import (
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
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

func TestU14_APersonSignsInBySAMLAtEveryVendor(t *testing.T) {
	t.Parallel()
	for _, vendor := range []string{"okta", "entra", "auth0", "onelogin", "pingone", "pingfederate"} {
		t.Run(vendor, func(t *testing.T) {
			h := newHouse(t)
			d := h.directory(vendor, func(c *authz.Connection) {
				if vendor == "entra" {
					c.SAML.Require = map[string]string{"http://schemas.microsoft.com/identity/claims/tenantid": idptest.SAMLTenant}
				}
			})
			b := h.browser()
			w := d.signIn(b, nil)
			if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/consent") || b.cookies[cookie] == "" {
				t.Fatalf("%d %s %.400s", w.Code, w.Header().Get("Location"), w.Body)
			}
			w = b.post("/consent", url.Values{"request": {b.requestOf(w.Header().Get("Location"))}, "scope": {"openid", "profile"}, "decision": {"allow"}})
			u, _ := url.Parse(w.Header().Get("Location"))
			if u.Query().Get("code") == "" || u.Query().Get("state") != "st" {
				t.Fatalf("no code: %d %s", w.Code, u)
			}
			list := h.entries("login.succeeded")
			if len(list) != 1 || list[0].Details["side"] != "saml" || list[0].WorkspaceID != h.workspace.ID {
				t.Errorf("audit %+v", list)
			}
			for _, secret := range []string{"PHNhbWxw", b.cookies[cookie], u.Query().Get("code")} {
				if strings.Contains(h.log.String(), secret) {
					t.Errorf("the log holds %.20s…", secret)
				}
			}
			// The same person again, and not somebody new.
			if w := d.signIn(h.browser(), nil); w.Code != http.StatusSeeOther {
				t.Errorf("the second sign-in: %d %.300s", w.Code, w.Body)
			}
			if list := h.entries("login.succeeded"); len(list) != 2 || list[0].Actor != list[1].Actor {
				t.Errorf("two people: %+v", list)
			}
		})
	}
}

func TestSM_26_AResponsePostedInAnotherBrowserSignsNobodyIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta")
	attacker, victim := h.browser(), h.browser()
	w := d.post(d.answer(d.ask(attacker), nil))
	if w.Code != http.StatusSeeOther || len(w.Result().Cookies()) != 0 {
		t.Fatalf("%d %v", w.Code, w.Result().Cookies())
	}
	victim.get(h.authorizeURL("prompt", "login")) // has a flow of its own
	d.refused("login CSRF", victim, victim.get(w.Header().Get("Location")), "browser_mismatch")
	if got := attacker.get(w.Header().Get("Location")); got.Code == http.StatusSeeOther {
		t.Error("the handle was good a second time")
	}
}

func TestSM_28_OneSignInTakesOneResponse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta")
	b := h.browser()
	a := d.ask(b)
	answers := make([]*httptest.ResponseRecorder, 50)
	same := d.answer(a, nil)
	var group sync.WaitGroup
	for n := range answers {
		values := same
		if n%2 == 1 {
			values = d.answer(a, nil) // another assertion, as good
		}
		group.Go(func() { answers[n] = d.post(values) })
	}
	group.Wait()
	var next []string
	for _, w := range answers {
		if w.Code == http.StatusSeeOther {
			next = append(next, w.Header().Get("Location"))
		}
	}
	if len(next) != 1 {
		t.Fatalf("%d of 50 were accepted", len(next))
	}
	if w := b.get(next[0]); w.Code != http.StatusSeeOther || b.cookies[cookie] == "" {
		t.Errorf("%d %.300s", w.Code, w.Body)
	}
	if list := h.entries("login.refused"); len(list) != 49 {
		t.Errorf("%d refusals audited", len(list))
	}
}

func TestSM_09_AnAssertionIsUsedOnceAlsoForAnotherSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta")
	b := h.browser()
	id := ""
	first := d.ask(b)
	keep := func(a *idptest.SAMLAnswer) { a.AssertionID, id = "_fixed", a.AssertionID }
	if w := d.post(d.answer(first, keep)); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %.300s", w.Code, w.Body)
	}
	d.refused("replay", b, d.post(d.answer(d.ask(b), keep)), saml.ReasonReplay)
	if id == "" {
		t.Fatal("nothing was changed")
	}

	// At another connection of the same provider an id is another's.
	other := authz.Connection{ID: authz.NewConnectionID(), Issuer: issuer, WorkspaceID: h.workspace.ID, Name: "Second", State: authz.Active, CreatedAt: h.clock.Now()}
	second := h.directoryAt(other, "okta", func(c *authz.Connection) { c.Domains = []string{"second.example"} })
	w := b.get(h.authorizeURL("login_hint", "x@second.example"))
	if got := second.post(second.answer(second.read(w), keep)); got.Code != http.StatusSeeOther {
		t.Errorf("another connection: %d %.300s", got.Code, got.Body)
	}
}

func TestSM_20_AnAssertionForOneConnectionIsNothingAtAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta")
	b := h.browser()
	other := authz.Connection{ID: authz.NewConnectionID(), Issuer: issuer, WorkspaceID: h.workspace.ID, Name: "Second", State: authz.Active, CreatedAt: h.clock.Now()}
	second := h.directoryAt(other, "okta", func(c *authz.Connection) { c.Domains = []string{"second.example"} })
	mine := second.read(b.get(h.authorizeURL("login_hint", "x@second.example")))
	d.refused("RelayState of another connection", b, d.post(d.answer(mine, nil)), idp.ReasonState)
	mine = second.read(b.get(h.authorizeURL("login_hint", "x@second.example")))
	d.refused("assertion of another connection", b, second.post(d.answer(mine, nil)), saml.ReasonDestination)
	mine = second.read(b.get(h.authorizeURL("login_hint", "x@second.example")))
	bare := second.answer(mine, func(a *idptest.SAMLAnswer) {
		a.SignResponse, a.Destination = false, ""
		a.Recipient = host + d.path("acs")
	})
	d.refused("assertion of another recipient", b, second.post(bare), saml.ReasonRecipient)
	mine = second.read(b.get(h.authorizeURL("login_hint", "x@second.example")))
	w := second.post(second.answer(mine, nil))
	if w = b.get(w.Header().Get("Location")); w.Code != http.StatusForbidden || b.cookies[cookie] != "" || !strings.Contains(w.Body.String(), "no_membership") {
		t.Errorf("a provider vouched for another connection's domain: %d %.300s", w.Code, w.Body)
	}
}

func TestSM_RefusalsHaveAReasonInsideAndOnePageOutside(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta")
	b := h.browser()
	stranger, err := idptest.NewSAMLKey(h.clock.Now().Add(-time.Hour), h.clock.Now().Add(time.Hour))
	h.ok(err)
	pages := map[string]bool{}
	for _, c := range []struct {
		name   string
		change func(*idptest.SAMLAnswer)
		reason string
	}{
		{"unsigned", func(a *idptest.SAMLAnswer) { a.SignResponse, a.SignAssertion = false, false }, saml.ReasonUnsigned},
		{"by a stranger", func(a *idptest.SAMLAnswer) { a.Key = stranger }, saml.ReasonSignature},
		{"SHA-1", func(a *idptest.SAMLAnswer) { a.Signature = "http://www.w3.org/2000/09/xmldsig#rsa-sha1" }, saml.ReasonAlgorithm},
		{"audience", func(a *idptest.SAMLAnswer) { a.Audiences = [][]string{{"https://elsewhere.example"}} }, saml.ReasonAudience},
		{"expired", func(a *idptest.SAMLAnswer) {
			a.NotOnOrAfter, a.ConfirmationEnds = a.Issued.Add(-2*time.Minute), a.Issued.Add(-2*time.Minute)
		}, saml.ReasonExpired},
		{"another request", func(a *idptest.SAMLAnswer) { a.InResponseTo, a.AssertionInResponseTo = "_other", "_other" }, saml.ReasonInResponseTo},
		{"unsolicited", func(a *idptest.SAMLAnswer) { a.InResponseTo = "" }, saml.ReasonUnsolicited},
		{"no subject rule", func(a *idptest.SAMLAnswer) { a.Attributes = nil }, saml.ReasonSubjectRule},
	} {
		w := d.signIn(b, c.change)
		d.refused(c.name, b, w, c.reason)
		body := w.Body.String()
		_, after, _ := strings.Cut(body, `id="error"`)
		pages[after[:min(200, len(after))]] = true
	}
	if len(pages) != 1 {
		t.Errorf("%d kinds of page", len(pages))
	}
	if list := h.entries("login.succeeded"); len(list) != 0 {
		t.Errorf("signed in: %+v", list)
	}
}

func TestSM_19_RelayStateIsOursOrNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta")
	b := h.browser()
	good := d.answer(d.ask(b), nil)
	for _, relay := range [][]string{nil, {""}, {"https://evil.example"}, {"//evil.example"}, {"javascript:alert(1)"}, {strings.Repeat("x", 4096)}, {"a&SAMLRequest=b"}, {good.Get("RelayState"), good.Get("RelayState")}} {
		values := url.Values{"SAMLResponse": good["SAMLResponse"], "RelayState": relay}
		d.refused(strings.Join(relay, "|"), b, d.post(values), idp.ReasonState)
	}
	doubled := url.Values{"SAMLResponse": {good.Get("SAMLResponse"), good.Get("SAMLResponse")}, "RelayState": good["RelayState"]}
	d.refused("doubled", b, d.post(doubled), saml.ReasonForm)
	artifact := url.Values{"SAMLart": {"AAQAAMFbLinlXaCM"}, "RelayState": {d.ask(b).relayState}}
	d.refused("SM-23 artifact", b, d.post(artifact), saml.ReasonArtifact)
	if w := d.post(url.Values{"SAMLResponse": {strings.Repeat("A", 400<<10)}}); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("SM-18: %d", w.Code)
	}
	get := h.send("GET", d.path("acs")+"?"+good.Encode(), "")
	if get.Code != http.StatusMethodNotAllowed {
		t.Errorf("by GET: %d", get.Code)
	}
}

func TestSM_TheSidesOfAConnectionDoNotAnswerForEachOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directoryAt(h.connection, "okta", func(c *authz.Connection) {
		c.Fallback.Routes = []authz.Route{{Email: "grace@acme.example", Use: authz.SAMLSide}}
	})
	b := h.browser()
	callback := "/oidc/" + string(d.connection.ID) + "/callback?"
	d.refused("a code for a SAML sign-in", b, b.get(callback+url.Values{"state": {d.ask(b).relayState}, "code": {"c"}}.Encode()), idp.ReasonState)
	oidc, err := url.Parse(b.get(h.authorizeURL()).Header().Get("Location"))
	h.ok(err)
	d.refused("a response for an OIDC sign-in", b, d.post(d.answer(asked{"_x", oidc.Query().Get("state")}, nil)), idp.ReasonState)
	d.refused("going on before a response", b, b.get(d.path("continue")+"?h="+d.ask(b).relayState), idp.ReasonState)

	// Ada is in the new directory, Grace in the old one, of one connection.
	if w := d.signIn(h.browser(), nil); w.Code != http.StatusSeeOther {
		t.Errorf("by SAML: %d %.300s", w.Code, w.Body)
	}
	h.browser().signIn()
	list := h.entries("login.succeeded")
	if len(list) != 2 || list[0].Details["side"] != "saml" || list[1].Details["side"] != "oidc" || list[0].Actor == list[1].Actor {
		t.Errorf("audit %+v", list)
	}
}

func TestSM_21_SM_41_WhatIsSwitchedOffWhileThePersonIsAwayTakesNobodyIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta")
	ref := authz.NodeRef{Kind: authz.ConnectionNode, ID: string(d.connection.ID)}
	b := h.browser()
	a := d.ask(b)
	kill := func() {
		_, err := h.store.KillNode(t.Context(), issuer, h.workspace.ID, ref, authz.Disabled)
		h.ok(err)
	}
	revive := func() {
		_, err := h.store.ReviveNode(t.Context(), issuer, h.workspace.ID, ref, authz.Active)
		h.ok(err)
	}
	kill()
	d.refused("at the ACS", b, d.post(d.answer(a, nil)), "switched_off")
	revive()
	d.refused("burnt", b, d.post(d.answer(a, nil)), idp.ReasonState)
	w := d.post(d.answer(d.ask(b), nil))
	kill()
	d.refused("at the next step", b, b.get(w.Header().Get("Location")), "switched_off")
	revive()
	w = d.post(d.answer(d.ask(b), nil))
	h.clock.Advance(16 * time.Minute)
	if got := b.get(w.Header().Get("Location")); got.Code != http.StatusBadRequest || b.cookies[cookie] != "" {
		t.Errorf("late: %d", got.Code)
	}
}

func TestSM_TheSessionEndsWithTheProviders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta")
	b := h.browser()
	d.signIn(b, func(a *idptest.SAMLAnswer) { a.SessionEnds = h.clock.Now().Add(10 * time.Minute) })
	silent := func() string { return b.get(h.authorizeURL("prompt", "none")).Header().Get("Location") }
	h.clock.Advance(9 * time.Minute)
	if got := silent(); !strings.Contains(got, "consent_required") {
		t.Errorf("too early: %s", got)
	}
	h.clock.Advance(2 * time.Minute)
	if got := silent(); !strings.Contains(got, "login_required") {
		t.Errorf("too late: %s", got)
	}
}

func TestSM_38_TheProviderEndsTheSessionsItNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta")
	one, two := h.browser(), h.browser()
	index := func(s string) func(*idptest.SAMLAnswer) {
		return func(a *idptest.SAMLAnswer) { a.SessionIndex = s }
	}
	d.signIn(one, index("_s1"))
	d.signIn(two, index("_s2"))
	in := func(b *browser) bool {
		return strings.Contains(b.get(h.authorizeURL("prompt", "none")).Header().Get("Location"), "consent_required")
	}
	name := "grace@acme.example" // Okta's NameID
	slo := func(query string) *httptest.ResponseRecorder {
		return h.send("GET", d.path("slo")+"?"+query, "", "Sec-Fetch-Site", "cross-site")
	}
	good := d.logoutRequest(name, "_s1")
	for what, query := range map[string]string{
		"unsigned": strings.Split(good, "&Signature=")[0], "of nobody": "", "changed": strings.Replace(good, "RelayState=rs", "RelayState=rt", 1),
	} {
		if w := slo(query); w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
	if list := h.entries("logout.refused"); len(list) != 3 || !in(one) || !in(two) {
		t.Errorf("refused logouts %+v", list)
	}
	if w := slo(d.logoutRequest("somebody else", "")); w.Code != http.StatusSeeOther || !in(one) || !in(two) {
		t.Errorf("another person's: %d", w.Code)
	}
	w := slo(good)
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), entitySLO) || !strings.Contains(w.Header().Get("Location"), "SAMLResponse=") || !strings.Contains(w.Header().Get("Location"), "RelayState=rs") {
		t.Errorf("%d %s %.300s", w.Code, w.Header().Get("Location"), w.Body)
	}
	if in(one) || !in(two) {
		t.Errorf("one is in: %v, two: %v", in(one), in(two))
	}
	if w := slo(good); w.Code != http.StatusBadRequest {
		t.Errorf("replayed: %d", w.Code)
	}
	if slo(d.logoutRequest(name, "")); in(two) {
		t.Error("all of a person's sessions were to end")
	}
	list := h.entries("session.revoked")
	if len(list) != 2 || list[0].Reason != "upstream_logout" {
		t.Errorf("audit %+v", list)
	}
}

func TestS29_OurMetadataIsADownload(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta")
	w := h.send("GET", d.path("metadata"), "")
	for _, want := range []string{`entityID="` + host + "/saml/" + string(d.connection.ID) + `"`, host + d.path("acs"), host + d.path("slo"), "X509Certificate"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %.600s", want, w.Body)
		}
	}
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/samlmetadata+xml" || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, path := range []string{"/saml/con_other/metadata", "/saml/con_other/slo?SAMLRequest=x"} {
		if w := h.send("GET", path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestSM_AProviderThatTakesFormsAloneIsPostedTo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta", func(c *authz.Connection) { c.SAML.SSO = map[string]string{saml.BindingPOST: entitySSO} })
	b := h.browser()
	w := b.get(h.authorizeURL("login_hint", "grace@acme.example"))
	body := w.Body.String()
	if w.Code != http.StatusOK || !strings.Contains(body, `action="`+entitySSO+`"`) || !strings.Contains(body, `name="SAMLRequest"`) || !strings.Contains(body, `name="RelayState"`) {
		t.Fatalf("%d %.900s", w.Code, body)
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://old.example") {
		t.Error(csp)
	}
	field := func(name string) string {
		_, rest, _ := strings.Cut(body, `name="`+name+`" value="`)
		value, _, _ := strings.Cut(rest, `"`)
		return strings.NewReplacer("&#43;", "+", "&#61;", "=").Replace(value)
	}
	raw := decoded(t, field("SAMLRequest"))
	if w := d.post(d.answer(asked{requestID(h, raw), field("RelayState")}, nil)); w.Code != http.StatusSeeOther {
		t.Errorf("%d %.300s", w.Code, w.Body)
	}
}

// A response to a sign-in that is over is not read, however fresh it is itself.
func TestSM_14_AResponseToASignInThatIsOverIsNotRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("generic")
	b := h.browser()
	a := d.ask(b)
	h.clock.Advance(16 * time.Minute)
	if w := d.post(d.answer(a, nil)); w.Code/100 != 4 || w.Header().Get("Location") != "" {
		t.Errorf("%d, sent to %q: %.300s", w.Code, w.Header().Get("Location"), w.Body)
	}
}
