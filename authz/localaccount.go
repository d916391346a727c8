package authz

import "time"

// LocalKind is what an account that signs in here is for.
type LocalKind string

// The kinds of local account.
const (
	// OperatorAccount administers every workspace of the issuer.
	OperatorAccount LocalKind = "operator"
	// BreakGlassAccount is a workspace's way in when its upstream is not.
	BreakGlassAccount LocalKind = "break_glass"
)

// LocalAccount is a person who signs in with us and at no upstream: by a passkey,
// or by a password and a second factor.
type LocalAccount struct {
	Issuer      IssuerName
	WorkspaceID WorkspaceID // empty for an operator's
	UserID      UserID
	Kind        LocalKind
	Login       string // lower case
	// Password is its hash; empty where there is none.
	Password  string
	CreatedBy string
	CreatedAt time.Time
}

// OperatorRemoval is the end of an operator's account.
type OperatorRemoval struct {
	UserID UserID
	By     string
	// Last says that nobody else may be left who can sign in as an operator.
	Last bool
}

// Enrolment is a link by which the person of a local account sets up what they
// sign in with, once.
type Enrolment struct {
	// Digest is SHA-256 of the link's token.
	Digest      [32]byte
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	UserID      UserID
	State       State // active, used
	CreatedBy   string
	CreatedAt   time.Time
	ExpiresAt   time.Time
}
