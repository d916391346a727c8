package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// sealPurpose keeps the sealed text of a key from being opened as anything else.
const sealPurpose = "api key claim"

// Sealer encrypts with a key from outside the database (authz/secret.Keyring).
type Sealer interface {
	Seal(purpose, row string, plaintext []byte) ([]byte, error)
	Open(purpose, row string, sealed []byte) ([]byte, error)
}

// sealed is the text of a successor, kept for whoever was given it to ask again,
// or for the old key to claim while it lives.
func (k *Keys) sealed(next authz.APIKey, text authz.Secret, p plan, old authz.APIKey) (authz.KeyClaim, error) {
	c := authz.KeyClaim{
		KeyID: next.ID, Issuer: next.Issuer, WorkspaceID: next.WorkspaceID, Predecessor: old.ID, ExpiresAt: old.EndsAt(),
	}
	if p.claimedBy != "" {
		c.ClaimedBy, c.ClaimedAt, c.ExpiresAt = p.claimedBy, p.now, p.now.Add(answerAgain)
	}
	var err error
	if c.Sealed, err = k.cfg.Sealer.Seal(sealPurpose, string(next.ID), []byte(text.Reveal())); err != nil {
		return c, fmt.Errorf("sealing the text of an API key: %w", err)
	}
	return c, nil
}

// claim gives the text of a successor to the first who asks, and again to the
// same one for a while.
func (k *Keys) claim(ctx context.Context, by authz.Principal, from authz.Origin, old, next authz.APIKey, now time.Time) (Rotated, error) {
	waiting, err := k.cfg.Store.GetKeyClaim(ctx, next.Issuer, next.WorkspaceID, next.ID, now)
	if errors.Is(err, authz.ErrNotFound) {
		return Rotated{}, errClaimed
	}
	if err != nil {
		return Rotated{}, fmt.Errorf("claiming an API key: %w", err)
	}
	if waiting.ClaimedBy != "" && waiting.ClaimedBy != claimant(by) {
		return Rotated{}, errClaimed
	}
	policy, err := k.policy(ctx, next.WorkspaceID)
	if err != nil {
		return Rotated{}, err
	}
	text, err := k.cfg.Sealer.Open(sealPurpose, string(next.ID), waiting.Sealed)
	if err != nil {
		return Rotated{}, fmt.Errorf("opening the text of an API key: %w", err)
	}
	err = k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if waiting.ClaimedBy == "" {
			// Held first, as whoever acts on a leak does: that one sees who has the text,
			// or this one finds it gone.
			if _, err := k.cfg.Store.HoldAPIKey(ctx, next.Issuer, next.WorkspaceID, next.ID); err != nil {
				return err
			}
			moved, err := k.cfg.Store.ClaimKey(ctx, next.Issuer, next.WorkspaceID, next.ID, claimant(by), now, now.Add(answerAgain))
			if err != nil {
				return err
			}
			if !moved {
				return authz.ErrStale // somebody was first
			}
		}
		return k.record(ctx, by, from, typeClaimed, now, next)
	})
	if err != nil {
		return Rotated{}, fmt.Errorf("claiming an API key: %w", err)
	}
	return Rotated{Key: k.shown(next, policy), Text: authz.Secret(text), Replaced: k.shown(old, policy)}, nil
}
