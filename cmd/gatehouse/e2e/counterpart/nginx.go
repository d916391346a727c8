package counterpart

import (
	_ "embed"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"testing"
	"text/template"

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
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx = "/usr/sbin/nginx"
	}
	if _, err := os.Stat(nginx); err != nil {
		storagetest.Missing(t, "nginx", "run make deps, or install nginx")
	}
	conf := nginxDir(t, address, g)
	p := start(t, "nginx", exec.Command("sh", "-c", supervise, "nginx", nginx, "-e", "stderr", "-c", conf))
	base := "http://" + address
	if !answers(p, base+"/") {
		t.Fatalf("nginx does not answer: %s", p.said)
	}
	return base
}

func nginxDir(t testing.TB, address string, g Gateway) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gatehouse-nginx-") //nolint:usetesting // t.TempDir is closed to nginx's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	api, err := url.Parse(g.API)
	if err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "nginx.conf")
	conf, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer conf.Close()
	values := map[string]any{
		"Dir": dir, "Address": address, "API": g.API, "Host": api.Host, "Caller": g.Caller, "Query": g.Query, "AsRoot": me.Uid == "0",
	}
	if err := template.Must(template.New("conf").Parse(nginxConf)).Execute(conf, values); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{os.Chmod(dir, 0o755), os.WriteFile(filepath.Join(dir, "page"), []byte("through"), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return file
}
