package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	keyPrefix    = regexp.MustCompile(`^[a-z][a-z0-9]{1,7}$`)
	keyPath      = regexp.MustCompile(`^/v1(/[a-z][a-z0-9-]{0,31}){1,4}$`)
	envVar       = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`)
	tierName     = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	connectionID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
)

// managementPaths are the first segments under /v1 that are other resources.
var managementPaths = []string{
	"accounts", "workspaces", "members", "role-bindings", "service-accounts", "clients", "connections",
	"sessions", "policies", "audit-events", "event-sinks", "signing-keys", "verify", "forward-auth", "registration-tokens",
	"leaks",
}

func (p *Problems) keys(seen issuersSeen, path string, k Keys) {
	if !keyPrefix.MatchString(k.Prefix) {
		p.add(path+".prefix", "must be 2 to 8 lower-case letters or digits, a letter first")
	}
	p.unique(seen.prefixes, path+".prefix", k.Prefix, "the prefix tells whose key it is")
	first, _, _ := strings.Cut(strings.TrimPrefix(k.Path, "/v1/"), "/")
	if !keyPath.MatchString(k.Path) || slices.Contains(managementPaths, first) {
		p.add(path+".path", "must be a path under /v1 that is no other resource's")
	}
	if !envVar.MatchString(k.EnvVar) {
		p.add(path+".env_var", "must be 1 to 64 upper-case letters, digits or underscores, a letter first")
	}
	p.rotation(path, k)
	p.duration(path+".quarantine", k.Quarantine, day, 3660*day)
	p.layouts(path+".imported_layouts", k)
	p.leakPolicy(path+".leaks.live", k.Leaks.Live)
	p.leakPolicy(path+".leaks.test", k.Leaks.Test)
	if _, ok := k.Tiers["standard"]; !ok || len(k.Tiers) > 64 {
		p.add(path+".tiers", "must hold the tier standard, and at most 64 tiers")
	}
	for _, name := range slices.Sorted(maps.Keys(k.Tiers)) {
		if !tierName.MatchString(name) {
			p.add(path+".tiers", "names must be 1 to 32 lower-case letters, digits or dashes, a letter first")
		}
		p.number(path+".tiers."+name, int64(k.Tiers[name]), 1, 1_000_000)
	}
}

func (p *Problems) rotation(path string, k Keys) {
	p.duration(path+".rotation_grace", k.RotationGrace, 0, 30*day)
	p.duration(path+".rotation_default", k.RotationDefault, day, 3660*day)
	if k.RotationDefault <= k.RotationGrace {
		p.add(path+".rotation_default", "must be longer than rotation_grace")
	}
	if k.RotationEnforceable == 0 {
		return
	}
	p.duration(path+".rotation_enforceable", k.RotationEnforceable, day, 3660*day)
	if k.RotationEnforceable <= k.RotationGrace {
		p.add(path+".rotation_enforceable", "must be longer than rotation_grace")
	}
}

func (p *Problems) oauth(path string, o OAuth) {
	p.oneOf(path+".pkce", o.PKCE, "public", "all")
	if len(o.ClientAuthMethods) == 0 {
		p.add(path+".client_auth_methods", "must hold at least one method")
	}
	methods := map[string]string{}
	for i, method := range o.ClientAuthMethods {
		at := index(path+".client_auth_methods", i)
		p.oneOf(at, method, "none", "client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")
		p.unique(methods, at, method, "once is enough")
	}
	p.subjects(path, o)
	scopes := map[string]string{}
	for i, s := range o.Scopes {
		at := index(path+".scopes", i)
		p.scope(scopes, at+".name", s.Name)
		p.label(at+".description", s.Description)
	}
	if _, ok := scopes["openid"]; !ok {
		p.add(path+".scopes", "must hold openid")
	}
	keyScopes := map[string]string{}
	for i, s := range o.KeyScopes {
		at := index(path+".key_scopes", i)
		p.scope(keyScopes, at+".name", s.Name)
		p.label(at+".description", s.Description)
		p.number(at+".aliases", int64(len(s.Aliases)), 0, 16)
		for j, alias := range s.Aliases {
			p.scope(keyScopes, index(at+".aliases", j), alias)
		}
	}
	p.registration(path, o, scopes)
}

// registration checks the rules for clients that nobody of ours registers.
func (p *Problems) registration(path string, o OAuth, catalogue map[string]string) {
	if o.Registration.Enabled {
		p.subset(path+".registration.scopes", o.Registration.Scopes, catalogue)
	}
	p.number(path+".registration.max_clients", int64(o.Registration.MaxClients), 1, 100_000)
	p.duration(path+".registration.unused_after", o.Registration.UnusedAfter, day, 3660*day)
	if o.ClientDocuments.Enabled {
		p.subset(path+".client_id_metadata_documents.scopes", o.ClientDocuments.Scopes, catalogue)
	}
	p.number(path+".client_id_metadata_documents.max_clients", int64(o.ClientDocuments.MaxClients), 1, 100_000)
}

// subset notes scopes that are not in the catalogue.
func (p *Problems) subset(path string, scopes []string, catalogue map[string]string) {
	for i, s := range scopes {
		if _, ok := catalogue[s]; !ok {
			p.add(index(path, i), "must be one of oauth.scopes")
		}
	}
}

// identity checks what gateways are told; they may do with nothing.
func (p *Problems) identity(path string, facts []string) {
	seen := map[string]string{}
	for i, fact := range facts {
		at := index(path, i)
		p.oneOf(at, fact, "subject", "client_id", "key_id", "workspace_id", "account_id", "environment", "scope", "credential_type")
		p.unique(seen, at, fact, "once is enough")
	}
}

func (p *Problems) subjects(path string, o OAuth) {
	if len(o.SubjectTypes) == 0 {
		p.add(path+".subject_types", "must hold at least one subject type")
	}
	types := map[string]string{}
	for i, kind := range o.SubjectTypes {
		at := index(path+".subject_types", i)
		p.oneOf(at, kind, "public", "pairwise")
		p.unique(types, at, kind, "once is enough")
	}
	values := map[string]string{}
	if len(o.ACRValues) > 64 {
		p.add(path+".acr_values", "must hold at most 64 values")
	}
	for i, value := range o.ACRValues {
		at := index(path+".acr_values", i)
		if value == "" || len(value) > 255 || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			p.add(at, "must be 1 to 255 printable ASCII characters without space")
		}
		p.unique(values, at, value, "once is enough")
	}
}

// scope checks a scope-token (RFC 6749 section 3.3), wildcards left out: a
// grant names what it grants.
func (p *Problems) scope(seen map[string]string, path, name string) {
	wrong := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' || r == '*' }
	if name == "" || len(name) > 128 || strings.ContainsFunc(name, wrong) {
		p.add(path, "must be 1 to 128 printable ASCII characters without space, quote, backslash or *")
	}
	p.unique(seen, path, name, "once is enough")
}

func (p *Problems) connections(ids map[string]string, path string, connections []Connection) {
	domains := map[string]string{}
	for i, c := range connections {
		at := index(path, i)
		p.connection(at, c)
		p.unique(ids, at+".id", c.ID, "the id is part of the callback")
		for j, domain := range c.Domains {
			here := index(at+".domains", j)
			if !hostName.MatchString(domain) || !strings.Contains(domain, ".") {
				p.add(here, "must be a domain in lower-case ASCII")
			}
			p.unique(domains, here, domain, "a domain signs in at one place")
		}
	}
}

// Longest is the longest life of a token that a signing key signs: how long a
// retired key must stay published.
func (t Tokens) Longest() time.Duration { return max(t.AccessTTL, t.IDTokenTTL) }

func (p *Problems) leakPolicy(path string, l LeakPolicy) {
	p.oneOf(path+".action", l.Action, "notify", "disable", "revoke")
	p.duration(path+".fuse", l.Fuse, 0, 90*day)
}

// beginning is what an expression for keys of elsewhere begins with: four plain
// characters, the last of them as it stands.
var beginning = regexp.MustCompile(`^[A-Za-z0-9_-]{4}[^?*+{]`)

// ours are the beginnings of this server's credentials that are not keys; a JWT
// begins with the base64 of a brace.
var ours = []string{"ac_", "at_", "dc_", "rt_", "gcs_", "git_", "grt_", "ey"}

func (p *Problems) layouts(path string, k Keys) {
	if len(k.ImportedLayouts) > 16 {
		p.add(path, "must be at most 16")
		return
	}
	for i, l := range k.ImportedLayouts {
		at := index(path, i)
		_, err := l.Compile()
		switch own := func(b string) bool { return strings.HasPrefix(l.Pattern, b) }; {
		case err != nil || len(l.Pattern) > 256:
			p.add(at+".pattern", "must be an expression in the syntax of RE2")
		case !beginning.MatchString(l.Pattern) || strings.Contains(l.Pattern, "|"):
			p.add(at+".pattern", "must begin with four plain characters and have no alternatives")
		case slices.ContainsFunc(ours, own) || own(k.Prefix+"_live_") || own(k.Prefix+"_test_"):
			p.add(at+".pattern", "begins as credentials of this server do")
		}
		if l.Lookup != 0 {
			p.number(at+".lookup", int64(l.Lookup), 6, 64)
		}
	}
}

// Compile is the expression for the whole text.
func (l KeyLayout) Compile() (*regexp.Regexp, error) {
	return regexp.Compile(`^(?:` + l.Pattern + `)$`)
}
