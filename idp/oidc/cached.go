package oidc

import (
	"context"
	"sync"
	"time"
)

// fetchTimeout bounds one fetch whatever the HTTP client allows.
const fetchTimeout = 5 * time.Second

// cached is a remote document of which the last good copy is kept. One fetch
// is under way at a time, whoever needs it, and outlives the caller that began
// it: a visitor who leaves must not fail the others.
type cached[T any] struct {
	fetch func(context.Context) (T, error)
	now   func() time.Time
	// fresh is how long a copy is as good as new. After that it is fetched
	// anew behind the callers' backs, until limit, when they wait for it.
	fresh, limit time.Duration
	// gap is the least time between attempts after a failure.
	gap time.Duration

	mu      sync.Mutex
	value   T
	err     error         // of the last attempt
	fetched time.Time     // of value; zero while there is none
	tried   time.Time     // start of the last attempt
	flight  chan struct{} // closed when the attempt under way ends
}

// get returns a usable copy, waiting for one only if there is none.
func (c *cached[T]) get(ctx context.Context) (T, error) {
	c.mu.Lock()
	now := c.now()
	age := now.Sub(c.fetched)
	usable := !c.fetched.IsZero() && age < c.limit
	value, lastErr := c.value, c.err
	var flight chan struct{}
	if !usable || age >= c.fresh {
		flight = c.attempt(ctx, now)
	}
	c.mu.Unlock()
	if usable {
		return value, nil
	}
	if flight == nil { // too soon after a failure
		var none T
		return none, lastErr
	}
	return c.wait(ctx, flight)
}

// refresh fetches now, or joins the fetch under way, and returns what came of it.
func (c *cached[T]) refresh(ctx context.Context) (T, error) {
	c.mu.Lock()
	flight := c.begin(ctx, c.now())
	c.mu.Unlock()
	return c.wait(ctx, flight)
}

// peek returns the copy at hand, which may be the zero value.
func (c *cached[T]) peek() T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value
}

// attempt begins a fetch unless one failed a moment ago. It needs c.mu.
func (c *cached[T]) attempt(ctx context.Context, now time.Time) chan struct{} {
	if c.flight == nil && c.err != nil && now.Sub(c.tried) < c.gap {
		return nil
	}
	return c.begin(ctx, now)
}

// begin starts a fetch or returns the one under way. It needs c.mu.
func (c *cached[T]) begin(ctx context.Context, now time.Time) chan struct{} {
	if c.flight != nil {
		return c.flight
	}
	flight := make(chan struct{})
	c.flight, c.tried = flight, now
	ctx = context.WithoutCancel(ctx)
	if !c.fetched.IsZero() && now.Sub(c.fetched) < c.limit {
		ctx = spared(ctx)
	}
	go func() {
		ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
		defer cancel()
		value, err := c.fetch(ctx)
		c.mu.Lock()
		defer c.mu.Unlock()
		if err == nil {
			c.value, c.fetched = value, c.now()
		}
		c.err, c.flight = err, nil
		close(flight)
	}()
	return flight
}

// wait returns the outcome of a fetch, or leaves when the caller does.
func (c *cached[T]) wait(ctx context.Context, flight chan struct{}) (T, error) {
	var none T
	select {
	case <-ctx.Done():
		return none, unavailable(ctx.Err())
	case <-flight:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return none, c.err
	}
	return c.value, nil
}
