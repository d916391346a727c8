package authz

// KeyReach is what came of a key, and what is known of its use. Its lists are
// bounded.
type KeyReach struct {
	// Grants are those that stand: of the key itself, and what was exchanged from
	// it. MoreGrants says that there are others.
	Grants     []Grant
	MoreGrants bool
	// Issued is how many tokens were issued on those grants since the moment asked
	// for; MoreIssued says that there were more.
	Issued     int
	MoreIssued bool
	// Made are the keys that its subject made, but for successors of its own, and
	// that may still be used.
	Made     []APIKey
	MoreMade bool
	// Recent are the latest audit entries about the key and its grants, the newest
	// first.
	Recent []AuditEntry
}
