package web

import (
	"crypto/x509"
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

// PeerCertificates is what a server in front of which the trusted ones pass
// certificates on in the header takes for the client's.
func PeerCertificates(trusted []netip.Prefix, header string, r *http.Request) []*x509.Certificate {
	return (&server{cfg: Config{TrustedProxies: trusted, CertificateHeader: header}}).certificates(r)
}
