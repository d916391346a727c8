package config

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"time"
)

func (p *Problems) server(s Server) {
	if n := len(s.Public); n == 0 || n > 64 {
		p.add("server.public", "must list between 1 and 64 listeners")
	}
	taken := listeners{}
	for i, l := range s.Public {
		path := index("server.public", i)
		p.address(taken, path+".address", l.Address)
		p.tls(path+".tls", l.TLS)
	}
	p.address(taken, "server.operator.address", s.Operator.Address)
	p.prefixes("server.trusted_proxies", s.TrustedProxies)
	p.clientCertificates(s)
	p.number("server.max_body_bytes", s.MaxBodyBytes, 64<<10, 64<<20)
	p.duration("server.read_timeout", s.ReadTimeout, time.Second, 5*time.Minute)
	p.duration("server.write_timeout", s.WriteTimeout, time.Second, 10*time.Minute)
	p.duration("server.idle_timeout", s.IdleTimeout, time.Second, time.Hour)
	p.duration("server.drain_delay", s.DrainDelay, 0, 5*time.Minute)
	p.duration("server.shutdown_timeout", s.ShutdownTimeout, time.Second, 10*time.Minute)
}

var headerName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)

func (p *Problems) clientCertificates(s Server) {
	if h := s.ClientCertificateHeader; h != "" && !headerName.MatchString(h) {
		p.add("server.client_certificate_header", "must be the name of a header")
	}
	if s.ClientCertificateHeader != "" && len(s.TrustedProxies) == 0 {
		p.add("server.client_certificate_header", "needs trusted_proxies: nobody else's header is believed")
	}
	if s.ClientCAFile != "" {
		p.certificates("server.client_ca_file", s.ClientCAFile)
	}
}

// certificates checks a file of authorities.
func (p *Problems) certificates(path, file string) {
	raw, err := os.ReadFile(file)
	if err != nil || !x509.NewCertPool().AppendCertsFromPEM(raw) {
		p.add(path, "must be a readable PEM file with certificates")
	}
}

// listeners are the addresses that are spoken for, by port.
type listeners map[int][]spoken

type spoken struct{ host, path string }

// address checks host:port, and that no other listener has it.
func (p *Problems) address(taken listeners, path, address string) {
	host, portText, err := net.SplitHostPort(address)
	port, portErr := strconv.Atoi(portText)
	if err != nil || portErr != nil || port < 0 || port > 65535 {
		p.add(path, "must be host:port with a port between 0 and 65535")
		return
	}
	if port == 0 {
		return // each takes a free one
	}
	for _, other := range taken[port] {
		if host == other.host || wildcard(host) || wildcard(other.host) {
			p.add(path, "must differ from %s: both would listen on the same port", other.path)
			return
		}
	}
	taken[port] = append(taken[port], spoken{host, path})
}

// wildcard reports whether a host to listen on means every address.
func wildcard(host string) bool {
	if host == "" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsUnspecified()
}

// loopback reports whether a host is this machine to itself.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func (p *Problems) tls(path string, t TLS) {
	p.oneOf(path+".min_version", t.MinVersion, "1.2", "1.3")
	switch {
	case !t.Enabled():
		return
	case t.KeyFile == "":
		p.add(path+".key_file", "is required beside cert_file")
		return
	case t.CertFile == "":
		p.add(path+".cert_file", "is required beside key_file")
		return
	}
	if _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err != nil {
		p.add(path, "cert_file and key_file cannot be used: %v", err)
	}
}
