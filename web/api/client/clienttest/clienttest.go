// Package clienttest runs a whole Gatehouse for a test: gatehouse demo, with an
// operator, a workspace, clients and keys for each of two issuers, on loopback
// and an embedded database of its own.
//
// The binary is the one GATEHOUSE_TEST_BINARY names; without it, a test in
// Gatehouse's own source tree builds it, and another is skipped.
package clienttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

// Demo is what gatehouse demo --summary tells.
type Demo struct {
	OperatorURL string   `json:"operator_url"`
	Issuers     []Issuer `json:"issuers"`
	Upstream    struct {
		OIDCIssuer   string `json:"oidc_issuer"`
		SAMLMetadata string `json:"saml_metadata"`
	} `json:"upstream"`
}

// Issuer is one product's authorization server, with what there is to try.
type Issuer struct {
	Name        string `json:"name"`
	URL         string `json:"issuer"`
	API         string `json:"api"`
	OperatorKey string `json:"operator_key"`
	WorkspaceID string `json:"workspace_id"`
	Clients     struct {
		Introspector, Service Client
	} `json:"clients"`
	Keys struct{ Live, Test string } `json:"keys"`
}

// Client is a registered client.
type Client struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
	Scope  string `json:"scope"`
}

// As is the issuer's API for whoever has the credential.
func (i Issuer) As(t testing.TB, c client.Credential) *client.API {
	t.Helper()
	api, err := client.New(client.Config{URL: i.API, Credential: c})
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// Operator is the issuer's API for its operator.
func (i Issuer) Operator(t testing.TB) *client.API { return i.As(t, client.APIKey(i.OperatorKey)) }

// Start runs a demo until the test ends.
func Start(t testing.TB) *Demo {
	t.Helper()
	d, stop, err := Launch()
	if errors.Is(err, errNone) {
		missing(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return d
}

// Launch runs a demo until stop is called, for the tests of a whole package.
func Launch() (d *Demo, stop func(), err error) {
	path, err := binary()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "gatehouse-clienttest-")
	if err != nil {
		return nil, nil, err
	}
	d, end, err := run(path, dir)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, nil, err
	}
	return d, func() { end(); _ = os.RemoveAll(dir) }, nil
}

// Advance moves the clock of the whole demo. It takes a binary built with
// -tags testclock, as the one is that a test builds; with another the test is
// skipped.
func (d *Demo) Advance(t testing.TB, by time.Duration) {
	t.Helper()
	resp, err := http.Post(d.OperatorURL+"/debug/clock", "application/json", strings.NewReader(fmt.Sprintf(`{"advance":%q}`, by)))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusNoContent:
	case http.StatusNotFound:
		missing(t, "GATEHOUSE_TEST_BINARY is not built with -tags testclock")
	default:
		t.Fatalf("moving the clock: %s", resp.Status)
	}
}

// Binary is the path of gatehouse, for tests of its command line.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		missing(t, err.Error())
	}
	return path
}

// missing ends a test that lacks something: it is skipped, or fails where
// CI=true, as nothing may go untested unnoticed there.
func missing(t testing.TB, what string) {
	t.Helper()
	if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci {
		t.Fatal(what)
	}
	t.Skip(what)
}

const startTime = time.Minute

func run(path, dir string) (*Demo, func(), error) {
	file := filepath.Join(dir, "summary.json")
	var output bytes.Buffer
	cmd := exec.Command(path, "demo", "--dir", dir, "--summary", file)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop := func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(startTime); ; {
		select {
		case <-ended:
			return nil, nil, fmt.Errorf("gatehouse demo ended:\n%s", output.String())
		case <-late:
			stop()
			return nil, nil, errors.New("gatehouse demo did not come up within a minute")
		case <-tick.C:
		}
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it appears whole, once all is served
		}
		d := new(Demo)
		if err := json.Unmarshal(text, d); err != nil {
			stop()
			return nil, nil, err
		}
		return d, stop, nil
	}
}

var errNone = errors.New("GATEHOUSE_TEST_BINARY names no gatehouse, and this is not its source tree")

// binary is found, or built, once in a test process.
var binary = sync.OnceValues(find) //nolint:gochecknoglobals // a test process has one

func find() (string, error) {
	if path := os.Getenv("GATEHOUSE_TEST_BINARY"); path != "" {
		return path, nil
	}
	root, err := sourceTree()
	if err != nil {
		return "", err
	}
	return build(root)
}

// build leaves the binary where the next build replaces it.
func build(root string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "gatehouse-clienttest", "gatehouse")
	part := fmt.Sprintf("%s.%d", path, os.Getpid())
	cmd := exec.Command("go", "build", "-buildvcs=false", "-tags", "testclock", "-o", part, "./cmd/gatehouse")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOTOOLCHAIN=local")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building gatehouse: %w\n%s", err, out)
	}
	return path, os.Rename(part, path)
}

// sourceTree is the folder of Gatehouse's own module above this one.
func sourceTree() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module github.com/gatehouse-auth/gatehouse\n") {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errNone
		}
		dir = up
	}
}
