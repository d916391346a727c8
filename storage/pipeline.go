package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// rollbackTime bounds how long a transaction may take to be undone.
const rollbackTime = 5 * time.Second

// pipeline is a transaction's connection to PostgreSQL. Statements of which
// nothing is read wait for the next one that is, or for the commit, and go there
// with it: what costs most is the way (docs/adr/0008).
type pipeline struct {
	conn    *sql.Conn
	waiting []laterStatement
	observe func(string)
	// failed is why one of them failed; nothing may commit after it.
	failed error
}

var _ gorm.ConnPool = (*pipeline)(nil)

// laterStatement is one that is sent later, and meets a row or is an error.
type laterStatement struct {
	sql       string // in PostgreSQL's own spelling
	args      []any
	doing     string
	otherwise error // for no row
}

func beginPipeline(ctx context.Context, db *sql.DB, observe func(string)) (*pipeline, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	p := &pipeline{conn: conn, observe: observe}
	if _, err := conn.ExecContext(ctx, "begin"); err != nil {
		p.rollback(ctx)
		return nil, err
	}
	return p, nil
}

// flush sends what waits, and after it what is given.
func (p *pipeline) flush(ctx context.Context, last ...string) error {
	if p.failed != nil || len(p.waiting)+len(last) == 0 {
		return p.failed
	}
	waiting := p.waiting
	p.waiting = nil
	p.failed = p.conn.Raw(func(of any) error {
		c, ok := of.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("storage: a connection of type %T", of)
		}
		return send(ctx, c.Conn(), waiting, last)
	})
	return p.failed
}

func send(ctx context.Context, conn *pgx.Conn, waiting []laterStatement, last []string) error {
	var queue pgx.Batch
	for _, s := range waiting {
		queue.Queue(s.sql, s.args...)
	}
	for _, text := range last {
		queue.Queue(text)
	}
	results := conn.SendBatch(ctx, &queue)
	for _, s := range waiting {
		if _, err := results.Exec(); err != nil {
			return errors.Join(s.failure(ctx, err), results.Close())
		}
	}
	return results.Close() // with what came of the last ones
}

// failure tells what was wrong with a statement.
func (s laterStatement) failure(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case uniqueViolation:
			return fmt.Errorf("%s: %w", s.doing, authz.ErrConflict)
		case divisionByZero:
			return fmt.Errorf("%s: %w", s.doing, s.otherwise)
		}
	}
	return failure(ctx, s.doing, err)
}

// SQLSTATEs (PostgreSQL, appendix A).
const (
	uniqueViolation = "23505"
	divisionByZero  = "22012"
)

// commit sends what waits together with the commit.
func (p *pipeline) commit(ctx context.Context) error {
	err := p.flush(ctx, "commit")
	if err == nil {
		_ = p.conn.Close() // which gives it back
	}
	return err
}

// rollback undoes everything and gives the connection back; one that cannot be
// told so is closed.
func (p *pipeline) rollback(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
	defer cancel()
	if _, err := p.conn.ExecContext(ctx, "rollback"); err != nil {
		_ = p.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	_ = p.conn.Close()
}

// later has a statement sent later. It must meet a row: one that meets none
// divides by zero, which ends the transaction before it commits.
func (p *pipeline) later(s laterStatement) {
	p.observe(s.sql)
	if s.otherwise != nil {
		s.sql = "WITH met AS (" + s.sql + " RETURNING 1) SELECT 1 / count(*) FROM met"
	}
	p.waiting = append(p.waiting, s)
}

// PrepareContext prepares a statement.
func (p *pipeline) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	return p.conn.PrepareContext(ctx, query)
}

// ExecContext runs a statement, after those that wait.
func (p *pipeline) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	return p.conn.ExecContext(ctx, query, args...)
}

// QueryContext runs a statement that returns rows, after those that wait.
func (p *pipeline) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	return p.conn.QueryContext(ctx, query, args...)
}

// QueryRowContext is QueryContext for one row. A failure of those that wait shows
// as one of this statement: the transaction takes no other.
func (p *pipeline) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	_ = p.flush(ctx)
	return p.conn.QueryRowContext(ctx, query, args...)
}

// later runs a statement that writes and of which nothing is read: in a
// transaction of PostgreSQL together with the next one or the commit, else at
// once. It is an error, otherwise, if it meets no row. A transaction it fails in
// cannot commit.
func (s *Store) later(ctx context.Context, doing string, otherwise error, statement step) error {
	t := s.transaction(ctx)
	if t != nil && t.pipeline != nil {
		t.pipeline.later(laterStatement{s.reads.dialect(statement.sql), statement.args, doing, otherwise})
		return nil
	}
	met, err := s.execute(ctx, statement)
	if err = failure(ctx, doing, err); err == nil && met == 0 && otherwise != nil {
		err = fmt.Errorf("%s: %w", doing, otherwise)
	}
	if t != nil && t.failed == nil {
		t.failed = err
	}
	return err
}

// execute runs a statement at once and says how many rows it met.
func (s *Store) execute(ctx context.Context, statement step) (int64, error) {
	text := s.reads.dialect(statement.sql)
	if s.driver == Postgres { // on SQLite the batches tell
		s.observe(text)
	}
	done, err := pool(s.writer(ctx)).ExecContext(ctx, text, statement.args...)
	if err == nil {
		return done.RowsAffected()
	}
	if t, ok := s.writing.Dialector.(gorm.ErrorTranslator); ok {
		err = t.Translate(err)
	}
	return 0, err
}

// laterRow marks the rows whose plain insert may wait likewise.
type laterRow interface{ insertedLater() string }

// insertLater has the insert of a whole row wait, if it may.
func insertLater(db *gorm.DB, text string, values []any) bool {
	p, ok := db.Statement.ConnPool.(*pipeline)
	if !ok {
		return false
	}
	row, ok := db.Statement.Dest.(laterRow)
	if !ok {
		return false
	}
	p.later(laterStatement{sql: text, args: values, doing: row.insertedLater()})
	db.RowsAffected = 1
	return true
}
