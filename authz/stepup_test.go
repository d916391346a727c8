package authz_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func TestRFC9470_ARuleIsSatisfiedByASignInThatIsStrongAndRecentEnough(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	strong := authz.AuthenticationRule{ACRValues: []string{"gold", "silver"}}
	recent := authz.AuthenticationRule{MaxAge: 5 * time.Minute}
	both := authz.AuthenticationRule{ACRValues: []string{"gold"}, MaxAge: 5 * time.Minute}
	signedIn := func(acr string, ago time.Duration) authz.Principal {
		return authz.Principal{ACR: acr, AuthTime: now.Add(-ago)}
	}
	for name, c := range map[string]struct {
		rule authz.AuthenticationRule
		by   authz.Principal
		want string
	}{
		"nothing demanded":      {authz.AuthenticationRule{}, authz.Principal{}, ""},
		"one of two":            {strong, signedIn("silver", time.Hour), ""},
		"weaker":                {strong, signedIn("bronze", 0), `error="insufficient_user_authentication", error_description="A stronger or more recent sign-in is required.", acr_values="gold silver"`},
		"none":                  {strong, signedIn("", 0), `error="insufficient_user_authentication", error_description="A stronger or more recent sign-in is required.", acr_values="gold silver"`},
		"in its last second":    {recent, signedIn("", 5*time.Minute), ""},
		"a second later":        {recent, signedIn("", 5*time.Minute+time.Second), `error="insufficient_user_authentication", error_description="A stronger or more recent sign-in is required.", max_age="300"`},
		"nobody signed in":      {recent, authz.Principal{}, `error="insufficient_user_authentication", error_description="A stronger or more recent sign-in is required.", max_age="300"`},
		"strong, and too old":   {both, signedIn("gold", time.Hour), `error="insufficient_user_authentication", error_description="A stronger or more recent sign-in is required.", acr_values="gold", max_age="300"`},
		"strong and recent":     {both, signedIn("gold", time.Minute), ""},
		"quotes stay in quotes": {authz.AuthenticationRule{ACRValues: []string{`a"b\`}}, signedIn("", 0), `error="insufficient_user_authentication", error_description="A stronger or more recent sign-in is required.", acr_values="a\"b\\"`},
	} {
		err := c.rule.Check(c.by, now)
		var got string
		if e, ok := errors.AsType[*authz.Error](err); ok {
			got = e.Challenge()
		}
		if got != c.want || (err == nil) != (c.want == "") || err != nil && authz.KindOf(err) != authz.Unauthenticated {
			t.Errorf("%s: %v %s, want %s", name, err, got, c.want)
		}
	}
}
