package authz

import (
	"encoding/json"
	"time"
)

// PolicyID is "pol_…", a workspace's rules of conditional access.
type PolicyID string

// NewPolicyID returns a random id.
func NewPolicyID() PolicyID { return PolicyID(NewID("pol")) }

// Policy says which version of a workspace's rules is in force.
type Policy struct {
	ID     PolicyID
	Issuer IssuerName
	// WorkspaceID is empty for the operator's own, which holds in every
	// workspace of the issuer beside the workspace's.
	WorkspaceID WorkspaceID
	// Version is the one in force, Latest the highest that was given.
	Version, Latest int64
	// Revision goes up with every change of what is in force.
	Revision  int64
	CreatedAt time.Time
	UpdatedAt time.Time
	UpdatedBy string
}

// PolicyVersion is one rule set as it was applied. It never changes.
type PolicyVersion struct {
	PolicyID    PolicyID
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	Version     int64
	// Rules is a JSON array (authz/policy).
	Rules     json.RawMessage
	Count     int // rules in it
	Note      string
	CreatedBy string
	CreatedAt time.Time
}

// PolicyRef points at the rules of a workspace. They are no ancestor of
// anything and have no epoch; what is remembered of them hangs on it.
func PolicyRef(issuer IssuerName, ws WorkspaceID) NodeRef {
	return NodeRef{PolicyNode, "policy " + string(issuer) + " " + string(ws)}
}

// SignIn is what is known of how a person signed in, beside acr, amr and
// auth_time. Zero values are not known.
type SignIn struct {
	// MFA is "none", "declared" or "proven"; MFAAt the time of what proved it.
	MFA   string    `json:"mfa,omitempty"`
	MFAAt time.Time `json:"mfa_at,omitzero"`
	// Groups are those the upstream told; GroupsUnknown says that it had more of
	// them than it told.
	Groups        []string `json:"groups,omitempty"`
	GroupsUnknown bool     `json:"groups_unknown,omitempty"`
	// Fallback says that the connection's fallback side stood in for the other.
	Fallback bool `json:"fallback,omitempty"`
	// ACR is the upstream's word where tokens tell another.
	ACR string `json:"acr,omitempty"`
	// Local is the method by which the person proved a factor they have with us;
	// empty where MFA is the upstream's word. See FactorKind.
	Local string `json:"local,omitempty"`
	// LiveAt is when the person last signed in at the upstream itself: it tells
	// when, or was asked to have them sign in. Zero where what it vouches for may
	// be a sign-in of this morning. No proof with us moves it.
	LiveAt time.Time `json:"live_at,omitzero"`
}

// MFAProven is the only evidence of MFA that counts for issuing credentials.
const MFAProven = "proven"

// Places where conditional access is asked.
const (
	AtAuthorize = "authorize"
	AtToken     = "token"
	AtRefresh   = "refresh"
	AtExchange  = "exchange"
)

// AccessRequest is what conditional access is asked before anything is issued.
type AccessRequest struct {
	// Place is one of those above.
	Place string
	// Grant is what is about to be issued under, as far as it is known: tenant,
	// client, person, sign-in, environment. Before a person signed in it names
	// nobody.
	Grant Grant
	// GrantType is that of the request.
	GrantType string
	// Scopes are what would be issued.
	Scopes []string
	// Foreseen marks a question about a sign-in that is still to come. Its
	// answer is not recorded.
	Foreseen bool
}

// AccessDecision is the answer. The zero value allows everything asked for.
type AccessDecision struct {
	// ID is empty where no policy was asked.
	ID string
	// Refusal is nil where something may be issued: access_denied,
	// invalid_scope, or a challenge to sign in again (RFC 9470 section 3).
	Refusal *Error
	// Scopes are those left, in the order asked for.
	Scopes []string
	// AccessTTL and RefreshTTL are upper bounds, the latter from the grant's
	// creation; 0 for none.
	AccessTTL, RefreshTTL time.Duration
	// Record is written in the transaction of what was decided on; nil where
	// nothing is to be recorded.
	Record *PolicyDecision
}

// PolicyDecision records a decision: what was asked, and what came of it.
type PolicyDecision struct {
	ID          string // "dec_…"
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	Time        time.Time
	Place       string
	Outcome     string
	// Changed says that rules took part: anything but everything allowed.
	Changed  bool
	ClientID ClientID
	Subject  string
	GrantID  GrantID
	// OperatorVersion and Version are the rule sets that were asked, the
	// operator's and the workspace's; 0 for none.
	OperatorVersion, Version int64
	// Request and Result are JSON (authz/policy).
	Request, Result json.RawMessage
	ExpiresAt       time.Time
}
