package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Progress is how far the replacement of a key is.
type Progress struct {
	// Old is the key that was replaced; nil once it was purged.
	Old *authz.APIKey
	// New is the key that replaced it; nil once it was purged.
	New *authz.APIKey
	// Waits says that the text of the new key waits for the old one to claim it.
	Waits bool
	// Callers are from where the old key was used while it was in grace, the
	// latest first.
	Callers []authz.KeyCaller
}

// Progress tells of the rotation a key is part of: the one that replaced it, or
// the one that made it; of none, both keys are nil. Who may read the key may read
// that; from where keys are used is told to who manages them. ws is read as Get
// reads it.
func (k *Keys) Progress(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.KeyID) (Progress, error) {
	key, err := k.Get(ctx, by, ws, id)
	if err != nil {
		return Progress{}, err
	}
	var p Progress
	switch {
	case key.Successor != "":
		p.Old = &key
		p.New, err = k.beside(ctx, key, key.Successor)
	case key.Predecessor != "":
		p.New = &key
		p.Old, err = k.beside(ctx, key, key.Predecessor)
	}
	manages := k.mayManage(by, key.WorkspaceID) == nil
	for _, other := range []*authz.APIKey{p.Old, p.New} {
		if !manages && other != nil && other.ID != id {
			other.LastUsedAt, other.LastUsedIP = time.Time{}, ""
		}
	}
	if err == nil && p.Old != nil && manages {
		p.Callers, err = k.cfg.Store.ListKeyCallers(ctx, key.Issuer, key.WorkspaceID, p.Old.ID)
	}
	if err != nil || p.New == nil {
		return p, err
	}
	waiting, err := k.cfg.Store.GetKeyClaim(ctx, key.Issuer, key.WorkspaceID, p.New.ID, k.cfg.Clock.Now())
	if errors.Is(err, authz.ErrNotFound) {
		return p, nil
	}
	p.Waits = err == nil && waiting.ClaimedBy == ""
	return p, err
}

// beside is another key of the workspace, as it is shown; nil for one that was
// purged.
func (k *Keys) beside(ctx context.Context, key authz.APIKey, id authz.KeyID) (*authz.APIKey, error) {
	other, err := k.cfg.Store.GetAPIKey(ctx, key.Issuer, key.WorkspaceID, id)
	if errors.Is(err, authz.ErrNotFound) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, fmt.Errorf("reading the other key of a rotation: %w", err)
	}
	policy, err := k.policy(ctx, key.WorkspaceID)
	if err != nil {
		return nil, err
	}
	other = k.shown(other, policy)
	return &other, nil
}
