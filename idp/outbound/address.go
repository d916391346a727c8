package outbound

import (
	"fmt"
	"net/netip"
	"slices"
)

// filter decides which addresses may be dialled.
type filter struct {
	allowed []netip.Prefix
	special []netip.Prefix
}

// newFilter returns a filter that lets the allowed prefixes pass in addition
// to what is public.
func newFilter(allowed []netip.Prefix) *filter {
	f := &filter{allowed: slices.Clone(allowed)}
	for _, p := range []string{
		// RFC 6890 and its registry, IPv4.
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		// A cloud's metadata server on a public address.
		"168.63.129.16/32",
		// Within IPv6 global unicast: protocol assignments (Teredo, ORCHID),
		// documentation, and 6to4, which carries any IPv4 address inside.
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	} {
		f.special = append(f.special, netip.MustParsePrefix(p))
	}
	return f
}

// check returns ErrBlocked unless the address is allowed or public. An
// IPv4-mapped address is judged as the IPv4 address the kernel would dial.
func (f *filter) check(addr netip.Addr) error {
	addr = addr.Unmap()
	if addr.Zone() == "" && contains(f.allowed, addr) {
		return nil
	}
	if !f.public(addr) {
		return fmt.Errorf("%w: %s", ErrBlocked, addr)
	}
	return nil
}

// public reports whether the address is on the public internet. For IPv6 that
// is part of 2000::/3 alone, which leaves out NAT64, unique local, link-local,
// mapped and multicast addresses without naming them.
func (f *filter) public(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	if addr.Is6() && addr.As16()[0]>>5 != 1 {
		return false
	}
	return !contains(f.special, addr)
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}
