package counterpart

import (
	"archive/zip"
	"crypto/rand"
	_ "embed"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

//go:embed keycloak.json
var keycloakRealm string

// Interop names the environment variable that holds the path of Keycloak's
// distribution, a zip file. make interop fetches it and sets this.
const Interop = "GATEHOUSE_TEST_INTEROP"

// keycloakPatience bounds the wait for Keycloak, which builds itself first.
const keycloakPatience = 3 * time.Minute

// KeycloakParty is who Keycloak answers, by both protocols. It reads the keys to
// verify requests by, and to encrypt assertions for, at SAMLMetadata when it
// first needs them.
type KeycloakParty struct {
	ClientID, ClientSecret, RedirectURI, BackchannelLogoutURI string
	EntityID, ACS, SLO, SAMLMetadata                          string
}

// KeycloakRealm is a realm that answers a party. Its people ada and grace, of
// keycloak.example, sign in at its form with one password, drawn at its start.
type KeycloakRealm struct {
	// Issuer is its OpenID provider, and the entity id of its SAML identity
	// provider; SAMLMetadata is where the latter's metadata is.
	Issuer, SAMLMetadata string
	Password             string
}

// Keycloak starts one with a realm for the party. Without make interop the test
// is skipped, wherever it runs: Java and Keycloak are no condition of make test.
func Keycloak(t testing.TB, party KeycloakParty) KeycloakRealm {
	t.Helper()
	distribution := os.Getenv(Interop)
	if distribution == "" {
		t.Skipf("Keycloak is missing: run make interop, or set %s to the path of its distribution, a zip file", Interop)
	}
	if _, err := exec.LookPath(java()); err != nil {
		storagetest.Missing(t, "Java", "install Java 17 or newer")
	}
	address, password := FreeAddress(t), rand.Text()
	issuer := "http://" + address + "/realms/gatehouse"
	realm := KeycloakRealm{Issuer: issuer, SAMLMetadata: issuer + "/protocol/saml/descriptor", Password: password}
	home := keycloakHome(t, distribution)
	writeRealm(t, home, map[string]string{
		"PASSWORD": password, "CLIENT_ID": party.ClientID, "CLIENT_SECRET": party.ClientSecret, "REDIRECT_URI": party.RedirectURI,
		"BACKCHANNEL_LOGOUT_URI": party.BackchannelLogoutURI, "ENTITY_ID": party.EntityID, "ACS": party.ACS, "SLO": party.SLO, "SAML_METADATA": party.SAMLMetadata,
	})
	cmd := exec.Command("sh", "-c", supervise, "keycloak", "sh", filepath.Join(home, "bin", "kc.sh"),
		"start-dev", "--db=dev-mem", "--import-realm", "--http-host=127.0.0.1", "--http-port="+portOf(address))
	cmd.Env = append(os.Environ(), "JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1") // it starts twice as fast
	p := start(t, "Keycloak", cmd)
	client := &http.Client{Timeout: 10 * time.Second}
	for _, url := range []string{issuer + "/.well-known/openid-configuration", realm.SAMLMetadata} {
		if !becomesWithin(p, keycloakPatience, func() bool { return isThere(client, url) }) {
			t.Fatalf("Keycloak does not answer at %s: %s", url, p.said)
		}
	}
	return realm
}

// java is the program that Keycloak's own script runs.
func java() string {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		return filepath.Join(home, "bin", "java")
	}
	return "java"
}

func isThere(client *http.Client, url string) bool {
	resp, err := client.Get(url)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// keycloakHome unpacks the distribution, which has one folder, for this test
// alone: Keycloak writes beside its own libraries.
func keycloakHome(t testing.TB, distribution string) string {
	t.Helper()
	packed, err := zip.OpenReader(distribution)
	if err != nil {
		t.Fatalf("the distribution of Keycloak: %v", err)
	}
	defer func() { _ = packed.Close() }()
	top, err := fs.ReadDir(packed, ".")
	if err != nil || len(top) != 1 {
		t.Fatalf("%s holds %v, want one folder: %v", distribution, top, err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, packed); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, top[0].Name())
}

// writeRealm puts the realm where Keycloak imports from, with its variables set.
func writeRealm(t testing.TB, home string, values map[string]string) {
	t.Helper()
	text := os.Expand(keycloakRealm, func(name string) string {
		value, ok := values[name]
		if !ok {
			t.Errorf("the realm has a variable %s that nobody sets", name)
		}
		return value
	})
	dir := filepath.Join(home, "data", "import")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "gatehouse-realm.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
