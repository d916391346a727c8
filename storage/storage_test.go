package storage_test

import (
	"path/filepath"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

func open(t testing.TB, cfg storage.Config) *storage.Store {
	t.Helper()
	cfg.Clock, cfg.AutoMigrate = authz.SystemClock{}, true
	s, err := storage.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func onSQLite(t testing.TB) storage.Config {
	return storage.Config{Driver: storage.SQLite, Path: filepath.Join(t.TempDir(), "a db?#%.db")}
}

func onPostgres(t testing.TB) storage.Config {
	return storage.Config{Driver: storage.Postgres, DSN: storagetest.Postgres(t)}
}

// onBoth runs a test on each database.
func onBoth(t *testing.T, run func(*testing.T, storage.Config)) {
	t.Run("sqlite", func(t *testing.T) { run(t, onSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { run(t, onPostgres(t)) })
}

func TestSQLiteKeepsEveryPromise(t *testing.T) {
	storagetest.Run(t, func(t testing.TB) *storage.Store { return open(t, onSQLite(t)) })
}

func TestPostgresKeepsEveryPromise(t *testing.T) {
	storagetest.Run(t, func(t testing.TB) *storage.Store { return open(t, onPostgres(t)) })
}
