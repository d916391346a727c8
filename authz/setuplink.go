package authz

import "time"

// SetupLink lets whoever has it set one connection up, until it ends.
type SetupLink struct {
	ID           string // "setup_…"; not the token
	Digest       [32]byte
	Issuer       IssuerName
	WorkspaceID  WorkspaceID
	ConnectionID ConnectionID
	MadeBy       string
	CreatedAt    time.Time
	ExpiresAt    time.Time
	// RevokedAt is when somebody took it back; zero for never.
	RevokedAt time.Time
}

// UsableAt reports whether the link opens anything.
func (l SetupLink) UsableAt(now time.Time) bool {
	return l.RevokedAt.IsZero() && now.Before(l.ExpiresAt)
}
