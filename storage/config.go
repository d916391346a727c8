package storage

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// The drivers.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// Config says which database to open and how.
type Config struct {
	// Driver is "sqlite" or "postgres"; required.
	Driver string
	// Path is SQLite's file; required there. Its directory must exist.
	Path string
	// DSN is PostgreSQL's connection string, a URL or keywords; required there.
	DSN string
	// Synchronous is SQLite's: "full" (also when empty) survives a power cut,
	// "normal" may lose the last commits to one.
	Synchronous string
	// MaxOpenConns bounds the connections: on SQLite those that read, besides
	// the one that writes. 0 means 8 on SQLite and 20 on PostgreSQL.
	MaxOpenConns int
	// Clock gives the time of rows that come without one; required.
	Clock authz.Clock
	// AutoMigrate brings a schema that is behind up to date at Open.
	AutoMigrate bool
	// OnMoved is told of the nodes a transaction moved, after it committed and
	// before the caller is. It must not block. nil tells nobody.
	OnMoved func([]authz.NodeRef)
	// Committing is told of each commit to SQLite before it, which waits for the
	// disk; nil tells nobody.
	Committing func()
	// Observe is told each statement of the hot path and of transactions, without
	// its data, before it runs; nil tells nobody.
	Observe func(statement string)
	// Logger is told of migrations and retries; nil discards.
	Logger *slog.Logger

	observed func(string) // Observe as it came
}

// withDefaults checks the configuration and fills what may be left empty.
func (c Config) withDefaults() (Config, error) {
	if c.Clock == nil {
		return c, errors.New("storage: Clock is required")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.OnMoved == nil {
		c.OnMoved = func([]authz.NodeRef) {}
	}
	if c.Committing == nil {
		c.Committing = func() {}
	}
	c.observed = c.Observe
	if c.Observe == nil {
		c.Observe = func(string) {}
	}
	switch c.Driver {
	case SQLite:
		return c.withSQLiteDefaults()
	case Postgres:
		if c.DSN == "" {
			return c, errors.New("storage: DSN is required for postgres")
		}
		if c.MaxOpenConns <= 0 {
			c.MaxOpenConns = 20
		}
		return c, nil
	}
	return c, fmt.Errorf("storage: unknown driver %q; use sqlite or postgres", c.Driver)
}

func (c Config) withSQLiteDefaults() (Config, error) {
	if c.Path == "" {
		return c, errors.New("storage: Path is required for sqlite")
	}
	if c.MaxOpenConns <= 0 {
		c.MaxOpenConns = 8
	}
	switch c.Synchronous {
	case "":
		c.Synchronous = "full"
	case "full", "normal":
	default:
		return c, fmt.Errorf("storage: unknown synchronous mode %q; use full or normal", c.Synchronous)
	}
	return c, nil
}
