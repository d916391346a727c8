package login

import (
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// auth_time has whole seconds: a sign-in is taken for as old as it may be.
func TestAZ_07_HowOldASignInMayBeIsCountedFromItsSecond(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		maxAge  time.Duration
		signed  time.Duration // after the full second
		arrived time.Duration
		want    bool
	}{
		{0, 0, 0, false}, {0, time.Millisecond, time.Millisecond, false}, {0, 999 * time.Millisecond, 999 * time.Millisecond, false}, {0, 0, time.Second, false},
		{time.Second, 0, 0, true}, {time.Second, 0, time.Second, true}, {time.Second, 999 * time.Millisecond, time.Second, true},
		{time.Second, 0, time.Second + 1, false}, {time.Second, 999 * time.Millisecond, time.Second + 1, false},
	} {
		p := &pending{request: &oauth.AuthorizationRequest{MaxAge: &c.maxAge, ArrivedAt: at.Add(c.arrived)}}
		s := authz.Session{ID: "ses_x", AuthTime: at.Add(c.signed)}
		if got := p.fresh(s); got != c.want {
			t.Errorf("max_age=%v, signed in %v, asked %v after the second: fresh %v", c.maxAge, c.signed, c.arrived, got)
		}
		p.row.SessionID = s.ID
		if !p.fresh(s) {
			t.Errorf("max_age=%v: the sign-in for this very request does not count", c.maxAge)
		}
	}
}
