package policy

import (
	"net/netip"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Facts are everything an evaluation looks at. Zero values are not known.
type Facts struct {
	At time.Time `json:"at"`
	// Client and Grant are of the request; Grant is a grant type.
	Client authz.ClientID `json:"client_id,omitempty"`
	Grant  string         `json:"grant_type,omitempty"`
	// Groups are those the upstream told; GroupsUnknown says that it had more
	// of them than it told.
	Groups        []string `json:"groups,omitempty"`
	GroupsUnknown bool     `json:"groups_unknown,omitempty"`
	Roles         []string `json:"roles,omitempty"`
	// Address is the zero Addr where it is not known.
	Address netip.Addr `json:"address"`
	Region  string     `json:"region,omitempty"`
	// MFA is the evidence of the sign-in and MFAAt its time; AuthTime and ACR
	// are of the sign-in itself.
	MFA           Evidence           `json:"mfa,omitempty"`
	MFAAt         time.Time          `json:"mfa_at,omitzero"`
	AuthTime      time.Time          `json:"auth_time,omitzero"`
	ACR           string             `json:"acr,omitempty"`
	Connection    authz.ConnectionID `json:"connection_id,omitempty"`
	FallbackInUse bool               `json:"fallback_in_use,omitempty"`
	Environment   authz.Environment  `json:"environment,omitempty"`
	Risk          string             `json:"risk,omitempty"` // low, medium, high
}

// Request is one question to a Set.
type Request struct {
	// ID names the decision: see NewID.
	ID     string   `json:"id"`
	Facts  Facts    `json:"facts"`
	Scopes []string `json:"scopes"`
}

// NewID returns a random name of a decision, "dec_…".
func NewID() string { return authz.NewID("dec") }

// evidence is the evidence that is left when it may be maxAge seconds old. What
// claims to be of the future is none.
func (f Facts) evidence(maxAge int64) Evidence {
	if f.MFA.rank() == 0 {
		return None
	}
	if maxAge > 0 && !within(f.MFAAt, f.At, maxAge) {
		return None
	}
	return f.MFA
}

// reached reports whether the sign-in reached an authentication context.
// ACRMultiFactor is reached by proof of MFA, whatever the upstream calls it, and
// is as old as that.
func (f Facts) reached(acr string, maxAge int64) bool {
	if acr == authz.ACRMultiFactor && f.evidence(maxAge) == Proven {
		return true
	}
	return acr != "" && f.ACR == acr && (acr != authz.ACRMultiFactor || maxAge == 0)
}

// within reports whether then is known, not after now, and at most seconds ago.
func within(then, now time.Time, seconds int64) bool {
	if then.IsZero() || now.IsZero() || then.After(now) {
		return false
	}
	return now.Unix()-then.Unix() <= seconds
}
