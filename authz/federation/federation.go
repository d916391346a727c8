package federation

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Store is what this package needs of the database.
type Store interface {
	InTx(ctx context.Context, fn func(context.Context) error) error
	// FallbackOf returns a connection's override and circuit; either is zero
	// when there is none.
	FallbackOf(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, c authz.ConnectionID) (authz.Override, authz.Circuit, error)
	PutOverride(ctx context.Context, o authz.Override) error
	// DropOverride reports whether there was one.
	DropOverride(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, c authz.ConnectionID) (bool, error)
	// PutCircuit fails with authz.ErrConflict when another wrote since Revision.
	PutCircuit(ctx context.Context, c authz.Circuit) error
	CircuitsToProbeAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now time.Time, limit int) ([]authz.Circuit, error)
	GetConnectionAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.ConnectionID) (authz.Connection, error)
	AppendAudit(ctx context.Context, e authz.AuditEntry) error
}

// Outbox takes an event that commits with the context's transaction
// (authz/event).
type Outbox interface {
	Append(ctx context.Context, ws authz.WorkspaceID, typ string, at time.Time, data any) error
}

// Config is what a Federation needs; every field but Logger is required.
type Config struct {
	Issuer authz.IssuerName
	Store  Store
	Outbox Outbox
	Clock  authz.Clock
	// Probe asks an upstream whether it answers: nil, or why not.
	Probe  func(ctx context.Context, c authz.Connection) error
	Logger *slog.Logger
}

// Federation decides for the connections of one issuer. It is safe for
// concurrent use.
type Federation struct {
	cfg Config

	mu      sync.Mutex
	pending map[authz.ConnectionID]*counts
}

// New returns a Federation, or says what is missing.
func New(cfg Config) (*Federation, error) {
	if cfg.Issuer == "" || cfg.Store == nil || cfg.Outbox == nil || cfg.Clock == nil || cfg.Probe == nil {
		return nil, errors.New("federation: every field of Config but Logger is required")
	}
	return &Federation{cfg: cfg, pending: make(map[authz.ConnectionID]*counts)}, nil
}

// Choice is a side and why.
type Choice struct {
	Side   authz.Side
	Reason authz.FallbackReason
	// Ask says that the person is told of the outage first, and goes on by SAML
	// if they say so.
	Ask bool
	// Route is the one that is about them, whichever side it leads to; zero for
	// none.
	Route authz.Route
}

// Chosen is Choose for who knows no Choice.
func (f *Federation) Chosen(ctx context.Context, c authz.Connection, v authz.Visitor) (side authz.Side, reason authz.FallbackReason, ask bool, err error) {
	choice, err := f.Choose(ctx, c, v)
	return choice.Side, choice.Reason, choice.Ask, err
}

// Choose says by which side of the connection the visitor signs in now.
func (f *Federation) Choose(ctx context.Context, c authz.Connection, v authz.Visitor) (Choice, error) {
	switch {
	case !c.Uses(authz.SAMLSide):
		return Choice{Side: authz.OIDCSide}, nil
	case !c.Uses(authz.OIDCSide):
		return Choice{Side: authz.SAMLSide}, nil
	}
	route, _ := c.Fallback.RouteOf(v)
	if route.Use == authz.SAMLSide {
		return Choice{Side: authz.SAMLSide, Reason: authz.FallbackRoute, Route: route}, nil
	}
	override, circuit, err := f.cfg.Store.FallbackOf(ctx, c.Issuer, c.WorkspaceID, c.ID)
	if err != nil {
		return Choice{}, err
	}
	mode := c.Fallback.Mode
	switch {
	case override.ActiveAt(f.cfg.Clock.Now()):
		return Choice{Side: authz.SAMLSide, Reason: authz.FallbackForced, Route: route}, nil
	case circuit.Open() && (mode == authz.FallbackAsk || mode == authz.FallbackAuto):
		return Choice{Side: authz.SAMLSide, Reason: authz.FallbackHealth, Ask: mode == authz.FallbackAsk, Route: route}, nil
	}
	return Choice{Side: authz.OIDCSide, Route: route}, nil
}
