package storage_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

func TestSchemaAndModelsHaveTheSameColumns(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg storage.Config) {
		db := open(t, cfg).Writing(t.Context())
		tables, err := db.Migrator().GetTables()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range storage.Rows() {
			model, err := schema.Parse(row, &sync.Map{}, schema.NamingStrategy{})
			if err != nil {
				t.Fatal(err)
			}
			tables = slices.DeleteFunc(tables, func(name string) bool { return name == model.Table })
			want := slices.Clone(model.DBNames)
			got := columns(t, db, row)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s has columns\n%v, its model\n%v", model.Table, got, want)
			}
		}
		for _, name := range tables {
			if !slices.Contains([]string{"goose_db_version", "leases", "node_events"}, name) && !strings.HasPrefix(name, "sqlite_") {
				t.Errorf("table %s has no model", name)
			}
		}
	})
}

func columns(t *testing.T, db *gorm.DB, row any) []string {
	t.Helper()
	types, err := db.Migrator().ColumnTypes(row)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range types {
		names = append(names, c.Name())
	}
	slices.Sort(names)
	return names
}

// onEmpty runs a test on each database before its first migration.
func onEmpty(t *testing.T, run func(*testing.T, storage.Config)) {
	t.Run("sqlite", func(t *testing.T) { run(t, onSQLite(t)) })
	t.Run("postgres", func(t *testing.T) {
		run(t, storage.Config{Driver: storage.Postgres, DSN: storagetest.Postgres(t)})
	})
}

func TestASchemaThatIsBehindIsRefusedAndANewerOneTaken(t *testing.T) {
	onEmpty(t, func(t *testing.T, cfg storage.Config) {
		ctx := t.Context()
		cfg.Clock = authz.SystemClock{}
		if _, err := storage.Open(ctx, cfg); err == nil || !strings.Contains(err.Error(), "gatehouse migrate up") {
			t.Fatalf("an empty database was answered with %v", err)
		}
		before, err := storage.MigrateStatus(ctx, cfg)
		if err != nil || !before.Behind() || len(before.Pending) == 0 {
			t.Fatalf("status before: %+v, %v", before, err)
		}
		applied, err := storage.MigrateUp(ctx, cfg)
		if err != nil || !slices.Equal(applied, before.Pending) {
			t.Fatalf("applied %v, %v; want %v", applied, err, before.Pending)
		}
		if applied, err = storage.MigrateUp(ctx, cfg); err != nil || len(applied) != 0 {
			t.Fatalf("a second time applied %v, %v", applied, err)
		}
		s, err := storage.Open(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		const newer = "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)"
		if err := s.Writing(ctx).Exec(newer).Error; err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		open(t, cfg)
		after, err := storage.MigrateStatus(ctx, cfg) // beside an open store
		if err != nil || after.Behind() || after.Version != 9999 || len(after.Pending) != 0 {
			t.Fatalf("status after: %+v, %v", after, err)
		}
	})
}

func TestMigrateStatusCreatesNoFile(t *testing.T) {
	cfg := onSQLite(t)
	for range 2 {
		status, err := storage.MigrateStatus(t.Context(), cfg)
		if err != nil || status.Version != 0 || !status.Behind() {
			t.Fatalf("status %+v, %v", status, err)
		}
	}
}

func TestManyProcessesMayMigratePostgresAtOnce(t *testing.T) {
	cfg := storage.Config{Driver: storage.Postgres, DSN: storagetest.Postgres(t)}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := storage.MigrateUp(t.Context(), cfg); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	status, err := storage.MigrateStatus(t.Context(), cfg)
	if err != nil || status.Behind() {
		t.Fatalf("status %+v, %v", status, err)
	}
}

var placeholder = regexp.MustCompile(`IN \?|\?`)

// TestHotLookupsUseIndexes asks for plans with sequential scans priced out: a
// plan that has one all the same has no index to use.
func TestHotLookupsUseIndexes(t *testing.T) {
	pg, lite := open(t, onPostgres(t)).Writing(t.Context()), open(t, onSQLite(t)).Writing(t.Context())
	for name, statement := range storage.HotStatements() {
		params := 0
		onPG := placeholder.ReplaceAllStringFunc(statement, func(p string) string {
			params++
			n := "$" + string(rune('0'+params))
			if p != "?" {
				return "IN (" + n + ")"
			}
			return n
		})
		plan := strings.Join(explainPostgres(t, pg, onPG, params), "\n")
		if strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "Index Cond") {
			t.Errorf("%s on postgres:\n%s", name, plan)
		}
		for _, step := range explainSQLite(t, lite, strings.ReplaceAll(statement, "IN ?", "IN (?)")) {
			if strings.HasPrefix(step, "SCAN") {
				t.Errorf("%s on sqlite: %s", name, step)
			}
		}
	}
}

func explainPostgres(t *testing.T, db *gorm.DB, statement string, params int) []string {
	t.Helper()
	var plan []string
	err := db.Connection(func(db *gorm.DB) error {
		for _, set := range []string{
			"SET enable_seqscan = off", "SET plan_cache_mode = force_generic_plan", "PREPARE it AS " + statement,
		} {
			if err := db.Exec(set).Error; err != nil {
				return err
			}
		}
		nulls := strings.TrimSuffix(strings.Repeat("NULL,", params), ",")
		if err := db.Raw("EXPLAIN EXECUTE it(" + nulls + ")").Scan(&plan).Error; err != nil {
			return err
		}
		return db.Exec("DEALLOCATE it").Error
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func explainSQLite(t *testing.T, db *gorm.DB, statement string) []string {
	t.Helper()
	args := make([]any, strings.Count(statement, "?"))
	var steps []struct{ Detail string }
	if err := db.Raw("EXPLAIN QUERY PLAN "+statement, args...).Scan(&steps).Error; err != nil {
		t.Fatal(err)
	}
	var plan []string
	for _, s := range steps {
		plan = append(plan, s.Detail)
	}
	return plan
}

func TestFB_33_AnAddressOfBeforeIsFoundAsOneOfNow(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg storage.Config) {
		ctx := t.Context()
		s := open(t, cfg)
		now := time.Now()
		addresses := map[string]string{"Ada@ACME.example": "ada@acme.example", `o'neil"x@acme.example`: `o'neil"x@acme.example`, "": ""}
		ids := map[string]authz.UserID{}
		for address := range addresses {
			ids[address] = authz.NewUserID()
			err := s.CreateUser(ctx, authz.User{ID: ids[address], Issuer: "up", Profile: authz.Profile{Name: "x", Email: address}, State: authz.Active, CreatedAt: now, UpdatedAt: now},
				authz.UpstreamIdentity{Issuer: "up", ConnectionID: "con_1", Side: authz.OIDCSide, Subject: string(ids[address]), UserID: ids[address], CreatedAt: now, LastLoginAt: now})
			if err != nil {
				t.Fatal(err)
			}
		}
		db := s.Writing(ctx)
		if err := db.Exec("UPDATE users SET email = ''").Error; err != nil { // as it was before the column
			t.Fatal(err)
		}
		text, err := storage.MigrationText(cfg.Driver, "held_emails")
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Exec(text).Error; err != nil {
			t.Fatal(err)
		}
		for address, want := range addresses {
			var got string
			if err := db.Raw("SELECT email FROM users WHERE id = ?", ids[address]).Scan(&got).Error; err != nil || got != want {
				t.Errorf("%s: %q %v, want %q", address, got, err, want)
			}
		}
	})
}

// What was not asked about its sessions is not asked from an update on.
func TestConnectionsOfBeforeAreAskedAboutTheirSessionsAsBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg storage.Config) {
		ctx := t.Context()
		s := open(t, cfg)
		now := time.Now()
		never, often := 0, 30
		offline := []string{"openid", "offline_access"}
		for id, c := range map[authz.ConnectionID]struct {
			had  *authz.OIDCUpstream
			with []string
			want *authz.OIDCUpstream
		}{
			"con_bare":  {nil, offline, &authz.OIDCUpstream{PollMinutes: &never}},
			"con_empty": {&authz.OIDCUpstream{}, offline, &authz.OIDCUpstream{PollMinutes: &never}},
			"con_claim": {
				&authz.OIDCUpstream{Require: map[string]string{"OIDC": "null", "poll_minutes": "\x00"}}, offline,
				&authz.OIDCUpstream{Require: map[string]string{"OIDC": "null", "poll_minutes": "\x00"}, PollMinutes: &never},
			},
			"con_words": {&authz.OIDCUpstream{Groups: []string{"g ✓"}}, offline, &authz.OIDCUpstream{Groups: []string{"g ✓"}, PollMinutes: &never}},
			"con_polls": {&authz.OIDCUpstream{PollMinutes: &often}, offline, &authz.OIDCUpstream{PollMinutes: &often}},
			"con_other": {nil, []string{"openid"}, nil},
		} {
			conn := authz.Connection{
				ID: id, Issuer: "up", WorkspaceID: "ws_1", Name: "x", UpstreamIssuer: "https://idp.example", Scopes: c.with, OIDC: c.had, State: authz.Active,
				CreatedAt: now, UpdatedAt: now, Numbers: authz.Numbers{AttemptMinutes: 20},
			}
			if err := s.PutConnection(ctx, conn); err != nil {
				t.Fatal(err)
			}
			// What it may be rolled back to, with texts that look like members.
			was := conn
			was.Name, was.Fallback.Routes = `"OIDC":null "poll_minutes":5 \`, []authz.Route{{Group: `{"OIDC":{`, Use: authz.OIDCSide}}
			if err := s.KeepConnectionRevision(ctx, authz.ConnectionRevision{Connection: was, Actor: "x", At: now}, 100); err != nil {
				t.Fatal(err)
			}
			text, err := storage.MigrationText(cfg.Driver, "connection_numbers")
			if err != nil {
				t.Fatal(err)
			}
			_, update, _ := strings.Cut(text, "UPDATE ")
			if err := s.Writing(ctx).Exec("UPDATE " + update).Error; err != nil {
				t.Fatal(err)
			}
			got, err := s.GetConnection(ctx, "up", "ws_1", id)
			if err != nil || !reflect.DeepEqual(got.OIDC, c.want) || got.Numbers != conn.Numbers {
				t.Errorf("%s: %+v %+v %v, want %+v", id, got.OIDC, got.Numbers, err, c.want)
			}
			kept, err := s.ListConnectionRevisions(ctx, "up", "ws_1", id, 10)
			if err != nil || len(kept) != 1 {
				t.Fatal(kept, err)
			}
			if r := kept[0].Connection; !reflect.DeepEqual(r.OIDC, c.want) || r.Name != was.Name || !reflect.DeepEqual(r.Fallback.Routes, was.Fallback.Routes) || r.PollEvery() != got.PollEvery() {
				t.Errorf("%s, rolled back: %+v, want %+v", id, r, c.want)
			}
		}
	})
}
