package web

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// maxCertificate bounds a certificate that a proxy passes on, in bytes.
const maxCertificate = 16 << 10

// certificates is the chain the client proved to hold: to us in the TLS
// handshake, or to a trusted proxy in front, which says so in the configured
// header. Anybody else's header is not looked at. A proxy that speaks for
// clients is never taken for one itself.
func (s *server) certificates(r *http.Request) []*x509.Certificate {
	if s.cfg.CertificateHeader != "" {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err == nil && s.trusted(peer.Addr().Unmap().WithZone("")) {
			return passedOn(r.Header.Values(s.cfg.CertificateHeader))
		}
	}
	if r.TLS == nil {
		return nil
	}
	return r.TLS.PeerCertificates
}

// passedOn reads the one value of a header: DER between colons in base64 (RFC
// 9440 section 2.1), or percent-encoded PEM as nginx writes it.
func passedOn(values []string) []*x509.Certificate {
	if len(values) != 1 || len(values[0]) > maxCertificate {
		return nil
	}
	der, ok := structured(values[0])
	if !ok {
		text, err := url.PathUnescape(values[0])
		if err != nil {
			return nil
		}
		block, rest := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" {
			return nil
		}
		der = block.Bytes
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return []*x509.Certificate{leaf}
}

func structured(value string) ([]byte, bool) {
	inner, ok := strings.CutPrefix(strings.TrimSpace(value), ":")
	if !ok {
		return nil, false
	}
	inner, ok = strings.CutSuffix(inner, ":")
	if !ok {
		return nil, false
	}
	der, err := base64.StdEncoding.DecodeString(inner)
	return der, err == nil
}

type certificatesKey struct{}

// withCertificates hands the chain on to handlers below this package.
func withCertificates(ctx context.Context, chain []*x509.Certificate) context.Context {
	if len(chain) == 0 {
		return ctx
	}
	return context.WithValue(ctx, certificatesKey{}, chain)
}

// Certificates is the chain that the sender of a request served below this
// package proved to hold; empty without one.
func Certificates(ctx context.Context) []*x509.Certificate {
	chain, _ := ctx.Value(certificatesKey{}).([]*x509.Certificate)
	return chain
}
