package credential

import (
	"context"
	"errors"
	"sync"
)

// flights lets callers that come at once with one credential wait for one
// examination, so that a restart under load does not hash a hot key a
// thousand times.
type flights[T any] struct {
	mu   sync.Mutex
	open map[[32]byte]*flight[T]
}

type flight[T any] struct {
	done   chan struct{}
	record T
	err    error
}

func newFlights[T any]() *flights[T] { return &flights[T]{open: make(map[[32]byte]*flight[T])} }

var errAborted = errors.New("credential: the examination was aborted")

// do runs examine, or waits for the run that is under way. What another caller
// was told is good enough only if usable says so: that examination may have
// begun before something this caller already knows of.
func (f *flights[T]) do(ctx context.Context, digest [32]byte, usable func(T, error) bool, examine func() (T, error)) (T, error) {
	for {
		f.mu.Lock()
		fl, joined := f.open[digest]
		if !joined {
			fl = &flight[T]{done: make(chan struct{}), err: errAborted}
			f.open[digest] = fl
		}
		f.mu.Unlock()
		if !joined {
			return f.fly(digest, fl, examine)
		}
		select {
		case <-fl.done:
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
		if usable(fl.record, fl.err) {
			return fl.record, fl.err
		}
	}
}

// fly examines and lets those who wait have the result.
func (f *flights[T]) fly(digest [32]byte, fl *flight[T], examine func() (T, error)) (T, error) {
	defer f.land(digest, fl)
	fl.record, fl.err = examine()
	return fl.record, fl.err
}

func (f *flights[T]) land(digest [32]byte, fl *flight[T]) {
	f.mu.Lock()
	delete(f.open, digest)
	f.mu.Unlock()
	close(fl.done)
}
