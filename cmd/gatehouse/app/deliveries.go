package app

import (
	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/delivery"
	"github.com/gatehouse-auth/gatehouse/authz/delivery/awssecrets"
	"github.com/gatehouse-auth/gatehouse/authz/delivery/vault"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
)

// How the texts of new keys are carried: for one to two days, which is well
// inside the grace of the old key.
const (
	deliveriesAtOnce = 16
	deliveryAttempts = 24
)

// deliver makes what brings the texts of an issuer's new keys to where they are
// used.
func (a *App) deliver(i *Issuer, name authz.IssuerName, outbox *event.Outbox) (err error) {
	i.Deliveries, err = delivery.New(delivery.Config{
		Issuer: name, Store: a.store, Outbox: outbox, Sealer: a.keyring, Clock: a.clock, Carriers: Carriers(a.options.Config, a.clock),
	})
	if err != nil {
		return err
	}
	i.carrying, err = event.NewDispatcher(event.Config{
		Store: i.Deliveries.Queue(), Sinks: []event.Sink{i.Deliveries}, Clock: a.clock, Logger: a.options.Logger,
		Concurrency: deliveriesAtOnce, MaxAttempts: deliveryAttempts,
	})
	return err
}

// Carriers reach the kinds of destinations there are.
func Carriers(cfg config.Config, clock authz.Clock) map[authz.DestinationKind]delivery.Carrier {
	client := outbound.NewClient(outbound.Config{
		AllowPrivate: cfg.Outbound.AllowPrivate, Timeout: cfg.Outbound.Timeout, MaxBody: cfg.Outbound.MaxBodyBytes,
	})
	allowed := func(url string) error { return outbound.CheckURL(url, cfg.Outbound.AllowPrivate...) }
	return map[authz.DestinationKind]delivery.Carrier{
		authz.WebhookDestination: delivery.Webhooks{Client: client, CheckURL: allowed, Clock: clock},
		authz.VaultDestination:   vault.Carrier{Client: client, CheckURL: allowed},
		authz.AWSDestination:     awssecrets.Carrier{Client: client, CheckURL: allowed},
	}
}
