package authz_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func TestS5_AScopeIsFoundByEachOfItsNames(t *testing.T) {
	n := authz.NewScopeNames([]string{"read:checks", "checks:read", "product:checks:read"}, []string{"write:checks"})
	for asked, want := range map[string]string{"read:checks": "read:checks", "checks:read": "read:checks", "write:checks": "write:checks", "x": "x", "": ""} {
		if got := n.Canonical(asked); got != want {
			t.Errorf("%q is %q", asked, got)
		}
	}
	held := []string{"product:checks:read", "write:checks"}
	for asked, want := range map[string]string{"checks:read": "product:checks:read", "product:checks:read": "product:checks:read", "write:checks": "write:checks", "checks:write": "checks:write"} {
		if got := n.Among(held, asked); got != want {
			t.Errorf("%q is held as %q", asked, got)
		}
	}
	if got := n.Spelled(held); !slices.Equal(got, []string{"product:checks:read", "write:checks", "read:checks", "checks:read"}) || len(held) != 2 {
		t.Errorf("spelled %v", got)
	}
	var none authz.ScopeNames
	if none.Canonical("a") != "a" || none.Among(held, "a") != "a" || none.Of("a") != nil || len(none.Spelled(held)) != 2 {
		t.Error("the zero value knows a name")
	}
	n = authz.NewScopeNames([]string{"read:checks", "checks:read"})
	list := []string{"a", "b"}
	if allocs := testing.AllocsPerRun(100, func() { _ = n.Of("read:metrics"); _ = n.Among(list, "b") }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// What is retired, or for people only, is nobody's by another name.
func TestS30_NoNameBringsBackARetiredScopeOrGivesMachinesOneOfPeople(t *testing.T) {
	s := authz.NewScopes([]authz.Scope{
		{Kind: authz.KeyScope, Name: "read:checks", Aliases: []string{"checks:read", "product:checks:read"}},
		{Kind: authz.KeyScope, Name: "admin:all", Aliases: []string{"all:admin"}},
		{Kind: authz.KeyScope, Name: "read:old", Aliases: []string{"old:read"}, Retired: true},
		{Kind: authz.ClientScope, Name: "product:checks:read"}, {Kind: authz.ClientScope, Name: "all:admin"},
	}, authz.ScopesVersion{})
	n := s.Names()
	if got := n.Of("product:checks:read"); !slices.Equal(got, []string{"read:checks", "checks:read", "product:checks:read"}) {
		t.Errorf("the names are %v", got)
	}
	for _, name := range []string{"admin:all", "all:admin", "read:old", "old:read"} {
		if n.Of(name) != nil {
			t.Errorf("%s has other names: %v", name, n.Of(name))
		}
	}
}
