package web

import (
	"net/http"
	"net/netip"
)

// ClientAddress is what the fuzz target asks without a server.
func ClientAddress(trusted []netip.Prefix, r *http.Request) string {
	return (&server{cfg: Config{TrustedProxies: trusted}}).clientAddress(r)
}

// What else the fuzz targets ask.
var (
	CanonicalHost = canonicalHost
	PlainID       = plainID
)
