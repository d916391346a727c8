package provider_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
	"github.com/gatehouse-auth/gatehouse/web/api/client/clienttest"
)

const publicKey = `jsonencode({ kty = "EC", crv = "P-256", kid = "1", use = "enc",
    x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" })`

func webhookConfig(issuer clienttest.Issuer, url, rest string) string {
	return configured(issuer, fmt.Sprintf(`
resource "gatehouse_key_destination" "backend" {
  name = "backend"
  kind = "webhook"
  url  = %q
  jwk  = %s
  %s
}
`, url, publicKey, rest))
}

const theDestination = "gatehouse_key_destination.backend"

func TestS33_S34_ADestinationIsMade_Changed_GivenAnotherSecret_AndDeleted(t *testing.T) {
	issuer := demo.Issuers[0]
	var id, first, second, other string
	url := "https://hooks.example.com/keys"
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []resource.TestStep{
			{
				Config: webhookConfig(issuer, url, `rotate_when = { quarter = "1" }`),
				Check: resource.ComposeTestCheckFunc(noted(theDestination, "id", &id), noted(theDestination, "signing_secret", &first),
					resource.TestMatchResourceAttr(theDestination, "signing_secret", regexp.MustCompile(`^whsec_`)), resource.TestCheckResourceAttr(theDestination, "status", "active")),
			},
			{Config: webhookConfig(issuer, url, `rotate_when = { quarter = "1" }`), ConfigPlanChecks: unchanged()},
			{
				Config: webhookConfig(issuer, url, `
  rotate_when = { quarter = "2" }
  enabled     = false`),
				Check: resource.ComposeTestCheckFunc(resource.TestCheckResourceAttrPtr(theDestination, "id", &id), noted(theDestination, "signing_secret", &second),
					resource.TestCheckResourceAttr(theDestination, "status", "disabled"), func(*terraform.State) error {
						if first == second {
							return fmt.Errorf("the signing secret is the same")
						}
						return nil
					}),
			},
			{ResourceName: theDestination, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"signing_secret", "rotate_when", "jwk"}},
			{ // another place is another destination
				Config: webhookConfig(issuer, url+"/2", ""),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(theDestination, plancheck.ResourceActionReplace)},
				},
				Check: noted(theDestination, "id", &other),
			},
			{Config: webhookConfig(issuer, "https://10.0.0.1/", ""), ExpectError: regexp.MustCompile(`url`)},
		},
		CheckDestroy: func(*terraform.State) error {
			for _, gone := range []string{id, other} {
				if _, err := issuer.Operator(t).GetKeyDestination(t.Context(), gone, client.InWorkspace(issuer.WorkspaceID)); !client.NotFound(err) {
					return fmt.Errorf("the destination %s is there: %w", gone, err)
				}
			}
			return nil
		},
	})
}

func TestS33_S34_WhatAStoreIsSpokenToWithIsSent_AndIsInNoState(t *testing.T) {
	issuer := demo.Issuers[1]
	const name = "gatehouse_key_destination.vault"
	label := "vault"
	config := func(token, version string) string {
		return configured(issuer, fmt.Sprintf(`
resource "gatehouse_key_destination" "vault" {
  name               = %q
  kind               = "vault"
  url                = "https://vault.example.com"
  mount              = "kv"
  path               = "gatehouse/{service_account_id}"
  token_wo           = %q
  secrets_wo_version = %q
}
`, label, token, version))
	}
	var id string
	at := func(revision int64) resource.TestCheckFunc {
		return func(s *terraform.State) error {
			d, err := issuer.Operator(t).GetKeyDestination(t.Context(), id, client.InWorkspace(issuer.WorkspaceID))
			if err != nil || d.Revision != revision {
				return fmt.Errorf("the destination at revision %d: %+v, %w", revision, d, err)
			}
			if regexp.MustCompile("hvs.").MatchString(s.String()) {
				return fmt.Errorf("the token is in the state")
			}
			return nil
		}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []resource.TestStep{
			{Config: config("hvs.first", "1"), Check: resource.ComposeTestCheckFunc(noted(name, "id", &id), at(1), resource.TestCheckNoResourceAttr(name, "signing_secret"))},
			{Config: config("hvs.second", "1"), ConfigPlanChecks: unchanged()}, // Terraform cannot tell
			{Config: config("hvs.second", "2"), Check: at(2)},
			{Config: config("", "3"), Check: at(3)}, // what is not named stays
			{ // nor is it sent with another change: this one no server takes
				Config: func() string {
					label = "renamed"
					return config("hvs.no token", "3")
				}(),
				Check: at(4),
			},
		},
	})
}

func TestU11_S34_AKeyNamesWhereItsSuccessorsAreBrought_AndIsFollowedThere(t *testing.T) {
	own := clienttest.Start(t)
	issuer := own.Issuers[0]
	var arrived atomic.Int64
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(receiver.Close)
	config := func(rotation string) string {
		return webhookConfig(issuer, receiver.URL, "") + fmt.Sprintf(`
resource "gatehouse_api_key" "ci" {
  name        = "ci"
  environment = "live"
  scopes      = [%q]
  %s
}
`, readScope(issuer), rotation)
	}
	const both = `
  rotation_interval = "P30D"
  rotation_delivery = gatehouse_key_destination.backend.id`
	var first, second string
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []resource.TestStep{
			{Config: config(`rotation_interval = "P30D"`), Check: noted(theKey, "id", &first)},
			{Config: config(both), Check: resource.TestCheckResourceAttrPair(theKey, "rotation_delivery", theDestination, "id")},
			{Config: config(both), ConfigPlanChecks: unchanged()},
			{ // the interval goes, the destination stays
				Config: config(`rotation_delivery = gatehouse_key_destination.backend.id`),
				Check: resource.ComposeTestCheckFunc(resource.TestCheckNoResourceAttr(theKey, "rotation_interval"),
					resource.TestCheckResourceAttrPair(theKey, "rotation_delivery", theDestination, "id")),
			},
			{Config: config(`rotation_interval = "P30D"`), Check: resource.TestCheckNoResourceAttr(theKey, "rotation_delivery")},
			{Config: config(both)},
			{ // a schedule replaced it, and its text was brought there
				PreConfig: func() {
					own.Advance(t, 30*24*time.Hour+time.Minute)
					for deadline := time.Now().Add(90 * time.Second); status(t, issuer, first) != "grace" || arrived.Load() == 0; {
						if time.Now().After(deadline) {
							t.Fatal("the key was not rotated and brought within its minute")
						}
						own.Advance(t, 20*time.Second)
					}
				},
				Config: config(both),
				Check: resource.ComposeTestCheckFunc(noted(theKey, "id", &second), resource.TestCheckNoResourceAttr(theKey, "key"),
					resource.TestCheckResourceAttrPtr(theKey, "previous_key_id", &first), resource.TestCheckResourceAttr(theKey, "status", "active"), func(*terraform.State) error {
						if first == second {
							return fmt.Errorf("the state holds the key that was replaced")
						}
						return nil
					}),
			},
			{Config: config(both), ConfigPlanChecks: unchanged()},
		},
	})
}

func TestS11_U30_S34_WhatAWorkspaceAsksOfItsKeys(t *testing.T) {
	issuer := demo.Issuers[1]
	const name = "gatehouse_key_policy.all"
	config := func(rest string) string {
		return configured(issuer, fmt.Sprintf("\nresource \"gatehouse_key_policy\" \"all\" {\n  workspace_id = %q\n%s\n}\n", issuer.WorkspaceID, rest))
	}
	asks := func(enforce bool, after string) resource.TestCheckFunc {
		return func(*terraform.State) error {
			p, err := issuer.Operator(t).GetKeyPolicy(t.Context(), issuer.WorkspaceID)
			if err != nil || p.EnforceRotation != enforce || p.DisableUnusedAfter != after {
				return fmt.Errorf("the policy is %+v, %w", p, err)
			}
			return nil
		}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []resource.TestStep{
			{Config: config("  enforce_rotation = true\n  disable_unused_after = \"P90D\""), Check: asks(true, "P90D")},
			{Config: config("  enforce_rotation = true\n  disable_unused_after = \"P90D\""), ConfigPlanChecks: unchanged()},
			{ResourceName: name, ImportState: true, ImportStateVerify: true, ImportStateId: issuer.WorkspaceID, ImportStateVerifyIdentifierAttribute: "workspace_id"},
			{Config: config("  enforce_rotation = false"), Check: asks(false, "")},
		},
		CheckDestroy: asks(false, ""),
	})
}
