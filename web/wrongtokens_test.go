package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
)

// opens asks every door that access tokens open, and returns those that did.
func (h *house) opens(gateway, token string) []string {
	h.Helper()
	doors := map[string]*httptest.ResponseRecorder{
		"userinfo":        h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer "+token),
		"userinfo posted": h.send("POST", "/oauth2/userinfo", "", "Authorization", "Bearer "+token),
		"/v1":             h.send("GET", "/v1/members", "", "Authorization", "Bearer "+token),
		"forward-auth":    h.hold("", gateway, "Bearer "+token),
	}
	var open []string
	for name, w := range doors {
		if w.Code == http.StatusOK {
			open = append(open, name)
		} else if w.Code != http.StatusUnauthorized && w.Code != http.StatusForbidden {
			h.Errorf("%s: %d %.200s", name, w.Code, w.Body)
		}
	}
	if w := h.send("POST", "/oauth2/introspect", url.Values{"token": {token}}.Encode(), "Content-Type", form, "Authorization", gateway); w.Body.String() != `{"active":false}` {
		open = append(open, "introspection")
	}
	if w := h.verify(gateway, map[string]any{"credential": token}); !strings.Contains(w.Body.String(), `"inactive"`) {
		open = append(open, "verify")
	}
	return open
}

// is401 checks that every door says 401 of a token, not 403.
func (h *house) is401(what, gateway, token string) {
	h.Helper()
	if open := h.opens(gateway, token); len(open) > 0 {
		h.Errorf("%s opens %v", what, open)
	}
	for _, path := range []string{"/oauth2/userinfo", "/v1/members"} {
		if w := h.send("GET", path, "", "Authorization", "Bearer "+token); w.Code != http.StatusUnauthorized {
			h.Errorf("%s at %s: %d %.200s", what, path, w.Code, w.Body)
		}
	}
}

func TestJW_07_WhatIsNoAccessTokenOpensNothing(t *testing.T) {
	h := newHouse(t)
	h.app = made(h.store.GetClientAcrossWorkspaces(t.Context(), issuer, h.app.ID))(t)
	h.app.TokenFormat = authz.JWT
	h.ok(h.store.UpdateClient(t.Context(), h.app))
	gateway := h.gateway(authz.Live, authz.Test)
	id := member(h.browser().signedInWith(), "id_token")
	good := h.tokens(h.browser())
	if open := h.opens(gateway, good["access_token"]); len(open) < 5 {
		t.Fatalf("an access token opens %v only", open)
	}
	claims := claimsOf(t, good["access_token"])
	sign := func(typ string, more map[string]any) string {
		with := map[string]any{}
		for name, value := range claims {
			with[name] = value
		}
		for name, value := range more {
			with[name] = value
		}
		return made(h.signing.Sign(context.Background(), "ES256", typ, with))(t)
	}
	jwt := h.send("POST", "/oauth2/introspect", url.Values{"token": {good["access_token"]}}.Encode(), "Content-Type", form, "Authorization", gateway, "Accept", "application/token-introspection+jwt").Body.String()
	for what, token := range map[string]string{
		"an ID token": id, "an introspection": jwt,
		"a logout token":   sign("logout+jwt", map[string]any{"aud": string(h.app.ID), "events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}),
		"a client's own":   sign("JWT", map[string]any{"iss": string(h.app.ID), "sub": string(h.app.ID), "aud": host}),
		"a request object": sign("oauth-authz-req+jwt", map[string]any{"iss": string(h.app.ID), "aud": host}),
		"one of no row":    sign("at+jwt", map[string]any{"jti": "another"}),
		"for another":      sign("at+jwt", map[string]any{"aud": "https://other.example"}),
	} {
		h.is401(what, gateway, token)
	}
	// Not even one that was issued, if it does not say that it is one.
	for _, typ := range []string{"JWT", "logout+jwt", "oauth-authz-req+jwt", "token-introspection+jwt", "AT+JWT", "application/at+jwt"} {
		h.retyped = typ
		h.is401("one of the type "+typ, gateway, h.tokens(h.browser())["access_token"])
	}
}

func TestIN_09_AKeyOfTheTestEnvironmentIsInactiveAtALiveResourceServer(t *testing.T) {
	h := newHouse(t)
	live, test, both := h.gateway(authz.Live), h.gateway(authz.Test), h.gateway(authz.Live, authz.Test)
	own := func(env authz.Environment) string {
		c, text, err := h.admin.CreateClient(t.Context(), authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients"}}, admin.ClientSettings{
			Name: "own", WorkspaceID: h.workspace.ID, RedirectURIs: []string{appURI}, Scopes: []string{"openid"}, IDTokenAlgorithm: "ES256", Environment: env,
		})
		h.ok(err)
		return basicOf(string(c.ID), text.Reveal())
	}
	_, text := h.key(h.workspace.ID, "monitor:read")
	made := h.manage(h.operator, "POST", "/v1/auth/keys", h.inWorkspace(`,"name":"k","environment":"test","scopes":["monitor:read"]`))
	for what, c := range map[string]struct {
		key     string
		gateway string
		active  bool
	}{
		"live at live": {text, live, true}, "live at test": {text, test, false}, "live at both": {text, both, true},
		"test at live": {member(made, "key"), live, false}, "test at test": {member(made, "key"), test, true}, "test at both": {member(made, "key"), both, true},
		"test at its own live service": {member(made, "key"), own(authz.Live), false}, "live at its own test service": {text, own(authz.Test), false},
		"live at its own live service": {text, own(authz.Live), true},
	} {
		w := h.send("POST", "/oauth2/introspect", url.Values{"token": {c.key}}.Encode(), "Content-Type", form, "Authorization", c.gateway)
		if strings.HasPrefix(w.Body.String(), `{"active":true`) != c.active || !c.active && w.Body.String() != `{"active":false}` {
			t.Errorf("%s: introspection %d %s", what, w.Code, w.Body)
		}
		if w := h.verify(c.gateway, map[string]any{"credential": c.key}); strings.Contains(w.Body.String(), `"allowed":true`) != c.active || !c.active && !strings.Contains(w.Body.String(), `"environment"`) {
			t.Errorf("%s: verify %d %s", what, w.Code, w.Body)
		}
	}
}
