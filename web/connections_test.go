package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/connection"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

// atConnections calls /v1/connections as the operator.
func (h *house) atConnections(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	h.Helper()
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	if method != "POST" || path != "" {
		path += separator + "workspace_id=" + string(h.workspace.ID)
	}
	headers = append(headers, "Authorization", "Bearer "+h.operator)
	if body != "" {
		headers = append(headers, "Content-Type", "application/json")
	}
	return h.send(method, "/v1/connections"+path, body, headers...)
}

func asJSON(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

// drafted makes a draft with both sides by the API.
func (h *house) drafted() (id string, d *directory) {
	h.Helper()
	theirs, _ := samlKeys()
	old := made(idptest.NewSAML(idptest.SAMLConfig{
		EntityID: "https://old.example/", SSO: entitySSO, SLO: entitySLO, Vendor: "okta", User: oldUser(), Key: theirs, Now: h.clock.Now,
	}))(h)
	w := h.atConnections("POST", "", asJSON(map[string]any{
		"workspace_id": h.workspace.ID, "name": "New directory", "vendor": "okta", "fallback": "auto",
		"oidc":     map[string]any{"issuer": h.upstream.Issuer(), "client_id": "gatehouse", "client_secret": "upstream-secret"},
		"saml":     map[string]any{"metadata_xml": string(old.Metadata())},
		"link_key": map[string]any{"oidc": []string{"sub"}, "saml": []string{"id"}},
	}))
	if w.Code != http.StatusCreated || member(w, "status") != "draft" || strings.Contains(w.Body.String(), "upstream-secret") {
		h.Fatalf("%d %s", w.Code, w.Body)
	}
	id = member(w, "id")
	h.ok(h.upstream.AddClient(idptest.Client{ID: "gatehouse", Secret: "upstream-secret", RedirectURIs: []string{host + "/oidc/" + id + "/callback"}}))
	return id, &directory{SAML: old, h: h, connection: made(h.store.GetConnectionAcrossWorkspaces(h.Context(), issuer, authz.ConnectionID(id)))(h)}
}

type checks struct {
	Connection struct{ Status string }
	Sides      []struct {
		Side, Problem string
		Missing       []string
		Found         map[string]string
		TestURL       string `json:"test_url"`
	}
}

func (h *house) check(id string) checks {
	h.Helper()
	w := h.atConnections("POST", "/"+id+"/test", "")
	var c checks
	if w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &c) != nil || len(c.Sides) != 2 {
		h.Fatalf("%d %s", w.Code, w.Body)
	}
	return c
}

// tries makes both test sign-ins, as the person s-ada.
func (h *house) tries(d *directory, c checks, samlID string) (oidc, byForm *httptest.ResponseRecorder) {
	h.Helper()
	b := h.browser()
	w := b.get(strings.TrimPrefix(c.Sides[0].TestURL, host))
	oidc = b.get(h.upstreamAnswer(w.Header().Get("Location")))
	w = b.get(strings.TrimPrefix(c.Sides[1].TestURL, host))
	w = d.post(d.answer(d.read(w), func(a *idptest.SAMLAnswer) {
		for n := range a.Attributes {
			if a.Attributes[n].Name == "id" {
				a.Attributes[n].Values = []string{samlID}
			}
		}
	}))
	if w.Code == http.StatusSeeOther {
		w = b.get(w.Header().Get("Location"))
	}
	if b.cookies[cookie] != "" {
		h.Error("a test sign-in made a session")
	}
	return oidc, w
}

func TestI10_AConnectionGoesFromDraftOverTestsIntoUse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, d := h.drafted()
	if w := h.atConnections("POST", "/"+id+"/activate", ""); w.Code != http.StatusConflict || member(w, "code") != "not_tested" {
		t.Errorf("a draft was activated: %d %s", w.Code, w.Body)
	}
	c := h.check(id)
	if c.Connection.Status != "testing" || c.Sides[0].Problem+c.Sides[1].Problem != "" || c.Sides[0].Found["issuer"] != h.upstream.Issuer() || len(c.Sides[0].Missing) == 0 {
		t.Fatalf("%+v", c)
	}
	if got := h.goes(h.browser(), "login_hint", "x@new.example"); got == "saml" {
		t.Error("people sign in by a connection that is tried")
	}
	oidc, bySAML := h.tries(d, c, "somebody else")
	for side, w := range map[string]*httptest.ResponseRecorder{"oidc": oidc, "saml": bySAML} {
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="tested"`) || !strings.Contains(w.Body.String(), "acme.example") {
			t.Errorf("%s: %d %.900s", side, w.Code, w.Body)
		}
	}
	if w := h.atConnections("POST", "/"+id+"/activate", ""); w.Code != http.StatusConflict || member(w, "code") != "link_differs" {
		t.Errorf("two people as one: %d %s", w.Code, w.Body)
	}
	h.tries(d, h.check(id), "s-ada")
	if w := h.atConnections("POST", "/"+id+"/activate", ""); w.Code != http.StatusOK || member(w, "status") != "active" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	h.provesDomains(id)
	if got := h.goes(h.browser(), "login_hint", "x@new.example"); got != "oidc" {
		t.Errorf("in use: %s", got)
	}
	// Hot reload: the next sign-in is by what was changed just now.
	w := h.atConnections("PATCH", "/"+id, `{"routes":[{"domain":"new.example","use":"saml"}]}`)
	if got := h.goes(h.browser(), "login_hint", "x@new.example"); w.Code != http.StatusOK || got != "saml" {
		t.Errorf("changed: %d %s", w.Code, got)
	}
	if w := h.atConnections("POST", "/"+id+"/disable", ""); w.Code != http.StatusOK || h.goes(h.browser(), "login_hint", "x@new.example") == "saml" {
		t.Errorf("disabled: %d", w.Code)
	}
	if w := h.atConnections("POST", "/"+id+"/activate", ""); w.Code != http.StatusOK || h.goes(h.browser(), "login_hint", "x@new.example") != "saml" {
		t.Errorf("in use again: %d %s", w.Code, w.Body)
	}
	if w := h.atConnections("DELETE", "/"+id, ""); w.Code != http.StatusNoContent || h.atConnections("GET", "/"+id, "").Code != http.StatusNotFound {
		t.Errorf("deleted: %d", w.Code)
	}
	for _, typ := range []string{"connection.created", "connection.testing", "connection.activated", "connection.updated", "connection.disabled", "connection.deleted", "connection.domain_verified"} {
		if len(h.entries(typ)) == 0 {
			t.Errorf("%s is not audited", typ)
		}
	}
	if strings.Contains(h.log.String(), "upstream-secret") || strings.Contains(asJSON(h.entries("connection.created")), "upstream-secret") {
		t.Error("the secret was told")
	}
}

// provesDomains takes new.example for the connection, and no other.
func (h *house) provesDomains(id string) {
	h.Helper()
	h.txt = map[string][]string{}
	verify := func(domain string) *httptest.ResponseRecorder {
		return h.atConnections("POST", "/"+id+"/domains/verify", asJSON(map[string]string{"domain": domain}))
	}
	for _, domain := range []string{"new.example", "acme.example"} {
		w := h.atConnections("POST", "/"+id+"/domains", asJSON(map[string]string{"domain": domain}))
		if got := verify(domain); got.Code != http.StatusConflict || member(got, "code") != "domain_not_proven" {
			h.Errorf("without a record: %d %s", got.Code, got.Body)
		}
		h.txt[member(w, "name")] = []string{"v=spf1 -all", "gatehouse-domain=" + strings.Repeat("A", 43)}
		if got := verify(domain); got.Code != http.StatusConflict || member(got, "code") != "domain_not_proven" {
			h.Errorf("with another record: %d %s", got.Code, got.Body)
		}
		h.txt[member(w, "name")] = []string{"v=spf1 -all", member(w, "value")}
	}
	for _, domain := range []string{"", "com", "a b.example", "*.example", "new.example.", "NEW.example"} {
		if w := verify(domain); (w.Code == http.StatusOK) != strings.EqualFold(strings.TrimSuffix(domain, "."), "new.example") {
			h.Errorf("%q: %d %s", domain, w.Code, w.Body)
		}
	}
	if w := verify("acme.example"); w.Code != http.StatusConflict || member(w, "code") != "domain_taken" {
		h.Errorf("another connection's domain: %d %s", w.Code, w.Body)
	}
	// A record that somebody else published for theirs proves nothing here.
	other, _ := h.drafted()
	if w := h.atConnections("POST", "/"+other+"/domains/verify", `{"domain":"new.example"}`); w.Code != http.StatusConflict || member(w, "code") != "domain_not_proven" {
		h.Errorf("another's record: %d %s", w.Code, w.Body)
	}
}

func TestI10_ATestLinkIsGoodOnceForWhatItWasMadeFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, d := h.drafted()
	h.check(id)
	c := h.check(id)
	link := strings.TrimPrefix(c.Sides[1].TestURL, host)
	over := func(what, link string) {
		t.Helper()
		w := h.browser().get(link)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "test_over") {
			t.Errorf("%s: %d %.600s", what, w.Code, w.Body)
		}
	}
	over("made up", "/connection-test?token=AAAA")
	over("none", "/connection-test")
	over("changed", link[:len(link)-4]+"AAAA")
	a := d.read(h.browser().get(link))
	over("used", link)
	opener, opened := h.browser(), h.check(id).Sides[1].TestURL
	opener.get(strings.TrimPrefix(opened, host))
	_, token, _ := strings.Cut(opened, "token=")
	test := made(connection.OpenTest(h.ring, issuer, token, h.clock.Now()))(h)
	for _, page := range []string{"/consent?request=", "/signin/done?request=", "/signin?request="} {
		if w := opener.get(page + test.ID); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "request_expired") {
			t.Errorf("%s with a test: %d", page, w.Code)
		}
	}
	w := d.post(d.answer(a, nil))
	d.refused("in another browser", h.browser(), h.browser().get(w.Header().Get("Location")), "browser_mismatch")
	fresh := strings.TrimPrefix(h.check(id).Sides[1].TestURL, host)
	if w := h.atConnections("PATCH", "/"+id, `{"vendor":"generic"}`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	over("of what it was before", fresh)
	late := strings.TrimPrefix(h.check(id).Sides[1].TestURL, host)
	h.clock.Advance(16 * time.Minute)
	over("late", late)
}

func TestI10_AChangeIsTestedAnewAndWhoThePeopleAreKnownByStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, d := h.drafted()
	h.check(id)
	h.tries(d, h.check(id), "s-ada")
	h.atConnections("POST", "/"+id+"/activate", "")
	tested := func() map[string]any {
		var c struct{ Tested map[string]any }
		_ = json.Unmarshal(h.atConnections("GET", "/"+id, "").Body.Bytes(), &c)
		return c.Tested
	}
	if w := h.atConnections("PATCH", "/"+id, `{"name":"Renamed"}`); w.Code != http.StatusOK || len(tested()) != 2 {
		t.Errorf("a name is not tested: %d %v", w.Code, tested())
	}
	if w := h.atConnections("PATCH", "/"+id, `{"oidc":{"client_secret":"another"}}`); w.Code != http.StatusOK || member(w, "status") != "active" || len(tested()) != 1 {
		t.Errorf("a secret that rolls: %d %s %v", w.Code, w.Body, tested())
	}
	for what, body := range map[string]string{
		"another issuer": `{"oidc":{"issuer":"https://other.example"}}`, "a mutable subject": `{"oidc":{"settings":{"subject":["email"]}}}`,
		"a link by address": `{"link_key":{"oidc":["email"],"saml":["id"]}}`, "half a link": `{"link_key":{"oidc":["sub"],"saml":[]}}`,
		"an unknown vendor": `{"vendor":"nobody"}`, "no name": `{"name":" "}`, "a route to nowhere": `{"routes":[{"domain":"x.example","use":"ldap"}]}`,
		"no metadata": `{"saml":{"metadata_xml":"<a/>"}}`, "metadata inside": `{"saml":{"metadata_url":"https://169.254.169.254/"}}`, "an unknown member": `{"domains":["x.example"]}`,
		"a state": `{"status":"active"}`,
	} {
		if w := h.atConnections("PATCH", "/"+id, body); w.Code/100 != 4 {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	if w := h.atConnections("PATCH", "/"+id, `{"name":"x"}`, "If-Match", `"1"`); w.Code != http.StatusPreconditionFailed {
		t.Errorf("an old revision: %d", w.Code)
	}
}

func TestTN_01_ConnectionsOfOthersDoNotExist(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, _ := h.drafted()
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:workspace"}}
	other := made(h.admin.CreateWorkspace(t.Context(), by, admin.NewWorkspace{Name: "Other"}))(h)
	theirs := authz.Principal{Issuer: issuer, Subject: "sa_1", WorkspaceID: other.ID, Scopes: []string{"manage:connections"}}
	if _, err := h.connections.Get(t.Context(), theirs, h.workspace.ID, authz.ConnectionID(id)); authz.KindOf(err) != authz.NotFound {
		t.Errorf("another workspace's administrator: %v", err)
	}
	theirs.WorkspaceID, theirs.Scopes = h.workspace.ID, []string{"manage:clients"}
	if _, err := h.connections.Get(t.Context(), theirs, h.workspace.ID, authz.ConnectionID(id)); authz.KindOf(err) != authz.Forbidden {
		t.Errorf("without the scope: %v", err)
	}
	for _, call := range []string{
		"GET ", "PATCH ", "DELETE ", "POST /test", "POST /activate", "POST /disable", "POST /domains", "POST /domains/verify", "DELETE /domains/x.example",
		"POST /fallback", "DELETE /fallback", "GET /failures",
	} {
		method, path, _ := strings.Cut(call, " ")
		body := map[string]string{"PATCH ": `{"name":"x"}`, "POST /domains": `{"domain":"x.example"}`, "POST /domains/verify": `{"domain":"x.example"}`, "POST /fallback": `{"reason":"x"}`}[call]
		headers := []string{"Authorization", "Bearer " + h.operator}
		if body != "" {
			headers = append(headers, "Content-Type", "application/json")
		}
		w := h.send(method, "/v1/connections/"+id+path+"?workspace_id="+string(other.ID), body, headers...)
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d %s", call, w.Code, w.Body)
		}
	}
}

func TestEveryRefusedSignInHasADiagnosisForTheAdministratorAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta")
	b := h.browser()
	d.refused("audience", b, d.signIn(b, func(a *idptest.SAMLAnswer) { a.Audiences = [][]string{{"https://elsewhere.example"}} }), saml.ReasonAudience)
	w := h.atConnections("GET", "/"+string(d.connection.ID)+"/failures", "")
	var list struct {
		Items []struct{ Reason, Diagnosis string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list.Items) != 1 || list.Items[0].Reason != saml.ReasonAudience ||
		!strings.Contains(list.Items[0].Diagnosis, "set the audience at the identity provider to our entity id") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	// In a test sign-in the administrator sees it at once.
	id, draft := h.drafted()
	h.check(id)
	admin := h.browser()
	started := admin.get(strings.TrimPrefix(h.check(id).Sides[1].TestURL, host))
	page := draft.post(draft.answer(draft.read(started), func(a *idptest.SAMLAnswer) { a.Audiences = [][]string{{"https://elsewhere.example"}} }))
	if page.Code != http.StatusUnauthorized || !strings.Contains(page.Body.String(), "set the audience at the identity provider to our entity id") {
		t.Errorf("%d %.900s", page.Code, page.Body)
	}
}

// brokenUpstream is a way to be set up wrongly, and what the administrator is
// told.
type brokenUpstream struct {
	name   string
	faults idptest.Faults
	reason string
}

func brokenUpstreams() []brokenUpstream {
	claim := func(name string, value any) idptest.Faults {
		return idptest.Faults{IDToken: func(c map[string]any) { c[name] = value }}
	}
	gone := func(name string) idptest.Faults {
		return idptest.Faults{IDToken: func(c map[string]any) { delete(c, name) }}
	}
	serve := func(path string, with http.Handler) idptest.Faults {
		return idptest.Faults{Serve: map[string]http.Handler{path: with}}
	}
	says := func(set func(url.Values)) idptest.Faults { return idptest.Faults{Callback: set} }
	fails := func(code string) idptest.Faults {
		return says(func(v url.Values) { v.Del("code"); v.Set("error", code) })
	}
	return []brokenUpstream{
		{"unsigned", idptest.Faults{Signature: idptest.SignedNotAtAll}, idp.ReasonAlg},
		{"HMAC with the secret", idptest.Faults{Signature: idptest.SignedHS256WithSecret}, idp.ReasonAlg},
		{"HMAC with the public key", idptest.Faults{Signature: idptest.SignedHS256WithPublic}, idp.ReasonAlg},
		{"another's key", idptest.Faults{Signature: idptest.SignedByStranger}, idp.ReasonSignature},
		{"a key of another type", idptest.Faults{Signature: idptest.SignedByOtherType}, idp.ReasonAlg},
		{"an access token", idptest.Faults{Header: map[string]any{"typ": "at+jwt"}}, idp.ReasonType},
		{"a logout token", idptest.Faults{Header: map[string]any{"typ": "logout+jwt"}}, idp.ReasonType},
		{"another issuer", claim("iss", "https://elsewhere.example"), idp.ReasonIssuerMismatch},
		{"a slash too many", idptest.Faults{IDToken: func(c map[string]any) { c["iss"] = c["iss"].(string) + "/" }}, idp.ReasonIssuerMismatch},
		{"another audience", claim("aud", "another"), idp.ReasonAudience},
		{"no audience", gone("aud"), idp.ReasonAudience},
		{"two audiences and another's azp", idptest.Faults{IDToken: func(c map[string]any) { c["aud"], c["azp"] = []string{"gatehouse", "x"}, "x" }}, idp.ReasonAZP},
		{"expired", claim("exp", 1000), idp.ReasonExpired},
		{"no end", gone("exp"), idp.ReasonExpired},
		{"from the future", claim("iat", 99999999999), idp.ReasonIssuedAt},
		{"no time", gone("iat"), idp.ReasonIssuedAt},
		{"no nonce", gone("nonce"), idp.ReasonNonce},
		{"another nonce", claim("nonce", "x"), idp.ReasonNonce},
		{"nobody", gone("sub"), idp.ReasonSubject},
		{"a very long name", claim("sub", strings.Repeat("x", 300)), idp.ReasonSubject},
		{"another access token", claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), idp.ReasonAtHash},
		{"mix-up", says(func(v url.Values) { v.Set("iss", "https://elsewhere.example") }), idp.ReasonMixUp},
		{"two codes", says(func(v url.Values) { v.Add("code", "x") }), idp.ReasonCallback},
		{"no code", says(func(v url.Values) { v.Del("code") }), idp.ReasonCallback},
		{"denied", fails("access_denied"), idp.ReasonDenied},
		{"wants the person", fails("login_required"), idp.ReasonLoginRequired},
		{"no second factor", fails("unmet_authentication_requirements"), idp.ReasonUnmetAuth},
		{"its own error", fails("server_error"), idp.ReasonUpstreamError},
		{"the secret is wrong", serve("/token", idptest.Status(http.StatusUnauthorized)), idp.ReasonExchange},
		{"the token endpoint fails", serve("/token", idptest.Status(http.StatusBadGateway)), idp.ReasonUnavailable},
		{"no ID token", serve("/token", idptest.JSON(map[string]any{"access_token": "x", "token_type": "Bearer"})), idp.ReasonIDToken},
		{"a broken ID token", serve("/token", idptest.JSON(map[string]any{"id_token": "a.b.c"})), idp.ReasonIDToken},
		{"an endless answer", serve("/token", idptest.Endless()), idp.ReasonTooLarge},
	}
}

func TestZooOfBrokenUpstreams(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	explained := map[string]bool{}
	for _, u := range brokenUpstreams() {
		h.upstream.SetFaults(u.faults)
		b := h.browser()
		w := b.get(b.callbackURL())
		if w.Code/100 == 3 || w.Code == http.StatusOK || b.cookies[cookie] != "" {
			t.Errorf("%s: %d %s", u.name, w.Code, w.Header().Get("Location"))
		}
		list := h.atConnections("GET", "/"+string(h.connection.ID)+"/failures", "")
		var failures struct {
			Items []struct{ Reason, Diagnosis string }
		}
		if err := json.Unmarshal(list.Body.Bytes(), &failures); err != nil || len(failures.Items) == 0 {
			t.Fatalf("%s: %d %s", u.name, list.Code, list.Body)
		}
		last := failures.Items[0]
		if last.Reason != u.reason || last.Diagnosis != app.Explain(u.reason) || last.Diagnosis == "" {
			t.Errorf("%s: %+v, want %s", u.name, last, u.reason)
		}
		if strings.Contains(w.Body.String(), last.Diagnosis) {
			t.Errorf("%s: the visitor is told the diagnosis", u.name)
		}
		explained[last.Reason] = true
	}
	if len(brokenUpstreams()) < 30 || len(explained) < 18 {
		t.Errorf("%d broken upstreams, %d diagnoses", len(brokenUpstreams()), len(explained))
	}
}

func TestHRD_37_TheSignInPageTellsNotWhoIsKnown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.browser().signIn() // Ada is known now
	pages := map[string]string{}
	for _, email := range []string{"ada@acme.example", "nobody@acme.example"} {
		b := h.browser()
		id := b.chooser("prompt", "select_account")
		w := b.post("/signin", url.Values{"request": {id}, "email": {email}})
		body := w.Body.String()
		for _, own := range []string{id, url.QueryEscape(email), "http"} {
			if own == "http" {
				i := strings.Index(body, h.upstream.Issuer())
				body = body[:max(i, 0)]
				continue
			}
			body = strings.ReplaceAll(body, own, "")
		}
		pages[email] = w.Result().Status + body
		if !strings.Contains(w.Body.String(), h.upstream.Issuer()) {
			t.Errorf("%s: %d %.300s", email, w.Code, w.Body)
		}
	}
	if pages["ada@acme.example"] != pages["nobody@acme.example"] {
		t.Errorf("two pages:\n%s\n%s", pages["ada@acme.example"], pages["nobody@acme.example"])
	}
}
