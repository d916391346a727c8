package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
)

// upstreams verifies the tokens of workloads: one set of keys per issuer, known
// from the configuration.
type upstreams map[string]*oidc.Issuer

// Verify returns the payload that a key of the issuer signed.
func (u upstreams) Verify(ctx context.Context, issuer, compact string) ([]byte, error) {
	known, ok := u[issuer]
	if !ok {
		return nil, errors.New("app: no such upstream issuer")
	}
	payload, err := known.Verify(ctx, compact)
	switch idp.ReasonOf(err) {
	case idp.ReasonUnavailable, idp.ReasonBlocked, idp.ReasonMetadata, idp.ReasonIssuerMismatch, idp.ReasonTooLarge:
		return nil, authz.NewError(authz.Unavailable, "temporarily_unavailable", "The keys of the token's issuer cannot be had; try again.").Because(err)
	}
	return payload, err
}

// upstreamsOf makes an issuer of each that the workloads name.
func (a *App) upstreamsOf(workloads []config.WorkloadIdentity) (upstreams, error) {
	all := upstreams{}
	for _, w := range workloads {
		if all[w.Issuer] != nil {
			continue
		}
		issuer, err := oidc.NewIssuer(oidc.IssuerConfig{Issuer: w.Issuer, HTTP: a.outside, Now: a.clock.Now})
		if err != nil {
			return nil, err
		}
		all[w.Issuer] = issuer
	}
	return all, nil
}

// workloads finds what the rules of the configuration map to. As with
// connections, one node goes after the other.
func (a *App) workloads(ctx context.Context, name authz.IssuerName, cfg config.Issuer) (found []oauth.Workload, err error) {
	if len(cfg.OAuth.WorkloadIdentities) == 0 {
		return nil, nil
	}
	err = a.alone(ctx, "configuration of "+string(name), func() error {
		found = nil
		for n, w := range cfg.OAuth.WorkloadIdentities {
			rule, err := a.workload(ctx, name, cfg, w)
			if err != nil {
				return fmt.Errorf("oauth.workload_identities[%d]: %w", n, err)
			}
			found = append(found, rule)
		}
		return nil
	})
	return found, err
}

func (a *App) workload(ctx context.Context, name authz.IssuerName, cfg config.Issuer, w config.WorkloadIdentity) (oauth.Workload, error) {
	ws, err := a.workspaceNamed(ctx, name, w.Workspace)
	if err != nil {
		return oauth.Workload{}, fmt.Errorf("workspace: %w", err)
	}
	service, err := a.serviceAccountNamed(ctx, ws, w.ServiceAccount)
	if err != nil {
		return oauth.Workload{}, fmt.Errorf("service_account: %w", err)
	}
	rule := oauth.Workload{
		Name: w.Name, Issuer: w.Issuer, Audience: w.Audience, Claims: w.Claims, WorkspaceID: ws.ID, AccountID: ws.AccountID,
		ServiceAccountID: service.ID, Environment: authz.Environment(w.Environment), Scopes: w.Scopes, Resources: w.Resources, TTL: w.TTL,
	}
	if rule.Audience == "" {
		rule.Audience = cfg.URL
	}
	return rule, nil
}

// serviceAccountNamed finds a service account by id or name; one that is named
// and does not exist is created.
func (a *App) serviceAccountNamed(ctx context.Context, ws authz.Workspace, named string) (authz.ServiceAccount, error) {
	if strings.HasPrefix(named, "sa_") {
		return a.store.GetServiceAccount(ctx, ws.Issuer, ws.ID, authz.ServiceAccountID(named))
	}
	found, err := a.store.ServiceAccountByName(ctx, ws.Issuer, ws.ID, named)
	if !errors.Is(err, authz.ErrNotFound) {
		return found, err
	}
	return a.createServiceAccount(ctx, ws, named, a.clock.Now())
}

func (a *App) createServiceAccount(ctx context.Context, ws authz.Workspace, named string, now time.Time) (authz.ServiceAccount, error) {
	service := authz.ServiceAccount{
		ID: authz.NewServiceAccountID(), Issuer: ws.Issuer, WorkspaceID: ws.ID, Name: named, State: authz.Active, CreatedAt: now,
	}
	err := a.store.InTx(ctx, func(ctx context.Context) error {
		return errors.Join(a.store.CreateServiceAccount(ctx, service), a.store.AppendAudit(ctx, authz.AuditEntry{
			Issuer: ws.Issuer, WorkspaceID: ws.ID, AccountID: ws.AccountID, Time: now, Type: "service_account.created", Result: authz.Success,
			Actor: "configuration", Target: string(service.ID),
		}))
	})
	return service, err
}
