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

// MovableClock is the machine's clock shifted by an offset that tests move.
// Only builds tagged testclock offer a way to move it from outside.
type MovableClock struct{ offset atomic.Int64 }

// Now returns the machine's time plus the offset.
func (c *MovableClock) Now() time.Time {
	return time.Now().Add(time.Duration(c.offset.Load())).UTC().Truncate(time.Microsecond)
}

// Advance moves the clock by d, which may be negative.
func (c *MovableClock) Advance(d time.Duration) { c.offset.Add(int64(d)) }
