package web

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
)

// ClientAddress is what the fuzz target asks without a server.
func ClientAddress(trusted []netip.Prefix, r *http.Request) string {
	return (&server{cfg: Config{TrustedProxies: trusted}}).clientAddress(r)
}

// What else the fuzz targets ask.
var (
	CanonicalHost = canonicalHost
	PlainID       = plainID
	OnlyToken     = onlyToken
)

// PeerCertificates is what a server in front of which the trusted ones pass
// certificates on in the header takes for the client's.
func PeerCertificates(trusted []netip.Prefix, header string, r *http.Request) []*x509.Certificate {
	return (&server{cfg: Config{TrustedProxies: trusted, CertificateHeader: header}}).certificates(r)
}

// RequestIDs returns what makes request ids.
func RequestIDs() func() string { return (&requestIDs{}).next }

// ReadQuestion is what POST /v1/verify makes of a body.
func ReadQuestion(body string) (credential string, err error) {
	r := httptest.NewRequest(http.MethodPost, "/v1/verify", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	q, err := (&site{}).readQuestion(r)
	return q.credential.Reveal(), err
}

// TwoReadings are what the quick and the careful reading of a question find in
// it; each is nil where it is none.
func TwoReadings(body string) (quick, careful any) {
	var q, c question
	if q.plain(body) {
		quick = q
	}
	if c.decode(body) == nil {
		careful = c
	}
	return quick, careful
}
