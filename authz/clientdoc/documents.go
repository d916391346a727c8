package clientdoc

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// Store is what this package needs of the database.
type Store interface {
	InTx(ctx context.Context, fn func(context.Context) error) error
	GetClientAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.ClientID) (authz.Client, error)
	KeepDocumentClient(ctx context.Context, c authz.Client, most int) (created bool, err error)
	UpdateClient(ctx context.Context, c authz.Client) error
	DeleteUnusedDocumentClients(ctx context.Context, issuer authz.IssuerName, before time.Time, limit int) (int64, error)
	AppendAudit(ctx context.Context, e authz.AuditEntry) error
}

// Clients are the clients that have a row (authz/credential.Callers).
type Clients interface {
	Secret(ctx context.Context, id authz.ClientID, secret authz.Secret) (credential.AuthenticatedClient, error)
	Basic(ctx context.Context, header string, read func(string) (id, secret string, ok bool)) (credential.AuthenticatedClient, error)
	Public(ctx context.Context, id authz.ClientID) (credential.AuthenticatedClient, error)
	Proven(ctx context.Context, id authz.ClientID, method string, prove func(authz.Client) error) (credential.AuthenticatedClient, error)
	Find(ctx context.Context, id authz.ClientID) (authz.Client, authz.AccountID, error)
}

// Sectors say whether a client is of the sector it names (authz/sector).
type Sectors interface {
	Prove(ctx context.Context, c authz.Client) error
}

// Outbox takes an event that commits with the context's transaction
// (authz/event).
type Outbox interface {
	Append(ctx context.Context, ws authz.WorkspaceID, typ string, at time.Time, data any) error
}

// Config is what Documents need; every field is required.
type Config struct {
	Issuer  authz.IssuerName
	Clients Clients
	Store   Store
	Outbox  Outbox
	Clock   authz.Clock
	Rules   clientmeta.Rules
	Sectors Sectors
	// HTTP fetches documents from addresses strangers chose (idp/outbound): no
	// redirects, a few seconds, MaxDocument bytes.
	HTTP *http.Client
	// Scopes are those such a client may ask for.
	Scopes []string
	// MaxClients is the most rows such clients may have.
	MaxClients int
}

// MaxDocument bounds a document, in bytes (section 6.6 of the draft).
const MaxDocument = 5 << 10

// Documents finds the clients of one issuer, those with a document among them.
type Documents struct {
	cfg   Config
	cache *cache
	// gate bounds the fetches under way.
	gate chan struct{}
}

// maxFetches bounds what strangers can have us ask others at once.
const maxFetches = 16

// New returns Documents that know none yet.
func New(cfg Config) (*Documents, error) {
	if cfg.Issuer == "" || cfg.Clients == nil || cfg.Store == nil || cfg.Outbox == nil || cfg.Clock == nil || cfg.HTTP == nil || cfg.Sectors == nil ||
		cfg.Rules.CheckRedirectURI == nil || cfg.Rules.CheckURL == nil || cfg.MaxClients <= 0 {
		return nil, errors.New("clientdoc: every field of Config is required")
	}
	return &Documents{cfg: cfg, cache: newCache(), gate: make(chan struct{}, maxFetches)}, nil
}

// errClient is the one answer to a client that cannot be known.
var errClient = authz.NewError(authz.Unauthenticated, "invalid_client", "Client authentication failed.")

// Secret authenticates a client by its secret; one with a document has none.
func (d *Documents) Secret(ctx context.Context, id authz.ClientID, secret authz.Secret) (credential.AuthenticatedClient, error) {
	return d.cfg.Clients.Secret(ctx, id, secret)
}

// Basic authenticates a client by an Authorization header.
func (d *Documents) Basic(ctx context.Context, header string, read func(string) (id, secret string, ok bool)) (credential.AuthenticatedClient, error) {
	return d.cfg.Clients.Basic(ctx, header, read)
}

// Public returns a client that has no secret, by its id alone.
func (d *Documents) Public(ctx context.Context, id authz.ClientID) (credential.AuthenticatedClient, error) {
	if !id.IsURL() {
		return d.cfg.Clients.Public(ctx, id)
	}
	c, account, err := d.Find(ctx, id)
	if err == nil && !c.Public() {
		err = errClient
	}
	if err != nil {
		return credential.AuthenticatedClient{}, err
	}
	return credential.AuthenticatedClient{Client: &c, AccountID: account}, nil
}

// Proven authenticates a client by what it signed.
func (d *Documents) Proven(ctx context.Context, id authz.ClientID, method string, prove func(authz.Client) error) (credential.AuthenticatedClient, error) {
	if !id.IsURL() {
		return d.cfg.Clients.Proven(ctx, id, method, prove)
	}
	c, account, err := d.Find(ctx, id)
	if err != nil {
		return credential.AuthenticatedClient{}, err
	}
	return credential.ProvenBy(c, account, method, prove)
}

// Find returns a client that stands: as its row has it, or, before it has one,
// as its document does.
func (d *Documents) Find(ctx context.Context, id authz.ClientID) (authz.Client, authz.AccountID, error) {
	c, account, err := d.cfg.Clients.Find(ctx, id)
	if err == nil || !id.IsURL() || authz.KindOf(err) != authz.Unauthenticated {
		return c, account, err
	}
	c, err = d.Current(ctx, id)
	return c, "", err
}

// Current returns a client as its document describes it today. A row that is
// disabled or deleted keeps the client dead whatever its document says.
func (d *Documents) Current(ctx context.Context, id authz.ClientID) (authz.Client, error) {
	if !d.validID(string(id)) {
		return authz.Client{}, errClient
	}
	row, err := d.cfg.Store.GetClientAcrossWorkspaces(ctx, d.cfg.Issuer, id)
	known := err == nil
	if err != nil && !errors.Is(err, authz.ErrNotFound) {
		return authz.Client{}, err
	}
	if known && row.State != authz.Active {
		return authz.Client{}, errClient
	}
	c, err := d.document(ctx, string(id))
	if err != nil {
		return authz.Client{}, err
	}
	c.State, c.Revision = authz.Active, 1
	if known {
		c.Epoch, c.Revision, c.CreatedAt = row.Epoch, row.Revision, row.CreatedAt
	}
	return c, nil
}
