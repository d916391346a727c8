package counterpart

import (
	"encoding/pem"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"crypto/x509"

	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

// samlSettings is what an identity provider of SAML knows.
type samlSettings struct {
	Key         string   `json:"key"`         // PKCS #8 in PEM
	Certificate string   `json:"certificate"` // in PEM
	User        samlUser `json:"user"`
}

type samlUser struct {
	Subject string `json:"subject"`
	Name    string `json:"name"`
}

// SAMLProviders starts the identity providers of npm's samlp and samlify and
// returns their address: each variant has /VARIANT/metadata below it, and signs
// in ada@VARIANT.example, whatever is asked. The variants are samlp, samlp-both
// (response and assertion are signed), samlp-gcm (encrypted with AES-256-GCM),
// samlp-sha1, samlify (signed, and encrypted with AES-256-GCM) and samlify-bare
// (without an AuthnStatement, as its template is).
func SAMLProviders(t testing.TB) string {
	t.Helper()
	return sayURL(t, node(t, "saml-providers.mjs"))
}

// PySAML2 starts the identity providers of Debian's pysaml2 likewise: sha256,
// sha1 (its default) and tripledes (its encryption).
func PySAML2(t testing.TB) string {
	t.Helper()
	const python = "/usr/bin/python3"
	if exec.Command(python, "-c", "import saml2").Run() != nil || exec.Command("xmlsec1", "--version").Run() != nil {
		storagetest.Missing(t, "pysaml2", "run make deps, or install python3-pysaml2 and xmlsec1")
	}
	_, here, _, _ := runtime.Caller(0)
	return sayURL(t, start(t, "pysaml2", exec.Command(python, filepath.Join(filepath.Dir(here), "python", "pysaml2-provider.py"))))
}

func sayURL(t testing.TB, p *process) string {
	t.Helper()
	key, err := idptest.NewSAMLKey(time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	p.tell(samlSettings{
		Key:         string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: key.Certificate.Raw})),
		User:        samlUser{Subject: "u-ada", Name: "Ada Lovelace"},
	})
	var ready struct {
		URL string `json:"url"`
	}
	p.hear(&ready)
	return ready.URL
}
