package counterpart

import (
	_ "embed"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

//go:embed nginx.conf
var nginxConf string

// Gateway is how an nginx asks about the requests it holds back.
type Gateway struct {
	API    string // where /v1/forward-auth is
	Caller string // id:secret in base64
	Query  string // what every request needs
}

// Nginx starts Debian's nginx with auth_request on address (see FreeAddress) and
// returns its base URL. Whoever is let through gets one page, with the
// workspace and subject that the gateway was told in X-Workspace and X-Subject.
func Nginx(t testing.TB, address string, g Gateway) string {
	t.Helper()
	nginx := program("nginx")
	if _, err := os.Stat(nginx); err != nil {
		storagetest.Missing(t, "nginx", "run make deps, or install nginx")
	}
	return daemon(t, "nginx", address, nginx, "-e", "stderr", "-c", nginxConfig(t, address, g))
}

// nginxConfig writes the configuration, and the page beside it.
func nginxConfig(t testing.TB, address string, g Gateway) string {
	t.Helper()
	api, err := url.Parse(g.API)
	if err != nil {
		t.Fatal(err)
	}
	dir, file := daemonDir(t, "nginx", nginxConf, map[string]any{
		"Address": address, "API": g.API, "Host": api.Host, "Caller": g.Caller, "Query": g.Query,
	})
	if err := os.WriteFile(filepath.Join(dir, "page"), []byte("through"), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}
