package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	gormsqlite "gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// openSQLite takes the file's lock and opens one connection that writes and a
// pool that cannot: waiting for the writer then happens in database/sql, where
// a context ends it.
func openSQLite(ctx context.Context, cfg Config) (*pools, error) {
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("storage: finding the database: %w", err)
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	p, err := openSQLiteFile(ctx, path, cfg)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	closeFile := p.close
	p.close = func() error { return errors.Join(closeFile(), lock.Close()) }
	return p, nil
}

func openSQLiteFile(ctx context.Context, path string, cfg Config) (*pools, error) {
	if err := makePrivate(path); err != nil {
		return nil, err
	}
	keeping, err := newKeepingStatements(sqliteDSN(path, url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(" + cfg.Synchronous + ")", "foreign_keys(1)", "wal_autocheckpoint(4000)", "cache_size(-8192)", "temp_store(MEMORY)"},
		"_txlock": {"immediate"},
	}))
	if err != nil {
		return nil, fmt.Errorf("storage: opening the database: %w", err)
	}
	writing := sql.OpenDB(keeping)
	writing.SetMaxOpenConns(1)
	// The first connection makes the file WAL; only then can others read it.
	if err := writing.PingContext(ctx); err != nil {
		return nil, errors.Join(failure(ctx, "opening the database", err), writing.Close())
	}
	reading, err := sql.Open("sqlite", sqliteDSN(path, url.Values{"_pragma": {"busy_timeout(5000)", "query_only(1)"}}))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("storage: opening the database for reading: %w", err), writing.Close())
	}
	reading.SetMaxOpenConns(cfg.MaxOpenConns)
	reading.SetMaxIdleConns(cfg.MaxOpenConns)
	reading.SetConnMaxIdleTime(idle)
	return &pools{
		reading: reading, writing: writing, dialector: sqliteDialector, prepare: true, places: cfg.MaxOpenConns,
		// The writer goes last: it folds the write-ahead log into the file.
		close: func() error { return errors.Join(reading.Close(), writing.Close()) },
	}, nil
}

// sqliteDSN names the file with the parameters both pools share: times are
// text in UTC, which sorts as they do.
func sqliteDSN(path string, params url.Values) string {
	params.Set("_timezone", "UTC")
	params.Set("_time_format", "sqlite")
	params.Set("_texttotime", "1")
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + params.Encode()
}

// makePrivate creates the file for its owner alone, before SQLite would with
// the process's umask; the log beside it takes over its mode.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return fmt.Errorf("storage: creating the database: %w", err)
	}
	defer f.Close()
	if err := f.Chmod(0o600); err != nil {
		return fmt.Errorf("storage: making the database private: %w", err)
	}
	return nil
}

// sqliteTranslator is GORM's SQLite dialect with an ear for this driver's
// errors; the dialect itself knows another driver's only.
type sqliteTranslator struct{ gormsqlite.Dialector }

func sqliteDialector(db *sql.DB) gorm.Dialector {
	return sqliteTranslator{gormsqlite.Dialector{DriverName: "sqlite", Conn: db}}
}

// Translate turns the driver's unique violations into gorm.ErrDuplicatedKey.
func (sqliteTranslator) Translate(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
			return fmt.Errorf("%w: %w", gorm.ErrDuplicatedKey, err)
		}
	}
	return err
}

// lookSQLite opens the file for reading, beside a server that has it open.
func lookSQLite(path string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("storage: finding the database: %w", err)
	}
	db, err := sql.Open("sqlite", sqliteDSN(abs, url.Values{"_pragma": {"busy_timeout(5000)", "query_only(1)"}}))
	if err != nil {
		return nil, fmt.Errorf("storage: opening the database for reading: %w", err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}
