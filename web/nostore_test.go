package web_test

import (
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestTK_04_NoAnswerWithOrAboutACredentialIsStored(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tokens := h.tokens(h.browser())
	create := h.inWorkspace(`,"name":"k","environment":"live","scopes":["monitor:read"]`)
	oauth := func(path string, form url.Values) *httptest.ResponseRecorder {
		return h.send("POST", path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Authorization", h.basic())
	}
	for what, c := range map[string]struct {
		w    *httptest.ResponseRecorder
		code int
	}{
		"tokens":                 {oauth("/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"]}}), 200},
		"no tokens":              {oauth("/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"rt_unknown"}}), 400},
		"tokens for nobody":      {h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form), 401},
		"tokens by GET":          {h.send("GET", "/oauth2/token", ""), 405},
		"introspection":          {oauth("/oauth2/introspect", url.Values{"token": {tokens["access_token"]}}), 200},
		"introspected, unknown":  {oauth("/oauth2/introspect", url.Values{"token": {"at_unknown"}}), 200},
		"introspection of what?": {oauth("/oauth2/introspect", url.Values{}), 400},
		"introspected by nobody": {h.send("POST", "/oauth2/introspect", "token=x", "Content-Type", form), 401},
		"revocation":             {oauth("/oauth2/revoke", url.Values{"token": {"at_unknown"}}), 200},
		"a pushed request":       {oauth("/oauth2/par", url.Values{"response_type": {"token"}}), 400},
		"userinfo":               {h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer "+tokens["access_token"]), 200},
		"a key":                  {h.manage(h.operator, "POST", "/v1/auth/keys", create), 201},
		"a key, by a stranger":   {h.manage("up_live_x", "POST", "/v1/auth/keys", create), 401},
		"an unknown member":      {h.manage(h.operator, "POST", "/v1/auth/keys", `{"colour":"red"}`), 400},
		"no JSON":                {h.manage(h.operator, "POST", "/v1/auth/keys", `{`), 400},
		"a wrong type":           {h.manage(h.operator, "POST", "/v1/auth/keys", `{"name":1}`), 400},
		"a wrong value":          {h.manage(h.operator, "POST", "/v1/auth/keys", strings.Replace(create, "live", "prod", 1)), 400},
		"too much":               {h.manage(h.operator, "POST", "/v1/auth/keys", `{"name":"`+strings.Repeat("x", 2<<20)+`"}`), 413},
		"a wrong query":          {h.manage(h.operator, "GET", "/v1/auth/keys?limit=none", ""), 400},
		"a list of keys":         {h.manage(h.operator, "GET", "/v1/auth/keys?workspace_id="+string(h.workspace.ID), ""), 200},
		"nothing there":          {h.manage(h.operator, "GET", "/v1/auth/keys/key_x?workspace_id="+string(h.workspace.ID), ""), 404},
		"no such address":        {h.manage(h.operator, "GET", "/v1/nowhere", ""), 404},
		"no such method":         {h.manage(h.operator, "PUT", "/v1/auth/keys", create), 405},
	} {
		if got := c.w.Header().Values("Cache-Control"); c.w.Code != c.code || !slices.Equal(got, []string{"no-store"}) {
			t.Errorf("%s: %d, Cache-Control %q: %.200s", what, c.w.Code, got, c.w.Body)
		}
	}
}
