package counterpart

import (
	"cmp"
	"crypto/rand"
	_ "embed"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

// modules is where Debian keeps Apache's modules.
const modules = "/usr/lib/apache2/modules"

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
	apache := program("apache2")
	for _, file := range []string{apache, modules + "/mod_auth_openidc.so"} {
		if _, err := os.Stat(file); err != nil {
			storagetest.Missing(t, "mod_auth_openidc", "run make deps, or install apache2 and libapache2-mod-auth-openidc")
		}
	}
	return daemon(t, "mod_auth_openidc", address, apache, "-f", apacheConfig(t, address, rp.withDefaults()), "-DFOREGROUND")
}

// apacheConfig writes the configuration, and the page beside it.
func apacheConfig(t testing.TB, address string, rp RelyingParty) string {
	t.Helper()
	dir, file := daemonDir(t, "apache", apacheConf, map[string]any{
		"Modules": modules, "Address": address, "RP": rp,
		"Redirect": cmp.Or(rp.RedirectURI, ModAuthOpenIDCRedirect(address)), "LoginHint": rp.Parameters["login_hint"],
		"Passphrase": rand.Text(),
	})
	page := filepath.Join(dir, "www", "protected")
	for _, err := range []error{
		os.MkdirAll(page, 0o755), os.WriteFile(filepath.Join(page, "index.shtml"), []byte("<!--#printenv -->"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return file
}
