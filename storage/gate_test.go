package storage_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
)

const crowd = 3000

// crowded has a crowd ask something that has to wait, and returns once nobody
// more is refused at once; all waits for the rest of them.
func crowded(t *testing.T, s *storage.Store, ask func() error) (inside int64, all func()) {
	t.Helper()
	var group sync.WaitGroup
	var refused, done atomic.Int64
	for range crowd {
		group.Go(func() {
			err := ask()
			done.Add(1)
			if err == nil {
				return
			}
			e, ok := errors.AsType[*authz.Error](err)
			if !ok || e.Kind != authz.Unavailable || e.RetryAfter <= 0 {
				t.Errorf("a refusal: %v", err)
			}
			refused.Add(1)
		})
	}
	for crowd-done.Load() > storage.MaxQueue+storage.MaxTogether {
		if n := s.Waiting(); n > storage.MaxQueue+crowd/100 { // some are just finding out
			t.Errorf("%d wait", n)
			break
		}
		runtime.Gosched()
	}
	if refused.Load() == 0 {
		t.Error("nobody was refused")
	}
	return crowd - done.Load(), group.Wait
}

// A database that does not answer is waited for by so many and no more, however
// many ask; whoever keeps the node's trust in what it remembers goes ahead.
func TestDS_10_OnlySoManyWaitForADatabaseThatIsSlow(t *testing.T) {
	cfg := onPostgres(t)
	s := open(t, cfg)
	blocker := open(t, cfg).Writing(t.Context()).Begin()
	if err := blocker.Exec("LOCK TABLE workspaces IN ACCESS EXCLUSIVE MODE").Error; err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // as a request's
	defer cancel()
	_, pos, err := s.NodeEventsSince(ctx, storage.EventPosition{})
	if err != nil {
		t.Fatal(err)
	}
	inside, all := crowded(t, s, func() error {
		_, err := s.GetWorkspace(ctx, "i", "ws")
		if errors.Is(err, authz.ErrNotFound) {
			return nil
		}
		return err
	})
	t.Logf("%d of %d waited", inside, crowd)
	if err := s.Ping(ctx); err != nil {
		t.Errorf("a sign of life: %v", err)
	}
	if _, _, err := s.NodeEventsSince(ctx, pos); err != nil {
		t.Errorf("what moved: %v", err)
	}
	err = s.InTx(ctx, func(context.Context) error { return nil })
	if authz.KindOf(err) != authz.Unavailable {
		t.Errorf("a transaction more: %v", err)
	}
	if err := blocker.Rollback().Error; err != nil {
		t.Fatal(err)
	}
	all()
	if _, err := s.GetWorkspace(ctx, "i", "ws"); !errors.Is(err, authz.ErrNotFound) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestDS_10_OnlySoManyWaitForAWriterThatIsSlow(t *testing.T) {
	s := open(t, onSQLite(t))
	begun, release := make(chan struct{}), make(chan struct{})
	var busy sync.WaitGroup
	busy.Go(func() {
		if err := s.InTx(t.Context(), func(context.Context) error { close(begun); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-begun
	inside, all := crowded(t, s, func() error { return s.InTx(t.Context(), func(context.Context) error { return nil }) })
	t.Logf("%d of %d waited", inside, crowd)
	if _, err := s.GetWorkspace(t.Context(), "i", "ws"); !errors.Is(err, authz.ErrNotFound) {
		t.Errorf("reading meanwhile: %v", err)
	}
	all() // nobody waits longer than three seconds for a turn
	close(release)
	busy.Wait()
	s.AwaitNoLine()
	if err := s.InTx(t.Context(), func(context.Context) error { return nil }); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
