package authz

import (
	"errors"
	"fmt"
	"time"
)

// Kind sorts errors by what the caller can do about them. The zero value is
// Internal: an error nobody classified never looks like the caller's fault.
type Kind uint8

// The kinds of error.
const (
	Internal        Kind = iota // our fault; say nothing, log everything
	Invalid                     // the request is wrong and stays wrong
	Unauthenticated             // who are you?
	Forbidden                   // known, but not allowed
	NotFound                    // no such object, or not yours to see
	Conflict                    // someone else was first
	Expired                     // it was right once
	RateLimited                 // later
	Unavailable                 // cannot decide now; try again
	Stale                       // it changed since the caller looked
)

// Error is an error that may cross the process boundary: Code and Description
// are written for strangers, Err is not and never leaves the process.
type Error struct {
	Kind Kind
	// Code is a registered error code, such as "invalid_grant" (RFC 6749
	// section 5.2), or one of ours for /v1.
	Code string
	// Description may be shown to the caller. It never quotes the request.
	Description string
	// RetryAfter is set for RateLimited and Unavailable.
	RetryAfter time.Duration
	// Quota is the rate limit of a key that was used up; nil for other limits.
	Quota *Quota
	// Rule is the sign-in that is asked for; nil unless a sign-in would help.
	Rule *AuthenticationRule
	// Err is the cause, for logs only.
	Err error
}

// NewError returns an Error of the given kind.
func NewError(kind Kind, code, description string) *Error {
	return &Error{Kind: kind, Code: code, Description: description}
}

// Error describes the error for logs.
func (e *Error) Error() string {
	s := e.Code
	if e.Description != "" {
		s += ": " + e.Description
	}
	if e.Err != nil {
		s = fmt.Sprintf("%s: %v", s, e.Err)
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Because returns a copy of e that carries its cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Err = cause
	return &c
}

// KindOf returns the kind of the first Error in err's chain, Internal otherwise.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of the first Error in err's chain, or "".
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// Errors a store answers with; compare with errors.Is.
var (
	// ErrNotFound says that no such row exists for this issuer and workspace.
	ErrNotFound = NewError(NotFound, "not_found", "No such object.")
	// ErrConflict says that a unique value is taken.
	ErrConflict = NewError(Conflict, "conflict", "An object with these properties exists already.")
	// ErrConsumed says that a single-use row was used before.
	ErrConsumed = NewError(Conflict, "consumed", "This has been used already.")
	// ErrStale says that a row changed since it was read.
	ErrStale = NewError(Stale, "stale", "The object was changed by someone else.")
)
