package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

// SAMLConfig is a connection's side of SAML as its connector wants it, at the
// issuer of that URL. Keys, Replays and Now are left to the caller.
func SAMLConfig(issuerURL string, c authz.Connection) (saml.Config, error) {
	profile, ok := saml.Vendor(cmp.Or(c.Vendor, "generic"))
	if !ok || c.SAML == nil {
		return saml.Config{}, fmt.Errorf("connection %s has no side of SAML, or an unknown vendor", c.ID)
	}
	u, entityID := c.SAML, SAMLEntityID(issuerURL, c.ID)
	out := saml.Config{
		ID: string(c.ID), EntityID: entityID, ACS: entityID + "/acs", SLO: entityID + "/slo",
		IDP:          saml.Provider{EntityID: u.EntityID, SSO: u.SSO, SLO: u.SLO, SLOResponse: u.SLOResponse},
		NameIDFormat: cmp.Or(u.NameIDFormat, profile.NameIDFormat), SignRequests: u.SignRequests,
		Mapping: profile.Mapping, MFA: profile.MFA, StaticContext: profile.StaticContext, MutableSubject: u.MutableSubject,
	}
	times := c.Numbers.Times()
	out.Skew, out.MaxAge = times.SAMLSkew, times.AssertionAge
	var err error
	if out.IDP.Certificates, err = certificates(u.Certificates); err != nil {
		return saml.Config{}, fmt.Errorf("connection %s: %w", c.ID, err)
	}
	if _, err := certificates(u.MetadataCertificates); err != nil {
		return saml.Config{}, fmt.Errorf("metadata_certificates: %w", err)
	}
	if len(u.Subject) > 0 {
		out.Mapping.Subject = u.Subject
	}
	out.Mapping.Require, out.Mapping.Link = u.Require, c.Fallback.Link.SAML
	out.MFA.ACR = slices.Concat(out.MFA.ACR, u.MFAContexts)
	out.MFA.AMR = slices.Concat(out.MFA.AMR, u.MFAMethods)
	out.MFA.Declared = u.MFADeclared
	return out, nil
}

// SAMLEntityID is our entity id at a connection; its addresses lie below it.
func SAMLEntityID(issuerURL string, id authz.ConnectionID) string {
	return issuerURL + "/saml/" + string(id)
}

// serviceProvider is the connector of a connection's side of SAML.
func (a *App) serviceProvider(conn authz.Connection) (idp.Connector, error) {
	cfg, err := SAMLConfig(a.Issuers[conn.Issuer].Config.URL, conn)
	if err != nil {
		return nil, err
	}
	if cfg.Keys, err = OpenSAMLKeys(a.keyring, conn); err != nil {
		return nil, err
	}
	cfg.Now = a.clock.Now
	cfg.Replays = Replays{Store: a.store, Issuer: conn.Issuer, Connection: conn.ID}
	return saml.New(cfg)
}

// Replays remembers used assertions of one connection in the database: two
// connections may be at one provider, which knows them by one entity id.
type Replays struct {
	Store interface {
		UseOnce(ctx context.Context, issuer authz.IssuerName, id [32]byte, until time.Time) error
	}
	Issuer     authz.IssuerName
	Connection authz.ConnectionID
}

// UseOnce implements saml.Replays.
func (r Replays) UseOnce(ctx context.Context, entityID, id string, until time.Time) (first bool, err error) {
	// No part can hold a NUL: XML has none.
	digest := authz.Digest(strings.Join([]string{"saml", string(r.Issuer), string(r.Connection), entityID, id}, "\x00"))
	err = r.Store.UseOnce(ctx, r.Issuer, digest, until)
	if errors.Is(err, authz.ErrConsumed) {
		return false, nil
	}
	return err == nil, err
}

// SAMLUpstream is what a connection keeps of a provider's metadata document; an
// empty entityID will do if it describes one provider.
func (a *App) SAMLUpstream(metadata []byte, entityID string) (*authz.SAMLUpstream, error) {
	return samlUpstream(metadata, entityID, a.clock.Now())
}

func samlUpstream(metadata []byte, entityID string, now time.Time) (*authz.SAMLUpstream, error) {
	m, err := saml.ParseMetadata(metadata, entityID, now)
	if err != nil {
		return nil, err
	}
	return upstreamOf(m), nil
}

// upstreamOf is what is kept of metadata.
func upstreamOf(m saml.Metadata) *authz.SAMLUpstream {
	out := &authz.SAMLUpstream{
		EntityID: m.Provider.EntityID, SSO: m.Provider.SSO, SLO: m.Provider.SLO, SLOResponse: m.Provider.SLOResponse, WantsSigned: m.WantRequestsSigned, SignRequests: m.WantRequestsSigned,
	}
	for _, certificate := range m.Provider.Certificates {
		out.Certificates = append(out.Certificates, certificate.Raw)
	}
	return out
}
