package counterpart

import "testing"

// MCPServer is what an MCP server, as a protected resource, must be told.
type MCPServer struct {
	// Resource is its URL, http on loopback, and its resource identifier (RFC 8707).
	Resource string `json:"resource"`
	// Issuer is the one authorization server it takes tokens of.
	Issuer string `json:"issuer"`
	// ClientID and ClientSecret are those it introspects with.
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret"`
	Scopes       []string `json:"scopes"`
}

// StartMCPServer starts an MCP server by npm's @modelcontextprotocol/server. It
// has one tool, whoami, and speaks revision 2026-07-28 alone.
func StartMCPServer(t testing.TB, trusting string, s MCPServer) {
	t.Helper()
	p := node(t, "mcp-server.mjs", "NODE_EXTRA_CA_CERTS="+trusting)
	p.tell(s)
	var ready struct {
		Ready bool `json:"ready"`
	}
	p.hear(&ready)
}

// MCPOutcome is what an MCP client got.
type MCPOutcome struct {
	// ClientID is what it called itself.
	ClientID string   `json:"client_id"`
	Tools    []string `json:"tools"`
	// WhoAmI is who the server took it for, before and after its token was
	// refreshed.
	WhoAmI          Caller         `json:"whoami"`
	WhoAmIRefreshed Caller         `json:"whoami_refreshed"`
	Tokens          map[string]any `json:"tokens"`
	Refreshed       map[string]any `json:"refreshed"`
	Protocol        string         `json:"protocol"`
}

// Caller is who an MCP server took a client for.
type Caller struct {
	ClientID string   `json:"client_id"`
	Scopes   []string `json:"scopes"`
	Subject  string   `json:"sub"`
}

// MCPClient connects to an MCP server it knows the address of and nothing else,
// by npm's @modelcontextprotocol/client. Its client_id is the https address of
// its metadata document. signIn plays the browser, as for OpenIDClient.
func MCPClient(t testing.TB, trusting, server, clientID, redirectURI string, signIn func(authorizationURL string) (callback string)) MCPOutcome {
	t.Helper()
	p := node(t, "mcp-client.mjs", "NODE_EXTRA_CA_CERTS="+trusting)
	p.tell(map[string]string{"server": server, "client_id": clientID, "redirect_uri": redirectURI})
	var begun struct {
		AuthorizationURL string `json:"authorization_url"`
	}
	p.hear(&begun)
	p.line(signIn(begun.AuthorizationURL))
	var outcome MCPOutcome
	p.hear(&outcome)
	return outcome
}
