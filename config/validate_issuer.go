package config

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	issuerName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	hostName   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
)

// issuersSeen is what issuers must not share.
type issuersSeen struct{ names, hosts, prefixes, connections map[string]string }

func (p *Problems) issuers(issuers []Issuer) {
	if n := len(issuers); n == 0 || n > 32 {
		p.add("issuers", "must list between 1 and 32 issuers")
	}
	seen := issuersSeen{map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}}
	for i, issuer := range issuers {
		p.issuer(seen, index("issuers", i), issuer)
	}
}

func (p *Problems) issuer(seen issuersSeen, path string, i Issuer) {
	if !issuerName.MatchString(i.Name) {
		p.add(path+".name", "must be 1 to 32 lower-case letters, digits or dashes, a letter first")
	}
	p.unique(seen.names, path+".name", i.Name, "names of issuers are stored with every row")
	p.oneOf(path+".profile", i.Profile, Profiles()...)
	const told = "issuers are told apart by host"
	p.unique(seen.hosts, path+".url", p.origin(path+".url", i.URL), told)
	if i.APIURL != "" {
		p.unique(seen.hosts, path+".api_url", p.origin(path+".api_url", i.APIURL), told)
	}
	if i.MTLSURL != "" {
		p.unique(seen.hosts, path+".mtls_url", p.origin(path+".mtls_url", i.MTLSURL), told)
	}
	p.label(path+".display_name", i.DisplayName)
	p.label(path+".console.keys_path", i.Console.KeysPath)
	p.label(path+".console.create_button", i.Console.CreateButton)
	p.keys(seen, path+".keys", i.Keys)
	p.tokens(path+".tokens", i.Tokens)
	p.oauth(path+".oauth", i.OAuth)
	p.identity(path+".forward_auth.identity", i.ForwardAuth.Identity)
	p.targets(path+".oauth", i)
	p.signing(path+".signing", i.Signing)
	p.duration(path+".session.idle", i.Session.Idle, time.Minute, 90*day)
	p.duration(path+".session.absolute", i.Session.Absolute, time.Minute, 90*day)
	if i.Session.Idle > i.Session.Absolute {
		p.add(path+".session.idle", "must not be longer than session.absolute")
	}
	p.connections(seen.connections, path+".connections", i.Connections)
}

// origin checks the URL of a host of our own and returns the host and port it
// stands for, or "". An issuer identifier has no query or fragment (RFC 8414
// section 2); ours have no path either, and only one spelling.
func (p *Problems) origin(path, raw string) string {
	u, err := url.Parse(raw)
	if err != nil || raw != u.Scheme+"://"+u.Host || u.Hostname() == "" {
		p.add(path, "must be https://host or https://host:port, without path, trailing slash, query or fragment")
		return ""
	}
	if !secureScheme(u) {
		p.add(path, "must be https; http is for loopback hosts only")
		return ""
	}
	host := u.Hostname()
	if len(host) > 253 || !hostName.MatchString(host) && net.ParseIP(host) == nil {
		p.add(path, "must name a host in lower-case ASCII")
		return ""
	}
	port := u.Port()
	if n, err := strconv.Atoi(port); strings.HasSuffix(u.Host, ":") || port != "" && (err != nil || n < 1 || n > 65535) {
		p.add(path, "must have a port between 1 and 65535")
		return ""
	}
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return net.JoinHostPort(host, port)
}

func (p *Problems) label(path, text string) {
	if text == "" || len(text) > 100 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
		p.add(path, "must be 1 to 100 characters on one line")
	}
}

func (p *Problems) tokens(path string, t Tokens) {
	p.duration(path+".access_ttl", t.AccessTTL, time.Minute, day)
	p.duration(path+".refresh_ttl", t.RefreshTTL, time.Minute, 366*day)
	if t.RefreshTTL < t.AccessTTL {
		p.add(path+".refresh_ttl", "must not be shorter than access_ttl")
	}
	p.duration(path+".code_ttl", t.CodeTTL, 10*time.Second, time.Minute)
	p.duration(path+".id_token_ttl", t.IDTokenTTL, time.Minute, day)
	p.oneOf(path+".format", t.Format, "opaque", "jwt")
	p.duration(path+".pushed_ttl", t.PushedTTL, 5*time.Second, 10*time.Minute)
	p.duration(path+".refresh_grace", t.RefreshGrace, 0, time.Minute)
}

func (p *Problems) signing(path string, s Signing) {
	p.duration(path+".rotate_every", s.RotateEvery, time.Hour, 90*day)
	// Verifiers keep a JWKS for 15 minutes, and their clocks differ.
	p.duration(path+".publish_ahead", s.PublishAhead, 20*time.Minute, 90*day)
	if s.PublishAhead >= s.RotateEvery {
		p.add(path+".publish_ahead", "must be shorter than rotate_every")
	}
	seen := map[string]string{}
	for i, algorithm := range s.Algorithms {
		at := index(path+".algorithms", i)
		p.oneOf(at, algorithm, "RS256", "ES256", "PS256", "EdDSA")
		p.unique(seen, at, algorithm, "once is enough")
	}
	// ID tokens are RS256 unless a client asks otherwise; JWT access tokens are ES256.
	if !slices.Contains(s.Algorithms, "RS256") || !slices.Contains(s.Algorithms, "ES256") {
		p.add(path+".algorithms", "must hold RS256 and ES256")
	}
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
