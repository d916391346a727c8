package proof

import (
	"errors"
	"time"
)

// Skew is how far a client's clock may be ahead.
const Skew = 10 * time.Second

// Times are the registered time claims of a JWT (RFC 7519 section 4.1), which
// must be numbers; nil where a claim is absent.
type Times struct {
	Expires   *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
	IssuedAt  *float64 `json:"iat"`
}

// Check looks at exp, nbf and iat as far as they are there, and returns exp,
// which is zero if there is none. Nothing may end later, or have begun
// earlier, than longest from now.
func (t Times) Check(now time.Time, longest time.Duration) (expires time.Time, err error) {
	if t.Expires != nil {
		if expires, err = seconds(t.Expires); err != nil {
			return expires, err
		}
		if !now.Before(expires) || expires.After(now.Add(longest)) {
			return expires, errors.New("proof: exp is past or too far away")
		}
	}
	for _, start := range []*float64{t.NotBefore, t.IssuedAt} {
		if start == nil {
			continue
		}
		at, err := seconds(start)
		if err != nil {
			return expires, err
		}
		if at.After(now.Add(Skew)) || at.Before(now.Add(-longest)) {
			return expires, errors.New("proof: nbf or iat is in the future or long past")
		}
	}
	return expires, nil
}

// seconds reads a NumericDate between 1970 and 2100.
func seconds(n *float64) (time.Time, error) {
	if n == nil || *n < 0 || *n > 4_102_444_800 {
		return time.Time{}, errors.New("proof: not a time")
	}
	return time.Unix(int64(*n), 0), nil
}
