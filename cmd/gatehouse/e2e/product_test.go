package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The binary is built once, with the clock that tests may move.
var built = sync.OnceValues(func() (string, error) { return build("testclock") })

func build(tags string) (string, error) {
	dir, err := os.MkdirTemp("", "gatehouse-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "gatehouse")
	cmd := exec.Command("go", "build", "-tags", tags, "-o", path, "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building gatehouse: %w\n%s", err, out)
	}
	return path, nil
}

func TestMain(m *testing.M) {
	for _, name := range []string{"GATEHOUSE_API_KEY", "UP_API_KEY", "SP_API_KEY", "GATEHOUSE_URL"} {
		_ = os.Unsetenv(name) // whoever runs the tests may use the product
	}
	code := m.Run()
	if shared.product != nil {
		shared.product.stop()
		_ = os.RemoveAll(shared.product.dir)
	}
	if path, err := built(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func binary(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// product is a running gatehouse demo.
type product struct {
	summary
	cmd    *exec.Cmd
	dir    string
	output *bytes.Buffer
	once   sync.Once
}

type summary struct {
	OperatorURL string   `json:"operator_url"`
	Issuers     []issuer `json:"issuers"`
	Upstream    struct {
		OIDCIssuer   string `json:"oidc_issuer"`
		SAMLMetadata string `json:"saml_metadata"`
		Users        []user `json:"users"`
	} `json:"upstream"`
}

type issuer struct {
	Name, Issuer, API string
	OperatorKey       string `json:"operator_key"`
	WorkspaceID       string `json:"workspace_id"`
	AccountID         string `json:"account_id"`
	KeysPath          string `json:"keys_path"`
	Clients           struct{ Web, SPA, Introspector, Service client }
	Keys              struct{ Live, Test string }
}

type client struct {
	ID          string `json:"client_id"`
	Secret      string `json:"client_secret"`
	RedirectURI string `json:"redirect_uri"`
	Scope       string `json:"scope"`
}

type user struct {
	Login, Password string
	MFA             bool
	Via             string
}

// startProduct runs gatehouse demo in dir until the test ends.
func startProduct(t testing.TB, dir string, args ...string) *product {
	t.Helper()
	p, err := launch(binary(t), dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	return p
}

func launch(path, dir string, args ...string) (*product, error) {
	file := filepath.Join(dir, "summary.json")
	_ = os.Remove(file)
	p := &product{dir: dir, output: &bytes.Buffer{}}
	p.cmd = exec.Command(path, append([]string{"demo", "--dir", dir, "--summary", file}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(60 * time.Second)
	for {
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &p.summary)
		}
		if err == nil {
			return p, p.waitReady(deadline)
		}
		if time.Now().After(deadline) || !alive(p.cmd) {
			p.stop()
			return nil, fmt.Errorf("gatehouse demo did not come up:\n%s", p.output)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func alive(cmd *exec.Cmd) bool { return cmd.Process.Signal(syscall.Signal(0)) == nil }

func (p *product) waitReady(deadline time.Time) error {
	for time.Now().Before(deadline) {
		resp, err := http.Get(p.OperatorURL + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.New("the server did not become ready")
}

// stop asks the product to end and waits for it.
func (p *product) stop() {
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		done := make(chan struct{})
		go func() { _ = p.cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			_ = p.cmd.Process.Kill()
			<-done
		}
	})
}

// shared is one product for all tests that leave no trace others could see.
var shared struct {
	once    sync.Once
	product *product
	err     error
}

func theProduct(t testing.TB) *product {
	t.Helper()
	shared.once.Do(func() {
		path, err := built()
		if err != nil {
			shared.err = err
			return
		}
		dir, err := os.MkdirTemp("", "gatehouse-shared-") //nolint:usetesting // it outlives the test that starts it
		if err != nil {
			shared.err = err
			return
		}
		shared.product, shared.err = launch(path, dir, "--bench") // everything comes from one address
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.product
}

func (p *product) issuer(name string) issuer {
	for _, i := range p.Issuers {
		if i.Name == name {
			return i
		}
	}
	panic("no issuer " + name)
}

func (p *product) user(name string) user {
	for _, u := range p.Upstream.Users {
		if strings.HasPrefix(u.Login, name+"@") {
			return u
		}
	}
	panic("no user " + name)
}

// advance moves the product's clock.
func (p *product) advance(t testing.TB, by string) {
	t.Helper()
	resp, err := http.Post(p.OperatorURL+"/debug/clock", "application/json", strings.NewReader(`{"advance":"`+by+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("moving the clock: %s", resp.Status)
	}
}

// bothIssuers runs a test on each product.
func bothIssuers(t *testing.T, test func(t *testing.T, p *product, i issuer)) {
	t.Helper()
	p := theProduct(t)
	for _, i := range p.Issuers {
		t.Run(i.Name, func(t *testing.T) { test(t, p, i) })
	}
}

// answer is what a server said.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (a answer) text(member string) string { s, _ := a.json[member].(string); return s }

var plainClient = &http.Client{
	Timeout:       30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func send(t testing.TB, req *http.Request) answer {
	t.Helper()
	resp, err := plainClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	_ = json.Unmarshal(body, &a.json)
	return a
}

func request(t testing.TB, method, target, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n+1 < len(headers); n += 2 {
		req.Header.Add(headers[n], headers[n+1])
	}
	return send(t, req)
}

// form posts a form, authenticated by Basic when the client has a secret and
// by client_id when it has none.
func form(t testing.TB, target string, c client, pairs ...string) answer {
	t.Helper()
	values := url.Values{}
	for n := 0; n+1 < len(pairs); n += 2 {
		values.Add(pairs[n], pairs[n+1])
	}
	if c.Secret == "" && c.ID != "" {
		values.Set("client_id", c.ID)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, target, strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.Secret != "" {
		req.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
	}
	return send(t, req)
}

func (i issuer) token(t testing.TB, c client, pairs ...string) answer {
	t.Helper()
	return form(t, i.Issuer+"/oauth2/token", c, pairs...)
}

func (i issuer) introspect(t testing.TB, token string) answer {
	t.Helper()
	return form(t, i.API+"/oauth2/introspect", i.Clients.Introspector, "token", token)
}

// active reports whether the operator's gateway is told that the token is good.
func (i issuer) active(t testing.TB, token string) bool {
	t.Helper()
	a := i.introspect(t, token)
	if a.status != http.StatusOK {
		t.Fatalf("introspection answered %d %s", a.status, a.body)
	}
	return a.json["active"] == true
}

// manage calls the management API as the operator.
func (i issuer) manage(t testing.TB, method, path, body string) answer {
	t.Helper()
	return request(t, method, i.API+path, body, "Authorization", "Bearer "+i.OperatorKey, "Content-Type", "application/json")
}

func wantStatus(t testing.TB, a answer, status int) {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
}

func wantError(t testing.TB, a answer, status int, code string) {
	t.Helper()
	if a.status != status || a.text("error") != code {
		t.Fatalf("answer %d %q, want %d %q: %s", a.status, a.text("error"), status, code, a.body)
	}
}
