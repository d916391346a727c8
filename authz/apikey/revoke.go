package apikey

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Revoked is a key that was revoked.
type Revoked struct {
	Key authz.APIKey
	// Successors are the keys that replaced it one after another and still stand,
	// the nearest first: they are keys of their own, and do not end with it.
	Successors []authz.APIKey
	// Receipt says what the revocation ended; nil where that is not known any more.
	Receipt *Receipt
}

// Revoke ends a key for good and returns it as it then stands; ws is read as
// Get reads it. It takes the scope manage:keys, or being the key itself.
// Revoking a revoked key changes nothing and is no error.
func (k *Keys) Revoke(ctx context.Context, by authz.Principal, from authz.Origin, ws authz.WorkspaceID, id authz.KeyID) (Revoked, error) {
	if ws == "" {
		ws = by.WorkspaceID
	}
	self := k.itself(by, ws, id)
	if !self {
		if err := k.mayManage(by, ws); err != nil {
			return Revoked{}, err
		}
	}
	key, err := k.find(ctx, by, ws, id)
	if err != nil {
		return Revoked{}, err
	}
	if !self && !inEnvironment(by, key.Environment) {
		return Revoked{}, errEnvironment
	}
	var out Revoked
	err = k.cfg.Store.InTx(ctx, func(ctx context.Context) (err error) {
		if out.Key, err = k.revoke(ctx, act{by: by, from: from, now: k.cfg.Clock.Now()}, key); err != nil {
			return err
		}
		if out.Successors, err = k.standing(ctx, out.Key); err != nil {
			return err
		}
		out.Receipt, err = k.receipt(ctx, out.Key)
		return err
	})
	if err != nil {
		return Revoked{}, fmt.Errorf("revoking an API key: %w", err)
	}
	return out, nil
}

// maxSuccessors bounds how far a line of successors is followed at once.
const maxSuccessors = 32

// RevokeLine is Revoke for a key and every key that replaced it, one after the
// other: whoever holds a leaked key can have made its successor. It takes the
// scope manage:keys, and returns the keys as they then stand, the one named
// first. They end together or not at all.
func (k *Keys) RevokeLine(ctx context.Context, by authz.Principal, from authz.Origin, ws authz.WorkspaceID, id authz.KeyID) ([]Revoked, error) {
	if ws == "" {
		ws = by.WorkspaceID
	}
	if err := k.mayManage(by, ws); err != nil {
		return nil, err
	}
	var line []Revoked
	err := k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		line = line[:0]
		for next := id; next != "" && len(line) < maxSuccessors; {
			done, err := k.Revoke(ctx, by, from, ws, next)
			if errors.Is(err, authz.ErrNotFound) && len(line) > 0 {
				return nil // it was purged
			}
			if err != nil {
				return err
			}
			line = append(line, done)
			next = done.Key.Successor
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("revoking a line of API keys: %w", err)
	}
	return line, nil
}

// revoke ends a key, and says what the act, whose type it knows, made of it.
func (k *Keys) revoke(ctx context.Context, a act, key authz.APIKey) (authz.APIKey, error) {
	a.typ = typeRevoked
	var after authz.APIKey
	err := k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		reach, err := k.cfg.Store.KeyReach(ctx, key, a.now, a.now.Add(-longestToken)) // before it is gone
		if err != nil {
			return err
		}
		a.details = map[string]any{"ended": ended(reach)}
		moved, err := k.cfg.Store.RevokeAPIKey(ctx, key.Issuer, key.WorkspaceID, key.ID, a.now, a.now.Add(k.cfg.Quarantine))
		if err != nil {
			return err
		}
		after, err = k.cfg.Store.GetAPIKey(ctx, key.Issuer, key.WorkspaceID, key.ID)
		if err != nil || !moved {
			return err
		}
		return k.recordFor(ctx, a, after, after)
	})
	if err != nil {
		return authz.APIKey{}, err
	}
	return k.shown(after, authz.KeyPolicy{}), nil
}

// standing lists the successors of a key that still stand.
func (k *Keys) standing(ctx context.Context, key authz.APIKey) ([]authz.APIKey, error) {
	var list []authz.APIKey
	now := k.cfg.Clock.Now()
	for range maxSuccessors {
		if key.Successor == "" {
			break
		}
		next, err := k.cfg.Store.GetAPIKey(ctx, key.Issuer, key.WorkspaceID, key.Successor)
		if errors.Is(err, authz.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading the successor of an API key: %w", err)
		}
		if next.State != authz.Revoked && next.StatusAt(now) != authz.StatusExpired {
			list = append(list, k.shown(next, authz.KeyPolicy{}))
		}
		key = next
	}
	return list, nil
}

const (
	purgeBatch   = 500
	purgeBatches = 200
)

// Purge deletes the keys whose quarantine is over: revoked ones of every issuer,
// and those of this one that have expired or were replaced. It says how many
// went, and is one step of a job: what is left after 100,000 rows, and after an
// error, is the next step's. Audit entries of a purged key stay.
func (k *Keys) Purge(ctx context.Context) (int64, error) {
	now := k.cfg.Clock.Now()
	revoked, err := purgeAll(func() (int64, error) { return k.cfg.Store.PurgeAPIKeysAcrossWorkspaces(ctx, now, purgeBatch) })
	if err != nil {
		return revoked, err
	}
	ended, err := purgeAll(func() (int64, error) {
		return k.cfg.Store.PurgeEndedAPIKeysAcrossWorkspaces(ctx, k.cfg.Issuer, now.Add(-k.cfg.Quarantine), purgeBatch)
	})
	return revoked + ended, err
}

func purgeAll(step func() (int64, error)) (int64, error) {
	var total int64
	for range purgeBatches {
		n, err := step()
		total += n
		if err != nil {
			return total, fmt.Errorf("purging API keys: %w", err)
		}
		if n < purgeBatch {
			break
		}
	}
	return total, nil
}
