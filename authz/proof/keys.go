package proof

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxKeys     = 20
	maxKeysSize = 64 << 10 // bytes
	minRSABits  = 2048
)

// Keys are a client's public keys (RFC 7517 section 5).
type Keys struct{ keys []jose.JSONWebKey }

// ParseKeys reads a JWK Set. Keys of kinds or curves nobody may sign with here
// are passed over; a private or symmetric one spoils the set: whoever sent it
// has given it away.
func ParseKeys(raw []byte) (*Keys, error) {
	if len(raw) > maxKeysSize {
		return nil, fmt.Errorf("proof: a key set longer than %d bytes", maxKeysSize)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := unmarshal(raw, &set); err != nil {
		return nil, fmt.Errorf("proof: reading a key set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("proof: a set of more than %d keys", maxKeys)
	}
	k := &Keys{}
	for _, one := range set.Keys {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(one); err != nil {
			continue // of a kind that is not known
		}
		if !key.IsPublic() {
			return nil, errors.New("proof: a key that is not public")
		}
		if key.Use != "enc" && algorithmsOf(key.Key) != nil {
			k.keys = append(k.keys, key)
		}
	}
	return k, nil
}

// fitting are the keys that may have signed under the header: those of its kid,
// if it names one, that the algorithm takes.
func (k *Keys) fitting(h Header) []jose.JSONWebKey {
	var fit []jose.JSONWebKey
	for _, key := range k.keys {
		switch {
		case h.KeyID != "" && key.KeyID != h.KeyID:
		case key.Algorithm != "" && key.Algorithm != h.Algorithm:
		case !slices.Contains(algorithmsOf(key.Key), h.Algorithm):
		default:
			fit = append(fit, key)
		}
	}
	return fit
}

// Certify reports whether a certificate is one of those registered, or carries
// a key that was registered without any (RFC 8705 section 2.2).
func (k *Keys) Certify(c *x509.Certificate) bool {
	for _, key := range k.keys {
		if len(key.Certificates) > 0 {
			if key.Certificates[0].Equal(c) {
				return true
			}
			continue
		}
		public, ok := key.Key.(interface{ Equal(crypto.PublicKey) bool })
		if ok && public.Equal(c.PublicKey) {
			return true
		}
	}
	return false
}

// algorithmsOf are the algorithms a public key may be used with.
func algorithmsOf(public any) []string {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() >= minRSABits && key.N.BitLen() <= 4*minRSABits {
			return []string{"PS256", "RS256"}
		}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return []string{"ES256"}
		}
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	}
	return nil
}
