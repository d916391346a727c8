package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// tokenBytes of randomness make a token: 256 bits, which no digest need stretch.
const tokenBytes = 32

// NewToken returns the prefix and 43 base64url characters of 32 random bytes.
func NewToken(prefix string) authz.Secret {
	var raw [tokenBytes]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	return authz.Secret(prefix + base64.RawURLEncoding.EncodeToString(raw[:]))
}

// Digest is SHA-256 of the whole text, prefix included: a token cut or changed
// anywhere is another token. It is only for texts with at least 256 random bits.
func Digest(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// EqualDigest compares in constant time.
func EqualDigest(a, b [32]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }
