package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestS25_PoliciesAreAdministeredFromTheShell(t *testing.T) {
	t.Parallel()
	d := deploy(t, "sqlite", "")
	n := d.start(t)
	d.populate(t, n)
	env := []string{"UP_API_KEY=" + d.OperatorKey, "GATEHOUSE_URL=" + d.url}
	run := func(exit int, args ...string) string {
		t.Helper()
		got := command(t, binary(t), env, append([]string{"policy"}, args...)...)
		wantExit(t, got, exit)
		return got.stdout + got.stderr
	}
	file := func(name, text string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	got := command(t, binary(t), env, "workspace", "create", "--name", "Ruled", "-o", "json")
	var ws struct{ ID string }
	if err := json.Unmarshal([]byte(got.stdout), &ws); err != nil {
		t.Fatal(err)
	}
	first := file("first.json", `[{"id":"a","name":"never","state":"on","then":{"deny":true}}]`)
	run(1, "get", "--workspace", ws.ID)
	if out := run(0, "apply", first, "--workspace", ws.ID, "--note", "to begin with"); !strings.Contains(out, "pol_") {
		t.Error(out)
	}
	if out := run(1, "apply", file("bad.json", `[{"id":"a","name":"n","state":"on","then":{"remove_scopes":["nobodys:scope"]}}]`), "--workspace", ws.ID); !strings.Contains(out, "rules[0].then.remove_scopes[0]: does not exist") {
		t.Error(out)
	}
	run(2, "apply", file("none.json", `{"a":1}`), "--workspace", ws.ID)
	// What get printed, changed, goes back in; and not twice.
	kept := run(0, "get", "--workspace", ws.ID, "-o", "json")
	changed := file("changed.json", strings.Replace(kept, `"never"`, `"still never"`, 1))
	run(0, "apply", changed, "--workspace", ws.ID)
	if out := run(1, "apply", changed, "--workspace", ws.ID); !strings.Contains(out, "version 2 is in force") {
		t.Error(out)
	}
	if out := run(0, "simulate", "--workspace", ws.ID, "--scope", "openid", "--fact", "address=192.0.2.1"); !strings.Contains(out, "denied") || !strings.Contains(out, "rule a (still never, on) matched") {
		t.Error(out)
	}
	if out := run(0, "simulate", "--workspace", ws.ID, "--draft", file("draft.json", `[{"id":"b","name":"abroad","state":"on","when":{"regions":["DE"]},"then":{"deny":true}}]`)); !strings.Contains(out, "allowed") || !strings.Contains(out, "did not match: region") {
		t.Error(out)
	}
	run(2, "simulate", "--fact", "nonsense")
	if out := run(0, "replay", first, "--workspace", ws.ID, "--days", "7"); !strings.Contains(out, "newly_denied") {
		t.Error(out)
	}
	if out := run(0, "rollback", "--workspace", ws.ID); !strings.Contains(out, "version         1") {
		t.Error(out)
	}
	if out := run(0, "history", "--workspace", ws.ID); !strings.Contains(out, "to begin with") {
		t.Error(out)
	}
	if out := run(0, "decisions", "--workspace", ws.ID); !strings.Contains(out, "none") {
		t.Error(out)
	}
	run(1, "explain", "dec_nobodys")
	// Without a workspace the operator's own is meant.
	run(1, "get")
	run(0, "apply", first)
	if out := run(0, "list"); strings.Count(out, "pol_") != 2 {
		t.Error(out)
	}
}
