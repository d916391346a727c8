package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress is the address of whoever sent the request: the peer's, or,
// behind trusted proxies, the right-most address in X-Forwarded-For that is
// not one of them. What an untrusted peer says of itself is not looked at.
func (s *server) clientAddress(r *http.Request) string {
	if len(s.cfg.TrustedProxies) == 0 {
		if host, ok := plainIPv4(r.RemoteAddr); ok {
			return host
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	address := peer.Addr().Unmap().WithZone("")
	if !s.trusted(address) {
		return address.String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break // garbage: believe nothing beyond it
		}
		address = next.Unmap().WithZone("")
		if !s.trusted(address) {
			break
		}
	}
	return address.String()
}

// plainIPv4 is the host of a peer that net wrote as an IPv4 address: it has one
// spelling, and is read no further.
func plainIPv4(peer string) (host string, ok bool) {
	for i := range len(peer) {
		if c := peer[i]; c == ':' {
			return peer[:i], i > 0
		} else if c != '.' && (c < '0' || c > '9') {
			return "", false
		}
	}
	return "", false
}

func (s *server) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}
