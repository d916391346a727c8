package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

// handWritten is a configuration as an operator writes it: address, operator's
// address, database, root key, issuer, connections.
const handWritten = `
server:
  public: [{address: %q}]
  operator: {address: %q}
  drain_delay: 0s
database: {driver: sqlite, path: %q}
secrets:
  root_keys: [{id: "2026-11", value_file: %q}]
outbound: {allow_private: [127.0.0.1/32], timeout: 4s}
issuers:
  - profile: uptimepulse
    url: %q
    connections:
%s`

const connectionWritten = `
      - {workspace: Example Corp, id: con_%s, name: %s, issuer: %q, client_id: gatehouse, client_secret: %q, domains: [%s.example]}
`

const upstreamSecret = "a-secret-between-us-and-the-upstream"

// writeDeployment prepares a deployment whose connections are made for its URL.
func writeDeployment(t testing.TB, connections func(url string) string) *deployment {
	t.Helper()
	d := &deployment{dir: t.TempDir(), driver: "sqlite"}
	address := counterpart.FreeAddress(t)
	d.url, d.file = "http://"+address, filepath.Join(d.dir, "gatehouse.yaml")
	d.issuer = issuer{Name: "uptimepulse", Issuer: d.url, API: d.url, KeysPath: "/v1/auth/keys"}
	key := filepath.Join(d.dir, "root.key")
	writeFile(t, key, randomKey())
	writeFile(t, d.file, fmt.Sprintf(handWritten, address, counterpart.FreeAddress(t), d.database(), key, d.url, connections(d.url)))
	return d
}

func (d *deployment) database() string { return filepath.Join(d.dir, "gatehouse.db") }

// bootstrap makes the operator's key, before the server runs.
func (d *deployment) bootstrap(t testing.TB) string {
	t.Helper()
	s := d.run(t, "bootstrap", "--issuer", "uptimepulse")
	wantExit(t, s, 0)
	d.OperatorKey = regexp.MustCompile(`up_live_[A-Za-z0-9]{64}`).FindString(s.stdout)
	if d.OperatorKey == "" {
		t.Fatalf("bootstrap printed no key:\n%s", s.stdout)
	}
	return s.stdout
}

// cli runs a command against the running server as the operator and returns
// what it printed with -o json.
func (d *deployment) cli(t testing.TB, args ...string) map[string]any {
	t.Helper()
	s := command(t, binary(t), d.env("UP_API_KEY="+d.OperatorKey), append(args, "--url", d.url, "-o", "json")...)
	wantExit(t, s, 0)
	var got map[string]any
	if err := json.Unmarshal([]byte(s.stdout), &got); err != nil {
		t.Fatalf("%v printed %q: %v", args, s.stdout, err)
	}
	return got
}

// workspaceOfConfiguration finds the workspace the connections named.
func (d *deployment) workspaceOfConfiguration(t testing.TB) string {
	t.Helper()
	items, _ := d.cli(t, "workspace", "list")["items"].([]any)
	for _, item := range items {
		if ws, _ := item.(map[string]any); ws["name"] == "Example Corp" {
			id, _ := ws["id"].(string)
			return id
		}
	}
	t.Fatalf("no workspace Example Corp among %v", items)
	return ""
}

// webClient registers a client as the README does.
func (d *deployment) webClient(t testing.TB, scopes ...string) client {
	t.Helper()
	const redirect = "https://app.example.com/callback"
	args := []string{"client", "create", "--workspace", d.WorkspaceID, "--name", "Dashboard", "--redirect-uri", redirect}
	for _, scope := range scopes {
		args = append(args, "--scope", scope)
	}
	made := d.cli(t, args...)
	id, _ := made["client_id"].(string)
	secret, _ := made["client_secret"].(string)
	return client{ID: id, Secret: secret, RedirectURI: redirect}
}

func TestU13_NpmOIDCProviderIsAnUpstreamOfAServerSetUpAsTheREADMESays(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			d := writeDeployment(t, func(url string) string {
				return fmt.Sprintf(connectionWritten, "npm", "Npm", npmUpstream(t, url, alg), upstreamSecret, "npm")
			})
			if text := d.bootstrap(t); !strings.Contains(text, "export UP_API_KEY=") || !strings.Contains(text, "--url "+d.url) {
				t.Errorf("bootstrap says\n%s", text)
			}
			d.start(t)
			d.WorkspaceID = d.workspaceOfConfiguration(t)
			if other := d.cli(t, "workspace", "create", "--name", "Another Corp"); other["status"] != "active" || other["id"] == d.WorkspaceID {
				t.Errorf("created %v", other)
			}
			c := d.webClient(t, "openid", "profile", "offline_access")
			d.signsInThroughNpm(t, c)
			d.refusesWhomNpmRefuses(t, c)
			d.keyOfTheREADMEWorks(t, c)
		})
	}
}

// npmUpstream is npm's oidc-provider that knows us as a client with PKCE.
func npmUpstream(t testing.TB, url, alg string) string {
	return counterpart.OIDCProvider(t, counterpart.ProviderConfig{
		Clients: []counterpart.ProviderClient{{
			ID: "gatehouse", Secret: upstreamSecret, RedirectURIs: []string{url + "/oidc/con_npm/callback"}, IDTokenAlg: alg,
			BackchannelLogoutURI: url + "/oidc/con_npm/backchannel-logout",
		}},
		Users: []counterpart.ProviderUser{
			{Login: "ada", Subject: "ada-1", AMR: []string{"pwd", "otp", "mfa"}, Claims: map[string]any{
				"email": "ada@npm.example", "email_verified": true, "name": "Ada Lovelace", "groups": []string{"admins"},
			}},
			{Login: "eve", Subject: "eve-1", Claims: map[string]any{"email": "ada@npm.example", "email_verified": false}},
			{Login: "no", Subject: "no-1", Denies: true},
		},
		RequirePKCE: true,
	})
}

func (d *deployment) signsInThroughNpm(t *testing.T, c client) {
	t.Helper()
	a := d.authorization(c, "openid profile offline_access")
	b := newBrowser(t, c.RedirectURI)
	p := b.submit(b.get(d.authorizeURL(a)), "sign-in", map[string]string{"login": "ada"})
	if !strings.Contains(p.body, "Ada Lovelace") {
		t.Fatalf("no consent page for Ada: %d %s", p.status, p.body)
	}
	tokens := d.redeem(t, a, b.submit(p, "allow", nil))
	wantStatus(t, tokens, http.StatusOK)
	id := claims(t, tokens.text("id_token"))
	if id["iss"] != d.url || id["aud"] != c.ID || id["nonce"] != a.params.Get("nonce") || id["sub"] == "ada-1" {
		t.Errorf("ID token %v", id)
	}
	amr, _ := id["amr"].([]any)
	if !slices.Contains(amr, any("mfa")) {
		t.Errorf("the second factor upstream is lost: amr %v", id["amr"])
	}
	told := form(t, d.url+"/oauth2/introspect", c, "token", tokens.text("access_token"))
	if told.json["active"] != true || told.text("workspace_id") != d.WorkspaceID || told.text("sub") != id["sub"] {
		t.Errorf("introspection %s", told.body)
	}
	info := request(t, http.MethodGet, d.url+"/oauth2/userinfo", "", "Authorization", "Bearer "+tokens.text("access_token"))
	if info.text("name") != "Ada Lovelace" || info.json["groups"] != nil {
		t.Errorf("userinfo %s", info.body)
	}
	wantStatus(t, d.refresh(t, c, tokens.text("refresh_token")), http.StatusOK)
}

// refusesWhomNpmRefuses also refuses somebody with Ada's address that nobody
// verified: people are never found by e-mail.
func (d *deployment) refusesWhomNpmRefuses(t *testing.T, c client) {
	t.Helper()
	for login, want := range map[string]string{"no": "upstream_refused", "eve": "no_membership"} {
		b := newBrowser(t, c.RedirectURI)
		p := b.submit(b.get(d.authorizeURL(d.authorization(c, "openid"))), "sign-in", map[string]string{"login": login})
		d.wantHonestPage(t, b, p, want)
	}
}

func (d *deployment) keyOfTheREADMEWorks(t *testing.T, c client) {
	t.Helper()
	key := d.cli(t, "key", "create", "--workspace", d.WorkspaceID, "--name", "ci", "--environment", "live", "--scope", "monitor:read")
	text, _ := key["key"].(string)
	token := request(t, http.MethodPost, d.url+"/oauth2/token", "grant_type=client_credentials",
		"Authorization", "Bearer "+text, "Content-Type", "application/x-www-form-urlencoded")
	wantStatus(t, token, http.StatusOK)
	if token.text("scope") != "monitor:read" {
		t.Errorf("token %s", token.body)
	}
	if told := form(t, d.url+"/oauth2/introspect", c, "token", text); told.json["active"] != true {
		t.Errorf("the key introspects as %s", told.body)
	}
}
