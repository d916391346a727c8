package storagetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/gatehouse-auth/gatehouse/storage"
)

// schema is a SQLite database with every table and no row, made once for the
// tests of a process: making it anew is most of what many of them would do.
var schema = sync.OnceValues(func() ([]byte, error) { //nolint:gochecknoglobals // of a test binary
	dir, err := os.MkdirTemp("", "gatehouse-schema-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "gatehouse.db")
	if _, err := storage.MigrateUp(context.Background(), storage.Config{Driver: storage.SQLite, Path: path}); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// SQLite returns the path of a fresh SQLite database with today's schema.
func SQLite(t testing.TB) string {
	t.Helper()
	raw, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "gatehouse.db")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
