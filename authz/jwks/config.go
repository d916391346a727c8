package jwks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const (
	// skew is how far clocks of nodes and verifiers may be apart.
	skew = time.Minute
	// archived is how long a key is kept after it left the JWKS, so that an
	// id_token_hint can still be checked.
	archived      = 30 * 24 * time.Hour
	defaultMaxAge = 15 * time.Minute
)

// Store keeps signing keys.
type Store interface {
	// ListSigningKeys returns all keys of the issuer, archived ones included.
	ListSigningKeys(ctx context.Context, issuer authz.IssuerName) ([]authz.SigningKey, error)
	// CreateSigningKey fails with authz.ErrConflict when the issuer has a key
	// of that algorithm and period.
	CreateSigningKey(ctx context.Context, k authz.SigningKey) error
	// DeleteSigningKeysRemovedBefore says how many keys it deleted.
	DeleteSigningKeysRemovedBefore(ctx context.Context, issuer authz.IssuerName, before time.Time) (int64, error)
}

// Sealer encrypts private keys with a key from outside the store
// (secret.Keyring).
type Sealer interface {
	Seal(purpose, row string, plaintext []byte) ([]byte, error)
	Open(purpose, row string, sealed []byte) ([]byte, error)
}

// Config is what a Set needs; every field is required but MaxAge and Logger.
type Config struct {
	Issuer authz.IssuerName
	// Algorithms to keep keys for: RS256, PS256, ES256, EdDSA.
	Algorithms []string
	// RotateEvery is how long a key signs.
	RotateEvery time.Duration
	// PublishAhead is how long a key is published before it signs, at least:
	// no less than MaxAge and a minute, less than RotateEvery.
	PublishAhead time.Duration
	// TokenTTL is the longest life of a signed token.
	TokenTTL time.Duration
	// MaxAge is how long verifiers may keep a copy of the document (the
	// max-age of its Cache-Control); 0 means 15 minutes.
	MaxAge time.Duration
	Store  Store
	Sealer Sealer
	Clock  authz.Clock
	Logger *slog.Logger // nil discards
}

// Set is an issuer's signing keys. It is safe for concurrent use; Sign, Verify
// and Document never wait for the store or for a key to be made.
type Set struct {
	cfg      Config
	schedule schedule
	current  atomic.Pointer[snapshot]
	rotating sync.Mutex    // serialises writes of current
	wanted   chan struct{} // a signature found no key
}

// New returns a Set without keys. Call Rotate before the first use and Run
// while it is in use.
func New(c Config) (*Set, error) {
	if c.MaxAge == 0 {
		c.MaxAge = defaultMaxAge
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	c.Algorithms = slices.Clone(c.Algorithms)
	s := &Set{
		cfg:      c,
		schedule: schedule{every: c.RotateEvery, ahead: c.PublishAhead, keep: c.TokenTTL + c.MaxAge + skew},
		wanted:   make(chan struct{}, 1),
	}
	s.current.Store(newSnapshot(nil, c.Clock.Now()))
	return s, nil
}

func (c Config) validate() error {
	switch {
	case c.Issuer == "" || c.Store == nil || c.Sealer == nil || c.Clock == nil:
		return errors.New("jwks: issuer, store, sealer and clock are required")
	case c.TokenTTL <= 0 || c.MaxAge < 0:
		return errors.New("jwks: the life of tokens is required, and no time is negative")
	case c.PublishAhead < c.MaxAge+skew:
		return fmt.Errorf("jwks: keys are published at least %s ahead: max-age and skew", c.MaxAge+skew)
	case c.RotateEvery <= c.PublishAhead:
		return errors.New("jwks: keys must sign for longer than they are published ahead")
	case len(c.Algorithms) == 0:
		return errors.New("jwks: at least one algorithm is required")
	}
	for i, alg := range c.Algorithms {
		if !supported(alg) {
			return fmt.Errorf("jwks: algorithm %q is not supported", alg)
		}
		if slices.Contains(c.Algorithms[:i], alg) {
			return fmt.Errorf("jwks: algorithm %q is named twice", alg)
		}
	}
	return nil
}
