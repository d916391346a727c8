package counterpart

import (
	"maps"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"testing"
	"text/template"
	"time"
)

// supervise runs its arguments until they end or standard input does.
const supervise = `exec 3<&0; "$@" </dev/null 3<&- >&2 & server=$!
{ cat <&3; kill -TERM $server; } >/dev/null 2>&1 & wait $server`

// daemon runs a program of Debian's that listens on address until the test
// ends, and returns its base URL.
func daemon(t testing.TB, name, address, program string, args ...string) string {
	t.Helper()
	p := start(t, name, exec.Command("sh", append([]string{"-c", supervise, name, program}, args...)...))
	base := "http://" + address
	if !answers(p, base+"/") {
		t.Fatalf("%s does not answer: %s", name, p.said)
	}
	return base
}

// program is where Debian keeps one that is not on everybody's path.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return "/usr/sbin/" + name
}

// daemonDir makes a directory that a daemon's unprivileged processes can read,
// with a configuration in it that they cannot: a template that is told Dir,
// AsRoot and values.
func daemonDir(t testing.TB, name, conf string, values map[string]any) (dir, file string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "gatehouse-"+name+"-") //nolint:usetesting // t.TempDir is closed to the daemon's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	values = maps.Clone(values)
	values["Dir"], values["AsRoot"] = dir, me.Uid == "0"
	file = filepath.Join(dir, name+".conf")
	out, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := template.Must(template.New("conf").Parse(conf)).Execute(out, values); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

// answers waits until url answers anything at all.
func answers(p *process, url string) bool {
	client := &http.Client{Timeout: time.Second}
	return becomes(p, func() bool {
		resp, err := client.Get(url)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
}

// becomes waits until the condition holds, while the process lives.
func becomes(p *process, condition func() bool) bool { return becomesWithin(p, patience, condition) }

func becomesWithin(p *process, within time.Duration, condition func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(within)
	for {
		select {
		case _, alive := <-p.lines:
			if !alive {
				return false
			}
		case <-late:
			return false
		case <-tick.C:
			if condition() {
				return true
			}
		}
	}
}
