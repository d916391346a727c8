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
	t.Parallel()
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

func TestRFC9701_4_TheAcceptHeaderIsWeighed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const signed, plain = "application/token-introspection+jwt", "application/json;charset=UTF-8"
	token := h.tokens(h.browser())["access_token"]
	for _, c := range []struct {
		want   string
		accept []string // one a line
	}{
		{plain, nil}, {plain, []string{""}}, {plain, []string{"*/*"}}, {plain, []string{"application/*"}}, {plain, []string{"text/html"}},
		{plain, []string{signed + ";q=0"}}, {plain, []string{signed + "; q=0.000, */*"}}, {plain, []string{"*/*", signed + ";Q=0"}},
		{plain, []string{"application/json, " + signed + ";q=0.9"}}, {plain, []string{signed + ";q=0.9", "application/json"}},
		{plain, []string{signed + ";q=0.5, application/*;q=0.6"}}, {plain, []string{"*/*;q=0.2, " + signed + ";q=0.1"}},
		{plain, []string{signed + ";q=x"}}, {plain, []string{signed + ";q=2"}}, {plain, []string{signed + ";q=-1"}}, {plain, []string{signed + ";q=0.0001, */*"}},
		{plain, []string{"application/json;q=0"}}, {plain, []string{",,;,"}},
		{signed, []string{signed}}, {signed, []string{signed + ";q=0.1"}}, {signed, []string{"text/html", signed}}, {signed, []string{"text/html;q=1", "*/*;q=0.1", signed + ";q=0.5"}},
		{signed, []string{"application/json;q=0.8, " + signed + ";q=0.9"}}, {signed, []string{"application/json, " + signed}}, {signed, []string{"*/*, " + signed}},
		{signed, []string{"application/json;q=0, */*"}}, {signed, []string{"application/json;q=0.1", "application/*"}}, {signed, []string{"APPLICATION/Token-Introspection+JWT ; q=1.000"}},
	} {
		r := httptest.NewRequest("POST", host+"/oauth2/introspect", strings.NewReader("token="+token))
		r.Header.Set("Content-Type", form)
		r.Header.Set("Authorization", h.basic())
		r.Header["Accept"] = c.accept
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || got != c.want {
			t.Errorf("%q: %d %s, want %s", c.accept, w.Code, got, c.want)
		}
	}
}
