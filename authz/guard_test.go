package authz_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func TestU26_MintingNeedsFreshMFAOrADelegation(t *testing.T) {
	noon := time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)
	person := authz.Principal{Issuer: "i", Subject: "usr_1", AuthTime: noon, MFA: authz.MFAProven, MFAAt: noon.Add(-authz.MintMaxAge)}
	if err := authz.MayMint(person, noon); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(*authz.Principal){
		"a second too old": func(p *authz.Principal) { p.MFAAt = p.MFAAt.Add(-time.Second) },
		"declared":         func(p *authz.Principal) { p.MFA = "declared" },
		"none":             func(p *authz.Principal) { p.MFA = "" },
		"of no time":       func(p *authz.Principal) { p.MFAAt = time.Time{} },
		"of the future":    func(p *authz.Principal) { p.MFAAt = noon.Add(time.Second) },
	} {
		weak := person
		change(&weak)
		err := authz.MayMint(weak, noon)
		if e, ok := errors.AsType[*authz.Error](err); !ok || e.Code != "insufficient_user_authentication" || e.Rule == nil || e.Rule.MaxAge != authz.MintMaxAge || len(e.Rule.ACRValues) != 1 {
			t.Errorf("evidence %s: %v", what, err)
		}
		if authz.PersonIsFresh(weak, noon) == nil {
			t.Errorf("evidence %s: fresh", what)
		}
	}
	robot := authz.Principal{Issuer: "i", Subject: "sa_1", MFA: authz.MFAProven, MFAAt: noon, AuthTime: noon}
	key := person
	key.KeyID = "key_1"
	exchanged := person
	exchanged.AuthTime = time.Time{}
	for what, p := range map[string]authz.Principal{"a machine": robot, "a key": key, "an exchanged token": exchanged} {
		if err := authz.MayMint(p, noon); authz.CodeOf(err) != "issuing_delegation_required" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if authz.PersonIsFresh(robot, noon) != nil {
		t.Error("a machine was asked for a sign-in")
	}
	robot.Delegation = &authz.Delegation{Issuer: "i", ExpiresAt: noon}
	if authz.MayMint(robot, noon) == nil || authz.MayMint(robot, noon.Add(-time.Second)) != nil {
		t.Error("the end of a delegation")
	}
	robot.Delegation = &authz.Delegation{Issuer: "other"}
	if authz.MayMint(robot, noon) == nil {
		t.Error("another issuer's delegation")
	}
}

func TestS30_AutomationHoldsNoWildcard(t *testing.T) {
	for _, s := range []string{"*", "admin:*", "admin:all", "x"} {
		if authz.AutomationMayHold([]string{"ok", s}, func(s string) bool { return s == "x" }) == nil {
			t.Error(s)
		}
	}
	if err := authz.AutomationMayHold([]string{"ok", "x"}, nil); err != nil {
		t.Error(err)
	}
}
