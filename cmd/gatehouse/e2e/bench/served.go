package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// Who signs in during W4 and W5, and where: at a scripted OpenID provider in
// this process, on the core of the load.
const (
	person      = "ada@bench.example"
	redirectURI = "https://app.bench.example/callback"
	upstreamID  = "con_bench"
)

const configuration = `
server:
  public: [{address: "%[1]s"}]
  operator: {address: "127.0.0.1:0"}
  drain_delay: 0s
database: {%[2]s}
secrets: {root_keys: [{id: bench, value: "YmVuY2htYXJrcyBvbmx5LCBub3RoaW5nIGVsc2UgISE="}]}
limits: {enabled: false}
outbound: {allow_private: ["127.0.0.0/8"]}
issuers:
  - profile: default
    url: http://%[1]s
    connections:
      - {workspace: Bench, id: con_bench, name: Bench, issuer: "%[3]s", client_id: bench, client_secret: bench-secret, domains: [bench.example]}
`

// startServed starts the server with a provider that people sign in at, on
// SQLite in a directory that goes with it, or on the PostgreSQL of o.dsn.
func startServed(ctx context.Context, o options) (_ *server, _ func(), err error) {
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return nil, nil, fmt.Errorf("making room for the server: %w", err)
	}
	undo := []func(){func() { _ = os.RemoveAll(dir) }}
	stop := func() {
		for n := len(undo) - 1; n >= 0; n-- {
			undo[n]()
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	address, err := freeAddress()
	if err != nil {
		return nil, nil, err
	}
	provider, err := startProvider("http://" + address)
	if err != nil {
		return nil, nil, err
	}
	undo = append(undo, func() { _ = provider.Close() })

	path := filepath.Join(dir, "gatehouse.db")
	database := fmt.Sprintf("driver: sqlite, path: %q", path)
	if o.dsn != "" {
		database, path = fmt.Sprintf("driver: postgres, dsn: %q", o.dsn), ""
	}
	file := filepath.Join(dir, "gatehouse.yaml")
	text := fmt.Sprintf(configuration, address, database, provider.Issuer())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, nil, fmt.Errorf("writing the configuration: %w", err)
	}
	operator, err := bootstrap(ctx, o, file)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	said := &bytes.Buffer{}
	cmd := onCore(ctx, o.server, o.gatehouse, "serve", "--config", file, "--migrate")
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, nil, fmt.Errorf("starting %s: %w", o.gatehouse, err)
	}
	undo = append(undo, func() { cancel(); _ = cmd.Wait() })
	s := &server{
		pid: cmd.Process.Pid, database: path, Issuer: "http://" + address,
		provider: strings.TrimPrefix(provider.Issuer(), "http://"),
	}
	if err := s.settle(ctx, operator); err != nil {
		return nil, nil, err
	}
	return s, stop, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it listens at once or not at all
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func startProvider(issuer string) (*idptest.Provider, error) {
	p, err := idptest.New(idptest.Config{
		AutoLogin: true, Algorithm: "ES256",
		Users: []idptest.User{{Login: person, Subject: "ada", Email: person, EmailVerified: true}},
		Clients: []idptest.Client{{
			ID: "bench", Secret: "bench-secret", RedirectURIs: []string{issuer + "/oidc/" + upstreamID + "/callback"},
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("the provider: %w", err)
	}
	return p, p.Start()
}

var operatorKey = regexp.MustCompile(`\bgk_live_[A-Za-z0-9]{64}\b`)

// bootstrap makes the database and the operator's key.
func bootstrap(ctx context.Context, o options, file string) (string, error) {
	for _, args := range [][]string{{"migrate", "up", "--config", file}, {"bootstrap", "--config", file}} {
		out, err := exec.CommandContext(ctx, o.gatehouse, args...).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("gatehouse %s: %w\n%s", args[0], err, out)
		}
		if key := operatorKey.Find(out); key != nil {
			return string(key), nil
		}
	}
	return "", errors.New("gatehouse bootstrap printed no key")
}

// settle waits for the server and registers what the workloads need.
func (s *server) settle(ctx context.Context, operator string) error {
	for late := time.Now().Add(startTime); ; {
		err := discover(ctx, s.Issuer, s)
		if err == nil {
			break
		}
		if time.Now().After(late) || ctx.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	var workspaces struct{ Items []struct{ ID string } }
	if err := s.manage(ctx, operator, http.MethodGet, "/v1/workspaces", nil, &workspaces); err != nil {
		return err
	}
	if len(workspaces.Items) == 0 {
		return errors.New("the workspace of the connection is not there")
	}
	ws := workspaces.Items[0].ID
	register := func(to *client, settings map[string]any) error {
		return s.manage(ctx, operator, http.MethodPost, "/v1/clients", settings, to)
	}
	web := func(algorithm string) map[string]any {
		return map[string]any{
			"name": "Bench", "workspace_id": ws, "redirect_uris": []string{redirectURI}, "id_token_signed_response_alg": algorithm,
			"scopes": []string{"openid", "offline_access"}, "grant_types": []string{"authorization_code", "refresh_token"},
		}
	}
	return errors.Join(
		register(&s.introspector, map[string]any{"name": "gateway", "grant_types": []string{"client_credentials"}, "introspect": true, "environments": []string{"live", "test"}}),
		register(&s.service, map[string]any{"name": "service", "workspace_id": ws, "grant_types": []string{"client_credentials"}, "scopes": []string{"email"}, "environment": "live"}),
		register(&s.web, web("ES256")),
		register(&s.webRSA, web("RS256")),
	)
}

// manage calls the management API.
func (s *server) manage(ctx context.Context, key, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.Issuer+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if in == nil {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(out)
}
