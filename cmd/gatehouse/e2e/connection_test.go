package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

func TestI10_AnAdministratorSetsUpAConnectionFromTheShell(t *testing.T) {
	t.Parallel()
	op, err := idptest.New(idptest.Config{
		AutoLogin: true,
		Users:     []idptest.User{{Login: "ada", Subject: "s-ada", Email: "ada@shell.example", EmailVerified: true, Profile: idp.Profile{Name: "Ada Lovelace"}}},
	})
	if err == nil {
		err = op.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	d := writeDeployment(t, func(string) string { return "      []" })
	d.bootstrap(t)
	n := d.start(t)
	made := d.cli(t, "workspace", "create", "--name", "Shell Corp")
	d.WorkspaceID, _ = made["id"].(string)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(upstreamSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := d.cli(t, "connection", "create", "--workspace", d.WorkspaceID, "--name", "Shell", "--vendor", "okta", "--issuer", op.Issuer(),
		"--client-id", "gatehouse", "--client-secret-file", secret)
	id, _ := c["id"].(string)
	if c["status"] != "draft" || id == "" {
		t.Fatalf("created %v", c)
	}
	if err := op.AddClient(idptest.Client{ID: "gatehouse", Secret: upstreamSecret, RedirectURIs: []string{d.url + "/oidc/" + id + "/callback"}}); err != nil {
		t.Fatal(err)
	}
	s := command(t, binary(t), d.env("UP_API_KEY="+d.OperatorKey), "connection", "activate", id, "--workspace", d.WorkspaceID, "--url", d.url)
	if wantExit(t, s, 1); !strings.Contains(s.stderr, "not_tested") {
		t.Errorf("a draft was activated: %s", s.stderr)
	}
	sides, _ := d.cli(t, "connection", "test", id, "--workspace", d.WorkspaceID)["sides"].([]any)
	if len(sides) != 1 {
		t.Fatalf("sides %v", sides)
	}
	side, _ := sides[0].(map[string]any)
	link, _ := side["test_url"].(string)
	page := newBrowser(t, "").get(link)
	if page.status != http.StatusOK || !strings.Contains(page.body, `id="tested"`) || !strings.Contains(page.body, "s-ada") {
		t.Fatalf("the test sign-in: %d %s %.900s", page.status, page.url, page.body)
	}
	if got := d.cli(t, "connection", "activate", id, "--workspace", d.WorkspaceID); got["status"] != "active" {
		t.Fatalf("activated %v", got)
	}
	proof := d.cli(t, "connection", "domain", "claim", id, "shell.example", "--workspace", d.WorkspaceID)
	if proof["name"] != "_gatehouse.shell.example" || !strings.HasPrefix(fmt.Sprint(proof["value"]), "gatehouse-domain=") {
		t.Errorf("proof %v", proof)
	}
	// Nobody joins before the domain is proven; the administrator sees why.
	app := d.webClient(t, "openid")
	b := newBrowser(t, app.RedirectURI)
	d.wantHonestPage(t, b, b.get(d.authorizeURL(d.authorization(app, "openid"))), "no_membership")
	failures, _ := d.cli(t, "connection", "failures", id, "--workspace", d.WorkspaceID)["items"].([]any)
	if len(failures) != 1 || !strings.Contains(fmt.Sprint(failures[0]), "verify the domain") {
		t.Errorf("failures %v", failures)
	}
	if strings.Contains(n.output.String(), upstreamSecret) {
		t.Error("the log holds the upstream's secret")
	}
}
