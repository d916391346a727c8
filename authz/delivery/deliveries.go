package delivery

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Scope lets see and administer destinations; what makes secrets travel takes
// what minting takes, too.
const Scope = "manage:keys"

// Types of audit entries and events. They are stable.
const (
	typeCreated   = "key_destination.created"
	typeUpdated   = "key_destination.updated"
	typeDeleted   = "key_destination.deleted"
	typeTested    = "key_destination.tested" // audit only
	typeDelivered = "api_key.delivered"
	typeFailed    = "api_key.delivery_failed"
	typeRepeated  = "api_key.delivery_repeated"
	// typeSecret is what is sent to a webhook, and to nobody else.
	typeSecret = "api_key.secret" //nolint:gosec // a name
	// typeTest is sent to a webhook that is tried out.
	typeTest = "key_destination.test"
)

// actor is who delivers.
const actor = "delivery"

// Store keeps destinations and deliveries. Its methods join the transaction of
// their context.
type Store interface {
	InTx(ctx context.Context, fn func(ctx context.Context) error) error
	GetWorkspace(ctx context.Context, issuer authz.IssuerName, id authz.WorkspaceID) (authz.Workspace, error)

	CreateDestination(ctx context.Context, d authz.Destination) error
	GetDestination(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.DestinationID) (authz.Destination, error)
	ListDestinations(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.Destination, error)
	UpdateDestination(ctx context.Context, d authz.Destination) error
	DeleteDestination(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.DestinationID) (inUse bool, err error)

	CreateKeyDelivery(ctx context.Context, d authz.KeyDelivery) error
	GetKeyDelivery(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID) (authz.KeyDelivery, error)
	GetKeyDeliveryAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.KeyID) (authz.KeyDelivery, error)
	ClaimKeyDeliveriesAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now, hidden time.Time, limit int) ([]authz.KeyDelivery, error)
	FinishKeyDelivery(ctx context.Context, d authz.KeyDelivery) (moved bool, err error)
	PutOffKeyDelivery(ctx context.Context, d authz.KeyDelivery) error
	RepeatKeyDelivery(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, now time.Time) (moved bool, err error)

	GetAPIKeyAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.KeyID) (authz.APIKey, authz.Lineage, error)
	ClaimKey(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, by string, at, until time.Time) (moved bool, err error)
	AppendAudit(ctx context.Context, e authz.AuditEntry) error
}

// Outbox takes an event that commits with the context's transaction (authz/event).
type Outbox interface {
	Append(ctx context.Context, ws authz.WorkspaceID, typ string, at time.Time, data any) error
}

// Sealer encrypts with a key from outside the database (authz/secret.Keyring).
type Sealer interface {
	Seal(purpose, row string, plaintext []byte) ([]byte, error)
	Open(purpose, row string, sealed []byte) ([]byte, error)
}

// Carrier brings texts to destinations of one kind. Its errors quote no secret,
// and nothing of what the other side sent but a code.
type Carrier interface {
	// Check says what cannot work about a target, as an error to show; it asks
	// nobody.
	Check(t authz.DestinationTarget, s authz.DestinationSecrets) error
	// Carry brings the content, a JSON object of texts. Brought twice, it is there
	// once; id is the same for both.
	Carry(ctx context.Context, to authz.Destination, s authz.DestinationSecrets, id string, content []byte) error
	// Try asks whether the other side is there and lets us in, and brings nothing.
	Try(ctx context.Context, to authz.Destination, s authz.DestinationSecrets) error
}

// Config is what Deliveries needs; every field is required.
type Config struct {
	Issuer authz.IssuerName
	Store  Store
	Outbox Outbox
	Sealer Sealer
	// Carriers are those of the kinds there are.
	Carriers map[authz.DestinationKind]Carrier
	Clock    authz.Clock
}

// Deliveries are the destinations of one issuer and what is on its way to them.
type Deliveries struct {
	cfg Config

	mu sync.Mutex
	// busy counts what is on its way to each destination right now.
	busy map[authz.DestinationID]int
}

// New returns Deliveries, or says what is missing.
func New(cfg Config) (*Deliveries, error) {
	if cfg.Issuer == "" || cfg.Store == nil || cfg.Outbox == nil || cfg.Sealer == nil || len(cfg.Carriers) == 0 || cfg.Clock == nil {
		return nil, errors.New("delivery: every field of Config is required")
	}
	return &Deliveries{cfg: cfg, busy: make(map[authz.DestinationID]int)}, nil
}

var (
	errExceeded = authz.NewError(authz.Forbidden, "issuing_delegation_exceeded", "The issuing delegation does not reach this far.")
	errSandbox  = authz.NewError(authz.Forbidden, "wrong_environment", "A credential of the sandbox does not decide where secrets go.")
)

// may checks that the principal may see the destinations of a workspace.
func (d *Deliveries) may(by authz.Principal, ws authz.WorkspaceID) error {
	if by.Issuer != d.cfg.Issuer {
		return authz.ErrNotFound
	}
	return by.May(Scope, ws)
}

// mayAct is may for what moves something: keys of both environments are brought
// to one destination.
func (d *Deliveries) mayAct(by authz.Principal, ws authz.WorkspaceID) error {
	if err := d.may(by, ws); err != nil {
		return err
	}
	if !by.Platform() && by.Environment == authz.Test {
		return errSandbox
	}
	return nil
}

// maySend checks what it takes to say where secrets go: what minting takes.
func (d *Deliveries) maySend(by authz.Principal, ws authz.WorkspaceID, now time.Time) error {
	if err := d.mayAct(by, ws); err != nil {
		return err
	}
	if err := authz.MayMint(by, now); err != nil {
		return err
	}
	if c := by.Delegation; c != nil {
		everywhere := by.Platform() && len(c.Workspaces) == 0
		if !everywhere && !slices.Contains(c.Workspaces, ws) {
			return errExceeded
		}
	}
	return nil
}

// record writes the audit entry of an act and tells the outbox.
func (d *Deliveries) record(ctx context.Context, e authz.AuditEntry) error {
	e.Issuer = d.cfg.Issuer
	if err := d.cfg.Store.AppendAudit(ctx, e.From(authz.OriginFrom(ctx))); err != nil {
		return err
	}
	data := map[string]any{"id": e.Target, "actor": e.Actor}
	for name, value := range e.Details {
		data[name] = value
	}
	return d.cfg.Outbox.Append(ctx, e.WorkspaceID, e.Type, e.Time, data)
}
