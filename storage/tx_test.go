package storage_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
)

func TestTransactionsThatDeadlockAreRunAgain(t *testing.T) {
	cfg := onPostgres(t)
	cfg.DSN = with(t, cfg.DSN, "deadlock_timeout", "10ms")
	s := open(t, cfg)
	a, b := account(t, s), account(t, s)

	var runs, both sync.WaitGroup
	both.Add(2)
	attempts := make([]int, 2)
	for i, order := range [][]authz.NodeRef{{a, b}, {b, a}} {
		runs.Go(func() {
			err := s.InTx(t.Context(), func(ctx context.Context) error {
				attempts[i]++
				if _, err := s.KillNode(ctx, "up", "", order[0], authz.Suspended); err != nil {
					return err
				}
				if attempts[i] == 1 { // each holds what the other wants
					both.Done()
					both.Wait()
				}
				_, err := s.KillNode(ctx, "up", "", order[1], authz.Suspended)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	runs.Wait()
	if attempts[0]+attempts[1] < 3 {
		t.Fatalf("%v attempts: there was no deadlock", attempts)
	}
	lineage, err := s.Lineage(t.Context(), []authz.NodeRef{a, b})
	if err != nil || lineage.Sum() != 2 {
		t.Fatalf("after all: %v, %v", lineage, err)
	}
}

func TestRetriesAreBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg storage.Config) {
		s := open(t, cfg)
		runs := 0
		err := s.InTx(t.Context(), func(context.Context) error {
			runs++
			return &pgconn.PgError{Code: "40001"}
		})
		if _, ok := errors.AsType[*pgconn.PgError](err); !ok || runs < 2 || runs > 10 {
			t.Fatalf("%d runs, then %v", runs, err)
		}
	})
}

func unavailable(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*authz.Error](err)
	if !ok || e.Kind != authz.Unavailable || e.Code != "temporarily_unavailable" || e.RetryAfter <= 0 {
		t.Fatalf("got %v, want unavailable", err)
	}
}

func TestADatabaseThatIsAwayIsUnavailable(t *testing.T) {
	nobody := storage.Config{Driver: storage.Postgres, DSN: "postgres://u:hunter2@127.0.0.1:1/db", Clock: authz.SystemClock{}}
	_, err := storage.Open(t.Context(), nobody)
	unavailable(t, err)

	s := open(t, onPostgres(t))
	const others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
	err = s.InTx(t.Context(), func(ctx context.Context) error {
		var n int
		if err := s.Writing(t.Context()).Raw(others).Row().Scan(&n); err != nil || n == 0 {
			t.Fatalf("%d connections were cut, %v", n, err)
		}
		return s.AppendAudit(ctx, authz.AuditEntry{Issuer: "up", Type: "x"})
	})
	unavailable(t, err)
	account(t, s) // and back
}

func TestAFullDiskRefusesWritesAndStillReads(t *testing.T) {
	s := open(t, onSQLite(t))
	ref := account(t, s)
	full := func(pages string) {
		t.Helper()
		var n int
		if err := s.Writing(t.Context()).Raw("PRAGMA max_page_count = " + pages).Row().Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	full("1") // which SQLite takes as: no page more than there are
	big := authz.AuditEntry{Issuer: "up", Type: "x", Details: map[string]any{"x": string(make([]byte, 1<<16))}}
	unavailable(t, s.AppendAudit(t.Context(), big))
	if _, err := s.GetAccount(t.Context(), "up", authz.AccountID(ref.ID)); err != nil {
		t.Fatal(err)
	}
	if err := kill(t.Context(), s, ref); err != nil { // a revocation fits in where rows are
		t.Fatal(err)
	}
	full("1000000")
	if err := s.AppendAudit(t.Context(), big); err != nil {
		t.Fatal(err)
	}
}
