package web_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/web"
)

// S15, AK-02: a key in a body is refused even when the header is right, by
// whatever name it comes and whatever stands around it; that is recorded and
// told nobody; the key has not leaked, and nothing was done.
func TestS15_AK02_AKeyInABodyIsRefusedWhateverElseIsRight(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	gateway := h.gateway(authz.Live, authz.Test)
	_, text := h.mint(nil)
	_, other := h.mint(nil)
	grant := "grant_type=client_credentials"
	sent := func(path, body string, headers ...string) *httptest.ResponseRecorder {
		return h.send("POST", path, strings.ReplaceAll(body, "KEY", text), append([]string{"Content-Type", form}, headers...)...)
	}
	managed := func(method, path, body string) *httptest.ResponseRecorder {
		return h.manage(h.operator, method, path, strings.ReplaceAll(body, "KEY", text))
	}
	recorded := func(typ string) (n int) {
		for _, e := range h.entries(typ) {
			if e.Reason == "credential_in_body" {
				n++
			}
		}
		return n
	}
	in := "?workspace_id=" + string(h.workspace.ID)
	mint := `{"workspace_id":"` + string(h.workspace.ID) + `","environment":"live","scopes":["monitor:read"],"name":`
	for what, c := range map[string]struct {
		send      func() *httptest.ResponseRecorder
		code, typ string
	}{
		"api_key, and the header": {func() *httptest.ResponseRecorder {
			return sent("/oauth2/token", grant+"&api_key=KEY", "Authorization", "Bearer "+text)
		}, "invalid_request", "credential.refused"},
		"access_token, and a header": {func() *httptest.ResponseRecorder {
			return sent("/oauth2/token", grant+"&access_token=x", "Authorization", "Bearer "+text)
		}, "invalid_request", "credential.refused"},
		"any name": {func() *httptest.ResponseRecorder {
			return sent("/oauth2/token", grant+"&x=KEY", "Authorization", "Bearer "+other)
		}, "invalid_request", "credential.refused"},
		"inside a text": {func() *httptest.ResponseRecorder {
			return sent("/oauth2/token", grant+"&x=%22KEY%22", "Authorization", "Bearer "+other)
		}, "invalid_request", "credential.refused"},
		"client_secret, no header": {func() *httptest.ResponseRecorder {
			return sent("/oauth2/token", grant+"&client_id=key_x&client_secret=KEY")
		}, "invalid_request", "credential.refused"},
		"of a public client": {func() *httptest.ResponseRecorder {
			return sent("/oauth2/revoke", "token=x&api_key=KEY&client_id="+string(h.spa.ID))
		}, "invalid_request", "credential.refused"},
		"pushed by a public client": {func() *httptest.ResponseRecorder {
			return sent("/oauth2/par", "state=KEY&client_id="+string(h.spa.ID))
		}, "invalid_request", "credential.refused"},
		"beside an assertion": {func() *httptest.ResponseRecorder {
			return sent("/oauth2/token", grant+"&client_assertion=x&client_assertion_type=y&api_key=KEY")
		}, "invalid_request", "credential.refused"},
		"beside the token": {func() *httptest.ResponseRecorder {
			return sent("/oauth2/introspect", "token=x&api_key=KEY", "Authorization", gateway)
		}, "invalid_request", "credential.refused"},
		"beside what is revoked": {func() *httptest.ResponseRecorder {
			return sent("/oauth2/revoke", "token=x&api_key=KEY", "Authorization", gateway)
		}, "invalid_request", "credential.refused"},
		"a token at another endpoint": {func() *httptest.ResponseRecorder {
			return sent("/oauth2/token", grant+"&token=KEY", "Authorization", "Bearer "+text)
		}, "invalid_request", "credential.refused"},
		"pushed": {func() *httptest.ResponseRecorder { return sent("/oauth2/par", "state=KEY", "Authorization", h.basic()) }, "invalid_request", "credential.refused"},
		"at userinfo": {func() *httptest.ResponseRecorder {
			return sent("/oauth2/userinfo", "access_token=KEY", "Authorization", "Bearer "+text)
		}, "invalid_request", "credential.refused"},
		"as a name":     {func() *httptest.ResponseRecorder { return managed("POST", "/v1/auth/keys", mint+`"KEY"}`) }, "credential_in_body", "api.refused"},
		"inside a name": {func() *httptest.ResponseRecorder { return managed("POST", "/v1/auth/keys", mint+`"was KEY"}`) }, "credential_in_body", "api.refused"},
		"escaped": {func() *httptest.ResponseRecorder {
			return managed("POST", "/v1/auth/keys", mint+`"`+`\u0075`+text[1:]+`"}`)
		}, "credential_in_body", "api.refused"},
		"as a member nobody has": {func() *httptest.ResponseRecorder {
			return managed("POST", "/v1/auth/keys", mint+`"x","api_key":"KEY"}`)
		}, "credential_in_body", "api.refused"},
		"as the name of a member": {func() *httptest.ResponseRecorder { return managed("POST", "/v1/auth/keys", mint+`"x","KEY":1}`) }, "credential_in_body", "api.refused"},
		"in a list": {func() *httptest.ResponseRecorder {
			return managed("POST", "/v1/auth/keys", mint+`"x","ip_allowlist":["KEY"]}`)
		}, "credential_in_body", "api.refused"},
		"in a change": {func() *httptest.ResponseRecorder {
			return managed("PATCH", "/v1/workspaces/"+string(h.workspace.ID), `{"name":"KEY"}`)
		}, "credential_in_body", "api.refused"},
	} {
		before := recorded(c.typ)
		w := c.send()
		h.wants(what, w, 400, c.code)
		h.clock.Advance(6 * time.Second) // so often are refusals recorded
		if n := recorded(c.typ) - before; n != 1 {
			t.Errorf("%s: %d entries tell of it", what, n)
		}
		for place, said := range map[string]string{"the answer": w.Body.String(), "the log": h.log.String()} {
			if strings.Contains(said, text[24:]) {
				t.Errorf("%s: %s holds the key", what, place)
			}
		}
	}
	if n := len(h.entries("api_key.leaked")); n != 0 {
		t.Errorf("%d leaks are told of", n)
	}
	if w := h.manage(h.operator, "GET", "/v1/auth/keys"+in, ""); strings.Contains(w.Body.String(), text) || w.Code != 200 {
		t.Errorf("a list holds the key: %d", w.Code)
	}
	// What is examined is in the body: that is no way to authenticate.
	for what, w := range map[string]*httptest.ResponseRecorder{
		"introspected": sent("/oauth2/introspect", "token=KEY&token_type_hint=access_token", "Authorization", gateway),
		"revoked":      sent("/oauth2/revoke", "token=KEY", "Authorization", gateway),
		"examined":     h.verify(gateway, map[string]any{"credential": text}),
	} {
		if w.Code != 200 {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	exchange := url.Values{"grant_type": {authz.GrantTokenExchange}, "subject_token": {text}, "subject_token_type": {"x"}}
	if w := sent("/oauth2/token", exchange.Encode(), "Authorization", h.basic()); strings.Contains(w.Body.String(), "Authorization header only") {
		t.Errorf("exchanged: %s", w.Body)
	}
}

// Keys that were imported may look like anything: what looks like one is no reason
// to refuse the value of a form.
func TestWhatMayBeAnImportedKeyIsTakenInAForm(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *web.Config) { c.Issuers[0].IsKey = func(string) bool { return true } })
	_, text := h.mint(nil)
	w := h.send("POST", "/oauth2/token", "grant_type=client_credentials&scope=monitor:read", "Content-Type", form, "Authorization", "Bearer "+text)
	if w.Code != 200 || member(w, "scope") != "monitor:read" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
