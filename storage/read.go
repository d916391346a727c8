package storage

import (
	"context"
	"database/sql"
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
}

// queryRow asks for one row of a constant statement, in the context's
// transaction if there is one.
func (s *Store) queryRow(ctx context.Context, query string, args ...any) rowScanner {
	if t := s.transaction(ctx); t != nil {
		return pool(t.db).QueryRowContext(ctx, s.reads.dialect(query), args...)
	}
	return s.reads.queryRow(ctx, query, args...)
}

// rowScanner is a row that was asked for.
type rowScanner interface{ Scan(to ...any) error }

// pool is what a handle of GORM's runs statements on.
func pool(db *gorm.DB) gorm.ConnPool { return db.Statement.ConnPool }

func (r *reads) queryRow(ctx context.Context, query string, args ...any) rowScanner {
	if !r.prepare {
		return r.db.QueryRowContext(ctx, r.dialect(query), args...)
	}
	if known, ok := r.prepared.Load(query); ok {
		return known.(*sql.Stmt).QueryRowContext(ctx, args...) //nolint:forcetypeassert // nothing else is put there
	}
	stmt, err := r.db.PrepareContext(ctx, query)
	if err != nil {
		return failedRow{err}
	}
	if first, loaded := r.prepared.LoadOrStore(query, stmt); loaded {
		_ = stmt.Close()
		stmt = first.(*sql.Stmt) //nolint:forcetypeassert // as above
	}
	return stmt.QueryRowContext(ctx, args...)
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
