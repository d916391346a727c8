package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Refusals of changes.
var (
	errEnded = authz.NewError(authz.Conflict, "key_ended", "The key was revoked or has expired; that is final.")
	errBusy  = authz.NewError(authz.Conflict, "conflict", "The key is being changed by others; try again.")
)

// changeTries bounds how often a change without a revision is made anew on what
// others changed meanwhile.
const changeTries = 3

// Update changes a key of the workspace and returns it as it then stands; ws is
// read as Get reads it. It takes the scope manage:keys; what would let the key
// do more, or for longer, also an issuing delegation that could have minted it
// so. ErrStale says that the key is not at the revision asked for.
//
// Tokens made from the key end when it loses a scope, its resources change, its
// end comes nearer or it is disabled: none is ever wider than the key is now.
func (k *Keys) Update(ctx context.Context, by authz.Principal, from authz.Origin, ws authz.WorkspaceID, id authz.KeyID, c Change) (authz.APIKey, error) {
	if ws == "" {
		ws = by.WorkspaceID
	}
	if err := k.mayManage(by, ws); err != nil {
		return authz.APIKey{}, err
	}
	for range changeTries {
		key, err := k.change(ctx, by, from, ws, id, c)
		if err == nil {
			return key, nil
		}
		if c.Revision != 0 || !errors.Is(err, authz.ErrStale) {
			return authz.APIKey{}, fmt.Errorf("changing an API key: %w", err)
		}
	}
	return authz.APIKey{}, errBusy
}

func (k *Keys) change(ctx context.Context, by authz.Principal, from authz.Origin, ws authz.WorkspaceID, id authz.KeyID, c Change) (authz.APIKey, error) {
	before, err := k.find(ctx, by, ws, id)
	if err != nil {
		return authz.APIKey{}, err
	}
	policy, err := k.policy(ctx, before.WorkspaceID)
	if err != nil {
		return authz.APIKey{}, err
	}
	now := k.cfg.Clock.Now()
	switch {
	case !inEnvironment(by, before.Environment):
		return authz.APIKey{}, errEnvironment
	case c.Revision != 0 && c.Revision != before.Revision:
		return authz.APIKey{}, authz.ErrStale
	case before.State == authz.Revoked || before.StatusAt(now) == authz.StatusExpired:
		return authz.APIKey{}, errEnded
	}
	after, err := k.changed(ctx, before, c, now)
	if err != nil {
		return authz.APIKey{}, err
	}
	if same(before, after) {
		return k.shown(before, policy), nil
	}
	if err := k.mayChange(ctx, by, before, after, now); err != nil {
		return authz.APIKey{}, err
	}
	if after.Delivery != before.Delivery {
		if err := k.brought(ctx, after.WorkspaceID, after.Delivery); err != nil {
			return authz.APIKey{}, err
		}
	}
	if err := k.registered(ctx, after.WorkspaceID, before.Resources, after.Resources); err != nil {
		return authz.APIKey{}, err
	}
	after, err = k.settleChange(ctx, act{by: by, from: from, now: now}, before, after)
	return k.shown(after, policy), err
}

// mayChange checks what takes more than managing keys. Where a key's successors
// are brought to is who has their text.
func (k *Keys) mayChange(ctx context.Context, by authz.Principal, before, after authz.APIKey, now time.Time) error {
	if after.Tier != before.Tier && !by.Platform() {
		return errOperator
	}
	if after.Delivery != before.Delivery && after.Delivery != "" {
		return k.mayReplace(ctx, by, after, now)
	}
	if !wider(before, after) {
		return nil
	}
	return k.mayIssue(by, after.WorkspaceID, after.Environment, after.Scopes, now)
}

// settleChange writes what an act, whose type is yet to be found, makes of a key.
func (k *Keys) settleChange(ctx context.Context, a act, before, after authz.APIKey) (authz.APIKey, error) {
	if outgrown(before, after, a.now) {
		after.Epoch++
	}
	err := k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := k.cfg.Store.UpdateAPIKey(ctx, after); err != nil {
			return err
		}
		if before.State == authz.Disabled && after.State.Usable() {
			if err := k.last(ctx, after); err != nil {
				return err
			}
		}
		if !after.GraceUntil.Equal(before.GraceUntil) {
			err := k.cfg.Store.MoveKeyClaim(ctx, after.Issuer, after.WorkspaceID, after.Successor, after.EndsAt())
			if err != nil {
				return err
			}
		}
		for _, a.typ = range acts(before, after) {
			if err := k.recordFor(ctx, a, before, after); err != nil {
				return err
			}
		}
		return nil
	})
	after.Revision++
	return after, err
}

// acts are what a change is called in the audit trail.
func acts(before, after authz.APIKey) []string {
	var types []string
	switch {
	case before.State == after.State:
	case after.State == authz.Disabled:
		types = append(types, typeDisabled)
	default:
		types = append(types, typeEnabled)
	}
	if before.State = after.State; !same(before, after) {
		types = append(types, typeUpdated)
	}
	return types
}
