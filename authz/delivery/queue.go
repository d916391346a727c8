package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/event"
)

// Queue is what the event dispatcher takes deliveries from. An event's id is that
// of the key.
type Queue struct{ d *Deliveries }

var (
	_ event.Store = Queue{}
	_ event.Sink  = (*Deliveries)(nil)
)

// Queue returns the queue of the issuer's deliveries.
func (d *Deliveries) Queue() Queue { return Queue{d} }

// ClaimDeliveries takes deliveries that are due.
func (q Queue) ClaimDeliveries(ctx context.Context, now time.Time, visibility time.Duration, limit int) ([]authz.Delivery, error) {
	rows, err := q.d.cfg.Store.ClaimKeyDeliveriesAcrossWorkspaces(ctx, q.d.cfg.Issuer, now, now.Add(visibility), limit)
	if err != nil {
		return nil, err
	}
	out := make([]authz.Delivery, len(rows))
	for i, r := range rows {
		out[i] = authz.Delivery{
			Event: authz.Event{ID: string(r.KeyID), Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Type: typeSecret, CreatedAt: r.CreatedAt},
			Sink:  q.d.Name(), Attempts: r.Attempts, NextAttempt: r.NextAttempt,
		}
	}
	return out, nil
}

// CompleteDelivery notes that a key arrived. From then on nobody can claim it: it
// was handed out once.
func (q Queue) CompleteDelivery(ctx context.Context, id, _ string) error {
	return q.finish(ctx, id, func(ctx context.Context, row authz.KeyDelivery, now time.Time) error {
		row.State, row.DeliveredAt, row.LastError = authz.DeliveryDelivered, now, ""
		moved, err := q.d.cfg.Store.FinishKeyDelivery(ctx, row)
		if err != nil || !moved {
			return err
		}
		if _, err := q.d.cfg.Store.ClaimKey(ctx, row.Issuer, row.WorkspaceID, row.KeyID, string(row.Destination), now, now); err != nil {
			return err
		}
		return q.d.record(ctx, entry(row, typeDelivered, authz.Success, now))
	})
}

// RetryDelivery puts a delivery off. That its destination was busy with others is
// no attempt.
func (q Queue) RetryDelivery(ctx context.Context, id, _ string, next time.Time, lastErr string) error {
	row, err := q.d.cfg.Store.GetKeyDeliveryAcrossWorkspaces(ctx, q.d.cfg.Issuer, authz.KeyID(id))
	if err != nil {
		return err
	}
	row.NextAttempt, row.LastError = next, lastErr
	if lastErr == errBusy.Error() {
		row.Attempts, row.NextAttempt = row.Attempts-1, q.d.cfg.Clock.Now().Add(busyPause)
	}
	return q.d.cfg.Store.PutOffKeyDelivery(ctx, row)
}

// BuryDelivery gives a delivery up, and tells.
func (q Queue) BuryDelivery(ctx context.Context, id, _ string, lastErr string) error {
	return q.finish(ctx, id, func(ctx context.Context, row authz.KeyDelivery, now time.Time) error {
		row.State, row.LastError = authz.DeliveryDead, lastErr
		moved, err := q.d.cfg.Store.FinishKeyDelivery(ctx, row)
		if err != nil || !moved {
			return err
		}
		return q.d.recordFailed(ctx, row, now)
	})
}

func (q Queue) finish(ctx context.Context, id string, end func(ctx context.Context, row authz.KeyDelivery, now time.Time) error) error {
	return q.d.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		row, err := q.d.cfg.Store.GetKeyDeliveryAcrossWorkspaces(ctx, q.d.cfg.Issuer, authz.KeyID(id))
		if errors.Is(err, authz.ErrNotFound) {
			return nil // it went with its key
		}
		if err != nil {
			return err
		}
		return end(ctx, row, q.d.cfg.Clock.Now())
	})
}

func entry(row authz.KeyDelivery, typ string, result authz.Result, now time.Time) authz.AuditEntry {
	return authz.AuditEntry{
		WorkspaceID: row.WorkspaceID, Time: now, Type: typ, Result: result, Actor: actor, Target: string(row.KeyID),
		Details: map[string]any{
			"destination_id": string(row.Destination), "predecessor_id": string(row.Predecessor), "attempts": row.Attempts,
		},
	}
}

func (d *Deliveries) recordFailed(ctx context.Context, row authz.KeyDelivery, now time.Time) error {
	e := entry(row, typeFailed, authz.Failed, now)
	e.Details["error"] = row.LastError
	return d.record(ctx, e)
}
