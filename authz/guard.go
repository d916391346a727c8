package authz

import (
	"slices"
	"strings"
	"time"
)

// Guards that no policy, role or setting switches off.

// MintMaxAge is how old a person's proof of MFA may be when they make a
// credential.
const MintMaxAge = 15 * time.Minute

var (
	errAutomation = NewError(Invalid, "invalid_scope", "Automation never holds a wildcard, or a scope for people only.")
	errDelegation = NewError(Forbidden, "issuing_delegation_required", "Making a credential needs a live issuing delegation.")
)

// AutomationMayHold refuses wildcards, admin:all and what peopleOnly names to
// whatever is not a person; a nil peopleOnly names nothing.
func AutomationMayHold(scopes []string, peopleOnly func(string) bool) error {
	if slices.ContainsFunc(scopes, func(s string) bool {
		return strings.Contains(s, "*") || s == "admin:all" || peopleOnly != nil && peopleOnly(s)
	}) {
		return errAutomation
	}
	return nil
}

// Person reports whether the principal is a person, present by a sign-in of
// theirs: no key, and no token that somebody exchanged theirs for.
func (p Principal) Person() bool {
	return p.KeyID == "" && !p.AuthTime.IsZero() && strings.HasPrefix(p.Subject, "usr_")
}

// MayMint checks that the principal may make credentials at all: a person whose
// proof of MFA is at most MintMaxAge old, or whoever carries a live issuing
// delegation, the reach of which is another question. Of whoever's sign-in stands
// in for another during an outage, the proof must be one to us. A person is
// otherwise challenged (RFC 9470).
func MayMint(p Principal, now time.Time) error {
	if d := p.Delegation; d != nil && d.Issuer == p.Issuer && (d.ExpiresAt.IsZero() || now.Before(d.ExpiresAt)) {
		return nil
	}
	if !p.Person() {
		return errDelegation
	}
	age := now.Sub(p.MFAAt)
	if p.MFA == MFAProven && !p.StandIn && !p.MFAAt.IsZero() && age >= 0 && age <= MintMaxAge {
		return nil
	}
	return AuthenticationRule{ACRValues: []string{ACRMultiFactor}, MaxAge: MintMaxAge}.Insufficient()
}

// PersonIsFresh is MayMint for a person, and lets everybody else by: for what
// machines are let do by their scopes alone.
func PersonIsFresh(p Principal, now time.Time) error {
	if !strings.HasPrefix(p.Subject, "usr_") {
		return nil
	}
	return MayMint(p, now)
}
