package app

import (
	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/scope"
	"github.com/gatehouse-auth/gatehouse/config"
)

// scopes are those of the configuration file and those that were added.
func (a *App) scopes(name authz.IssuerName, cfg config.Issuer, outbox *event.Outbox) (*scope.Catalogue, error) {
	return scope.New(scope.Config{
		Issuer: name, BuiltIn: builtIn(cfg), Store: a.store, Outbox: outbox, Clock: a.clock, Epochs: a.epochs, Lease: a.lease,
	})
}

// builtIn are the scopes of the configuration file.
func builtIn(cfg config.Issuer) []authz.Scope {
	var all []authz.Scope
	for _, s := range cfg.OAuth.Scopes {
		all = append(all, authz.Scope{Kind: authz.ClientScope, Name: s.Name, Description: s.Description})
	}
	for _, s := range cfg.OAuth.KeyScopes {
		all = append(all, authz.Scope{
			Kind: authz.KeyScope, Name: s.Name, Description: s.Description, Aliases: s.Aliases, PeopleOnly: s.PeopleOnly, ExplicitOnly: s.ExplicitOnly,
		})
	}
	return all
}
