package apikey

import (
	"cmp"
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
	// ownPace is how often a key, or its line, may replace itself: whoever holds one
	// must not fill the database with successors.
	ownPace = 10 * time.Minute
)

// Refusals of rotations.
var (
	errDisabled   = authz.NewError(authz.Conflict, "key_disabled", "The key is disabled; enable it first.")
	errClaimed    = authz.NewError(authz.Conflict, "successor_claimed", "The key was replaced, and its successor's text was handed out. Rotate the successor, or revoke it and rotate again.")
	errInRotation = authz.NewError(authz.Conflict, "rotation_under_way", "The key this one replaced is still valid. Wait for its grace to end, or end it.")
	errOutgrown   = authz.NewError(authz.Forbidden, "successor_outgrown", "The successor may do more than the key by now; whoever could mint it rotates it.")
	errSucceeded  = authz.NewError(authz.Conflict, "successor_replaced", "The key was replaced, and so was its successor: it stays disabled. Use the newest of them, or create a key.")
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
	self := k.itself(by, old.WorkspaceID, id)
	if !self {
		if err := k.mayReplace(ctx, by, old, now); err != nil {
			return Rotated{}, err
		}
	}
	successor, err := k.successor(ctx, old)
	switch {
	case err != nil:
		return Rotated{}, err
	case successor != nil && successor.State != authz.Revoked && successor.StatusAt(now) != authz.StatusExpired:
		if err := k.mayClaim(ctx, by, old, *successor, now); err != nil {
			return Rotated{}, err
		}
		return k.claim(ctx, by, from, old, *successor, now)
	case self:
		if err := cmp.Or(k.alone(ctx, old, now), paced(old, successor, now)); err != nil {
			return Rotated{}, err
		}
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

// mayClaim checks that nobody is given the text of a key that became more than
// they are, or could mint, after it was made.
func (k *Keys) mayClaim(ctx context.Context, by authz.Principal, old, next authz.APIKey, now time.Time) error {
	if !k.itself(by, old.WorkspaceID, old.ID) {
		return k.mayReplace(ctx, by, next, now)
	}
	old.GraceUntil, next.GraceUntil = time.Time{}, time.Time{} // their ends are what counts
	next.RotateEvery, next.Delivery = old.RotateEvery, old.Delivery
	if wider(old, next) {
		return errOutgrown
	}
	return nil
}

// paced bounds how often a key replaces itself; successor is the one it made
// before, or nil.
func paced(old authz.APIKey, successor *authz.APIKey, now time.Time) error {
	last := time.Time{}
	if old.Predecessor != "" {
		last = old.CreatedAt
	}
	if successor != nil {
		last = successor.CreatedAt
	}
	wait := last.Add(ownPace).Sub(now)
	if last.IsZero() || wait <= 0 || last.After(now) { // a clock that stepped back keeps no key from its successor
		return nil
	}
	return &authz.Error{
		Kind: authz.RateLimited, Code: "rate_limited", Description: "The key was made by a rotation a moment ago.", RetryAfter: wait,
	}
}

// successor is the key that replaced old, in whatever state; nil without one.
func (k *Keys) successor(ctx context.Context, old authz.APIKey) (*authz.APIKey, error) {
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
	return &next, nil
}

// claimant is who claims a text: the key that was used, or the person.
func claimant(by authz.Principal) string {
	if by.KeyID != "" {
		return string(by.KeyID)
	}
	return by.Subject
}
