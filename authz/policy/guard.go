package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// MintMaxAge is how old a person's MFA evidence may be when they create a
// credential.
const MintMaxAge = 15 * time.Minute

var (
	errWildcard   = authz.NewError(authz.Invalid, "invalid_scope", "Automation never holds a wildcard, or a scope for people only.")
	errDelegation = authz.NewError(authz.Forbidden, "issuing_delegation_required", "Creating a credential needs a live issuing delegation.")
)

// AutomationMayHold refuses wildcards, admin:all and what peopleOnly names to
// whatever is not a person. No policy switches it off.
func AutomationMayHold(scopes []string, peopleOnly func(string) bool) error {
	if slices.ContainsFunc(scopes, func(s string) bool {
		return strings.Contains(s, "*") || s == "admin:all" || peopleOnly != nil && peopleOnly(s)
	}) {
		return errWildcard
	}
	return nil
}

// MayMint checks that the principal may create credentials at all: a person
// whose proven MFA evidence is at most MintMaxAge old, or whoever carries a live
// issuing delegation, whose reach package apikey checks. A person is otherwise
// challenged for one of acrValues (RFC 9470). No policy switches it off.
func MayMint(p authz.Principal, mfa Evidence, mfaAt, now time.Time, acrValues []string) error {
	if d := p.Delegation; d != nil && d.Issuer == p.Issuer && (d.ExpiresAt.IsZero() || now.Before(d.ExpiresAt)) {
		return nil
	}
	if p.KeyID != "" || p.AuthTime.IsZero() || !strings.HasPrefix(p.Subject, "usr_") {
		return errDelegation
	}
	if mfa == Proven && within(mfaAt, now, int64(MintMaxAge/time.Second)) {
		return nil
	}
	return authz.AuthenticationRule{ACRValues: slices.Clone(acrValues), MaxAge: MintMaxAge}.Insufficient()
}
