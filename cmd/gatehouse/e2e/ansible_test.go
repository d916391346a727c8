package e2e_test

import (
	"crypto/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

const ansibleDocs = "../../../docs/ansible"

// playbook is a host whose key the role of docs/ansible keeps.
type playbook struct {
	issuer    issuer
	path, dir string
	dest      string
	name      string // of the key that is kept
	key       string // the managing one
}

func newPlaybook(t *testing.T, i issuer) *playbook {
	t.Helper()
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		storagetest.Missing(t, "ansible-playbook", "make deps installs it (Debian: apt-get install ansible-core)")
	}
	p := &playbook{issuer: i, dir: t.TempDir(), name: "agent-" + rand.Text(), key: i.OperatorKey}
	p.path, p.dest = filepath.Join(p.dir, "site.yml"), filepath.Join(p.dir, "agent.env")
	text := `---
- name: Try the role
  hosts: all
  gather_facts: false
  roles:
    - role: gatehouse_key
      vars:
        gatehouse_key_environment: live
        gatehouse_key_scopes: ["` + keyScope[i.Name] + `"]
        gatehouse_key_variable: UP_API_KEY
`
	if err := os.WriteFile(p.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

var changedTasks = regexp.MustCompile(`one +: .* changed=(\d+) .* failed=(\d+) `)

// run plays it; it returns how many tasks changed something and failed, and all
// that was printed.
func (p *playbook) run(t *testing.T, args ...string) (changed, failed, said string) {
	t.Helper()
	cmd := exec.Command("ansible-playbook", append([]string{
		"-vvv", "-i", "one,", "-c", "local", p.path, "-e", "ansible_python_interpreter={{ ansible_playbook_python }}", "-e", "gatehouse_key_command=" + binary(t),
		"-e", "gatehouse_key_name=" + p.name, "-e", "gatehouse_key_dest=" + p.dest, "-e", "gatehouse_key_workspace=" + p.issuer.WorkspaceID,
	}, args...)...)
	roles, err := filepath.Abs(filepath.Join(ansibleDocs, "roles"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "ANSIBLE_ROLES_PATH="+roles, "ANSIBLE_NOCOLOR=1", "ANSIBLE_HOME="+p.dir, "ANSIBLE_LOCAL_TEMP="+p.dir, "ANSIBLE_REMOTE_TMP="+p.dir, "ANSIBLE_PIPELINING=1", "LC_ALL=C.UTF-8",
		"GATEHOUSE_URL="+p.issuer.API, "GATEHOUSE_API_KEY="+p.key)
	out, _ := cmd.CombinedOutput()
	m := changedTasks.FindStringSubmatch(string(out))
	if m == nil {
		t.Fatalf("the playbook did not run:\n%s", out)
	}
	if strings.Contains(string(out), p.key) {
		t.Error("the managing key was printed")
	}
	if text := p.text(t); text != "" && strings.Contains(string(out), text) {
		t.Error("the key was printed")
	}
	return m[1], m[2], string(out)
}

// wants plays it and wants so many changes, and no failure.
func (p *playbook) wants(t *testing.T, changed string, args ...string) {
	t.Helper()
	got, failed, said := p.run(t, args...)
	if got != changed || failed != "0" {
		t.Fatalf("%v: %s changed, %s failed:\n%s", args, got, failed, said)
	}
}

// text is the key in the file; empty without one.
func (p *playbook) text(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(p.dest)
	if err != nil {
		return ""
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(string(content)), "UP_API_KEY=")
	if !ok {
		t.Fatal("the file is no EnvironmentFile")
	}
	return text
}

func (p *playbook) statuses(t *testing.T) string {
	t.Helper()
	var all []string
	for _, k := range p.issuer.keysOf(t, p.issuer.WorkspaceID, "") {
		if k["name"] == p.name {
			all = append(all, k["status"].(string))
		}
	}
	return strings.Join(all, " ")
}

func TestS34_AnsibleKeepsAHostsKey(t *testing.T) {
	t.Parallel()
	p := newPlaybook(t, theProduct(t).issuer("uptimepulse"))
	p.wants(t, "1", "--check")
	if p.text(t) != "" || p.statuses(t) != "" {
		t.Error("check mode made a key")
	}
	p.wants(t, "2") // the key, the file
	first := p.text(t)
	if file, err := os.Stat(p.dest); err != nil || file.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", file, err)
	}
	if !p.issuer.active(t, first) {
		t.Error("the key does not work")
	}
	p.wants(t, "0")

	change := `{"gatehouse_key_allow":["127.0.0.0/8"],"gatehouse_key_expires_at":"2036-01-31T00:00:00Z"}`
	p.wants(t, "1", "-e", change)
	p.wants(t, "1", "-e", `{"gatehouse_key_allow":["192.0.2.0/24"]}`, "--check")
	p.wants(t, "1") // both restrictions are lifted

	p.wants(t, "2", "-e", "gatehouse_key_rotate=true", "-e", "gatehouse_key_grace=PT2H")
	second := p.text(t)
	if second == first || !p.issuer.active(t, first) || !p.issuer.active(t, second) {
		t.Error("the key was not replaced, or the old one has no grace")
	}

	p.wants(t, "3", "-e", "gatehouse_key_state=absent") // both keys, the file
	if p.issuer.active(t, first) || p.issuer.active(t, second) || p.text(t) != "" {
		t.Error("the key is still there")
	}
	p.wants(t, "0", "-e", "gatehouse_key_state=absent")
}

func TestS34_AnsibleLeavesNoKeyBehindThatNobodyHas_AndSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := newPlaybook(t, theProduct(t).issuer("uptimepulse"))
	if _, failed, _ := p.run(t, "-e", "gatehouse_key_owner=nobody-is-named-so"); failed == "0" || p.statuses(t) != "revoked" {
		t.Errorf("a file that cannot be owned: %s failed, the keys are %q", failed, p.statuses(t))
	}
	_ = os.Remove(p.dest)
	_, failed, said := p.run(t, "-e", "gatehouse_key_dest="+filepath.Join(p.dir, "no", "such", "folder"))
	if failed == "0" || !strings.Contains(said, "is no folder of this host") || p.statuses(t) != "revoked" {
		t.Errorf("no folder: %s", said)
	}
	// Decision 4: a key without an issuing delegation makes none.
	k := p.issuer.manage(t, http.MethodPost, p.issuer.KeysPath, `{"name":"manages","workspace_id":"`+p.issuer.WorkspaceID+`","environment":"live","scopes":["manage:keys"]}`)
	wantStatus(t, k, http.StatusCreated)
	p.key = k.text("key")
	if _, failed, said := p.run(t); failed == "0" || !strings.Contains(said, "issuing_delegation_required") {
		t.Errorf("who may not mint: %s", said)
	}
	// A key that somebody disabled may have leaked.
	p.key = p.issuer.OperatorKey
	p.wants(t, "2")
	id := "key_" + strings.Split(p.text(t), "_")[2][:16]
	wantStatus(t, p.issuer.changeKey(t, id, "", `{"status":"disabled"}`), http.StatusOK)
	if _, failed, said := p.run(t); failed == "0" || !strings.Contains(said, "may have leaked") {
		t.Errorf("a disabled key: %s", said)
	}
}

func TestTheAnsibleRoleIsLinted(t *testing.T) {
	for _, c := range [][]string{{"yamllint", "-s", "."}, {"ansible-lint", "--offline", "-q", "."}} {
		t.Run(c[0], func(t *testing.T) {
			if _, err := exec.LookPath(c[0]); err != nil {
				storagetest.Missing(t, c[0], "make deps installs it (Debian: apt-get install "+c[0]+")")
			}
			cmd := exec.Command(c[0], c[1:]...)
			cmd.Dir = ansibleDocs
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
