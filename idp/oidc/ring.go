package oidc

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/idp"
)

const (
	maxKeys    = 100
	minRSABits = 2048
	maxRSABits = 8192
)

// ring is what is known of an upstream's keys at a moment. It never changes;
// a nil ring is empty.
type ring struct{ keys []heldKey }

type heldKey struct {
	jose.JSONWebKey
	seen time.Time // when a JWKS last had it
}

// merge returns the ring after a JWKS was seen. A key that is no longer there
// stays until its time is over, unless its kid now names another key.
func (r *ring) merge(keys []jose.JSONWebKey, now time.Time) *ring {
	next := new(ring)
	kids := map[string]bool{}
	for _, key := range keys {
		kids[key.KeyID] = true
		next.keys = append(next.keys, heldKey{key, now})
	}
	if r == nil {
		return next
	}
	for _, old := range r.keys {
		if !kids[old.KeyID] && old.liveAt(now) && len(next.keys) < 2*maxKeys {
			next.keys = append(next.keys, old)
		}
	}
	return next
}

// size is how many keys there are.
func (r *ring) size() int {
	if r == nil {
		return 0
	}
	return len(r.keys)
}

func (k heldKey) liveAt(now time.Time) bool { return now.Sub(k.seen) < keysKept }

// verify tries the keys that the token's kid and alg leave. Keys and links in
// the token's header are not looked at. Without a kid every fitting key counts
// (OpenID Connect Core section 10.1 asks for one only when there are several).
func (r *ring) verify(jws *jose.JSONWebSignature, now time.Time) ([]byte, error) {
	header := jws.Signatures[0].Protected
	var named, fitting bool
	for _, key := range r.keys {
		if !key.liveAt(now) || (header.KeyID != "" && key.KeyID != header.KeyID) {
			continue
		}
		named = true
		if !fits(key.JSONWebKey, header.Algorithm) {
			continue
		}
		fitting = true
		if payload, err := jws.Verify(key.Key); err == nil {
			return payload, nil
		}
	}
	if named && !fitting {
		return nil, idp.Refuse(idp.ReasonAlg, errors.New("the algorithm is not one of the key's"))
	}
	return nil, idp.Refuse(idp.ReasonSignature, errors.New("no key of the upstream made the signature"))
}

// fits reports whether a key may verify an algorithm (RFC 7518 section 3.1).
func fits(key jose.JSONWebKey, alg string) bool {
	if key.Algorithm != "" && key.Algorithm != alg {
		return false
	}
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		return slices.Contains([]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, alg)
	case *ecdsa.PublicKey:
		curve := map[string]string{"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[alg]
		return curve == k.Curve.Params().Name
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}

// parseJWKS reads a JWK Set (RFC 7517 section 5) and leaves out what cannot
// verify signatures. A set of too many keys, or of none, is refused whole, so
// that the last good one stays.
func parseJWKS(body []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, idp.Refuse(idp.ReasonMetadata, fmt.Errorf("reading a JWK Set: %w", err))
	}
	if len(set.Keys) > maxKeys {
		return nil, idp.Refuse(idp.ReasonTooLarge, fmt.Errorf("JWK Set of %d keys", len(set.Keys)))
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		if key, ok := parseJWK(raw); ok {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, idp.Refuse(idp.ReasonMetadata, errors.New("no usable key in the JWK Set"))
	}
	return keys, nil
}

// parseJWK reads a key that can verify signatures. A private one is not even
// parsed: checking its numbers is work an upstream should not be able to cause.
func parseJWK(raw []byte) (key jose.JSONWebKey, ok bool) {
	members, err := parseClaims(raw)
	if err != nil || members.has("d") || members.has("k") || members.has("priv") {
		return key, false
	}
	return key, key.UnmarshalJSON(raw) == nil && verifies(key)
}

// verifies reports whether a key is public, asymmetric, meant for signatures
// and long enough.
func verifies(key jose.JSONWebKey) bool {
	if !key.IsPublic() || !key.Valid() || (key.Use != "" && key.Use != "sig") {
		return false
	}
	if k, ok := key.Key.(*rsa.PublicKey); ok {
		bits := k.N.BitLen()
		return bits >= minRSABits && bits <= maxRSABits
	}
	return true
}

// parseRefusal tells a forbidden algorithm from text that is no JWS.
func parseRefusal(err error) error {
	if _, ok := errors.AsType[*jose.ErrUnexpectedSignatureAlgorithm](err); ok {
		return idp.Refuse(idp.ReasonAlg, errors.New("the algorithm is not allowed"))
	}
	return idp.Refuse(idp.ReasonIDToken, errors.New("not a compact JWS"))
}
