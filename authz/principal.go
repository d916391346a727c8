package authz

import (
	"slices"
	"time"
)

// Principal is whoever an authenticated request speaks for: proof that a
// credential was checked, made only by the code that checked it.
type Principal struct {
	Issuer      IssuerName
	WorkspaceID WorkspaceID // empty for the operator's own
	Environment Environment
	KeyID       KeyID // empty unless an API key was used, itself or by a token of it
	AccountID   AccountID
	// Subject is the id of the person or service account. A client may know
	// the person by another name, which is the sub of the introspection.
	Subject  string
	ClientID ClientID
	// KeyItself says that it was the key that was presented, and no token of it.
	KeyItself bool
	Scopes    []string
	// Delegation is the issuing delegation the credential carries, or nil.
	Delegation *Delegation
	// AuthTime, ACR and AMR describe a person's sign-in.
	AuthTime time.Time
	ACR      string
	AMR      []string
	// MFA is a person's evidence of MFA, "none", "declared" or "proven", and
	// MFAAt its time; nothing for a token that was exchanged.
	MFA   string
	MFAAt time.Time
	// StandIn says that the sign-in stands in for another during an outage, and
	// that the person has proven nothing to us beside it.
	StandIn bool
}

// Platform reports whether the principal is the operator's and reaches every
// workspace of its issuer.
func (p Principal) Platform() bool { return p.WorkspaceID == "" }

// Reaches reports whether the principal may act in the workspace.
func (p Principal) Reaches(ws WorkspaceID) bool { return p.Platform() || p.WorkspaceID == ws }

// Holds reports whether the scope was granted.
func (p Principal) Holds(scope string) bool { return slices.Contains(p.Scopes, scope) }

// May checks that the principal holds the scope and reaches the workspace. A
// workspace out of reach does not exist.
func (p Principal) May(scope string, ws WorkspaceID) error {
	if !p.Holds(scope) {
		return NewError(Forbidden, "insufficient_scope", "The scope "+scope+" is required.")
	}
	if !p.Reaches(ws) {
		return ErrNotFound
	}
	return nil
}

// Origin says where a request came from, for audit entries.
type Origin struct {
	RequestID string
	IP        string
	UserAgent string
}
