package storage

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/gatehouse-auth/gatehouse/authz"
)

//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var migrations embed.FS

// MigrateUp applies what is pending and returns the file names of what it
// applied. On SQLite it needs the file's lock, so no server may run; several
// processes may do it at once on PostgreSQL, where one does the work.
func MigrateUp(ctx context.Context, cfg Config) (applied []string, err error) {
	cfg.Clock = authz.SystemClock{} // no row is written
	if cfg, err = cfg.withDefaults(); err != nil {
		return nil, err
	}
	p, err := openPools(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	return migrate(ctx, cfg, p.writing)
}

// MigrateStatus tells how far the schema is and changes nothing. On SQLite it
// needs no lock; a file that does not exist is a database at version 0.
func MigrateStatus(ctx context.Context, cfg Config) (status Schema, err error) {
	cfg.Clock = authz.SystemClock{}
	if cfg, err = cfg.withDefaults(); err != nil {
		return Schema{}, err
	}
	db, err := openToLook(ctx, cfg)
	if errors.Is(err, fs.ErrNotExist) {
		return known(cfg.Driver, 0)
	}
	if err != nil {
		return Schema{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return schemaOf(ctx, cfg.Driver, db)
}

func openToLook(ctx context.Context, cfg Config) (*sql.DB, error) {
	if cfg.Driver == Postgres {
		p, err := openPostgres(ctx, cfg)
		if err != nil {
			return nil, err
		}
		return p.writing, nil
	}
	if _, err := os.Stat(cfg.Path); err != nil {
		return nil, fmt.Errorf("storage: looking for the database: %w", err)
	}
	return lookSQLite(cfg.Path)
}

// ensureSchema is Open's gate.
func ensureSchema(ctx context.Context, cfg Config, db *sql.DB) error {
	schema, err := schemaOf(ctx, cfg.Driver, db)
	if err != nil || !schema.Behind() {
		return err
	}
	if !cfg.AutoMigrate {
		return fmt.Errorf("storage: the schema is at version %d and this program needs %d: run `gatehouse migrate up`",
			schema.Version, schema.Latest)
	}
	_, err = migrate(ctx, cfg, db)
	return err
}

func migrate(ctx context.Context, cfg Config, db *sql.DB) ([]string, error) {
	schema, err := schemaOf(ctx, cfg.Driver, db)
	if err != nil || !schema.Behind() {
		return nil, err
	}
	provider, err := newProvider(cfg.Driver, db)
	if err != nil {
		return nil, fmt.Errorf("storage: reading the migrations: %w", err)
	}
	results, err := provider.Up(ctx)
	var applied []string
	for _, r := range results {
		applied = append(applied, fileName(r.Source.Path))
		cfg.Logger.InfoContext(ctx, "migration applied", "version", r.Source.Version, "duration", r.Duration)
	}
	if err != nil {
		return applied, fmt.Errorf("storage: migrating the schema: %w", err)
	}
	return applied, nil
}

func newProvider(driver string, db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+driver)
	if err != nil {
		return nil, fmt.Errorf("opening the folder: %w", err)
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
	if driver == SQLite { // the file's lock is held already
		return goose.NewProvider(goose.DialectSQLite3, db, files, options...)
	}
	// Looks every second for as long as a long migration of another may take.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600))
	if err != nil {
		return nil, fmt.Errorf("making the lock: %w", err)
	}
	return goose.NewProvider(goose.DialectPostgres, db, files, append(options, goose.WithSessionLocker(locker))...)
}

func fileName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
