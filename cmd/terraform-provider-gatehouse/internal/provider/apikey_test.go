package provider_test

import (
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
	"github.com/gatehouse-auth/gatehouse/web/api/client/clienttest"
)

const theKey = "gatehouse_api_key.ci"

func keyConfig(issuer clienttest.Issuer, rest string) string {
	return configured(issuer, fmt.Sprintf(`
resource "gatehouse_api_key" "ci" {
  name        = "ci"
  environment = "live"
  scopes      = [%q]
  %s
}
`, readScope(issuer), rest))
}

// noted remembers an attribute of a step.
func noted(name, attribute string, to *string) resource.TestCheckFunc {
	return resource.TestCheckResourceAttrWith(name, attribute, func(v string) error {
		*to = v
		return nil
	})
}

func works(t *testing.T, issuer clienttest.Issuer, text *string, want bool) resource.TestCheckFunc {
	return func(*terraform.State) error {
		_, err := issuer.As(t, client.APIKey(*text)).GetKey(t.Context(), "key_none")
		if got := client.Code(err) != "invalid_token"; got != want {
			return fmt.Errorf("the key works: %t: %w", got, err)
		}
		return nil
	}
}

func TestS34_AKeyIsMade_ReplacedByATrigger_AndRevokedAtTheEnd(t *testing.T) {
	for _, issuer := range demo.Issuers {
		t.Run(issuer.Name, func(t *testing.T) { rotateByTrigger(t, issuer) })
	}
}

func rotateByTrigger(t *testing.T, issuer clienttest.Issuer) {
	var first, second, firstText, secondText string
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []resource.TestStep{
			{
				Config: keyConfig(issuer, `rotate_when = { release = "1" }`),
				Check: resource.ComposeTestCheckFunc(noted(theKey, "id", &first), noted(theKey, "key", &firstText), works(t, issuer, &firstText, true),
					resource.TestCheckResourceAttr(theKey, "status", "active"), resource.TestCheckResourceAttr(theKey, "workspace_id", issuer.WorkspaceID)),
			},
			{ // nothing to do
				Config: keyConfig(issuer, `rotate_when = { release = "1" }`),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
				},
			},
			{
				Config: keyConfig(issuer, `
  rotate_when = { release = "2" }
  grace       = "PT2H"
  ip_allowlist = ["127.0.0.0/8", "192.0.2.0/24"]`),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(theKey, plancheck.ResourceActionUpdate)},
				},
				Check: resource.ComposeTestCheckFunc(noted(theKey, "id", &second), noted(theKey, "key", &secondText),
					works(t, issuer, &firstText, true), works(t, issuer, &secondText, true),
					resource.TestCheckResourceAttr(theKey, "ip_allowlist.#", "2"),
					resource.TestCheckResourceAttrPtr(theKey, "previous_key_id", &first),
					func(*terraform.State) error {
						if got := status(t, issuer, first); got != "grace" || first == second {
							return fmt.Errorf("the old key %s is %s, the new one is %s", first, got, second)
						}
						return nil
					}),
			},
			{ // a third is refused while two are valid
				Config:      keyConfig(issuer, `rotate_when = { release = "3" }`),
				ExpectError: regexp.MustCompile(`(?s)Rotating the API key was refused.*rotation_under_way.*gatehouse\s+key\s+grace`),
			},
		},
		CheckDestroy: func(*terraform.State) error {
			return errors.Join(works(t, issuer, &firstText, false)(nil), works(t, issuer, &secondText, false)(nil))
		},
	})
}

func TestS34_AKeyChangesInPlace(t *testing.T) {
	issuer := demo.Issuers[1]
	var id string
	same := resource.TestCheckResourceAttrPtr(theKey, "id", &id)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []resource.TestStep{
			{
				Config: keyConfig(issuer, `
  expires_at        = "2027-01-31T12:00:00+01:00"
  rotation_interval = "P13W"
  ip_allowlist      = ["192.0.2.0/24"]
  clusters          = []`),
				Check: noted(theKey, "id", &id),
			},
			{
				Config: keyConfig(issuer, `
  expires_at        = "2027-02-28T12:00:00Z"
  rotation_interval = "P30D"
  enabled           = false`),
				Check: resource.ComposeTestCheckFunc(same, resource.TestCheckResourceAttr(theKey, "status", "disabled"), resource.TestCheckNoResourceAttr(theKey, "ip_allowlist.#")),
			},
			{
				Config: keyConfig(issuer, `enabled = true`),
				Check: resource.ComposeTestCheckFunc(same, resource.TestCheckResourceAttr(theKey, "status", "active"),
					resource.TestCheckNoResourceAttr(theKey, "expires_at"), resource.TestCheckNoResourceAttr(theKey, "rotation_interval")),
			},
			{
				ResourceName: theKey, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"key"},
				ImportStateIdFunc: func(*terraform.State) (string, error) { return issuer.WorkspaceID + "/" + id, nil },
			},
		},
	})
}

func TestS34_WhatHappensElsewhereIsSeen(t *testing.T) {
	issuer := demo.Issuers[0]
	var first, second string
	api, in := issuer.Operator(t), client.InWorkspace(issuer.WorkspaceID)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []resource.TestStep{
			{Config: keyConfig(issuer, ""), Check: noted(theKey, "id", &first)},
			{ // renamed elsewhere: named back
				PreConfig: func() {
					if _, err := api.UpdateKey(t.Context(), first, client.PatchKeyBody{Name: new("theirs")}, in); err != nil {
						t.Fatal(err)
					}
				},
				Config: keyConfig(issuer, ""),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(theKey, plancheck.ResourceActionUpdate)},
				},
				Check: resource.ComposeTestCheckFunc(resource.TestCheckResourceAttrPtr(theKey, "id", &first), resource.TestCheckResourceAttr(theKey, "name", "ci")),
			},
			{ // disabled elsewhere, perhaps because it leaked: not enabled unasked
				PreConfig: func() {
					if _, err := api.UpdateKey(t.Context(), first, client.PatchKeyBody{Status: new("disabled")}, in); err != nil {
						t.Fatal(err)
					}
				},
				Config: keyConfig(issuer, ""),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()},
				},
				Check: resource.TestCheckResourceAttr(theKey, "status", "disabled"),
			},
			{ // revoked elsewhere: made anew
				PreConfig: func() {
					if _, err := api.RevokeKey(t.Context(), first, in); err != nil {
						t.Fatal(err)
					}
				},
				Config: keyConfig(issuer, ""),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(theKey, plancheck.ResourceActionCreate)},
				},
				Check: resource.ComposeTestCheckFunc(noted(theKey, "id", &second), func(*terraform.State) error {
					if first == second {
						return errors.New("the revoked key is still there")
					}
					return nil
				}),
			},
		},
	})
}

// A schedule replaced the key; its successor's text waits for the old key.
func TestU11_TheApplyAfterAScheduledRotationTakesTheSuccessorOver(t *testing.T) {
	own := clienttest.Start(t)
	issuer := own.Issuers[0]
	var first, second, text string
	config := keyConfig(issuer, `
  rotation_interval = "P30D"
  grace             = "PT2H"`)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []resource.TestStep{
			{Config: config, Check: noted(theKey, "id", &first)},
			{
				PreConfig: func() {
					own.Advance(t, 30*24*time.Hour+time.Minute)
					for deadline := time.Now().Add(90 * time.Second); status(t, issuer, first) != "grace"; {
						if time.Now().After(deadline) {
							t.Fatal("the key was not rotated within its minute")
						}
						own.Advance(t, time.Minute) // the job looks every minute
					}
				},
				Config: config,
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(theKey, plancheck.ResourceActionUpdate)},
				},
				Check: resource.ComposeTestCheckFunc(noted(theKey, "id", &second), noted(theKey, "key", &text), works(t, issuer, &text, true), resource.TestCheckResourceAttr(theKey, "status", "active")),
			},
		},
	})
	if first == second || status(t, issuer, second) != "revoked" {
		t.Errorf("the successor %s of %s is %s", second, first, status(t, issuer, second))
	}
}

func TestDecision4_WhoMayNotMintIsToldWhatItTakes(t *testing.T) {
	issuer := demo.Issuers[0]
	for _, c := range []struct{ config, wants string }{
		{as(issuer, managingKey(t, issuer)) + keyOnly(readScope(issuer)), `(?s)Creating the API key was refused.*issuing_delegation_required.*gatehouse bootstrap`},
		{as(issuer, "up_live_nonsense") + keyOnly(readScope(issuer)), `(?s)invalid_token.*revoked, expired or\s+disabled`},
		{configured(issuer, keyOnly("no:such")), `(?s)Creating the API key was refused.*scopes      = \["no:such"\]`},
		{as(issuer, "") + keyOnly("monitor:read"), `(?s)No credential.*GATEHOUSE_API_KEY`},
		{`provider "gatehouse" { url = "http://api.example.com" }` + keyOnly("monitor:read"), `No credential`},
		{`provider "gatehouse" {
  url     = "http://api.example.com"
  api_key = "x"
}` + keyOnly("monitor:read"), `(?s)The url cannot be used.*in the\s+clear`},
	} {
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: factories(),
			Steps:                    []resource.TestStep{{Config: c.config, ExpectError: regexp.MustCompile(c.wants)}},
		})
	}
}

func keyOnly(scope string) string {
	return fmt.Sprintf("\nresource \"gatehouse_api_key\" \"ci\" {\n  name        = \"ci\"\n  environment = \"live\"\n  scopes      = [%q]\n}\n", scope)
}

// managingKey may manage keys and carries no issuing delegation.
func managingKey(t *testing.T, issuer clienttest.Issuer) string {
	t.Helper()
	k, err := issuer.Operator(t).CreateKey(t.Context(), client.CreateKeyBody{
		Name: "manages", WorkspaceID: issuer.WorkspaceID, Environment: "live", Scopes: []string{"manage:keys", readScope(issuer)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return k.Key
}
