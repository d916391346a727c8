package web_test

import (
	"strings"
	"testing"
)

// A single-page application, and an MCP client in a page, find, register and use
// the server from another origin: what they send is let through, and they may
// read every answer, errors included.
func TestTK_09_AClientInAPageReachesAllItNeeds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for path, methods := range map[string]string{
		"/oauth2/token": "POST", "/oauth2/revoke": "POST", "/oauth2/par": "POST", "/oauth2/userinfo": "GET, POST", "/oauth2/register": "POST",
		"/oauth2/register/cl_x": "GET, PUT, DELETE", "/.well-known/openid-configuration": "GET", "/.well-known/oauth-authorization-server": "GET",
		"/.well-known/jwks.json": "GET", "/.well-known/oauth-protected-resource": "GET", "/.well-known/oauth-protected-resource/v1": "GET",
	} {
		for _, method := range strings.Split(methods, ", ") {
			w := h.send("OPTIONS", path, "", "Origin", "https://app.example", "Access-Control-Request-Method", method,
				"Access-Control-Request-Headers", "authorization,content-type,dpop,mcp-protocol-version")
			for _, name := range []string{"Authorization", "Content-Type", "DPoP", "MCP-Protocol-Version"} {
				if !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), name) {
					t.Errorf("%s %s: no %s among %q", method, path, name, w.Header().Get("Access-Control-Allow-Headers"))
				}
			}
			if w.Code != 204 || w.Header().Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(w.Header().Get("Access-Control-Allow-Methods"), method) {
				t.Errorf("%s %s: %d %v", method, path, w.Code, w.Header())
			}
			if w := h.send(method, path, "", "Origin", "https://app.example"); w.Header().Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s %s cannot be read: %d %v", method, path, w.Code, w.Header())
			}
		}
	}
}

func TestTK_04_NothingIsKeptOfAnAnswerToAnotherMethod(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, path := range endpoints {
		if w := h.send("GET", path, ""); w.Code != 405 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q", path, w.Code, w.Header().Get("Cache-Control"))
		}
	}
}
