package apikey

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// typeDelegated is the event of a key that may mint others for a while.
const typeDelegated = "api_key.delegated"

// MaxDelegation is how long an issuing delegation lasts at most.
const MaxDelegation = 90 * 24 * time.Hour

// Delegate lets a platform key mint others until ends, at most 90 days from now,
// with every scope not for people only. It takes an operator in person, whose
// proof of MFA is fresh; anybody else is Forbidden, or challenged (RFC 9470).
// ErrNotFound for what is no platform key.
func (k *Keys) Delegate(ctx context.Context, by authz.Principal, from authz.Origin, id authz.KeyID, ends time.Time) (authz.APIKey, error) {
	now := k.cfg.Clock.Now()
	switch {
	case by.Issuer != k.cfg.Issuer || !by.Platform() || !by.Person():
		return authz.APIKey{}, errOperator
	case !ends.After(now) || ends.Sub(now) > MaxDelegation:
		return authz.APIKey{}, invalid("delegation.expires_at", "must lie in the future, within 90 days")
	}
	if err := authz.MayMint(by, now); err != nil {
		return authz.APIKey{}, err
	}
	var key authz.APIKey
	err := k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		found, err := k.cfg.Store.HoldAPIKey(ctx, k.cfg.Issuer, "", id)
		if err != nil {
			return err
		}
		if found.StatusAt(now) != string(authz.Active) {
			return errEnded
		}
		key, key.Delegation = found, authz.NewDelegationID()
		err = k.cfg.Store.CreateDelegation(ctx, authz.Delegation{
			ID: key.Delegation, Issuer: key.Issuer, Scopes: []string{wildcard}, MadeBy: by.Subject, CreatedAt: now, ExpiresAt: whole(ends),
		})
		if err != nil {
			return fmt.Errorf("creating its delegation: %w", err)
		}
		if err := k.cfg.Store.SetKeyDelegation(ctx, key); err != nil {
			return err
		}
		return k.record(ctx, by, from, typeDelegated, now, key)
	})
	if err != nil {
		return authz.APIKey{}, fmt.Errorf("delegating to an API key: %w", err)
	}
	key.Revision++
	return k.shown(key, authz.KeyPolicy{}), nil
}

// DelegationOf returns the issuing delegation of a key, ended or not;
// ErrNotFound where it has none.
func (k *Keys) DelegationOf(ctx context.Context, key authz.APIKey) (authz.Delegation, error) {
	if key.Delegation == "" {
		return authz.Delegation{}, authz.ErrNotFound
	}
	return k.cfg.Store.GetDelegation(ctx, k.cfg.Issuer, key.Delegation)
}
