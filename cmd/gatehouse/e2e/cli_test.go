package e2e_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

func TestExitStatusIsOneForFailureAndTwoForMisuse(t *testing.T) {
	t.Parallel()
	nowhere := "http://" + counterpart.FreeAddress(t)
	for line, want := range map[string]int{
		"":                                0,
		"--help":                          0,
		"--version":                       0,
		"serve --help":                    0,
		"key":                             0,
		"config schema":                   0,
		"nonsense":                        2,
		"--nonsense":                      2,
		"serve extra":                     2,
		"serve --nonsense":                2,
		"key nonsense":                    2,
		"key create":                      2,
		"key get":                         2,
		"key get key_1 key_2":             2,
		"key revoke up_live_abc":          2,
		"workspace list -o xml":           2,
		"workspace create":                2,
		"workspace list --url ::bad":      2,
		"workspace list --url " + nowhere: 1,
		"healthcheck --operator " + strings.TrimPrefix(nowhere, "http://"): 1,
		"config check --config /nonexistent/gatehouse.yaml":                1,
	} {
		got := command(t, binary(t), []string{"UP_API_KEY=up_live_abc"}, strings.Fields(line)...)
		if got.exit != want {
			t.Errorf("gatehouse %s: exit status %d, want %d: %s", line, got.exit, want, got.stderr)
		}
		if (got.exit == 0) == (got.stdout == "") || (got.exit == 0) != (got.stderr == "") {
			t.Errorf("gatehouse %s: success belongs on stdout, failure on stderr:\n%s\n%s", line, got.stdout, got.stderr)
		}
		if got.exit == 0 || strings.HasPrefix(line, "config check") {
			continue
		}
		if strings.Count(got.stderr, "\n") != 1 || !strings.HasPrefix(got.stderr, "gatehouse: ") || strings.Contains(got.stderr, "Usage:") {
			t.Errorf("gatehouse %s: the error is not one line:\n%s", line, got.stderr)
		}
	}
	if got := command(t, binary(t), nil, "workspace", "list", "--url", nowhere); got.exit != 2 || !strings.Contains(got.stderr, "GATEHOUSE_API_KEY") {
		t.Errorf("without a key: exit status %d: %s", got.exit, got.stderr)
	}
}

func TestTheCommandLineDoesWhatTheAPIDoes(t *testing.T) {
	t.Parallel()
	d := deploy(t, "sqlite", "")
	n := d.start(t)
	d.populate(t, n)
	env := []string{"UP_API_KEY=" + d.OperatorKey, "GATEHOUSE_URL=" + d.url}
	gatehouse := func(args ...string) map[string]any {
		t.Helper()
		got := command(t, binary(t), env, append(args, "-o", "json")...)
		wantExit(t, got, 0)
		var members map[string]any
		if err := json.Unmarshal([]byte(got.stdout), &members); err != nil {
			t.Fatalf("gatehouse %v: %v:\n%s", args, err, got.stdout)
		}
		return members
	}
	ws, _ := gatehouse("workspace", "create", "--name", "From the shell")["id"].(string)
	key := gatehouse("key", "create", "--workspace", ws, "--name", "ci", "--scope", "monitor:read", "--environment", "live")
	text, _ := key["key"].(string)
	id, _ := key["id"].(string)
	if !n.active(t, text) {
		t.Error("the key does not work")
	}
	account := gatehouse("service-account", "create", "--workspace", ws, "--name", "runner")["id"]
	second := gatehouse("key", "create", "--workspace", ws, "--name", "of the runner", "--scope", "monitor:read", "--service-account", account.(string))
	if second["service_account_id"] != account {
		t.Errorf("the key is of %v, want %v", second["service_account_id"], account)
	}
	if shown := command(t, binary(t), env, "key", "get", second["id"].(string), "--workspace", ws); !strings.Contains(shown.stdout, account.(string)) {
		t.Errorf("it is not told whose the key is:\n%s", shown.stdout)
	}
	wantExit(t, command(t, binary(t), env, "key", "create", "--workspace", ws, "--name", "x", "--scope", "monitor:read", "--service-account", "sa_nobodys"), 1)
	gatehouse("key", "revoke", second["id"].(string), "--workspace", ws)
	table := command(t, binary(t), env, "key", "list", "--workspace", ws)
	wantExit(t, table, 0)
	if !regexp.MustCompile(`(?m)^`+id+`\s+-\s+ci\s+live\s+monitor:read\s+active`).MatchString(table.stdout) || strings.Contains(table.stdout, text) {
		t.Errorf("the table is\n%s", table.stdout)
	}
	changed := gatehouse("key", "update", id, "--workspace", ws, "--name", "ci 2", "--resource", "cluster:eu-1", "--allow", "192.0.2.0/24")
	if changed["name"] != "ci 2" || changed["revision"] != 2.0 || changed["resources"].(map[string]any)["clusters"].([]any)[0] != "eu-1" {
		t.Errorf("after update the key is %v", changed)
	}
	if lifted := gatehouse("key", "update", id, "--workspace", ws, "--lift", "resource,allow"); len(lifted["ip_allowlist"].([]any)) != 0 || len(lifted["resources"].(map[string]any)) != 0 {
		t.Errorf("without its restrictions the key is %v", lifted)
	}
	timed := gatehouse("key", "update", id, "--workspace", ws, "--rotate-every", "P90D")
	if timed["rotation"].(map[string]any)["interval"] != "P90D" || timed["rotate_at"] == nil {
		t.Errorf("with a schedule the key is %v", timed)
	}
	if policy := gatehouse("key", "policy", "--workspace", ws, "--disable-unused-after", "P30D"); policy["disable_unused_after"] != "P30D" {
		t.Errorf("the policy is %v", policy)
	}
	for filter, want := range map[string]int{"--status=active": 1, "--status=revoked": 1, "--search=CI": 1, "--unused-for=P1D": 0, "--environment=test": 1} {
		if items := gatehouse("key", "list", "--workspace", ws, filter)["items"].([]any); len(items) != want {
			t.Errorf("%s lists %d keys, want %d", filter, len(items), want)
		}
	}
	if status := gatehouse("key", "disable", id, "--workspace", ws)["status"]; status != "disabled" || n.active(t, text) {
		t.Errorf("after disable the key is %v", status)
	}
	if status := gatehouse("key", "enable", id, "--workspace", ws)["status"]; status != "active" || !n.active(t, text) {
		t.Errorf("after enable the key is %v", status)
	}
	if status := gatehouse("key", "revoke", id, "--workspace", ws)["status"]; status != "revoked" || n.active(t, text) {
		t.Errorf("after revoke the key is %v", status)
	}
	c := gatehouse("client", "create", "--workspace", ws, "--name", "job", "--grant-type", "client_credentials", "--scope", "monitoring:admin")
	clientID, _ := c["client_id"].(string)
	secret, _ := c["client_secret"].(string)
	wantStatus(t, n.form(t, "/oauth2/token", client{ID: clientID, Secret: secret}, "grant_type", "client_credentials"), 200)
	if status := gatehouse("workspace", "suspend", ws)["status"]; status != "suspended" {
		t.Errorf("after suspend the workspace is %v", status)
	}
	wantStatus(t, n.form(t, "/oauth2/token", client{ID: clientID, Secret: secret}, "grant_type", "client_credentials"), 401)
	missing := command(t, binary(t), env, "workspace", "get", "ws_none")
	if missing.exit != 1 || !strings.Contains(missing.stderr, "(not_found)") || strings.Count(missing.stderr, "\n") != 1 {
		t.Errorf("a missing workspace: exit status %d: %s", missing.exit, missing.stderr)
	}
	wrong := slices.Concat(env[1:], []string{"UP_API_KEY=" + flip(d.OperatorKey)})
	if got := command(t, binary(t), wrong, "workspace", "list"); got.exit != 1 || strings.Contains(got.stderr, flip(d.OperatorKey)) {
		t.Errorf("a wrong key: exit status %d: %s", got.exit, got.stderr)
	}
}
