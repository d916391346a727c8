package conformance

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// suiteFile is a configuration that `gatehouse demo --conformance` wrote, as the
// suite reads it.
type suiteFile struct {
	Alias    string                                    `json:"alias"`
	Server   struct{ DiscoveryURL string }             `json:"server"`
	Client   suiteClient                               `json:"client"`
	Client2  suiteClient                               `json:"client2"`
	MTLS     suiteCertificate                          `json:"mtls"`
	MTLS2    suiteCertificate                          `json:"mtls2"`
	Resource struct{ ResourceURL string }              `json:"resource"`
	Browser  []suiteVisit                              `json:"browser"`
	Override map[string]struct{ Browser []suiteVisit } `json:"override"`
}

type suiteClient struct {
	ID     string          `json:"client_id"`
	Secret string          `json:"client_secret"`
	Scope  string          `json:"scope"`
	JWKS   json.RawMessage `json:"jwks"`
	// Initial is what the suite registers clients of its own with.
	Initial string `json:"initial_access_token"`
}

type suiteCertificate struct{ Cert, Key string }

type suiteVisit struct {
	Match string `json:"match"`
	Limit *int   `json:"match-limit"`
	Tasks []struct {
		Task, Match string
		Optional    bool
		Commands    [][]any
	} `json:"tasks"`
}

// suiteRun is a demo for a suite that answers whatever it is asked.
type suiteRun struct {
	t     *testing.T
	dir   string
	suite *httptest.Server
	roots *x509.CertPool
	// posted are the logout tokens that came to the suite, and where.
	posted chan string
}

func startSuite(t *testing.T) *suiteRun {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	s := &suiteRun{t: t, dir: t.TempDir(), roots: x509.NewCertPool(), posted: make(chan string, 16)}
	s.suite = httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			s.posted <- r.URL.Path + " " + r.FormValue("logout_token")
		}
	}))
	t.Cleanup(s.suite.Close)
	trusted := filepath.Join(s.dir, "suite.pem")
	if err := os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.suite.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "demo", "--conformance", s.suite.URL, "--dir", s.dir)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GATEHOUSE_") })
	cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+trusted)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() })
	s.roots.AddCert(s.suite.Certificate())
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if authority, err := os.ReadFile(filepath.Join(s.dir, "conformance", "ca.crt")); err != nil || !s.roots.AppendCertsFromPEM(authority) {
			continue
		}
		if _, err := os.Stat(filepath.Join(s.dir, "conformance", "fapi2-signing-mtls-mtls.json")); err != nil {
			continue // the last one that is written
		}
		if resp, err := s.client(suiteCertificate{}).Get(s.file("oidcc").Server.DiscoveryURL); err == nil {
			_ = resp.Body.Close()
			return s
		}
	}
	t.Fatal("the demo did not become ready")
	return nil
}

// client bears a certificate, if there is one, and follows no redirect.
func (s *suiteRun) client(of suiteCertificate) *http.Client {
	s.t.Helper()
	conf := &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}
	if of.Cert != "" {
		pair, err := tls.X509KeyPair([]byte(of.Cert), []byte(of.Key))
		if err != nil {
			s.t.Fatal(err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{
		Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: conf},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *suiteRun) browser() *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client := s.client(suiteCertificate{})
	client.Jar = jar
	return &browser{t: s.t, client: client}
}

func (s *suiteRun) file(name string) suiteFile {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "conformance", name+".json"))
	if err != nil {
		s.t.Fatal(err)
	}
	var f suiteFile
	if err := json.Unmarshal(text, &f); err != nil {
		s.t.Fatal(err)
	}
	return f
}

func (s *suiteRun) metadata(f suiteFile) answer {
	s.t.Helper()
	a, err := (&server{client: s.client(suiteCertificate{})}).do(request(s.t, http.MethodGet, f.Server.DiscoveryURL, nil))
	if err != nil || a.status != http.StatusOK || f.Server.DiscoveryURL != a.text("issuer")+f.discoveryPath() {
		s.t.Fatalf("%s: %d %s %v", f.Server.DiscoveryURL, a.status, a.body, err)
	}
	return a
}

func (f suiteFile) discoveryPath() string {
	return f.Server.DiscoveryURL[strings.Index(f.Server.DiscoveryURL, "/.well-known/"):]
}

func request(t *testing.T, method, target string, form url.Values) *http.Request {
	t.Helper()
	req, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req
}

// play opens an address and works the pages, as the suite's browser does. It
// reports whether the suite was handed a page it wants to see.
func (b *browser) play(visits []suiteVisit, target string) (p *page, seen bool) {
	b.t.Helper()
	n := slices.IndexFunc(visits, func(v suiteVisit) bool { return wildcard(v.Match, target) && (v.Limit == nil || *v.Limit > 0) })
	if n < 0 {
		b.t.Fatalf("nothing is told of %s", target)
	}
	if visits[n].Limit != nil {
		*visits[n].Limit--
	}
	p = b.get(target)
	for _, task := range visits[n].Tasks {
		if task.Match != "" && !wildcard(task.Match, p.url.String()) {
			if !task.Optional {
				b.t.Fatalf("%s: the browser is at %s (status %d)\n%s", task.Task, p.url, p.status, p.body)
			}
			continue
		}
		if task.Commands == nil {
			b.t.Fatalf("%s: no list of commands, not even an empty one", task.Task)
		}
		fill := map[string]string{}
		for _, c := range task.Commands {
			switch kind, id := c[1].(string), c[2].(string); {
			case c[0] == "text":
				fill[id] = c[3].(string)
			case c[0] == "click" && (p.element(id) != nil || len(c) == 3):
				p = b.submit(p, id, fill)
			case c[0] == "wait" && kind == "contains" && !strings.Contains(p.url.String(), id),
				c[0] == "wait" && kind == "id" && id != "submission_complete" && p.element(id) == nil:
				b.t.Fatalf("%s: waiting for %s at %s (status %d)\n%s", task.Task, id, p.url, p.status, p.body)
			case c[0] == "wait" && len(c) > 4 && !regexp.MustCompile(c[4].(string)).MatchString(p.text(id)):
				b.t.Fatalf("%s: %s has no text that is %s at %s", task.Task, id, c[4], p.url)
			case c[0] == "wait" && len(c) > 5:
				seen = true
			}
		}
	}
	return p, seen
}

// wildcard matches as the suite does: a star for any number of characters.
func wildcard(pattern, text string) bool {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$").MatchString(text)
}

// The files that the demo writes for the suite lead through its plans.
func TestTheDemoWritesWhatTheSuiteNeeds(t *testing.T) {
	t.Parallel()
	s := startSuite(t)
	t.Run("oidcc", s.openIDConnect)
	t.Run("oidcc-dynamic", s.dynamic)
	t.Run("fapi2", s.fapi2)
}

// openIDConnect is sign-in, the pages that must be seen, the ways of signing out.
func (s *suiteRun) openIDConnect(t *testing.T) {
	for _, name := range []string{"oidcc", "oidcc-backchannel", "oidcc-frontchannel"} {
		f := s.file(name)
		meta := s.metadata(f)
		asked := func(more ...string) string {
			q := url.Values{
				"client_id": {f.Client.ID}, "redirect_uri": {s.suite.URL + "/test/a/" + f.Alias + "/callback"}, "response_type": {"code"},
				"scope": {"openid"}, "state": {"s"}, "nonce": {"n"},
			}
			for n := 0; n+1 < len(more); n += 2 {
				q.Set(more[n], more[n+1])
			}
			return meta.text("authorization_endpoint") + "?" + q.Encode()
		}
		signIn := func(b *browser) (idToken string) {
			p, _ := b.play(f.Browser, asked())
			req := request(t, http.MethodPost, meta.text("token_endpoint"), url.Values{
				"grant_type": {"authorization_code"}, "code": {p.url.Query().Get("code")}, "redirect_uri": {s.suite.URL + "/test/a/" + f.Alias + "/callback"},
			})
			req.SetBasicAuth(f.Client.ID, f.Client.Secret)
			a, err := (&server{client: s.client(suiteCertificate{})}).do(req)
			if err != nil || a.status != http.StatusOK {
				t.Fatalf("%s: %v %d %s", name, err, a.status, a.body)
			}
			return a.text("id_token")
		}
		bye := s.suite.URL + "/test/a/" + f.Alias + "/post_logout_redirect"
		b := s.browser()
		p, _ := b.play(f.Browser, meta.text("end_session_endpoint")+"?"+url.Values{
			"id_token_hint": {signIn(b)}, "post_logout_redirect_uri": {bye}, "state": {"z"},
		}.Encode())
		if p.url.String() != bye+"?state=z" || (len(b.frames) == 1) != (name == "oidcc-frontchannel") {
			t.Errorf("%s: signed out to %s, frames %v", name, p.url, b.frames)
		}
		if name == "oidcc-backchannel" {
			select {
			case got := <-s.posted:
				if !strings.HasPrefix(got, "/test/a/"+f.Alias+"/backchannel_logout ey") {
					t.Errorf("the suite was told %q", got)
				}
			case <-time.After(time.Minute):
				t.Error("the suite was not told of the logout")
			}
		}
		for module, override := range f.Override {
			if name != "oidcc" || !strings.HasPrefix(module, "oidcc-") {
				continue
			}
			b := s.browser()
			target := asked("redirect_uri", s.suite.URL+"/other")
			switch {
			case strings.Contains(module, "logout-no-p"), strings.Contains(module, "logout-only-"):
				signIn(b)
				target = meta.text("end_session_endpoint")
			case strings.Contains(module, "logout-"):
				signIn(b)
				target = meta.text("end_session_endpoint") + "?post_logout_redirect_uri=" + url.QueryEscape(bye+"x")
			case strings.Contains(module, "prompt-login"), strings.Contains(module, "max-age-1"):
				target = asked("prompt", "login")
			}
			if _, seen := b.play(override.Browser, target); !seen {
				t.Errorf("%s: %s was shown nothing", name, module)
			}
		}
	}
}

// dynamic is client_registration=dynamic_client: a client registers itself, goes
// the same way, and unregisters (RFC 7591, RFC 7592).
func (s *suiteRun) dynamic(t *testing.T) {
	f := s.file("oidcc-dynamic")
	meta := s.metadata(f)
	call := func(method, target, token, body string) answer {
		t.Helper()
		req, err := http.NewRequest(method, target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		a, err := (&server{client: s.client(suiteCertificate{})}).do(req)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	callback := s.suite.URL + "/test/a/" + f.Alias + "/callback"
	client := call(http.MethodPost, meta.text("registration_endpoint"), f.Client.Initial,
		`{"client_name":"suite","grant_types":["authorization_code"],"response_types":["code"],"redirect_uris":["`+callback+`"]}`)
	if client.status != http.StatusCreated {
		t.Fatalf("%d %s", client.status, client.body)
	}
	p, _ := s.browser().play(f.Browser, meta.text("authorization_endpoint")+"?"+url.Values{
		"client_id": {client.text("client_id")}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile email phone address"},
	}.Encode())
	if p.url.Query().Get("code") == "" {
		t.Errorf("the response is %s", p.url)
	}
	at, hold := client.text("registration_client_uri"), client.text("registration_access_token")
	if a := call(http.MethodDelete, at, hold, ""); a.status != http.StatusNoContent {
		t.Errorf("unregistered: %d %s", a.status, a.body)
	}
	if a := call(http.MethodGet, at, hold, ""); a.status != http.StatusUnauthorized {
		t.Errorf("and still there: %d %s", a.status, a.body)
	}
}

// fapi2 is every variant, from the pushed request to the resource, by both
// clients.
func (s *suiteRun) fapi2(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(s.dir, "conformance", "fapi2-*.json"))
	if err != nil || len(files) != 16 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		f := s.file(name)
		meta := s.metadata(f)
		for n, client := range []suiteClient{f.Client, f.Client2} {
			c := newSuiteRP(s, name, f, meta, client, []suiteCertificate{f.MTLS, f.MTLS2}[n])
			form := url.Values{"grant_type": {"client_credentials"}, "scope": {client.Scope}}
			if !strings.Contains(name, "credentials") {
				form = c.authorized(n)
			}
			got := c.post("token_endpoint", form)
			if got.status != http.StatusOK || (got.text("id_token") != "") != strings.Contains(client.Scope, "openid") {
				t.Errorf("%s: tokens: %d %s", name, got.status, got.body)
				continue
			}
			if a := c.resource(got.text("access_token")); a.status != http.StatusOK {
				t.Errorf("%s: %s: %d %s", name, f.Resource.ResourceURL, a.status, a.body)
			}
			if strings.Contains(name, "credentials") {
				continue
			}
			rejected := maps.Clone(f.Override)["fapi2-security-profile-final-user-rejects-authentication"]
			if q := c.visited(rejected.Browser, c.pushed(n)); q.Get("error") != "access_denied" {
				t.Errorf("%s: rejected: %v", name, q)
			}
			if n == 0 {
				c.usesARequestURITwice()
				c.signsInAtTheSecondVisit()
			}
		}
	}
}
