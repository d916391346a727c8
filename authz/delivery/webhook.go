package delivery

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/delivery/envelope"
	"github.com/gatehouse-auth/gatehouse/authz/event"
)

// sealedType is the typ of the JWE, so that nothing else that is encrypted to the
// same key is taken for one.
const sealedType = "gatehouse-key+jwe"

// secretEvent is the data of the event that is sent to a webhook. Only jwe holds
// a secret, and only the customer opens it.
type secretEvent struct {
	KeyID            authz.KeyID            `json:"key_id"`
	PredecessorID    authz.KeyID            `json:"predecessor_id"`
	ServiceAccountID authz.ServiceAccountID `json:"service_account_id"`
	Environment      authz.Environment      `json:"environment"`
	Name             string                 `json:"name"`
	Prefix           string                 `json:"prefix"`
	DestinationID    authz.DestinationID    `json:"destination_id"`
	GraceUntil       string                 `json:"grace_until,omitempty"` // of the predecessor
	KID              string                 `json:"kid"`
	JWE              string                 `json:"jwe"`
}

// packEvent seals the content to the customer's key, inside the event that is
// sent.
func (d *Deliveries) packEvent(row *authz.KeyDelivery, to authz.Destination, old, next authz.APIKey, raw []byte) error {
	key, err := envelope.ParseKey(to.Target.JWK)
	if err != nil {
		return fmt.Errorf("reading the key of a destination: %w", err)
	}
	sealed, err := key.Seal(sealedType, raw)
	if err != nil {
		return err
	}
	e, err := event.New(next.Issuer, next.WorkspaceID, typeSecret, row.CreatedAt, secretEvent{
		KeyID: next.ID, PredecessorID: old.ID, ServiceAccountID: next.ServiceAccountID, Environment: next.Environment, Name: next.Name,
		Prefix: next.Prefix, DestinationID: to.ID, GraceUntil: stamp(old.EndsAt()), KID: key.ID(), JWE: sealed,
	})
	row.EventID, row.Payload = e.ID, e.Body
	return err
}

// normalKey replaces the key of a target by what is needed of it.
func normalKey(t *authz.DestinationTarget) error {
	key, err := envelope.ParseKey(t.JWK)
	if err != nil {
		return invalid("jwk", err.Error())
	}
	t.JWK, err = key.JSON()
	return err
}

// Webhooks posts events, signed (Standard Webhooks).
type Webhooks struct {
	// Client must refuse addresses nobody may reach from here (idp/outbound).
	Client *http.Client
	// CheckURL says whether a URL may be saved.
	CheckURL func(url string) error
	Clock    authz.Clock
}

var _ Carrier = Webhooks{}

// Check checks the URL: https, but for loopback addresses this server may reach.
func (w Webhooks) Check(t authz.DestinationTarget, s authz.DestinationSecrets) error {
	if t.URL == "" || w.CheckURL(t.URL) != nil {
		return invalid("url", "must be an https URL this server may talk to")
	}
	_, err := w.sink(t, s)
	return err
}

func (w Webhooks) sink(t authz.DestinationTarget, s authz.DestinationSecrets) (*event.Webhook, error) {
	secrets := make([]authz.Secret, len(s.Signing))
	for i, one := range s.Signing {
		secrets[i] = one.Text
	}
	return event.NewWebhook(event.WebhookConfig{URL: t.URL, Secrets: secrets, Client: w.Client, Clock: w.Clock})
}

// Carry posts the event.
func (w Webhooks) Carry(ctx context.Context, to authz.Destination, s authz.DestinationSecrets, id string, content []byte) error {
	sink, err := w.sink(to.Target, s)
	if err != nil {
		return err
	}
	return sink.Deliver(ctx, authz.Event{ID: id, Body: content})
}
