package factor

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// FreshFor is how old the sign-in may be that enrols a first factor, and the
// proof that changes factors.
const FreshFor = authz.MintMaxAge

var (
	// ErrNotFresh says that a first factor takes a sign-in of this moment:
	// whoever found a browser open must not make it their own.
	ErrNotFresh = authz.NewError(authz.Forbidden, "sign_in_not_fresh", "Sign in again first: a second factor is set up right after signing in.")
	// ErrInterim says that a sign-in which stands in for another enrols nothing:
	// an outage would be a time for strangers to enrol.
	ErrInterim = authz.NewError(authz.Forbidden, "enrolment_needs_code", "Your organisation's usual sign-in does not answer. Until it does, a second factor is set up with a code from your administrator only.")
	// ErrFactorFirst says that factors are changed by whoever has one.
	ErrFactorFirst = authz.NewError(authz.Forbidden, "factor_required", "Confirm with a second factor that you have before you change them.")
)

// MayEnrol checks that the session may get its person another factor: a first
// one right after a sign-in of its own, any further one with one they have.
func MayEnrol(s authz.Session, h Held, now time.Time) error {
	if len(h.Factors) > 0 {
		return MayChange(s, now)
	}
	switch {
	case s.Fallback.Interim():
		return ErrInterim
	case !recent(s.AuthTime, now):
		return ErrNotFresh
	}
	return nil
}

// MayChange checks that the session's person has just proven a factor of ours.
func MayChange(s authz.Session, now time.Time) error {
	if s.SignIn.Local == "" || !recent(s.SignIn.MFAAt, now) {
		return ErrFactorFirst
	}
	return nil
}

func recent(at, now time.Time) bool {
	age := now.Sub(at)
	return !at.IsZero() && age >= 0 && age <= FreshFor
}
