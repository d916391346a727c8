package storage

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var (
	// errClosing is told to whoever comes while the database is being closed.
	errClosing = errors.New("the database is being closed")
	// errLost is an issuance of which nothing was written: it is tried alone, to
	// learn whether a race was lost or the grant is gone.
	errLost = errors.New("nothing was issued")
	// errHalf is one that would be half written.
	errHalf = errors.New("a grant went while tokens of it were issued")
)

// alone reports whether an issuance that failed by itself is worth the other
// way, which says what was wrong: a digest that is taken.
func alone(err error) bool { return !away(err) && !errors.Is(err, context.DeadlineExceeded) }

// issueTogether writes issuances in one transaction and returns what came of
// each; an error is that of the whole, of which then nothing is there.
func (s *Store) issueTogether(ctx context.Context, batch []*issue) ([]error, error) {
	if s.driver == Postgres {
		return s.issueOnPostgres(ctx, batch)
	}
	tx, err := s.raw.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	w := writer{tx: tx, prepared: make(map[string]*sql.Stmt, 5)}
	outcomes := make([]error, len(batch))
	for n, i := range batch {
		if outcomes[n], err = w.issue(ctx, &i.Issuance); err != nil {
			return nil, errors.Join(err, tx.Rollback())
		}
	}
	return outcomes, tx.Commit()
}

// writer runs statements on a transaction's own connection, each prepared once:
// nothing prepared on the writing connection outlives it (docs/adr/0004).
type writer struct {
	tx       *sql.Tx
	prepared map[string]*sql.Stmt
}

func (w *writer) exec(ctx context.Context, s step) (int64, error) {
	stmt, ok := w.prepared[s.sql]
	if !ok {
		var err error
		if stmt, err = w.tx.PrepareContext(ctx, s.sql); err != nil {
			return 0, err
		}
		w.prepared[s.sql] = stmt // closed with the transaction
	}
	done, err := stmt.ExecContext(ctx, s.args...)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

// issue writes one issuance. What is lost by itself is its outcome, and nothing
// of it is then written.
func (w *writer) issue(ctx context.Context, i *authz.Issuance) (outcome, err error) {
	first, once := consuming(i)
	if once {
		n, err := w.exec(ctx, first)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return errLost, nil
		}
	}
	for step, s := range creating(i) {
		n, err := w.exec(ctx, s)
		if err != nil {
			return nil, err
		}
		if n == 0 && (once || step > 0) {
			return nil, errHalf
		}
		if n == 0 {
			return errLost, nil
		}
	}
	_, err = w.exec(ctx, auditing(&i.Audit))
	return nil, err
}
