package factor

import (
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func TestMF_02_WhoeverGuessesForAYearHasLittleChance(t *testing.T) {
	start := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	now, a, looked := start, authz.Attempts{}, 0
	for now.Before(start.AddDate(1, 0, 0)) {
		next, err := following(a, now)
		if err != nil {
			if e := err.(*authz.Error); e.Kind != authz.RateLimited || e.RetryAfter <= 0 || e.RetryAfter > 16*time.Hour { //nolint:errorlint // returned as it is
				t.Fatalf("%v %v", e, e.RetryAfter)
			}
			now = now.Add(time.Minute)
			continue
		}
		a = next
		looked++
	}
	if looked < 5 || float64(looked)*3/1e6 > 0.01 {
		t.Errorf("%d codes were looked at in a year", looked)
	}
}

func TestMF_06_FactorsAreEnrolledFreshAndChangedByWhoHasOne(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	none, one := Held{}, Held{Factors: []authz.Factor{{State: authz.Disabled}}} // one that was copied is one all the same
	fresh := authz.Session{AuthTime: now.Add(-FreshFor)}
	proven := authz.Session{AuthTime: now.Add(-time.Hour), SignIn: authz.SignIn{MFA: authz.MFAProven, MFAAt: now.Add(-FreshFor), Local: "totp"}}
	with := func(s authz.Session, change func(*authz.Session)) authz.Session { change(&s); return s }
	for name, c := range map[string]struct {
		s    authz.Session
		h    Held
		want *authz.Error
	}{
		"a first one, fresh":            {fresh, none, nil},
		"a first one, a while later":    {with(fresh, func(s *authz.Session) { s.AuthTime = s.AuthTime.Add(-time.Second) }), none, ErrNotFresh},
		"a sign-in of the future":       {with(fresh, func(s *authz.Session) { s.AuthTime = now.Add(time.Second) }), none, ErrNotFresh},
		"a first one during an outage":  {with(fresh, func(s *authz.Session) { s.Fallback = authz.FallbackHealth }), none, ErrInterim},
		"by an administrator's switch":  {with(fresh, func(s *authz.Session) { s.Fallback = authz.FallbackForced }), none, ErrInterim},
		"a first one, by a route":       {with(fresh, func(s *authz.Session) { s.Fallback = authz.FallbackRoute }), none, nil},
		"another, fresh":                {fresh, one, ErrFactorFirst},
		"another, proven":               {proven, one, nil},
		"another, proven a while ago":   {with(proven, func(s *authz.Session) { s.SignIn.MFAAt = s.SignIn.MFAAt.Add(-time.Second) }), one, ErrFactorFirst},
		"another, the upstream's proof": {with(proven, func(s *authz.Session) { s.SignIn.Local = "" }), one, ErrFactorFirst},
	} {
		err := MayEnrol(c.s, c.h, now)
		if c.want == nil && err != nil || c.want != nil && err != c.want { //nolint:errorlint // returned as it is
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestARecoveryCodeIsReadHoweverItWasCopied(t *testing.T) {
	for typed, want := range map[string]string{
		"ABCD-EFGH-JKMN": "ABCDEFGHJKMN", " abcd efgh jkmn ": "ABCDEFGHJKMN", "oilo-0000-1111": "011000001111", "OILO00001111": "011000001111",
		"": "", "ABCD-EFGH-JKM": "", "ABCD-EFGH-JKMNP": "", "ABCD-EFGH-JKM?": "", "UUUU-UUUU-UUUU": "",
	} {
		if got := normalCode(typed); got != want {
			t.Errorf("%q is read as %q, want %q", typed, got, want)
		}
	}
	for range 100 {
		if code := drawCode(); normalCode(code) != code {
			t.Fatalf("drew %q", code)
		}
	}
}
