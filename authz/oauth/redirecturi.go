package oauth

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// matchesRedirectURI compares byte for byte (RFC 9700 section 2.1). The one
// exception is the port of a public client's loopback address (RFC 8252
// section 7.3).
func matchesRedirectURI(c authz.Client, asked string) bool {
	if slices.Contains(c.RedirectURIs, asked) {
		return true
	}
	if !c.Public() {
		return false
	}
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		return loopbackEqual(registered, asked)
	})
}

// loopbackEqual reports whether both are http URIs on the same literal
// loopback address that differ in the port only.
func loopbackEqual(registered, asked string) bool {
	want, ok := withoutPort(registered)
	if !ok {
		return false
	}
	got, ok := withoutPort(asked)
	return ok && got == want
}

// withoutPort cuts the port from an http URI on a literal loopback address,
// leaving every other byte as it is.
func withoutPort(uri string) (string, bool) {
	rest, ok := strings.CutPrefix(uri, "http://")
	if !ok {
		return "", false
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, tail := rest[:end], rest[end:]
	if strings.Contains(tail, "#") || strings.Contains(host, "@") {
		return "", false
	}
	address, ok := literalLoopback(host)
	return address + tail, ok
}

// literalLoopback returns 127.0.0.1 or [::1] for "127.0.0.1", "127.0.0.1:80"
// and the like; other spellings of a loopback address are not recognised.
func literalLoopback(host string) (string, bool) {
	for _, address := range []string{"127.0.0.1", "[::1]"} {
		port, ok := strings.CutPrefix(host, address)
		if !ok {
			continue
		}
		if port == "" {
			return address, true
		}
		// The colon keeps 127.0.0.10 from passing for 127.0.0.1 and a "0".
		if _, err := netip.ParseAddrPort(address + port); err == nil && port[0] == ':' {
			return address, true
		}
	}
	return "", false
}

// CheckRedirectURI says whether a client may register the URI: absolute,
// without fragment, wildcard or user, https or http on a loopback address, or
// a private-use scheme with a dot (RFC 8252 section 7.1).
func CheckRedirectURI(uri string) error {
	bad := func(why string) error { return fault(authz.Invalid, "invalid_redirect_uri", why) }
	if len(uri) > 2048 || strings.ContainsAny(uri, "*\\ \t\r\n<>\"`{}|^") {
		return bad("A redirect URI must not hold wildcards, blanks or quotes, nor exceed 2048 bytes.")
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Scheme == "" || u.Fragment != "" || strings.Contains(uri, "#") || u.User != nil:
		return bad("A redirect URI must be absolute, without fragment and without user.")
	case u.Host != "" && !plainHost(u):
		return bad("The host of a redirect URI must be a name in ASCII or an address.")
	case u.Scheme == "https" && u.Host != "":
		return nil
	case u.Scheme == "http":
		if u.Hostname() == "localhost" {
			return nil
		}
		if _, ok := literalLoopback(u.Host); ok {
			return nil
		}
		return bad("A redirect URI with http must be on a loopback address.")
	case strings.Contains(u.Scheme, "."):
		return nil
	}
	return bad("A redirect URI must use https, http on a loopback address, or a private-use scheme such as com.example.app.")
}

// plainHost reports whether the host is a name in ASCII or an address: every
// browser reads it as we do, and it can stand in a page's policy.
func plainHost(u *url.URL) bool {
	name := u.Hostname()
	if address, err := netip.ParseAddr(name); err == nil {
		return address.Zone() == ""
	}
	odd := func(r rune) bool {
		return r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	return name != "" && !strings.HasSuffix(u.Host, ":") && !strings.ContainsFunc(name, odd)
}
