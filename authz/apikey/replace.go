package apikey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// plan is a replacement about to be made.
type plan struct {
	by    authz.Principal
	from  authz.Origin
	old   authz.APIKey
	grace *time.Duration // nil for the default
	now   time.Time
	// claimedBy is who is given the text at once; empty leaves it to be claimed.
	claimedBy string
	// reason says why, where nobody asked for it.
	reason string
}

// replace makes the successor of a key. Of many who try at once one succeeds;
// ErrStale is for the others.
func (k *Keys) replace(ctx context.Context, p plan) (Rotated, error) {
	if err := k.alone(ctx, p.old, p.now); err != nil { // before a text is drawn and hashed
		return Rotated{}, err
	}
	policy, err := k.policy(ctx, p.old.WorkspaceID)
	if err != nil {
		return Rotated{}, err
	}
	next, text, err := k.heir(ctx, p)
	if err != nil {
		return Rotated{}, err
	}
	old := k.retired(p, next.ID)
	claim, err := k.sealed(next, text, p, old)
	if err != nil {
		return Rotated{}, err
	}
	err = k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := k.stands(ctx, next); err != nil {
			return err
		}
		if err := k.cfg.Store.UpdateAPIKey(ctx, old); err != nil {
			return err
		}
		if err := k.alone(ctx, old, p.now); err != nil {
			return err
		}
		if err := k.cfg.Store.CreateAPIKey(ctx, next); err != nil {
			return err
		}
		if err := k.cfg.Store.CreateKeyClaim(ctx, claim); err != nil {
			return err
		}
		if k.cfg.Deliveries != nil {
			if err := k.cfg.Deliveries.Enqueue(ctx, old, next, text, p.now); err != nil {
				return err
			}
		}
		return k.recordRotation(ctx, p, old)
	})
	if err != nil {
		return Rotated{}, fmt.Errorf("replacing an API key: %w", err)
	}
	old.Revision++
	return Rotated{Key: k.shown(next, policy), Text: text, Replaced: k.shown(old, policy)}, nil
}

// alone refuses to make a third key beside one that is valid and the one it
// replaced, which is valid still. It counts inside the transaction, behind
// the change of the key: whoever enables the one before holds the key (last).
func (k *Keys) alone(ctx context.Context, key authz.APIKey, now time.Time) error {
	if key.Predecessor == "" {
		return nil
	}
	before, err := k.cfg.Store.GetAPIKey(ctx, key.Issuer, key.WorkspaceID, key.Predecessor)
	switch {
	case errors.Is(err, authz.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("reading the predecessor of an API key: %w", err)
	case before.UsableAt(now):
		return errInRotation
	}
	return nil
}

// last refuses to enable a key that was replaced, as its successor was: they
// would be three. It belongs into the transaction, behind the change of the key;
// that its successor is held keeps it from being replaced meanwhile.
func (k *Keys) last(ctx context.Context, key authz.APIKey) error {
	if key.Successor == "" {
		return nil
	}
	next, err := k.cfg.Store.HoldAPIKey(ctx, key.Issuer, key.WorkspaceID, key.Successor)
	if err != nil && !errors.Is(err, authz.ErrNotFound) {
		return fmt.Errorf("reading the successor of an API key: %w", err)
	}
	if err != nil || next.Successor != "" { // of one that was purged nobody knows
		return errSucceeded
	}
	return nil
}

// heir is the successor: the old key in everything but its text.
func (k *Keys) heir(ctx context.Context, p plan) (authz.APIKey, authz.Secret, error) {
	next, text, err := k.draft(ctx, p.by, Request{
		Name: p.old.Name, WorkspaceID: p.old.WorkspaceID, Environment: p.old.Environment, Scopes: slices.Clone(p.old.Scopes),
		ServiceAccountID: p.old.ServiceAccountID, Resources: p.old.Resources, IPAllowlist: slices.Clone(p.old.IPAllowlist),
		ExpiresAt: p.old.ExpiresAt, Tier: p.old.Tier, RotateEvery: p.old.RotateEvery, Delivery: p.old.Delivery,
	}, p.now)
	if err != nil {
		return authz.APIKey{}, "", err
	}
	next.AccountID, next.Delegation, next.Predecessor = p.old.AccountID, p.old.Delegation, p.old.ID
	next.HandedTo = p.claimedBy
	return next, text, nil
}

// retired is the old key as it stands once it is replaced. A grace that has
// begun goes on as it was.
func (k *Keys) retired(p plan, successor authz.KeyID) authz.APIKey {
	old := p.old
	old.Successor = successor
	if old.State != authz.Grace {
		grace := k.cfg.Grace
		if p.grace != nil {
			grace = *p.grace
		}
		old.State, old.GraceUntil, old.RotateAt = authz.Grace, p.now.Add(grace), time.Time{}
	}
	if outgrown(p.old, old, p.now) {
		old.Epoch++
	}
	return old
}

// stands checks, inside the transaction, that what a new key hangs on does.
func (k *Keys) stands(ctx context.Context, key authz.APIKey) error {
	if key.WorkspaceID != "" {
		if _, err := k.workspace(ctx, key.WorkspaceID); err != nil {
			return err
		}
	}
	return k.serviceAccount(ctx, key, false)
}
