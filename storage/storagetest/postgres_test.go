package storagetest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatehouse-auth/gatehouse/storage"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

func TestEachPostgresDatabaseIsFreshAndItsOwn(t *testing.T) {
	ctx := t.Context()
	first, second := storagetest.Postgres(t), storagetest.Postgres(t)
	if first == second {
		t.Fatal("two tests would share a database")
	}
	runtime.GC() // must not take the server away
	for _, dsn := range []string{first, second} {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(ctx, "CREATE TABLE only_here (id int)"); err != nil {
			t.Fatal(err)
		}
		var fsync string
		if err := conn.QueryRow(ctx, "SHOW fsync").Scan(&fsync); err != nil || fsync != "on" {
			t.Fatalf("fsync is %q, %v: a test of lost power would prove nothing", fsync, err)
		}
		if err := conn.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCopiesOfTheSchemaAreFreshAndTheirOwn(t *testing.T) {
	first, second := storagetest.PostgresWithSchema(t), storagetest.PostgresWithSchema(t)
	if first == second {
		t.Fatal("two tests would share a database")
	}
	for _, dsn := range []string{first, second} {
		status, err := storage.MigrateStatus(t.Context(), storage.Config{Driver: storage.Postgres, DSN: dsn})
		if err != nil || status.Behind() {
			t.Fatalf("%+v, %v", status, err)
		}
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), "CREATE TABLE only_here (id int)"); err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDatabaseIsDroppedAtTheTestsEndThoughSomebodyIsConnected(t *testing.T) {
	var dsn string
	t.Run("leaves a connection open", func(t *testing.T) {
		dsn = storagetest.Postgres(t)
		if _, err := pgx.Connect(t.Context(), dsn); err != nil {
			t.Fatal(err)
		}
	})
	conn, err := pgx.Connect(t.Context(), dsn)
	if err == nil {
		conn.Close(t.Context())
		t.Fatal("the database is still there")
	}
}

// The three probes below are tests of this binary run as a child, because how
// a test and a process end is what is asked.

func TestMissingSkipsInOneLineAndFailsUnderCI(t *testing.T) {
	for ci, want := range map[string]string{"false": "--- SKIP", "true": "--- FAIL"} {
		out := probe(t, "TestProbeMissing", "CI="+ci)
		if !strings.Contains(out, want) || !strings.Contains(out, "a unicorn is missing: look in the forest\n") {
			t.Errorf("CI=%s: want %s and one line that says what is missing, got\n%s", ci, want, out)
		}
	}
}

func TestWithoutPostgresProgramsTheTestSaysWhatIsMissing(t *testing.T) {
	out := probe(t, "TestProbePostgres", "CI=false", "GATEHOUSE_TEST_POSTGRES=", "PATH="+t.TempDir())
	if !strings.Contains(out, "PostgreSQL is missing: run make deps") {
		t.Errorf("got\n%s", out)
	}
}

func TestPrivateServerEndsWithTheProcessThatStartedIt(t *testing.T) {
	storagetest.Postgres(t) // skips here where there is none
	out := probe(t, "TestProbePostgres", "GATEHOUSE_TEST_POSTGRES=")
	_, dir, found := strings.Cut(out, "host=")
	dir, _, _ = strings.Cut(dir, "\n")
	if !found || filepath.Dir(dir) != "/tmp" {
		t.Fatalf("the probe did not print its address:\n%s", out)
	}
	deadline := time.Now().Add(20 * time.Second)
	for range time.Tick(20 * time.Millisecond) {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", dir)
		}
	}
}

func TestProbeMissing(t *testing.T) {
	if asProbe() {
		storagetest.Missing(t, "a unicorn", "look in the forest")
	}
}

func TestProbePostgres(t *testing.T) {
	if asProbe() {
		t.Log(storagetest.Postgres(t))
	}
}

// asProbe tells the process that probe starts from the run of the suite.
func asProbe() bool { return os.Getenv("STORAGETEST_PROBE") != "" }

func probe(t *testing.T, name string, env ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+name+"$", "-test.v")
	cmd.Env = append(append(os.Environ(), "STORAGETEST_PROBE=1"), env...)
	out, _ := cmd.CombinedOutput() // a failing probe is one of the answers
	return string(out)
}
