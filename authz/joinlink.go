package authz

import "time"

// JoinLink lets whoever has it sign in at one side of a connection, once, and be
// one member from then on.
type JoinLink struct {
	ID          JoinLinkID
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	UserID      UserID // whose sign-in it becomes
	// ConnectionID and Side are where they sign in.
	ConnectionID ConnectionID
	Side         Side
	// Digest is SHA-256 of the token.
	Digest    [32]byte
	State     State // active, used, revoked
	MadeBy    string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// UsableAt reports whether the link joins anybody.
func (l JoinLink) UsableAt(now time.Time) bool {
	return l.State == Active && now.Before(l.ExpiresAt)
}
