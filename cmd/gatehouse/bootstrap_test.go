package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const twoIssuers = `
database: {path: DIR/gatehouse.db}
secrets: {generated_key_file: DIR/gatehouse.key}
issuers:
  - {profile: uptimepulse, url: "https://auth.up.test"}
  - {profile: statuspulse, url: "https://auth.sp.test"}
`

func TestBootstrapOfNoIssuerNamesThemAndLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "gatehouse.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(twoIssuers, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"": "several issuers", "up": `no issuer is named "up"`} {
		err := bootstrap(t.Context(), file, name, "operator")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "uptimepulse, statuspulse") {
			t.Errorf("%q: %v", name, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
}
