package provider_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
	"github.com/gatehouse-auth/gatehouse/web/api/client/clienttest"
)

func unchanged() resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
}

func TestS34_AClientIsRegistered_Changed_GivenAnotherSecret_AndDeleted(t *testing.T) {
	issuer := demo.Issuers[0]
	const name = "gatehouse_client.app"
	config := func(rest string) string {
		return configured(issuer, fmt.Sprintf("\nresource \"gatehouse_client\" \"app\" {\n  name = \"Dashboard\"\n%s\n}\n", rest))
	}
	var id, first, second string
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []resource.TestStep{
			{
				Config: config(`  redirect_uris = ["https://app.example.com/callback"]
  scopes        = ["openid", "profile"]
  environment   = "live"
  rotate_when   = { quarter = "1" }`),
				Check: resource.ComposeTestCheckFunc(noted(name, "id", &id), noted(name, "client_secret", &first), resource.TestCheckResourceAttr(name, "grant_types.#", "2")),
			},
			{
				Config: config(`  redirect_uris             = ["https://app.example.com/callback", "https://app.example.com/other"]
  post_logout_redirect_uris = ["https://app.example.com/"]
  scopes                    = ["openid"]
  require_pkce              = true
  rotate_when               = { quarter = "2" }
  secret_overlap            = "24h"`),
				Check: resource.ComposeTestCheckFunc(resource.TestCheckResourceAttrPtr(name, "id", &id), noted(name, "client_secret", &second), func(*terraform.State) error {
					if second == "" || first == second {
						return fmt.Errorf("the secret is the same")
					}
					return nil
				}),
			},
			{ // changed elsewhere: changed back
				PreConfig: func() {
					_, err := issuer.Operator(t).UpdateClient(t.Context(), id, client.ClientMembers{Name: new("theirs"), PostLogoutRedirectUris: []string{}}, client.InWorkspace(issuer.WorkspaceID))
					if err != nil {
						t.Fatal(err)
					}
				},
				Config: config(`  redirect_uris = ["https://app.example.com/callback"]
  scopes        = []`),
				Check: resource.ComposeTestCheckFunc(resource.TestCheckResourceAttrPtr(name, "id", &id), resource.TestCheckResourceAttr(name, "name", "Dashboard"),
					resource.TestCheckResourceAttr(name, "require_pkce", "true"), resource.TestCheckResourceAttrPtr(name, "client_secret", &second)),
			},
			{
				ResourceName: name, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"client_secret", "scopes"},
			},
			{ // one with keys of its own has no secret
				Config: config(`  redirect_uris              = ["https://app.example.com/callback"]
  token_endpoint_auth_method = "private_key_jwt"
  jwks = jsonencode({ keys = [{
    kty = "EC", crv = "P-256", kid = "1", use = "sig", alg = "ES256",
    x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
  }] })`),
				Check: resource.ComposeTestCheckFunc(resource.TestCheckNoResourceAttr(name, "client_secret"), resource.TestCheckResourceAttr(name, "token_endpoint_auth_method", "private_key_jwt")),
			},
			{
				Config:      config(`  redirect_uris = ["http://app.example.com/*"]`),
				ExpectError: regexp.MustCompile(`redirect_uris`),
			},
		},
		CheckDestroy: func(*terraform.State) error {
			if _, err := issuer.Operator(t).GetClient(t.Context(), id, client.InWorkspace(issuer.WorkspaceID)); !client.NotFound(err) {
				return fmt.Errorf("the client is there: %w", err)
			}
			return nil
		},
	})
}

func TestS34_AConnectionsSecretIsSent_AndIsInNoState(t *testing.T) {
	issuer := demo.Issuers[1]
	const name = "gatehouse_connection.corp"
	config := func(secret, version, rest string) string {
		return configured(issuer, fmt.Sprintf(`
resource "gatehouse_connection" "corp" {
  name   = "Corp"
  vendor = "okta"
  oidc = {
    issuer    = %q
    client_id = "gatehouse"
  }
  client_secret_wo         = %q
  client_secret_wo_version = %q
  %s
}
`, demo.Upstream.OIDCIssuer, secret, version, rest))
	}
	var id string
	stored := func(want int64) resource.TestCheckFunc {
		return func(s *terraform.State) error {
			c, err := issuer.Operator(t).GetConnection(t.Context(), id, client.InWorkspace(issuer.WorkspaceID))
			if err != nil || !c.OIDC.HasSecret || c.Revision != want {
				return fmt.Errorf("the connection at revision %d: %+v, %w", want, c, err)
			}
			if regexp.MustCompile("write-only-").MatchString(s.String()) {
				return fmt.Errorf("the secret is in the state")
			}
			return nil
		}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []resource.TestStep{
			{Config: config("write-only-1", "1", ""), Check: resource.ComposeTestCheckFunc(noted(name, "id", &id), stored(1), resource.TestCheckResourceAttr(name, "status", "draft"))},
			{Config: config("write-only-2", "2", `jit = "off"`), Check: stored(2)},
			{Config: config("", "2", `jit = "domain"`), Check: stored(3)}, // not sent, as the version is the same
			{Config: config("write-only-3", "2", `jit = "domain"`), ConfigPlanChecks: unchanged()},
			{Config: config("", "2", `numbers = { attempt_minutes = 20 }`), Check: resource.TestCheckResourceAttr(name, "numbers.attempt_minutes", "20")},
			{Config: config("", "2", `numbers = { attempt_minutes = 31 }`), ExpectError: regexp.MustCompile(`attempt_minutes`)},
			{Config: config("", "2", `numbers = { attempts = 5 }`), ExpectError: regexp.MustCompile(`attempts`)},
			{Config: config("", "2", ``), Check: resource.TestCheckNoResourceAttr(name, "numbers.attempt_minutes")},
			{Config: config("write-only-2", "2", `active = true`), ExpectError: regexp.MustCompile(`(?s)Putting the connection into use was refused.*not_tested.*gatehouse connection\s+test`)},
			{ResourceName: name, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"client_secret_wo_version"}},
		},
	})
}

func TestS34_AConnectionMayHaveASideOfSAML(t *testing.T) {
	issuer := demo.Issuers[0]
	const name = "gatehouse_connection.old"
	config := func(side string) string {
		return configured(issuer, "\nresource \"gatehouse_connection\" \"old\" {\n  name = \"Old\"\n"+side+"\n}\n")
	}
	saml := fmt.Sprintf("  saml = { metadata_url = %q }\n", demo.Upstream.SAMLMetadata)
	oidc := fmt.Sprintf("  oidc = {\n    issuer    = %q\n    client_id = \"gatehouse\"\n    scopes = [\"openid\"]\n  }\n", demo.Upstream.OIDCIssuer)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []resource.TestStep{
			{Config: config(saml), Check: resource.TestCheckResourceAttrSet(name, "saml.entity_id")},
			{Config: config(saml + oidc), Check: resource.TestCheckResourceAttr(name, "oidc.scopes.#", "1")},
			{Config: config(oidc), Check: resource.TestCheckNoResourceAttr(name, "saml.entity_id")},
		},
	})
}

func TestS34_AServiceAccountOwnsKeys_AndIsFoundByItsName(t *testing.T) {
	issuer := demo.Issuers[0]
	const name = "gatehouse_service_account.robot"
	config := func(name, rest string) string {
		return configured(issuer, fmt.Sprintf(`
resource "gatehouse_service_account" "robot" {
  name = %q
  %s
}

resource "gatehouse_api_key" "robot" {
  name               = "robot"
  environment        = "test"
  scopes             = [%q]
  service_account_id = gatehouse_service_account.robot.id
}

data "gatehouse_service_account" "same" {
  name       = %[1]q
  depends_on = [gatehouse_service_account.robot]
}

data "gatehouse_api_keys" "its" {
  service_account_id = gatehouse_service_account.robot.id
  depends_on         = [gatehouse_api_key.robot]
}

data "gatehouse_workspace" "here" {
  name = "Example Corp"
}

data "gatehouse_connection" "there" {
  name = "Example Corp"
}
`, name, rest, readScope(issuer)))
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []resource.TestStep{
			{
				Config: config("robot 7", ""),
				Check: resource.ComposeTestCheckFunc(
					resource.TestCheckResourceAttrPair("gatehouse_api_key.robot", "service_account_id", name, "id"),
					resource.TestCheckResourceAttrPair("data.gatehouse_service_account.same", "id", name, "id"),
					resource.TestCheckResourceAttrPair("data.gatehouse_api_keys.its", "keys.0.id", "gatehouse_api_key.robot", "id"),
					resource.TestCheckResourceAttr("data.gatehouse_workspace.here", "id", issuer.WorkspaceID),
					resource.TestCheckResourceAttrSet("data.gatehouse_connection.there", "id"),
				),
			},
			{Config: config("robot 8", "enabled = false"), Check: resource.TestCheckResourceAttr(name, "status", "disabled")},
			{Config: config("robot 8", "enabled = true"), Check: resource.TestCheckResourceAttr(name, "status", "active")},
			{ResourceName: name, ImportState: true, ImportStateVerify: true},
			{
				Config:      config("robot 8", "enabled = true") + "\ndata \"gatehouse_workspace\" \"none\" {\n  name = \"No Such Corp\"\n}\n",
				ExpectError: regexp.MustCompile(`(?s)There is no such workspace.*No Such Corp`),
			},
		},
	})
}

// What is ephemeral can be looked at through the echo provider only, whose state
// holds what it is given.
func TestS34_AKeyOfTheRunWorksInTheRun_AndIsRevokedAfterIt(t *testing.T) {
	issuer := demo.Issuers[0]
	var id, token string
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []resource.TestStep{{
			Config: configured(issuer, fmt.Sprintf(`
ephemeral "gatehouse_api_key" "run" {
  environment = "live"
  scopes      = [%[1]q]
  expires_in  = "10m"
}

ephemeral "gatehouse_access_token" "run" {
  api_key = ephemeral.gatehouse_api_key.run.key
  scopes  = [%[1]q]
}

provider "echo" {
  data = {
    id      = ephemeral.gatehouse_api_key.run.id
    token   = ephemeral.gatehouse_access_token.run.access_token
    granted = ephemeral.gatehouse_access_token.run.granted_scopes
  }
}

resource "echo" "seen" {}
`, readScope(issuer))),
			Check: resource.ComposeTestCheckFunc(noted("echo.seen", "data.id", &id), noted("echo.seen", "data.token", &token), resource.TestCheckResourceAttr("echo.seen", "data.granted.#", "1")),
		}},
	})
	if got := status(t, issuer, id); got != "revoked" {
		t.Errorf("the key of the run is %q", got)
	}
	if verified(t, issuer, token) {
		t.Error("the token of a revoked key is good")
	}
	for key, err := range issuer.Operator(t).ListKeys(t.Context(), client.ListKeysParams{WorkspaceID: issuer.WorkspaceID, Q: "terraform", Status: "active"}) {
		t.Errorf("left behind: %v, %v", key, err)
	}
}

func verified(t *testing.T, issuer clienttest.Issuer, credential string) bool {
	t.Helper()
	gateway := &client.ClientCredentials{Issuer: issuer.URL, ClientID: issuer.Clients.Introspector.ID, ClientSecret: client.Secret(issuer.Clients.Introspector.Secret)}
	v, err := issuer.As(t, gateway).Verify(t.Context(), client.VerifyBody{Credential: credential, Environment: "live", ClientIP: "192.0.2.7"})
	if err != nil {
		t.Fatal(err)
	}
	return v.Allowed
}
