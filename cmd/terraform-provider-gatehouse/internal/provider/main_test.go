package provider_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/echoprovider"

	"github.com/gatehouse-auth/gatehouse/cmd/terraform-provider-gatehouse/internal/provider"
	"github.com/gatehouse-auth/gatehouse/web/api/client"
	"github.com/gatehouse-auth/gatehouse/web/api/client/clienttest"
)

// demo is the Gatehouse of all tests of the package that leave its clock alone.
var demo *clienttest.Demo

// Everything here is a real terraform against a real gatehouse.
func TestMain(m *testing.M) {
	terraform := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if terraform == "" {
		terraform, _ = exec.LookPath("terraform")
	}
	if terraform == "" {
		fmt.Fprintln(os.Stderr, "terraform is missing: put it into PATH, or name it in TF_ACC_TERRAFORM_PATH; the tests of the provider are skipped")
		if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci {
			os.Exit(1)
		}
		os.Exit(0)
	}
	_ = os.Setenv("TF_ACC_TERRAFORM_PATH", terraform)
	_ = os.Setenv("CHECKPOINT_DISABLE", "1")
	for _, name := range []string{"GATEHOUSE_URL", "GATEHOUSE_ISSUER", "GATEHOUSE_API_KEY", "UP_API_KEY", "SP_API_KEY", "GATEHOUSE_WORKSPACE_ID", "GATEHOUSE_CLIENT_ID", "GATEHOUSE_CLIENT_SECRET"} {
		_ = os.Unsetenv(name) // whoever runs the tests may use the product
	}
	d, stop, err := clienttest.Launch()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	demo = d
	code := m.Run()
	stop()
	os.Exit(code)
}

func factories() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"gatehouse": providerserver.NewProtocol6WithError(provider.New("test")()),
		"echo":      echoprovider.NewProviderServer(),
	}
}

// configured is the text of a provider block for the issuer, and what follows.
func configured(issuer clienttest.Issuer, rest string) string {
	return as(issuer, issuer.OperatorKey) + rest
}

// as is the text of a provider block for the holder of a key.
func as(issuer clienttest.Issuer, key string) string {
	return fmt.Sprintf(`
provider "gatehouse" {
  url          = %q
  issuer       = %q
  api_key      = %q
  workspace_id = %q
}
`, issuer.API, issuer.URL, key, issuer.WorkspaceID)
}

func readScope(issuer clienttest.Issuer) string {
	if issuer.Name == "statuspulse" {
		return "read:checks"
	}
	return "monitor:read"
}

// status is that of a key; empty for one that is not there.
func status(t testing.TB, issuer clienttest.Issuer, id string) string {
	t.Helper()
	k, err := issuer.Operator(t).GetKey(t.Context(), id, client.InWorkspace(issuer.WorkspaceID))
	if client.NotFound(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return k.Status
}
