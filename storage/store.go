package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Store is an open database. It is safe for use by many goroutines.
type Store struct {
	driver  string
	clock   authz.Clock
	onMoved func([]authz.NodeRef)
	logger  *slog.Logger
	// reading and writing are two pools on SQLite, where one connection
	// writes; on PostgreSQL they are the same.
	reading, writing *gorm.DB
	// raw is the pool that writes, for the statements that are put together by
	// hand.
	raw   *sql.DB
	reads *reads
	// gate bounds who waits for a connection that is not SQLite's writer.
	gate *gate
	// writes is what commits on SQLite, issuing what issues on PostgreSQL.
	writes     *queue[*write]
	issuing    *queue[*authz.Issuance]
	committing func()
	observe    func(statement string)
	close      func() error
}

// Open opens the database and makes sure that its schema is one this program
// can work with. A schema that is behind is brought up to date with
// AutoMigrate and refused without; a newer one is taken as it is, because
// migrations only ever add what the release before can live with.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	pools, err := openPools(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{
		driver: cfg.Driver, clock: cfg.Clock, onMoved: cfg.OnMoved, logger: cfg.Logger, observe: cfg.Observe, committing: cfg.Committing, close: pools.close,
		raw: pools.writing, gate: newGate(pools.places),
	}
	s.reads = newReads(pools, cfg, s.gate)
	if err := s.ready(ctx, cfg, pools); err != nil {
		return nil, errors.Join(err, pools.close())
	}
	return s, nil
}

func (s *Store) ready(ctx context.Context, cfg Config, p *pools) error {
	if err := ensureSchema(ctx, cfg, p.writing); err != nil {
		return err
	}
	var err error
	if s.writing, err = p.gorm(p.writing, cfg, false); err != nil {
		return fmt.Errorf("storage: opening the database: %w", err)
	}
	s.reading = s.writing
	if cfg.Driver == Postgres {
		s.through(s.writing)
		s.issuing = startQueue(s.issueTogether)
	} else {
		s.writes = startQueue(s.commitTogether)
		s.writing.Statement.ConnPool = &groupedPool{DB: p.writing, queue: s.writes}
		s.writing.ConnPool = s.writing.Statement.ConnPool
	}
	if p.reading == p.writing {
		return nil
	}
	if s.reading, err = p.gorm(p.reading, cfg, p.prepare); err != nil {
		return fmt.Errorf("storage: opening the database for reading: %w", err)
	}
	s.through(s.reading)
	return nil
}

// through has GORM's statements pass the gate.
func (s *Store) through(db *gorm.DB) {
	db.Statement.ConnPool = &gatedPool{ConnPool: db.Statement.ConnPool, gate: s.gate}
	db.ConnPool = db.Statement.ConnPool
}

// Close closes the database and, on SQLite, lets others have it.
func (s *Store) Close() error {
	if s.writes != nil {
		s.writes.close()
	} else {
		s.issuing.close()
	}
	if err := s.close(); err != nil {
		return fmt.Errorf("storage: closing the database: %w", err)
	}
	return nil
}

// Ping asks the database for a sign of life, by the way the next write takes.
// Being busy is one.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	err := s.writing.WithContext(ahead(ctx)).Raw("SELECT 1").Row().Scan(&one)
	return failure(ctx, "reaching the database", err)
}

// Driver is "sqlite" or "postgres". On SQLite this process is the only writer.
func (s *Store) Driver() string { return s.driver }

// reader is the handle for a statement that only reads: the transaction's own
// inside one.
func (s *Store) reader(ctx context.Context) *gorm.DB {
	if t := s.transaction(ctx); t != nil {
		return t.db
	}
	return s.reading.WithContext(ctx)
}

// writer is the handle for a statement that writes.
func (s *Store) writer(ctx context.Context) *gorm.DB {
	if t := s.transaction(ctx); t != nil {
		return t.db
	}
	return s.writing.WithContext(ctx)
}

// pools are the connections of an open database.
type pools struct {
	reading, writing *sql.DB
	dialector        func(*sql.DB) gorm.Dialector
	prepare          bool
	// places is for how many callers at once there are connections.
	places int
	close  func() error
}

func openPools(ctx context.Context, cfg Config) (*pools, error) {
	if cfg.Driver == SQLite {
		return openSQLite(ctx, cfg)
	}
	return openPostgres(ctx, cfg)
}

// gorm opens GORM on a pool. It must not prepare statements where one
// connection writes: a statement outside a transaction, waiting for the
// connection to prepare itself on, would hold up the transaction that has the
// connection and needs the same statement, and neither would ever go on.
func (p *pools) gorm(db *sql.DB, cfg Config, prepare bool) (*gorm.DB, error) {
	observe := cfg.observed
	if db == p.writing && db != p.reading {
		observe = nil // the batches tell
	}
	opened, err := gorm.Open(p.dialector(db), &gorm.Config{
		SkipDefaultTransaction: true,
		TranslateError:         true,
		PrepareStmt:            prepare,
		PrepareStmtMaxSize:     512,
		DisableAutomaticPing:   true,
		NowFunc:                cfg.Clock.Now,
		Logger:                 silent{observe},
	})
	if err != nil {
		return nil, err
	}
	return opened, plainInserts(opened)
}

// idle is how long an unused connection is kept.
const idle = 5 * time.Minute
