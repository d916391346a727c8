package outbound

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

const maxURL = 2048

// CheckURL says whether a URL may be saved as something to talk to: https, a
// host, no credentials, no fragment, at most 2048 bytes, and no literal
// address outside the public internet unless it is in one of the allowed
// prefixes. Plain http is for literal loopback addresses that are allowed.
// Every refusal wraps ErrBlocked. Names are judged when they are dialled.
func CheckURL(raw string, allowed ...netip.Prefix) error {
	if len(raw) > maxURL {
		return fmt.Errorf("%w: URL longer than %d bytes", ErrBlocked, maxURL)
	}
	u, err := url.Parse(raw)
	if err != nil {
		// The text of a URL may hold credentials: it is not repeated.
		return fmt.Errorf("%w: not a URL", ErrBlocked)
	}
	if strings.Contains(raw, "#") {
		return fmt.Errorf("%w: fragment in URL", ErrBlocked)
	}
	return newFilter(allowed).checkURL(u)
}

// checkURL applies the rules of CheckURL.
func (f *filter) checkURL(u *url.URL) error {
	if u.User != nil {
		return fmt.Errorf("%w: credentials in URL", ErrBlocked)
	}
	if u.Opaque != "" || u.Hostname() == "" {
		return fmt.Errorf("%w: no host in URL", ErrBlocked)
	}
	if err := checkPort(u.Port()); err != nil {
		return err
	}
	addr, literal, err := f.checkHost(u.Hostname())
	if err != nil {
		return err
	}
	switch u.Scheme {
	case "https":
		return nil
	case "http":
		if literal && addr.IsLoopback() {
			return nil
		}
	}
	return fmt.Errorf("%w: https required", ErrBlocked)
}

func checkPort(port string) error {
	if port == "" {
		return nil
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%w: port out of range", ErrBlocked)
	}
	return nil
}

// checkHost judges the host of a URL and returns its address if it is one.
func (f *filter) checkHost(host string) (addr netip.Addr, literal bool, err error) {
	if addr, err = netip.ParseAddr(host); err == nil {
		if addr.Is4In6() {
			return addr, true, fmt.Errorf("%w: IPv4-mapped address", ErrBlocked)
		}
		return addr, true, f.check(addr)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	// 2130706433, 0x7f.1 and 0177.0.0.1 are addresses to some resolvers.
	if last == "" || isNumber(last) {
		return netip.Addr{}, false, fmt.Errorf("%w: malformed address", ErrBlocked)
	}
	if last == "localhost" {
		return netip.Addr{}, false, f.check(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	return netip.Addr{}, false, nil
}

// isNumber reports whether a label reads as a decimal, octal or hexadecimal number.
func isNumber(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
