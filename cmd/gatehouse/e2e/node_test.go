package e2e_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

// full reports whether tests run in full counts.
func full() bool { return os.Getenv("GATEHOUSE_TEST_FULL") == "1" }

// counts is how often something is done: reduced, or in full.
func counts(reduced, all int) int {
	if full() {
		return all
	}
	return reduced
}

// deployment is what an operator set up: a configuration, a database, an
// operator's key, a workspace with a connection, and clients.
type deployment struct {
	issuer
	dir, file, url string
	driver, dsn    string
	// enrol is the link of the first operator.
	enrol string
}

// settings is the configuration file of a deployment. Addresses and the
// database come from the environment, so that nodes can share the file.
const settings = `
server: {drain_delay: 0s}
secrets:
  root_keys: [{id: test, value: %q}]
outbound: {allow_private: [127.0.0.1/32]}
limits: {enabled: false}
issuers:
  - profile: uptimepulse
    url: %s
    connections:
      - {workspace: Example Corp, id: con_test, name: Example Corp, issuer: %q, client_id: gatehouse, client_secret: upstream-secret-1234567890, domains: [example.com]}
%s`

// deploy sets up a deployment on "sqlite" or "postgres" that nothing serves
// yet; more is added to the configuration file.
func deploy(t testing.TB, driver, more string) *deployment {
	t.Helper()
	return deployAs(t, "http", driver, more)
}

func deployAs(t testing.TB, scheme, driver, more string) *deployment {
	t.Helper()
	return deployAt(t, scheme+"://"+counterpart.FreeAddress(t), driver, more)
}

// deployAt sets up a deployment with that address.
func deployAt(t testing.TB, url, driver, more string) *deployment {
	t.Helper()
	d := &deployment{dir: t.TempDir(), driver: driver, url: url}
	d.file = filepath.Join(d.dir, "gatehouse.yaml")
	d.issuer = issuer{Name: "uptimepulse", Issuer: d.url, API: d.url, KeysPath: "/v1/auth/keys"}
	if driver == "postgres" {
		d.dsn = storagetest.Postgres(t)
	}
	writeFile(t, d.file, fmt.Sprintf(settings, randomKey(), d.url, startUpstream(t, d.url), more))
	if driver == "postgres" {
		wantExit(t, d.run(t, "migrate", "up"), 0)
	}
	said := d.run(t, "bootstrap")
	wantExit(t, said, 0)
	if d.OperatorKey = regexp.MustCompile(`up_live_[A-Za-z0-9]{64}`).FindString(said.stdout); d.OperatorKey == "" {
		t.Fatalf("bootstrap printed no key:\n%s", said.stdout)
	}
	d.enrol = regexp.MustCompile(`http\S+/enrol\?token=\S+`).FindString(said.stdout)
	return d
}

// startUpstream runs an identity provider that asks nobody.
func startUpstream(t testing.TB, issuerURL string) string {
	t.Helper()
	upstream, err := idptest.New(idptest.Config{AutoLogin: true, Users: []idptest.User{{
		Login: "alice@example.com", Subject: "alice", Email: "alice@example.com", EmailVerified: true,
	}}})
	if err == nil {
		err = upstream.Start()
	}
	if err == nil {
		err = upstream.AddClient(idptest.Client{
			ID: "gatehouse", Secret: "upstream-secret-1234567890", RedirectURIs: []string{issuerURL + "/oidc/con_test/callback"},
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = upstream.Close() })
	return upstream.Issuer()
}

// populate makes clients through a running node.
func (d *deployment) populate(t testing.TB, n *node) {
	t.Helper()
	list := n.manage(t, http.MethodGet, "/v1/workspaces", "")
	wantStatus(t, list, http.StatusOK)
	items, _ := list.json["items"].([]any)
	for _, item := range items {
		ws, _ := item.(map[string]any)
		if ws["name"] == "Example Corp" {
			d.WorkspaceID, _ = ws["id"].(string)
		}
	}
	create := func(body string) client {
		a := n.manage(t, http.MethodPost, "/v1/clients", body)
		wantStatus(t, a, http.StatusCreated)
		return client{ID: a.text("client_id"), Secret: a.text("client_secret"), RedirectURI: "https://client.example/callback"}
	}
	d.Clients.Web = create(`{"name":"web","workspace_id":"` + d.WorkspaceID + `","redirect_uris":["https://client.example/callback"],"scopes":["openid","offline_access"]}`)
	d.Clients.Service = create(`{"name":"service","workspace_id":"` + d.WorkspaceID + `","grant_types":["client_credentials"],"scopes":["monitoring:admin"]}`)
	d.Clients.Introspector = create(`{"name":"gateway","grant_types":["client_credentials"],"introspect":true,"environments":["live","test"]}`)
}

// node is a running gatehouse serve.
type node struct {
	d                 *deployment
	address, operator string
	cmd               *exec.Cmd
	output            *output
	done              chan struct{} // closed when the process has ended
	client            *http.Client
}

// output keeps what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// env is the environment of the deployment's processes.
func (d *deployment) env(more ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GATEHOUSE_") || strings.HasPrefix(v, "UP_API_KEY=") || strings.HasPrefix(v, "SP_API_KEY=")
	})
	env = append(env, "GATEHOUSE_DATABASE_DRIVER="+d.driver)
	if d.driver == "postgres" {
		env = append(env, "GATEHOUSE_DATABASE_DSN="+d.dsn)
	} else {
		env = append(env, "GATEHOUSE_DATABASE_PATH="+filepath.Join(d.dir, "gatehouse.db"))
	}
	return append(env, more...)
}

// start runs a node at the issuer's own address and waits until it is ready.
func (d *deployment) start(t testing.TB, more ...string) *node {
	t.Helper()
	_, address, _ := strings.Cut(d.url, "://")
	return d.startAt(t, address, more...)
}

// startAt runs a node that listens elsewhere: a client reaches it by another
// route under the same name.
func (d *deployment) startAt(t testing.TB, address string, more ...string) *node {
	t.Helper()
	n := d.spawn(t, address, more...)
	n.waitReady(t)
	return n
}

func (d *deployment) spawn(t testing.TB, address string, more ...string) *node {
	t.Helper()
	return d.spawnWith(t, nil, address, more...)
}

// spawnWith starts a node with flags; the rest is environment.
func (d *deployment) spawnWith(t testing.TB, flags []string, address string, more ...string) *node {
	t.Helper()
	n := &node{d: d, address: address, operator: counterpart.FreeAddress(t), output: &output{}, done: make(chan struct{})}
	n.cmd = exec.Command(binary(t), append([]string{"serve", "--config", d.file}, flags...)...)
	n.cmd.Dir = d.dir
	n.cmd.Env = d.env(append([]string{"GATEHOUSE_SERVER_PUBLIC_0_ADDRESS=" + address, "GATEHOUSE_SERVER_OPERATOR_ADDRESS=" + n.operator}, more...)...)
	n.cmd.Stdout, n.cmd.Stderr = n.output, n.output
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = n.cmd.Wait()
		close(n.done)
	}()
	t.Cleanup(func() { n.end(syscall.SIGTERM) })
	n.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		MaxIdleConnsPerHost: 128,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}, CheckRedirect: plainClient.CheckRedirect}
	return n
}

// end signals the node and waits for its end.
func (n *node) end(signal syscall.Signal) {
	_ = n.cmd.Process.Signal(signal)
	select {
	case <-n.done:
	case <-time.After(20 * time.Second):
		_ = n.cmd.Process.Kill()
		<-n.done
	}
	n.client.CloseIdleConnections()
}

func (n *node) waitReady(t testing.TB) {
	t.Helper()
	eventually(t, 30*time.Second, "the node is ready", func() bool {
		select {
		case <-n.done:
			t.Fatalf("the node ended:\n%s", n.output)
		default:
		}
		return n.ready() == http.StatusOK
	})
}

// ready is the status of /readyz, or 0 when nothing answers.
func (n *node) ready() int {
	resp, err := http.Get("http://" + n.operator + "/readyz")
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// eventually polls until the condition holds.
func eventually(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func randomKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return base64.StdEncoding.EncodeToString(key)
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
