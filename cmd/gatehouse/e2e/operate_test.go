package e2e_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

func TestU0_SIGTERMUnderLoadDropsNothing(t *testing.T) {
	t.Parallel()
	d := deploy(t, "sqlite", "")
	n := d.start(t, "GATEHOUSE_SERVER_DRAIN_DELAY=700ms")
	d.populate(t, n)
	token := n.serviceToken(t)
	var away atomic.Bool // a balancer that watches readiness
	var answered atomic.Int64
	var group sync.WaitGroup
	stop := func() {
		away.Store(true)
		group.Wait()
	}
	defer stop()
	for range 8 {
		group.Go(func() {
			for !away.Load() {
				if a, err := n.tryForm("/oauth2/introspect", d.Clients.Introspector, "token", token); err != nil || a.json["active"] != true {
					t.Errorf("a request was dropped: %d %v", a.status, err)
				}
				answered.Add(1)
			}
		})
	}
	eventually(t, 10*time.Second, "there is load", func() bool { return answered.Load() > 200 })
	slow := n.beginRequest(t, token)
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, 500*time.Millisecond, "readiness goes first", func() bool { return n.ready() == http.StatusServiceUnavailable })
	if !n.active(t, token) {
		t.Error("while draining, a request is refused")
	}
	stop()
	eventually(t, 5*time.Second, "nothing listens any more", func() bool {
		c, err := net.Dial("tcp", n.address)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	if answer := slow(); !strings.Contains(answer, "200 OK") || !strings.Contains(answer, `"active":true`) {
		t.Errorf("a request that was under way is answered %q", answer)
	}
	<-n.done
	if exit := n.cmd.ProcessState.ExitCode(); exit != 0 {
		t.Errorf("exit status %d:\n%s", exit, n.output)
	}
}

// beginRequest sends half an introspection; what it returns sends the rest and
// reads the answer.
func (n *node) beginRequest(t *testing.T, token string) (finish func() string) {
	t.Helper()
	conn, err := net.Dial("tcp", n.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := n.d.Clients.Introspector
	body := "token=" + url.QueryEscape(token)
	basic := base64.StdEncoding.EncodeToString([]byte(c.ID + ":" + c.Secret))
	_, err = fmt.Fprintf(conn, "POST /oauth2/introspect HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		strings.TrimPrefix(n.d.url, "http://"), basic, len(body), body[:10])
	if err != nil {
		t.Fatal(err)
	}
	return func() string {
		if _, err := conn.Write([]byte(body[10:])); err != nil {
			return err.Error()
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = resp.Body.Close() }()
		var text strings.Builder
		_ = resp.Write(&text)
		return text.String()
	}
}

func TestASecondProcessOnTheSameSQLiteFileIsRefused(t *testing.T) {
	t.Parallel()
	d := deploy(t, "sqlite", "")
	first := d.start(t)
	for _, args := range [][]string{{"serve"}, {"bootstrap"}} {
		began := time.Now()
		env := d.env("GATEHOUSE_SERVER_PUBLIC_0_ADDRESS=127.0.0.1:0", "GATEHOUSE_SERVER_OPERATOR_ADDRESS=127.0.0.1:0", "GATEHOUSE_LOG_LEVEL=error")
		got := command(t, binary(t), env, append(args, "--config", d.file)...)
		if got.exit != 1 || !strings.Contains(got.stderr, "in use by another process") || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%v: exit status %d: %s", args, got.exit, got.stderr)
		}
		if time.Since(began) > 20*time.Second {
			t.Errorf("%v took %v to say so", args, time.Since(began))
		}
	}
	first.end(syscall.SIGKILL)
	d.start(t) // a lock does not outlive its process
}

func TestAnInvalidConfigurationIsRefusedWithEveryProblem(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "gatehouse.yaml")
	writeFile(t, file, `
server:
  public: [{address: nowhere}]
  drain_delay: -1s
database: {driver: oracle}
secrets: {root_keys: [{id: a, value: changeme}]}
limits: {token: {per_client: {burst: 0}}}
issuers:
  - {profile: uptimepulse, url: "http://auth.example.com/path", tokens: {code_ttl: 5m}}
  - {profile: nothing}
nonsense: 1
`)
	for _, args := range [][]string{{"serve"}, {"config", "check"}, {"config", "print"}, {"migrate", "status"}, {"bootstrap"}} {
		got := command(t, binary(t), nil, append(args, "--config", file)...)
		wantExit(t, got, 1)
		for _, path := range []string{
			"server.public[0].address", "server.drain_delay", "database.driver", "secrets.root_keys[0].value", "limits.token.per_client.burst",
			"issuers[0].url", "issuers[0].tokens.code_ttl", "issuers[1].profile", "nonsense",
		} {
			if !strings.Contains(got.stderr, path) {
				t.Errorf("%v does not name %s:\n%s", args, path, got.stderr)
			}
		}
		if strings.Contains(got.stderr, "changeme") {
			t.Errorf("%v prints a secret:\n%s", args, got.stderr)
		}
	}
	got := command(t, binary(t), []string{"GATEHOUSE_SERVER_PUBLICK=1"}, "serve")
	if got.exit != 1 || !strings.Contains(got.stderr, "GATEHOUSE_SERVER_PUBLICK") {
		t.Errorf("a misspelt variable: exit status %d: %s", got.exit, got.stderr)
	}
}

func TestTheConfigurationIsPrintedWithoutSecretsAndDescribedBySchema(t *testing.T) {
	t.Parallel()
	d := deploy(t, "sqlite", "")
	wantExit(t, d.run(t, "config", "check"), 0)
	printed := d.run(t, "config", "print")
	wantExit(t, printed, 0)
	text, err := os.ReadFile(d.file)
	if err != nil {
		t.Fatal(err)
	}
	key := strings.Split(strings.SplitAfter(string(text), "id: test, value: ")[1], `"`)[1]
	for _, secret := range []string{key, "upstream-secret-1234567890"} {
		if !strings.Contains(string(text), secret) || strings.Contains(printed.stdout, secret) {
			t.Errorf("a secret is printed, or not in the file:\n%s", printed.stdout)
		}
	}
	for _, want := range []string{"[redacted]", "access_ttl: 1h0m0s", d.url} {
		if !strings.Contains(printed.stdout, want) {
			t.Errorf("%q is not in the effective configuration:\n%s", want, printed.stdout)
		}
	}
	schema := command(t, binary(t), nil, "config", "schema")
	var described struct {
		Schema     string         `json:"$schema"`
		Properties map[string]any `json:"properties"`
	}
	if err := json.Unmarshal([]byte(schema.stdout), &described); err != nil || described.Schema == "" || described.Properties["issuers"] == nil {
		t.Errorf("the schema is no JSON Schema: %v", err)
	}
}

func TestServeRefusesAPostgresSchemaThatIsBehindUnlessToldToMigrate(t *testing.T) {
	t.Parallel()
	full := deploy(t, "postgres", "") // which says PostgreSQL is here
	up := full.run(t, "migrate", "status")
	wantExit(t, up, 0)
	empty := *full
	empty.dsn = storagetest.Postgres(t)
	behind := empty.run(t, "migrate", "status")
	if behind.exit != 1 || !strings.Contains(behind.stdout, "missing 0001") || !strings.Contains(behind.stderr, "gatehouse migrate up") {
		t.Errorf("migrate status on an empty database: exit status %d\n%s%s", behind.exit, behind.stdout, behind.stderr)
	}
	refused := empty.run(t, "serve")
	if refused.exit != 1 || !strings.Contains(refused.stderr, "migrate") {
		t.Errorf("serve on an empty database: exit status %d: %s", refused.exit, refused.stderr)
	}
	n := empty.spawnWith(t, []string{"--migrate"}, counterpart.FreeAddress(t))
	n.waitReady(t)
	n.end(syscall.SIGTERM)
	wantExit(t, empty.run(t, "migrate", "status"), 0)
	again := empty.run(t, "migrate", "up")
	if again.exit != 0 || !strings.Contains(again.stdout, "up to date") {
		t.Errorf("migrate up twice: exit status %d: %s%s", again.exit, again.stdout, again.stderr)
	}
}

func TestOperatorRoutesAreNotPublicAndStrangeHostsAreMisdirected(t *testing.T) {
	t.Parallel()
	d := deploy(t, "sqlite", "")
	n := d.start(t)
	for _, path := range []string{"/livez", "/readyz", "/metrics", "/debug/clock", "/debug/pprof/", "/debug/vars"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if a := sure(t)(n.try(method, path, `{"advance":"1h"}`)); a.status != http.StatusNotFound {
				t.Errorf("%s %s on a public host: %d", method, path, a.status)
			}
		}
	}
	for _, host := range []string{"evil.example", "127.0.0.1", "127.0.0.1:1", "localhost:" + strings.Split(n.address, ":")[1]} {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, d.url+"/.well-known/openid-configuration", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		if a := send(t, req); a.status != http.StatusMisdirectedRequest || strings.Contains(a.body, host) {
			t.Errorf("Host %s: %d %s", host, a.status, a.body)
		}
	}
	for _, path := range []string{"/livez", "/readyz", "/metrics"} {
		wantStatus(t, request(t, http.MethodGet, "http://"+n.operator+path, ""), http.StatusOK)
	}
	for _, path := range []string{"/oauth2/token", "/v1/workspaces", "/.well-known/jwks.json"} {
		wantStatus(t, request(t, http.MethodGet, "http://"+n.operator+path, ""), http.StatusNotFound)
	}
}

func TestOnlyTestBuildsHaveAClockThatMoves(t *testing.T) {
	t.Parallel()
	release, err := build("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(release)) })
	p, err := launch(release, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	const hour = `{"advance":"1h"}`
	for _, base := range []string{p.OperatorURL, p.Issuers[0].Issuer, p.Issuers[0].API, p.Issuers[1].Issuer} {
		a := request(t, http.MethodPost, base+"/debug/clock", hour, "Content-Type", "application/json")
		if a.status != http.StatusNotFound {
			t.Errorf("%s/debug/clock of a release answers %d", base, a.status)
		}
	}
	own := startProduct(t, t.TempDir())
	wantStatus(t, request(t, http.MethodPost, own.OperatorURL+"/debug/clock", hour), http.StatusOK)
}
