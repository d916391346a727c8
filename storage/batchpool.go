package storage

import (
	"context"
	"database/sql"

	"gorm.io/gorm"
)

// batchPool runs statements on a transaction's own connection, each prepared
// once; beneath, the connection keeps them for the next (docs/adr/0004).
type batchPool struct {
	tx       *sql.Tx
	prepared map[string]*sql.Stmt
	observe  func(string)
}

var _ gorm.ConnPool = (*batchPool)(nil)

// PrepareContext prepares a statement, or returns the one that is prepared.
func (p *batchPool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := p.prepared[query]; ok {
		return stmt, nil
	}
	stmt, err := p.tx.PrepareContext(ctx, query)
	if err == nil {
		p.prepared[query] = stmt // closed with the transaction
	}
	return stmt, err
}

// ExecContext runs a statement.
func (p *batchPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	p.observe(query)
	stmt, err := p.PrepareContext(ctx, query) //nolint:sqlclosecheck // closed with the transaction
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

// QueryContext runs a statement that returns rows.
func (p *batchPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p.observe(query)
	stmt, err := p.PrepareContext(ctx, query) //nolint:sqlclosecheck // closed with the transaction
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// QueryRowContext runs a statement that returns one row.
func (p *batchPool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	p.observe(query)
	stmt, err := p.PrepareContext(ctx, query) //nolint:sqlclosecheck // closed with the transaction
	if err != nil {
		return p.tx.QueryRowContext(ctx, query, args...) // and fails the same way
	}
	return stmt.QueryRowContext(ctx, args...)
}

// exec runs a step and says how many rows it met.
func (p *batchPool) exec(ctx context.Context, s step) (int64, error) {
	done, err := p.ExecContext(ctx, s.sql, s.args...)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

// groupedPool is the pool of GORM's writing handle on SQLite: a statement
// outside a transaction is committed with those of others.
type groupedPool struct {
	*sql.DB
	queue *queue[*write]
}

var _ gorm.ConnPool = (*groupedPool)(nil)

// ExecContext runs a statement and returns when it is on disk.
func (p *groupedPool) ExecContext(ctx context.Context, query string, args ...any) (done sql.Result, err error) {
	w := &write{ctx: ctx, whole: true, run: func(ctx context.Context, on *batchPool) (err error) {
		done, err = on.ExecContext(ctx, query, args...)
		return err
	}}
	if err := p.queue.do(ctx, w); err != nil {
		return nil, err
	}
	return done, nil
}
