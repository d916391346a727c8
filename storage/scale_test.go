package storage_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
)

// What a workspace has at scale.
const (
	keysEach    = 20
	clientsEach = 5
	fewTenants  = 10
	manyTenants = 10_000
	rounds      = 5
	// mostSlower is how much slower the slowest hundredth may be among many.
	mostSlower = 1.5
)

// BenchmarkScale asks the same of a database of 10 workspaces and of one of
// 10,000, turn by turn, and tells how much slower the second is at the 99th
// percentile: the median of five rounds. Run it with -benchtime 5000x.
func BenchmarkScale(b *testing.B) {
	plainPath := func(b testing.TB) storage.Config {
		return storage.Config{Driver: storage.SQLite, Path: filepath.Join(b.TempDir(), "scale.db")}
	}
	for driver, empty := range map[string]func(testing.TB) storage.Config{"sqlite": plainPath, "postgres": onPostgres} {
		b.Run(driver, func(b *testing.B) {
			few, many := peopled(b, empty(b), fewTenants), peopled(b, empty(b), manyTenants)
			for name, ask := range scaled {
				b.Run(name, func(b *testing.B) { compared(b, few, many, ask) })
			}
		})
	}
}

// scaled is what is asked: of a workspace by its number, and of a key or client
// by its number in it.
var scaled = map[string]func(context.Context, *storage.Store, int, int) error{
	"list_keys": func(ctx context.Context, s *storage.Store, ws, _ int) error {
		return found(s.ListAPIKeys(ctx, "up", workspaceNo(ws), authz.KeyFilter{}, authz.Page{}))(keysEach)
	},
	"list_clients": func(ctx context.Context, s *storage.Store, ws, _ int) error {
		return found(s.ListClients(ctx, "up", workspaceNo(ws), authz.Page{}))(clientsEach)
	},
	"list_workspaces": func(ctx context.Context, s *storage.Store, _, _ int) error {
		return found(s.ListWorkspacesAcrossWorkspaces(ctx, "up", authz.Page{Limit: fewTenants}))(fewTenants)
	},
	"search": func(ctx context.Context, s *storage.Store, ws, n int) error {
		return found(s.ListAPIKeys(ctx, "up", workspaceNo(ws), authz.KeyFilter{Text: fmt.Sprintf("KEY %d of %d.", n, ws)}, authz.Page{}))(1)
	},
	"verify": func(ctx context.Context, s *storage.Store, ws, n int) error {
		key, lineage, err := s.GetAPIKeyAcrossWorkspaces(ctx, "up", authz.KeyID(fmt.Sprintf("key_%d_%d", ws, n)))
		if err == nil && (!lineage.Usable() || key.WorkspaceID != workspaceNo(ws)) {
			err = fmt.Errorf("key %d of %d: %+v", n, ws, key)
		}
		return err
	},
}

func workspaceNo(n int) authz.WorkspaceID { return authz.WorkspaceID(fmt.Sprintf("ws_%d", n)) }

func found[T any](list []T, err error) func(want int) error {
	return func(want int) error {
		if err == nil && len(list) != want {
			return fmt.Errorf("%d found, want %d", len(list), want)
		}
		return err
	}
}

type tenancy struct {
	*storage.Store
	workspaces int
}

func compared(b *testing.B, few, many tenancy, ask func(context.Context, *storage.Store, int, int) error) {
	took := [2][]time.Duration{}
	for b.Loop() {
		for i, of := range []tenancy{few, many} {
			ws, n := 1+rand.IntN(of.workspaces), 1+rand.IntN(keysEach)
			began := time.Now()
			if err := ask(b.Context(), of.Store, ws, n); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(began))
		}
	}
	if len(took[0]) < 100*rounds {
		return // the trial run of the testing package
	}
	var ratios []float64
	each := len(took[0]) / rounds
	for r := range rounds {
		ratios = append(ratios, float64(percentile(took[1][r*each:(r+1)*each], 99))/float64(percentile(took[0][r*each:(r+1)*each], 99)))
	}
	slices.Sort(ratios)
	ratio := ratios[rounds/2]
	b.ReportMetric(ratio, "p99-ratio")
	b.ReportMetric(float64(percentile(took[1], 50))/float64(percentile(took[0], 50)), "p50-ratio")
	b.ReportMetric(float64(percentile(took[1], 99).Microseconds()), "p99-µs")
	if each >= 500 && ratio > mostSlower { // of fewer, the hundredth is the one slowest
		b.Errorf("the slowest hundredth is %.2f times as slow among %d workspaces, want at most %.1f", ratio, many.workspaces, mostSlower)
	}
}

func percentile(took []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}

// peopled is a database with as many workspaces as that, each with an account of
// its own, keys with service accounts of their own, and clients: copies of one
// of each under ids of their own, in statements that copy them all.
func peopled(b *testing.B, cfg storage.Config, workspaces int) tenancy {
	b.Helper()
	cfg.Clock, cfg.AutoMigrate = authz.SystemClock{}, true
	s, err := storage.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	now := authz.SystemClock{}.Now()
	for _, err := range []error{
		s.CreateAccount(b.Context(), authz.Account{ID: "acc_0", Issuer: "up", Name: "Account", State: authz.Active, CreatedAt: now}),
		s.CreateWorkspace(b.Context(), authz.Workspace{ID: "ws_0", Issuer: "up", AccountID: "acc_0", Name: "Workspace", State: authz.Active, CreatedAt: now, UpdatedAt: now}),
		s.CreateServiceAccount(b.Context(), authz.ServiceAccount{ID: "sa_0", Issuer: "up", WorkspaceID: "ws_0", Name: "Runner", State: authz.Active, CreatedAt: now}),
		s.CreateAPIKey(b.Context(), authz.APIKey{
			ID: "key_0", Issuer: "up", WorkspaceID: "ws_0", AccountID: "acc_0", ServiceAccountID: "sa_0", Environment: authz.Live, Name: "Key", Prefix: "up_live_0",
			Last4: "0000", Hash: strings.Repeat("h", 96), Scopes: []string{"monitor:read"}, Tier: "standard", State: authz.Active, CreatedAt: now, CreatedBy: "sa_0",
		}),
		s.CreateClient(b.Context(), authz.Client{ID: "cl_0", Issuer: "up", WorkspaceID: "ws_0", Name: "Client", RedirectURIs: []string{"https://a.example/cb"}, State: authz.Active, CreatedAt: now, UpdatedAt: now}, nil),
		s.Close(),
	} {
		if err != nil {
			b.Fatal(err)
		}
	}
	driver, address := "pgx", cfg.DSN
	if cfg.Driver == storage.SQLite {
		driver, address = "sqlite", cfg.Path
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1) // which has the temporary tables
	for _, statement := range copies(workspaces) {
		if _, err := db.ExecContext(b.Context(), statement); err != nil {
			b.Fatalf("%s: %v", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	return tenancy{open(b, cfg), workspaces}
}

// copies are the statements that copy, the same for both databases.
func copies(workspaces int) []string {
	var all []string
	of := func(table string, each int, set string) {
		all = append(all,
			fmt.Sprintf(`CREATE TEMPORARY TABLE filler AS WITH RECURSIVE w(ws) AS (SELECT 1 UNION ALL SELECT ws + 1 FROM w WHERE ws < %d),
				k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < %d) SELECT w.ws, k.n, t.* FROM w, k, %s t`, workspaces, each, table),
			"UPDATE filler SET "+set, "ALTER TABLE filler DROP COLUMN ws", "ALTER TABLE filler DROP COLUMN n",
			"DELETE FROM "+table, "INSERT INTO "+table+" SELECT * FROM filler", "DROP TABLE filler")
	}
	of("accounts", 1, "id = 'acc_' || ws")
	of("workspaces", 1, "id = 'ws_' || ws, account_id = 'acc_' || ws")
	of("service_accounts", keysEach, "id = 'sa_' || ws || '_' || n, workspace_id = 'ws_' || ws")
	of("api_keys", keysEach, `id = 'key_' || ws || '_' || n, workspace_id = 'ws_' || ws, account_id = 'acc_' || ws, service_account_id = 'sa_' || ws || '_' || n,
		name = 'Key ' || n || ' of ' || ws || '.', prefix = 'up_live_' || ws || '_' || n`)
	of("clients", clientsEach, "id = 'cl_' || ws || '_' || n, workspace_id = 'ws_' || ws")
	return append(all, "ANALYZE")
}
