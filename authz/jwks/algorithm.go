package jwks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

const rsaBits = 2048

// supported reports whether keys can be made for the algorithm (RFC 7518
// section 3.1, RFC 8037).
func supported(alg string) bool {
	switch jose.SignatureAlgorithm(alg) {
	case jose.RS256, jose.PS256, jose.ES256, jose.EdDSA:
		return true
	}
	return false
}

// generate makes a private key; an RSA key takes a tenth of a second or more.
func generate(alg string) (private any, err error) {
	switch jose.SignatureAlgorithm(alg) {
	case jose.RS256, jose.PS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		return nil, fmt.Errorf("jwks: algorithm %q is not supported", alg)
	}
	if err != nil {
		return nil, fmt.Errorf("jwks: making a key for %s: %w", alg, err)
	}
	return private, nil
}

// fits reports whether the public key is of the kind the algorithm takes.
func fits(alg string, public any) bool {
	switch jose.SignatureAlgorithm(alg) {
	case jose.RS256, jose.PS256:
		k, ok := public.(*rsa.PublicKey)
		return ok && k.N.BitLen() >= rsaBits
	case jose.ES256:
		k, ok := public.(*ecdsa.PublicKey)
		return ok && k.Curve == elliptic.P256()
	case jose.EdDSA:
		_, ok := public.(ed25519.PublicKey)
		return ok
	}
	return false
}
