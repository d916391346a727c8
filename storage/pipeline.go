package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
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
// nothing is read wait for one that might meet what they wrote, or for the commit,
// and go there with it: what costs most is the way (docs/adr/0008). It begins with
// the first statement that does more than read: before that, at READ COMMITTED, a
// read within a transaction and one without are the same.
type pipeline struct {
	conn    *sql.Conn
	begun   bool
	waiting []laterStatement
	tables  []string // that those who wait write to
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

func newPipeline(ctx context.Context, db *sql.DB, observe func(string)) (*pipeline, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &pipeline{conn: conn, observe: observe}, nil
}

// flush sends what waits, after the beginning if that is yet to come, and after
// it what is given.
func (p *pipeline) flush(ctx context.Context, last ...string) error {
	if p.failed != nil || p.begun && len(p.waiting)+len(last) == 0 {
		return p.failed
	}
	waiting := p.waiting
	p.waiting, p.tables = nil, nil
	var first []string
	if !p.begun {
		first, p.begun = []string{"begin"}, true
	}
	p.failed = p.conn.Raw(func(of any) error {
		c, ok := of.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("storage: a connection of type %T", of)
		}
		return send(ctx, c.Conn(), first, waiting, last)
	})
	return p.failed
}

func send(ctx context.Context, conn *pgx.Conn, first []string, waiting []laterStatement, last []string) error {
	var queue pgx.Batch
	for _, text := range first {
		queue.Queue(text)
	}
	for _, s := range waiting {
		queue.Queue(s.sql, s.args...)
	}
	for _, text := range last {
		queue.Queue(text)
	}
	results := conn.SendBatch(ctx, &queue)
	for range first {
		if _, err := results.Exec(); err != nil {
			return errors.Join(err, results.Close())
		}
	}
	for _, s := range waiting {
		if _, err := results.Exec(); err != nil {
			return errors.Join(s.failure(ctx, err), results.Close())
		}
	}
	for range last {
		told, err := results.Exec()
		if err == nil && told.String() == "ROLLBACK" {
			err = pgx.ErrTxCommitRollback // of a statement whose failure nobody looked at
		}
		if err != nil {
			return errors.Join(err, results.Close())
		}
	}
	return results.Close()
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
	err := p.failed
	if p.begun || len(p.waiting) > 0 {
		err = p.flush(ctx, "commit")
	}
	if err == nil {
		_ = p.conn.Close() // which gives it back
	}
	return err
}

// rollback undoes everything and gives the connection back; one that cannot be
// told so is closed.
func (p *pipeline) rollback(ctx context.Context) {
	defer func() { _ = p.conn.Close() }()
	if !p.begun {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
	defer cancel()
	if _, err := p.conn.ExecContext(ctx, "rollback"); err != nil {
		_ = p.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}

// later has a statement sent later. It must meet a row: one that meets none
// divides by zero, which ends the transaction before it commits.
func (p *pipeline) later(s laterStatement) {
	p.observe(s.sql)
	p.tables = append(p.tables, tableOf(s.sql))
	if s.otherwise != nil {
		s.sql = "WITH met AS (" + s.sql + " RETURNING 1) SELECT 1 / count(*) FROM met"
	}
	p.waiting = append(p.waiting, s)
}

// before sends what waits before a statement that reads, if it names a table that
// is written to.
func (p *pipeline) before(ctx context.Context, query string) error {
	named := func(table string) bool { return strings.Contains(query, table) }
	onlyReads := strings.HasPrefix(query, "SELECT ") && !strings.Contains(query, " FOR ") && !strings.Contains(query, "pg_")
	if p.failed == nil && onlyReads && !slices.ContainsFunc(p.tables, named) {
		return nil
	}
	return p.flush(ctx)
}

// tableOf is the table that an INSERT or UPDATE writes to; "", which every
// statement names, for anything else.
func tableOf(statement string) string {
	for _, verb := range []string{"INSERT INTO ", "UPDATE "} {
		if rest, ok := strings.CutPrefix(statement, verb); ok {
			table, _, _ := strings.Cut(rest, " ")
			return strings.Trim(table, `"`)
		}
	}
	return ""
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

// QueryContext runs a statement that returns rows, after those that wait if it
// might see what they write.
func (p *pipeline) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := p.before(ctx, query); err != nil {
		return nil, err
	}
	return p.conn.QueryContext(ctx, query, args...)
}

// QueryRowContext is QueryContext for one row. A failure of those that wait shows
// as one of this statement: the transaction takes no other.
func (p *pipeline) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	_ = p.before(ctx, query)
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
