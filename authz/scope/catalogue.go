package scope

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// Store keeps the versions of what was added. Its methods join the transaction
// of their context.
type Store interface {
	InTx(ctx context.Context, fn func(ctx context.Context) error) error
	// PutScopes fails with authz.ErrStale when the version is not the next one.
	PutScopes(ctx context.Context, v authz.ScopesVersion, keep int64, voids []authz.NodeRef) error
	// ScopesInForce fails with authz.ErrNotFound where nothing was ever added.
	ScopesInForce(ctx context.Context, issuer authz.IssuerName) (authz.ScopesVersion, error)
	GetScopesVersion(ctx context.Context, issuer authz.IssuerName, version int64) (authz.ScopesVersion, error)
	ListScopesVersions(ctx context.Context, issuer authz.IssuerName, below int64, limit int) ([]authz.ScopesVersion, error)
	AppendAudit(ctx context.Context, e authz.AuditEntry) error
}

// Outbox takes an event that commits with the context's transaction
// (authz/event).
type Outbox interface {
	Append(ctx context.Context, ws authz.WorkspaceID, typ string, at time.Time, data any) error
}

// Config is what a Catalogue needs; everything is required.
type Config struct {
	Issuer authz.IssuerName
	// BuiltIn are the scopes of the configuration file.
	BuiltIn []authz.Scope
	Store   Store
	Outbox  Outbox
	Clock   authz.Clock
	Epochs  *credential.Epochs
	Lease   *credential.Lease
}

// Catalogue are the scopes of one issuer. It is safe for use by many goroutines.
type Catalogue struct {
	cfg   Config
	known *credential.Memory[*authz.Scopes]
}

// New returns a Catalogue, or says what is missing or wrong.
func New(cfg Config) (*Catalogue, error) {
	if cfg.Issuer == "" || len(cfg.BuiltIn) == 0 || cfg.Store == nil || cfg.Outbox == nil || cfg.Clock == nil || cfg.Epochs == nil || cfg.Lease == nil {
		return nil, errors.New("scope: every field of Config is required")
	}
	for i, s := range cfg.BuiltIn {
		if err := checkName(s.Name); err != nil {
			return nil, fmt.Errorf("scope: the configuration's scope %d: %w", i, err)
		}
	}
	return &Catalogue{cfg: cfg, known: credential.NewMemory[*authz.Scopes](cfg.Epochs, cfg.Lease, 1, nil)}, nil
}

// Current returns the scopes as they stand on every node, remembered until they
// change.
func (c *Catalogue) Current(ctx context.Context) (*authz.Scopes, error) {
	return c.known.Within(ctx, [32]byte{}, func() (*authz.Scopes, []authz.NodeRef, error) {
		added, err := c.cfg.Store.ScopesInForce(ctx, c.cfg.Issuer)
		if err != nil && !errors.Is(err, authz.ErrNotFound) {
			return nil, nil, err
		}
		return authz.NewScopes(c.cfg.BuiltIn, added), []authz.NodeRef{authz.ScopesRef(c.cfg.Issuer)}, nil
	})
}
