package access

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/policy"
)

// ScopeManagePolicies is the scope that reads and changes policies.
const ScopeManagePolicies = "manage:policies"

// Store is what this package needs of the database.
type Store interface {
	InTx(ctx context.Context, fn func(context.Context) error) error
	GetWorkspace(ctx context.Context, issuer authz.IssuerName, id authz.WorkspaceID) (authz.Workspace, error)
	GetMember(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (authz.Member, error)

	GetRole(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.RoleID) (authz.Role, error)
	TeamsOf(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, limit int) ([]authz.TeamID, error)
	BindingsOfSubject(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, kind authz.SubjectKind, subject string, limit int) ([]authz.RoleBinding, error)

	CreatePolicy(ctx context.Context, p authz.Policy, v authz.PolicyVersion) error
	PublishPolicy(ctx context.Context, p authz.Policy, v authz.PolicyVersion) error
	ActivatePolicy(ctx context.Context, p authz.Policy) error
	GetPolicy(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.PolicyID) (authz.Policy, error)
	GetPolicyAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.PolicyID) (authz.Policy, error)
	PolicyOf(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID) (authz.Policy, error)
	ListPoliciesAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, page authz.Page) ([]authz.Policy, error)
	GetPolicyVersion(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, version int64) (authz.PolicyVersion, error)
	ListPolicyVersions(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, below int64, limit int) ([]authz.PolicyVersion, error)
	RulesInForce(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID) (int64, json.RawMessage, error)
	NamedByPolicy(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, clients, connections []string) (map[string]bool, error)

	GetDecision(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id string) (authz.PolicyDecision, error)
	GetDecisionAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id string) (authz.PolicyDecision, error)
	ListDecisions(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.PolicyDecision, error)
	AppendAudit(ctx context.Context, e authz.AuditEntry) error
}

// Outbox takes an event that commits with the context's transaction
// (authz/event).
type Outbox interface {
	Append(ctx context.Context, ws authz.WorkspaceID, typ string, at time.Time, data any) error
}

// Config is what an Access needs; required but for Regions and Risk.
type Config struct {
	Issuer authz.IssuerName
	Store  Store
	Outbox Outbox
	Clock  authz.Clock
	Epochs *credential.Epochs
	Lease  *credential.Lease
	// Scopes returns the issuer's scopes, which rules may name.
	Scopes func(context.Context) (*authz.Scopes, error)
	// Retention is how long decisions are kept.
	Retention time.Duration
	// Regions tells where addresses are; nil for nowhere.
	Regions *policy.Regions
	// Risk judges a request "low", "medium" or "high", or "" when it cannot
	// tell; nil for unknown.
	Risk func(ctx context.Context, r authz.AccessRequest) string
}

// maxRemembered bounds the rule sets that are remembered, in bytes.
const maxRemembered = 64 << 20

// Access is the conditional access of one issuer. It is safe for use by many
// goroutines.
type Access struct {
	cfg   Config
	known *credential.Memory[ruleSet]
}

// New returns an Access, or says what is missing.
func New(cfg Config) (*Access, error) {
	if cfg.Issuer == "" || cfg.Store == nil || cfg.Outbox == nil || cfg.Clock == nil || cfg.Epochs == nil || cfg.Lease == nil ||
		cfg.Scopes == nil || cfg.Retention <= 0 {
		return nil, errors.New("access: every field of Config but Regions and Risk is required")
	}
	return &Access{cfg: cfg, known: credential.NewMemory(cfg.Epochs, cfg.Lease, maxRemembered, ruleSet.weight)}, nil
}
