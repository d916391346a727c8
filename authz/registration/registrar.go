package registration

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// Store is what this package needs of the database.
type Store interface {
	InTx(ctx context.Context, fn func(context.Context) error) error
	GetWorkspace(ctx context.Context, issuer authz.IssuerName, id authz.WorkspaceID) (authz.Workspace, error)
	Lineage(ctx context.Context, refs []authz.NodeRef) (authz.Lineage, error)

	CreateRegistrationToken(ctx context.Context, t authz.RegistrationToken) error
	GetRegistrationToken(ctx context.Context, issuer authz.IssuerName, digest [32]byte) (authz.RegistrationToken, error)
	UseRegistrationToken(ctx context.Context, issuer authz.IssuerName, digest [32]byte, now time.Time) error
	RevokeRegistrationToken(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id string) (bool, error)

	CreateRegistration(ctx context.Context, r authz.Registration, most int) error
	GetRegistration(ctx context.Context, issuer authz.IssuerName, id authz.ClientID) (authz.Registration, error)
	RotateRegistration(ctx context.Context, issuer authz.IssuerName, id authz.ClientID, from, to [32]byte) error
	DeleteRegistration(ctx context.Context, issuer authz.IssuerName, id authz.ClientID) error
	ListUnusedRegistrationsAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, before time.Time, limit int) ([]authz.Registration, error)

	CreateClient(ctx context.Context, c authz.Client, secret *authz.ClientSecret) error
	GetClient(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ClientID) (authz.Client, error)
	UpdateClient(ctx context.Context, c authz.Client) error
	ListClientSecrets(ctx context.Context, issuer authz.IssuerName, id authz.ClientID, now time.Time) ([]authz.ClientSecret, error)
	KillNode(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, ref authz.NodeRef, to authz.State) (bool, error)
	AppendAudit(ctx context.Context, e authz.AuditEntry) error
}

// Hasher hashes and verifies secrets we generate (authz/secret).
type Hasher interface {
	HashMachine(ctx context.Context, text authz.Secret) (string, error)
	VerifyMachine(ctx context.Context, stored string, text authz.Secret) (match, rehash bool, err error)
}

// Outbox takes an event that commits with the context's transaction
// (authz/event).
type Outbox interface {
	Append(ctx context.Context, ws authz.WorkspaceID, typ string, at time.Time, data any) error
}

// Sectors say whether a client is of the sector it names (authz/sector).
type Sectors interface {
	Prove(ctx context.Context, c authz.Client) error
}

// Config is what a Registrar needs; every field is required.
type Config struct {
	Issuer authz.IssuerName
	// URL is the issuer identifier; clients find their registration below it.
	URL    string
	Store  Store
	Hasher Hasher
	Outbox Outbox
	Clock  authz.Clock
	Rules  clientmeta.Rules
	// Sectors are asked about clients that name one.
	Sectors Sectors
	// Scopes are those a registered client may ask for.
	Scopes []string
	// MaxClients is the most registered clients of one workspace.
	MaxClients int
	// UnusedAfter is how long a registered client without a grant is kept.
	UnusedAfter time.Duration
}

// Registrar registers the clients of one issuer.
type Registrar struct{ cfg Config }

// New returns a Registrar, or says what is missing.
func New(cfg Config) (*Registrar, error) {
	if cfg.Issuer == "" || cfg.URL == "" || cfg.Store == nil || cfg.Hasher == nil || cfg.Outbox == nil || cfg.Clock == nil || cfg.Sectors == nil ||
		cfg.Rules.CheckRedirectURI == nil || cfg.Rules.CheckURL == nil || cfg.MaxClients <= 0 || cfg.UnusedAfter <= 0 {
		return nil, errors.New("registration: every field of Config is required")
	}
	return &Registrar{cfg: cfg}, nil
}

// check looks at everything a client says of itself, and asks for its proof.
func (r *Registrar) check(ctx context.Context, c authz.Client) error {
	if err := r.cfg.Rules.Check(c); err != nil {
		return err
	}
	return r.cfg.Sectors.Prove(ctx, c)
}

// act is what an audit entry and an event tell.
type act struct {
	workspace     authz.WorkspaceID
	typ           string
	actor, target string
	details       map[string]any
}

// record writes the audit entry of an act and tells the outbox.
func (r *Registrar) record(ctx context.Context, a act) error {
	now := r.cfg.Clock.Now()
	entry := authz.AuditEntry{
		Issuer: r.cfg.Issuer, WorkspaceID: a.workspace, Time: now, Type: a.typ, Result: authz.Success,
		Actor: a.actor, Target: a.target, Details: a.details,
	}.From(authz.OriginFrom(ctx))
	if err := r.cfg.Store.AppendAudit(ctx, entry); err != nil {
		return err
	}
	data := map[string]any{"id": a.target, "actor": a.actor}
	for k, v := range a.details {
		data[k] = v
	}
	return r.cfg.Outbox.Append(ctx, a.workspace, a.typ, now, data)
}

// standing checks that the workspace and its account are active.
func (r *Registrar) standing(ctx context.Context, id authz.WorkspaceID) error {
	ws, err := r.cfg.Store.GetWorkspace(ctx, r.cfg.Issuer, id)
	if err != nil {
		return err
	}
	lineage, err := r.cfg.Store.Lineage(ctx, []authz.NodeRef{
		{Kind: authz.AccountNode, ID: string(ws.AccountID)}, {Kind: authz.WorkspaceNode, ID: string(ws.ID)},
	})
	if err != nil {
		return err
	}
	if !lineage.Usable() {
		return errToken
	}
	return nil
}
