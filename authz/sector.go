package authz

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Sector is the host for which people have pairwise names at the client
// (OpenID Connect Core section 8.1); false where none is proven, and the client
// is a sector of its own. An administrator's word is proof. A client that
// registered itself is of the sector its tokens can only go to: its redirect
// URIs are https, and on one host or listed at its sector_identifier_uri. What
// runs on the person's own machine is no proof, anybody's program may, and
// neither are redirect URIs where tokens come without a redirect.
func (c *Client) Sector() (string, bool) {
	m := c.Metadata
	if m.Registration == "" && m.Sector != "" {
		return strings.ToLower(m.Sector), true
	}
	hosts, proven := c.RedirectHosts()
	switch {
	case !proven || m.Registration != "" && c.MayUse(GrantDeviceCode):
		return "", false
	case m.SectorURI != "":
		u, err := url.Parse(m.SectorURI)
		return strings.ToLower(u.Hostname()), err == nil
	case len(hosts) != 1:
		return "", false
	}
	return hosts[0], true
}

// RedirectHosts are the hosts of the client's redirect URIs, each once; false
// unless there are some and all of them are sites of the web.
func (c *Client) RedirectHosts() ([]string, bool) {
	var hosts []string
	proven := len(c.RedirectURIs) > 0
	for _, uri := range c.RedirectURIs {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "https" || atHome(u.Hostname()) {
			proven = false
			continue
		}
		hosts = append(hosts, strings.ToLower(u.Hostname()))
	}
	slices.Sort(hosts)
	return slices.Compact(hosts), proven
}

// atHome reports whether a host is the machine a browser runs on.
func atHome(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	address, err := netip.ParseAddr(host)
	return host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && address.Unmap().IsLoopback()
}
