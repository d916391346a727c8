package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/proof"
)

// certifiedClient authenticates a client by the certificate it proved to hold
// in the TLS handshake (RFC 8705 section 2).
func (s *Server) certifiedClient(ctx context.Context, in Request, id authz.ClientID, method string) (credential.AuthenticatedClient, error) {
	if len(in.Certificates) == 0 || !slices.Contains(s.settings.AuthMethods, method) {
		return credential.AuthenticatedClient{}, errInvalidClient
	}
	check := s.certifiedByAuthority
	if method == authz.AuthSelfSignedTLS {
		check = certifiedByItself
	}
	return s.cfg.Clients.Proven(ctx, id, method, func(c authz.Client) error {
		if err := check(c, in.Certificates); err != nil {
			return errInvalidClient.Because(err)
		}
		return nil
	})
}

// certifiedByAuthority checks the chain up to one of the operator's authorities
// and the one name the client registered (RFC 8705 section 2.1).
func (s *Server) certifiedByAuthority(c authz.Client, chain []*x509.Certificate) error {
	if s.cfg.ClientAuthorities == nil {
		return errors.New("oauth: no authority for client certificates is configured")
	}
	between := x509.NewCertPool()
	for _, one := range chain[1:] {
		between.AddCert(one)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: s.cfg.ClientAuthorities, Intermediates: between, CurrentTime: s.clock.Now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return err
	}
	if !namesClient(c.Metadata, chain[0]) {
		return errors.New("oauth: the certificate is of another name")
	}
	return nil
}

func namesClient(m authz.ClientMetadata, leaf *x509.Certificate) bool {
	switch {
	case m.TLSSubjectDN != "":
		return sameDN(m.TLSSubjectDN, leaf.Subject.String())
	case m.TLSSANDNS != "":
		return slices.ContainsFunc(leaf.DNSNames, func(name string) bool { return strings.EqualFold(name, m.TLSSANDNS) })
	case m.TLSSANURI != "":
		for _, u := range leaf.URIs {
			if u.String() == m.TLSSANURI {
				return true
			}
		}
	case m.TLSSANIP != "":
		want, err := netip.ParseAddr(m.TLSSANIP)
		for _, ip := range leaf.IPAddresses {
			if got, ok := netip.AddrFromSlice(ip); err == nil && ok && got.Unmap() == want.Unmap() {
				return true
			}
		}
	case m.TLSSANEmail != "":
		return slices.Contains(leaf.EmailAddresses, m.TLSSANEmail)
	}
	return false
}

// sameDN compares two distinguished names as text (RFC 4514), in which blanks
// around the commas and the case of attribute types mean nothing.
func sameDN(a, b string) bool { return slices.Equal(attributes(a), attributes(b)) }

func attributes(dn string) []string {
	var parts []string
	var part strings.Builder
	escaped := false
	end := func() {
		name, value, _ := strings.Cut(strings.TrimSpace(part.String()), "=")
		parts = append(parts, strings.ToUpper(strings.TrimSpace(name))+"="+strings.TrimSpace(value))
		part.Reset()
	}
	for _, r := range dn {
		if r == ',' && !escaped {
			end()
			continue
		}
		escaped = r == '\\' && !escaped
		part.WriteRune(r)
	}
	end()
	return parts
}

// certifiedByItself looks for the certificate's key among those the client
// registered; who issued it means nothing (RFC 8705 section 2.2).
func certifiedByItself(c authz.Client, chain []*x509.Certificate) error {
	keys, err := proof.ParseKeys(c.Metadata.JWKS)
	if err != nil {
		return err
	}
	if !keys.Certify(chain[0]) {
		return errors.New("oauth: the certificate's key is not registered")
	}
	return nil
}

// thumbprint is the x5t#S256 of a certificate (RFC 8705 section 3.1).
func thumbprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
