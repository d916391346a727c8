package apikey

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// wider reports whether a key could do anything, anywhere or at any time after
// a change that it could not before, or would be given to somebody else. That
// takes what minting takes.
func wider(before, after authz.APIKey) bool {
	return !authz.Within(after.Scopes, before.Scopes) ||
		!before.Resources.Covers(after.Resources) ||
		opened(before.IPAllowlist, after.IPAllowlist) ||
		after.Delivery != before.Delivery && after.Delivery != "" ||
		later(before.ExpiresAt, after.ExpiresAt) || later(before.GraceUntil, after.GraceUntil) ||
		before.RotateEvery > 0 && (after.RotateEvery == 0 || after.RotateEvery > before.RotateEvery)
}

// opened reports whether an allow-list lets more addresses through; one that is
// empty lets all through, and a block inside one that was there is no more than
// it.
func opened(before, after []string) bool {
	if len(before) == 0 {
		return false
	}
	allowed := authz.Prefixes(before)
	inside := func(block netip.Prefix) bool {
		return slices.ContainsFunc(allowed, func(a netip.Prefix) bool { return a.Bits() <= block.Bits() && a.Contains(block.Addr()) })
	}
	return len(after) == 0 || slices.ContainsFunc(authz.Prefixes(after), func(block netip.Prefix) bool { return !inside(block) })
}

// later compares ends; zero is never.
func later(before, after time.Time) bool {
	return !before.IsZero() && (after.IsZero() || after.After(before))
}

// longestToken is the longest life of a token (the configuration holds it to that).
const longestToken = 24 * time.Hour

// outgrown reports whether a token made from the key before a change could do
// what the key itself cannot after it: then they all end. The allow-list and
// the tier are read with the key wherever a token of it is looked at.
func outgrown(before, after authz.APIKey, now time.Time) bool {
	if after.State == authz.Disabled && before.State != authz.Disabled {
		return true
	}
	if !authz.Within(before.Scopes, after.Scopes) || !sameResources(before.Resources, after.Resources) {
		return true
	}
	end := after.EndsAt()
	return later(end, before.EndsAt()) && end.Before(now.Add(longestToken))
}
