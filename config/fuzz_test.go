package config

import (
	"os"
	"strings"
	"testing"
)

// FuzzLoad holds that no file makes Load panic, that a secret is never in an
// error, and that what loads also prints and loads again.
func FuzzLoad(f *testing.F) {
	f.Add(withoutFile, "")
	f.Add(small, "127.0.0.1:9090")
	f.Add("issuers: [{profile: x, oauth: {scopes: [{name: a}]}}]\nlog: &a {level: *a}", "x")
	f.Add("secrets: {root_keys: [{id: a, value: "+rootKey+"}]}\n? [a]\n: b", "")
	for _, profile := range Profiles() {
		text, err := os.ReadFile("profiles/" + profile + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add("issuers:\n- url: https://a.test\n  "+strings.ReplaceAll(string(text), "\n", "\n  "), "0.0.0.0:1")
	}
	f.Fuzz(func(t *testing.T, text, operator string) {
		// Files named by the fuzzer are not ours to read.
		if strings.Contains(text, "_file") {
			return
		}
		env := newEnvironment([]string{"ROOT_KEY=" + rootKey, "GATEHOUSE_SERVER_OPERATOR_ADDRESS=" + operator})
		c, problems := assemble([]byte(text), env)
		if strings.Contains(problems.Error(), rootKey) {
			t.Fatalf("a secret in: %v", problems)
		}
		printed, err := c.Redacted()
		if err != nil {
			t.Fatal(err)
		}
		if len(problems) > 0 {
			return
		}
		if _, again := assemble(printed, env); len(again) > 0 && !strings.Contains(string(printed), Placeholder) {
			t.Fatalf("printed, but does not load: %v\n%s", again, printed)
		}
	})
}
