package jwks

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// schedule says when keys sign. It is pure: every node that knows the time and
// the rows comes to the same answer.
type schedule struct {
	every time.Duration // a key signs
	ahead time.Duration // a key is published before it signs, at least
	keep  time.Duration // a key is published after it signed
}

// missing returns the times of the key that must be made next, or false when
// one of the rows (all of one algorithm) signs now and another follows it.
func (s schedule) missing(rows []authz.SigningKey, now time.Time) (authz.SigningKey, bool) {
	current, ok := signing(rows, now)
	if !ok {
		return s.atOnce(now), true
	}
	for _, k := range rows {
		if !k.ActiveAt.After(current.RetiredAt) && k.RetiredAt.After(current.RetiredAt) {
			return authz.SigningKey{}, false
		}
	}
	return s.takingOver(current.RetiredAt, now), true
}

// takingOver is a key that signs from at on, when the one before retires. It
// does so even if it was made too late to be published for long: an unknown kid
// makes verifiers fetch again, no signature at all makes everyone wait.
func (s schedule) takingOver(at, now time.Time) authz.SigningKey {
	k := s.covering(at)
	k.PublishedAt, k.ActiveAt = now, at
	return k
}

// atOnce is a key for when none signs. Its beginning is the earliest instant
// at which any node would have made it: a node whose clock is behind the
// maker's uses it too instead of wanting another.
func (s schedule) atOnce(now time.Time) authz.SigningKey {
	k := s.covering(now)
	k.ActiveAt = s.begins(k.Period).Add(-s.ahead)
	k.PublishedAt = k.ActiveAt
	return k
}

// covering is the key that signs at the instant and goes on for long enough
// that its successor is published in time.
func (s schedule) covering(at time.Time) authz.SigningKey {
	period := at.Add(s.ahead).UnixNano() / int64(s.every)
	retired := s.begins(period + 1)
	return authz.SigningKey{Period: period, RetiredAt: retired, RemoveAt: retired.Add(s.keep)}
}

func (s schedule) begins(period int64) time.Time {
	return time.Unix(0, period*int64(s.every)).UTC()
}

// signing returns the key that signs at now: of several the newest.
func signing(rows []authz.SigningKey, now time.Time) (newest authz.SigningKey, ok bool) {
	for _, k := range rows {
		if k.SignsAt(now) && (!ok || newer(k, newest)) {
			newest, ok = k, true
		}
	}
	return newest, ok
}

func newer(a, b authz.SigningKey) bool {
	if !a.ActiveAt.Equal(b.ActiveAt) {
		return a.ActiveAt.After(b.ActiveAt)
	}
	return a.Period > b.Period
}
