package config

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden file")

func printed(t *testing.T, c Config) string {
	t.Helper()
	text, err := c.Redacted()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestThePrintedDefaultIsGolden(t *testing.T) {
	const golden = "testdata/default.golden.yaml"
	got := []byte(printed(t, Default()))
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the default configuration changed (go test -update): %v\n%s", err, got)
	}
}

func TestAPrintedConfigurationLoadsToAnEqualOne(t *testing.T) {
	file := write(t, "whsec_"+rootKey+"\n")
	c := mustLoad(t, small+`
server: {trusted_proxies: [10.0.0.0/8], public: [{address: "[::1]:8443"}]}
database: {driver: postgres, dsn: "${env:DSN}", auto_migrate: true}
webhook: {url: "https://hooks.test/x?a=b#", secret_file: `+file+`}
`, "DSN=postgres://u:hunter2@db/gatehouse",
		"GATEHOUSE_ISSUERS_0_OAUTH_KEY_SCOPES_0_NAME=monitor:see",
		"GATEHOUSE_ISSUERS_0_DISPLAY_NAME=yes: it's \"quoted\" # here",
		"GATEHOUSE_ISSUERS_1_KEYS_TIERS=gold=6000")
	text := printed(t, c)
	if strings.Contains(text, "hunter2") || strings.Contains(text, rootKey) {
		t.Errorf("a secret is printed:\n%s", text)
	}
	if !strings.Contains(text, "access_ttl: 15m0s") {
		t.Error("durations are not for people")
	}
	again := mustLoad(t, text, "DSN=postgres://u:hunter2@db/gatehouse")
	if !reflect.DeepEqual(again, c) {
		t.Errorf("differs:\n%s\n%s", text, printed(t, again))
	}
}

func TestInlineSecretsArePrintedAsAPlaceholderThatDoesNotLoad(t *testing.T) {
	c := mustLoad(t, strings.Replace(small, "${env:ROOT_KEY}", rootKey, 1))
	_, err := load(t, printed(t, c))
	p := problemAt(t, err, "secrets.root_keys[0].value")
	if problems, _ := errors.AsType[Problems](err); len(problems) != 1 || !strings.Contains(p.Message, "placeholder") {
		t.Errorf("problems: %v", err)
	}
}

func TestThirtyTwoPrintedIssuersFitIntoAFile(t *testing.T) {
	var b strings.Builder
	b.WriteString("secrets: {root_keys: [{id: one, value: \"${env:ROOT_KEY}\"}]}\nissuers:\n")
	for i := range 32 {
		fmt.Fprintf(&b, "- {name: n%d, profile: statuspulse, url: \"https://n%d.test\", keys: {prefix: p%d}}\n", i, i, i)
	}
	mustLoad(t, printed(t, mustLoad(t, b.String())))
}
