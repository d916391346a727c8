package app

import (
	"context"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientdoc"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/authz/registration"
	"github.com/gatehouse-auth/gatehouse/authz/sector"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
)

// registrar lets clients register themselves; nil where they may not.
func (a *App) registrar(name authz.IssuerName, cfg config.Issuer, outbox *event.Outbox) (*registration.Registrar, error) {
	rules := cfg.OAuth.Registration
	if !rules.Enabled {
		return nil, nil //nolint:nilnil // the endpoint is not served
	}
	return registration.New(registration.Config{
		Issuer: name, URL: cfg.URL, Store: a.store, Hasher: a.hasher, Outbox: outbox, Clock: a.clock, Rules: a.clientRules(cfg), Sectors: a.sectors(),
		Scopes: rules.Scopes, MaxClients: rules.MaxClients, UnusedAfter: rules.UnusedAfter,
	})
}

// finders find the clients of an issuer: those with a row, and those with a
// document where the configuration accepts them.
type finders struct {
	clients   oauth.Clients
	documents oauth.Documents // nil where none are accepted
	purge     func(context.Context) (int64, error)
}

func (a *App) finders(name authz.IssuerName, cfg config.Issuer, callers *credential.Callers, outbox *event.Outbox) (finders, error) {
	rules := cfg.OAuth.ClientDocuments
	if !rules.Enabled {
		return finders{clients: callers}, nil
	}
	docs, err := clientdoc.New(clientdoc.Config{
		Issuer: name, Clients: callers, Store: a.store, Outbox: outbox, Clock: a.clock, Rules: a.clientRules(cfg), Sectors: a.sectors(),
		HTTP: a.strangers(clientdoc.MaxDocument), Scopes: rules.Scopes, MaxClients: rules.MaxClients,
	})
	if err != nil {
		return finders{}, err
	}
	return finders{clients: docs, documents: docs, purge: docs.Purge}, nil
}

// strangers asks addresses that anybody may have chosen, for so many bytes.
func (a *App) strangers(most int64) *http.Client {
	return outbound.NewClient(outbound.Config{
		AllowPrivate: a.options.Config.Outbound.AllowPrivate, Timeout: a.options.Config.Outbound.Timeout, MaxBody: most,
	})
}

// sectors prove which sector a client is of.
func (a *App) sectors() sector.Sites { return sector.Sites{HTTP: a.strangers(sector.MaxList)} }

// purgeClients ends clients that nobody of ours registered and nobody uses.
func (a *App) purgeClients(ctx context.Context, i *Issuer) {
	if i.Registrar != nil {
		_, err := i.Registrar.Purge(ctx)
		a.logFailure(ctx, "purging registered clients", err)
	}
	if i.finders.purge != nil {
		_, err := i.finders.purge(ctx)
		a.logFailure(ctx, "purging clients of documents", err)
	}
}
