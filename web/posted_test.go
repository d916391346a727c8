package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// redirects are the answers that send a browser on, by what was asked.
type redirects struct {
	sync.Mutex
	codes map[string][]int
}

// watch notes the redirects of the house from now on.
func (h *house) watch() *redirects {
	seen := &redirects{codes: map[string][]int{}}
	served := h.handler
	h.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		served.ServeHTTP(rec, r)
		if rec.Header().Get("Location") != "" {
			seen.Lock()
			at := r.Method + " " + r.URL.Path
			seen.codes[at] = append(seen.codes[at], rec.Code)
			seen.Unlock()
		}
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
	return seen
}

// A 307 or 308 would have the browser post what was typed here once more, at
// whatever it is sent on to (RFC 9700 section 4.12).
func TestRU_12_WhatWasPostedIsNotPostedOn(t *testing.T) {
	h := newHouse(t)
	h.leaving()
	seen := h.watch()
	b := h.browser()
	b.signIn() // POST /consent, allowed
	b.post("/consent", url.Values{"request": {b.consentPage("prompt", "login consent")}, "decision": {"deny"}})
	asks, _ := url.Parse(h.authorizeURL("prompt", "login"))
	b.post("/oauth2/authorize", asks.Query())
	b.post("/logout", url.Values{"client_id": {string(h.app.ID)}, "post_logout_redirect_uri": {byeURI}})
	hint := member(b.signedInWith("prompt", "consent"), "id_token")
	b.post("/oauth2/logout", url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {byeURI}})

	person := h.browser()
	a, _ := person.enrolApp()
	h.clock.Advance(60e9)
	person.cookies = map[string]string{}
	page := person.factorPage(bobHint...)
	fields := fieldsOf(page)
	fields.Set("code", a.code())
	person.answer(person.post("/signin/factor", fields))

	operator, _ := h.browser().accept(h.invite("", authz.OperatorAccount, "Operator"), goodPassword)
	glass := h.manage(h.operator, "POST", "/v1/break-glass-accounts", `{"workspace_id":"`+string(h.workspace.ID)+`","login":"Glass"}`)
	ours, _ := h.browser().accept(strings.TrimPrefix(member(glass, "link"), host), goodPassword)
	h.clock.Advance(60e9)
	h.browser().post("/operator/signin", url.Values{"login": {"operator"}, "password": {goodPassword}, "code": {operator.code()}})
	h.browser().post("/break-glass", url.Values{"request": {string(h.workspace.ID)}, "login": {"glass"}, "password": {goodPassword}, "code": {ours.code()}})

	for _, path := range []string{"/consent", "/oauth2/authorize", "/logout", "/oauth2/logout", "/signin/factor", "/operator/signin", "/break-glass"} {
		if len(seen.codes["POST "+path]) == 0 {
			t.Errorf("POST %s sent nobody on", path)
		}
	}
	// Nor does another spelling of an address send the form on to the right one.
	for _, path := range []string{"/consent/", "//consent", "/./signin", "/signin/", "/oauth2/../signin", "/break-glass/", "/operator/signin/", "/oauth2/token/", "//oauth2/token", "/setup/oidc/", "/v1/verify/", "/static"} {
		b.post(path, url.Values{"password": {"x"}})
	}
	saml := newHouse(t)
	assertions := saml.watch()
	d := saml.plant(authz.FallbackNever)
	d.signIn(saml.browser(), as("u-plant", ""), aRoutedHint...)
	acs := 0
	for at, codes := range assertions.codes {
		if seen.codes[at] = codes; strings.HasPrefix(at, "POST /saml/") {
			acs++
		}
	}
	if acs == 0 {
		t.Error("no assertion was posted")
	}
	for at, codes := range seen.codes {
		if strings.HasPrefix(at, "POST /v1/") {
			continue // where what was made is, with 201
		}
		if slices.ContainsFunc(codes, func(code int) bool { return code != http.StatusSeeOther }) {
			t.Errorf("%s: %v", at, codes)
		}
	}
}
