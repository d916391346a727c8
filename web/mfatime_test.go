package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// An upstream that says that there was MFA and not when, as Entra does by
// default, proves nothing of the last quarter of an hour.
func TestU26_MFAOfAnUnknownTimeMintsNothingUntilTheTimeIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	told := false // when, as an upstream does that is asked for max_age
	h.upstream.SetFaults(idptest.Faults{IDToken: func(c map[string]any) {
		if !told {
			delete(c, "auth_time")
		}
		c["amr"] = []string{"pwd", "mfa"}
	}})
	b := h.browser()
	mints := func() error {
		s := h.sessionOf(b)
		if s.SignIn.MFA != authz.MFAProven || s.AuthTime.IsZero() {
			t.Fatalf("%+v", s)
		}
		return authz.MayMint(authz.Principal{Subject: string(s.UserID), AuthTime: s.AuthTime, MFA: s.SignIn.MFA, MFAAt: s.SignIn.MFAAt}, h.clock.Now().Add(time.Second))
	}
	b.upTo(h.authorizeURL())
	if mints() == nil {
		t.Error("MFA of nobody knows when lets mint")
	}
	// What the challenge says leads to the upstream at once, not to the same again.
	challenge := h.authorizeURL("acr_values", authz.ACRMultiFactor, "max_age", "900")
	told = true
	if to := b.get(challenge).Header().Get("Location"); !strings.HasPrefix(to, h.upstream.Issuer()) || !strings.Contains(to, "max_age=900") {
		t.Errorf("sent to %s", to)
	}
	b.upTo(challenge)
	if err := mints(); err != nil {
		t.Errorf("MFA of a moment ago: %v", err)
	}
}
