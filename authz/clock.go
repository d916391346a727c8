package authz

import (
	"sync/atomic"
	"time"
)

// Clock tells the time. Every time that is promised to anyone goes through a
// Clock, so that a test can hold the promise without waiting for it.
type Clock interface {
	// Now is the present moment in UTC, in whole microseconds: what both
	// databases can keep.
	Now() time.Time
}

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now returns the machine's time in UTC, truncated to microseconds.
func (SystemClock) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// StandingClock stands until it is moved, so that a test can hold a promise to
// the second however long it takes to run. Each look moves it by a microsecond:
// of two moments one is the later. Its zero value stands at 1970; see
// NewStandingClock.
type StandingClock struct{ micros atomic.Int64 }

// NewStandingClock returns a clock that stands at the machine's present moment.
func NewStandingClock() *StandingClock {
	c := &StandingClock{}
	c.micros.Store(time.Now().UnixMicro())
	return c
}

// Now returns where the clock stands, a microsecond after it was last asked.
func (c *StandingClock) Now() time.Time { return time.UnixMicro(c.micros.Add(1)).UTC() }

// Advance moves the clock by d, which may be negative, in whole microseconds.
func (c *StandingClock) Advance(d time.Duration) { c.micros.Add(d.Microseconds()) }
