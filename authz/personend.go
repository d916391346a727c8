package authz

// PersonEnd is the end of a person's sessions in a workspace, or of an
// operator's where that is empty.
type PersonEnd struct {
	WorkspaceID WorkspaceID
	UserID      UserID
	// Except is the session that goes on, of the person who did what ends the
	// others; empty for none.
	Except SessionID
	// Reason is that of the audit entries.
	Reason string
	// Actor is who ended them; empty for the person.
	Actor string
}
