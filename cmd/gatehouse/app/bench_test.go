package app_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/config"
)

// bench is the whole product, called without a network.
type bench struct {
	handler              http.Handler
	gateway, service     authz.Client
	gatewayKey, serviceK authz.Secret
}

func newBench(b testing.TB) *bench {
	b.Helper()
	cfg := config.Default()
	cfg.Database.Path = filepath.Join(b.TempDir(), "gatehouse.db")
	cfg.Secrets.GeneratedKeyFile = filepath.Join(b.TempDir(), "gatehouse.key")
	cfg.Limits.Enabled = false
	i := config.NewIssuer("uptimepulse")
	i.URL = "http://127.0.0.1:8080"
	cfg.Issuers = []config.Issuer{i}
	a, err := app.Open(b.Context(), app.Options{Config: cfg, Logger: slog.New(app.NewJSONHandler(io.Discard, slog.LevelInfo))})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = a.Close() })
	ws, err := a.EnsureWorkspace(b.Context(), "uptimepulse", "bench")
	if err != nil {
		b.Fatal(err)
	}
	by := authz.Principal{Issuer: "uptimepulse", Subject: "bench", Scopes: []string{admin.ScopeClients}, Delegation: &authz.Delegation{Issuer: "uptimepulse", Scopes: []string{"*"}}}
	made := &bench{handler: a.Handler()}
	made.gateway, made.gatewayKey = create(b, a, by, admin.ClientSettings{
		Name: "gateway", GrantTypes: []string{authz.GrantClientCredentials}, Introspect: true, Environments: []authz.Environment{authz.Live},
	})
	made.service, made.serviceK = create(b, a, by, admin.ClientSettings{
		Name: "service", WorkspaceID: ws.ID, GrantTypes: []string{authz.GrantClientCredentials}, Scopes: []string{"monitoring:admin"}, Environment: authz.Live,
	})
	return made
}

func create(b testing.TB, a *app.App, by authz.Principal, s admin.ClientSettings) (authz.Client, authz.Secret) {
	b.Helper()
	c, secret, err := a.Issuers["uptimepulse"].Admin.CreateClient(context.Background(), by, s)
	if err != nil {
		b.Fatal(err)
	}
	return c, secret
}

func (m *bench) post(b testing.TB, path, body string, c authz.Client, secret authz.Secret) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(string(c.ID), secret.Reveal())
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.Fatalf("%s answered %d %s", path, w.Code, w.Body)
	}
	return w
}

func (m *bench) token(b testing.TB) string {
	b.Helper()
	body := m.post(b, "/oauth2/token", "grant_type=client_credentials&scope=monitoring:admin", m.service, m.serviceK).Body.String()
	_, rest, _ := strings.Cut(body, `"access_token":"`)
	text, _, _ := strings.Cut(rest, `"`)
	return text
}

// discard is an answer nobody reads.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// The handler alone, warm: what introspection costs above net/http.
func BenchmarkIntrospect(b *testing.B) {
	for _, distinct := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("%d distinct", distinct), func(b *testing.B) {
			m := newBench(b)
			requests := make([]*http.Request, distinct)
			bodies := make([]*strings.Reader, distinct)
			for n := range requests {
				text := "token=" + m.token(b)
				m.post(b, "/oauth2/introspect", text, m.gateway, m.gatewayKey)
				bodies[n] = strings.NewReader(text)
				r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080/oauth2/introspect", bodies[n])
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.SetBasicAuth(string(m.gateway.ID), m.gatewayKey.Reveal())
				requests[n] = r
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				r := requests[n%distinct]
				_, _ = bodies[n%distinct].Seek(0, io.SeekStart)
				r.Body = io.NopCloser(bodies[n%distinct])
				m.handler.ServeHTTP(&discard{make(http.Header)}, r)
				n++
			}
		})
	}
}

func TestAWarmIntrospectionAllocatesLittle(t *testing.T) {
	m := newBench(t)
	text := "token=" + m.token(t)
	m.post(t, "/oauth2/introspect", text, m.gateway, m.gatewayKey)
	body := strings.NewReader(text)
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080/oauth2/introspect", body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(string(m.gateway.ID), m.gatewayKey.Reveal())
	w := &discard{make(http.Header)}
	if n := testing.AllocsPerRun(100, func() {
		_, _ = body.Seek(0, io.SeekStart)
		m.handler.ServeHTTP(w, r)
	}); n > 15 {
		t.Errorf("%.0f allocations", n)
	}
}

func BenchmarkClientCredentials(b *testing.B) {
	m := newBench(b)
	b.ReportAllocs()
	for b.Loop() {
		m.token(b)
	}
}

// The same at 32 requests at once, on disk before it answers.
func BenchmarkClientCredentialsTogether(b *testing.B) {
	m := newBench(b)
	const body = "grant_type=client_credentials&scope=monitoring:admin"
	m.token(b)
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080/oauth2/token", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth(string(m.service.ID), m.serviceK.Reveal())
			m.handler.ServeHTTP(&discard{make(http.Header)}, r)
		}
	})
}

// What verify and forward-auth cost above net/http, warm.
func BenchmarkChecks(b *testing.B) {
	m := newBench(b)
	token := m.token(b)
	caller := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080/", nil)
	caller.SetBasicAuth(string(m.gateway.ID), m.gatewayKey.Reveal())
	run := func(name, method, path, body string, change func(http.Header)) {
		b.Run(name, func(b *testing.B) {
			reader := strings.NewReader(body)
			r := httptest.NewRequest(method, "http://127.0.0.1:8080"+path, reader)
			change(r.Header)
			w := httptest.NewRecorder()
			m.handler.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				b.Fatalf("%d %s", w.Code, w.Body)
			}
			b.ReportAllocs()
			for b.Loop() {
				_, _ = reader.Seek(0, io.SeekStart)
				r.Body = io.NopCloser(reader)
				m.handler.ServeHTTP(&discard{make(http.Header)}, r)
			}
		})
	}
	run("verify", http.MethodPost, "/v1/verify", `{"credential":"`+token+`","client_ip":"192.0.2.7","method":"GET"}`, func(h http.Header) {
		h.Set("Authorization", caller.Header.Get("Authorization"))
		h.Set("Content-Type", "application/json")
	})
	run("forward-auth", http.MethodGet, "/v1/forward-auth?action=monitoring:admin", "", func(h http.Header) {
		h.Set("X-Gatehouse-Caller", caller.Header.Get("Authorization"))
		h.Set("Authorization", "Bearer "+token)
	})
}
