package storage

import (
	"context"
	"database/sql"
	"strings"
	"sync"

	"gorm.io/gorm"
)

// reads runs the statements of the hot path past GORM's statement building and
// reflection, which cost more than the database does. On SQLite each is
// prepared once for the pool that reads; on PostgreSQL pgx prepares.
type reads struct {
	db       *sql.DB
	prepare  bool
	numbered func(string) string
	texts    sync.Map // constant SQL → SQL of this dialect
	prepared sync.Map // constant SQL → *sql.Stmt
	observe  func(string)
	gate     *gate
}

func newReads(p *pools, cfg Config, g *gate) *reads {
	r := &reads{db: p.reading, prepare: p.prepare, observe: cfg.Observe, gate: g}
	if cfg.Driver == Postgres {
		r.numbered = func(query string) string {
			var b strings.Builder
			numbered(&b, query, 0)
			return b.String()
		}
	}
	return r
}

// queryRow asks for one row of a constant statement, in the context's
// transaction if there is one.
func (s *Store) queryRow(ctx context.Context, query string, args ...any) rowScanner {
	if t := s.transaction(ctx); t != nil {
		if t.pipeline != nil {
			if err := t.pipeline.before(ctx, query); err != nil {
				return failedRow{err}
			}
		}
		return pool(t.db).QueryRowContext(ctx, s.reads.dialect(query), args...)
	}
	return s.reads.queryRow(ctx, query, args...)
}

// queryRows asks for rows likewise; the caller closes them.
func (s *Store) queryRows(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if t := s.transaction(ctx); t != nil {
		return pool(t.db).QueryContext(ctx, s.reads.dialect(query), args...) //nolint:sqlclosecheck // the caller closes
	}
	s.reads.observe(query)
	leave, err := s.gate.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	stmt, err := s.reads.statement(ctx, query) //nolint:sqlclosecheck // kept for the next time
	if stmt == nil {
		if err != nil {
			return nil, err
		}
		return s.reads.db.QueryContext(ctx, s.reads.dialect(query), args...) //nolint:sqlclosecheck // the caller closes
	}
	return stmt.QueryContext(ctx, args...) //nolint:sqlclosecheck // the caller closes
}

// rowScanner is a row that was asked for.
type rowScanner interface{ Scan(to ...any) error }

// pool is what a handle of GORM's runs statements on.
func pool(db *gorm.DB) gorm.ConnPool { return db.Statement.ConnPool }

func (r *reads) queryRow(ctx context.Context, query string, args ...any) rowScanner {
	r.observe(query)
	leave, err := r.gate.enter(ctx)
	if err != nil {
		return failedRow{err}
	}
	defer leave()
	stmt, err := r.statement(ctx, query) //nolint:sqlclosecheck // kept for the next time
	switch {
	case err != nil:
		return failedRow{err}
	case stmt == nil:
		return r.db.QueryRowContext(ctx, r.dialect(query), args...)
	}
	return stmt.QueryRowContext(ctx, args...)
}

// statement is the prepared statement, or nil where the driver prepares.
func (r *reads) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if !r.prepare {
		return nil, nil //nolint:nilnil // as said
	}
	if known, ok := r.prepared.Load(query); ok {
		return known.(*sql.Stmt), nil //nolint:forcetypeassert // nothing else is put there
	}
	stmt, err := r.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	first, loaded := r.prepared.LoadOrStore(query, stmt)
	if loaded {
		_ = stmt.Close() //nolint:sqlclosecheck // the other one is kept
	}
	return first.(*sql.Stmt), nil //nolint:forcetypeassert // as above
}

// failedRow is a row that could not be asked for.
type failedRow struct{ err error }

func (f failedRow) Scan(...any) error { return f.err }

// dialect is the statement as the database wants its parameters written.
func (r *reads) dialect(query string) string {
	if r.numbered == nil {
		return query
	}
	if known, ok := r.texts.Load(query); ok {
		return known.(string) //nolint:forcetypeassert // nothing else is put there
	}
	text := r.numbered(query)
	r.texts.Store(query, text)
	return text
}
