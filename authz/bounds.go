package authz

import (
	"slices"
	"strings"
)

// Bound is what one role lets a subject do: each of the scopes, on each of the
// resources, in the environment. An empty list of resources restricts nothing
// of its kind, an empty environment is both.
type Bound struct {
	Environment Environment `json:"environment,omitempty"`
	Scopes      []string    `json:"scopes"`
	Resources   Resources   `json:"resources"`
}

// Bounds are what all roles of a subject in a workspace let it do. They are
// compiled when a role, a binding or a team changes, and read with whatever
// hangs below the subject. No Bounds at all narrow nothing but what people may
// manage.
type Bounds struct {
	// Free leaves every scope alone but those that manage.
	Free bool    `json:"free,omitempty"`
	List []Bound `json:"list"`
	// Version is that of the scopes they were compiled by (Scopes.Version).
	Version int64 `json:"scopes_version,omitempty"`
}

// Narrowed is what is left of a credential within bounds.
type Narrowed struct {
	// Scopes may be used on all of Resources. A scope that holds on some of them
	// only is not among them; Bounds tell of it.
	Scopes    []string
	Resources Resources
	// Bounds say exactly which scope holds on what; nil when Scopes and
	// Resources do.
	Bounds []Bound
}

// ManagementPrefix begins the scopes that administer a workspace.
const ManagementPrefix = "manage:"

// Manages reports whether the scope administers a workspace.
func Manages(scope string) bool { return strings.HasPrefix(scope, ManagementPrefix) }

// identity are the scopes that open nothing but what a person told.
var identity = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

// Identifies reports whether the scope is about the person alone (OpenID
// Connect Core sections 5.4 and 11); no role gives or takes it.
func Identifies(scope string) bool { return slices.Contains(identity, scope) }

// PersonBounds are those of a person: whom no role was given yet manages nothing.
func PersonBounds(b *Bounds) *Bounds {
	if b == nil {
		return &Bounds{Free: true}
	}
	return b
}

// Narrow returns what is left of scopes on resources in an environment. It never
// adds a scope or a resource. What has no environment is in both, and not
// within a bound that is for one.
func (b *Bounds) Narrow(env Environment, scopes []string, own Resources) Narrowed {
	if b == nil {
		return Narrowed{Scopes: scopes, Resources: own}
	}
	var list []Bound
	add := func(r Resources, keep func(string) bool) {
		kept := slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return !keep(s) })
		if len(kept) > 0 {
			list = append(list, Bound{Scopes: kept, Resources: r})
		}
	}
	add(own, func(s string) bool { return Identifies(s) || b.Free && !Manages(s) })
	for _, bound := range b.List {
		met, some := own.meet(bound.Resources)
		if !some || bound.Environment != "" && bound.Environment != env {
			continue
		}
		whole := bound.Resources.Empty() // who may manage a part could manage the rest through it
		add(met, func(s string) bool { return slices.Contains(bound.Scopes, s) && (whole || !Manages(s)) })
	}
	return narrowed(scopes, own, list)
}

func narrowed(scopes []string, own Resources, list []Bound) Narrowed {
	n := Narrowed{Scopes: []string{}, Resources: own, Bounds: list}
	if n.Bounds == nil {
		n.Bounds = []Bound{}
		return n
	}
	n.Resources = joined(list, func(Bound) bool { return true })
	exact := true
	for _, s := range scopes {
		holds := func(b Bound) bool { return slices.Contains(b.Scopes, s) }
		if !slices.ContainsFunc(list, holds) || slices.Contains(n.Scopes, s) {
			continue
		}
		if !joined(list, holds).Covers(n.Resources) {
			exact = false
			continue
		}
		n.Scopes = append(n.Scopes, s)
	}
	if exact {
		n.Bounds = nil
	}
	return n
}

// joined are the resources of all bounds that count.
func joined(list []Bound, counts func(Bound) bool) Resources {
	var all Resources
	first := true
	for _, b := range list {
		if !counts(b) {
			continue
		}
		if first {
			all, first = b.Resources, false
			continue
		}
		all = Resources{
			Clusters: join(all.Clusters, b.Resources.Clusters), CheckGroups: join(all.CheckGroups, b.Resources.CheckGroups),
			AlertRoutes: join(all.AlertRoutes, b.Resources.AlertRoutes),
		}
	}
	return all
}

// join is both lists of ids; an empty one is every id there is.
func join(a, b []string) []string {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	all := slices.Clone(a)
	for _, id := range b {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// meet is what both allow; some is false when there is a kind of which that is
// nothing.
func (r Resources) meet(other Resources) (met Resources, some bool) {
	some = true
	each := func(a, b []string) []string {
		switch {
		case len(a) == 0:
			return b
		case len(b) == 0:
			return a
		}
		both := slices.DeleteFunc(slices.Clone(a), func(id string) bool { return !slices.Contains(b, id) })
		some = some && len(both) > 0
		return both
	}
	met.Clusters, met.CheckGroups = each(r.Clusters, other.Clusters), each(r.CheckGroups, other.CheckGroups)
	met.AlertRoutes = each(r.AlertRoutes, other.AlertRoutes)
	return met, some
}

// Covers reports whether r allows all that other does; a list that is empty
// restricts nothing of its kind.
func (r Resources) Covers(other Resources) bool {
	for _, kind := range []ResourceKind{Cluster, CheckGroup, AlertRoute} {
		mine, theirs := r.Of(kind), other.Of(kind)
		if len(mine) == 0 {
			continue
		}
		if len(theirs) == 0 || slices.ContainsFunc(theirs, func(id string) bool { return !slices.Contains(mine, id) }) {
			return false
		}
	}
	return true
}
