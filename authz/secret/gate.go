package secret

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// retryAfter is what a caller is told that found the gate closed.
const retryAfter = time.Second

// errBusy is the answer of a full gate.
var errBusy = &authz.Error{
	Kind: authz.Unavailable, Code: "temporarily_unavailable",
	Description: "Too much is being verified at once.", RetryAfter: retryAfter,
}

// gate bounds how many hashes run and how many callers wait, and how long.
type gate struct {
	permits chan struct{}
	waiting atomic.Int64
	queue   int64
	wait    time.Duration
}

func newGate(permits, queue int, wait time.Duration) *gate {
	return &gate{permits: make(chan struct{}, permits), queue: int64(queue), wait: wait}
}

// run runs the job when a permit is free. The permit belongs to the goroutine
// that works: a caller that hangs up gets its answer at once but frees nothing,
// or else opening and dropping connections would start hashes without end.
func (g *gate) run(ctx context.Context, job func() [hashSize]byte) (sum [hashSize]byte, err error) {
	if err := g.enter(ctx); err != nil {
		return sum, err
	}
	done := make(chan [hashSize]byte, 1)
	go func() {
		defer func() { <-g.permits }()
		done <- job()
	}()
	select {
	case sum = <-done:
		return sum, nil
	case <-ctx.Done():
		return sum, errBusy.Because(context.Cause(ctx))
	}
}

// enter takes a permit, waiting in the queue if there is room in it.
func (g *gate) enter(ctx context.Context) error {
	if ctx.Err() != nil {
		return errBusy.Because(context.Cause(ctx))
	}
	select {
	case g.permits <- struct{}{}:
		return nil
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.queue {
		return errBusy
	}
	timer := time.NewTimer(g.wait)
	defer timer.Stop()
	select {
	case g.permits <- struct{}{}:
		return nil
	case <-timer.C:
		return errBusy
	case <-ctx.Done():
		return errBusy.Because(context.Cause(ctx))
	}
}
