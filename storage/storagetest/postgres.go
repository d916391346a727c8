package storagetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatehouse-auth/gatehouse/storage"
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
	return database(t, admin(t), "template0")
}

// PostgresWithSchema is Postgres with today's schema: a copy of a database that
// is migrated once for the tests of a process.
func PostgresWithSchema(t testing.TB) string {
	t.Helper()
	admin := admin(t)
	template, err := migrated(admin)
	if err != nil {
		t.Fatal(err)
	}
	return database(t, admin, template)
}

// admin is the address of the server.
func admin(t testing.TB) string {
	t.Helper()
	if address := os.Getenv("GATEHOUSE_TEST_POSTGRES"); address != "" {
		return address
	}
	return private(t)
}

// database makes a database like another, for as long as the test takes.
func database(t testing.TB, admin, template string) string {
	t.Helper()
	name := "gatehouse_" + strings.ToLower(rand.Text())
	if err := onServer(admin, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
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

// templates are the databases that are copied, by their server's address.
var templates sync.Map //nolint:gochecknoglobals // of a test binary, which has one server or two

// migrated returns the name of a database with today's schema to which nobody is
// connected.
func migrated(admin string) (string, error) {
	once, _ := templates.LoadOrStore(admin, sync.OnceValues(func() (string, error) { return newTemplate(admin) }))
	return once.(func() (string, error))()
}

// templatePrefix comes before the second in which a template was made.
const templatePrefix = "gatehouse_schema_"

// newTemplate makes the database, which nothing takes away with the process that
// made it; so those that a day has gone over go first.
func newTemplate(admin string) (string, error) {
	now := time.Now()
	if err := dropTemplates(admin, now.Add(-24*time.Hour)); err != nil {
		return "", err
	}
	name := templatePrefix + strconv.FormatInt(now.Unix(), 10) + "_" + strings.ToLower(rand.Text())
	if err := onServer(admin, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		return "", err
	}
	dsn, err := withDatabase(admin, name)
	if err != nil {
		return "", err
	}
	_, err = storage.MigrateUp(context.Background(), storage.Config{Driver: storage.Postgres, DSN: dsn})
	return name, err
}

func dropTemplates(admin string, before time.Time) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := connect(ctx, admin)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT datname FROM pg_database WHERE substring(datname FROM $1)::bigint < $2",
		"^"+templatePrefix+`(\d+)_`, before.Unix())
	if err != nil {
		return fmt.Errorf("looking for old databases: %w", err)
	}
	old, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("looking for old databases: %w", err)
	}
	for _, name := range old {
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name); err != nil {
			return fmt.Errorf("dropping %s: %w", name, err)
		}
	}
	return nil
}

// onServer runs one statement on a connection of its own. Errors name the
// statement and not the address, which may hold a password.
func onServer(admin, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := connect(ctx, admin)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// connect refuses a server that is too old.
func connect(ctx context.Context, admin string) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return nil, fmt.Errorf("connecting to the PostgreSQL of the tests: %w", err)
	}
	var version int
	err = conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version)
	if err == nil && version < oldest {
		err = fmt.Errorf("the tests need PostgreSQL %d or newer, the server is %d", oldest/10000, version/10000)
	}
	if err != nil {
		conn.Close(ctx)
		return nil, fmt.Errorf("asking PostgreSQL for its version: %w", err)
	}
	return conn, nil
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
