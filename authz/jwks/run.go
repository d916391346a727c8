package jwks

import (
	"context"
	"time"
)

const (
	interval = 20 * time.Second // between rotations, so that nodes agree in 30 s
	retry    = 5 * time.Second  // after a failure
	gap      = time.Second      // between rotations that signatures ask for
	patience = 20 * time.Second // with the store
)

// Run calls Rotate now, every 20 seconds, and when a signature finds no key,
// until the context ends. Failures are logged and tried again.
func (s *Set) Run(ctx context.Context) {
	for {
		next := time.NewTimer(s.step(ctx))
		// However many signatures fail, the store is asked once a second.
		select {
		case <-ctx.Done():
		case <-time.After(gap):
		}
		select {
		case <-ctx.Done():
			next.Stop()
			return
		case <-next.C:
		case <-s.wanted:
			next.Stop()
		}
	}
}

// step rotates once and says when to do it again.
func (s *Set) step(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.Rotate(ctx); err != nil && ctx.Err() != context.Canceled {
		s.cfg.Logger.Error("signing keys could not be rotated", "issuer", s.cfg.Issuer, "error", err)
		return retry
	}
	return interval
}

// want asks Run for a key, without waiting.
func (s *Set) want() {
	select {
	case s.wanted <- struct{}{}:
	default:
	}
}
