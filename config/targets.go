package config

import "time"

// Resource is a protected resource (RFC 8707).
type Resource struct {
	// The absolute URI that clients name, without fragment; compared byte for byte.
	URI string `yaml:"uri"`
	// What people are shown when a client asks for it.
	DisplayName string `yaml:"display_name"`
	// The scopes that are valid there; empty for every one.
	Scopes []string `yaml:"scopes"`
}

// AuthorizationDetailsType is a type of authorization details (RFC 9396 section 2.1).
type AuthorizationDetailsType struct {
	// The type that clients name.
	Type string `yaml:"type"`
	// What the consent page says it allows.
	Description string `yaml:"description"`
	// The members it has beside locations, actions, datatypes, identifier and
	// privileges, by name: "string", "number", "boolean", "array" or "object".
	Members map[string]string `yaml:"members"`
}

// WorkloadIdentity maps tokens of an upstream issuer, such as those a CI runner
// gets for its jobs, to a service account. There is no secret in it.
type WorkloadIdentity struct {
	// The name in the audit trail.
	Name string `yaml:"name"`
	// The upstream's issuer identifier; discovery starts there.
	Issuer string `yaml:"issuer"`
	// The audience its tokens must have, alone: the URL of this issuer or of its
	// token endpoint; the URL when unset.
	Audience string `yaml:"audience"`
	// The claims a token must have, beside iss and aud, at least one: exact
	// texts. In sub, * stands for one whole segment between slashes or colons.
	Claims map[string]string `yaml:"claims"`
	// The id or name of the workspace of the service account.
	Workspace string `yaml:"workspace"`
	// The id or name of the service account; one that is named and does not
	// exist is created.
	ServiceAccount string `yaml:"service_account"`
	// The scopes its tokens may have, of those of API keys.
	Scopes []string `yaml:"scopes"`
	// The environment it works in; empty for neither.
	Environment string `yaml:"environment" jsonschema:"enum=,enum=live,enum=test"`
	// The resources its tokens may be for; empty for the API.
	Resources []string `yaml:"resources"`
	// The life of its access tokens: at most access_ttl, and never past the end
	// of the token they came of.
	TTL time.Duration `yaml:"ttl"`
}

func (w *WorkloadIdentity) setDefaults(func(string) string) { w.TTL = 15 * time.Minute }
