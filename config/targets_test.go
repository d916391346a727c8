package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// withTargets is a configuration with a resource, a type and a rule.
func withTargets(t *testing.T) Config {
	return mustLoad(t, strings.Replace(small, `{profile: uptimepulse, url: "https://auth.uptimepulse.test"}`, `profile: uptimepulse
    url: "https://auth.uptimepulse.test"
    oauth:
      resources: [{uri: "https://tools.test/mcp", display_name: Tools, scopes: ["monitoring:admin", "monitor:read"]}]
      authorization_details_types: [{type: payment, description: Make a payment, members: {amount: object}}]
      workload_identities:
        - name: deployments
          issuer: https://ci.test
          claims: {sub: "repo:acme/*:ref:refs/heads/main", environment: production}
          workspace: Acme
          service_account: deploy
          scopes: ["monitor:read"]
          resources: ["https://tools.test/mcp"]`, 1))
}

func TestTargetsAreReadAndValid(t *testing.T) {
	c := withTargets(t)
	i := slices.IndexFunc(c.Issuers, func(i Issuer) bool { return len(i.OAuth.Resources) > 0 })
	if i < 0 {
		t.Fatal("no resources were read")
	}
	o := c.Issuers[i].OAuth
	w := o.WorkloadIdentities[0]
	if w.TTL != 15*time.Minute || w.Claims["environment"] != "production" || o.AuthorizationDetailsTypes[0].Members["amount"] != "object" {
		t.Errorf("%+v", o)
	}
	if len(o.Scopes) == 0 || len(o.KeyScopes) == 0 {
		t.Error("the profile's scopes are gone")
	}
}

func TestTargetsThatAreWrongAreNamed(t *testing.T) {
	for _, tc := range []struct {
		path   string
		change func(o *OAuth)
	}{
		{"resources[0].uri", func(o *OAuth) { o.Resources[0].URI = "tools" }},
		{"resources[0].uri", func(o *OAuth) { o.Resources[0].URI = "https://tools.test/#f" }},
		{"resources[0].uri", func(o *OAuth) { o.Resources[0].URI = "http://tools.test/" }},
		{"resources[0].uri", func(o *OAuth) { o.Resources[0].URI = "https://u:p@tools.test/" }},
		{"resources[0].display_name", func(o *OAuth) { o.Resources[0].DisplayName = "" }},
		{"resources[0].scopes[0]", func(o *OAuth) { o.Resources[0].Scopes = []string{"nothing"} }},
		{"resources[1].uri", func(o *OAuth) { o.Resources = append(o.Resources, o.Resources[0]) }},
		{"authorization_details_types[0].type", func(o *OAuth) { o.AuthorizationDetailsTypes[0].Type = "a b" }},
		{"authorization_details_types[0].description", func(o *OAuth) { o.AuthorizationDetailsTypes[0].Description = "" }},
		{"authorization_details_types[0].members.amount", func(o *OAuth) { o.AuthorizationDetailsTypes[0].Members["amount"] = "money" }},
		{"authorization_details_types[0].members", func(o *OAuth) { o.AuthorizationDetailsTypes[0].Members["actions"] = "string" }},
		{"workload_identities[0].name", func(o *OAuth) { o.WorkloadIdentities[0].Name = "" }},
		{"workload_identities[0].issuer", func(o *OAuth) { o.WorkloadIdentities[0].Issuer = "http://ci.test" }},
		{"workload_identities[0].audience", func(o *OAuth) { o.WorkloadIdentities[0].Audience = "https://ci.test" }},
		{"workload_identities[0].claims", func(o *OAuth) { o.WorkloadIdentities[0].Claims = nil }},
		{"workload_identities[0].claims.aud", func(o *OAuth) { o.WorkloadIdentities[0].Claims["aud"] = "x" }},
		{"workload_identities[0].claims.sub", func(o *OAuth) { o.WorkloadIdentities[0].Claims["sub"] = "*" }},
		{"workload_identities[0].claims.sub", func(o *OAuth) { o.WorkloadIdentities[0].Claims["sub"] = "*:*/*" }},
		{"workload_identities[0].claims.sub", func(o *OAuth) { o.WorkloadIdentities[0].Claims["sub"] = "repo:acme-*" }},
		{"workload_identities[0].claims.environment", func(o *OAuth) { o.WorkloadIdentities[0].Claims["environment"] = "*" }},
		{"workload_identities[0].claims", func(o *OAuth) { o.WorkloadIdentities[0].Claims["environment"] = "" }},
		{"workload_identities[0].workspace", func(o *OAuth) { o.WorkloadIdentities[0].Workspace = "" }},
		{"workload_identities[0].service_account", func(o *OAuth) { o.WorkloadIdentities[0].ServiceAccount = "" }},
		{"workload_identities[0].scopes", func(o *OAuth) { o.WorkloadIdentities[0].Scopes = nil }},
		{"workload_identities[0].scopes[0]", func(o *OAuth) { o.WorkloadIdentities[0].Scopes = []string{"openid"} }},
		{"workload_identities[0].scopes[0]", func(o *OAuth) { o.WorkloadIdentities[0].Scopes = []string{"*"} }},
		{"workload_identities[0].environment", func(o *OAuth) { o.WorkloadIdentities[0].Environment = "prod" }},
		{"workload_identities[0].resources[0]", func(o *OAuth) { o.WorkloadIdentities[0].Resources = []string{"https://evil.test"} }},
		{"workload_identities[0].ttl", func(o *OAuth) { o.WorkloadIdentities[0].TTL = time.Second }},
	} {
		c := withTargets(t)
		i := slices.IndexFunc(c.Issuers, func(i Issuer) bool { return len(i.OAuth.Resources) > 0 })
		tc.change(&c.Issuers[i].OAuth)
		problems := c.problems()
		if !slices.ContainsFunc(problems, func(p Problem) bool { return strings.HasSuffix(p.Path, "oauth."+tc.path) }) {
			t.Errorf("%s: %v", tc.path, problems)
		}
	}
	c := withTargets(t)
	c.Issuers[0].OAuth.WorkloadIdentities = slices.Clone(c.Issuers[0].OAuth.WorkloadIdentities)
	own := &c.Issuers[0]
	own.OAuth.Resources = append(own.OAuth.Resources, Resource{URI: own.api(), DisplayName: "API"})
	own.OAuth.WorkloadIdentities[0].Issuer = own.URL
	err := c.Validate()
	if err == nil || !strings.Contains(err.Error(), "always a resource") || !strings.Contains(err.Error(), "is this issuer") {
		t.Errorf("%v", err)
	}
}
