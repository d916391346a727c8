package e2e_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

// issued is a certificate and its key, by the authority or by itself.
func issued(t testing.TB, name string, by *tls.Certificate) *tls.Certificate {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: by == nil, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey.(*ecdsa.PrivateKey)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// bearing is the node as a client with the certificate reaches it.
func (n *node) bearing(conf *tls.Config, certificate *tls.Certificate) *node {
	own := *n
	with := conf.Clone()
	if certificate != nil {
		with.Certificates = []tls.Certificate{*certificate}
	}
	transport := n.client.Transport.(*http.Transport).Clone()
	transport.TLSClientConfig = with
	own.client = &http.Client{Timeout: n.client.Timeout, Transport: transport, CheckRedirect: n.client.CheckRedirect}
	return &own
}

// certifying is a server that asks clients for certificates.
func certifying(t *testing.T) (*deployment, *node, *tls.Config, *tls.Certificate) {
	t.Helper()
	d := deployAs(t, "https", "sqlite", "")
	conf := &tls.Config{RootCAs: certificate(t, d.dir), ServerName: "127.0.0.1"}
	ca := issued(t, "Clients' CA", nil)
	file := filepath.Join(d.dir, "clients.pem")
	writeFile(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate[0]})))
	n := d.start(t,
		"GATEHOUSE_SERVER_PUBLIC_0_TLS_CERT_FILE="+filepath.Join(d.dir, "tls.crt"),
		"GATEHOUSE_SERVER_PUBLIC_0_TLS_KEY_FILE="+filepath.Join(d.dir, "tls.key"),
		"GATEHOUSE_SERVER_PUBLIC_0_TLS_CLIENT_CERTIFICATES=true", "GATEHOUSE_SERVER_CLIENT_CA_FILE="+file)
	n.client.Transport.(*http.Transport).TLSClientConfig = conf.Clone()
	d.populate(t, n)
	return d, n, conf, ca
}

func TestRFC8705_ClientsProveThemselvesAndTheirTokensByCertificate(t *testing.T) {
	t.Parallel()
	d, n, conf, ca := certifying(t)
	byCA, itself, thief := issued(t, "robot.acme.example", ca), issued(t, "self", nil), issued(t, "robot.acme.example", nil)
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: itself.Leaf.PublicKey, Certificates: []*x509.Certificate{itself.Leaf}}}}
	for method, c := range map[string]struct {
		certificate *tls.Certificate
		members     map[string]any
	}{
		"tls_client_auth":             {byCA, map[string]any{"tls_client_auth_san_dns": "robot.acme.example"}},
		"self_signed_tls_client_auth": {itself, map[string]any{"jwks": keys}},
	} {
		members := map[string]any{
			"name": method, "workspace_id": d.WorkspaceID, "profile": "fapi2", "token_endpoint_auth_method": method,
			"tls_client_certificate_bound_access_tokens": true, "dpop_bound_access_tokens": false, "redirect_uris": []string{"https://fapi.example/callback"},
			"scopes": []string{"openid"}, "id_token_signed_response_alg": "ES256",
		}
		for name, value := range c.members {
			members[name] = value
		}
		a := n.manage(t, http.MethodPost, "/v1/clients", string(marshal(t, members)))
		wantStatus(t, a, http.StatusCreated)
		id := a.text("client_id")
		with, without, other := n.bearing(conf, c.certificate), n.bearing(conf, nil), n.bearing(conf, thief)
		post := func(via *node, path string, form url.Values) answer {
			t.Helper()
			return sure(t)(via.try(http.MethodPost, path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded"))
		}
		request := url.Values{
			"client_id": {id}, "redirect_uri": {"https://fapi.example/callback"}, "response_type": {"code"}, "scope": {"openid"},
			"code_challenge": {hashed(fapiVerifier)}, "code_challenge_method": {"S256"},
		}
		for what, via := range map[string]*node{"no certificate": without, "another's": other} {
			if a := post(via, "/oauth2/par", request); a.status != http.StatusUnauthorized || a.text("error") != "invalid_client" {
				t.Errorf("%s with %s: %d %s", method, what, a.status, a.body)
			}
		}
		pushed := post(with, "/oauth2/par", request)
		wantStatus(t, pushed, http.StatusCreated)
		b := newBrowser(t, "https://fapi.example/")
		b.client.Transport = &http.Transport{TLSClientConfig: conf.Clone()}
		p := b.get(d.url + "/oauth2/authorize?" + url.Values{"client_id": {id}, "request_uri": {pushed.text("request_uri")}}.Encode())
		p = b.submit(p, "allow", nil)
		form := url.Values{
			"grant_type": {"authorization_code"}, "code": {p.back.Query().Get("code")}, "client_id": {id},
			"redirect_uri": {"https://fapi.example/callback"}, "code_verifier": {fapiVerifier},
		}
		tokens := post(with, "/oauth2/token", form)
		wantStatus(t, tokens, http.StatusOK)
		cnf, _ := n.introspect(t, tokens.text("access_token")).json["cnf"].(map[string]any)
		if tokens.text("token_type") != "Bearer" || cnf["x5t#S256"] != hashed(string(c.certificate.Certificate[0])) {
			t.Errorf("%s: %s, cnf %v", method, tokens.body, cnf)
		}
		authorization := []string{"Authorization", "Bearer " + tokens.text("access_token")}
		wantStatus(t, sure(t)(with.try(http.MethodGet, "/oauth2/userinfo", "", authorization...)), http.StatusOK)
		wantStatus(t, sure(t)(without.try(http.MethodGet, "/oauth2/userinfo", "", authorization...)), http.StatusUnauthorized)
		wantStatus(t, sure(t)(other.try(http.MethodGet, "/oauth2/userinfo", "", authorization...)), http.StatusUnauthorized)
	}
}

// The endpoints for clients with certificates are at a host of their own, so that
// no browser asks a person for one (RFC 8705 section 5).
func TestRFC8705_5_TheAliasesAreServedWhereCertificatesAreAskedFor(t *testing.T) {
	t.Parallel()
	d := deployAs(t, "https", "sqlite", "")
	conf := &tls.Config{RootCAs: certificate(t, d.dir), ServerName: "127.0.0.1"}
	ca := issued(t, "Clients' CA", nil)
	file := filepath.Join(d.dir, "clients.pem")
	writeFile(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate[0]})))
	alias := counterpart.FreeAddress(t)
	env := []string{"GATEHOUSE_SERVER_CLIENT_CA_FILE=" + file, "GATEHOUSE_ISSUERS_0_MTLS_URL=https://" + alias, "GATEHOUSE_SERVER_PUBLIC_1_ADDRESS=" + alias, "GATEHOUSE_SERVER_PUBLIC_1_TLS_CLIENT_CERTIFICATES=true"}
	for _, listener := range []string{"0", "1"} {
		env = append(env, "GATEHOUSE_SERVER_PUBLIC_"+listener+"_TLS_CERT_FILE="+filepath.Join(d.dir, "tls.crt"), "GATEHOUSE_SERVER_PUBLIC_"+listener+"_TLS_KEY_FILE="+filepath.Join(d.dir, "tls.key"))
	}
	n := d.start(t, env...)
	n.client.Transport.(*http.Transport).TLSClientConfig = conf.Clone()
	d.populate(t, n)
	metadata := sure(t)(n.try(http.MethodGet, "/.well-known/openid-configuration", ""))
	aliases, _ := metadata.json["mtls_endpoint_aliases"].(map[string]any)
	client := n.manage(t, http.MethodPost, "/v1/clients", string(marshal(t, map[string]any{
		"name": "tv", "workspace_id": d.WorkspaceID, "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "tv.acme.example",
		"grant_types": []string{"urn:ietf:params:oauth:grant-type:device_code"}, "scopes": []string{"openid"},
	})))
	wantStatus(t, client, http.StatusCreated)
	with := conf.Clone()
	with.Certificates = []tls.Certificate{*issued(t, "tv.acme.example", ca)}
	post := func(conf *tls.Config, at string) answer {
		t.Helper()
		hc := &http.Client{Transport: &http.Transport{TLSClientConfig: conf}}
		form := url.Values{"client_id": {client.text("client_id")}, "scope": {"openid"}, "token": {"x"}}
		resp, err := hc.PostForm(at, form)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
		_ = json.Unmarshal(body, &a.json)
		return a
	}
	want := []string{"token_endpoint", "userinfo_endpoint", "introspection_endpoint", "revocation_endpoint", "pushed_authorization_request_endpoint", "device_authorization_endpoint"}
	for _, name := range want {
		at, _ := aliases[name].(string)
		if !strings.HasPrefix(at, "https://"+alias+"/") {
			t.Errorf("%s is at %q", name, at)
			continue
		}
		if a := post(with, at); a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if len(aliases) != len(want) {
		t.Errorf("aliases: %v", aliases)
	}
	device, _ := aliases["device_authorization_endpoint"].(string)
	wantStatus(t, post(with, device), http.StatusOK)
	wantStatus(t, post(conf, device), http.StatusUnauthorized)
	plain, _ := metadata.json["device_authorization_endpoint"].(string)
	wantStatus(t, post(with, plain), http.StatusUnauthorized) // where nobody asks for certificates
}
