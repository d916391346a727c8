package authz

import "time"

// Quota is what is left of a rate limit after a use was counted or refused.
type Quota struct {
	// Allowed reports whether the use was within the limit; one that was not
	// is not counted.
	Allowed bool
	// Limit is how many uses any Window may hold, Remaining how many more fit
	// now.
	Limit, Remaining int
	Window           time.Duration
	// Reset is how long until the whole limit is there again.
	Reset time.Duration
	// RetryAfter is how long until one more use fits; zero when one does now.
	RetryAfter time.Duration
}

// Exceeded is the error about a use that was one too many.
func (q Quota) Exceeded() *Error {
	e := NewError(RateLimited, "rate_limited", "The key was used too often; slow down.")
	e.RetryAfter, e.Quota = q.RetryAfter, &q
	return e
}
