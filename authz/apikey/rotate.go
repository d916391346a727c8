package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Bounds of rotation.
const (
	// MaxGrace is the longest a replaced key stays valid, from now.
	MaxGrace = 30 * 24 * time.Hour
	// answerAgain is how long whoever was given the text of a successor is given
	// it again: an answer may be lost on its way.
	answerAgain = 10 * time.Minute
	// rotateTries bounds how often a rotation is begun anew when others change
	// the key meanwhile.
	rotateTries = 3
)

// Refusals of rotations.
var (
	errDisabled   = authz.NewError(authz.Conflict, "key_disabled", "The key is disabled; enable it first.")
	errClaimed    = authz.NewError(authz.Conflict, "successor_claimed", "The key was replaced, and its successor's text was handed out. Rotate the successor, or revoke it and rotate again.")
	errInRotation = authz.NewError(authz.Conflict, "rotation_under_way", "The key this one replaced is still valid. Wait for its grace to end, or end it.")
	errGrace      = invalid("grace", "must be at most 30 days")
	errOwnGrace   = authz.NewError(authz.Forbidden, "insufficient_scope", "A key does not choose its own grace; whoever manages keys does.")
)

// Rotation is what somebody asks of a rotation.
type Rotation struct {
	// Grace is how long the old key stays valid; nil for the issuer's default.
	Grace *time.Duration
}

// Rotated is a key that replaces another, with its text, which nobody will see
// again once the answer has arrived.
type Rotated struct {
	Key  authz.APIKey
	Text authz.Secret
	// Replaced is the old key as it now stands.
	Replaced authz.APIKey
}

// Rotate replaces a key by a successor that may do exactly what the old one may,
// for the same service account and until the same end, and keeps the old one
// valid for its grace. It takes being the key itself, or managing keys with an
// issuing delegation that could have minted it. A key that was replaced already
// is answered with its successor as long as nobody has claimed that, and for ten
// minutes to whoever did.
func (k *Keys) Rotate(ctx context.Context, by authz.Principal, from authz.Origin, ws authz.WorkspaceID, id authz.KeyID, r Rotation) (Rotated, error) {
	if ws == "" {
		ws = by.WorkspaceID
	}
	self := k.itself(by, ws, id)
	switch {
	case self && r.Grace != nil:
		return Rotated{}, errOwnGrace
	case r.Grace != nil && (*r.Grace < 0 || *r.Grace > MaxGrace):
		return Rotated{}, errGrace
	case !self:
		if err := k.mayManage(by, ws); err != nil {
			return Rotated{}, err
		}
	}
	for range rotateTries {
		out, err := k.rotate(ctx, by, from, ws, id, r)
		if !errors.Is(err, authz.ErrStale) {
			return out, err
		}
	}
	return Rotated{}, errBusy
}

// itself reports whether the principal is the key, and no token of it.
func (k *Keys) itself(by authz.Principal, ws authz.WorkspaceID, id authz.KeyID) bool {
	return by.KeyItself && by.KeyID != "" && by.KeyID == id && by.WorkspaceID == ws && by.Issuer == k.cfg.Issuer
}

func (k *Keys) rotate(ctx context.Context, by authz.Principal, from authz.Origin, ws authz.WorkspaceID, id authz.KeyID, r Rotation) (Rotated, error) {
	old, err := k.find(ctx, by, ws, id)
	if err != nil {
		return Rotated{}, err
	}
	now := k.cfg.Clock.Now()
	switch {
	case old.State == authz.Revoked || old.StatusAt(now) == authz.StatusExpired:
		return Rotated{}, errEnded
	case old.State == authz.Disabled:
		return Rotated{}, errDisabled
	}
	if !k.itself(by, old.WorkspaceID, id) {
		if err := k.mayReplace(ctx, by, old, now); err != nil {
			return Rotated{}, err
		}
	}
	successor, err := k.successor(ctx, old, now)
	switch {
	case err != nil:
		return Rotated{}, err
	case successor != nil:
		return k.claim(ctx, by, from, old, *successor, now)
	}
	return k.replace(ctx, plan{by: by, from: from, old: old, grace: r.Grace, now: now, claimedBy: claimant(by)})
}

// mayReplace checks what minting the key anew would take. Its text would be the
// principal's: what the key carries beyond its scopes counts too.
func (k *Keys) mayReplace(ctx context.Context, by authz.Principal, old authz.APIKey, now time.Time) error {
	if err := k.mayIssue(by, old.WorkspaceID, old.Environment, old.Scopes, now); err != nil {
		return err
	}
	if old.Delegation == "" {
		return nil
	}
	if !by.Platform() || by.Delegation == nil {
		return errOperator
	}
	carried, err := k.cfg.Store.GetDelegation(ctx, old.Issuer, old.Delegation)
	if errors.Is(err, authz.ErrNotFound) {
		return nil // it gives nothing
	}
	if err != nil {
		return fmt.Errorf("reading the delegation of an API key: %w", err)
	}
	if !covers(by, carried.Scopes) || later(by.Delegation.ExpiresAt, carried.ExpiresAt) {
		return errExceeded
	}
	return nil
}

// successor is the key that replaced old and still stands; nil without one.
func (k *Keys) successor(ctx context.Context, old authz.APIKey, now time.Time) (*authz.APIKey, error) {
	if old.Successor == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	next, err := k.cfg.Store.GetAPIKey(ctx, old.Issuer, old.WorkspaceID, old.Successor)
	if errors.Is(err, authz.ErrNotFound) {
		return nil, nil //nolint:nilnil // as above
	}
	if err != nil {
		return nil, fmt.Errorf("reading the successor of an API key: %w", err)
	}
	if next.State == authz.Revoked || next.StatusAt(now) == authz.StatusExpired {
		return nil, nil //nolint:nilnil // as above
	}
	return &next, nil
}

// claimant is who claims a text: the key that was used, or the person.
func claimant(by authz.Principal) string {
	if by.KeyID != "" {
		return string(by.KeyID)
	}
	return by.Subject
}
