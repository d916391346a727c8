package idptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"

	"github.com/go-jose/go-jose/v4"
)

// signingKey is a key pair with its name and algorithm.
type signingKey struct {
	private crypto.Signer
	kid     string
	alg     jose.SignatureAlgorithm
}

func newSigningKey(alg, kid string) (signingKey, error) {
	if kid == "" {
		kid = rand.Text()
	}
	k := signingKey{kid: kid, alg: jose.SignatureAlgorithm(alg)}
	var err error
	switch k.alg {
	case jose.RS256:
		k.private, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.ES256:
		k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		return k, fmt.Errorf("idptest: algorithm %q is neither RS256 nor ES256", alg)
	}
	if err != nil {
		return k, fmt.Errorf("making a signing key: %w", err)
	}
	return k, nil
}

func (k signingKey) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.kid, Algorithm: string(k.alg), Use: "sig"}
}

// RollKey replaces the signing key at once; the old one leaves the JWKS. An
// empty kid means a random name.
func (p *Provider) RollKey(kid string) error {
	key, err := newSigningKey(p.config.Algorithm, kid)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key = key
	return nil
}

// signing returns the key and the faults of this moment.
func (p *Provider) signing() (signingKey, Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.key, p.faults
}

// GET /jwks (RFC 7517 section 5)
func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) {
	key, _ := p.signing()
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.public()}})
}
