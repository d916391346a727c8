package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// rootKey is random; it protects nothing.
const rootKey = "q7mV0ZyLw2Jx9Q3uT8nB5rKcE1sHfA4gDiP6oWjYtXk="

// small is the least that loads: two issuers and a root key.
const small = `
secrets:
  root_keys: [{id: one, value: "${env:ROOT_KEY}"}]
issuers:
  - {profile: uptimepulse, url: "https://auth.uptimepulse.test"}
  - {profile: statuspulse, url: "https://auth.statuspulse.test"}
`

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gatehouse.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t testing.TB, text string, environ ...string) (Config, error) {
	t.Helper()
	return Load(write(t, text), append(environ, "ROOT_KEY="+rootKey))
}

func mustLoad(t testing.TB, text string, environ ...string) Config {
	t.Helper()
	c, err := load(t, text, environ...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// problemAt returns the problem at path, failing when there is none.
func problemAt(t testing.TB, err error, path string) Problem {
	t.Helper()
	problems, _ := errors.AsType[Problems](err)
	for _, p := range problems {
		if p.Path == path {
			return p
		}
	}
	t.Fatalf("no problem at %s, but:\n%v", path, err)
	return Problem{}
}

func TestDefaultIsValidAndOnLoopback(t *testing.T) {
	c := Default()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if w := c.Warnings(); len(w) > 0 {
		t.Errorf("the default configuration warns: %v", w)
	}
	if len(c.Issuers) != 1 || c.Issuers[0].URL != "http://127.0.0.1:8080" || c.Issuers[0].Profile != "default" {
		t.Errorf("issuers: %+v", c.Issuers)
	}
	if c.Secrets.GeneratedKeyFile != "gatehouse.key" || c.Database.Path != "./gatehouse.db" || !c.Database.Migrates() {
		t.Errorf("secrets %+v, database %+v", c.Secrets, c.Database)
	}
	loaded, err := Load("", nil)
	if err != nil || !reflect.DeepEqual(loaded, c) {
		t.Errorf("Load without a file differs from Default: %v", err)
	}
}

func TestIssuerOverlaysItsProfileValueByValue(t *testing.T) {
	c := mustLoad(t, `
secrets: {root_keys: [{id: one, value: "${env:ROOT_KEY}"}]}
issuers:
  - url: https://auth.statuspulse.test
    tokens: {access_ttl: 5m}
    oauth: {client_auth_methods: [client_secret_basic], key_scopes: []}
    keys: {tiers: {gold: 5000}}
    profile: statuspulse
`)
	i := c.Issuers[0]
	if i.Tokens.AccessTTL.String() != "5m0s" || i.Tokens.RefreshTTL.String() != "24h0m0s" || i.OAuth.PKCE != "all" {
		t.Errorf("values: %+v, pkce %s", i.Tokens, i.OAuth.PKCE)
	}
	if len(i.OAuth.ClientAuthMethods) != 1 || len(i.OAuth.KeyScopes) != 0 || len(i.OAuth.Scopes) != 6 {
		t.Errorf("lists replace: %+v", i.OAuth)
	}
	if i.Keys.Tiers["standard"] != 1200 || i.Keys.Tiers["gold"] != 5000 {
		t.Errorf("maps merge: %v", i.Keys.Tiers)
	}
	if i.Name != "statuspulse" {
		t.Errorf("name: %q", i.Name)
	}
	if again := mustLoad(t, small).Issuers[1]; again.Keys.Tiers["gold"] != 0 {
		t.Error("one issuer's overlay reached another's profile")
	}
}

func TestUnknownKeysAreNamedWithLineAndColumnAllAtOnce(t *testing.T) {
	_, err := load(t, `
secrets: {root_keys: [{id: one, value: "${env:ROOT_KEY}"}]}
databse: {driver: sqlite}
server:
  operator: {adr: "127.0.0.1:9090"}
issuers:
  - url: https://a.test
    tokens:
      acces_ttl: 1h
      code_ttl: soon
`)
	for _, want := range []Problem{
		{"databse", "unknown key", 3, 1},
		{"server.operator.adr", "unknown key", 5, 14},
		{"issuers[0].tokens.acces_ttl", "unknown key", 9, 7},
		{"issuers[0].tokens.code_ttl", "must be a duration such as 90s, 15m or 72h", 10, 17},
	} {
		if got := problemAt(t, err, want.Path); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if problems, _ := errors.AsType[Problems](err); len(problems) != 4 {
		t.Errorf("%d problems:\n%v", len(problems), err)
	}
}

func TestFilesThatAreNotOneYAMLMappingAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"syntax":         "server: [",
		"duplicate key":  "log: {level: info}\nlog: {level: warn}",
		"two documents":  "log: {level: info}\n---\nlog: {level: warn}",
		"a list":         "- a",
		"a scalar":       "hello",
		"alias":          "log: &l {level: info}\nissuers: [*l, *l]",
		"merge":          "log: {<<: {level: info}}",
		"tag":            "log: !!binary aGVsbG8=",
		"complex key":    "? log\n: {level: info}",
		"text for block": "server: yes",
		"block for text": "log: {level: {a: b}}",
		"block for list": "issuers: {a: b}",
	} {
		if _, err := load(t, text); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "absent.yaml"), nil); err == nil {
		t.Error("an absent file loaded")
	}
	if _, err := load(t, "#"+strings.Repeat("x", maxFile)); err == nil {
		t.Error("a file over the limit loaded")
	}
}

// The parser alone takes minutes over these.
func TestDeepNestingIsRefusedBeforeItIsParsed(t *testing.T) {
	for _, opening := range []string{"[", "{a: ", "- ", "? ", "[{a: ", "&a "} {
		text := strings.Repeat(opening, maxFile/len(opening))
		if _, err := load(t, text); err == nil || strings.Contains(err.Error(), "is not YAML") {
			t.Errorf("%q: %v", opening, err)
		}
	}
}

func TestSyntaxErrorsDoNotQuoteTheFile(t *testing.T) {
	_, err := load(t, "webhook:\n  secret: whsec_hidden\n  url: [\n")
	if err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("error: %v", err)
	}
}

func ExampleProblems() {
	c := Default()
	c.Log.Level = "loud"
	c.Issuers[0].Tokens.CodeTTL *= 10
	fmt.Println(c.Validate())
	// Output:
	// log.level: must be one of debug, info, warn, error
	// issuers[0].tokens.code_ttl: must be between 10s and 1m0s
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
