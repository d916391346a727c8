package clientmeta

import (
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const (
	maxJWKS    = 32 << 10 // bytes
	maxKeys    = 20
	minRSA     = 2048 // bits
	maxRSA     = 8192
	pointBytes = 32
)

// jwk is a JSON Web Key by its exact member names: nothing is found under
// another spelling.
type jwk map[string]json.RawMessage

// text is a member's text; false unless it is absent or a text.
func (k jwk) text(member string) (string, bool) {
	raw, given := k[member]
	if !given {
		return "", true
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// raw is a member's base64url bytes, or nil.
func (k jwk) raw(member string) []byte {
	s, _ := k.text(member)
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

// private are the members only a private or symmetric key has (RFC 7518
// sections 6.2.2, 6.3.2 and 6.4).
var private = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// checkJWKS checks a key set by value (RFC 7517 section 5): public keys we can
// verify with, told apart by kid.
func checkJWKS(text json.RawMessage) error {
	if len(text) > maxJWKS {
		return bad("jwks", "is larger than 32 KiB.")
	}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if json.Unmarshal(text, &set) != nil || len(set.Keys) == 0 || len(set.Keys) > maxKeys {
		return bad("jwks", "must hold between 1 and 20 keys.")
	}
	kids := make(map[string]bool, len(set.Keys))
	for _, k := range set.Keys {
		for _, member := range private {
			if _, given := k[member]; given {
				return bad("jwks", "holds a private or symmetric key. Replace it: it was sent where it does not belong.")
			}
		}
		kid, ok := k.text("kid")
		if !ok || len(kid) > 255 || kids[kid] || kid == "" && len(set.Keys) > 1 {
			return bad("jwks", "every key needs a kid of its own.")
		}
		kids[kid] = true
		if err := k.check(); err != nil {
			return err
		}
	}
	return nil
}

// algorithmsOf are the alg values that fit a kind of key.
func algorithmsOf(kty string) []string {
	switch kty {
	case "RSA":
		return []string{"", "RS256", "PS256"}
	case "EC":
		return []string{"", "ES256"}
	}
	return []string{"", "EdDSA", "Ed25519"}
}

func (k jwk) check() error {
	kty, ok := k.text("kty")
	use, okUse := k.text("use")
	alg, okAlg := k.text("alg")
	if !ok || !okUse || !okAlg || !slices.Contains([]string{"", "sig", "enc"}, use) {
		return bad("jwks", "a key is malformed.")
	}
	if use != "enc" && !slices.Contains(algorithmsOf(kty), alg) {
		return bad("jwks", "a key's alg is not supported.")
	}
	curve, _ := k.text("crv")
	switch {
	case kty == "RSA":
		return k.checkRSA()
	case kty == "EC" && curve == "P-256" && k.onP256():
		return nil
	case kty == "OKP" && curve == "Ed25519" && len(k.raw("x")) == pointBytes:
		return nil
	}
	return bad("jwks", "keys must be RSA, EC on P-256, or Ed25519.")
}

func (k jwk) checkRSA() error {
	n, e := new(big.Int).SetBytes(k.raw("n")), new(big.Int).SetBytes(k.raw("e"))
	if n.BitLen() < minRSA || n.BitLen() > maxRSA {
		return bad("jwks", "RSA keys must have 2048 to 8192 bits.")
	}
	if n.Bit(0) == 0 || e.Bit(0) == 0 || e.BitLen() < 2 || e.BitLen() > 32 {
		return bad("jwks", "a key is malformed.")
	}
	return nil
}

func (k jwk) onP256() bool {
	x, y := k.raw("x"), k.raw("y")
	if len(x) != pointBytes || len(y) != pointBytes {
		return false
	}
	_, err := ecdh.P256().NewPublicKey(slices.Concat([]byte{4}, x, y))
	return err == nil
}

// CheckJWKS checks a key set that was fetched from a client's jwks_uri by the
// same rules as one by value.
func CheckJWKS(text []byte) error {
	if err := checkJWKS(text); err != nil {
		return authz.NewError(authz.Invalid, "invalid_jwks", "The key set is not one of public keys.").Because(err)
	}
	return nil
}
