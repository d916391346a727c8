package apikey

import (
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxDelegation is the longest life of a delegation a key carries, the
// operator's first one aside.
const maxDelegation = 90 * 24 * time.Hour

// wildcard is what only the operator's bootstrap delegation holds.
const wildcard = "*"

// validScopes checks that a key may carry the scopes at all.
func validScopes(known *authz.Scopes, member string, scopes []string) error {
	if len(scopes) == 0 || len(scopes) > maxScopes {
		return invalid(member, "must name 1 to 64 scopes")
	}
	for i, name := range scopes {
		scope, found := known.Find(authz.KeyScope, name)
		switch {
		case strings.Contains(name, wildcard):
			return invalid(member, "a key never holds a wildcard")
		case !found:
			return invalid(member, "names a scope this issuer does not have")
		case scope.PeopleOnly:
			return invalid(member, "names a scope for people only")
		case slices.Contains(scopes[:i], name):
			return invalid(member, "names a scope twice")
		}
	}
	return nil
}

// validDelegation checks the delegation a request would give its key.
func validDelegation(known *authz.Scopes, r Request, now time.Time) error {
	d := r.Delegation
	if d == nil {
		return nil
	}
	if err := validScopes(known, "delegation.scopes", d.Scopes); err != nil {
		return err
	}
	if len(d.Workspaces) > 1 || len(d.Workspaces) == 1 && d.Workspaces[0] != r.WorkspaceID {
		return invalid("delegation.workspaces", "must be the key's own workspace")
	}
	if end := whole(d.ExpiresAt); !end.After(now) || end.After(now.Add(maxDelegation)) {
		return invalid("delegation.expires_at", "must lie in the future, at most 90 days ahead")
	}
	return nil
}

// covers reports whether the principal may hand out every one of the scopes: by
// their delegation, or as a person who holds them. "*" counts for the operator only; who is given a delegation names
// what they may hand out.
func covers(by authz.Principal, scopes []string) bool {
	if by.Delegation == nil { // a person, who hands out what they hold
		return !slices.ContainsFunc(scopes, func(s string) bool { return !by.Holds(s) })
	}
	held := by.Delegation.Scopes
	if by.Platform() && slices.Contains(held, wildcard) {
		return true
	}
	return authz.Within(scopes, held)
}
