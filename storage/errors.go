package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// failure translates what went wrong while doing something; nil stays nil, and
// what is translated already keeps its kind.
func failure(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if _, known := errors.AsType[*authz.Error](err); known {
		return fmt.Errorf("%s: %w", doing, err)
	}
	// Both drivers answer a cancelled context in words of their own.
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%s: %w", doing, ended)
	}
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound), errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%s: %w", doing, authz.ErrNotFound)
	case errors.Is(err, gorm.ErrDuplicatedKey):
		return fmt.Errorf("%s: %w", doing, authz.ErrConflict)
	case away(err):
		return unavailable(fmt.Errorf("%s: %w", doing, err))
	}
	return fmt.Errorf("storage: %s: %w", doing, err)
}

// unavailable is the answer when the database cannot decide now.
func unavailable(cause error) error {
	e := authz.NewError(authz.Unavailable, "temporarily_unavailable", "The service cannot answer now.")
	e.RetryAfter = time.Second
	return e.Because(cause)
}

// away reports whether the database could not be reached or had no room,
// rather than being asked for something wrong.
func away(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return awayPostgres(e.Code)
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return awaySQLite(e.Code())
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || pgconn.SafeToRetry(err)
}

// awayPostgres sorts SQLSTATEs (PostgreSQL, appendix A).
func awayPostgres(code string) bool {
	switch code {
	case "40001", "40P01", // others were in the way, more often than we retry
		"55P03", "57014", // a lock or the statement took too long
		"25006": // the server became a standby
		return true
	}
	// Connection, resources, operator's intervention, system: not our request.
	for _, class := range []string{"08", "53", "57P", "58"} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	return false
}

func awaySQLite(code int) bool {
	switch code & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM:
		return true
	}
	return false
}

// retryable reports whether a transaction failed only because another was in
// its way: serialization failure or deadlock.
func retryable(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01")
}

// changed returns otherwise when a statement went well and met no row.
func changed(ctx context.Context, doing string, done *gorm.DB, otherwise error) error {
	if done.Error != nil {
		return failure(ctx, doing, done.Error)
	}
	if done.RowsAffected == 0 {
		return fmt.Errorf("%s: %w", doing, otherwise)
	}
	return nil
}
