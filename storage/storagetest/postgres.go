package storagetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience bounds every wait for the server.
const patience = 30 * time.Second

// oldest is the first PostgreSQL release we support, as server_version_num
// writes it.
const oldest = 140000

// Postgres returns the address of a fresh, empty database on a real PostgreSQL
// and drops it when the test ends.
//
// The server is the one GATEHOUSE_TEST_POSTGRES names (an address whose user
// may create databases), or else a private one that all tests of this process
// share. Without either the test is skipped, or fails if CI=true.
func Postgres(t testing.TB) string {
	t.Helper()
	admin := os.Getenv("GATEHOUSE_TEST_POSTGRES")
	if admin == "" {
		admin = private(t)
	}
	name := "gatehouse_" + strings.ToLower(rand.Text())
	if err := onServer(admin, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := onServer(admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	dsn, err := withDatabase(admin, name)
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// onServer runs one statement on a connection of its own. Errors name the
// statement and not the address, which may hold a password.
func onServer(admin, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return fmt.Errorf("connecting to the PostgreSQL of the tests: %w", err)
	}
	defer conn.Close(ctx)
	var version int
	if err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		return fmt.Errorf("asking PostgreSQL for its version: %w", err)
	}
	if version < oldest {
		return fmt.Errorf("the tests need PostgreSQL %d or newer, the server is %d", oldest/10000, version/10000)
	}
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// withDatabase is admin's address with another database name.
func withDatabase(admin, name string) (string, error) {
	u, err := url.Parse(admin)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return "", fmt.Errorf("GATEHOUSE_TEST_POSTGRES is not an address like postgres://user@host:5432/postgres")
	}
	u.Path = "/" + name
	return u.String(), nil
}
