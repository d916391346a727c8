package authz

import (
	"fmt"
	"time"
)

// Numbers are the times of a connection that an administrator may set, each
// within bounds of its own; zero takes the default. NumberRules has both.
type Numbers struct {
	AttemptMinutes          int `json:"attempt_minutes,omitempty" minimum:"5" maximum:"30" doc:"How long somebody may be away at the provider. Absent: 10."`
	OIDCSkewSeconds         int `json:"oidc_skew_seconds,omitempty" minimum:"1" maximum:"180" doc:"How far our clock and an OpenID provider's may differ. Absent: 60."`
	SAMLSkewSeconds         int `json:"saml_skew_seconds,omitempty" minimum:"1" maximum:"180" doc:"How far our clock and a SAML provider's may differ. Absent: 60."`
	AssertionAgeSeconds     int `json:"assertion_age_seconds,omitempty" minimum:"30" maximum:"600" doc:"How old an assertion may be when it comes. Absent: 300."`
	DiscoveryRefreshMinutes int `json:"discovery_refresh_minutes,omitempty" minimum:"15" maximum:"10080" doc:"How often the discovery document is fetched anew. Absent: 720."`
	DiscoveryKeptMinutes    int `json:"discovery_kept_minutes,omitempty" minimum:"15" maximum:"10080" doc:"How long a good copy of it is used while none can be had; no less than discovery_refresh_minutes. Absent: 1440."`
	FallbackSessionMinutes  int `json:"fallback_session_minutes,omitempty" minimum:"5" maximum:"480" doc:"How long a session lasts whose sign-in stands in for another. Absent: 60."`
	MFAAgeMinutes           int `json:"mfa_age_minutes,omitempty" minimum:"15" maximum:"1440" doc:"How old a second factor at the provider may be to count at a sign-in. Absent: 720."`
}

// NumberRule is what one of the numbers may be, in its unit.
type NumberRule struct {
	Member            string
	Unit              time.Duration
	Default, Min, Max int

	of func(Numbers) int
}

// PollRule is that of how often a provider is asked about each session (the
// member poll_minutes of an OpenID provider's settings), beside 0, for never.
func PollRule() NumberRule {
	return NumberRule{Member: "poll_minutes", Unit: time.Minute, Default: 15, Min: 5, Max: 1440}
}

// NumberRules are those of all numbers, in their order.
func NumberRules() []NumberRule {
	const day = 24 * 60
	return []NumberRule{
		{"attempt_minutes", time.Minute, 10, 5, 30, func(n Numbers) int { return n.AttemptMinutes }},
		{"oidc_skew_seconds", time.Second, 60, 1, 180, func(n Numbers) int { return n.OIDCSkewSeconds }},
		{"saml_skew_seconds", time.Second, 60, 1, 180, func(n Numbers) int { return n.SAMLSkewSeconds }},
		{"assertion_age_seconds", time.Second, 300, 30, 600, func(n Numbers) int { return n.AssertionAgeSeconds }},
		{"discovery_refresh_minutes", time.Minute, day / 2, 15, 7 * day, func(n Numbers) int { return n.DiscoveryRefreshMinutes }},
		{"discovery_kept_minutes", time.Minute, day, 15, 7 * day, func(n Numbers) int { return n.DiscoveryKeptMinutes }},
		{"fallback_session_minutes", time.Minute, 60, 5, 8 * 60, func(n Numbers) int { return n.FallbackSessionMinutes }},
		{"mfa_age_minutes", time.Minute, day / 2, 15, day, func(n Numbers) int { return n.MFAAgeMinutes }},
	}
}

// Check says which number is out of its bounds, as an *Error of Invalid.
func (n Numbers) Check() error {
	for _, r := range NumberRules() {
		if v := r.of(n); v != 0 {
			if err := r.Check("numbers."+r.Member, v); err != nil {
				return err
			}
		}
	}
	if t := n.Times(); t.DiscoveryKept < t.DiscoveryRefresh {
		return NewError(Invalid, "invalid_numbers", "numbers.discovery_kept_minutes: must be no less than discovery_refresh_minutes.")
	}
	return nil
}

// Check says that a value is out of bounds, where the member is at.
func (r NumberRule) Check(at string, v int) error {
	if v < r.Min || v > r.Max {
		return NewError(Invalid, "invalid_numbers", fmt.Sprintf("%s: must be %d to %d.", at, r.Min, r.Max))
	}
	return nil
}

// Times are numbers as they hold, defaults filled in.
type Times struct {
	Attempt, OIDCSkew, SAMLSkew, AssertionAge, DiscoveryRefresh, DiscoveryKept, FallbackSession, MFAAge time.Duration
}

// Times returns the numbers as they hold.
func (n Numbers) Times() (t Times) {
	into := []*time.Duration{&t.Attempt, &t.OIDCSkew, &t.SAMLSkew, &t.AssertionAge, &t.DiscoveryRefresh, &t.DiscoveryKept, &t.FallbackSession, &t.MFAAge}
	for i, r := range NumberRules() {
		v := r.of(n)
		if v == 0 {
			v = r.Default
		}
		*into[i] = time.Duration(v) * r.Unit
	}
	return t
}
