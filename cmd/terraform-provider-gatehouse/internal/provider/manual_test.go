package provider_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
	"github.com/gatehouse-auth/gatehouse/web/api/client/clienttest"
)

// manual is a folder with what docs/terraform.md has in it, for the terraform of
// the command line and the provider as built.
type manual struct {
	dir string
	env []string
	// said is all that terraform printed.
	said bytes.Buffer
}

func newManual(t *testing.T, issuer clienttest.Issuer) *manual {
	t.Helper()
	m := &manual{dir: t.TempDir()}
	built := filepath.Join(m.dir, "plugins")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(built, "terraform-provider-gatehouse"), "../..").CombinedOutput(); err != nil {
		t.Fatalf("building the provider: %v\n%s", err, out)
	}
	text, err := os.ReadFile("../../../../docs/terraform.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllSubmatch(text, -1)
	if len(examples) != 2 {
		t.Fatalf("docs/terraform.md has %d examples", len(examples))
	}
	m.write(t, "main.tf", string(examples[0][1]))
	m.write(t, "deploy.tf", string(examples[1][1]))
	m.write(t, "terraform.rc", `provider_installation {
  dev_overrides { "gatehouse-auth/gatehouse" = "`+built+`" }
  direct {}
}`)
	m.env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+filepath.Join(m.dir, "terraform.rc"), "TF_IN_AUTOMATION=1",
		"GATEHOUSE_URL="+issuer.API, "GATEHOUSE_ISSUER="+issuer.URL, "GATEHOUSE_API_KEY="+issuer.OperatorKey, "GATEHOUSE_WORKSPACE_ID="+issuer.WorkspaceID)
	return m
}

func (m *manual) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// terraform runs it, and wants that exit status.
func (m *manual) terraform(t *testing.T, status int, args ...string) string {
	t.Helper()
	cmd := exec.Command(os.Getenv("TF_ACC_TERRAFORM_PATH"), args...)
	cmd.Dir, cmd.Env = m.dir, m.env
	var out, all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &all
	_ = cmd.Run()
	all.Write(out.Bytes())
	if args[0] != "output" {
		m.said.Write(all.Bytes())
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Fatalf("terraform %s ends with %d:\n%s", strings.Join(args, " "), got, all.String())
	}
	return out.String()
}

// unpacked is all that is in a zip file.
func unpacked(t *testing.T, path string) string {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	var all strings.Builder
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, r); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// S34: the manual from its beginning to its end, and no secret where none may be.
func TestS34_TheManualWorks_AndEphemeralSecretsAreInNoStateAndNoOutput(t *testing.T) {
	issuer := demo.Issuers[0]
	m := newManual(t, issuer)
	m.terraform(t, 0, "apply", "-auto-approve", "-input=false", "-no-color")
	first := m.terraform(t, 0, "output", "-raw", "ci_key")
	m.terraform(t, 0, "plan", "-detailed-exitcode", "-input=false", "-no-color") // 2 would be something to do
	m.terraform(t, 2, "plan", "-detailed-exitcode", "-input=false", "-no-color", "-var", "release=2", "-out", "saved.plan")
	m.terraform(t, 0, "apply", "-input=false", "-no-color", "saved.plan")
	second := m.terraform(t, 0, "output", "-raw", "ci_key")
	if first == second || !verified(t, issuer, second) {
		t.Error("the key was not replaced by one that works")
	}

	files := map[string]string{"what terraform printed": m.said.String()}
	for _, name := range []string{"terraform.tfstate", "terraform.tfstate.backup"} {
		text, err := os.ReadFile(filepath.Join(m.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	files["saved.plan"] = unpacked(t, filepath.Join(m.dir, "saved.plan"))
	if !strings.Contains(files["terraform.tfstate"], second) || !strings.Contains(files["saved.plan"], first) {
		t.Error("what the manual says of the key of a resource is not so: it is in the state and in a saved plan")
	}
	for _, secret := range []string{first, second, issuer.OperatorKey} {
		if strings.Contains(files["what terraform printed"], secret) {
			t.Error("terraform printed a key")
		}
	}
	ephemeral := 0
	for key, err := range issuer.Operator(t).ListKeys(t.Context(), client.ListKeysParams{WorkspaceID: issuer.WorkspaceID, Q: "deploy"}) {
		if err != nil {
			t.Fatal(err)
		}
		ephemeral++
		if key.Status != "revoked" {
			t.Errorf("the key %s of a run is %s", key.ID, key.Status)
		}
		for name, text := range files {
			if strings.Contains(text, key.Prefix) || strings.Contains(text, key.ID) {
				t.Errorf("the key of a run is in %s", name)
			}
		}
	}
	if ephemeral == 0 {
		t.Error("no run made a key")
	}
	var state struct{ Resources []json.RawMessage }
	if err := json.Unmarshal([]byte(files["terraform.tfstate"]), &state); err != nil || len(state.Resources) != 4 {
		t.Errorf("the state has %d resources: %v", len(state.Resources), err)
	}

	m.terraform(t, 0, "destroy", "-auto-approve", "-input=false", "-no-color")
	if verified(t, issuer, first) || verified(t, issuer, second) {
		t.Error("a key outlived destroy")
	}
}
