package config

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// Validate says what is wrong with the configuration: nil or Problems, all of
// them, each with its path. It opens the TLS files.
func (c Config) Validate() error { return c.problems().err() }

func (c Config) problems() Problems {
	var p Problems
	p.server(c.Server)
	p.database(c.Database)
	p.secrets(c.Secrets, c.Database.Driver)
	p.foreignKeys(c.Secrets.ForeignHMACKeys)
	p.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	p.oneOf("log.format", c.Log.Format, "json", "text")
	p.webhook(c.Webhook)
	p.prefixes("outbound.allow_private", c.Outbound.AllowPrivate)
	p.duration("outbound.timeout", c.Outbound.Timeout, 100*time.Millisecond, time.Minute)
	p.number("outbound.max_body_bytes", c.Outbound.MaxBodyBytes, 64<<10, 16<<20)
	p.limits(c.Limits)
	p.duration("conditional_access.decision_retention", c.ConditionalAccess.DecisionRetention, time.Hour, 400*day)
	if c.Leaks.GitHubKeysURL != "" {
		p.endpoint("leaks.github_keys_url", c.Leaks.GitHubKeysURL)
	}
	p.issuers(c.Issuers)
	for i, issuer := range c.Issuers {
		p.workable(index("issuers", i), c.Server, issuer)
	}
	return p
}

func (p *Problems) database(d Database) {
	p.oneOf("database.driver", d.Driver, SQLite, Postgres)
	if d.Driver == SQLite && d.Path == "" {
		p.add("database.path", "is required for sqlite")
	}
	if d.Driver == Postgres && d.DSN.Empty() {
		p.add("database.dsn", "is required for postgres, here or by dsn_file")
	}
	if d.Driver == SQLite && !d.DSN.Empty() {
		p.add("database.dsn", "is for postgres, but the driver is sqlite")
	}
	p.oneOf("database.sqlite.synchronous", d.SQLite.Synchronous, "full", "normal")
	p.number("database.max_open_conns", int64(d.MaxOpenConns), 1, 1000)
}

func (p *Problems) limits(l Limits) {
	for _, e := range []struct {
		path  string
		limit Limit
	}{
		{"limits.token", l.Token}, {"limits.introspect", l.Introspect},
		{"limits.authorize", l.Authorize}, {"limits.login", l.Login},
		{"limits.registration", l.Registration}, {"limits.leaks", l.Leaks},
	} {
		p.rate(e.path+".per_address", e.limit.PerAddress)
		p.rate(e.path+".per_client", e.limit.PerClient)
	}
	p.shared(l.Shared)
}

var storedPrefix = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

func (p *Problems) shared(s SharedLimits) {
	if !storedPrefix.MatchString(s.KeyPrefix) {
		p.add("limits.shared.key_prefix", "must be 1 to 64 letters, digits and ._:-")
	}
	if s.Address == "" {
		if s.TLS || s.CAFile != "" || s.Username != "" || !s.Password.Empty() {
			p.add("limits.shared.address", "is required beside the other settings of the server")
		}
		return
	}
	if host, port, err := net.SplitHostPort(s.Address); err != nil || host == "" || !validPort(port) {
		p.add("limits.shared.address", "must be host:port")
	}
	if s.Username != "" && s.Password.Empty() {
		p.add("limits.shared.password", "is required beside a username, here or by password_file")
	}
	if s.CAFile == "" {
		return
	}
	if !s.TLS {
		p.add("limits.shared.ca_file", "needs tls: true")
	}
	p.certificates("limits.shared.ca_file", s.CAFile)
}

func validPort(text string) bool {
	port, err := strconv.Atoi(text)
	return err == nil && port > 0 && port <= 65535
}

func (p *Problems) rate(path string, r Rate) {
	// Written so that NaN fails.
	if !(r.PerSecond >= 0.001 && r.PerSecond <= 1e6) {
		p.add(path+".per_second", "must be between 0.001 and 1000000")
	}
	p.number(path+".burst", int64(r.Burst), 1, 1e6)
}

func (p *Problems) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		p.add(path, "must be one of %s", strings.Join(allowed, ", "))
	}
}

func (p *Problems) duration(path string, d, least, most time.Duration) {
	if d < least || d > most {
		p.add(path, "must be between %s and %s", least, most)
	}
}

func (p *Problems) number(path string, n, least, most int64) {
	if n < least || n > most {
		p.add(path, "must be between %d and %d", least, most)
	}
}

// unique notes the second and further places of a value.
func (p *Problems) unique(seen map[string]string, path, value, what string) {
	if value == "" {
		return
	}
	if first, ok := seen[value]; ok {
		p.add(path, "must differ from %s: %s", first, what)
		return
	}
	seen[value] = path
}

// prefixes refuses what would trust the internet: the whole address space, or
// a part of it that is larger than any network of one's own.
func (p *Problems) prefixes(path string, prefixes []netip.Prefix) {
	for i, prefix := range prefixes {
		at := index(path, i)
		switch {
		case !prefix.IsValid():
			p.add(at, "must be a prefix such as 10.0.0.0/8 or 2001:db8::/32")
		case prefix.Addr().Is4In6():
			p.add(at, "must be written as an IPv4 prefix")
		case prefix.Addr().Is4() && prefix.Bits() < 8, prefix.Bits() < 7:
			p.add(at, "takes in too much of the internet: at least /8 for IPv4 and /7 for IPv6")
		case prefix != prefix.Masked():
			p.add(at, "has bits set beyond its length; did you mean %s?", prefix.Masked())
		}
	}
}
