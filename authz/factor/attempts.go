package factor

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// How often somebody may be wrong. Five of a million codes, of which three are
// right at a time, in a quarter of an hour, then in half an hour, and so on:
// whoever goes on for a year has a chance of less than one in a hundred.
const (
	maxWrong     = 5
	firstWindow  = 15 * time.Minute
	maxDoublings = 6 // 16 hours
	remembered   = 48 * time.Hour
)

// ErrTooOften says that codes are not looked at for a while.
var ErrTooOften = authz.NewError(authz.RateLimited, "too_many_codes", "There were too many wrong codes. Use a passkey, or try again later.")

// attempt counts a try before it is looked at, so that no number of tries at
// once is more than the limit. It is an authz.Error of kind RateLimited when it
// is one too many.
func (f *Factors) attempt(ctx context.Context, of Person, method string) error {
	for range 8 {
		read, err := f.cfg.Store.GetAttempts(ctx, f.cfg.Issuer, of.Session.WorkspaceID, f.attempts(of, method))
		if err != nil {
			return err
		}
		next, err := following(read, f.cfg.Clock.Now())
		if err != nil {
			return f.refused(ctx, of, method, "too_many_codes", err)
		}
		err = f.cfg.Store.CountAttempt(ctx, read, next)
		if !errors.Is(err, authz.ErrStale) {
			return err
		}
	}
	return tooOften(time.Second)
}

// Attempt counts a try of a method that is checked elsewhere, such as a password,
// by the same rules; Right forgets what was counted: it was right.
func (f *Factors) Attempt(ctx context.Context, of Person, method string) error {
	return f.attempt(ctx, of, method)
}

// Right: see Attempt.
func (f *Factors) Right(ctx context.Context, of Person, method string) error {
	return f.cfg.Store.ForgetAttempts(ctx, f.cfg.Issuer, of.Session.WorkspaceID, f.attempts(of, method))
}

// attempts names what is counted together. A text of known parts needs no
// secret: it finds a number, and nothing else.
func (f *Factors) attempts(of Person, method string) [32]byte {
	s := of.Session
	return authz.Digest("factor attempts\x00" + string(f.cfg.Issuer) + "\x00" + string(s.WorkspaceID) + "\x00" + string(s.UserID) + "\x00" + method + "\x00" + of.Browser + "\x00" + of.Counted)
}

// following is the count after one more attempt at now.
func following(a authz.Attempts, now time.Time) (authz.Attempts, error) {
	if !a.Until.IsZero() && now.Before(a.Until) {
		if a.Count >= maxWrong {
			return a, tooOften(a.Until.Sub(now))
		}
		a.Count++
		return a, nil
	}
	if !a.Until.IsZero() { // and nobody was right since
		a.Strikes++
	}
	a.Count, a.Until = 1, now.Add(firstWindow<<min(a.Strikes, maxDoublings)).Truncate(time.Microsecond)
	a.ExpiresAt = a.Until.Add(remembered)
	return a, nil
}

func tooOften(wait time.Duration) error {
	e := *ErrTooOften
	e.RetryAfter = wait
	return &e
}
