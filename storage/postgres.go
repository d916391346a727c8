package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	gormpostgres "gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// openPostgres opens one pool for everything: a replica that lags would call a
// revoked token active.
func openPostgres(ctx context.Context, cfg Config) (*pools, error) {
	conf, err := pgx.ParseConfig(cfg.DSN)
	if err != nil {
		// pgx leaves the password out of this error.
		return nil, fmt.Errorf("storage: reading the DSN: %w", err)
	}
	if conf.ConnectTimeout == 0 {
		conf.ConnectTimeout = 5 * time.Second
	}
	if conf.RuntimeParams["application_name"] == "" {
		conf.RuntimeParams["application_name"] = "gatehouse"
	}
	conf.RuntimeParams["timezone"] = "UTC"
	db := stdlib.OpenDB(*conf)
	db.SetMaxOpenConns(cfg.MaxOpenConns)
	db.SetMaxIdleConns(cfg.MaxOpenConns)
	db.SetConnMaxIdleTime(idle)
	db.SetConnMaxLifetime(30 * time.Minute)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(failure(ctx, "reaching the database", err), db.Close())
	}
	return &pools{
		reading: db, writing: db, dialector: postgresDialector, close: db.Close,
		places: cfg.MaxOpenConns - 2, // one is for what is issued together, one for those who go ahead
	}, nil
}

func postgresDialector(db *sql.DB) gorm.Dialector {
	return gormpostgres.New(gormpostgres.Config{Conn: db})
}
