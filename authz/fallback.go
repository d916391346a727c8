package authz

import "time"

// FallbackMode says what an outage of the OpenID Connect side of a connection
// leads to.
type FallbackMode string

// The modes of fallback; the empty mode is Never.
const (
	FallbackNever FallbackMode = "never" // people wait
	FallbackAdmin FallbackMode = "admin" // an administrator switches over
	FallbackAsk   FallbackMode = "ask"   // people are told, and may go on by SAML
	FallbackAuto  FallbackMode = "auto"  // people are sent on by SAML
)

// FallbackReason is why somebody signed in by SAML where a connection has both
// sides; empty for a sign-in that fell back on nothing.
type FallbackReason string

// The reasons.
const (
	FallbackRoute  FallbackReason = "route"  // an administrator's rule: their directory is there
	FallbackForced FallbackReason = "admin"  // an administrator switched over for a while
	FallbackHealth FallbackReason = "health" // the other side did not answer us
)

// Interim reports whether the sign-in stands in for another, which is held
// shorter: a rule is for good.
func (r FallbackReason) Interim() bool { return r == FallbackForced || r == FallbackHealth }

// JIT says who becomes a member of a workspace by signing in for the first
// time.
type JIT string

// Who joins; empty means JITDomain.
const (
	JITOff     JIT = "off"     // nobody
	JITInvited JIT = "invited" // people who open an invitation sent to their address
	JITDomain  JIT = "domain"  // these, and people with an address in a verified domain of the connection
)

// Override is an administrator's word that a connection signs everybody in by
// SAML for a while.
type Override struct {
	Issuer       IssuerName
	WorkspaceID  WorkspaceID
	ConnectionID ConnectionID
	Reason       string
	MadeBy       string
	MadeAt       time.Time
	Until        time.Time
}

// ActiveAt reports whether the override holds.
func (o Override) ActiveAt(now time.Time) bool { return now.Before(o.Until) }

// Circuit is how an upstream answered us lately, for all nodes together.
type Circuit struct {
	Issuer       IssuerName
	WorkspaceID  WorkspaceID
	ConnectionID ConnectionID
	// Counts are of the last minute while the circuit is closed.
	Counts []CircuitCount
	// OpenedAt is when it opened; zero while it is closed.
	OpenedAt time.Time
	// ProbeAt is when the upstream is to be asked next. It is zero while the
	// circuit is closed, unless so much failed that it may have to open.
	ProbeAt time.Time
	// Good is how many probes in a row went well.
	Good int
	// AlertedAt is when the last alert was sent.
	AlertedAt time.Time
	// Revision counts writes; 0 for a circuit that was never written.
	Revision int64
}

// Open reports whether the upstream is taken for away.
func (c Circuit) Open() bool { return !c.OpenedAt.IsZero() }

// CircuitCount is what happened within a few seconds from At, a Unix time.
type CircuitCount struct {
	At     int64 `json:"at"`
	OK     int   `json:"ok,omitempty"`
	Failed int   `json:"failed,omitempty"`
}
