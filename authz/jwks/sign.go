package jwks

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxCompact is the length of the longest JWS made or read, in bytes.
const maxCompact = 16 << 10

// errNoKey says that no key may sign at this time.
var errNoKey = &authz.Error{
	Kind: authz.Unavailable, Code: "temporarily_unavailable",
	Description: "Tokens cannot be signed at the moment.", RetryAfter: 5 * time.Second,
}

// Sign returns the claims, as JSON, in a JWS of compact serialization (RFC 7515
// section 7.1) whose header holds alg, kid and typ and nothing else. It fails
// as Unavailable while no key may sign, and as Internal for an algorithm that
// was not configured or a JWS longer than 16 KiB.
func (s *Set) Sign(ctx context.Context, alg, typ string, claims any) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("jwks: signing: %w", err)
	}
	if !slices.Contains(s.cfg.Algorithms, alg) {
		return "", fmt.Errorf("jwks: no keys are kept for algorithm %q", alg)
	}
	k := s.current.Load().signingAt(alg, s.cfg.Clock.Now())
	if k == nil {
		s.want()
		return "", errNoKey
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("jwks: rendering claims: %w", err)
	}
	compact, err := k.sign(typ, payload)
	if err != nil {
		return "", fmt.Errorf("jwks: signing with %s: %w", alg, err)
	}
	if len(compact) > maxCompact {
		return "", fmt.Errorf("jwks: the claims make a token of %d bytes", len(compact))
	}
	return compact, nil
}

func (k *key) sign(typ string, payload []byte) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.SignatureAlgorithm(k.Algorithm),
		Key:       jose.JSONWebKey{Key: k.private, KeyID: k.KID},
	}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// Document returns the JWKS of the published keys and its entity tag, quoted
// (RFC 9110 section 8.8.3). The body is shared and must not be changed.
func (s *Set) Document() (body []byte, etag string) {
	now := s.current.Load()
	return now.body, now.etag
}
