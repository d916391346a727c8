package apikey

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"regexp"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Layout is the form of keys that another system made.
type Layout struct {
	// Pattern matches the whole text of such a key, and nothing of ours.
	Pattern *regexp.Regexp
	// Lookup is how many characters at the beginning tell one key from another
	// and may be shown; 0 for keys that are found by the digest of all of it.
	Lookup int
}

const (
	// maxForeign is the longest text of another layout, in bytes.
	maxForeign = 256
	// tagSize is the length of the tag of an imported key, in bytes.
	tagSize = 8
)

// IsKey reports whether the text is to be looked at as a key: by how it begins,
// or because it is of the layout of imported ones.
func (k *Keys) IsKey(text authz.Secret) bool { return LooksLikeKey(text) || k.layout(text) != nil }

// layout is the first layout that the text is of; nil for none.
func (k *Keys) layout(text authz.Secret) *Layout {
	if len(text) > maxForeign {
		return nil
	}
	for i := range k.cfg.Layouts {
		if l := &k.cfg.Layouts[i]; len(text) > l.Lookup && l.Pattern.MatchString(text.Reveal()) {
			return l
		}
	}
	return nil
}

// What an imported key is found by: its beginning, or a digest that is its own.
const (
	byPrefix = "id:"
	bySHA256 = "sha256:"
	bySHA512 = "sha512:"
)

// lookups is what a text of the layout may be found by.
func (l *Layout) lookups(text authz.Secret) []string {
	s := text.Reveal()
	short, long := sha256.Sum256([]byte(s)), sha512.Sum512([]byte(s))
	all := []string{bySHA256 + hex.EncodeToString(short[:]), bySHA512 + hex.EncodeToString(long[:])}
	if l.Lookup > 0 {
		all = append(all, byPrefix+s[:l.Lookup])
	}
	return all
}

// foreignTag is kept of an imported key once it was proven: from then on a wrong
// secret costs nothing but this.
func foreignTag(key []byte, text authz.Secret) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte("imported "))
	_, _ = mac.Write([]byte(text.Reveal()))
	return mac.Sum(nil)[:tagSize]
}

// foreignTagged reports whether the tag is the text's under one of the keys.
func (k *Keys) foreignTagged(tag []byte, text authz.Secret) bool {
	found := false
	for _, key := range k.cfg.TagKeys {
		if hmac.Equal(foreignTag(key, text), tag) {
			found = true
		}
	}
	return found
}
