package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// shortest is the least time a text is kept for its destination: a key that was
// cut off at once is brought all the same.
const shortest = 72 * time.Hour

// content is what is brought. Every member is a text, so that it fits into any
// store of secrets.
type content struct {
	Key              string `json:"key"`
	KeyID            string `json:"key_id"`
	PredecessorID    string `json:"predecessor_id"`
	ServiceAccountID string `json:"service_account_id"`
	WorkspaceID      string `json:"workspace_id"`
	Environment      string `json:"environment"`
	Issuer           string `json:"issuer"`
	CreatedAt        string `json:"created_at"`
}

// Exists checks that a workspace has a destination to bring keys to.
func (d *Deliveries) Exists(ctx context.Context, ws authz.WorkspaceID, id authz.DestinationID) error {
	_, err := d.cfg.Store.GetDestination(ctx, d.cfg.Issuer, ws, id)
	return err
}

// Enqueue encrypts the text of a key that replaced another, and stores it for
// the old one's destination. It belongs into the transaction that replaces the
// key. That the destination is gone is no reason not to replace a key: it is
// written down, and the old key can claim the text.
func (d *Deliveries) Enqueue(ctx context.Context, old, next authz.APIKey, text authz.Secret, now time.Time) error {
	if old.Delivery == "" {
		return nil
	}
	row := authz.KeyDelivery{
		KeyID: next.ID, Issuer: next.Issuer, WorkspaceID: next.WorkspaceID, Predecessor: old.ID, Destination: old.Delivery,
		EventID: authz.NewEventID(now), State: authz.DeliveryPending, NextAttempt: now, CreatedAt: now, ExpiresAt: now.Add(shortest),
	}
	if end := old.EndsAt(); end.After(row.ExpiresAt) {
		row.ExpiresAt = end
	}
	to, err := d.cfg.Store.GetDestination(ctx, d.cfg.Issuer, next.WorkspaceID, old.Delivery)
	switch {
	case errors.Is(err, authz.ErrNotFound):
		row.State, row.LastError = authz.DeliveryDead, "the destination is gone"
		if err := d.recordFailed(ctx, row, now); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		if err := d.pack(&row, to, old, next, text); err != nil {
			return err
		}
	}
	return d.cfg.Store.CreateKeyDelivery(ctx, row)
}

// pack makes what is stored: for a webhook what is sent, which the customer's key
// alone opens; for a store of secrets the content, which ours does.
func (d *Deliveries) pack(row *authz.KeyDelivery, to authz.Destination, old, next authz.APIKey, text authz.Secret) error {
	raw, err := json.Marshal(content{
		Key: text.Reveal(), KeyID: string(next.ID), PredecessorID: string(old.ID), ServiceAccountID: string(next.ServiceAccountID),
		WorkspaceID: string(next.WorkspaceID), Environment: string(next.Environment), Issuer: string(next.Issuer),
		CreatedAt: stamp(next.CreatedAt),
	})
	if err != nil {
		return fmt.Errorf("rendering what is delivered: %w", err)
	}
	if to.Kind == authz.WebhookDestination {
		return d.packEvent(row, to, old, next, raw)
	}
	row.Payload, err = d.cfg.Sealer.Seal(contentPurpose, string(next.ID), raw)
	return err
}

// stamp is RFC 3339 in UTC with milliseconds; empty for the zero time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
