package config

import (
	"net"
	"net/url"
	"slices"
)

// methodsOfCertificates are the client authentication methods that need a
// certificate of the client (RFC 8705 section 2).
var methodsOfCertificates = []string{"tls_client_auth", "self_signed_tls_client_auth"}

// AuthMethods are those of an issuer's client authentication methods that can
// succeed here: by certificate only where one can arrive at an address of the
// issuer's, and tls_client_auth only where there are authorities to verify it.
func (s Server) AuthMethods(i Issuer) []string {
	arrives := s.CertificatesArrive(i)
	return slices.DeleteFunc(slices.Clone(i.OAuth.ClientAuthMethods), func(method string) bool {
		return slices.Contains(methodsOfCertificates, method) && !arrives || method == "tls_client_auth" && s.ClientCAFile == ""
	})
}

// CertificatesArrive reports whether a client's certificate can come to an address
// of the issuer's, so that tokens can be bound to it (RFC 8705 section 3).
func (s Server) CertificatesArrive(i Issuer) bool {
	return s.certificatesArrive(i.URL, i.APIURL, i.MTLSURL)
}

// certificatesArrive reports whether a client's certificate can come to one of
// the addresses: in the header of a proxy that is believed, or at a listener that
// asks for it. An address without a port or with one that no listener has, which
// is mapped to a listener's, and one behind proxies, may be any listener's.
func (s Server) certificatesArrive(addresses ...string) bool {
	if s.ClientCertificateHeader != "" && len(s.TrustedProxies) > 0 {
		return true
	}
	for _, l := range s.Public {
		if !l.TLS.Enabled() || !l.TLS.ClientCertificates {
			continue
		}
		port := l.port()
		served := func(address string) bool {
			u, err := url.Parse(address)
			return address != "" && err == nil && (u.Port() == "" || u.Port() == port || !slices.ContainsFunc(s.Public, func(l Listener) bool { return l.port() == u.Port() }))
		}
		if port == "" || port == "0" || len(s.TrustedProxies) > 0 || slices.ContainsFunc(addresses, served) {
			return true
		}
	}
	return false
}

// port is that of the listener's address; empty for an address without one.
func (l Listener) port() string {
	_, port, err := net.SplitHostPort(l.Address)
	if err != nil {
		return ""
	}
	return port
}

const howCertificatesArrive = "set tls.client_certificates of a public listener, or server.client_certificate_header beside trusted_proxies; " +
	"tls_client_auth needs server.client_ca_file too"

// workable notes an issuer none of whose methods could ever succeed.
func (p *Problems) workable(path string, s Server, i Issuer) {
	if listed := i.OAuth.ClientAuthMethods; len(listed) > 0 && len(s.AuthMethods(i)) == 0 {
		p.add(path+".oauth.client_auth_methods", "holds only methods by certificate, which no client can use here: %s", howCertificatesArrive)
	}
}

// unused warns of methods that somebody listed, in place of the profile's, and
// that are left out, and of an address for certificates where none arrive.
func (p *Problems) unused(path string, s Server, i Issuer) {
	var usual Issuer
	usual.setDefaults(func(string) string { return i.Profile })
	usable, listed := s.AuthMethods(i), i.OAuth.ClientAuthMethods
	for n, method := range listed {
		if !slices.Contains(usable, method) && !slices.Equal(listed, usual.OAuth.ClientAuthMethods) {
			p.add(index(path+".oauth.client_auth_methods", n), "no client can use %s here, so it is not offered: %s", method, howCertificatesArrive)
		}
	}
	if i.MTLSURL != "" && !s.certificatesArrive(i.MTLSURL) {
		p.add(path+".mtls_url", "no certificate of a client can arrive there: %s", howCertificatesArrive)
	}
}
