package counterpart

import (
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

const simpleSAML = "/usr/share/simplesamlphp"

//go:embed simplesamlphp.php.tmpl
var simpleSAMLConf string

// SimpleSAMLphp is Debian's, as an identity provider. Each of the people it is
// started with signs in at its form with their name as password.
type SimpleSAMLphp struct {
	t   testing.TB
	dir string
	// URL is where it answers; Metadata is the address of its metadata.
	URL, Metadata string
}

// ServiceProvider is one that SimpleSAMLphp answers.
type ServiceProvider struct {
	EntityID, ACS string
	// SignResponse and SignAssertion say what is signed.
	SignResponse, SignAssertion bool
	// Certificate is what to encrypt assertions for, base64 of DER; empty for not.
	Certificate string
}

// NewSimpleSAMLphp starts one that knows these people by their names, each with
// the address ada@NAME.example.
func NewSimpleSAMLphp(t testing.TB, people ...string) *SimpleSAMLphp {
	t.Helper()
	php, err := exec.LookPath("php")
	if _, missing := os.Stat(simpleSAML + "/www/module.php"); err != nil || missing != nil {
		storagetest.Missing(t, "simplesamlphp", "run make deps, or install simplesamlphp, php-cli, php-xml and php-sqlite3")
	}
	address := FreeAddress(t)
	s := &SimpleSAMLphp{t: t, dir: t.TempDir(), URL: "http://" + address}
	s.Metadata = s.URL + "/saml2/idp/metadata.php"
	s.write(people)
	s.Answers()
	p := exec.Command("env", "SIMPLESAMLPHP_CONFIG_DIR="+s.dir+"/config", php, "-d", "error_log=/dev/stderr", "-S", address, "-t", simpleSAML+"/www")
	daemon(t, "simplesamlphp", address, p.Path, p.Args[1:]...)
	return s
}

// Answers makes it answer these, and no other, from now on.
func (s *SimpleSAMLphp) Answers(to ...ServiceProvider) {
	s.t.Helper()
	var php strings.Builder
	php.WriteString("<?php\n")
	for _, sp := range to {
		fmt.Fprintf(&php, "$metadata[%q] = ['AssertionConsumerService' => %q, 'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',\n"+
			"  'saml20.sign.response' => %t, 'saml20.sign.assertion' => %t, 'assertion.encryption' => %t, 'certData' => %q];\n",
			sp.EntityID, sp.ACS, sp.SignResponse, sp.SignAssertion, sp.Certificate != "", sp.Certificate)
	}
	s.put("metadata/saml20-sp-remote.php", php.String())
}

// write makes its configuration, and a key of its own.
func (s *SimpleSAMLphp) write(people []string) {
	s.t.Helper()
	key, err := idptest.NewSAMLKey(time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
	if err != nil {
		s.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key.Signer)
	if err != nil {
		s.t.Fatal(err)
	}
	s.put("cert/key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	s.put("cert/cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: key.Certificate.Raw})))
	for _, dir := range []string{"log", "data", "tmp", "sessions"} {
		if err := os.MkdirAll(filepath.Join(s.dir, dir), 0o700); err != nil {
			s.t.Fatal(err)
		}
	}
	files := template.Must(template.New("").Parse(simpleSAMLConf))
	for name, file := range map[string]string{"config": "config/config.php", "authsources": "config/authsources.php", "hosted": "metadata/saml20-idp-hosted.php"} {
		var text strings.Builder
		if err := files.ExecuteTemplate(&text, name, map[string]any{"Dir": s.dir, "URL": s.URL, "People": people}); err != nil {
			s.t.Fatal(err)
		}
		s.put(file, text.String())
	}
}

func (s *SimpleSAMLphp) put(name, text string) {
	s.t.Helper()
	file := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}
