package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// commitTime bounds one commit with everything in it.
const commitTime = 15 * time.Second

// write is one job of the goroutine that writes to SQLite. It may run twice:
// when what it was to be committed with could not be, it is run by itself.
type write struct {
	ctx context.Context
	run func(ctx context.Context, on *batchPool) error
	// whole says that a failure of the job leaves nothing behind, as one of a
	// single statement does, or tells by errTorn that it does.
	whole bool
	// moved are the nodes that the last run moved.
	moved []authz.NodeRef
	// panicked is what the last run panicked with.
	panicked any
}

// commitTogether runs the writes one after the other in one transaction, and
// tells each what came of it once that is on disk.
func (s *Store) commitTogether(batch []*job[*write]) {
	outcomes, err := s.commitOnce(batch)
	for n, j := range batch {
		switch {
		case err == nil:
			j.done <- outcomes[n]
		case len(batch) == 1:
			j.done <- err
		default:
			alone, err := s.commitOnce(batch[n : n+1])
			if err == nil {
				err = alone[0]
			}
			j.done <- err
		}
	}
}

// commitOnce returns what came of each write, or why none of them is there.
func (s *Store) commitOnce(batch []*job[*write]) (outcomes []error, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTime)
	defer cancel()
	tx, err := s.raw.BeginTx(ctx, nil)
	if err != nil {
		return nil, failure(ctx, "beginning a transaction", err)
	}
	on := &batchPool{tx: tx, prepared: make(map[string]*sql.Stmt, 8), observe: s.observe}
	outcomes = make([]error, len(batch))
	for n, j := range batch {
		if outcomes[n], err = s.runWrite(ctx, on, j.what, len(batch) > 1); err != nil {
			return nil, errors.Join(err, tx.Rollback())
		}
	}
	s.committing()
	err = tx.Commit()
	// A commit whose answer was lost may have happened: its nodes are taken as
	// moved, which costs a look at the database at most.
	for n, j := range batch {
		if outcomes[n] == nil && len(j.what.moved) > 0 {
			s.onMoved(j.what.moved)
		}
	}
	return outcomes, failure(ctx, "committing a transaction", err)
}

const (
	setSavepoint  = `SAVEPOINT mine`
	undoSavepoint = `ROLLBACK TO mine`
	dropSavepoint = `RELEASE mine`
)

// runWrite runs one write so that its failure is its own. The error is one that
// the transaction does not survive.
func (s *Store) runWrite(ctx context.Context, on *batchPool, w *write, others bool) (outcome, err error) {
	marked := others && !w.whole
	if marked {
		if _, err := on.ExecContext(ctx, setSavepoint); err != nil {
			return nil, failure(ctx, "setting a savepoint", err)
		}
	}
	w.moved, w.panicked = nil, nil
	// The caller's values, not its end: a statement that is interrupted takes
	// the whole transaction with it.
	outcome = w.guarded(context.WithoutCancel(w.ctx), on)
	switch {
	case outcome == nil && marked:
		_, err = on.ExecContext(ctx, dropSavepoint)
		return nil, failure(ctx, "dropping a savepoint", err)
	case outcome == nil:
		return nil, nil
	case !others || breaks(outcome) || !marked && errors.Is(outcome, errTorn):
		return nil, outcome
	case marked:
		for _, sql := range [...]string{undoSavepoint, dropSavepoint} {
			if _, err := on.ExecContext(ctx, sql); err != nil {
				return nil, failure(ctx, "undoing a part of a transaction", err)
			}
		}
	}
	return outcome, nil
}

// guarded turns a panic into an error; whoever waits panics in its place.
func (w *write) guarded(ctx context.Context, on *batchPool) (err error) {
	defer func() {
		if w.panicked = recover(); w.panicked != nil {
			err = fmt.Errorf("storage: a transaction panicked: %v", w.panicked)
		}
	}()
	return w.run(ctx, on)
}

// breaks reports whether the database may have rolled everything back by itself
// (https://sqlite.org/lang_transaction.html section 3.2): any failure of its own
// but a constraint.
func breaks(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff != sqlite3.SQLITE_CONSTRAINT
}
