package conformance

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

// An MCP client and an MCP server of the official SDKs, of revision 2026-07-28,
// which have never heard of each other nor of us: the client finds the server's
// authorization server (RFC 9728), is known by its metadata document, asks for a
// token for the server (RFC 8707), and refreshes it. Nobody registered anything.
func TestMCP_AClientConnectsWithNoSetUp(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	introspector := s.register(t, nil)
	counterpart.StartMCPServer(t, s.path("tls.crt"), counterpart.MCPServer{
		Resource: s.mcp, Issuer: s.URL, ClientID: introspector.id, ClientSecret: introspector.secret, Scopes: []string{"tools:use"},
	})
	published := &rp{t: t, s: s, name: "/mcp-client"}
	published.id, published.redirectURI = published.page("/client.json"), published.page("/callback")
	s.callbacks.answering("/mcp-client/client.json", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"client_id": published.id, "client_name": "MCP client", "redirect_uris": []string{published.redirectURI},
			"grant_types": []string{"authorization_code", "refresh_token"}, "token_endpoint_auth_method": "none",
		})
	}))
	var asked url.Values
	got := counterpart.MCPClient(t, s.path("tls.crt"), s.mcp, published.id, published.redirectURI, func(start string) string {
		u := must(t, start)
		if asked = u.Query(); !strings.HasPrefix(start, s.URL+"/oauth2/authorize?") {
			t.Fatalf("the client was led to %s", start)
		}
		b := s.browser(t)
		p := b.onward(b.get(start))
		if b.consents != 1 || published.returned(p).Get("iss") != s.URL {
			t.Fatalf("%d consents, %s", b.consents, p.url)
		}
		return p.url.String()
	})
	if asked.Get("client_id") != published.id || asked.Get("resource") != s.mcp || asked.Get("code_challenge_method") != "S256" || !slices.Contains(strings.Fields(asked.Get("scope")), "tools:use") {
		t.Errorf("asked for %v", asked)
	}
	for when, who := range map[string]counterpart.Caller{"at first": got.WhoAmI, "refreshed": got.WhoAmIRefreshed} {
		if who.ClientID != published.id || !slices.Equal(who.Scopes, []string{"tools:use"}) || who.Subject == "" || who.Subject != got.WhoAmI.Subject {
			t.Errorf("%s the server took it for %+v", when, who)
		}
	}
	if got.ClientID != published.id || !slices.Equal(got.Tools, []string{"whoami"}) || got.Protocol != "2026-07-28" {
		t.Errorf("%+v", got)
	}
	if got.Refreshed["refresh_token"] == got.Tokens["refresh_token"] || got.Refreshed["access_token"] == got.Tokens["access_token"] {
		t.Error("nothing was refreshed") // a public client's refresh tokens rotate
	}
	// The token is for the tools and opens nothing else.
	token, _ := got.Tokens["access_token"].(string)
	if a := published.userinfo(http.MethodGet, token); a.status != http.StatusUnauthorized && a.status != http.StatusForbidden {
		t.Errorf("userinfo: %d %s", a.status, a.body)
	}
	if a := s.send(t, http.MethodGet, s.URL+"/v1/workspaces", "", "Authorization", "Bearer "+token); a.status != http.StatusUnauthorized && a.status != http.StatusForbidden {
		t.Errorf("/v1: %d %s", a.status, a.body)
	}
	if a := s.send(t, http.MethodPost, s.mcp, `{}`, "Authorization", "Bearer "+introspector.signIn(s.browser(t)).access, "Content-Type", "application/json"); a.status != http.StatusUnauthorized {
		t.Errorf("another token at the tools: %d %s", a.status, a.body)
	}
}
