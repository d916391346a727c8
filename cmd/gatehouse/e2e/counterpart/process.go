package counterpart

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

// patience bounds every wait for a counterpart.
const patience = 30 * time.Second

// process is a counterpart that speaks lines of JSON and ends when its
// standard input does, however our own process came to its end.
type process struct {
	t     testing.TB
	name  string
	in    io.WriteCloser
	lines chan string
	said  *firstWords
}

// node starts a script of the node folder, with env beside the environment.
func node(t testing.TB, script string, env ...string) *process {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	dir := filepath.Join(filepath.Dir(here), "node")
	version, err := exec.Command("node", "--version").Output()
	var major int
	if _, bad := fmt.Sscanf(string(version), "v%d.", &major); err != nil || bad != nil || major < 20 {
		storagetest.Missing(t, "Node.js", "run make deps, or install Node.js 20.20 or newer")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		storagetest.Missing(t, "the npm packages of "+script, "run make deps")
	}
	cmd := exec.Command("node", filepath.Join(dir, script))
	cmd.Env = append(os.Environ(), env...)
	return start(t, script, cmd)
}

// start runs cmd until the test ends.
func start(t testing.TB, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, name: name, lines: make(chan string, 16), said: &firstWords{}}
	cmd.Stderr = p.said
	// A group of its own, so that Ctrl-C leaves it to end in good order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	p.in = in
	go p.read(out)
	t.Cleanup(func() { p.end(cmd) })
	return p
}

func (p *process) read(out io.Reader) {
	defer close(p.lines)
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		p.lines <- scanner.Text()
	}
}

// end closes the input, which asks the counterpart to leave, and insists
// after a while.
func (p *process) end(cmd *exec.Cmd) {
	p.in.Close()
	insist := time.AfterFunc(10*time.Second, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer insist.Stop()
	for range p.lines {
	}
	_ = cmd.Wait() // how it exits after being told to leave is its own affair
	if p.t.Failed() {
		p.t.Logf("%s said: %s", p.name, p.said)
	}
}

// tell writes v as one line.
func (p *process) tell(v any) {
	p.t.Helper()
	if err := json.NewEncoder(p.in).Encode(v); err != nil {
		p.t.Fatalf("telling %s: %v: %s", p.name, err, p.said)
	}
}

// line writes text as one line.
func (p *process) line(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, text+"\n"); err != nil {
		p.t.Fatalf("telling %s: %v: %s", p.name, err, p.said)
	}
}

// hear reads one line into v.
func (p *process) hear(v any) {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("%s ended early: %s", p.name, p.said)
		}
		if err := json.Unmarshal([]byte(line), v); err != nil {
			p.t.Fatalf("%s said %q: %v", p.name, line, err)
		}
	case <-time.After(patience):
		p.t.Fatalf("%s said nothing for %s: %s", p.name, patience, p.said)
	}
}

// firstWords keeps the first words a process says on standard error.
type firstWords struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *firstWords) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if room := 16<<10 - w.text.Len(); room > 0 {
		w.text.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

func (w *firstWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}
