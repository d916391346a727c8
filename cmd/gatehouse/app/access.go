package app

import (
	"fmt"
	"os"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/access"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/policy"
	"github.com/gatehouse-auth/gatehouse/authz/scope"
)

// conditionalAccess keeps and asks the policies of an issuer.
func (a *App) conditionalAccess(name authz.IssuerName, scopes *scope.Catalogue, outbox *event.Outbox) (*access.Access, error) {
	return access.New(access.Config{
		Issuer: name, Store: a.store, Outbox: outbox, Clock: a.clock, Epochs: a.epochs, Lease: a.lease,
		Scopes:    scopes.Current,
		Retention: a.options.Config.ConditionalAccess.DecisionRetention, Regions: a.regions,
	})
}

// regionsOf reads the table of regions; nil where there is none.
func regionsOf(path string) (*policy.Regions, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // every region is unknown
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the table of regions (conditional_access.regions_file): %w", err)
	}
	defer func() { _ = f.Close() }()
	regions, err := policy.ParseRegions(f)
	if err != nil {
		return nil, fmt.Errorf("conditional_access.regions_file: %w", err)
	}
	return regions, nil
}
