package jwks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxRounds bounds how often a race is lost for one algorithm before giving
// up until the next time; two keys are missing at most.
const maxRounds = 6

// Rotate makes what is missing: for every algorithm a key that signs now and
// the one after it. It forgets keys that have been archived for 30 days, and
// then does what Reload does. It may be called at any time on any number of
// nodes. On failure the keys known before stay in use until their time is over.
func (s *Set) Rotate(ctx context.Context) error {
	s.rotating.Lock()
	defer s.rotating.Unlock()
	rows, err := s.rows(ctx)
	if err != nil {
		return errors.Join(err, s.age())
	}
	var problems []error
	for _, alg := range s.cfg.Algorithms {
		rows, err = s.complete(ctx, alg, rows)
		problems = append(problems, err)
	}
	problems = append(problems, s.purge(ctx, rows), s.load(rows))
	return errors.Join(problems...)
}

// Reload reads the store and replaces the keys and the document. It fails when
// the store does, or when a key that is still published does not open; such a
// key neither signs nor verifies nor is published by this node.
func (s *Set) Reload(ctx context.Context) error {
	s.rotating.Lock()
	defer s.rotating.Unlock()
	rows, err := s.rows(ctx)
	if err != nil {
		return errors.Join(err, s.age())
	}
	return s.load(rows)
}

func (s *Set) rows(ctx context.Context) ([]authz.SigningKey, error) {
	rows, err := s.cfg.Store.ListSigningKeys(ctx, s.cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("jwks: listing the signing keys: %w", err)
	}
	return rows, nil
}

// complete makes keys until the algorithm lacks none.
func (s *Set) complete(ctx context.Context, alg string, rows []authz.SigningKey) ([]authz.SigningKey, error) {
	for range maxRounds {
		wanted, lacks := s.schedule.missing(of(rows, alg), s.cfg.Clock.Now())
		if !lacks {
			return rows, nil
		}
		k, err := newKey(wanted, s.cfg.Issuer, alg, s.cfg.Sealer)
		if err != nil {
			return rows, err
		}
		err = s.cfg.Store.CreateSigningKey(ctx, k)
		switch {
		case err == nil:
			s.cfg.Logger.Info("signing key created", "issuer", s.cfg.Issuer, "alg", alg, "kid", k.KID, "active_at", k.ActiveAt)
			rows = append(rows, k)
		case errors.Is(err, authz.ErrConflict):
			// Another node was first; its key is as good.
			latest, err := s.rows(ctx)
			if err != nil {
				return rows, err
			}
			rows = latest
		default:
			return rows, fmt.Errorf("jwks: creating a key for %s: %w", alg, err)
		}
	}
	return rows, fmt.Errorf("jwks: no key for %s: its period is taken by a key of other times", alg)
}

func of(rows []authz.SigningKey, alg string) []authz.SigningKey {
	var out []authz.SigningKey
	for _, k := range rows {
		if k.Algorithm == alg {
			out = append(out, k)
		}
	}
	return out
}

// purge deletes keys whose signatures nobody asks about any more.
func (s *Set) purge(ctx context.Context, rows []authz.SigningKey) error {
	before := s.cfg.Clock.Now().Add(-archived)
	for _, k := range rows {
		if !k.RemoveAt.Before(before) {
			continue
		}
		if _, err := s.cfg.Store.DeleteSigningKeysRemovedBefore(ctx, s.cfg.Issuer, before); err != nil {
			return fmt.Errorf("jwks: deleting archived keys: %w", err)
		}
		return nil
	}
	return nil
}

// load replaces the snapshot by what the rows say.
func (s *Set) load(rows []authz.SigningKey) error {
	now, known := s.cfg.Clock.Now(), s.current.Load().byKID
	keys := make([]*key, 0, len(rows))
	var unopened int
	var problem error
	for _, row := range rows {
		// The life of tokens may have grown since the key was made.
		row.RemoveAt = later(row.RemoveAt, row.RetiredAt.Add(s.schedule.keep))
		k, err := s.open(known[row.KID], row, now)
		switch {
		case err == nil:
			keys = append(keys, k)
		case now.Before(row.RemoveAt): // an archived key is just forgotten
			unopened++
			problem = fmt.Errorf("jwks: %d keys are unusable, one of them %q: %w", unopened, row.KID, err)
		}
	}
	s.current.Store(newSnapshot(keys, now))
	return problem
}

func (s *Set) open(known *key, row authz.SigningKey, now time.Time) (*key, error) {
	if known != nil {
		if k := known.reopened(row, now); k != nil {
			return k, nil
		}
	}
	return openKey(row, s.cfg.Issuer, s.cfg.Sealer, now)
}

// age renders the known keys anew: some may have left the document while the
// store is away.
func (s *Set) age() error {
	known := s.current.Load().byKID
	rows := make([]authz.SigningKey, 0, len(known))
	for _, k := range known {
		rows = append(rows, k.SigningKey)
	}
	return s.load(rows)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
