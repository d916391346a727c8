package connection

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Scope allows the administration of connections.
const Scope = "manage:connections"

// Store is what this package needs of the database.
type Store interface {
	historyStore

	InTx(ctx context.Context, fn func(context.Context) error) error
	PutConnection(ctx context.Context, c authz.Connection) error
	GetConnection(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ConnectionID) (authz.Connection, error)
	ListConnections(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID) ([]authz.Connection, error)
	// UpdateConnection fails with authz.ErrStale when the connection is of another
	// revision, or not in the state from.
	UpdateConnection(ctx context.Context, c authz.Connection, from authz.State) error
	GetWorkspace(ctx context.Context, issuer authz.IssuerName, id authz.WorkspaceID) (authz.Workspace, error)
	KillNode(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, ref authz.NodeRef, to authz.State) (bool, error)
	ReviveNode(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, ref authz.NodeRef, to authz.State) (bool, error)
	LastRefusals(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, target string, types []string, limit int) ([]authz.AuditEntry, error)
	AppendAudit(ctx context.Context, e authz.AuditEntry) error
	metadataStore
	linkStore
	explainStore
}

// Outbox takes an event that commits with the context's transaction
// (authz/event).
type Outbox interface {
	Append(ctx context.Context, ws authz.WorkspaceID, typ string, at time.Time, data any) error
}

// Upstreams knows the protocols of the two sides; its errors are for
// administrators to read.
type Upstreams interface {
	// Seal encrypts the client secret of a connection.
	Seal(id authz.ConnectionID, secret authz.Secret) ([]byte, error)
	// NewSAMLKey makes our key at a connection, sealed.
	NewSAMLKey(id authz.ConnectionID) ([]byte, error)
	// RollSAMLKey is our keys at a connection after a step, sealed.
	RollSAMLKey(c authz.Connection, step KeyStep) ([]byte, error)
	// SAMLKeys are our certificates at a connection, the one in use first.
	SAMLKeys(c authz.Connection) ([]Certificate, error)
	// ProviderCertificates are those that a connection's provider signs with.
	ProviderCertificates(c authz.Connection) ([]Certificate, error)
	// Newer fetches the metadata of a connection's provider.
	Newer(ctx context.Context, c authz.Connection) (Newer, error)
	// Compare says what a proposal says otherwise than a connection. It fails when
	// that is another provider's.
	Compare(c authz.Connection, newer *authz.SAMLUpstream) (MetadataChanges, error)
	// Expiries are the certificates at a connection that end within 30 days.
	Expiries(c authz.Connection) ([]Expiry, error)
	// Metadata reads a provider's metadata document, or fetches it first.
	Metadata(ctx context.Context, m Metadata) (*authz.SAMLUpstream, error)
	// Discover fetches a discovery document and returns the issuer it tells.
	Discover(ctx context.Context, address string) (issuer string, err error)
	// Ours are our addresses and names at a connection, by what they are.
	Ours(id authz.ConnectionID) map[string]string
	// SetupURL is where a set-up link leads.
	SetupURL(token authz.Secret) string
	// Compile says what cannot work about a connection, without asking anyone.
	Compile(c authz.Connection) error
	// Look asks the upstream of a side, and says what was found there and what is
	// missing.
	Look(ctx context.Context, c authz.Connection, side authz.Side) (Found, error)
	// Explain says a reason of a refusal in plain words.
	Explain(reason string) string
	// TestURL is a link, good once and for a quarter of an hour, for a test
	// sign-in by that side.
	TestURL(c authz.Connection, side authz.Side, by string) (string, error)
}

// Gifts are the roles and teams that people have by their groups (authz/admin).
type Gifts interface {
	// WithdrawGroups clears what the groups of a connection give and takes it from
	// everybody, in the context's transaction.
	WithdrawGroups(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) error
}

// Metadata is where the metadata of a provider of SAML is: one of URL and XML.
type Metadata struct{ URL, XML, EntityID string }

// Found is what a look at an upstream brought.
type Found struct {
	// Facts are what was found, by name.
	Facts map[string]string
	// Missing says in words what people will miss.
	Missing []string
}

// Config is what Connections needs; every field is required.
type Config struct {
	Issuer    authz.IssuerName
	Store     Store
	Outbox    Outbox
	Upstreams Upstreams
	Gifts     Gifts
	// Choose says by which side somebody signs in, and whether they are asked first
	// (authz/federation); Decide what conditional access asks of them (authz/access).
	Choose func(ctx context.Context, c authz.Connection, v authz.Visitor) (side authz.Side, reason authz.FallbackReason, ask bool, err error)
	Decide func(ctx context.Context, r authz.AccessRequest) (authz.AccessDecision, error)
	Clock  authz.Clock
	// DomainKey makes the values of TXT records.
	DomainKey []byte
	// LookupTXT asks the domain name system.
	LookupTXT func(ctx context.Context, name string) ([]string, error)
}

// Connections administers the connections of one issuer.
type Connections struct{ cfg Config }

// New returns Connections, or says what is missing.
func New(cfg Config) (*Connections, error) {
	if cfg.Issuer == "" || cfg.Store == nil || cfg.Outbox == nil || cfg.Upstreams == nil || cfg.Gifts == nil || cfg.Choose == nil || cfg.Decide == nil || cfg.Clock == nil || len(cfg.DomainKey) == 0 || cfg.LookupTXT == nil {
		return nil, errors.New("connection: every field of Config is required")
	}
	return &Connections{cfg: cfg}, nil
}

// Get returns a connection.
func (s *Connections) Get(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) (authz.Connection, error) {
	if err := may(by, ws); err != nil {
		return authz.Connection{}, err
	}
	return s.cfg.Store.GetConnection(ctx, s.cfg.Issuer, ws, id)
}

// List returns a workspace's connections, oldest first, at most 500.
func (s *Connections) List(ctx context.Context, by authz.Principal, ws authz.WorkspaceID) ([]authz.Connection, error) {
	if err := may(by, ws); err != nil {
		return nil, err
	}
	return s.cfg.Store.ListConnections(ctx, s.cfg.Issuer, ws)
}

// may is Principal.May of a workspace: connections of none do not exist.
func may(by authz.Principal, ws authz.WorkspaceID) error {
	if err := by.May(Scope, ws); err != nil || ws != "" {
		return err
	}
	return authz.ErrNotFound
}

// record writes the audit entry of an act and tells the outbox.
func (s *Connections) record(ctx context.Context, by authz.Principal, c authz.Connection, typ string, details map[string]any) error {
	now := s.cfg.Clock.Now()
	err := s.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
		Issuer: s.cfg.Issuer, WorkspaceID: c.WorkspaceID, AccountID: by.AccountID, Time: now, Type: typ, Result: authz.Success,
		Actor: by.Subject, Target: string(c.ID), Details: details,
	}.From(authz.OriginFrom(ctx)))
	if err != nil {
		return err
	}
	data := map[string]any{"id": c.ID, "actor": by.Subject}
	for name, value := range details {
		data[name] = value
	}
	return s.cfg.Outbox.Append(ctx, c.WorkspaceID, typ, now, data)
}
