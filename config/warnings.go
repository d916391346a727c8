package config

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
)

// Warnings names what was loosened and is allowed, to be logged at start.
func (c Config) Warnings() Problems {
	var w Problems
	for i, l := range c.Server.Public {
		if l.TLS.Enabled() && l.TLS.MinVersion == "1.2" {
			w.add(index("server.public", i)+".tls.min_version", "TLS 1.2 is spoken")
		}
		if host, _, err := net.SplitHostPort(l.Address); err == nil && l.TrustedGateways && !loopback(host) {
			w.add(index("server.public", i)+".trusted_gateways", "whoever reaches this listener is taken for a gateway of yours")
		}
	}
	if host, _, err := net.SplitHostPort(c.Server.Operator.Address); err == nil && !loopback(host) {
		w.add("server.operator.address", "the operator listener is reachable from outside this machine")
	}
	if c.Database.Driver == SQLite && c.Database.SQLite.Synchronous == "normal" {
		w.add("database.sqlite.synchronous", "a power cut may lose the last transactions")
	}
	if !c.Limits.Enabled {
		w.add("limits.enabled", "endpoints are not rate limited")
	}
	if len(c.Outbound.AllowPrivate) > 0 {
		w.add("outbound.allow_private", "private networks can be reached through upstream addresses")
	}
	if len(c.Webhook.AllowPrivate) > 0 {
		w.add("webhook.allow_private", "the webhook may be in a private network")
	}
	w.exposed("database.dsn_file", c.Database.DSNFile)
	w.exposed("webhook.secret_file", c.Webhook.SecretFile)
	w.exposed("limits.shared.password_file", c.Limits.Shared.PasswordFile)
	if host, _, err := net.SplitHostPort(c.Limits.Shared.Address); err == nil && !loopback(host) && !c.Limits.Shared.TLS {
		w.add("limits.shared.tls", "whoever is on the way to the server of the limits can read its password and change what it answers")
	}
	for i, k := range c.Secrets.RootKeys {
		w.exposed(index("secrets.root_keys", i)+".value_file", k.ValueFile)
	}
	for i, k := range c.Secrets.ForeignHMACKeys {
		w.exposed(index("secrets.foreign_hmac_keys", i)+".value_file", k.ValueFile)
	}
	for i, issuer := range c.Issuers {
		path := index("issuers", i)
		w.unserved(path+".url", issuer.URL, c.Server)
		w.unserved(path+".api_url", issuer.APIURL, c.Server)
		w.unserved(path+".mtls_url", issuer.MTLSURL, c.Server)
		w.unused(path, c.Server, issuer)
		for j, connection := range issuer.Connections {
			path := index(index("issuers", i)+".connections", j)
			w.exposed(path+".client_secret_file", connection.ClientSecretFile)
			w.unreachable(path+".issuer", connection.Issuer, c.Outbound.AllowPrivate)
		}
		for j, workload := range issuer.OAuth.WorkloadIdentities {
			path := index(index("issuers", i)+".oauth.workload_identities", j)
			w.unreachable(path+".issuer", workload.Issuer, c.Outbound.AllowPrivate)
		}
	}
	return w
}

// exposed warns of a secret's file that everyone on the machine may read.
func (p *Problems) exposed(path, file string) {
	if file == "" {
		return
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o007 != 0 {
		p.add(path, "the file can be read by every user of this machine")
	}
}

// unserved warns of an address of ours whose port nobody listens on. An address
// without a port, and a server behind proxies, may well be served elsewhere.
func (p *Problems) unserved(path, address string, s Server) {
	u, err := url.Parse(address)
	if err != nil || u.Port() == "" || len(s.TrustedProxies) > 0 {
		return
	}
	for _, l := range s.Public {
		if _, port, err := net.SplitHostPort(l.Address); err != nil || port == u.Port() || port == "0" {
			return
		}
	}
	p.add(path, "no public listener has the port %s, and no trusted proxy is configured that could", u.Port())
}

// unreachable warns of an upstream on this machine that the server will not
// ask: those elsewhere are known when they are dialled.
func (p *Problems) unreachable(path, issuer string, allowed []netip.Prefix) {
	u, err := url.Parse(issuer)
	if err != nil || !loopback(u.Hostname()) {
		return
	}
	addr, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if !slices.ContainsFunc(allowed, func(prefix netip.Prefix) bool { return prefix.Contains(addr) }) {
		p.add(path, "is on this machine and cannot be reached: outbound.allow_private does not hold %s", addr)
	}
}
