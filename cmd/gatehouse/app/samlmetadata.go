package app

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	conn "github.com/gatehouse-auth/gatehouse/authz/connection"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

// Newer fetches the metadata of a connection's provider, which stays the same
// entity. Where an administrator pinned keys for it, it is what they signed or it
// is not signed.
func (u Protocols) Newer(ctx context.Context, c authz.Connection) (conn.Newer, error) {
	raw, err := saml.FetchMetadata(ctx, u.HTTP, c.SAML.MetadataURL)
	if err != nil {
		return conn.Newer{}, plain(err)
	}
	pinned, err := certificates(c.SAML.MetadataCertificates)
	if err != nil {
		return conn.Newer{}, err
	}
	out := conn.Newer{}
	if len(pinned) > 0 {
		if raw, err = saml.VerifyMetadata(raw, pinned, u.Clock.Now()); err != nil {
			return conn.Newer{}, plain(err) // somebody else's document proposes nothing
		}
		out.Signed = true
	}
	m, err := saml.ParseMetadata(raw, c.SAML.EntityID, u.Clock.Now())
	if err != nil {
		return conn.Newer{}, plain(err)
	}
	out.CacheFor, out.ValidUntil = m.CacheFor, m.ValidUntil
	if !m.ValidUntil.IsZero() {
		if left := m.ValidUntil.Sub(u.Clock.Now()); out.CacheFor == 0 || left < out.CacheFor {
			out.CacheFor = left
		}
	}
	newer := *c.SAML
	found := upstreamOf(m)
	newer.SSO, newer.SLO, newer.SLOResponse, newer.Certificates = found.SSO, found.SLO, found.SLOResponse, found.Certificates
	out.SAML = &newer
	return out, nil
}

func certificates(list [][]byte) ([]*x509.Certificate, error) {
	out := make([]*x509.Certificate, len(list))
	for n, der := range list {
		var err error
		if out[n], err = x509.ParseCertificate(der); err != nil {
			return nil, fmt.Errorf("reading a certificate: %w", err)
		}
	}
	return out, nil
}

// providerOf is a provider as the protocol's package has it.
func providerOf(u *authz.SAMLUpstream) (saml.Provider, error) {
	list, err := certificates(u.Certificates)
	return saml.Provider{EntityID: u.EntityID, SSO: u.SSO, SLO: u.SLO, SLOResponse: u.SLOResponse, Certificates: list}, err
}

// Compare says what newer metadata says otherwise than a connection.
func (u Protocols) Compare(c authz.Connection, newer *authz.SAMLUpstream) (conn.MetadataChanges, error) {
	held, err := providerOf(c.SAML)
	if err != nil {
		return conn.MetadataChanges{}, err
	}
	next, err := providerOf(newer)
	if err != nil {
		return conn.MetadataChanges{}, err
	}
	changes, err := saml.Compare(held, next)
	if err != nil {
		return conn.MetadataChanges{}, plain(err)
	}
	return conn.MetadataChanges{
		Added: named(changes.Added, next.Certificates), Removed: named(changes.Removed, held.Certificates), Endpoints: changes.Endpoints,
	}, nil
}

// named are the certificates of the fingerprints.
func named(prints []string, among []*x509.Certificate) []conn.Certificate {
	var out []conn.Certificate
	for _, print := range prints {
		for _, c := range among {
			if one := certificateOf(c); one.Fingerprint == print {
				out = append(out, one)
			}
		}
	}
	return out
}

// ProviderCertificates are those that a connection's provider signs with.
func (u Protocols) ProviderCertificates(c authz.Connection) ([]conn.Certificate, error) {
	list, err := certificates(c.SAML.Certificates)
	out := make([]conn.Certificate, len(list))
	for n := range list {
		out[n] = certificateOf(list[n])
	}
	return out, err
}

// Expiries are the certificates at a connection, the provider's and ours, that
// end within 30 days.
func (u Protocols) Expiries(c authz.Connection) ([]conn.Expiry, error) {
	theirs, err := certificates(c.SAML.Certificates)
	if err != nil {
		return nil, err
	}
	keys, err := OpenSAMLKeys(u.Keyring, c)
	if err != nil {
		return nil, err
	}
	ours := make([]*x509.Certificate, len(keys))
	for n, key := range keys {
		ours[n] = key.Certificate
	}
	now := u.Clock.Now()
	return append(expiries(theirs, now, false), expiries(ours, now, true)...), nil
}

func expiries(list []*x509.Certificate, now time.Time, ours bool) []conn.Expiry {
	var out []conn.Expiry
	for _, e := range saml.Expiries(list, now) {
		for _, c := range list {
			if one := certificateOf(c); one.Fingerprint == e.Fingerprint {
				out = append(out, conn.Expiry{Certificate: one, Ours: ours, Days: e.Days, Last: e.Last})
				break
			}
		}
	}
	return out
}
