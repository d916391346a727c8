package apikey

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// bootstrap is who made what nobody signed in could have made.
const bootstrap = "bootstrap"

// OperatorRequest is what bootstrap asks for.
type OperatorRequest struct {
	Name        string
	Environment authz.Environment // empty means live
	// Scopes empty means every "manage:" scope of the catalogue.
	Scopes []string
	// ExpiresAt is when the key ends; zero for never.
	ExpiresAt time.Time
	// DelegationEndsAt is when the key stops minting others; zero for never.
	DelegationEndsAt time.Time
	// MadeBy is the operator who asks; empty means that bootstrap does.
	MadeBy string
}

// MintOperator creates a platform key with the bootstrap delegation: it mints
// keys in every workspace of the issuer, with every scope not for people only.
// It asks nobody: whoever can call it owns the deployment.
func (k *Keys) MintOperator(ctx context.Context, from authz.Origin, o OperatorRequest) (authz.APIKey, authz.Secret, error) {
	now := k.cfg.Clock.Now()
	r, err := k.operatorRequest(ctx, o, now)
	if err != nil {
		return authz.APIKey{}, "", err
	}
	by := authz.Principal{Issuer: k.cfg.Issuer, Subject: cmp.Or(o.MadeBy, bootstrap)}
	key, text, err := k.draft(ctx, by, r, now)
	if err != nil {
		return authz.APIKey{}, "", err
	}
	err = k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if _, err := k.settle(ctx, authz.Principal{}, key, r); err != nil {
			return err
		}
		return k.record(ctx, by, from, typeCreated, now, key)
	})
	if err != nil {
		return authz.APIKey{}, "", fmt.Errorf("minting an operator key: %w", err)
	}
	return k.shown(key, authz.KeyPolicy{}), text, nil
}

func (k *Keys) operatorRequest(ctx context.Context, o OperatorRequest, now time.Time) (Request, error) {
	r := Request{
		Name: strings.TrimSpace(o.Name), Environment: o.Environment, Scopes: o.Scopes, Tier: k.cfg.DefaultTier,
		ExpiresAt: whole(o.ExpiresAt), Delegation: &authz.Delegation{Scopes: []string{wildcard}, ExpiresAt: o.DelegationEndsAt},
	}
	if r.Environment == "" {
		r.Environment = authz.Live
	}
	known, err := k.cfg.Scopes(ctx)
	if err != nil {
		return r, err
	}
	if len(r.Scopes) == 0 {
		r.Scopes = managing(known)
	}
	switch {
	case !validName(r.Name):
		return r, invalid("name", "must be 1 to 100 printable characters")
	case r.Environment != authz.Live && r.Environment != authz.Test:
		return r, invalid("environment", `must be "live" or "test"`)
	case !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(now):
		return r, errExpiry
	case !o.DelegationEndsAt.IsZero() && !o.DelegationEndsAt.After(now):
		return r, invalid("delegation.expires_at", "must lie in the future")
	}
	return r, validScopes(known, "scopes", r.Scopes)
}

// managing lists the management scopes, in the catalogue's order.
func managing(known *authz.Scopes) []string {
	var names []string
	for _, s := range known.Of(authz.KeyScope) {
		if authz.Manages(s.Name) && !s.PeopleOnly {
			names = append(names, s.Name)
		}
	}
	return names
}
