package credential

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// LeaseLife is how long a node believes its cache without news from the
// database.
const LeaseLife = 2 * time.Second

// Feed tells which nodes moved since a position (storage.NodeEventsSince).
type Feed[P any] interface {
	NodeEventsSince(ctx context.Context, after P) (moved []authz.NodeRef, next P, err error)
}

// Lease says whether this node's epochs are fresh enough to be believed. On an
// embedded database this process is the only writer and hears of every move
// from itself: its lease never ends. Elsewhere Follow keeps it alive.
type Lease struct {
	forever bool
	heard   atomic.Int64 // nanoseconds since start
	start   time.Time
}

// NewLease returns a lease that must be kept alive by Follow.
func NewLease() *Lease {
	l := &Lease{start: time.Now()}
	l.heard.Store(-int64(LeaseLife))
	return l
}

// ForeverLease returns a lease for a process that is the only writer.
func ForeverLease() *Lease { return &Lease{forever: true} }

// Fresh reports whether cached answers may be believed.
func (l *Lease) Fresh() bool {
	return l.forever || time.Since(l.start)-time.Duration(l.heard.Load()) < LeaseLife
}

func (l *Lease) renew(at time.Time) { l.heard.Store(int64(at.Sub(l.start))) }

// Follow reads the feed every interval, bumps what moved and keeps the lease
// alive, until ctx ends. A feed that fails lets the lease run out, and what is
// then read anew is read from the database or refused.
func Follow[P any](ctx context.Context, feed Feed[P], epochs *Epochs, lease *Lease, interval time.Duration) {
	var pos P
	started := false
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		asked := time.Now()
		pollCtx, cancel := context.WithTimeout(ctx, LeaseLife)
		moved, next, err := feed.NodeEventsSince(pollCtx, pos)
		cancel()
		if errors.Is(err, authz.ErrStale) {
			// The log no longer reaches back to where this node stood: begin
			// anew, believing nothing from before.
			var beginning P
			pos, started = beginning, false
		}
		if err == nil {
			if !started {
				// Whatever was cached before the first position is of unknown age.
				epochs.BumpAll()
			}
			epochs.Bump(moved)
			pos, started = next, true
			lease.renew(asked)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
