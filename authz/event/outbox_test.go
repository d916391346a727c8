package event_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/storage"
)

func TestWhatCommitsIsDeliveredAndWhatIsRolledBackIsNot(t *testing.T) {
	clock := authz.SystemClock{}
	store, err := storage.Open(t.Context(), storage.Config{
		Driver: storage.SQLite, Path: filepath.Join(t.TempDir(), "gatehouse.db"), Clock: clock, AutoMigrate: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	arrived := make(chan posted, 4)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		arrived <- posted{
			r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), r.Header.Get("webhook-signature"),
			r.Header.Get("Content-Type"), body,
		}
	}))
	defer server.Close()
	secret := secretOf('s', 32)
	sink := webhook(t, server.URL, clock, secret)
	outbox, err := event.NewOutbox("uptimepulse", store, []string{sink.Name()})
	if err != nil {
		t.Fatal(err)
	}
	d, err := event.NewDispatcher(event.Config{
		Store: store, Sinks: []event.Sink{sink}, Clock: clock, Logger: slog.New(slog.DiscardHandler), Interval: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.Run(ctx)
	}()
	act := func(name string, then error) {
		err := store.InTx(ctx, func(ctx context.Context) error {
			if err := outbox.Append(ctx, "ws_1", name, clock.Now(), nil); err != nil {
				return err
			}
			return then
		})
		if !errors.Is(err, then) {
			t.Fatal(err)
		}
		d.Wake()
	}
	act("rolled.back", errors.New("no"))
	act("committed.one", nil)
	if p := <-arrived; !p.verifies(secret, time.Now()) || !bytes.Contains(p.body, []byte(`"type":"committed.one"`)) {
		t.Errorf("arrived: %s", p.body)
	}
	cancel()
	<-done
	left, err := store.ClaimDeliveries(t.Context(), clock.Now().Add(24*time.Hour), time.Minute, 10)
	if err != nil || len(left) != 0 || len(arrived) != 0 {
		t.Errorf("%d deliveries left, %d more arrived, %v", len(left), len(arrived), err)
	}
}
