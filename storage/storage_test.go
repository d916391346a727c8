package storage_test

import (
	"net/url"
	"path/filepath"
	"testing"
	"time"

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
	return storage.Config{Driver: storage.Postgres, DSN: storagetest.PostgresWithSchema(t)}
}

// onBoth runs a test on each database.
func onBoth(t *testing.T, run func(*testing.T, storage.Config)) {
	t.Run("sqlite", func(t *testing.T) { run(t, onSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { run(t, onPostgres(t)) })
}

func TestSQLiteKeepsEveryPromise(t *testing.T) {
	storagetest.Run(t, func(t testing.TB) *storage.Store { return open(t, onSQLite(t)) })
}

// TestPostgresKeepsEveryPromise runs with sequential scans priced out and
// counts them: a statement that makes one all the same has no index to use.
func TestPostgresKeepsEveryPromise(t *testing.T) {
	cfg := onPostgres(t)
	watched := cfg
	watched.DSN = with(t, cfg.DSN, "application_name", "watched")
	watcher := open(t, cfg)
	// A session tells what it counted when it ends, which is a moment after its
	// client hung up.
	ended := func() {
		t.Helper()
		for still, end := 1, time.Now().Add(time.Minute); still > 0; {
			if err := watcher.Reading(t.Context()).Raw("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'watched' AND datname = current_database()").Scan(&still).Error; err != nil {
				t.Fatal(err)
			}
			if time.Now().After(end) {
				t.Fatalf("%d sessions do not end", still)
			}
		}
	}
	ended()
	scans := func() map[string]int64 {
		t.Helper()
		var rows []struct {
			Relname string
			SeqScan int64
		}
		if err := watcher.Reading(t.Context()).Raw("SELECT relname, seq_scan FROM pg_stat_user_tables").Scan(&rows).Error; err != nil {
			t.Fatal(err)
		}
		counts := map[string]int64{}
		for _, r := range rows {
			counts[r.Relname] = r.SeqScan
		}
		return counts
	}
	before := scans()
	var plans storagetest.Plans
	// Its connections end with the subtest, and send what they counted.
	t.Run("suite", func(t *testing.T) {
		storagetest.Run(t, func(t testing.TB) *storage.Store {
			return open(t, storage.Config{Driver: cfg.Driver, DSN: with(t, watched.DSN, "enable_seqscan", "off"), Observe: plans.Observe})
		})
	})
	ended()
	t.Logf("%d statements are planned", plans.Check(t))
	for table, n := range scans() {
		if n > before[table] && table != "goose_db_version" {
			t.Errorf("%s was scanned %d times", table, n-before[table])
		}
	}
}

// with is the address with a setting.
func with(t testing.TB, dsn, name, value string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}
