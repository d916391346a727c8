package apikey

import (
	"context"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Revoke ends a key for good and returns it as it then stands; ws is read as
// Get reads it. It takes the scope manage:keys, or being the key itself.
// Revoking a revoked key changes nothing and is no error.
func (k *Keys) Revoke(ctx context.Context, by authz.Principal, from authz.Origin, ws authz.WorkspaceID, id authz.KeyID) (authz.APIKey, error) {
	if ws == "" {
		ws = by.WorkspaceID
	}
	self := k.itself(by, ws, id)
	if !self {
		if err := k.mayManage(by, ws); err != nil {
			return authz.APIKey{}, err
		}
	}
	key, err := k.find(ctx, by, ws, id)
	if err != nil {
		return authz.APIKey{}, err
	}
	if !self && !inEnvironment(by, key.Environment) {
		return authz.APIKey{}, errEnvironment
	}
	return k.revoke(ctx, by, from, key)
}

func (k *Keys) revoke(ctx context.Context, by authz.Principal, from authz.Origin, key authz.APIKey) (authz.APIKey, error) {
	now := k.cfg.Clock.Now()
	var after authz.APIKey
	err := k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		moved, err := k.cfg.Store.RevokeAPIKey(ctx, key.Issuer, key.WorkspaceID, key.ID, now, now.Add(k.cfg.Quarantine))
		if err != nil {
			return err
		}
		after, err = k.cfg.Store.GetAPIKey(ctx, key.Issuer, key.WorkspaceID, key.ID)
		if err != nil || !moved {
			return err
		}
		return k.record(ctx, by, from, typeRevoked, now, after)
	})
	if err != nil {
		return authz.APIKey{}, fmt.Errorf("revoking an API key: %w", err)
	}
	return k.shown(after, authz.KeyPolicy{}), nil
}

const (
	purgeBatch   = 500
	purgeBatches = 200
)

// Purge deletes the keys whose quarantine is over, of every issuer, and says
// how many went. It is one step of a job: what is left after 100,000 rows, and
// after an error, is the next step's. Audit entries of a purged key stay.
func (k *Keys) Purge(ctx context.Context) (int64, error) {
	now := k.cfg.Clock.Now()
	var total int64
	for range purgeBatches {
		n, err := k.cfg.Store.PurgeAPIKeysAcrossWorkspaces(ctx, now, purgeBatch)
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
