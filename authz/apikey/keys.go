package apikey

import (
	"context"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Get returns a key of the workspace; a key may read itself. An empty ws means the principal's own
// workspace, and for the operator whichever the key is in. A key that is not
// there and one that is not the principal's to see are both ErrNotFound.
func (k *Keys) Get(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.KeyID) (authz.APIKey, error) {
	if ws == "" {
		ws = by.WorkspaceID
	}
	if !k.itself(by, ws, id) {
		if err := k.mayManage(by, ws); err != nil {
			return authz.APIKey{}, err
		}
	}
	key, err := k.find(ctx, by, ws, id)
	if err != nil {
		return authz.APIKey{}, err
	}
	policy, err := k.policy(ctx, key.WorkspaceID)
	if err != nil {
		return authz.APIKey{}, err
	}
	return k.shown(key, policy), nil
}

// List returns a page of the workspace's keys that the filter means, oldest
// first; its Now is set here. An empty ws means
// the principal's own, and for the operator the platform keys.
func (k *Keys) List(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, f authz.KeyFilter, page authz.Page) ([]authz.APIKey, error) {
	if ws == "" {
		ws = by.WorkspaceID
	}
	if err := k.mayManage(by, ws); err != nil {
		return nil, err
	}
	if ws != "" {
		if _, err := k.cfg.Store.GetWorkspace(ctx, k.cfg.Issuer, ws); err != nil {
			return nil, fmt.Errorf("listing API keys: %w", err)
		}
	}
	f.Now = k.cfg.Clock.Now()
	keys, err := k.cfg.Store.ListAPIKeys(ctx, k.cfg.Issuer, ws, f, page)
	if err != nil {
		return nil, fmt.Errorf("listing API keys: %w", err)
	}
	policy, err := k.policy(ctx, ws)
	if err != nil {
		return nil, err
	}
	for i := range keys {
		keys[i] = k.shown(keys[i], policy)
	}
	return keys, nil
}

// find reads a key the principal may see. An id alone names a key only to the
// operator.
func (k *Keys) find(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.KeyID) (authz.APIKey, error) {
	if len(id) != len("key_")+idLength {
		return authz.APIKey{}, authz.ErrNotFound
	}
	if ws != "" || !by.Platform() {
		key, err := k.cfg.Store.GetAPIKey(ctx, k.cfg.Issuer, ws, id)
		if err != nil {
			return authz.APIKey{}, fmt.Errorf("reading an API key: %w", err)
		}
		return key, nil
	}
	key, _, err := k.cfg.Store.GetAPIKeyAcrossWorkspaces(ctx, k.cfg.Issuer, id)
	if err != nil {
		return authz.APIKey{}, fmt.Errorf("reading an API key: %w", err)
	}
	return key, nil
}
