package e2e_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

// BenchmarkSignInUpstream signs people in through an OpenID provider on loopback,
// from the authorization endpoint to the code, and tells what that costs the
// server's process: ms-cpu/login.
func BenchmarkSignInUpstream(b *testing.B) {
	d := writeDeployment(b, func(url string) string { return wrong{name: "good"}.start(b, url) })
	d.bootstrap(b)
	n := d.start(b)
	d.WorkspaceID = d.workspaceOfConfiguration(b)
	c := d.webClient(b, "openid")
	signIn := func() {
		w := newBrowser(b, c.RedirectURI)
		p := w.get(d.authorizeURL(d.authorization(c, "openid", "login_hint", "alice@good.example")))
		if p.back == nil && strings.Contains(p.body, `id="allow"`) {
			p = w.submit(p, "allow", nil)
		}
		if p.back == nil || p.back.Query().Get("code") == "" {
			b.Fatalf("%d %.300s", p.status, p.body)
		}
	}
	signIn() // consent is remembered, and keys are fetched
	before := cpuOf(b, n.cmd.Process.Pid)
	for b.Loop() {
		signIn()
	}
	b.ReportMetric(float64(cpuOf(b, n.cmd.Process.Pid)-before)/float64(time.Millisecond)/float64(b.N), "ms-cpu/login")
}

// cpuOf is the time a process has run on processors.
func cpuOf(t testing.TB, pid int) time.Duration {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		storagetest.Missing(t, "/proc", "the processor time of a process is read from there")
	}
	fields := strings.Fields(string(raw)[strings.LastIndex(string(raw), ")")+1:])
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100 // USER_HZ
}
