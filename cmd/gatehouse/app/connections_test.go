package app_test

import (
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
)

func TestAttack_03_ATenantOfEntraIsHeldToItsName(t *testing.T) {
	const id = "22222222-3333-4444-5555-666666666666"
	for vendor, want := range map[string]string{"entra": id, "generic": "", "": ""} {
		got, err := app.OIDCConfig(authz.Connection{Vendor: vendor, UpstreamIssuer: "https://login.microsoftonline.com/" + id + "/v2.0"})
		if err != nil || got.Tenant != want {
			t.Errorf("%q: tenant %q, %v", vendor, got.Tenant, err)
		}
	}
}
