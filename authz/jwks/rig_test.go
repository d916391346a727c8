package jwks_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/jwks"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
)

const (
	period = 6 * time.Hour
	ttl    = time.Hour
	maxAge = 15 * time.Minute
)

var errAway = errors.New("the store is away")

// memory is a store that keeps rows unique as a database does.
type memory struct {
	mu   sync.Mutex
	rows []authz.SigningKey
	away bool
	asks int // for the list
}

func (m *memory) ListSigningKeys(_ context.Context, issuer authz.IssuerName) ([]authz.SigningKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asks++
	if m.away {
		return nil, errAway
	}
	var out []authz.SigningKey
	for _, k := range m.rows {
		if k.Issuer == issuer {
			out = append(out, k)
		}
	}
	return out, nil
}

func (m *memory) CreateSigningKey(_ context.Context, k authz.SigningKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return errAway
	}
	for _, other := range m.rows {
		if other.KID == k.KID || (other.Issuer == k.Issuer && other.Algorithm == k.Algorithm && other.Period == k.Period) {
			return authz.ErrConflict
		}
	}
	m.rows = append(m.rows, k)
	return nil
}

func (m *memory) DeleteSigningKeysRemovedBefore(_ context.Context, issuer authz.IssuerName, before time.Time) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return 0, errAway
	}
	old := len(m.rows)
	m.rows = slices.DeleteFunc(m.rows, func(k authz.SigningKey) bool { return k.Issuer == issuer && k.RemoveAt.Before(before) })
	return int64(old - len(m.rows)), nil
}

// goAway makes the store fail, or come back.
func (m *memory) goAway(away bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
}

// asked is how often the list was asked for.
func (m *memory) asked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asks
}

// kept is a copy of the rows.
func (m *memory) kept() []authz.SigningKey {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.rows)
}

// change lets something happen to every row.
func (m *memory) change(fn func(*authz.SigningKey)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.rows {
		fn(&m.rows[i])
	}
}

// clock stands still until moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

// newClock stands 80 minutes into a period.
func newClock() *clock { return &clock{at: time.Date(2026, 11, 23, 13, 20, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newKeyring(t testing.TB) *secret.Keyring {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	k, err := secret.NewKeyring([]secret.Root{{ID: "one", Key: key}})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// config is that of an issuer with fast algorithms.
func config(t testing.TB, store jwks.Store, c authz.Clock) jwks.Config {
	t.Helper()
	return jwks.Config{
		Issuer: "uptimepulse", Algorithms: []string{"ES256", "EdDSA"},
		RotateEvery: period, PublishAhead: time.Hour, TokenTTL: ttl,
		Store: store, Sealer: newKeyring(t), Clock: c,
	}
}

func newSet(t testing.TB, c jwks.Config) *jwks.Set {
	t.Helper()
	s, err := jwks.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// started is a Set that has rotated.
func started(t testing.TB, c jwks.Config) *jwks.Set {
	t.Helper()
	s := newSet(t, c)
	mustRotate(t, s)
	return s
}

func mustRotate(t testing.TB, s *jwks.Set) {
	t.Helper()
	if err := s.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func mustSign(t testing.TB, s *jwks.Set, alg string) string {
	t.Helper()
	compact, err := s.Sign(t.Context(), alg, "at+jwt", map[string]any{"sub": "usr_1"})
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// published is what a verifier reads in the document.
func published(t testing.TB, s *jwks.Set) jose.JSONWebKeySet {
	t.Helper()
	body, _ := s.Document()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatal(err)
	}
	return set
}

func kidOf(t testing.TB, compact string) string {
	t.Helper()
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	return jws.Signatures[0].Protected.KeyID
}

// verifies reports whether a relying party that holds this copy accepts the JWS.
func verifies(copied jose.JSONWebKeySet, compact string) bool {
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA})
	if err != nil {
		return false
	}
	h := jws.Signatures[0].Protected
	for _, k := range copied.Key(h.KeyID) {
		if _, err := jws.Verify(k); err == nil && k.Algorithm == h.Algorithm && k.Use == "sig" {
			return true
		}
	}
	return false
}
