package counterpart

import (
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

// Redis starts Debian's redis-server on address (see FreeAddress), which keeps
// nothing on disk, with more settings as "--name", "value". It ends with the
// test, or when stop is called.
func Redis(t testing.TB, address string, settings ...string) (stop func()) {
	t.Helper()
	server, err := exec.LookPath("redis-server")
	if err != nil {
		storagetest.Missing(t, "redis-server", "run make deps, or install redis-server")
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-c", supervise, "redis", server, "--bind", host, "--port", port, "--save", "", "--appendonly", "no",
		"--dir", t.TempDir()}, settings...)
	cmd := exec.Command("sh", args...)
	p := start(t, "redis", cmd)
	if !listens(p, address) {
		t.Fatalf("redis-server does not listen: %s", p.said)
	}
	return func() { p.end(cmd) }
}

// listens waits until somebody accepts connections at address.
func listens(p *process, address string) bool {
	return becomes(p, func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
}
