package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// clientKey is a JWK Set of one signing key (RFC 7517), as the client and as the
// server know it.
type clientKey struct {
	private map[string]any
	public  json.RawMessage
}

// newClientKey makes a key for an algorithm: PS256, or else ES256.
func newClientKey(algorithm string) (clientKey, error) {
	members := ellipticMembers
	if algorithm == "PS256" {
		members = rsaMembers
	}
	public, private, err := members()
	if err != nil {
		return clientKey{}, err
	}
	public["alg"], public["use"], public["kid"] = algorithm, "sig", rand.Text()
	set, err := json.Marshal(map[string]any{"keys": []any{public}})
	if err != nil {
		return clientKey{}, err
	}
	maps.Copy(private, public)
	return clientKey{private: map[string]any{"keys": []any{private}}, public: set}, nil
}

// ellipticMembers are those of a key on P-256 (RFC 7518 section 6.2).
func ellipticMembers() (public, private map[string]any, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return nil, nil, err
	}
	d, err := key.Bytes()
	if err != nil {
		return nil, nil, err
	}
	text := base64.RawURLEncoding.EncodeToString
	return map[string]any{"kty": "EC", "crv": "P-256", "x": text(point[1:33]), "y": text(point[33:])}, map[string]any{"d": text(d)}, nil
}

// rsaMembers are those of an RSA key (RFC 7518 section 6.3).
func rsaMembers() (public, private map[string]any, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	text := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	return map[string]any{"kty": "RSA", "n": text(key.N), "e": text(big.NewInt(int64(key.E)))}, map[string]any{
		"d": text(key.D), "p": text(key.Primes[0]), "q": text(key.Primes[1]),
		"dp": text(key.Precomputed.Dp), "dq": text(key.Precomputed.Dq), "qi": text(key.Precomputed.Qinv),
	}, nil
}

// authority issues the certificates of the server and of clients.
type authority struct {
	file        string // its own certificate
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// certify makes an authority and the server's certificate, all in the directory.
func certify(dir string) (*authority, error) {
	a := &authority{file: filepath.Join(dir, "ca.crt")}
	certificate, key, err := a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Gatehouse demo authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(a.file, encoded("CERTIFICATE", certificate.Raw), 0o600); err != nil {
		return nil, err
	}
	a.certificate, a.key = certificate, key
	certificate, key, err = a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Gatehouse demo"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "tls.crt"), encoded("CERTIFICATE", certificate.Raw), 0o600); err != nil {
		return nil, err
	}
	return a, os.WriteFile(filepath.Join(dir, "tls.key"), encoded("PRIVATE KEY", private), 0o600)
}

// issue makes a client's certificate, as the suite wants to be told of it.
func (a *authority) issue(name string) (map[string]string, error) {
	certificate, key, err := a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	return map[string]string{
		"cert": string(encoded("CERTIFICATE", certificate.Raw)), "key": string(encoded("PRIVATE KEY", private)),
		"ca": string(encoded("CERTIFICATE", a.certificate.Raw)),
	}, err
}

// sign completes a certificate of a new key: the authority's own until there is
// one.
func (a *authority) sign(of *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if of.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, err
	}
	now := time.Now()
	of.NotBefore, of.NotAfter = now.Add(-time.Hour), now.Add(30*24*time.Hour)
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = of, key
	}
	der, err := x509.CreateCertificate(rand.Reader, of, parent, key.Public(), signer)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return certificate, key, err
}

func encoded(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
