package admin

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// Scopes that allow administration.
const (
	ScopeWorkspaces = authz.ScopeManageWorkspace
	ScopeClients    = "manage:clients"
)

// Store is what this package needs of the database.
type Store interface {
	AccountStore
	MemberStore
	FactorStore
	IdentityStore
	InvitationStore
	TeamStore
	GroupStore
	ServiceAccountStore
	ResourceStore
	RoleStore
	ClientHistory

	InTx(ctx context.Context, fn func(context.Context) error) error
	CreateWorkspace(ctx context.Context, w authz.Workspace) error
	GetWorkspace(ctx context.Context, issuer authz.IssuerName, id authz.WorkspaceID) (authz.Workspace, error)
	UpdateWorkspace(ctx context.Context, w authz.Workspace) error
	LockWorkspace(ctx context.Context, issuer authz.IssuerName, id authz.WorkspaceID) error
	ListWorkspacesAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, page authz.Page) ([]authz.Workspace, error)
	KillNode(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, ref authz.NodeRef, to authz.State) (bool, error)
	ReviveNode(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, ref authz.NodeRef, to authz.State) (bool, error)

	CreateClient(ctx context.Context, c authz.Client, secret *authz.ClientSecret) error
	GetClient(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ClientID) (authz.Client, error)
	ListClients(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.Client, error)
	UpdateClient(ctx context.Context, c authz.Client) error
	AddClientSecret(ctx context.Context, issuer authz.IssuerName, s authz.ClientSecret, oldExpireAt time.Time) error
	AppendAudit(ctx context.Context, e authz.AuditEntry) error
}

// Hasher hashes secrets we generate (authz/secret).
type Hasher interface {
	HashMachine(ctx context.Context, text authz.Secret) (string, error)
}

// Outbox takes an event that commits with the context's transaction
// (authz/event).
type Outbox interface {
	Append(ctx context.Context, ws authz.WorkspaceID, typ string, at time.Time, data any) error
}

// Config is what an Admin needs; every field is required but Tiers.
type Config struct {
	Issuer authz.IssuerName
	Store  Store
	Hasher Hasher
	Outbox Outbox
	// Accounts are people who sign in with us.
	Accounts LocalAccounts
	// Sessions end with what made their person able to sign in, and with an identity
	// that is not theirs any more.
	Sessions Sessions
	Clock    authz.Clock
	// Rules say what may be registered of a client; its scopes are of Scopes.
	Rules clientmeta.Rules
	// Scopes returns the issuer's scopes as they stand: what clients may be
	// granted, and what roles are made of.
	Scopes func(context.Context) (*authz.Scopes, error)
	// Quarantine is how long a revoked key stays.
	Quarantine time.Duration
	// Tiers are the rate tiers a workspace may have.
	Tiers []string
}

// Admin administers one issuer.
type Admin struct{ cfg Config }

// New returns an Admin, or says what is missing.
func New(cfg Config) (*Admin, error) {
	if cfg.Issuer == "" || cfg.Store == nil || cfg.Hasher == nil || cfg.Outbox == nil || cfg.Accounts == nil || cfg.Sessions == nil || cfg.Clock == nil || cfg.Scopes == nil || cfg.Rules.CheckRedirectURI == nil || cfg.Rules.CheckURL == nil || cfg.Quarantine <= 0 {
		return nil, errors.New("admin: every field of Config is required")
	}
	return &Admin{cfg: cfg}, nil
}

func invalid(member, why string) error {
	return authz.NewError(authz.Invalid, "invalid_"+member, member+": "+why)
}

// platform checks that the principal is the operator's.
func platform(by authz.Principal, scope string) error {
	if err := by.May(scope, by.WorkspaceID); err != nil {
		return err
	}
	if !by.Platform() {
		return authz.NewError(authz.Forbidden, "operator_required", "Only the operator may do this.")
	}
	return nil
}

// record writes the audit entry of an act and tells the outbox.
func (a *Admin) record(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, typ, target string, details map[string]any) error {
	return a.recordFor(ctx, by, ws, "", typ, target, details)
}

// recordFor is record of an act on what a team looks after.
func (a *Admin) recordFor(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, team authz.TeamID, typ, target string, details map[string]any) error {
	entry := authz.AuditEntry{
		Issuer: a.cfg.Issuer, WorkspaceID: ws, AccountID: by.AccountID, Time: a.cfg.Clock.Now(), Type: typ,
		Result: authz.Success, Actor: by.Subject, Target: target, Team: team, Details: details,
	}.From(authz.OriginFrom(ctx))
	if err := a.cfg.Store.AppendAudit(ctx, entry); err != nil {
		return err
	}
	data := map[string]any{"id": target, "actor": by.Subject}
	for k, v := range details {
		data[k] = v
	}
	return a.cfg.Outbox.Append(ctx, ws, typ, a.cfg.Clock.Now(), data)
}
