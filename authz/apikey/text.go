package apikey

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Pattern finds the keys of every issuer in other text (RE2 syntax). What it
// finds is a key exactly when Parse accepts it.
const Pattern = `\b[a-z][a-z0-9]{1,7}_(live|test)_[A-Za-z0-9]{64}\b`

const (
	version    = 1
	idEnd      = 12 // bytes: version and id
	tagStart   = 40
	crcStart   = 44
	rawLength  = 48
	bodyLength = rawLength / 3 * 4
	idLength   = idEnd / 3 * 4
	minBrand   = 2
	maxBrand   = 8
	envLength  = len("_live_")
)

// errShape is the one answer to everything that is not the text of a key.
var errShape = errors.New("apikey: not the text of an API key")

// Text is what the text of a key says by itself. It does not print its secret.
type Text struct {
	// Brand is the issuer's mark: "up" of "up_live_…".
	Brand       string
	Environment authz.Environment
	KeyID       authz.KeyID
	prefix      string
	raw         [rawLength]byte
}

// Shown is the part that may be shown: the prefix and the 16 characters of the id.
func (t Text) Shown() string { return t.prefix + strings.TrimPrefix(string(t.KeyID), "key_") }

// Format prints the part that may be shown, whatever the verb.
func (t Text) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, t.Shown()) }

// LooksLikeKey reports whether the text begins as keys begin. It decides who
// looks at a credential, not whether it is one.
func LooksLikeKey(text authz.Secret) bool {
	brand, rest, _ := strings.Cut(text.Reveal(), "_")
	return validBrand(brand) && (strings.HasPrefix(rest, "live_") || strings.HasPrefix(rest, "test_"))
}

// Parse takes the text of a key apart and checks its checksum. It proves
// nothing: whoever reads this page can write a text that parses.
func Parse(text authz.Secret) (Text, error) {
	s := text.Reveal()
	cut := len(s) - bodyLength
	if cut < minBrand+envLength || cut > maxBrand+envLength {
		return Text{}, errShape
	}
	prefix, body := s[:cut], s[cut:]
	t := Text{Brand: prefix[:cut-envLength], prefix: prefix}
	switch prefix[cut-envLength:] {
	case "_live_":
		t.Environment = authz.Live
	case "_test_":
		t.Environment = authz.Test
	default:
		return Text{}, errShape
	}
	if !validBrand(t.Brand) || !alphanumeric(body) || !t.decode(body) {
		return Text{}, errShape
	}
	t.KeyID = authz.KeyID("key_" + body[:idLength])
	return t, nil
}

func (t *Text) decode(body string) bool {
	var src [bodyLength]byte
	copy(src[:], body)
	if _, err := base64.StdEncoding.Decode(t.raw[:], src[:]); err != nil {
		return false
	}
	return t.raw[0] == version &&
		binary.BigEndian.Uint32(t.raw[crcStart:]) == checksum(t.prefix, t.raw[:crcStart])
}

func checksum(prefix string, raw []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli) // made once by the standard library
	var head [maxBrand + envLength]byte
	return crc32.Update(crc32.Checksum(head[:copy(head[:], prefix)], table), table, raw)
}

func validBrand(s string) bool {
	if len(s) < minBrand || len(s) > maxBrand || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if lower := s[i] >= 'a' && s[i] <= 'z'; !lower && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

func alphanumeric[T string | []byte](s T) bool {
	for i := range len(s) {
		c := s[i] | 0x20 // folds the letters' case; moves no other byte among them
		if letter := c >= 'a' && c <= 'z'; !letter && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}
