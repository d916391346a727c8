package event_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// memory keeps deliveries as the outbox table does, where fake time reaches it.
type memory struct {
	mu   sync.Mutex
	rows []*row
	away bool
}

type row struct {
	authz.Delivery
	state, lastErr string
	settled        time.Time
}

func (m *memory) add(t *testing.T, e authz.Event, sinks ...string) {
	t.Helper()
	if err := m.AppendEvent(t.Context(), e, sinks); err != nil {
		t.Fatal(err)
	}
}

func (m *memory) AppendEvent(_ context.Context, e authz.Event, sinks []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, sink := range sinks {
		m.rows = append(m.rows, &row{Delivery: authz.Delivery{Event: e, Sink: sink, NextAttempt: time.Now()}, state: "pending"})
	}
	return nil
}

func (m *memory) ClaimDeliveries(_ context.Context, now time.Time, visibility time.Duration, limit int) ([]authz.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return nil, errors.New("the store is away")
	}
	slices.SortStableFunc(m.rows, func(a, b *row) int { return a.NextAttempt.Compare(b.NextAttempt) })
	var claimed []authz.Delivery
	for _, r := range m.rows {
		if r.state != "pending" || r.NextAttempt.After(now) || len(claimed) == limit {
			continue
		}
		r.Attempts++
		r.NextAttempt = now.Add(visibility)
		claimed = append(claimed, r.Delivery)
	}
	return claimed, nil
}

func (m *memory) CompleteDelivery(_ context.Context, id, sink string) error {
	return m.settle(id, sink, func(r *row) { r.state = "done" })
}

func (m *memory) RetryDelivery(_ context.Context, id, sink string, next time.Time, lastErr string) error {
	return m.settle(id, sink, func(r *row) { r.NextAttempt, r.lastErr = next, lastErr })
}

func (m *memory) BuryDelivery(_ context.Context, id, sink, lastErr string) error {
	return m.settle(id, sink, func(r *row) { r.state, r.lastErr = "dead", lastErr })
}

func (m *memory) settle(id, sink string, change func(*row)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r.ID == id && r.Sink == sink {
			change(r)
			r.settled = time.Now()
			return nil
		}
	}
	return authz.ErrNotFound
}

func (m *memory) count(sink, state string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, r := range m.rows {
		if r.Sink == sink && r.state == state {
			n++
		}
	}
	return n
}

func (m *memory) only() row {
	m.mu.Lock()
	defer m.mu.Unlock()
	return *m.rows[0]
}
