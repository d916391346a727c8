package authz

import (
	"encoding/json"
	"time"
)

// FactorID is "fac_…", a second factor of a person.
type FactorID string

// NewFactorID returns a random id.
func NewFactorID() FactorID { return FactorID(NewID("fac")) }

// FactorKind is what a second factor is.
type FactorKind string

// The kinds of factor.
const (
	TOTPFactor    FactorKind = "totp"    // an authenticator app (RFC 6238)
	PasskeyFactor FactorKind = "passkey" // Web Authentication, user verification required
)

// RecoveryMethod is the method of a proof by a recovery code, which is no
// factor of its own.
const RecoveryMethod = "recovery_code"

// Factor is a second factor that a person has with us, in one workspace: what
// one workspace's upstream let them enrol proves nothing in another.
type Factor struct {
	ID     FactorID
	Issuer IssuerName
	// WorkspaceID is empty for an operator's.
	WorkspaceID WorkspaceID
	UserID      UserID
	Kind        FactorKind
	// Name is what the person calls it.
	Name string
	// State is active, or disabled for a passkey that seems to have been copied.
	State State
	// Secret is sealed; of TOTP only.
	Secret []byte
	// CredentialID and Credential are a passkey's: the id by which browsers know
	// it, and its public part as JSON (idp/mfa).
	CredentialID []byte
	Credential   json.RawMessage
	// Counter never goes back: the last time step that was accepted, or the last
	// signature counter that was seen (0 where an authenticator has none).
	Counter int64
	// Synced says of a passkey that it is backed up, and may be on other devices.
	Synced     bool
	CreatedAt  time.Time
	LastUsedAt time.Time
}

// RecoveryCode is one of a person's codes for when their factors are lost.
type RecoveryCode struct {
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	UserID      UserID
	// Lookup is the beginning of the code, which finds it and proves nothing.
	Lookup    string
	Hash      string // of the whole code (Argon2id)
	CreatedAt time.Time
}

// Attempts count how often somebody was wrong about a person's factor.
type Attempts struct {
	// Digest names whose attempts they are.
	Digest      [32]byte
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	// Count is how many there were until Until; Strikes is how many such times
	// were used up.
	Count, Strikes int64
	Until          time.Time
	ExpiresAt      time.Time
}
