package web_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// given gives the house's connection, which is in use, a side of SAML by the
// API, to which a route leads and an outage would.
func (h *house) given() (*directory, string) {
	h.Helper()
	c := made(h.store.GetConnection(h.Context(), issuer, h.workspace.ID, h.connection.ID))(h)
	c.Fallback.Mode, c.JIT, c.Vendor, c.Revision = authz.FallbackAuto, authz.JITDomain, "okta", max(c.Revision, 1) // as the API makes them
	c.Scopes = []string{"openid", "profile", "email"}
	h.ok(h.store.PutConnection(h.Context(), c))
	theirs, _ := samlKeys()
	d := &directory{h: h, connection: c, SAML: made(idptest.NewSAML(idptest.SAMLConfig{
		EntityID: "https://old.example/", SSO: entitySSO, SLO: entitySLO, Vendor: "okta", User: oldUser(), Key: theirs, Now: h.clock.Now,
	}))(h)}
	w := h.atConnections("PATCH", "/"+string(c.ID), asJSON(map[string]any{
		"saml": map[string]any{"metadata_xml": string(d.Metadata())}, "routes": []authz.Route{{Domain: "acme.example", Use: authz.SAMLSide}},
		"link_key": map[string]any{"oidc": []string{"sub"}, "saml": []string{"id"}},
	}))
	if w.Code != http.StatusOK || member(w, "status") != "active" {
		h.Fatalf("%d %s", w.Code, w.Body)
	}
	return d, string(c.ID)
}

func (h *house) untried(id string) []string {
	h.Helper()
	var c struct{ Untried []string }
	h.ok(json.Unmarshal(h.atConnections("GET", "/"+id, "").Body.Bytes(), &c))
	return c.Untried
}

var routedHint = []string{"login_hint", "grace@acme.example"}

// Both sides are tested before a connection is used (federation section 6), and
// so is one that comes later.
func TestFB_ASideGivenToAConnectionInUseWaitsForItsTest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d, id := h.given()
	unused := func(when string) {
		t.Helper()
		if side := h.goes(h.browser(), routedHint...); side != "oidc" || !slices.Equal(h.untried(id), []string{"saml"}) {
			t.Errorf("%s: people go to %s, untried %v", when, side, h.untried(id))
		}
	}
	unused("given")
	if w := h.atConnections("POST", "/"+id+"/fallback", `{"reason":"try it on everybody"}`); w.Code != http.StatusConflict || member(w, "code") != "no_fallback" {
		t.Errorf("switched over to: %d %s", w.Code, w.Body)
	}
	h.outage()
	unused("in an outage")
	h.away(false)
	if w := h.atConnections("PATCH", "/"+id, `{"name":"Renamed"}`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	unused("after another change")

	// A test sign-in that told of another person than the other side's does not do.
	h.tries(d, h.check(id), "somebody else")
	unused("two people as one")
	h.tries(d, h.check(id), "s-ada")
	if side := h.goes(h.browser(), routedHint...); side != "saml" || len(h.untried(id)) != 0 {
		t.Errorf("tested: people go to %s, untried %v", side, h.untried(id))
	}
	// What changes at a side that was tried once is no outage.
	if w := h.atConnections("PATCH", "/"+id, `{"saml":{"settings":{"subject":["id"]}}}`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if side := h.goes(h.browser(), routedHint...); side != "saml" {
		t.Errorf("changed: %s", side)
	}

	// Taken away and given back it is a new one, for whoever is on their way too.
	away := h.browser()
	asked := d.read(away.get(h.authorizeURL(routedHint...)))
	for _, body := range []string{`{"saml":{"remove":true}}`, asJSON(map[string]any{"saml": map[string]any{"metadata_xml": string(d.Metadata())}})} {
		if w := h.atConnections("PATCH", "/"+id, body); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	unused("given back")
	w := d.post(d.answer(asked, nil))
	if w.Code == http.StatusSeeOther {
		w = away.get(w.Header().Get("Location"))
	}
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "sign_in_off") || away.cookies[cookie] != "" {
		t.Errorf("by a side that awaits its test: %d %.600s", w.Code, w.Body)
	}
}

// The last side that people can sign in by stays until another one was tested.
func TestFB_AConnectionInUseKeepsASideThatWasTested(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta", func(c *authz.Connection) {
		c.Fallback.Mode, c.JIT, c.Scopes = authz.FallbackNever, authz.JITDomain, []string{"openid", "profile", "email"}
	})
	id := string(d.connection.ID)
	given := map[string]any{"oidc": map[string]any{"issuer": h.upstream.Issuer(), "client_id": "gatehouse"}, "saml": map[string]any{"remove": true}}
	if w := h.atConnections("PATCH", "/"+id, asJSON(given)); w.Code != http.StatusConflict || member(w, "code") != "not_tested" {
		t.Errorf("both in one: %d %s", w.Code, w.Body)
	}
	delete(given, "saml")
	if w := h.atConnections("PATCH", "/"+id, asJSON(given)); w.Code != http.StatusOK || !slices.Equal(h.untried(id), []string{"oidc"}) {
		t.Fatalf("given: %d %s", w.Code, w.Body)
	}
	if side := h.goes(h.browser(), routedHint...); side != "saml" {
		t.Errorf("people go to %s", side)
	}
	if w := h.atConnections("PATCH", "/"+id, `{"saml":{"remove":true}}`); w.Code != http.StatusConflict || member(w, "code") != "not_tested" {
		t.Errorf("one after the other: %d %s", w.Code, w.Body)
	}
}

// A domain whose proof was lost while somebody is at the upstream lets nobody
// join (federation case 41); who belongs already signs in.
func TestUO_08_Attack_41_ADomainThatWasLostMeanwhileLetsNobodyJoin(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.browser().signIn() // Ada belongs
	bob, ada := h.browser(), h.browser()
	h.upstream.SetFaults(asBob())
	bobs := bob.callbackURL("prompt", "login")
	h.upstream.SetFaults(idptest.Faults{})
	adas := ada.callbackURL("prompt", "login")
	c := made(h.store.GetConnection(h.Context(), issuer, h.workspace.ID, h.connection.ID))(h)
	c.Domains = []string{"another.example"}
	h.ok(h.store.PutConnection(h.Context(), c))
	h.upstream.SetFaults(asBob())
	if w := bob.get(bobs); w.Code != http.StatusForbidden || bob.cookies[cookie] != "" {
		t.Errorf("somebody new: %d %.300s", w.Code, w.Body)
	}
	h.upstream.SetFaults(idptest.Faults{})
	if w := ada.get(adas); w.Code != http.StatusSeeOther || ada.cookies[cookie] == "" {
		t.Errorf("a member: %d %.300s", w.Code, w.Body)
	}
	list := h.entries("login.refused")
	if len(list) != 1 || list[0].Reason != "no_membership" {
		t.Errorf("audit %+v", list)
	}
}
