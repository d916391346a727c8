package authz

import "time"

// Issuance is what one answer of the token endpoint writes: all of it or
// nothing. What is single-use is consumed first, so that a race is lost before
// anything else is written.
type Issuance struct {
	Issuer IssuerName
	// Code is the digest of the authorization code that is redeemed.
	Code *[32]byte
	// Device is the digest of the device code that is redeemed.
	Device *[32]byte
	// Rotation is the refresh token that is exchanged for Refresh.
	Rotation *Rotation
	// Grant is created, below the token it was exchanged from if it has one;
	// ErrConflict says that the chain of exchanges would be too long.
	Grant   *Grant
	Access  AccessToken
	Refresh *RefreshToken
	Audit   AuditEntry
	// Decision is what conditional access said to it, or nil.
	Decision *PolicyDecision
}

// Rotation takes a refresh token to "used".
type Rotation struct {
	Digest [32]byte
	// Successor is the digest of the refresh token in its place, Sealed the
	// answer it was exchanged for.
	Successor [32]byte
	Sealed    []byte
	At        time.Time
}
