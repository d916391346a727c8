package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/event"
)

const (
	// atOnce bounds what is on its way to one destination: one that does not
	// answer holds up nobody else's.
	atOnce = 4
	// busyPause is when a delivery is tried again that found its destination busy.
	busyPause = 15 * time.Second
)

// Reasons to give a delivery up.
var (
	errEnded = errors.New("the key was revoked, replaced or has expired")
	errLate  = errors.New("its time is over")
	errGone  = errors.New("the destination is gone")
)

// Reasons to wait.
var (
	errBusy      = errors.New("the destination is busy")
	errDisabled  = errors.New("the destination is disabled")
	errSuspended = errors.New("the workspace or the service account is suspended")
)

// Name is the name of the sink.
func (d *Deliveries) Name() string { return "key-delivery/" + string(d.cfg.Issuer) }

// Deliver brings a key, named by the id of the event, to its destination as both
// are now.
func (d *Deliveries) Deliver(ctx context.Context, e authz.Event) error {
	row, err := d.cfg.Store.GetKeyDelivery(ctx, d.cfg.Issuer, e.WorkspaceID, authz.KeyID(e.ID))
	if err != nil {
		return err
	}
	if row.State != authz.DeliveryPending {
		return nil // somebody else brought it
	}
	key, err := d.standing(ctx, row)
	if err != nil {
		return err
	}
	to, err := d.cfg.Store.GetDestination(ctx, d.cfg.Issuer, row.WorkspaceID, row.Destination)
	switch {
	case errors.Is(err, authz.ErrNotFound):
		return &event.Failure{Permanent: true, Err: errGone}
	case err != nil:
		return err
	case to.State != authz.Active:
		return errDisabled
	}
	if !d.enter(to.ID) {
		return errBusy
	}
	defer d.leave(to.ID)
	return d.carry(ctx, to, row, key)
}

// standing is the key that is brought, if there is still sense in it.
func (d *Deliveries) standing(ctx context.Context, row authz.KeyDelivery) (authz.APIKey, error) {
	now := d.cfg.Clock.Now()
	if !now.Before(row.ExpiresAt) || row.Payload == nil {
		return authz.APIKey{}, &event.Failure{Permanent: true, Err: errLate}
	}
	key, lineage, err := d.cfg.Store.GetAPIKeyAcrossWorkspaces(ctx, d.cfg.Issuer, row.KeyID)
	switch {
	case errors.Is(err, authz.ErrNotFound):
		return key, &event.Failure{Permanent: true, Err: errEnded}
	case err != nil:
		return key, err
	// A key that was replaced in its turn must not be put in the place of its
	// successor.
	case key.State == authz.Revoked || key.StatusAt(now) == authz.StatusExpired || key.Successor != "":
		return key, &event.Failure{Permanent: true, Err: errEnded}
	case key.State != authz.Disabled && !lineage.Usable():
		return key, errSuspended
	}
	return key, nil
}

func (d *Deliveries) carry(ctx context.Context, to authz.Destination, row authz.KeyDelivery, key authz.APIKey) error {
	carrier := d.cfg.Carriers[to.Kind]
	if carrier == nil {
		return fmt.Errorf("nobody here delivers to %s", to.Kind)
	}
	secrets, err := d.openSecrets(to)
	if err != nil {
		return err
	}
	content := row.Payload
	if to.Kind != authz.WebhookDestination {
		if content, err = d.cfg.Sealer.Open(contentPurpose, string(row.KeyID), row.Payload); err != nil {
			return fmt.Errorf("opening what is delivered: %w", err)
		}
	}
	to.Target = to.Target.For(key.ServiceAccountID, key.Environment)
	return carrier.Carry(ctx, to, secrets, row.EventID, content)
}

func (d *Deliveries) enter(id authz.DestinationID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy[id] >= atOnce {
		return false
	}
	d.busy[id]++
	return true
}

func (d *Deliveries) leave(id authz.DestinationID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy[id]--; d.busy[id] <= 0 {
		delete(d.busy, id)
	}
}
