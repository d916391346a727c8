package saml

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	maxMetadata    = 1 << 20
	maxEntities    = 1000
	maxCertificate = 16 << 10
)

// metadataBounds are wide enough for a federation that fits in 1 MB.
var metadataBounds = bounds{depth: 32, elements: 40000, namespaces: 4000} //nolint:gochecknoglobals // a constant in all but syntax

// Metadata is what a metadata document says of one identity provider.
type Metadata struct {
	Provider Provider
	// ValidUntil is the end of the document; zero if untold. CacheFor is how
	// long it may be kept before it is fetched anew; 0 if untold.
	ValidUntil time.Time
	CacheFor   time.Duration
	// WantRequestsSigned says that the provider demands signed requests.
	WantRequestsSigned bool
	// Skipped says in words what was left out and why, for an administrator.
	Skipped []string
}

type entities struct {
	ValidUntil    string     `xml:"validUntil,attr"`
	CacheDuration string     `xml:"cacheDuration,attr"`
	Groups        []entities `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntitiesDescriptor"`
	Entities      []entity   `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntityDescriptor"`
}

type entity struct {
	EntityID      string    `xml:"entityID,attr"`
	ValidUntil    string    `xml:"validUntil,attr"`
	CacheDuration string    `xml:"cacheDuration,attr"`
	IDP           []idpRole `xml:"urn:oasis:names:tc:SAML:2.0:metadata IDPSSODescriptor"`
}

type idpRole struct {
	ValidUntil string          `xml:"validUntil,attr"`
	Protocols  string          `xml:"protocolSupportEnumeration,attr"`
	WantSigned string          `xml:"WantAuthnRequestsSigned,attr"`
	Keys       []keyDescriptor `xml:"urn:oasis:names:tc:SAML:2.0:metadata KeyDescriptor"`
	SSO        []endpoint      `xml:"urn:oasis:names:tc:SAML:2.0:metadata SingleSignOnService"`
	SLO        []endpoint      `xml:"urn:oasis:names:tc:SAML:2.0:metadata SingleLogoutService"`
}

type keyDescriptor struct {
	Use     string `xml:"use,attr"`
	KeyInfo []struct {
		Data []struct {
			Certificates []text `xml:"http://www.w3.org/2000/09/xmldsig# X509Certificate"`
		} `xml:"http://www.w3.org/2000/09/xmldsig# X509Data"`
	} `xml:"http://www.w3.org/2000/09/xmldsig# KeyInfo"`
}

type endpoint struct {
	Binding          string `xml:"Binding,attr"`
	Location         string `xml:"Location,attr"`
	ResponseLocation string `xml:"ResponseLocation,attr"`
}

// ParseMetadata reads a metadata document of 1 MB at most (SAML Metadata
// section 2) and returns its identity provider of that entity id; an empty
// entityID will do if there is only one. Every failure is an *idp.Error.
func ParseMetadata(raw []byte, entityID string, now time.Time) (Metadata, error) {
	root, err := scanMetadata(raw)
	if err != nil {
		return Metadata{}, err
	}
	var all entities
	if root.Local == "EntityDescriptor" {
		var one entity
		if err := read(raw, &one); err != nil {
			return Metadata{}, refuse(ReasonMetadata, errors.New("not a metadata document"))
		}
		all.Entities = []entity{one}
	} else if err := read(raw, &all); err != nil {
		return Metadata{}, refuse(ReasonMetadata, errors.New("not a metadata document"))
	}
	found, err := all.choose(entityID)
	if err != nil {
		return Metadata{}, err
	}
	return found.metadata(now)
}

func scanMetadata(raw []byte) (xml.Name, error) {
	if len(raw) > maxMetadata {
		return xml.Name{}, refuse(ReasonTooLarge, fmt.Errorf("more than %d bytes", maxMetadata))
	}
	s := &scanner{bounds: metadataBounds, ids: map[string]bool{}, metadata: true}
	if err := s.run(raw); err != nil {
		return xml.Name{}, err
	}
	root := s.facts.root
	if root.Space != nsMetadata || (root.Local != "EntityDescriptor" && root.Local != "EntitiesDescriptor") {
		return root, refuse(ReasonMetadata, errors.New("not a metadata document"))
	}
	return root, nil
}

// choose returns the identity provider asked for. Taking the first of several
// would let whoever sorts the document choose.
func (e entities) choose(entityID string) (entity, error) {
	var found []entity
	for _, one := range e.flat("", "") {
		if len(one.IDP) > 0 && (entityID == "" || one.EntityID == entityID) {
			found = append(found, one)
		}
	}
	switch {
	case len(found) == 0 && entityID == "":
		return entity{}, refuse(ReasonMetadata, errors.New("no identity provider inside"))
	case len(found) != 1:
		return entity{}, refuse(ReasonMetadataEntity, fmt.Errorf("%d identity providers of that name", len(found)))
	}
	return found[0], nil
}

// flat lists entities, each with the earliest end of those around it.
func (e entities) flat(validUntil, cacheDuration string) []entity {
	validUntil, cacheDuration = earlier(validUntil, e.ValidUntil), first(cacheDuration, e.CacheDuration)
	var out []entity
	for _, group := range e.Groups {
		out = append(out, group.flat(validUntil, cacheDuration)...)
	}
	for _, one := range e.Entities {
		one.ValidUntil, one.CacheDuration = earlier(validUntil, one.ValidUntil), first(cacheDuration, one.CacheDuration)
		out = append(out, one)
	}
	return out[:min(len(out), maxEntities)]
}

// earlier returns the earlier of two times; one that cannot be read counts, so
// that it is refused where it is used.
func earlier(a, b string) string {
	if a == "" {
		return b
	}
	at, ok := instant(a)
	other, ok2 := instant(b)
	if b == "" || !ok || (ok2 && at.Before(other)) {
		return a
	}
	return b
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// metadata holds an entity to what a connection needs.
func (e entity) metadata(now time.Time) (Metadata, error) {
	if e.EntityID == "" || len(e.EntityID) > 1024 || strings.TrimSpace(e.EntityID) != e.EntityID {
		return Metadata{}, refuse(ReasonMetadata, errors.New("an entity id that is empty, long or has blanks around it"))
	}
	var role *idpRole
	for i := range e.IDP {
		if slices.Contains(strings.Fields(e.IDP[i].Protocols), nsProtocol) {
			if role != nil {
				return Metadata{}, refuse(ReasonMetadataEntity, errors.New("two identity providers in one entity"))
			}
			role = &e.IDP[i]
		}
	}
	if role == nil {
		return Metadata{}, refuse(ReasonMetadata, errors.New("not an identity provider of SAML 2.0"))
	}
	m := Metadata{Provider: Provider{EntityID: e.EntityID}, CacheFor: duration(e.CacheDuration), WantRequestsSigned: role.WantSigned == "true" || role.WantSigned == "1"}
	if until := earlier(e.ValidUntil, role.ValidUntil); until != "" {
		at, ok := instant(until)
		if !ok || !now.Before(at) {
			return Metadata{}, refuse(ReasonMetadataExpired, errors.New("validUntil is past or malformed"))
		}
		m.ValidUntil = at
	}
	if err := m.endpoints(*role); err != nil {
		return Metadata{}, err
	}
	return m, m.certificates(role.Keys)
}

func (m *Metadata) endpoints(role idpRole) error {
	p := &m.Provider
	p.SSO, p.SLO, p.SLOResponse = map[string]string{}, map[string]string{}, map[string]string{}
	for _, e := range role.SSO {
		if err := put(p.SSO, e.Binding, e.Location); err != nil {
			return err
		}
	}
	for _, e := range role.SLO {
		if err := put(p.SLO, e.Binding, e.Location); err != nil {
			return err
		}
		if e.ResponseLocation != "" {
			if err := put(p.SLOResponse, e.Binding, e.ResponseLocation); err != nil {
				return err
			}
		}
	}
	if len(p.SSO) == 0 {
		return refuse(ReasonMetadata, errors.New("no SingleSignOnService by redirect or POST"))
	}
	return nil
}

// put keeps the first address of each binding that we speak.
func put(into map[string]string, binding, location string) error {
	if binding != BindingRedirect && binding != BindingPOST {
		return nil
	}
	if err := checkURL(location); err != nil {
		return refuse(ReasonMetadataURL, err)
	}
	if _, there := into[binding]; !there {
		into[binding] = location
	}
	return nil
}

// certificates keeps those that may verify signatures: use="signing" or none
// (SAML Metadata section 2.4.1.1). One for encryption verifies nothing.
func (m *Metadata) certificates(keys []keyDescriptor) error {
	for _, key := range keys {
		if key.Use != "" && key.Use != "signing" {
			continue
		}
		for _, info := range key.KeyInfo {
			for _, data := range info.Data {
				for _, encoded := range data.Certificates {
					m.keep(encoded)
				}
			}
		}
	}
	if len(m.Provider.Certificates) == 0 {
		return refuse(ReasonMetadataKeys, errors.New("no certificate to verify signatures with"))
	}
	if len(m.Provider.Certificates) > maxCerts {
		return refuse(ReasonMetadataKeys, fmt.Errorf("more than %d certificates", maxCerts))
	}
	return nil
}

func (m *Metadata) keep(encoded text) {
	certificate, err := ParseCertificate(encoded.Value)
	if err != nil {
		m.Skipped = append(m.Skipped, "a certificate: "+err.Error())
		return
	}
	if !slices.ContainsFunc(m.Provider.Certificates, certificate.Equal) {
		m.Provider.Certificates = append(m.Provider.Certificates, certificate)
	}
}

// ParseCertificate reads a certificate as metadata has it, base64 without
// armour; PEM's is tolerated. It refuses weak keys.
func ParseCertificate(encoded string) (*x509.Certificate, error) {
	if len(encoded) > maxCertificate {
		return nil, errors.New("too long")
	}
	encoded = strings.NewReplacer("-----BEGIN CERTIFICATE-----", "", "-----END CERTIFICATE-----", "").Replace(encoded)
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil {
		return nil, errors.New("not base64")
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errors.New("not an X.509 certificate")
	}
	return certificate, strong(certificate)
}
