package conformance

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// The binary is built once, with the clock that tests may move.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "gatehouse-conformance-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "gatehouse")
	cmd := exec.Command("go", "build", "-tags", "testclock", "-o", path, "../..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building gatehouse: %w\n%s", err, out)
	}
	return path, nil
})

// Two servers serve all tests: one whose clock is left alone, for tests that
// run beside each other, and one whose clock they move, one after the other.
var steady, movable kept

// kept is a server that is started when it is first needed.
type kept struct {
	once   sync.Once
	server *server
	err    error
}

func (k *kept) get(t *testing.T) *server {
	t.Helper()
	k.once.Do(func() { k.server, k.err = launch() })
	if k.err != nil {
		t.Fatal(k.err)
	}
	return k.server
}

// theServer is shared by the tests that leave the clock alone.
func theServer(t *testing.T) *server {
	t.Helper()
	return steady.get(t)
}

// movableServer is for tests that move the clock, and so must not be parallel.
func movableServer(t *testing.T) *server {
	t.Helper()
	return movable.get(t)
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, k := range []*kept{&steady, &movable} {
		if k.server != nil {
			k.server.stop()
		}
	}
	if path, err := built(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// server is gatehouse serve on the default profile over TLS, with a workspace
// whose people sign in at an upstream of its own.
type server struct {
	URL       string // the issuer
	operator  string
	dir       string
	key       string // the operator's
	workspace string
	roots     *x509.CertPool
	pair      tls.Certificate
	client    *http.Client // follows no redirect
	upstream  *idptest.Provider
	shift     atomic.Int64
	cmd       *exec.Cmd
	output    bytes.Buffer
	callbacks *callbacks
	mcp       string // an MCP server that issuers of tokens know
}

const upstreamSecret = "upstream-secret-1234567890"

// The people at the upstream. alice has every claim.
const (
	alice    = "alice@example.com"
	bob      = "bob@example.com"
	password = "correct horse battery staple"
)

const settings = `
server:
  public: [{address: %q, tls: {cert_file: %q, key_file: %q, min_version: "1.2"}}]
  operator: {address: %q}
  drain_delay: 0s
database: {driver: sqlite, path: %q}
secrets: {root_keys: [{id: test, value: %q}]}
outbound: {allow_private: [127.0.0.1/32]}
limits: {enabled: false}
issuers:
  - profile: default
    url: %q
    signing: {algorithms: [RS256, ES256, PS256, EdDSA]}
    oauth:
      subject_types: [public, pairwise]
      acr_values: [%q, %q]
      scopes:
        - {name: openid, description: Confirm who you are}
        - {name: profile, description: See your name and profile}
        - {name: email, description: See your e-mail address}
        - {name: phone, description: See your telephone number}
        - {name: address, description: See your address}
        - {name: offline_access, description: Stay connected while you are away}
        - {name: "tools:use", description: Use the tools}
      resources:
        - {uri: %q, display_name: Tools, scopes: ["tools:use"]}
      client_id_metadata_documents: {enabled: true, scopes: ["tools:use", offline_access]}
    connections:
      - {workspace: Example Corp, id: con_test, name: Example Corp, issuer: %q, client_id: gatehouse, client_secret: %q, domains: [example.com], scopes: [openid, profile, email, phone, address]}
`

func launch() (*server, error) {
	path, err := built()
	if err != nil {
		return nil, err
	}
	s := &server{}
	if s.dir, err = os.MkdirTemp("", "gatehouse-conformance-"); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if s.operator, err = freeAddress(); err != nil {
		return nil, err
	}
	s.URL = "https://" + address
	tools, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s.mcp = "http://" + tools + "/mcp"
	if err := s.certify(); err != nil {
		return nil, err
	}
	if err := s.startUpstream(); err != nil {
		return nil, err
	}
	file := filepath.Join(s.dir, "gatehouse.yaml")
	text := fmt.Sprintf(settings, address, s.path("tls.crt"), s.path("tls.key"), s.operator, s.path("gatehouse.db"), randomKey(), s.URL,
		idptest.ACRPassword, idptest.ACRMultiFactor, s.mcp, s.upstream.Issuer(), upstreamSecret)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	if err := s.run(path, file); err != nil {
		s.stop()
		return nil, err
	}
	s.callbacks = newCallbacks(s.pair)
	return s, s.findWorkspace()
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

func (s *server) path(name string) string { return filepath.Join(s.dir, name) }

// certify makes the one certificate of server and callbacks, and what trusts it.
func (s *server) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "conformance"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	crt := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pk := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	if err := os.WriteFile(s.path("tls.crt"), crt, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(s.path("tls.key"), pk, 0o600); err != nil {
		return err
	}
	if s.pair, err = tls.X509KeyPair(crt, pk); err != nil {
		return err
	}
	s.roots = x509.NewCertPool()
	s.roots.AppendCertsFromPEM(crt)
	s.client = s.newClient()
	return nil
}

// newClient trusts the certificate and follows no redirect.
func (s *server) newClient() *http.Client {
	return &http.Client{
		Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *server) startUpstream() (err error) {
	s.upstream, err = idptest.New(idptest.Config{
		Now: s.now,
		Users: []idptest.User{
			{Login: alice, Password: password, Subject: "u-alice", Email: alice, EmailVerified: true, Profile: idp.Profile{
				Name: "Alice Adams", GivenName: "Alice", FamilyName: "Adams", MiddleName: "B.", Nickname: "al", PreferredUsername: "alice",
				ProfileURL: "https://example.com/alice", Picture: "https://example.com/alice.png", Website: "https://alice.example",
				Gender: "female", Birthdate: "1990-01-02", Zoneinfo: "Europe/Paris", Locale: "en-GB", UpdatedAt: time.Unix(1_700_000_000, 0),
				Address: idp.Address{Formatted: "1 Main St\nParis", Country: "FR"}, PhoneNumber: "+33 1 23 45 67 89", PhoneVerified: true,
			}},
			{Login: bob, Password: password, Subject: "u-bob", Email: bob, EmailVerified: true, MFA: true},
		},
	})
	if err != nil {
		return err
	}
	if err := s.upstream.Start(); err != nil {
		return err
	}
	return s.upstream.AddClient(idptest.Client{ID: "gatehouse", Secret: upstreamSecret, RedirectURIs: []string{s.URL + "/oidc/con_test/callback"}})
}

// now is the server's time, as far as tests have moved it.
func (s *server) now() time.Time { return time.Now().Add(time.Duration(s.shift.Load())) }

// advance moves the clocks of server and upstream.
func (s *server) advance(t *testing.T, by time.Duration) {
	t.Helper()
	resp, err := http.Post("http://"+s.operator+"/debug/clock", "application/json", strings.NewReader(`{"advance":"`+by.String()+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("moving the clock: %s", resp.Status)
	}
	s.shift.Add(int64(by))
}

// run makes the operator's key and starts the server.
func (s *server) run(path, file string) error {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GATEHOUSE_") })
	env = append(env, "SSL_CERT_FILE="+s.path("tls.crt"))
	bootstrap := exec.Command(path, "bootstrap", "--config", file)
	bootstrap.Env = env
	out, err := bootstrap.CombinedOutput()
	if s.key = regexp.MustCompile(`gk_live_[A-Za-z0-9]{64}`).FindString(string(out)); err != nil || s.key == "" {
		return fmt.Errorf("bootstrap: %w\n%s", err, out)
	}
	s.cmd = exec.Command(path, "serve", "--config", file)
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = env, &s.output, &s.output
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get("http://" + s.operator + "/readyz")
		if err != nil {
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("the server did not become ready:\n%s", s.output.String())
}

func (s *server) stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		_ = s.cmd.Wait()
	}
	if s.callbacks != nil {
		s.callbacks.server.Close()
	}
	_ = s.upstream.Close()
	_ = os.RemoveAll(s.dir)
}

// answer is what a server said.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (a answer) text(member string) string { s, _ := a.json[member].(string); return s }

// send makes a request that follows no redirect; headers are names and values.
func (s *server) send(t *testing.T, method, target, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n+1 < len(headers); n += 2 {
		req.Header.Add(headers[n], headers[n+1])
	}
	a, err := s.do(req)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (s *server) do(req *http.Request) (answer, error) {
	resp, err := s.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	_ = json.Unmarshal(body, &a.json)
	return a, err
}

// manage calls the management API as the operator.
func (s *server) manage(method, path, body string) (answer, error) {
	req, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	req.Header.Set("Content-Type", "application/json")
	return s.do(req)
}

func (s *server) findWorkspace() error {
	list, err := s.manage(http.MethodGet, "/v1/workspaces", "")
	if err != nil {
		return err
	}
	items, _ := list.json["items"].([]any)
	for _, item := range items {
		if ws, _ := item.(map[string]any); ws["name"] == "Example Corp" {
			s.workspace, _ = ws["id"].(string)
			return nil
		}
	}
	return fmt.Errorf("no workspace: %d %s", list.status, list.body)
}

func randomKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return base64.StdEncoding.EncodeToString(key)
}
