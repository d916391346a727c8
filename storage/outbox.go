package storage

import (
	"context"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type outboxRow struct {
	EventID     string
	Sink        string
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Type        string
	Body        []byte
	State       string // pending, dead
	Attempts    int
	NextAttempt time.Time
	LastError   string
	CreatedAt   time.Time
}

// TableName is the row's table.
func (outboxRow) TableName() string { return "outbox" }

func (r outboxRow) delivery() authz.Delivery {
	return authz.Delivery{
		Event: authz.Event{
			ID: r.EventID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Type: r.Type, Body: r.Body, CreatedAt: r.CreatedAt.UTC(),
		},
		Sink: r.Sink, Attempts: r.Attempts, NextAttempt: r.NextAttempt.UTC(),
	}
}

// AppendEvent stores an event once for every sink, due at once; within a
// transaction it commits with the act or not at all. An event without sinks is
// nobody's.
func (s *Store) AppendEvent(ctx context.Context, e authz.Event, sinks []string) error {
	if len(sinks) == 0 {
		return nil
	}
	rows := make([]outboxRow, len(sinks))
	for i, sink := range sinks {
		rows[i] = outboxRow{
			EventID: e.ID, Sink: sink, Issuer: e.Issuer, WorkspaceID: e.WorkspaceID, Type: e.Type, Body: e.Body,
			State: "pending", NextAttempt: utc(e.CreatedAt), CreatedAt: utc(e.CreatedAt),
		}
	}
	return failure(ctx, "appending an event", s.writer(ctx).Create(&rows).Error)
}

const (
	dueDeliveries = `SELECT event_id, sink FROM outbox WHERE state = 'pending' AND next_attempt <= ?
		ORDER BY next_attempt, created_at LIMIT ?`
	claim = `UPDATE outbox SET attempts = attempts + 1, next_attempt = ? WHERE (event_id, sink) IN (`

	claimOnSQLite   = claim + dueDeliveries + `)`
	claimOnPostgres = claim + dueDeliveries + ` FOR UPDATE SKIP LOCKED)`
	claimed         = ` RETURNING event_id, sink, issuer, workspace_id, type, body, attempts, next_attempt, created_at`
)

// ClaimDeliveries takes at most limit deliveries that are due at now and hides
// them from others for the visibility: whoever does not complete one in that
// time is taken to have died with it. Attempts counts this one.
func (s *Store) ClaimDeliveries(ctx context.Context, now time.Time, visibility time.Duration, limit int) ([]authz.Delivery, error) {
	hidden := utc(now.Add(visibility))
	var rows []outboxRow
	var err error
	if s.driver == SQLite {
		err = s.writer(ctx).Raw(claimOnSQLite+claimed, hidden, utc(now), limit).Scan(&rows).Error
	} else {
		err = s.writer(ctx).Raw(claimOnPostgres+claimed, hidden, utc(now), limit).Scan(&rows).Error
	}
	if err != nil {
		return nil, failure(ctx, "claiming deliveries", err)
	}
	return mapped(rows, outboxRow.delivery), nil
}

// CompleteDelivery forgets a delivery that arrived; twice is as good as once.
func (s *Store) CompleteDelivery(ctx context.Context, id, sink string) error {
	err := s.writer(ctx).Where("event_id = ? AND sink = ?", id, sink).Delete(&outboxRow{}).Error
	return failure(ctx, "completing a delivery", err)
}

// RetryDelivery makes a delivery due again at next.
func (s *Store) RetryDelivery(ctx context.Context, id, sink string, next time.Time, lastErr string) error {
	done := s.writer(ctx).Model(&outboxRow{}).Where("event_id = ? AND sink = ? AND state = 'pending'", id, sink).
		UpdateColumns(map[string]any{"next_attempt": utc(next), "last_error": shortened(lastErr)})
	return changed(ctx, "retrying a delivery", done, authz.ErrNotFound)
}

// BuryDelivery gives a delivery up. Its row stays, to be looked at.
func (s *Store) BuryDelivery(ctx context.Context, id, sink, lastErr string) error {
	done := s.writer(ctx).Model(&outboxRow{}).Where("event_id = ? AND sink = ? AND state = 'pending'", id, sink).
		UpdateColumns(map[string]any{"state": "dead", "last_error": shortened(lastErr)})
	return changed(ctx, "burying a delivery", done, authz.ErrNotFound)
}

// shortened keeps the first 500 bytes of what somebody else's server said, as
// text a database takes.
func shortened(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s[:min(len(s), 500)], ""), "\x00", "")
	return s
}
