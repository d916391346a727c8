package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// setupLink makes a link to a connection and returns its id and URL.
func (h *house) setupLink(connection string) (id, link string) {
	h.Helper()
	w := h.atConnections("POST", "/"+connection+"/setup-links", "{}")
	if w.Code != http.StatusCreated || member(w, "url") == "" {
		h.Fatalf("%d %s", w.Code, w.Body)
	}
	return member(w, "id"), member(w, "url")
}

// empty makes a draft of nothing.
func (h *house) empty(name string) string {
	h.Helper()
	w := h.atConnections("POST", "", asJSON(map[string]any{"workspace_id": h.workspace.ID, "name": name}))
	if w.Code != http.StatusCreated {
		h.Fatalf("%d %s", w.Code, w.Body)
	}
	id := member(w, "id")
	h.ok(h.upstream.AddClient(idptest.Client{ID: "gatehouse", Secret: "upstream-secret", RedirectURIs: []string{host + "/oidc/" + id + "/callback"}}))
	return id
}

func (b *browser) opens(link string) *httptest.ResponseRecorder {
	b.h.Helper()
	w := b.get(link)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/setup" {
		b.h.Fatalf("%d %s %.300s", w.Code, w.Header().Get("Location"), w.Body)
	}
	return b.get("/setup")
}

const over = "setup_over"

func TestACustomersAdministratorSetsOneConnectionUpByALink(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		t := h.T
		id := h.empty(`Acme "><script>`)
		link, at := h.setupLink(id)
		b := h.browser()
		page := b.opens(at)
		for _, want := range []string{
			host + "/oidc/" + id + "/callback", host + "/saml/" + id + "/acs", host + "/saml/" + id, `id="nothing"`, `id="no-failures"`, "data-copy", "Microsoft Entra ID",
		} {
			if !strings.Contains(page.Body.String(), want) {
				t.Errorf("the page lacks %s", want)
			}
		}
		csp := page.Header().Get("Content-Security-Policy")
		if strings.Contains(page.Body.String(), "<script>") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "script-src 'self'; ") || page.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s", csp)
		}
		form := func(step string, pairs ...string) *httptest.ResponseRecorder {
			values := url.Values{"connection": {id}}
			for n := 0; n+1 < len(pairs); n += 2 {
				values.Set(pairs[n], pairs[n+1])
			}
			return b.post("/setup/"+step, values)
		}
		if w := form("vendor", "vendor", "okta"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Create App Integration") {
			t.Errorf("%d %.300s", w.Code, w.Body)
		}
		// What is wrong is said on the page.
		for what, w := range map[string]*httptest.ResponseRecorder{
			"no address": form("oidc", "address", "x", "client_id", "gatehouse"), "not public": form("oidc", "address", "http://192.168.0.1/", "client_id", "gatehouse"),
			"no discovery": form("oidc", "address", h.upstream.Issuer()+"/nowhere", "client_id", "gatehouse"), "no metadata": form("saml"),
			"bad metadata": form("saml", "metadata_xml", "<x/>"), "an unknown vendor": form("vendor", "vendor", "evil"),
		} {
			if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `id="problem"`) {
				t.Errorf("%s: %d %.300s", what, w.Code, w.Body)
			}
		}
		w := form("oidc", "address", h.upstream.Issuer()+"/.well-known/openid-configuration", "client_id", "gatehouse", "client_secret", "upstream-secret")
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "authorization endpoint") || !strings.Contains(w.Body.String(), "groups claim") || strings.Contains(w.Body.String(), "upstream-secret") {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		_, rest, _ := strings.Cut(w.Body.String(), `id="test-sign-in" href="`)
		test, _, ok := strings.Cut(rest, `"`)
		if !ok || !strings.HasPrefix(test, host+"/connection-test?token=") {
			t.Fatalf("no way to a test: %s", w.Body)
		}
		w = b.get(strings.ReplaceAll(test, "&amp;", "&"))
		w = b.get(h.upstreamAnswer(w.Header().Get("Location")))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "s-ada") || !strings.Contains(w.Body.String(), `id="back" href="/setup"`) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w := b.get("/setup"); !strings.Contains(w.Body.String(), "All is tested") || !strings.Contains(w.Body.String(), "tested ") {
			t.Errorf("%.300s", w.Body)
		}
		// A refused test is explained there.
		h.upstream.SetFaults(idptest.Faults{IDToken: func(c map[string]any) { c["aud"] = "another" }})
		w = form("check")
		_, rest, _ = strings.Cut(w.Body.String(), `id="test-sign-in" href="`)
		test, _, _ = strings.Cut(rest, `"`)
		w = b.get(strings.ReplaceAll(test, "&amp;", "&"))
		b.get(h.upstreamAnswer(w.Header().Get("Location")))
		if w := b.get("/setup"); !strings.Contains(w.Body.String(), "The ID token is for another application") {
			t.Errorf("%s", w.Body)
		}
		// The act of putting it into use is not theirs.
		if w := form("activate"); w.Code != http.StatusNotFound {
			t.Errorf("activate: %d", w.Code)
		}
		if w := h.atConnections("GET", "/"+id, ""); member(w, "status") != "testing" {
			t.Errorf("%s", w.Body)
		}
		if list := h.entries("connection.updated"); len(list) != 2 || list[0].Actor != link {
			t.Errorf("audited %+v", list)
		}
		if token := at[strings.Index(at, "=")+1:]; strings.Contains(h.log.String(), token) {
			t.Error("the log holds the link's token")
		}
	})
}

func TestASetupLinkOpensItsConnectionAloneUntilItIsOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one, other := h.empty("One"), h.empty("Other")
	link, at := h.setupLink(one)
	_, otherAt := h.setupLink(other)
	b := h.browser()
	b.opens(at)

	// Somebody else's connection is not reached by naming it, nor another page's
	// form taken.
	for what, values := range map[string]url.Values{"another connection": {"connection": {other}, "vendor": {"okta"}}, "none": {"vendor": {"okta"}}} {
		if w := b.post("/setup/vendor", values); w.Code != http.StatusConflict {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
	b.opens(otherAt)
	if w := b.post("/setup/vendor", url.Values{"connection": {one}, "vendor": {"okta"}}); w.Code != http.StatusConflict {
		t.Errorf("the page of the link before: %d", w.Code)
	}
	b.opens(at)
	// From another site nothing is done.
	if w := b.send("POST", "/setup/vendor", url.Values{"connection": {one}, "vendor": {"okta"}}.Encode(), "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("cross-site: %d", w.Code)
	}
	// It is no credential of the API.
	token := at[strings.Index(at, "=")+1:]
	if w := h.send("GET", "/v1/connections/"+one, "", "Authorization", "Bearer "+token); w.Code != http.StatusUnauthorized {
		t.Errorf("as a bearer: %d", w.Code)
	}

	wantsOver := func(what string, w *httptest.ResponseRecorder) {
		t.Helper()
		if w.Code/100 != 4 || !strings.Contains(w.Body.String(), over) {
			t.Errorf("%s: %d %.300s", what, w.Code, w.Body)
		}
	}
	wantsOver("no link", h.browser().get("/setup"))
	wantsOver("a made-up link", h.browser().get("/setup?token=setup_"+strings.Repeat("a", 43)))
	wantsOver("a long one", h.browser().get("/setup?token="+strings.Repeat("a", 500)))
	if w := h.atConnections("DELETE", "/"+other+"/setup-links/"+link, ""); w.Code != http.StatusNotFound {
		t.Errorf("taken back by another connection: %d", w.Code)
	}
	if w := h.atConnections("DELETE", "/"+one+"/setup-links/"+link, ""); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	wantsOver("taken back", b.get("/setup"))
	wantsOver("taken back, a form", b.post("/setup/vendor", url.Values{"connection": {one}, "vendor": {"okta"}}))
	wantsOver("taken back, again", h.browser().get(at))
	if w := h.atConnections("GET", "/"+one+"/setup-links", ""); strings.Contains(w.Body.String(), token) || !strings.Contains(w.Body.String(), "revoked_at") {
		t.Errorf("%s", w.Body)
	}
	h.clock.Advance(7*24*time.Hour + time.Second)
	wantsOver("too late", h.browser().get(otherAt))
	for what, body := range map[string]string{"too long": `{"expires_in_hours":721}`, "negative": `{"expires_in_hours":-1}`} {
		if w := h.atConnections("POST", "/"+one+"/setup-links", body); w.Code/100 != 4 {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
}

func TestAConnectionThatPeopleSignInByIsOnlyLookedAtByALink(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := string(h.connection.ID)
	_, at := h.setupLink(id)
	b := h.browser()
	if w := b.opens(at); strings.Contains(w.Body.String(), `id="save-oidc"`) || !strings.Contains(w.Body.String(), "People sign in by this connection") {
		t.Errorf("%.600s", w.Body)
	}
	evil := map[string]url.Values{
		"vendor": {"vendor": {"okta"}}, "oidc": {"address": {h.upstream.Issuer()}, "client_id": {"evil"}}, "saml": {"metadata_xml": {"<x/>"}},
	}
	before := made(h.store.GetConnectionAcrossWorkspaces(t.Context(), issuer, h.connection.ID))(h)
	for step, values := range evil {
		values.Set("connection", id)
		if w := b.post("/setup/"+step, values); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", step, w.Code)
		}
	}
	after := made(h.store.GetConnectionAcrossWorkspaces(t.Context(), issuer, h.connection.ID))(h)
	if before.Revision != after.Revision || after.ClientID != "gatehouse" {
		t.Errorf("changed: %+v", after)
	}
	if w := b.post("/setup/check", url.Values{"connection": {id}}); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="test-sign-in"`) {
		t.Errorf("%d %.300s", w.Code, w.Body)
	}
}
