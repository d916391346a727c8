package authz

// ImportedKey is how a key that another system made is found.
type ImportedKey struct {
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	KeyID       KeyID
	// Lookup is the beginning of the key's text, or a digest of all of it, with
	// what it is before a colon.
	Lookup string
	// Tag is a truncated MAC of the text, kept when the key is first proven.
	Tag []byte
}
