package delivery

import (
	"context"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var errNothing = authz.NewError(authz.Conflict, "nothing_to_deliver",
	"It was delivered, or its time is over. Rotate the key again where it did not arrive.")

// Of returns how far the delivery of a workspace's key is, or ErrNotFound where it
// was brought nowhere.
func (d *Deliveries) Of(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.KeyID) (authz.KeyDelivery, error) {
	if err := d.may(by, ws); err != nil {
		return authz.KeyDelivery{}, err
	}
	row, err := d.cfg.Store.GetKeyDelivery(ctx, d.cfg.Issuer, ws, id)
	row.Payload = nil // nobody else's affair
	return row, err
}

// Repeat makes the delivery of a key due at once, with all its attempts: after
// whatever was wrong was mended.
func (d *Deliveries) Repeat(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.KeyID) (authz.KeyDelivery, error) {
	if err := d.may(by, ws); err != nil {
		return authz.KeyDelivery{}, err
	}
	err := d.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		row, err := d.cfg.Store.GetKeyDelivery(ctx, d.cfg.Issuer, ws, id)
		if err != nil {
			return err
		}
		if err := d.mayAct(by, ws); err != nil {
			return err
		}
		now := d.cfg.Clock.Now()
		moved, err := d.cfg.Store.RepeatKeyDelivery(ctx, d.cfg.Issuer, ws, id, now)
		if err != nil {
			return err
		}
		if !moved {
			return errNothing
		}
		e := entry(row, typeRepeated, authz.Success, now)
		e.Actor, e.AccountID = by.Subject, by.AccountID
		return d.record(ctx, e)
	})
	if err != nil {
		return authz.KeyDelivery{}, fmt.Errorf("repeating a delivery: %w", err)
	}
	return d.Of(ctx, by, ws, id)
}
