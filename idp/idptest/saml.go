package idptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"time"

	"crypto"
)

// SAMLConfig shapes a SAML 2.0 identity provider.
type SAMLConfig struct {
	// EntityID is required.
	EntityID string
	// SSO and SLO are its addresses, told in its metadata.
	SSO, SLO string
	// Vendor shapes its answers: "okta", "entra", "auth0", "onelogin",
	// "pingone" or "pingfederate"; empty means a plain one.
	Vendor string
	// User signs in whatever is asked; required.
	User User
	// Encrypt is the certificate of a service provider to encrypt assertions
	// for, where the vendor does; nil for none.
	Encrypt *x509.Certificate
	// Key signs; nil means a new RSA key.
	Key *SAMLKey
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// SAML is an identity provider that writes its messages as text in canonical
// form and signs them with the standard library alone: whoever reads them is
// tested against somebody else's idea of XML signatures. It is for tests.
type SAML struct{ config SAMLConfig }

// SAMLKey is a private key with a certificate for it.
type SAMLKey struct {
	Signer      crypto.Signer
	Certificate *x509.Certificate
}

// NewSAML returns an identity provider.
func NewSAML(c SAMLConfig) (*SAML, error) {
	if c.EntityID == "" || c.User.Subject == "" {
		return nil, errors.New("idptest: entity id or user missing")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Key == nil {
		key, err := NewSAMLKey(c.Now().Add(-time.Hour), c.Now().Add(365*24*time.Hour))
		if err != nil {
			return nil, err
		}
		c.Key = key
	}
	return &SAML{config: c}, nil
}

// NewSAMLKey returns a new RSA key of 2048 bits with a self-signed certificate.
func NewSAMLKey(from, to time.Time) (*SAMLKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return Certify(key, from, to)
}

// NewSAMLKeyEC returns a new key on P-256 with a self-signed certificate.
func NewSAMLKeyEC(from, to time.Time) (*SAMLKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return Certify(key, from, to)
}

// Certify makes a self-signed certificate for a key.
func Certify(key crypto.Signer, from, to time.Time) (*SAMLKey, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("making a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "idptest"}, NotBefore: from.Truncate(time.Second), NotAfter: to.Truncate(time.Second),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading a certificate: %w", err)
	}
	return &SAMLKey{Signer: key, Certificate: certificate}, nil
}

// EntityID is the provider's entity id.
func (p *SAML) EntityID() string { return p.config.EntityID }

// Certificate verifies what the provider signs.
func (p *SAML) Certificate() *x509.Certificate { return p.config.Key.Certificate }

// Metadata is the provider's metadata document.
func (p *SAML) Metadata() []byte {
	certificate := base64.StdEncoding.EncodeToString(p.config.Key.Certificate.Raw)
	services := ""
	for _, service := range []struct{ name, location string }{{"SingleLogoutService", p.config.SLO}, {"SingleSignOnService", p.config.SSO}} {
		if service.location == "" {
			continue
		}
		for _, binding := range []string{"HTTP-Redirect", "HTTP-POST"} {
			services += `<md:` + service.name + ` Binding="urn:oasis:names:tc:SAML:2.0:bindings:` + binding + `" Location="` + escape(service.location) + `"/>`
		}
	}
	return []byte(`<?xml version="1.0" encoding="UTF-8"?>` +
		`<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + escape(p.config.EntityID) + `">` +
		`<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
		`<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>` +
		`<ds:X509Certificate>` + certificate + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>` +
		services + `</md:IDPSSODescriptor></md:EntityDescriptor>`)
}
