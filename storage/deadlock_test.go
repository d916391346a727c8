package storage_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
)

// GORM's cache of prepared statements once stood still when a write outside a
// transaction and one inside wanted to prepare the same statement on the one
// connection that writes.
func TestWritesInsideAndOutsideTransactionsDoNotWaitForEachOtherForever(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for range 8 {
		s, err := storage.Open(ctx, storage.Config{
			Driver: storage.SQLite, Path: filepath.Join(t.TempDir(), "g.db"), Clock: authz.SystemClock{}, AutoMigrate: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		entry := authz.AuditEntry{Issuer: "i", Type: "test", Result: authz.Success}
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if err := s.AppendAudit(ctx, entry); err != nil {
					t.Error(err)
				}
			})
			group.Go(func() {
				if err := s.InTx(ctx, func(ctx context.Context) error { return s.AppendAudit(ctx, entry) }); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
