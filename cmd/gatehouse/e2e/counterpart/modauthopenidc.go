package counterpart

import (
	"cmp"
	"crypto/rand"
	_ "embed"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"testing"
	"text/template"
	"time"

	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

// modules is where Debian keeps Apache's modules.
const modules = "/usr/lib/apache2/modules"

// supervise runs its arguments until they end or standard input does.
const supervise = `exec 3<&0; "$@" </dev/null 3<&- >&2 & server=$!
{ cat <&3; kill -TERM $server; } >/dev/null 2>&1 & wait $server`

//go:embed modauthopenidc.conf
var apacheConf string

// ModAuthOpenIDCRedirect is the redirect URI of a ModAuthOpenIDC that will
// listen on address.
func ModAuthOpenIDCRedirect(address string) string {
	return "http://" + address + "/protected/callback"
}

// ModAuthOpenIDC starts Debian's Apache with mod_auth_openidc on address (see
// FreeAddress) and returns its base URL. Everything under /protected/ wants a
// sign-in at rp.Issuer by code flow with PKCE; /protected/ then shows one line
// NAME=value for each claim as OIDC_CLAIM_name, and
// /protected/callback?info=json the session as JSON. Apache answers 401 instead
// of redirecting to clients whose Accept header does not ask for text/html.
func ModAuthOpenIDC(t testing.TB, address string, rp RelyingParty) string {
	t.Helper()
	apache, err := exec.LookPath("apache2")
	if err != nil {
		apache = "/usr/sbin/apache2"
	}
	for _, file := range []string{apache, modules + "/mod_auth_openidc.so"} {
		if _, err := os.Stat(file); err != nil {
			storagetest.Missing(t, "mod_auth_openidc", "run make deps, or install apache2 and libapache2-mod-auth-openidc")
		}
	}
	dir := apacheDir(t, address, rp.withDefaults())
	p := start(t, "mod_auth_openidc", exec.Command("sh", "-c", supervise, "apache2",
		apache, "-f", filepath.Join(dir, "apache.conf"), "-DFOREGROUND"))
	base := "http://" + address
	if !answers(p, base+"/") {
		t.Fatalf("apache does not answer: %s", p.said)
	}
	return base
}

// apacheDir writes configuration and page where Apache's unprivileged
// processes can read the page.
func apacheDir(t testing.TB, address string, rp RelyingParty) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gatehouse-apache-") //nolint:usetesting // t.TempDir is closed to Apache's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	page := filepath.Join(dir, "www", "protected")
	conf, err := os.Create(filepath.Join(dir, "apache.conf"))
	if err != nil {
		t.Fatal(err)
	}
	defer conf.Close()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{
		"Modules": modules, "Dir": dir, "Address": address, "RP": rp, "AsRoot": me.Uid == "0",
		"Redirect": cmp.Or(rp.RedirectURI, ModAuthOpenIDCRedirect(address)), "LoginHint": rp.Parameters["login_hint"],
		"Passphrase": rand.Text(),
	}
	if err := template.Must(template.New("conf").Parse(apacheConf)).Execute(conf, values); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		conf.Chmod(0o600), os.Chmod(dir, 0o755), os.MkdirAll(page, 0o755),
		os.WriteFile(filepath.Join(page, "index.shtml"), []byte("<!--#printenv -->"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// answers waits until url answers anything at all.
func answers(p *process, url string) bool {
	client := &http.Client{Timeout: time.Second}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for {
		select {
		case _, alive := <-p.lines:
			if !alive {
				return false
			}
		case <-late:
			return false
		case <-tick.C:
			if resp, err := client.Get(url); err == nil {
				resp.Body.Close()
				return true
			}
		}
	}
}
