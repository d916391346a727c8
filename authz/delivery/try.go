package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/delivery/envelope"
	"github.com/gatehouse-auth/gatehouse/authz/event"
)

// testType is the typ of the JWE of a test: what holds no key is not taken for
// one that does.
const testType = "gatehouse-key-test+jwe"

// testEvent is the data of an event that tries a webhook out.
type testEvent struct {
	DestinationID authz.DestinationID `json:"destination_id"`
	Name          string              `json:"name"`
	KID           string              `json:"kid"`
	JWE           string              `json:"jwe"`
}

// errBusyNow answers who tries out what is at work.
var errBusyNow = authz.NewError(authz.Conflict, "destination_busy", "As many deliveries as it takes are on their way there; try again.")

// Try asks a destination whether it would take a key, in the way keys are brought
// there and under the same guards, and brings none. What it found wrong is the
// reason, without anything that the other side wrote; "" for nothing.
func (d *Deliveries) Try(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.DestinationID) (reason string, err error) {
	if err := d.mayAct(by, ws); err != nil {
		return "", err
	}
	to, err := d.cfg.Store.GetDestination(ctx, d.cfg.Issuer, ws, id)
	if err != nil {
		return "", err
	}
	if !d.enter(to.ID) {
		return "", errBusyNow
	}
	defer d.leave(to.ID)
	err = d.try(ctx, to)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	result := authz.Success
	if err != nil {
		reason, result = err.Error(), authz.Failed
	}
	return reason, d.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
		Issuer: d.cfg.Issuer, WorkspaceID: to.WorkspaceID, AccountID: by.AccountID, Time: d.cfg.Clock.Now(), Type: typeTested, Result: result,
		Actor: by.Subject, Target: string(to.ID), Details: map[string]any{"name": to.Name, "kind": string(to.Kind), "error": reason},
	}.From(authz.OriginFrom(ctx)))
}

func (d *Deliveries) try(ctx context.Context, to authz.Destination) error {
	carrier := d.cfg.Carriers[to.Kind]
	if carrier == nil {
		return fmt.Errorf("nobody here delivers to %s", to.Kind)
	}
	secrets, err := d.openSecrets(to)
	if err != nil {
		return errors.New("its secrets could not be opened")
	}
	return carrier.Try(ctx, to, secrets)
}

// sample is the event that tries a webhook out.
func (w Webhooks) sample(to authz.Destination) (authz.Event, error) {
	key, err := envelope.ParseKey(to.Target.JWK)
	if err != nil {
		return authz.Event{}, errors.New("its public key could not be read")
	}
	raw, err := json.Marshal(map[string]string{"destination_id": string(to.ID)})
	if err != nil {
		return authz.Event{}, err
	}
	sealed, err := key.Seal(testType, raw)
	if err != nil {
		return authz.Event{}, errors.New("nothing could be encrypted to its public key")
	}
	return event.New(to.Issuer, to.WorkspaceID, typeTest, w.Clock.Now(), testEvent{DestinationID: to.ID, Name: to.Name, KID: key.ID(), JWE: sealed})
}

// Try posts an event that holds no key.
func (w Webhooks) Try(ctx context.Context, to authz.Destination, s authz.DestinationSecrets) error {
	sink, err := w.sink(to.Target, s)
	if err != nil {
		return err
	}
	e, err := w.sample(to)
	if err != nil {
		return err
	}
	return sink.Deliver(ctx, e)
}
