package authz

import "time"

// RegistrationToken is an initial access token (RFC 7591 section 1.2): its
// holder may register clients in one workspace, a number of times.
type RegistrationToken struct {
	ID          string   // "irt_…"
	Digest      [32]byte // SHA-256 of the token
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	// Environment and Profile are those of the clients; either may be empty.
	Environment Environment
	Profile     ClientProfile
	// Uses is how many clients may still register.
	Uses      int
	MadeBy    string // the sub of whoever minted it
	CreatedAt time.Time
	ExpiresAt time.Time
}

// UsableAt reports whether a client may register with the token at now.
func (t RegistrationToken) UsableAt(now time.Time) bool { return t.Uses > 0 && now.Before(t.ExpiresAt) }

// Registration is the hold a client has on what it registered (RFC 7592).
type Registration struct {
	ClientID    ClientID
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	// Digest is SHA-256 of the registration access token that is good now.
	Digest    [32]byte
	CreatedAt time.Time
}

// How clients come to be registered that nobody of ours registers, in
// ClientMetadata.Registration.
const (
	RegisteredDynamically = "dynamic"
	RegisteredByDocument  = "document"
)
