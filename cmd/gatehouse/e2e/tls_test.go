package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate writes a certificate for loopback and returns what trusts it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gatehouse test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "tls.crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeFile(t, filepath.Join(dir, "tls.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return pool
}

// secured is a node that speaks TLS under an https name.
func secured(t *testing.T, minVersion string) (*deployment, *node, *tls.Config) {
	t.Helper()
	d := deployAs(t, "https", "sqlite", "")
	client := &tls.Config{RootCAs: certificate(t, d.dir), ServerName: "127.0.0.1", MinVersion: tls.VersionTLS10}
	n := d.start(t,
		"GATEHOUSE_SERVER_PUBLIC_0_TLS_CERT_FILE="+filepath.Join(d.dir, "tls.crt"),
		"GATEHOUSE_SERVER_PUBLIC_0_TLS_KEY_FILE="+filepath.Join(d.dir, "tls.key"),
		"GATEHOUSE_SERVER_PUBLIC_0_TLS_MIN_VERSION="+minVersion)
	n.client.Transport.(*http.Transport).TLSClientConfig = client.Clone()
	return d, n, client
}

func (n *node) handshake(base *tls.Config, change func(*tls.Config)) (tls.ConnectionState, error) {
	cfg := base.Clone()
	change(cfg)
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", n.address, cfg)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState(), nil
}

func TestTLSIsThirteenAndOnRequestTwelveWithSixSuites(t *testing.T) {
	t.Parallel()
	_, modern, client := secured(t, "1.3")
	upTo := func(version uint16) func(*tls.Config) { return func(c *tls.Config) { c.MaxVersion = version } }
	if s, err := modern.handshake(client, upTo(tls.VersionTLS13)); err != nil || s.Version != tls.VersionTLS13 {
		t.Errorf("TLS 1.3: %x %v", s.Version, err)
	}
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12} {
		if _, err := modern.handshake(client, upTo(version)); err == nil {
			t.Errorf("%s is spoken by default", tls.VersionName(version))
		}
	}

	_, older, client := secured(t, "1.2")
	if s, err := older.handshake(client, upTo(tls.VersionTLS13)); err != nil || s.Version != tls.VersionTLS13 {
		t.Errorf("TLS 1.3 is not preferred: %x %v", s.Version, err)
	}
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		if _, err := older.handshake(client, upTo(version)); err == nil {
			t.Errorf("%s is spoken", tls.VersionName(version))
		}
	}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		s, err := older.handshake(client, func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{suite.ID}
		})
		if strings.Contains(suite.Name, "_CBC_") || strings.Contains(suite.Name, "_RC4_") || strings.HasPrefix(suite.Name, "TLS_RSA_") {
			if err == nil {
				t.Errorf("%s is spoken", suite.Name)
			}
			continue
		}
		// The certificate is an ECDSA one, so half of the six can be seen.
		if strings.Contains(suite.Name, "ECDHE_ECDSA") && (err != nil || s.CipherSuite != suite.ID) {
			t.Errorf("%s is not spoken: %v", suite.Name, err)
		}
	}
}

func TestCookiesOfAnHTTPSIssuerAreBoundToItsHost(t *testing.T) {
	t.Parallel()
	d, n, _ := secured(t, "1.3")
	d.populate(t, n)
	auth := d.authorization(d.Clients.Web, "openid")
	a := sure(t)(n.try(http.MethodGet, strings.TrimPrefix(d.authorizeURL(auth), d.url), ""))
	cookies := (&http.Response{Header: a.header}).Cookies()
	if len(cookies) == 0 {
		t.Fatalf("no cookie is set: %d %s", a.status, a.body)
	}
	for _, c := range cookies {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie %s", fmt.Sprint(c))
		}
	}
	if hsts := a.header.Get("Strict-Transport-Security"); !strings.Contains(hsts, "max-age=") {
		t.Errorf("Strict-Transport-Security is %q", hsts)
	}
}
