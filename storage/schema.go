package storage

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
)

// Schema says how far a database's schema is.
type Schema struct {
	// Version is the last migration applied; 0 for an empty database.
	Version int64
	// Latest is the last migration this program knows.
	Latest int64
	// Pending are the file names of what MigrateUp would apply, in order.
	Pending []string
}

// Behind reports whether this program cannot work with the schema.
func (s Schema) Behind() bool { return s.Version < s.Latest }

const (
	sqliteHasVersions   = `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version'`
	postgresHasVersions = `SELECT count(*) FROM pg_class WHERE oid = to_regclass('goose_db_version')`
	schemaVersion       = `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`
)

func schemaOf(ctx context.Context, driver string, db *sql.DB) (Schema, error) {
	hasVersions := sqliteHasVersions
	if driver == Postgres {
		hasVersions = postgresHasVersions
	}
	var tables int
	if err := db.QueryRowContext(ctx, hasVersions).Scan(&tables); err != nil {
		return Schema{}, failure(ctx, "looking for the schema's version", err)
	}
	var version int64
	if tables > 0 {
		if err := db.QueryRowContext(ctx, schemaVersion).Scan(&version); err != nil {
			return Schema{}, failure(ctx, "reading the schema's version", err)
		}
	}
	return known(driver, version)
}

// known compares a version with the migrations in this program, which are
// named NNNN_what.sql.
func known(driver string, version int64) (Schema, error) {
	schema := Schema{Version: version}
	entries, err := migrations.ReadDir("migrations/" + driver)
	if err != nil {
		return Schema{}, fmt.Errorf("storage: listing the migrations: %w", err)
	}
	for _, entry := range entries {
		v, err := goose.NumericComponent(entry.Name())
		if err != nil {
			return Schema{}, fmt.Errorf("storage: naming a migration: %w", err)
		}
		schema.Latest = max(schema.Latest, v)
		if v > version {
			schema.Pending = append(schema.Pending, entry.Name())
		}
	}
	return schema, nil
}
