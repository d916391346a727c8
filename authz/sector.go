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
// neither are redirect URIs where tokens come without a redirect, or logout
// tokens go elsewhere.
func (c *Client) Sector() (string, bool) {
	m := c.Metadata
	if m.Registration == "" && m.Sector != "" {
		return strings.ToLower(m.Sector), true
	}
	hosts, proven := c.RedirectHosts()
	switch {
	case !proven || m.Registration != "" && c.toldElsewhere(hosts):
		return "", false
	case m.SectorURI != "":
		return hostOf(m.SectorURI), true
	case len(hosts) != 1:
		return "", false
	}
	return hosts[0], true
}

// toldElsewhere reports whether the client hears of people by other ways than a
// redirect to one of the hosts.
func (c *Client) toldElsewhere(hosts []string) bool {
	logout := hostOf(c.Metadata.BackchannelLogoutURI)
	return c.MayUse(GrantDeviceCode) || logout != "" && !slices.Contains(hosts, logout)
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
		hosts = append(hosts, hostOf(uri))
	}
	slices.Sort(hosts)
	return slices.Compact(hosts), proven
}

// hostOf is the host of a URI; empty without one.
func hostOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// atHome reports whether a host is the machine a browser runs on.
func atHome(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	address, err := netip.ParseAddr(host)
	return host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && address.Unmap().IsLoopback()
}
