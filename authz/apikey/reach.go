package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Reach is what whoever holds a key can do with it, and what came of it: what
// revoking it ends.
type Reach struct {
	Key authz.APIKey
	// Live says that the key is good right now.
	Live bool
	// Delegation lets it make other keys; nil without one that is alive.
	Delegation *authz.Delegation
	authz.KeyReach
	// Successors replaced it and stand: they do not end with it.
	Successors []authz.APIKey
	// Callers are from where it was used since it was replaced.
	Callers []authz.KeyCaller
}

// Reach tells of a key what revoking it would end; ws is read as Get reads it. It
// takes the scope manage:keys.
func (k *Keys) Reach(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.KeyID) (Reach, error) {
	if ws == "" {
		ws = by.WorkspaceID
	}
	if err := k.mayManage(by, ws); err != nil {
		return Reach{}, err
	}
	key, err := k.find(ctx, by, ws, id)
	if err != nil {
		return Reach{}, err
	}
	r, err := k.reach(ctx, key)
	if err != nil {
		return Reach{}, fmt.Errorf("finding the reach of an API key: %w", err)
	}
	return r, nil
}

func (k *Keys) reach(ctx context.Context, key authz.APIKey) (r Reach, err error) {
	now := k.cfg.Clock.Now()
	if r.KeyReach, err = k.cfg.Store.KeyReach(ctx, key, now, now.Add(-longestToken)); err != nil {
		return r, err
	}
	for i := range r.Made {
		r.Made[i] = k.shown(r.Made[i], authz.KeyPolicy{})
	}
	if r.Successors, err = k.standing(ctx, key); err != nil {
		return r, err
	}
	if r.Callers, err = k.cfg.Store.ListKeyCallers(ctx, key.Issuer, key.WorkspaceID, key.ID); err != nil {
		return r, err
	}
	if r.Delegation, err = k.alive(ctx, key, now); err != nil {
		return r, err
	}
	_, lineage, err := k.cfg.Store.GetAPIKeyAcrossWorkspaces(ctx, key.Issuer, key.ID)
	if err != nil {
		return r, err
	}
	r.Live = key.UsableAt(now) && lineage.Usable()
	r.Key = k.shown(key, authz.KeyPolicy{})
	return r, nil
}

// alive is the delegation a key carries, if it lets it do anything.
func (k *Keys) alive(ctx context.Context, key authz.APIKey, now time.Time) (*authz.Delegation, error) {
	if key.Delegation == "" {
		return nil, nil //nolint:nilnil // it carries none
	}
	d, err := k.cfg.Store.GetDelegation(ctx, key.Issuer, key.Delegation)
	if errors.Is(err, authz.ErrNotFound) || err == nil && !d.ExpiresAt.IsZero() && !now.Before(d.ExpiresAt) {
		return nil, nil //nolint:nilnil // as above
	}
	if err != nil {
		return nil, fmt.Errorf("reading the delegation of an API key: %w", err)
	}
	return &d, nil
}

// Receipt says what a revocation ended. It is the same whenever it is asked for,
// as long as the key is kept.
type Receipt struct {
	// ID is that of the audit entry.
	ID string
	At time.Time
	By string
	// Grants, Tokens and Keys are how many grants ended, how many tokens were
	// issued on them in the day before, and how many keys that its subject made
	// still stand.
	Grants, Tokens, Keys int
}

// ended is what the audit entry of a revocation says of it.
func ended(r authz.KeyReach) map[string]any {
	return map[string]any{"grants": len(r.Grants), "tokens_issued_last_day": r.Issued, "keys_made": len(r.Made)}
}

// receipt reads the receipt of a revoked key; nil where its entry is gone.
func (k *Keys) receipt(ctx context.Context, key authz.APIKey) (*Receipt, error) {
	e, err := k.cfg.Store.LastAudit(ctx, key.Issuer, key.WorkspaceID, string(key.ID), typeRevoked)
	if errors.Is(err, authz.ErrNotFound) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, fmt.Errorf("reading the receipt of a revocation: %w", err)
	}
	told, _ := e.Details["ended"].(map[string]any)
	count := func(name string) int { n, _ := told[name].(float64); return int(n) }
	return &Receipt{
		ID: e.ID, At: e.Time, By: e.Actor, Grants: count("grants"), Tokens: count("tokens_issued_last_day"), Keys: count("keys_made"),
	}, nil
}
