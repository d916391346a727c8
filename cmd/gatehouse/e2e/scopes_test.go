package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// A scope is added and retired while two nodes run: each knows of it within a
// second, in its metadata, for new keys, and for keys it remembers.
func TestEveryNodeKnowsWhatScopesThereAre(t *testing.T) {
	t.Parallel()
	d, a, b := cluster(t)
	change := func(path, body string) {
		t.Helper()
		if w := a.manage(t, http.MethodPost, "/v1/scopes"+path, body); w.status/100 != 2 {
			t.Fatalf("%s: %d %s", path, w.status, w.body)
		}
	}
	change("", `{"name":"reports:read","kind":"key","description":"Read reports","aliases":["read:reports"]}`)
	change("", `{"name":"reports:see","kind":"client","description":"See reports"}`)
	for _, n := range []*node{a, b} {
		eventually(t, soon, "the metadata names the scope", func() bool {
			doc := sure(t)(n.tryManage(http.MethodGet, "/.well-known/openid-configuration", ""))
			return strings.Contains(doc.body, `"reports:see"`)
		})
	}
	body := `{"name":"reports","workspace_id":"` + d.WorkspaceID + `","environment":"live","scopes":["read:reports","monitor:read"]}`
	made := b.manage(t, http.MethodPost, d.KeysPath, body)
	wantStatus(t, made, http.StatusCreated)
	key := made.text("key")
	scope := func(n *node) string { return n.introspect(t, key).text("scope") }
	for _, n := range []*node{a, b} {
		if got := scope(n); got != "reports:read monitor:read" {
			t.Fatalf("the key is good for %q", got)
		}
	}
	change("/reports:read/retire", `{"note":"no more"}`)
	if got := scope(a); got != "monitor:read" {
		t.Errorf("retired, on the same node: %q", got)
	}
	eventually(t, soon, "the other node takes the scope from the key it remembers", func() bool { return scope(b) == "monitor:read" })
	wantStatus(t, b.manage(t, http.MethodPost, d.KeysPath, body), http.StatusBadRequest)
	change(":rollback", `{}`)
	if got := scope(a); got != "reports:read monitor:read" {
		t.Errorf("rolled back, on the same node: %q", got)
	}
	eventually(t, soon, "the other node gives it back", func() bool { return scope(b) == "reports:read monitor:read" })
}

func TestScopesAreConfiguredFromTheShellAndOutliveTheProcess(t *testing.T) {
	t.Parallel()
	d := deploy(t, "sqlite", "")
	n := d.start(t)
	d.populate(t, n)
	env := []string{"UP_API_KEY=" + d.OperatorKey, "GATEHOUSE_URL=" + d.url}
	gatehouse := func(args ...string) map[string]any {
		t.Helper()
		got := command(t, binary(t), env, append(append([]string{"scope"}, args...), "-o", "json")...)
		wantExit(t, got, 0)
		var members map[string]any
		if err := json.Unmarshal([]byte(got.stdout), &members); err != nil {
			t.Fatalf("gatehouse scope %v: %v:\n%s", args, err, got.stdout)
		}
		return members
	}
	version := func(m map[string]any) float64 { v, _ := m["version"].(float64); return v }
	built := gatehouse("list")
	if version(built) != 0 || len(built["items"].([]any)) < 10 {
		t.Fatalf("at the start: %v", built)
	}
	gatehouse("add", "reports:read", "--description", "Read reports", "--alias", "read:reports", "--note", "for the reports team")
	if got := gatehouse("update", "reports:read", "--description", "Read all reports", "--revision", "1"); version(got) != 2 {
		t.Errorf("changed: %v", got)
	}
	stale := command(t, binary(t), env, "scope", "update", "reports:read", "--description", "x", "--revision", "1")
	if stale.exit != 1 || !strings.Contains(stale.stderr, "(stale)") {
		t.Errorf("by an old revision: %d %s", stale.exit, stale.stderr)
	}
	gatehouse("retire", "reports:read", "--note", "no more")
	gatehouse("rollback")
	history := gatehouse("history")["items"].([]any)
	if len(history) != 4 || history[0].(map[string]any)["act"] != "scopes.rolled_back" || history[3].(map[string]any)["note"] != "for the reports team" {
		t.Errorf("history: %v", history)
	}
	if was := gatehouse("list", "--version", "1"); len(was["items"].([]any)) != len(built["items"].([]any))+1 {
		t.Errorf("as it was first: %v", was)
	}
	table := command(t, binary(t), env, "scope", "list")
	if wantExit(t, table, 0); !strings.Contains(table.stdout, "Read all reports") {
		t.Errorf("the table is\n%s", table.stdout)
	}
	n.end(syscall.SIGTERM)
	d.start(t)
	if again := gatehouse("list"); version(again) != 4 {
		t.Errorf("after a restart: %v", again)
	}
}
