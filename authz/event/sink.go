package event

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Sink takes events somewhere.
type Sink interface {
	// Name is stable: deliveries are kept under it.
	Name() string
	// Deliver returns nil once the other side has taken the event. Any error
	// means again later, an error of type *Failure says how.
	Deliver(ctx context.Context, e authz.Event) error
}

// Failure is an error of a sink that says more than "again later".
type Failure struct {
	// Permanent means that no later attempt can succeed.
	Permanent bool
	// RetryAfter is how long the other side asked to be left alone; zero if
	// it did not.
	RetryAfter time.Duration
	Err        error
}

// Error describes the failure for logs.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// maxRetryAfter bounds what another side may ask for.
const maxRetryAfter = time.Hour

// verdict is what a failed attempt means for the next.
func verdict(err error) (permanent bool, after time.Duration) {
	f, ok := errors.AsType[*Failure](err)
	if !ok {
		return false, 0
	}
	return f.Permanent, min(f.RetryAfter, maxRetryAfter)
}
