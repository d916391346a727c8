package storage_test

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// Whoever gave up before they came is not served.
func TestACallerWhoGaveUpBeforeIsNotServed(t *testing.T) {
	s := open(t, onSQLite(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// Others keep the writer awake: it takes what comes at once.
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for range 8 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := s.InTx(t.Context(), func(context.Context) error { return nil }); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	defer busy.Wait()
	defer close(stop)
	ran := 0
	for range 20_000 {
		err := s.InTx(ctx, func(context.Context) error { ran++; return nil })
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	}
	if ran > 0 {
		t.Errorf("%d transactions that nobody waited for were run", ran)
	}
}
