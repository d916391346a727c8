package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

func TestChromiumSetsAConnectionUpByALinkAtNpmOIDCProvider(t *testing.T) {
	t.Parallel()
	d := writeDeployment(t, func(string) string { return "" })
	d.bootstrap(t)
	d.start(t)
	d.WorkspaceID, _ = d.cli(t, "workspace", "create", "--name", "Customer")["id"].(string)
	id, _ := d.cli(t, "connection", "create", "--workspace", d.WorkspaceID, "--name", "The customer's own")["id"].(string)
	made := d.cli(t, "connection", "setup-link", "create", id, "--workspace", d.WorkspaceID)
	link, _ := made["url"].(string)
	linkID, _ := made["id"].(string)
	upstream := counterpart.OIDCProvider(t, counterpart.ProviderConfig{
		Clients: []counterpart.ProviderClient{{ID: "ours", Secret: upstreamSecret, RedirectURIs: []string{d.url + "/oidc/" + id + "/callback"}}},
		Users: []counterpart.ProviderUser{
			{Login: "ada", Subject: "ada-1", AMR: []string{"mfa"}, Claims: map[string]any{"email": "ada@customer.example", "email_verified": true, "name": "Ada Lovelace"}},
			{Login: "no", Subject: "no-1", Denies: true},
		},
		RequirePKCE: true,
	})
	b := counterpart.Chromium(t)
	contains := func(selector string, all ...string) {
		t.Helper()
		text := b.Text(selector)
		for _, want := range all {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", selector, want, text)
			}
		}
	}
	b.Navigate(link)
	b.WaitFor("nothing")
	if strings.Contains(b.URL(), "token") {
		t.Errorf("the token stays in the address: %s", b.URL())
	}
	contains("#ours-redirect-uri", d.url+"/oidc/"+id+"/callback")
	b.Click("copy-redirect-uri")
	eventually(t, 5*time.Second, "the redirect URI is copied", func() bool { return b.Text("#copy-redirect-uri") == "Copied" })

	b.Fill("address", upstream+"/.well-known/openid-configuration")
	b.Fill("client_id", "ours")
	b.Fill("client_secret", upstreamSecret)
	b.Click("save-oidc")
	b.WaitFor("test-sign-in")
	contains("#side-oidc", upstream, "S256")
	b.Click("test-sign-in")
	b.WaitFor("login")
	b.Fill("login", "ada")
	b.Click("sign-in")
	b.WaitFor("tested")
	contains("main", "ada-1", "proven", "ada@customer.example", "nobody joins")
	b.Click("back")
	b.WaitFor("status")
	contains("main", "All is tested")

	// A sign-in that is refused is explained.
	other := counterpart.Chromium(t) // whom the provider does not know yet
	other.Navigate(link)
	other.WaitFor("check")
	other.Click("check")
	other.WaitFor("test-sign-in")
	other.Click("test-sign-in")
	other.WaitFor("login")
	other.Fill("login", "no")
	other.Click("sign-in")
	other.WaitFor("error")
	other.Navigate(d.url + "/setup")
	other.WaitFor("failures")
	if text := other.Text("#failures"); !strings.Contains(text, "said no") || !strings.Contains(text, "denied") {
		t.Errorf("refused sign-ins: %s", text)
	}
	for _, problem := range append(b.Problems(), other.Problems()...) {
		if strings.Contains(problem, "Security") || strings.Contains(problem, "clipboard") {
			t.Errorf("on the console: %s", problem)
		}
	}

	// Putting it into use is the workspace's own.
	if got := d.cli(t, "connection", "activate", id, "--workspace", d.WorkspaceID); got["status"] != "active" {
		t.Errorf("activated: %v", got)
	}
	b.Navigate(d.url + "/setup")
	b.WaitFor("status")
	contains("#status", "People sign in by this connection")
	s := command(t, binary(t), d.env("UP_API_KEY="+d.OperatorKey), "connection", "setup-link", "revoke", id, linkID, "--workspace", d.WorkspaceID, "--url", d.url)
	wantExit(t, s, 0)
	b.Navigate(d.url + "/setup")
	b.WaitFor("error_code")
	contains("#error_code", "setup_over")
}
