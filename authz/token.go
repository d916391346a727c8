package authz

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// tokenBytes of randomness make a token: 256 bits, which no digest need stretch.
const tokenBytes = 32

// NewToken returns the prefix and 43 base64url characters of 32 random bytes:
// the text of a code, a token or a cookie.
func NewToken(prefix string) Secret {
	var raw [tokenBytes]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	return Secret(prefix + base64.RawURLEncoding.EncodeToString(raw[:]))
}

// Digest is SHA-256 of the whole text, prefix included: a token cut or changed
// anywhere is another token. It is only for texts with at least 256 random bits.
func Digest(text string) [32]byte {
	var room [512]byte // opaque credentials fit: no allocation on the hot path
	return sha256.Sum256(append(room[:0], text...))
}
