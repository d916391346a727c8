package idp

import "slices"

// Evidence says how far an upstream's word goes that more than one factor was
// used. The zero value is none.
type Evidence uint8

// The kinds of evidence, weakest first.
const (
	// EvidenceNone: nothing was said.
	EvidenceNone Evidence = iota
	// EvidenceDeclared: an administrator states that the upstream always asks
	// for a second factor; this sign-in shows nothing. Never enough to issue
	// credentials.
	EvidenceDeclared
	// EvidenceProven: this very sign-in says so.
	EvidenceProven
)

// String returns "none", "declared" or "proven".
func (e Evidence) String() string {
	switch e {
	case EvidenceDeclared:
		return "declared"
	case EvidenceProven:
		return "proven"
	}
	return "none"
}

// MFARule says what counts as evidence at one upstream. The zero rule believes
// amr "mfa" alone (RFC 8176 section 2).
type MFARule struct {
	// ACR are the authentication contexts that this upstream only ever tells
	// after a second factor.
	ACR []string
	// AMR are further words for methods that prove a second factor, beside
	// "mfa".
	AMR []string
	// Declared is an administrator's word that the upstream enforces MFA.
	Declared bool
}

// Evidence judges one sign-in by the authentication contexts and methods told.
// It never counts methods: "pwd" and "otp" side by side may be alternatives.
func (r MFARule) Evidence(contexts, methods []string) Evidence {
	for _, method := range methods {
		if method == "mfa" || (method != "" && slices.Contains(r.AMR, method)) {
			return EvidenceProven
		}
	}
	for _, acr := range contexts {
		if acr != "" && slices.Contains(r.ACR, acr) {
			return EvidenceProven
		}
	}
	if r.Declared {
		return EvidenceDeclared
	}
	return EvidenceNone
}
