package apikey

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Change is what someone asks to be different about a key. What is nil stays as
// it is.
type Change struct {
	// Revision is the one the key was read at; 0 for whichever it has now.
	Revision    int64
	Name        *string
	Scopes      *[]string
	Resources   *authz.Resources
	IPAllowlist *[]string
	// ExpiresAt of the zero time is never.
	ExpiresAt *time.Time
	// Tier is the operator's to change.
	Tier *string
	// RotateEvery is how often the key is replaced, counted from when it was made;
	// zero for no schedule of its own.
	RotateEvery *time.Duration
	// Delivery is where the texts of its successors are brought; empty for nowhere.
	Delivery *authz.DestinationID
	// GraceUntil is when a key that was replaced stops, at most MaxGrace from now;
	// a moment that has passed is now.
	GraceUntil *time.Time
	// State is active or disabled. A key that is replaced and enabled again is
	// in grace for what is left of it.
	State *authz.State
}

// changed is the key as the change would have it, checked for what is wrong
// with it whoever asks.
func (k *Keys) changed(ctx context.Context, key authz.APIKey, c Change, now time.Time) (authz.APIKey, error) {
	var ok bool
	if c.Name != nil {
		if key.Name = strings.TrimSpace(*c.Name); !validName(key.Name) {
			return key, invalid("name", "must be 1 to 100 printable characters")
		}
	}
	if c.Scopes != nil {
		known, err := k.cfg.Scopes(ctx)
		if err != nil {
			return key, err
		}
		key.Scopes = known.Canonical(*c.Scopes)
		if err := validScopes(known, "scopes", key.Scopes); err != nil {
			return key, err
		}
	}
	if c.Resources != nil {
		key.Resources = cloned(*c.Resources)
		if err := validResources(key.Resources); err != nil {
			return key, err
		}
	}
	if c.IPAllowlist != nil {
		if key.IPAllowlist, ok = blocks(*c.IPAllowlist); !ok {
			return key, errBlocks
		}
	}
	if c.Tier != nil {
		if key.Tier = *c.Tier; !k.validTier(key.Tier) {
			return key, errTier
		}
	}
	if c.ExpiresAt != nil {
		if key.ExpiresAt = whole(*c.ExpiresAt); !key.ExpiresAt.IsZero() && !key.ExpiresAt.After(now) {
			return key, errExpiry
		}
	}
	if c.RotateEvery != nil {
		key = scheduled(key, *c.RotateEvery)
		if err := k.validInterval(key.RotateEvery); err != nil {
			return key, err
		}
	}
	authz.Replace(&key.Delivery, c.Delivery)
	if c.GraceUntil != nil {
		before := key.GraceUntil
		switch key.GraceUntil = whole(*c.GraceUntil); {
		case key.Successor == "":
			return key, errNoGrace
		case key.GraceUntil.After(now.Add(MaxGrace)):
			return key, invalid("grace_until", "must be at most 30 days ahead")
		case key.GraceUntil.Before(now):
			key.GraceUntil = now
		}
		key.GraceWarned = key.GraceWarned && key.GraceUntil.Equal(before)
	}
	return moved(key, c, now)
}

var errNoGrace = authz.NewError(authz.Conflict, "not_replaced", "The key was not replaced: it has no grace.")

// moved switches the key off or on.
func moved(key authz.APIKey, c Change, now time.Time) (authz.APIKey, error) {
	switch {
	case c.State == nil:
		return key, nil
	case *c.State == authz.Disabled:
		key.State = authz.Disabled
	case *c.State != authz.Active:
		return key, invalid("status", `must be "active" or "disabled"; a key is revoked by its own operation`)
	case key.State == authz.Disabled:
		key.State, key.EnabledAt = authz.Active, now
		if !key.GraceUntil.IsZero() {
			key.State = authz.Grace
		}
	}
	return key, nil
}

// same reports whether the change changed anything.
func same(a, b authz.APIKey) bool {
	return a.Name == b.Name && a.Tier == b.Tier && a.State == b.State && a.ExpiresAt.Equal(b.ExpiresAt) && a.GraceUntil.Equal(b.GraceUntil) && a.RotateEvery == b.RotateEvery && a.Delivery == b.Delivery &&
		slices.Equal(a.Scopes, b.Scopes) && sameResources(a.Resources, b.Resources) && slices.Equal(a.IPAllowlist, b.IPAllowlist)
}

func sameResources(a, b authz.Resources) bool {
	return slices.Equal(a.Clusters, b.Clusters) && slices.Equal(a.CheckGroups, b.CheckGroups) && slices.Equal(a.AlertRoutes, b.AlertRoutes)
}
