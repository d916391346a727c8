package storage

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
)

// How long callers wait for their turn at the database, and how many. A
// database that is slow is not helped by more who wait for it, and whoever
// waits long for an answer asks again: one too many is told at once to come
// back, the others after maxWait at most, or maxWriteWait where they wait for a
// commit of others. What is remembered is answered meanwhile.
const (
	maxWait      = time.Second
	maxWriteWait = 3 * time.Second
	maxQueue     = 512
)

var errBusy = errors.New("the database is busy")

// gate lets so many callers at the database as it has connections for them.
// Those who go ahead need none of its places.
type gate struct {
	places  chan struct{}
	waiting atomic.Int64
}

func newGate(places int) *gate { return &gate{places: make(chan struct{}, max(1, places))} }

type aheadKey struct{}

// ahead marks what must not wait behind others: what keeps this node's trust in
// what it remembers, and what tells whether the database answers at all.
func ahead(ctx context.Context) context.Context { return context.WithValue(ctx, aheadKey{}, true) }

// enter waits for a place; leave gives it back.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.places <- struct{}{}:
		return g.leave, nil
	default:
	}
	if ctx.Value(aheadKey{}) != nil {
		return func() {}, nil
	}
	if g.waiting.Add(1) > maxQueue {
		g.waiting.Add(-1)
		return nil, unavailable(errBusy)
	}
	defer g.waiting.Add(-1)
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case g.places <- struct{}{}:
		return g.leave, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, unavailable(errBusy)
	}
}

func (g *gate) leave() { <-g.places }

// gatedPool is a pool whose statements pass the gate. Transactions do so as a
// whole, before they begin, and single rows not at all: a sql.Row cannot say
// that it was refused, so GORM's Row is for those who go ahead.
type gatedPool struct {
	gorm.ConnPool
	gate *gate
}

// PrepareContext prepares a statement.
func (p *gatedPool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	leave, err := p.gate.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return p.ConnPool.PrepareContext(ctx, query) //nolint:sqlclosecheck // the caller closes
}

// ExecContext runs a statement.
func (p *gatedPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	leave, err := p.gate.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return p.ConnPool.ExecContext(ctx, query, args...)
}

// QueryContext runs a statement that returns rows.
func (p *gatedPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	leave, err := p.gate.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return p.ConnPool.QueryContext(ctx, query, args...) //nolint:sqlclosecheck // the caller closes
}

// BeginTx begins a transaction, for which whoever asks has a place.
func (p *gatedPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error) {
	if beginner, ok := p.ConnPool.(gorm.TxBeginner); ok {
		return beginner.BeginTx(ctx, opts)
	}
	return nil, gorm.ErrInvalidTransaction
}

// GetDBConn is how GORM finds the pool below.
func (p *gatedPool) GetDBConn() (*sql.DB, error) {
	switch below := p.ConnPool.(type) {
	case *sql.DB:
		return below, nil
	case gorm.GetDBConnector:
		return below.GetDBConn()
	}
	return nil, gorm.ErrInvalidDB
}
