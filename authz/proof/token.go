package proof

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// maxLength is that of the longest text that is read, in bytes.
const maxLength = 16 << 10

// Algorithms are the JWS algorithms clients may sign with unless they
// registered one (FAPI 2.0 Security Profile section 5.4.1).
func Algorithms() []string { return []string{"PS256", "ES256", "EdDSA"} }

// Header is the protected header of a JWS (RFC 7515 section 4.1), as far as it
// is looked at.
type Header struct {
	Algorithm string          `json:"alg"`
	KeyID     string          `json:"kid"`
	Type      string          `json:"typ"`
	Critical  json.RawMessage `json:"crit"`
}

// Token is a JWS in compact serialization. Nothing vouches for its claims
// before Verify does.
type Token struct {
	Header Header
	text   string
	jws    *jose.JSONWebSignature
}

// Text is what was read.
func (t *Token) Text() string { return t.text }

// Read takes a compact JWS apart whose algorithm is one of algs. It refuses
// other shapes before anything is decoded, and critical extensions (RFC 7515
// section 4.1.11).
func Read(text string, algs []string) (*Token, error) {
	if len(text) > maxLength || strings.Count(text, ".") != 2 {
		return nil, errors.New("proof: not a compact JWS")
	}
	head, _, _ := strings.Cut(text, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(head)
	if err != nil {
		return nil, errors.New("proof: the header is not base64url")
	}
	t := &Token{text: text}
	if err := unmarshal(raw, &t.Header); err != nil {
		return nil, fmt.Errorf("proof: reading the header: %w", err)
	}
	if t.Header.Critical != nil {
		return nil, errors.New("proof: a critical extension")
	}
	if !slices.Contains(algs, t.Header.Algorithm) {
		return nil, errors.New("proof: the algorithm is not allowed")
	}
	t.jws, err = jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(t.Header.Algorithm)})
	if err != nil {
		return nil, errors.New("proof: not a compact JWS")
	}
	return t, nil
}

// Unverified fills v with the claims although nobody vouches for them: to find
// out whose keys to verify them with, and for nothing else.
func (t *Token) Unverified(v any) error {
	return unmarshal(t.jws.UnsafePayloadWithoutVerification(), v)
}

// Verify fills v with the claims if one of the keys signed them.
func (t *Token) Verify(keys *Keys, v any) error {
	for _, key := range keys.fitting(t.Header) {
		if payload, err := t.jws.Verify(key); err == nil {
			return unmarshal(payload, v)
		}
	}
	return errors.New("proof: no key of the client signed this")
}
