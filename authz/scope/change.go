package scope

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// ScopeManage is the scope that an operator changes scopes by.
const ScopeManage = "manage:policies"

// Change is what is to be different about a scope; what is nil stays.
type Change struct {
	Description *string
	Aliases     *[]string
}

// Create adds a scope. It is in force everywhere at once, and nobody holds it
// yet. A version of 0 is whichever is in force.
func (c *Catalogue) Create(ctx context.Context, by authz.Principal, version int64, s authz.Scope, note string) (*authz.Scopes, error) {
	s.Retired, s.BuiltIn = false, false
	return c.change(ctx, by, version, act{"scope.created", s.Name, note}, func(known *authz.Scopes, added []authz.Scope) ([]authz.Scope, error) {
		if err := check(known, s); err != nil {
			return nil, err
		}
		if known.Knows(s.Name) {
			return nil, errTaken
		}
		if len(added) >= maxScopes {
			return nil, authz.NewError(authz.Conflict, "too_many_scopes", "200 scopes have been added already.")
		}
		return append(added, s), nil
	})
}

// Update changes what is said of a scope, and by what names it may be asked for.
// What it is, and who holds it, stays.
func (c *Catalogue) Update(ctx context.Context, by authz.Principal, version int64, name string, ch Change, note string) (*authz.Scopes, error) {
	return c.change(ctx, by, version, act{"scope.updated", name, note}, func(known *authz.Scopes, added []authz.Scope) ([]authz.Scope, error) {
		i, err := find(known, added, name)
		if err != nil {
			return nil, err
		}
		if added[i].Retired {
			return nil, authz.NewError(authz.Conflict, "scope_retired", "The scope is retired.")
		}
		authz.Replace(&added[i].Description, ch.Description)
		authz.Replace(&added[i].Aliases, ch.Aliases)
		return added, check(known, added[i])
	})
}

// Retire ends a scope: nobody is granted it any more, and whoever holds it can
// use it for nothing, on every node, at their next check.
func (c *Catalogue) Retire(ctx context.Context, by authz.Principal, version int64, name, note string) (*authz.Scopes, error) {
	return c.change(ctx, by, version, act{"scope.retired", name, note}, func(known *authz.Scopes, added []authz.Scope) ([]authz.Scope, error) {
		i, err := find(known, added, name)
		if err != nil {
			return nil, err
		}
		added[i].Retired = true
		return added, nil
	})
}

// Rollback makes the scopes again what they were in a version, or in the one
// before the one in force where it is 0. Scopes that came later are retired.
func (c *Catalogue) Rollback(ctx context.Context, by authz.Principal, version, to int64, note string) (*authz.Scopes, error) {
	if err := c.mayChange(by); err != nil {
		return nil, err
	}
	if to == 0 {
		now, err := c.cfg.Store.ScopesInForce(ctx, c.cfg.Issuer)
		if err != nil {
			return nil, err
		}
		to, version = now.Version-1, cmp.Or(version, now.Version)
	}
	var was authz.ScopesVersion // before the first, nothing was added
	if to > 0 {
		var err error
		if was, err = c.cfg.Store.GetScopesVersion(ctx, c.cfg.Issuer, to); err != nil {
			return nil, err
		}
	}
	return c.change(ctx, by, version, act{"scopes.rolled_back", "", note}, func(known *authz.Scopes, added []authz.Scope) ([]authz.Scope, error) {
		for i, s := range added {
			added[i].Retired = true
			if k := slices.IndexFunc(was.Scopes, func(o authz.Scope) bool { return o.Name == s.Name }); k >= 0 {
				added[i] = was.Scopes[k]
			}
		}
		after := authz.NewScopes(c.cfg.BuiltIn, authz.ScopesVersion{Scopes: added})
		for _, s := range after.All() {
			if s.BuiltIn || s.Retired {
				continue
			}
			if err := check(after, s); err != nil {
				return nil, err
			}
		}
		return added, nil
	})
}

// find returns the place of a scope among those that were added.
func find(known *authz.Scopes, added []authz.Scope, name string) (int, error) {
	for _, s := range known.All() {
		if s.Name == name && s.BuiltIn {
			return 0, authz.NewError(authz.Forbidden, "scope_built_in", "The scope is in the configuration file, and changed there.")
		}
	}
	i := slices.IndexFunc(added, func(s authz.Scope) bool { return s.Name == name })
	if i < 0 {
		return 0, authz.ErrNotFound
	}
	return i, nil
}

// mayChange checks that the principal may change what everybody may be granted:
// the operator, by hand with fresh proof of MFA.
func (c *Catalogue) mayChange(by authz.Principal) error {
	if err := c.mayRead(by); err != nil {
		return err
	}
	return authz.PersonIsFresh(by, c.cfg.Clock.Now())
}

func (c *Catalogue) mayRead(by authz.Principal) error {
	if by.Issuer != c.cfg.Issuer {
		return authz.ErrNotFound
	}
	return by.May(ScopeManage, "")
}

type act struct{ typ, name, note string }

// change puts what next makes of the scopes that were added in force.
func (c *Catalogue) change(ctx context.Context, by authz.Principal, version int64, a act, next func(*authz.Scopes, []authz.Scope) ([]authz.Scope, error)) (*authz.Scopes, error) {
	if err := c.mayChange(by); err != nil {
		return nil, err
	}
	if a.note != "" {
		if err := clientmeta.CheckText("note", a.note); err != nil {
			return nil, err
		}
	}
	before, err := c.cfg.Store.ScopesInForce(ctx, c.cfg.Issuer)
	if err != nil && !errors.Is(err, authz.ErrNotFound) {
		return nil, err
	}
	if version != 0 && version != before.Version {
		return nil, authz.ErrStale
	}
	known := authz.NewScopes(c.cfg.BuiltIn, before)
	added, err := next(known, slices.Clone(before.Scopes))
	if err != nil || slices.EqualFunc(added, before.Scopes, same) {
		return known, err
	}
	v := authz.ScopesVersion{
		Issuer: c.cfg.Issuer, Version: before.Version + 1, Act: a.typ, Name: a.name, Scopes: added, Note: a.note,
		CreatedBy: by.Subject, CreatedAt: c.cfg.Clock.Now(),
	}
	after := authz.NewScopes(c.cfg.BuiltIn, v)
	return after, c.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := c.cfg.Store.PutScopes(ctx, v, kept, voids(known, after)); err != nil {
			return err
		}
		return c.tell(ctx, by, v)
	})
}

func same(a, b authz.Scope) bool {
	return a.Name == b.Name && a.Description == b.Description && a.Retired == b.Retired && slices.Equal(a.Aliases, b.Aliases)
}

// voids are what is remembered wrongly from now on: every credential, where it
// is another thing now what some are good for.
func voids(before, after *authz.Scopes) []authz.NodeRef {
	differs := func(s authz.Scope) bool { return before.Retired(s.Name) != after.Retired(s.Name) }
	if slices.ContainsFunc(after.All(), differs) {
		return []authz.NodeRef{authz.EverythingRef()}
	}
	return nil
}

// tell writes the audit entry of a change and tells the outbox.
func (c *Catalogue) tell(ctx context.Context, by authz.Principal, v authz.ScopesVersion) error {
	target := v.Name
	if target == "" {
		target = "scopes"
	}
	details := map[string]any{"version": v.Version}
	if i := slices.IndexFunc(v.Scopes, func(s authz.Scope) bool { return s.Name == v.Name }); i >= 0 {
		details["scope"] = v.Scopes[i]
	}
	entry := authz.AuditEntry{
		Issuer: c.cfg.Issuer, Time: v.CreatedAt, Type: v.Act, Result: authz.Success, Actor: by.Subject, Target: target, Details: details,
	}.From(authz.OriginFrom(ctx))
	if err := c.cfg.Store.AppendAudit(ctx, entry); err != nil {
		return err
	}
	return c.cfg.Outbox.Append(ctx, "", v.Act, v.CreatedAt, map[string]any{"name": v.Name, "version": v.Version, "actor": by.Subject})
}
