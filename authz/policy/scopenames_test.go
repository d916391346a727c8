package policy_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/policy"
)

// What a rule takes by one name cannot be asked for by another.
func TestS25_S5_ARuleIsAboutAScopeByEachOfItsNames(t *testing.T) {
	names := authz.NewScopeNames([]string{"read:checks", "checks:read", "product:checks:read"})
	request := policy.Request{Scopes: []string{"openid", "product:checks:read"}}
	for what, c := range map[string]struct {
		rule policy.Rule
		want []string
	}{
		"taken":   {policy.Rule{Then: policy.Then{RemoveScopes: []string{"read:checks"}}}, []string{"openid"}},
		"allowed": {policy.Rule{Then: policy.Then{AllowOnlyScopes: []string{"checks:read"}}}, []string{"product:checks:read"}},
		"matched": {policy.Rule{Match: policy.Match{Scopes: []string{"checks:read"}}, Then: policy.Then{Deny: true}}, []string{}},
		"another": {policy.Rule{Match: policy.Match{Scopes: []string{"write:checks"}}, Then: policy.Then{Deny: true}}, request.Scopes},
	} {
		c.rule.ID, c.rule.Name, c.rule.State = "r1", what, policy.On
		if got := policy.NewSetNamed(names, []policy.Rule{c.rule}).Evaluate(request); !slices.Equal(got.Scopes, c.want) {
			t.Errorf("%s: %v is left: %+v", what, got.Scopes, got)
		}
	}
}
