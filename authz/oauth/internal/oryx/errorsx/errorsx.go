// Package errorsx stands in for the package of the same name in
// github.com/ory/x, as far as fosite uses it. It records no stack traces: an
// inactive token is an everyday answer and must not pay for a walk of the stack.
package errorsx

import "github.com/pkg/errors"

// Cause returns the innermost error of a chain built with github.com/pkg/errors.
func Cause(err error) error { return errors.Cause(err) }

// WithStack returns err as it is.
func WithStack(err error) error { return err }

// StatusCodeCarrier is an error that knows its HTTP status code.
type StatusCodeCarrier interface{ StatusCode() int }

// RequestIDCarrier is an error that knows the request it belongs to.
type RequestIDCarrier interface{ RequestID() string }

// ReasonCarrier is an error with a reason.
type ReasonCarrier interface{ Reason() string }

// DebugCarrier is an error with text for developers.
type DebugCarrier interface{ Debug() string }

// StatusCarrier is an error with a status text.
type StatusCarrier interface{ Status() string }

// DetailsCarrier is an error with structured details.
type DetailsCarrier interface{ Details() map[string]any }
