package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// maxKept bounds the statements that a connection keeps; the product's own are
// fewer, but for those whose text depends on how many values they are given.
const maxKept = 256

// keepingStatements opens SQLite so that a connection keeps what was prepared
// on it, for whoever prepares the same text again. Above, in database/sql and
// GORM, a prepared statement is closed with its transaction: what they keep
// themselves could stand still where one connection writes (docs/adr/0004).
type keepingStatements struct {
	dsn    string
	driver driver.Driver
}

func newKeepingStatements(dsn string) (*keepingStatements, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	return &keepingStatements{dsn, db.Driver()}, db.Close()
}

// Driver is SQLite's.
func (k *keepingStatements) Driver() driver.Driver { return k.driver }

// Connect opens a connection.
func (k *keepingStatements) Connect(context.Context) (driver.Conn, error) {
	opened, err := k.driver.Open(k.dsn)
	if err != nil {
		return nil, err
	}
	c, ok := opened.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("storage: a connection of type %T", opened), opened.Close())
	}
	return &keepingConn{sqliteConn: c, kept: make(map[string]*keptStatement)}, nil
}

// sqliteConn is what database/sql wants of a connection.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// keepingConn is used by one goroutine at a time, as database/sql does.
type keepingConn struct {
	sqliteConn
	kept map[string]*keptStatement
}

// PrepareContext prepares a statement, or hands out the one that is kept.
func (c *keepingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if s, ok := c.kept[query]; ok && !s.taken {
		s.taken = true
		return s, nil
	}
	made, err := c.sqliteConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s, ok := made.(sqliteStatement)
	if _, kept := c.kept[query]; !ok || kept || len(c.kept) == maxKept {
		return made, nil
	}
	c.kept[query] = &keptStatement{sqliteStatement: s, taken: true}
	return c.kept[query], nil
}

// Prepare is PrepareContext.
func (c *keepingConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// Close closes the connection and what it kept.
func (c *keepingConn) Close() error {
	var errs []error
	for _, s := range c.kept {
		errs = append(errs, s.sqliteStatement.Close())
	}
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

// sqliteStatement is what database/sql wants of a statement.
type sqliteStatement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// keptStatement is one that outlives whoever has it.
type keptStatement struct {
	sqliteStatement
	taken bool
}

// Close gives the statement back.
func (s *keptStatement) Close() error {
	s.taken = false
	return nil
}
