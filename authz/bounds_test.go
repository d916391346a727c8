package authz_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func TestS32_AScopeHoldsOnTheResourcesItsRoleIsFor(t *testing.T) {
	bounds := &authz.Bounds{List: []authz.Bound{
		{Scopes: []string{"read:checks"}, Resources: authz.Resources{Clusters: []string{"eu"}}},
		{Scopes: []string{"write:checks"}, Resources: authz.Resources{Clusters: []string{"us"}}},
	}}
	n := bounds.Narrow(authz.Live, []string{"read:checks", "write:checks"}, authz.Resources{})
	if len(n.Scopes) != 0 || len(n.Bounds) != 2 || !slices.Equal(n.Resources.Clusters, []string{"eu", "us"}) {
		t.Errorf("two roles on two clusters: %+v", n)
	}
	n = bounds.Narrow(authz.Live, []string{"read:checks"}, authz.Resources{})
	if !slices.Equal(n.Scopes, []string{"read:checks"}) || !slices.Equal(n.Resources.Clusters, []string{"eu"}) {
		t.Errorf("one of them: %+v", n)
	}
	n = bounds.Narrow(authz.Live, []string{"read:checks"}, authz.Resources{Clusters: []string{"us"}})
	if len(n.Scopes) != 0 || n.Bounds == nil || len(n.Bounds) != 0 {
		t.Errorf("a key for another cluster than its role: %+v", n)
	}
}

func TestARoleForAPartOrAnEnvironmentManagesNothingElse(t *testing.T) {
	manage := []string{"manage:keys"}
	part := &authz.Bounds{List: []authz.Bound{{Scopes: manage, Resources: authz.Resources{Clusters: []string{"eu"}}}}}
	sandbox := &authz.Bounds{List: []authz.Bound{{Scopes: manage, Environment: authz.Test}}}
	for what, got := range map[string][]string{
		"a cluster":             part.Narrow(authz.Live, manage, authz.Resources{}).Scopes,
		"the sandbox, live":     sandbox.Narrow(authz.Live, manage, authz.Resources{}).Scopes,
		"the sandbox, both":     sandbox.Narrow("", manage, authz.Resources{}).Scopes,
		"a person without role": authz.PersonBounds(nil).Narrow("", manage, authz.Resources{}).Scopes,
	} {
		if len(got) != 0 {
			t.Errorf("%s: %v", what, got)
		}
	}
	if got := sandbox.Narrow(authz.Test, manage, authz.Resources{}).Scopes; !slices.Equal(got, manage) {
		t.Errorf("the sandbox, test: %v", got)
	}
	if got := authz.PersonBounds(nil).Narrow("", []string{"openid", "monitoring:admin"}, authz.Resources{}).Scopes; len(got) != 2 {
		t.Errorf("a person without role: %v", got)
	}
	if got := (&authz.Bounds{}).Narrow("", []string{"openid", "monitoring:admin"}, authz.Resources{}).Scopes; !slices.Equal(got, []string{"openid"}) {
		t.Errorf("bounds of nothing: %v", got)
	}
}

// Whatever the bounds, what is told by scopes and resources together is within
// them and within what there was: for every scope and every id.
func TestNarrowingNeverWidens(t *testing.T) {
	names, ids := []string{"a:read", "b:write", "manage:keys", "openid"}, []string{"1", "2", "3"}
	some := func(of []string) []string {
		return slices.DeleteFunc(slices.Clone(of), func(string) bool { return rand.N(2) == 0 })
	}
	allows := func(list []string, id string) bool { return len(list) == 0 || slices.Contains(list, id) }
	envs := []authz.Environment{"", authz.Live, authz.Test}
	for range 20_000 {
		b := &authz.Bounds{Free: rand.N(4) == 0}
		for range rand.N(4) {
			b.List = append(b.List, authz.Bound{Environment: envs[rand.N(3)], Scopes: some(names), Resources: authz.Resources{Clusters: some(ids), AlertRoutes: some(ids)}})
		}
		env, scopes := envs[rand.N(3)], some(names)
		own := authz.Resources{Clusters: some(ids), AlertRoutes: some(ids)}
		n := b.Narrow(env, scopes, own)
		for _, s := range n.Scopes {
			if !slices.Contains(scopes, s) {
				t.Fatalf("%+v narrowed %v to %+v", b, scopes, n)
			}
			for _, kind := range []authz.ResourceKind{authz.Cluster, authz.AlertRoute} {
				for _, id := range ids {
					if !allows(n.Resources.Of(kind), id) {
						continue
					}
					within := authz.Identifies(s) || b.Free && !authz.Manages(s)
					for _, bound := range b.List {
						in := bound.Environment == "" || bound.Environment == env
						within = within || in && slices.Contains(bound.Scopes, s) && allows(bound.Resources.Of(kind), id) && (!authz.Manages(s) || bound.Resources.Empty())
					}
					if !within || !allows(own.Of(kind), id) {
						t.Fatalf("%s on %s %s: %+v in %q narrowed %v on %+v to %+v", s, kind, id, b, env, scopes, own, n)
					}
				}
			}
		}
	}
}
