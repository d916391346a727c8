package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func TestKeysOfAnotherSystemAreImportedAndWork(t *testing.T) {
	t.Parallel()
	d := deploy(t, "sqlite", `    keys: {imported_layouts: [{pattern: "acme_tok_[0-9]{32}"}, {pattern: "acme_sk_[a-z0-9]{24}", lookup: 14}]}
`)
	n := d.start(t)
	d.populate(t, n)
	env := []string{"UP_API_KEY=" + d.OperatorKey, "GATEHOUSE_URL=" + d.url}
	line := func(name, digest string, more ...string) string {
		return fmt.Sprintf(`{"name":%q,"workspace_id":%q,"environment":"live","scopes":["monitor:read"],"digest":%s%s}`,
			name, d.WorkspaceID, digest, strings.Join(more, ""))
	}
	const tokens = 230
	var file strings.Builder
	for i := range tokens {
		sum := sha256.Sum256([]byte(fmt.Sprintf("acme_tok_%032d", i)))
		file.WriteString(line(fmt.Sprintf("token %d", i), `{"kind":"sha256","value":"`+hex.EncodeToString(sum[:])+`"}`) + "\n")
	}
	const secret = "acme_sk_abcdef0123456789abcdefgh"
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), 10)
	if err != nil {
		t.Fatal(err)
	}
	file.WriteString("\n" + strings.Repeat("x", 20_000) + "\n")                                                                   // lines 231 and 232
	file.WriteString(line("twice", `{"kind":"md5","value":"00"}`) + "\n")                                                         // 233
	file.WriteString(`{"name":"no such member","sesame":1}` + "\n")                                                               // 234
	file.WriteString(line("bcrypt", `{"kind":"bcrypt","value":"`+string(hash)+`"}`, `,"lookup":"acme_sk_abcdef","last4":"efgh"`)) // and no newline
	path := filepath.Join(t.TempDir(), "keys.ndjson")
	writeFile(t, path, file.String())

	got := command(t, binary(t), env, "key", "import", path)
	wantExit(t, got, 1)
	if !strings.HasSuffix(got.stdout, "231 imported, 0 there already, 3 refused\n") || strings.Count(got.stdout, "\n") != 4 || strings.Contains(got.stdout+got.stderr, "sesame") {
		t.Errorf("the first run said\n%s%s", got.stdout, got.stderr)
	}
	for _, want := range []string{"line 232: ", "line 233: digest.kind", "line 234: "} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q is not told:\n%s", want, got.stdout)
		}
	}
	again := command(t, binary(t), env, "key", "import", path, "-o", "json")
	wantExit(t, again, 1)
	if n := strings.Count(again.stdout, `"status":"exists"`); n != 231 {
		t.Errorf("the second run found %d keys there already:\n%.500s", n, again.stdout)
	}

	for _, text := range []string{secret, fmt.Sprintf("acme_tok_%032d", 0), fmt.Sprintf("acme_tok_%032d", tokens-1)} {
		for range 2 {
			a := n.introspect(t, text)
			if a.json["active"] != true || a.text("credential_type") != "api_key" || a.text("workspace_id") != d.WorkspaceID {
				t.Fatalf("%s: %s", text[:12], a.body)
			}
		}
	}
	for _, text := range []string{"acme_sk_abcdef0123456789abcdefgx", fmt.Sprintf("acme_tok_%032d", tokens)} {
		if n.active(t, text) {
			t.Errorf("%s is active", text)
		}
	}
	// It is a key like any other: a token for it, and its end.
	token := sure(t)(n.try(http.MethodPost, "/oauth2/token", "grant_type=client_credentials", "Content-Type", "application/x-www-form-urlencoded", "Authorization", "Bearer "+secret))
	wantStatus(t, token, http.StatusOK)
	id := n.introspect(t, secret).text("key_id")
	if !regexp.MustCompile(`^key_[A-Za-z0-9]{16}$`).MatchString(id) {
		t.Fatalf("its id is %q", id)
	}
	wantStatus(t, n.manage(t, http.MethodDelete, d.KeysPath+"/"+id, ""), http.StatusOK)
	if n.active(t, secret) || n.active(t, token.text("access_token")) {
		t.Error("U35: revoked, and still active")
	}
	denied := sure(t)(n.try(http.MethodPost, d.KeysPath+"/import", "{}", "Content-Type", "application/x-ndjson", "Authorization", "Bearer "+fmt.Sprintf("acme_tok_%032d", 0)))
	wantStatus(t, denied, http.StatusForbidden)
	if strings.Contains(n.output.String(), secret) || !json.Valid([]byte(denied.body)) {
		t.Error("the log holds a key")
	}
}
