package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// authority issues certificates.
type authority struct {
	testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	now  time.Time
}

func newAuthority(t testing.TB, now time.Time) *authority {
	t.Helper()
	a := &authority{TB: t, now: now}
	a.key, a.cert = a.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

// issue makes a certificate; by itself when there is no authority yet.
func (a *authority) issue(template *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	a.Helper()
	key := made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(a)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = a.now.Add(-time.Hour), a.now.Add(time.Hour)
	}
	parent, signer := template, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der := made(x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer))(a)
	return key, made(x509.ParseCertificate(der))(a)
}

func (a *authority) client(change func(*x509.Certificate)) *x509.Certificate {
	a.Helper()
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "robot", Organization: []string{"Acme, Inc."}},
		DNSNames:    []string{"robot.acme.example"},
		URIs:        []*url.URL{made(url.Parse("spiffe://acme.example/robot"))(a)},
		IPAddresses: []net.IP{net.ParseIP("192.0.2.7")}, EmailAddresses: []string{"robot@acme.example"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	change(template)
	_, cert := a.issue(template)
	return cert
}

func (h *house) certified(method string, m authz.ClientMetadata) authz.Client {
	h.Helper()
	return h.client(func(c *authz.Client) {
		c.AuthMethod, c.Metadata, c.GrantTypes, c.RedirectURIs = method, m, []string{authz.GrantClientCredentials}, nil
	})
}

func (h *house) withCertificate(server *oauth.Server, c authz.Client, chain ...*x509.Certificate) (*oauth.TokenResponse, error) {
	in := oauth.Request{Form: pairs("grant_type", "client_credentials", "client_id", string(c.ID)), Certificates: chain}
	return server.Token(h.Context(), in)
}

func TestRFC8705_AClientIsTheOneItsCertificateNames(t *testing.T) {
	h := newHouse(t)
	ca := newAuthority(t, h.clock.Now())
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	server := h.serverWith(func(c *oauth.Config) { c.ClientAuthorities = pool })
	cert := ca.client(func(*x509.Certificate) {})
	stranger := newAuthority(t, h.clock.Now()).client(func(*x509.Certificate) {})
	expired := ca.client(func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = h.clock.Now().Add(-2*time.Hour), h.clock.Now().Add(-time.Hour)
	})
	forServers := ca.client(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	for name, m := range map[string]authz.ClientMetadata{
		"dn":           {TLSSubjectDN: `CN=robot,O=Acme\, Inc.`},
		"dn, loosely":  {TLSSubjectDN: `cn=robot, o=Acme\, Inc.`},
		"dns name":     {TLSSANDNS: "ROBOT.acme.example"},
		"uri":          {TLSSANURI: "spiffe://acme.example/robot"},
		"address":      {TLSSANIP: "192.0.2.7"},
		"mail address": {TLSSANEmail: "robot@acme.example"},
	} {
		c := h.certified(authz.AuthTLS, m)
		if _, err := h.withCertificate(server, c, cert); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for what, chain := range map[string][]*x509.Certificate{"none": nil, "a stranger's": {stranger}, "an expired one": {expired}, "a server's": {forServers}} {
			_, err := h.withCertificate(server, c, chain...)
			h.wants(name+" with "+what, err, "invalid_client")
		}
		_, err := h.withCertificate(h.server, c, cert)
		h.wants(name+" where no authority is known", err, "invalid_client")
	}
	for name, m := range map[string]authz.ClientMetadata{
		"another dn": {TLSSubjectDN: "CN=robot"}, "a part of it": {TLSSubjectDN: `CN=robot,O=Acme\`}, "another name": {TLSSANDNS: "acme.example"},
		"another uri": {TLSSANURI: "spiffe://acme.example/"}, "another address": {TLSSANIP: "192.0.2.8"}, "no address": {TLSSANIP: "x"}, "nothing": {},
		"the same dn in another order": {TLSSubjectDN: `O=Acme\, Inc.,CN=robot`},
	} {
		_, err := h.withCertificate(server, h.certified(authz.AuthTLS, m), cert)
		h.wants(name, err, "invalid_client")
	}
	_, err := h.withCertificate(server, h.robot, cert)
	h.wants("a client that has a secret", err, "invalid_client")
}

func TestRFC8705_ASelfSignedCertificateIsOneOfTheClientsKeys(t *testing.T) {
	h := newHouse(t)
	key, cert := (&authority{TB: t, now: h.clock.Now()}).issue(&x509.Certificate{Subject: pkix.Name{CommonName: "self"}})
	set := made(json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public()}}}))(t)
	c := h.certified(authz.AuthSelfSignedTLS, authz.ClientMetadata{JWKS: set})
	_, err := h.withCertificate(h.server, c, cert)
	h.ok(err)
	_, other := (&authority{TB: t, now: h.clock.Now()}).issue(&x509.Certificate{Subject: pkix.Name{CommonName: "self"}})
	_, err = h.withCertificate(h.server, c, other)
	h.wants("another key under the same name", err, "invalid_client")
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: cert.NotBefore, NotAfter: cert.NotAfter}
	renewed := made(x509.ParseCertificate(made(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))(t)))(t)
	_, err = h.withCertificate(h.server, c, renewed)
	h.ok(err) // a key without a certificate stands for every certificate of it
	set = made(json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), Certificates: []*x509.Certificate{cert}}}}))(t)
	pinned := h.certified(authz.AuthSelfSignedTLS, authz.ClientMetadata{JWKS: set})
	_, err = h.withCertificate(h.server, pinned, cert)
	h.ok(err)
	_, err = h.withCertificate(h.server, pinned, renewed)
	h.wants("another certificate of the key", err, "invalid_client")
	_, err = h.withCertificate(h.server, h.certified(authz.AuthSelfSignedTLS, authz.ClientMetadata{}), cert)
	h.wants("a client without keys", err, "invalid_client")
}

func TestMT_01_ATokenIsBoundToTheCertificate(t *testing.T) {
	h := newHouse(t)
	key, cert := (&authority{TB: t, now: h.clock.Now()}).issue(&x509.Certificate{Subject: pkix.Name{CommonName: "self"}})
	set := made(json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public()}}}))(t)
	c := h.certified(authz.AuthSelfSignedTLS, authz.ClientMetadata{JWKS: set, CertificateBound: true})
	resp := made(h.withCertificate(h.server, c, cert))(t)
	in, _ := h.lookup(resp.AccessToken)
	sum := sha256.Sum256(cert.Raw)
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	if resp.TokenType != "Bearer" || in.TokenType != "Bearer" || in.Confirmation == nil || in.Confirmation.X5T != want {
		t.Errorf("%s: %+v", resp.TokenType, in)
	}
	bound := authz.Confirmation{X5T: want}
	h.ok(h.server.Possesses(t.Context(), oauth.Request{Certificates: []*x509.Certificate{cert}}, "Bearer", resp.AccessToken, bound))
	_, other := (&authority{TB: t, now: h.clock.Now()}).issue(&x509.Certificate{Subject: pkix.Name{CommonName: "self"}})
	for name, chain := range map[string][]*x509.Certificate{"no certificate": nil, "another certificate": {other}, "another one first": {other, cert}} {
		h.wants(name, h.server.Possesses(t.Context(), oauth.Request{Certificates: chain}, "Bearer", resp.AccessToken, bound), "invalid_token")
	}
	secret := h.client(func(c *authz.Client) {
		c.GrantTypes, c.RedirectURIs, c.Metadata.CertificateBound = []string{authz.GrantClientCredentials}, nil, true
	})
	_, err := h.server.Token(t.Context(), h.from(secret, "grant_type", "client_credentials"))
	h.wants("a client that must bring one", err, "invalid_request")
}

func TestMT_03_ARefreshTokenOfAPublicClientIsItsCertificates(t *testing.T) {
	h := newHouse(t)
	issuing := &authority{TB: t, now: h.clock.Now()}
	_, own := issuing.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "phone"}})
	_, other := issuing.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "thief"}})
	c := h.client(func(c *authz.Client) { c.AuthMethod, c.Metadata.CertificateBound = authz.AuthNone, true })
	ask := func(certificate *x509.Certificate, list ...string) (*oauth.TokenResponse, error) {
		in := h.from(c, list...)
		if certificate != nil {
			in.Certificates = []*x509.Certificate{certificate}
		}
		return h.server.Token(t.Context(), in)
	}
	redemption := func() []string {
		return []string{"grant_type", "authorization_code", "code", h.code(c), "redirect_uri", callback, "code_verifier", verifier}
	}
	_, err := ask(nil, redemption()...)
	h.wants("a code without a certificate", err, "invalid_request")
	got := made(ask(own, redemption()...))(t)
	refresh := []string{"grant_type", "refresh_token", "refresh_token", got.RefreshToken.Reveal()}
	_, err = ask(nil, refresh...)
	h.wants("a refresh without a certificate", err, "invalid_request")
	_, err = ask(other, refresh...)
	h.wants("a refresh with another's", err, "invalid_grant")
	again := made(ask(own, refresh...))(t)
	in, _ := h.lookup(again.AccessToken)
	if sum := sha256.Sum256(own.Raw); in.Confirmation == nil || in.Confirmation.X5T != base64.RawURLEncoding.EncodeToString(sum[:]) {
		t.Errorf("refreshed: %+v", in)
	}
}
