package oidc

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// How a KeySet keeps up with its upstream.
const (
	keysFresh     = time.Hour        // less up to a tenth, so that connectors do not march in step
	keysKept      = 24 * time.Hour   // after a key was last seen
	forceGap      = 60 * time.Second // between refreshes that a token causes
	attemptGap    = 5 * time.Second  // between attempts while the upstream is away
	unknownKept   = 5 * time.Minute
	maxUnknown    = 256
	maxTokenBytes = 64 << 10
)

// KeySetConfig says where keys come from.
type KeySetConfig struct {
	URL  string           // the jwks_uri, required
	HTTP *http.Client     // required
	Now  func() time.Time // required
}

// KeySet verifies signatures with the keys of one jwks_uri (RFC 7517). It
// satisfies go-oidc's KeySet, but never fetches as often as tokens tell it to:
// hourly, plus once a minute at most for a token whose key is not known.
//
// A key that left the set, or an upstream that is away, is believed for another
// 24 hours. Keys are found by kid within this one set, so that two upstreams
// with the same kid never meet. It is safe for concurrent use.
type KeySet struct {
	config KeySetConfig
	cache  cached[*ring]

	mu      sync.Mutex
	forced  time.Time
	unknown map[string]time.Time // kids that a refresh did not bring
}

// NewKeySet returns a KeySet that has fetched nothing yet.
func NewKeySet(c KeySetConfig) *KeySet {
	s := &KeySet{config: c, unknown: map[string]time.Time{}}
	s.cache = cached[*ring]{fetch: s.fetch, now: c.Now, fresh: keysFresh - jitter(keysFresh/10), limit: keysKept, gap: attemptGap}
	return s
}

// VerifySignature returns the payload of a compact JWS if one of the keys
// signed it. It fails with *idp.Error: alg, signature, or why no keys came.
func (s *KeySet) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	jws, err := parseJWS(raw, algorithms())
	if err != nil {
		return nil, err
	}
	keys, err := s.cache.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("fetching keys: %w", err)
	}
	payload, refusal := keys.verify(jws, s.config.Now())
	kid := jws.Signatures[0].Protected.KeyID
	if refusal == nil || !s.mayForce(kid) {
		return payload, refusal
	}
	keys, err = s.cache.refresh(ctx)
	if err != nil {
		return nil, fmt.Errorf("fetching keys anew: %w", err)
	}
	payload, refusal = keys.verify(jws, s.config.Now())
	if refusal != nil {
		s.remember(kid)
	}
	return payload, refusal
}

// mayForce reports whether a token may cause a refresh now, and notes it.
func (s *KeySet) mayForce(kid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Now()
	if at, known := s.unknown[kid]; known && now.Sub(at) < unknownKept {
		return false
	}
	if !s.forced.IsZero() && now.Sub(s.forced) < forceGap {
		return false
	}
	s.forced = now
	return true
}

// remember notes that a refresh did not help with kid.
func (s *KeySet) remember(kid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unknown) >= maxUnknown {
		clear(s.unknown)
	}
	s.unknown[kid] = s.config.Now()
}

func (s *KeySet) fetch(ctx context.Context) (*ring, error) {
	doc, err := get(ctx, s.config.HTTP, s.config.URL, maxJWKS)
	if err != nil {
		return nil, err
	}
	if doc.status != http.StatusOK {
		return nil, unavailable(fmt.Errorf("status %d", doc.status))
	}
	keys, err := parseJWKS(doc.body)
	if err != nil {
		return nil, err
	}
	return s.cache.peek().merge(keys, s.config.Now()), nil
}

// parseJWS reads a compact JWS of one of the algorithms (RFC 7515 section 7.1).
func parseJWS(raw string, algs []string) (*jose.JSONWebSignature, error) {
	if len(raw) > maxTokenBytes {
		return nil, idp.Refuse(idp.ReasonTooLarge, fmt.Errorf("token longer than %d bytes", maxTokenBytes))
	}
	allowed := make([]jose.SignatureAlgorithm, len(algs))
	for i, alg := range algs {
		allowed[i] = jose.SignatureAlgorithm(alg)
	}
	jws, err := jose.ParseSignedCompact(raw, allowed)
	if err != nil {
		return nil, parseRefusal(err)
	}
	return jws, nil
}

// jitter returns a random duration below limit.
func jitter(limit time.Duration) time.Duration {
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	return time.Duration(binary.BigEndian.Uint64(raw[:]) % uint64(limit))
}
