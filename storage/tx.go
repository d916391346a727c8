package storage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// attempts bounds how often a transaction is run before its failure is told.
const attempts = 8

// transaction travels in the context of what runs inside it.
type transaction struct {
	store *Store
	db    *gorm.DB
	moved []authz.NodeRef
	// pipeline is its connection on PostgreSQL, nil on SQLite.
	pipeline *pipeline
	// failed is the error of a part that joined; nothing may commit after it.
	failed error
}

type transactionKey struct{}

// transaction returns the context's transaction on this store, or nil.
func (s *Store) transaction(ctx context.Context) *transaction {
	if t, ok := ctx.Value(transactionKey{}).(*transaction); ok && t.store == s {
		return t
	}
	return nil
}

func within(ctx context.Context, t *transaction) context.Context {
	return context.WithValue(authz.WithUnsettled(ctx), transactionKey{}, t)
}

// InTx runs fn in a transaction and commits it. Every verb called with fn's
// context takes part in it. It is rolled back when fn fails or panics, and run
// again, a bounded number of times, when the database gave up on it in favour
// of another: fn must have no other effects. Inside a transaction fn joins it,
// and its failure is the failure of the whole. With a context that carries an
// act to be done once, the transaction is what does it.
func (s *Store) InTx(ctx context.Context, fn func(context.Context) error) error {
	if t := s.transaction(ctx); t != nil {
		err := fn(ctx)
		if err != nil && t.failed == nil {
			t.failed = err
		}
		return err
	}
	fn = s.carriedOut(ctx, fn)
	try := s.attempt
	if s.writes != nil {
		try = s.inGroup
	}
	for attempt := 1; ; attempt++ {
		err := try(ctx, fn)
		if attempt == attempts || !retryable(err) {
			return err
		}
		s.logger.DebugContext(ctx, "transaction retried", "attempt", attempt)
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// inGroup runs fn in a transaction that may be that of others too; what fails
// of it fails alone.
func (s *Store) inGroup(ctx context.Context, fn func(context.Context) error) error {
	w := &write{ctx: ctx}
	w.run = func(inner context.Context, on *batchPool) error {
		t := &transaction{store: s, db: s.writing.Session(&gorm.Session{NewDB: true, Context: inner})}
		t.db.Statement.ConnPool = on
		err := fn(within(inner, t))
		if err == nil && t.failed != nil {
			err = fmt.Errorf("a part of the transaction failed: %w", t.failed)
		}
		if err == nil && ctx.Err() != nil {
			err = fmt.Errorf("committing a transaction: %w", ctx.Err()) // nobody waits for it any more
		}
		w.moved = t.moved
		return err
	}
	err := s.writes.do(ctx, w)
	if w.panicked != nil {
		panic(w.panicked)
	}
	return failureOf(ctx, err)
}

// failureOf translates what the queue itself answers.
func failureOf(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("waiting for a transaction: %w", err)
	}
	return err
}

func (s *Store) attempt(ctx context.Context, fn func(context.Context) error) error {
	leave, err := s.gate.enter(ctx)
	if err != nil {
		return failure(ctx, "waiting for a transaction", err)
	}
	defer leave()
	p, err := newPipeline(ctx, s.raw, s.observe)
	if err != nil {
		return failure(ctx, "beginning a transaction", err)
	}
	t := &transaction{store: s, pipeline: p, db: s.writing.Session(&gorm.Session{NewDB: true, Context: ctx})}
	t.db.Statement.ConnPool = p
	ended := false
	defer func() {
		if !ended { // fn failed or panicked
			p.rollback(ctx)
		}
	}()
	err = fn(within(ctx, t))
	switch {
	case p.failed != nil:
		return failure(ctx, "writing in a transaction", p.failed) // fn may know its consequences only
	case err != nil:
		return err
	case t.failed != nil:
		return fmt.Errorf("a part of the transaction failed: %w", t.failed)
	}
	err = p.commit(ctx)
	ended = err == nil
	// A commit whose answer was lost may have happened: its nodes are taken as
	// moved, which costs a look at the database at most.
	if len(t.moved) > 0 {
		s.onMoved(t.moved)
	}
	return failure(ctx, "committing a transaction", err)
}

// pause waits a little longer after every attempt, and not quite as long as
// the others that are waiting.
func pause(ctx context.Context, attempt int) error {
	longest := time.Millisecond << min(attempt, 6)
	timer := time.NewTimer(longest/2 + rand.N(longest)) //nolint:gosec // spreads load, hides nothing
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("waiting to retry a transaction: %w", ctx.Err())
	case <-timer.C:
		return nil
	}
}
