package config

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// commonMembers are those every type of authorization details has (RFC 9396
// section 2.2).
var commonMembers = []string{"type", "locations", "actions", "datatypes", "identifier", "privileges"}

// standardClaims are looked at for every workload, whatever its rule says.
var standardClaims = []string{"iss", "aud", "exp", "iat", "nbf", "jti"}

// api is where the issuer's API lives.
func (i Issuer) api() string {
	if i.APIURL != "" {
		return i.APIURL
	}
	return i.URL
}

func (p *Problems) targets(path string, i Issuer) {
	uris := map[string]string{}
	for n, r := range i.OAuth.Resources {
		at := index(path+".resources", n)
		p.resource(at, i, r)
		p.unique(uris, at+".uri", r.URI, "clients name a resource by it")
	}
	types := map[string]string{}
	for n, t := range i.OAuth.AuthorizationDetailsTypes {
		at := index(path+".authorization_details_types", n)
		p.detailsType(at, t)
		p.unique(types, at+".type", t.Type, "clients name a type by it")
	}
	names := map[string]string{}
	for n, w := range i.OAuth.WorkloadIdentities {
		at := index(path+".workload_identities", n)
		p.workload(at, i, w)
		p.unique(names, at+".name", w.Name, "the audit trail tells rules apart by it")
	}
}

func (p *Problems) resource(path string, i Issuer, r Resource) {
	u, err := url.Parse(r.URI)
	absolute := err == nil && (u.Scheme == "https" && u.Host != "" || u.Scheme == "http" && loopback(u.Hostname()) || u.Scheme == "urn" && u.Opaque != "")
	if !absolute || u.User != nil || len(r.URI) > 1024 || strings.ContainsAny(r.URI, "# \t\r\n\"<>\\") {
		p.add(path+".uri", "must be an absolute https or urn URI without fragment, at most 1024 characters; http on loopback hosts only")
	}
	if r.URI == i.api() {
		p.add(path+".uri", "is the issuer's own API, which is always a resource")
	}
	p.label(path+".display_name", r.DisplayName)
	for n, scope := range r.Scopes {
		known := slices.ContainsFunc(i.OAuth.Scopes, func(s Scope) bool { return s.Name == scope }) || i.OAuth.keyScope(scope)
		if !known {
			p.add(index(path+".scopes", n), "must be one of oauth.scopes or oauth.key_scopes")
		}
	}
}

// keyScope reports whether a scope may be given to what is no person.
func (o OAuth) keyScope(name string) bool {
	return slices.ContainsFunc(o.KeyScopes, func(s KeyScope) bool { return s.Name == name && !s.PeopleOnly })
}

func (p *Problems) detailsType(path string, t AuthorizationDetailsType) {
	p.plain(path+".type", t.Type)
	p.label(path+".description", t.Description)
	if len(t.Members) > 64 {
		p.add(path+".members", "must be at most 64")
	}
	for _, name := range slices.Sorted(maps.Keys(t.Members)) {
		p.plain(path+".members", name)
		if slices.Contains(commonMembers, name) {
			p.add(path+".members", "every type has %s", name)
		}
		p.oneOf(path+".members."+name, t.Members[name], "string", "number", "boolean", "array", "object")
	}
}

// plain checks a name that stands in JSON and in audit entries.
func (p *Problems) plain(path, name string) {
	if name == "" || len(name) > 128 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		p.add(path, "names must be 1 to 128 printable ASCII characters without space")
	}
}

func (p *Problems) workload(path string, i Issuer, w WorkloadIdentity) {
	p.label(path+".name", w.Name)
	p.endpoint(path+".issuer", w.Issuer)
	if w.Issuer == i.URL {
		p.add(path+".issuer", "is this issuer: its own tokens are exchanged without a rule")
	}
	p.oneOf(path+".audience", w.Audience, "", i.URL, i.URL+"/oauth2/token")
	p.conditions(path+".claims", w.Claims)
	for _, required := range []struct{ key, value string }{{"workspace", w.Workspace}, {"service_account", w.ServiceAccount}} {
		if required.value == "" || len(required.value) > 200 {
			p.add(path+"."+required.key, "is required, at most 200 characters")
		}
	}
	if len(w.Scopes) == 0 {
		p.add(path+".scopes", "must hold at least one scope")
	}
	for n, scope := range w.Scopes {
		if !i.OAuth.keyScope(scope) {
			p.add(index(path+".scopes", n), "must be one of oauth.key_scopes, and not for people only")
		}
	}
	p.oneOf(path+".environment", w.Environment, "", "live", "test")
	for n, uri := range w.Resources {
		if uri != i.api() && !slices.ContainsFunc(i.OAuth.Resources, func(r Resource) bool { return r.URI == uri }) {
			p.add(index(path+".resources", n), "must be one of oauth.resources, or the API")
		}
	}
	p.duration(path+".ttl", w.TTL, time.Minute, day)
}

// conditions checks what a workload's token must say. A pattern of nothing but
// wildcards would let everybody in whom the upstream knows.
func (p *Problems) conditions(path string, claims map[string]string) {
	if len(claims) == 0 || len(claims) > 16 {
		p.add(path, "must hold 1 to 16 claims")
	}
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		value := claims[name]
		if name == "" || len(name) > 128 || value == "" || len(value) > 512 {
			p.add(path, "names must be 1 to 128 and values 1 to 512 characters")
		}
		if slices.Contains(standardClaims, name) {
			p.add(path+"."+name, "is checked for every workload")
		}
		if !strings.Contains(value, "*") {
			continue
		}
		segments := strings.FieldsFunc(value, func(r rune) bool { return r == '/' || r == ':' })
		partial := func(s string) bool { return s != "*" && strings.Contains(s, "*") }
		literal := func(s string) bool { return s != "*" }
		if name != "sub" || slices.ContainsFunc(segments, partial) || !slices.ContainsFunc(segments, literal) {
			p.add(path+"."+name, "* stands for whole segments of sub only, beside at least one that is written out")
		}
	}
}
