package authz

import "time"

// ConnectionMetadata is what is known of newer metadata of a connection's
// provider of SAML.
type ConnectionMetadata struct {
	Issuer       IssuerName
	WorkspaceID  WorkspaceID
	ConnectionID ConnectionID
	// CheckAt is when it is looked at next, CheckedAt when it was; zero for never.
	CheckAt, CheckedAt time.Time
	// Problem says in words why the last look failed; empty when it did not.
	Problem string
	// ValidUntil is the end of the document, as it was last seen; zero if untold.
	ValidUntil time.Time
	// Proposal is what the metadata says otherwise than the connection, for an
	// administrator to approve; nil for nothing. It was found at ProposedAt.
	Proposal   *SAMLUpstream
	ProposedAt time.Time
	// Rejected is the id of the proposal that an administrator said no to.
	Rejected string
	// Warned are, by fingerprint of a certificate, the days that were left at the
	// last warning.
	Warned   map[string]int
	Revision int64
}
