package authz

import "time"

// Result of an audited act.
type Result string

// The results.
const (
	Success Result = "success"
	Refused Result = "refused"
	Failed  Result = "failed"
)

// AuditEntry records an act. It commits with the act or not at all.
type AuditEntry struct {
	ID          string // "evt_…"; given by the store when empty
	Issuer      IssuerName
	WorkspaceID WorkspaceID // empty for platform events
	AccountID   AccountID
	Time        time.Time
	// Type is dotted and stable: "api_key.created", "login.refused".
	Type   string
	Result Result
	// Reason is a stable code for a refusal or failure.
	Reason string
	// Actor and Target are ids, never secrets.
	Actor     string
	Target    string
	RequestID string
	IP        string
	UserAgent string
	// Team looks after the target; the store finds it for keys and service
	// accounts. ActorTeam is one the actor is in, the target's if they are in
	// that; CrossTeam says that they are not. The store sets both.
	Team      TeamID
	ActorTeam TeamID
	CrossTeam bool
	// Details holds further members; values are ids, scopes, names.
	Details map[string]any
}

// Event is an outbox row: what the world outside must be told. It commits
// with the act it tells of; if it is not in the outbox it did not happen.
type Event struct {
	ID          string // "evt_…"; also the webhook-id
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	Type        string
	Body        []byte // JSON
	CreatedAt   time.Time
}

// Delivery is an event on its way to a sink.
type Delivery struct {
	Event
	Sink        string
	Attempts    int
	NextAttempt time.Time
}
