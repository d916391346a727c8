package oauth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// userCodeAlphabet has no vowels, so that no code spells a word, and no digits
// to be taken for letters (RFC 8628 section 6.1). Eight of its letters are 34
// bits.
const (
	userCodeAlphabet = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeLetters  = 8
)

// newUserCode draws eight letters, each as likely as any other.
func newUserCode() string {
	const fair = 256 - 256%len(userCodeAlphabet)
	var letters [userCodeLetters]byte
	for n := 0; n < len(letters); {
		var raw [1]byte
		_, _ = rand.Read(raw[:]) // never fails since Go 1.24
		if int(raw[0]) < fair {
			letters[n] = userCodeAlphabet[int(raw[0])%len(userCodeAlphabet)]
			n++
		}
	}
	return string(letters[:])
}

// ParseUserCode reads a user code as a person typed it: case and separators do
// not matter. It returns the eight letters, or false for what is no user code.
func ParseUserCode(typed string) (string, bool) {
	if len(typed) > 64 {
		return "", false
	}
	letters := strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("- _.", r):
			return -1
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		}
		return r // not ToUpper, which makes an S of other letters than s
	}, typed)
	if len(letters) != userCodeLetters || strings.Trim(letters, userCodeAlphabet) != "" {
		return "", false
	}
	return letters, true
}

// ShowUserCode is the user code as people are shown it: XXXX-XXXX.
func ShowUserCode(letters string) string {
	return letters[:userCodeLetters/2] + "-" + letters[userCodeLetters/2:]
}

// userDigest is what the database keeps of a user code: 34 bits would be found
// again from a plain digest.
func userDigest(key []byte, issuer authz.IssuerName, letters string) (digest [32]byte) {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte(issuer))
	_, _ = m.Write([]byte{0})
	_, _ = m.Write([]byte(letters))
	m.Sum(digest[:0])
	return digest
}
