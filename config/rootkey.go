package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
)

// minRootKey is the length of a root key in bytes.
const minRootKey = 32

// Secrets are the keys from outside the database.
type Secrets struct {
	// The root keys: the first encrypts, all of them decrypt. To rotate, put a
	// new one in front.
	RootKeys []RootKey `yaml:"root_keys"`
	// Without root keys, the file in which the server keeps one it generates at
	// first start (mode 0600). For one process on SQLite only. The default holds
	// where there is no configuration file; with one, it is named there.
	GeneratedKeyFile string `yaml:"generated_key_file"`
	// Keys of other systems' HMACs, for API keys that were imported by them.
	ForeignHMACKeys []ForeignKey `yaml:"foreign_hmac_keys"`
}

// ForeignKey is a key of another system.
type ForeignKey struct {
	// What imported keys name it by.
	ID string `yaml:"id"`
	// The key, byte for byte.
	Value Secret `yaml:"value"`
	// A file that holds the value.
	ValueFile string `yaml:"value_file"`
}

// RootKey is a key that others are derived from.
type RootKey struct {
	// The name of the key; it is stored beside what the key encrypted.
	ID string `yaml:"id"`
	// At least 32 random bytes as base64 or hex.
	Value Secret `yaml:"value"`
	// A file that holds the value.
	ValueFile string `yaml:"value_file"`
}

// Bytes decodes the key. It fails when the value is neither hex nor base64,
// shorter than 32 bytes, or not random enough to have come from a generator.
func (k RootKey) Bytes() ([]byte, error) {
	text := strings.TrimSpace(k.Value.Reveal())
	key, ok := decodeKey(text)
	switch {
	case text == "":
		return nil, errors.New("is required: at least 32 random bytes as base64 or hex")
	case wellKnown(text) || wellKnown(string(key)):
		return nil, errors.New("is an example value; generate one with: openssl rand -base64 32")
	case !ok:
		return nil, errors.New("must be base64 or hex")
	case len(key) < minRootKey:
		return nil, errors.New("must hold at least 32 bytes")
	case !varied(key):
		return nil, errors.New("is not random; generate one with: openssl rand -base64 32")
	}
	return key, nil
}

// decodeKey reads hex first: every hex text of such a length is base64 as
// well, and a random base64 text is practically never hex.
func decodeKey(text string) ([]byte, bool) {
	if key, err := hex.DecodeString(text); err == nil {
		return key, true
	}
	text = strings.TrimRight(text, "=")
	if key, err := base64.RawStdEncoding.Strict().DecodeString(text); err == nil {
		return key, true
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return key, err == nil
}

// wellKnown reports whether the text holds a word that people type where a
// secret belongs. Eight letters do not come up by chance.
func wellKnown(text string) bool {
	text = strings.ToLower(text)
	for _, word := range []string{
		"changeme", "change-me", "change_me", "changethis", "replaceme", "replace-me", "password",
		"placeholder", "example-", "examplekey", "insecure", "gatehouse", "supersecret", "01234567", "deadbeef",
	} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// varied reports whether the bytes could be random: enough different values,
// at enough different distances. It catches zeros, repetitions and sequences;
// 32 random bytes have fewer than 12 different values once in 10^20 keys.
func varied(key []byte) bool {
	const enough = 12
	var values, steps [256]bool
	var nValues, nSteps int
	for i, b := range key {
		if !values[b] {
			values[b], nValues = true, nValues+1
		}
		if i == 0 {
			continue
		}
		if step := b - key[i-1]; !steps[step] {
			steps[step], nSteps = true, nSteps+1
		}
	}
	return nValues >= enough && nSteps >= enough
}
