package jwks

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxHeader is the length of the longest encoded header, in bytes; ours have
// about 120.
const maxHeader = 512

// errToken is the one answer to every JWS that is not ours; the reason is in
// its cause. Nothing of the token is.
var errToken = authz.NewError(authz.Unauthenticated, "invalid_token", "The token is not valid.")

// Verify returns the payload and typ of a JWS in compact serialization that a
// still published key of this issuer signed. Of the header only alg, kid and
// typ are accepted: a JWS that brings a key, an address or an extension is
// refused (RFC 8725 sections 3.1, 3.5 and 3.10). The algorithm is the key's.
// What the claims say, exp included, is the caller's to check. It fails as
// Unauthenticated.
func (s *Set) Verify(ctx context.Context, compact string) (payload []byte, typ string, err error) {
	now := s.cfg.Clock.Now()
	return s.verify(ctx, compact, func(k *key) bool { return k.inDocumentAt(now) })
}

// VerifyArchived is Verify for an id_token_hint (OpenID Connect Core section
// 3.1.2.1), which may be older than its key: archived keys count too, for 30
// days after they left the JWKS.
func (s *Set) VerifyArchived(ctx context.Context, compact string) (payload []byte, typ string, err error) {
	oldest := s.cfg.Clock.Now().Add(-archived)
	return s.verify(ctx, compact, func(k *key) bool { return oldest.Before(k.RemoveAt) })
}

func (s *Set) verify(ctx context.Context, compact string, usable func(*key) bool) ([]byte, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", fmt.Errorf("jwks: verifying: %w", err)
	}
	h, err := parseHeader(compact)
	if err != nil {
		return nil, "", errToken.Because(err)
	}
	k := s.current.Load().byKID[h.KID]
	switch {
	case k == nil || !usable(k):
		return nil, "", errToken.Because(errors.New("jwks: the kid is not known"))
	case h.Algorithm != k.Algorithm:
		return nil, "", errToken.Because(errors.New("jwks: the algorithm is not the key's"))
	}
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(k.Algorithm)})
	if err != nil {
		return nil, "", errToken.Because(errors.New("jwks: malformed"))
	}
	payload, err := jws.Verify(k.public)
	if err != nil {
		return nil, "", errToken.Because(errors.New("jwks: the signature is wrong"))
	}
	return payload, h.Type, nil
}

// protectedHeader is all that a header of ours holds.
type protectedHeader struct {
	Algorithm string `json:"alg"`
	KID       string `json:"kid"`
	Type      string `json:"typ"`
}

var strict = base64.RawURLEncoding.Strict() //nolint:gochecknoglobals // a constant

// parseHeader reads the protected header (RFC 7515 section 4) of a JWS whose
// shape it checks first: nothing is decoded of a text that is too long, has
// other than two dots (a JWE has four) or another alphabet, and a part has one
// encoding only.
func parseHeader(compact string) (h protectedHeader, err error) {
	if len(compact) > maxCompact {
		return h, errors.New("jwks: too long")
	}
	head, rest, _ := strings.Cut(compact, ".")
	payload, signature, found := strings.Cut(rest, ".")
	if !found || len(head) > maxHeader || strings.ContainsAny(compact, "\r\n") {
		return h, errors.New("jwks: not a compact JWS")
	}
	text, err := strict.DecodeString(head)
	if err != nil || !encoded(payload) || !encoded(signature) {
		return h, errors.New("jwks: not a compact JWS")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields() // crit, jwk, jku, x5u, x5c, b64, zip, …
	if err := decoder.Decode(&h); err != nil || decoder.InputOffset() != int64(len(text)) {
		return h, errors.New("jwks: a header with other members than alg, kid and typ")
	}
	return h, nil
}

// encoded reports whether s is base64url in the one canonical way.
func encoded(s string) bool {
	_, err := strict.DecodeString(s)
	return err == nil && s != ""
}
