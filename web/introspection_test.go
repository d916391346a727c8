package web_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestRFC9701_TheCallerChoosesTheSignedForm(t *testing.T) {
	h := newHouse(t)
	tokens := h.tokens(h.browser())
	ask := func(token, accept string) *httptest.ResponseRecorder {
		return h.send("POST", "/oauth2/introspect", url.Values{"token": {token}}.Encode(), "Content-Type", form, "Authorization", h.basic(), "Accept", accept)
	}
	plain := ask(tokens["access_token"], "application/json")
	for _, accept := range []string{
		"", "*/*", "application/json", "application/*;q=0.9, application/json", "application/token-introspection+jwt;q=0", "application/token-introspection+jwt;q=0.000, */*",
		"application/token-introspection+jwtx", "text/plain; x=application/token-introspection+jwt",
	} {
		if w := ask(tokens["access_token"], accept); w.Header().Get("Content-Type") != "application/json;charset=UTF-8" || w.Body.String() != plain.Body.String() {
			t.Errorf("%q: %v %s", accept, w.Header(), w.Body)
		}
	}
	for _, accept := range []string{"application/token-introspection+jwt", "Application/Token-Introspection+JWT", "application/json;q=0.5, application/token-introspection+jwt;q=0.9"} {
		for token, want := range map[string]string{tokens["access_token"]: plain.Body.String(), "at_unknown": `{"active":false}`} {
			w := ask(token, accept)
			parts := strings.Split(w.Body.String(), ".")
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/token-introspection+jwt" || w.Header().Get("Cache-Control") != "no-store" || len(parts) != 3 {
				t.Fatalf("%q: %d %v %s", accept, w.Code, w.Header(), w.Body)
			}
			payload, err := base64.RawURLEncoding.DecodeString(parts[1])
			h.ok(err)
			var claims struct {
				Iss, Aud      string
				Introspection json.RawMessage `json:"token_introspection"`
			}
			h.ok(json.Unmarshal(payload, &claims))
			if claims.Iss != host || claims.Aud != string(h.app.ID) || string(claims.Introspection) != want {
				t.Errorf("%q: %s, want %s", accept, payload, want)
			}
		}
	}
	for what, w := range map[string]*httptest.ResponseRecorder{
		"nobody": h.send("POST", "/oauth2/introspect", "token=x", "Content-Type", form, "Accept", "application/token-introspection+jwt"),
		"public": h.send("POST", "/oauth2/introspect", "token=x&client_id="+string(h.spa.ID), "Content-Type", form, "Accept", "application/token-introspection+jwt"),
	} {
		h.wants("IN-01 "+what, w, http.StatusUnauthorized, "invalid_client")
	}
}
