package saml

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
)

const (
	defaultAge  = 5 * time.Minute
	maxAge      = 10 * time.Minute
	defaultSkew = 60 * time.Second
	maxSkew     = 180 * time.Second
	maxCerts    = 8
	maxOurKeys  = 3
)

// Replays remembers what was used, on all nodes together.
type Replays interface {
	// UseOnce notes that an assertion, or a logout message, of an issuer was
	// used, and reports whether that was the first time. It must remember until
	// the time given. Whoever keeps the pending sign-in consumes it in the same
	// transaction.
	UseOnce(ctx context.Context, issuer, id string, until time.Time) (first bool, err error)
}

// Config describes one connection to an identity provider.
type Config struct {
	// ID is the connection's id, required; it becomes Identity.Upstream.
	ID string
	// EntityID is ours at this connection, ACS and SLO are where answers and
	// logout messages arrive; all of a connection's own, so that an assertion
	// for one is nothing at another. EntityID and ACS are required.
	EntityID, ACS, SLO string
	// Keys are ours, the one in use first, then those that are still or already
	// published; needed to sign and to decrypt.
	Keys []Key
	// IDP is the identity provider, required.
	IDP Provider

	// NameIDFormat asked for: NameIDPersistent or NameIDUnspecified (the
	// default), or NameIDEmail. Transient is refused: every sign-in would be a
	// new person.
	NameIDFormat string
	// Contexts are AuthnContextClassRefs to ask for, exactly; empty asks for
	// none, which some providers need (AADSTS75011).
	Contexts []string
	// SignRequests signs authentication requests. Logout messages always are.
	SignRequests bool

	// Mapping says where the attributes are; Vendor has it for those we know.
	Mapping idp.Mapping
	// MFA says what proves a second factor.
	MFA idp.MFARule
	// StaticContext says that the provider tells the same context class
	// whatever happened: then it proves nothing.
	StaticContext bool
	// MutableSubject is an administrator's word that subjects which can change
	// hands, e-mail addresses, are all there is.
	MutableSubject bool

	// MaxAge is how old an assertion may be; 0 means 5 minutes, at most 10.
	MaxAge time.Duration
	// Skew is how far clocks may differ; 0 means 60 seconds, at most 180.
	Skew time.Duration
	// ExpiredUntil lets expired certificates count until then; audited by
	// whoever sets it.
	ExpiredUntil time.Time
	// OpenCipher accepts encrypted assertions in responses that are not signed,
	// which lets anyone ask us to decrypt.
	OpenCipher bool

	Replays Replays          // required
	Now     func() time.Time // nil means time.Now
}

// Key is an RSA key of ours with its certificate: it signs and, if Signer is a
// crypto.Decrypter as well, decrypts.
type Key struct {
	Signer      crypto.Signer
	Certificate *x509.Certificate
}

// Provider is what is known of an identity provider, from its metadata.
type Provider struct {
	// EntityID is exactly as the provider tells it; required.
	EntityID string
	// SSO, SLO and SLOResponse are addresses by binding. One of SSO is required;
	// SLOResponse is for answers that go elsewhere than SLO.
	SSO, SLO, SLOResponse map[string]string
	// Certificates may have made its signatures; at least one is required.
	Certificates []*x509.Certificate
}

// defaults fills what was left out and refuses what cannot work.
func (c *Config) defaults() error {
	if c.ID == "" || c.EntityID == "" || c.IDP.EntityID == "" {
		return errors.New("saml: connection id or an entity id missing")
	}
	if c.Replays == nil {
		return errors.New("saml: without Replays an assertion could be used again")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.MaxAge == 0 {
		c.MaxAge = defaultAge
	}
	if c.Skew == 0 {
		c.Skew = defaultSkew
	}
	if c.MaxAge < 0 || c.MaxAge > maxAge || c.Skew < 0 || c.Skew > maxSkew {
		return errors.New("saml: assertions may be 10 minutes old and clocks differ by 180 seconds, no more")
	}
	for _, check := range []func() error{c.checkURLs, c.checkKeys, c.checkSubject} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkURLs() error {
	ours := []string{c.ACS}
	if c.SLO != "" {
		ours = append(ours, c.SLO)
	}
	for _, u := range ours {
		if err := checkOurs(u); err != nil {
			return fmt.Errorf("saml: %w", err)
		}
	}
	var urls []string
	for _, endpoints := range []map[string]string{c.IDP.SSO, c.IDP.SLO, c.IDP.SLOResponse} {
		for binding, location := range endpoints {
			if binding != BindingRedirect && binding != BindingPOST {
				return fmt.Errorf("saml: binding %.80q is not one we speak", binding)
			}
			urls = append(urls, location)
		}
	}
	for _, u := range urls {
		if err := checkURL(u); err != nil {
			return fmt.Errorf("saml: %w", err)
		}
	}
	if len(c.IDP.SSO) == 0 {
		return errors.New("saml: the provider has nowhere to send a browser to")
	}
	return nil
}

// checkOurs is checkURL for an address of our own, whose host may be localhost
// too: it is where we are served, and nobody told us.
func checkOurs(raw string) error {
	if u, err := url.Parse(raw); err == nil && u.Scheme == "http" && u.Hostname() == "localhost" {
		return checkURL("https" + strings.TrimPrefix(raw, "http"))
	}
	return checkURL(raw)
}

// checkURL demands https; plain http is for loopback addresses alone.
func checkURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || len(raw) > 2048 {
		return errors.New("an address is not an absolute URL")
	}
	if u.Scheme == "https" {
		return nil
	}
	if addr, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && err == nil && addr.IsLoopback() {
		return nil
	}
	return errors.New("an address is not an https URL")
}

func (c *Config) checkKeys() error {
	if n := len(c.IDP.Certificates); n == 0 || n > maxCerts {
		return fmt.Errorf("saml: a provider has 1 to %d certificates, not %d", maxCerts, n)
	}
	for _, certificate := range c.IDP.Certificates {
		if certificate == nil {
			return errors.New("saml: a certificate is missing")
		}
		if err := strong(certificate); err != nil {
			return fmt.Errorf("saml: a certificate of the provider has %w", err)
		}
	}
	if len(c.Keys) > maxOurKeys {
		return fmt.Errorf("saml: more than %d keys of ours", maxOurKeys)
	}
	for _, key := range c.Keys {
		if key.Signer == nil || key.Certificate == nil {
			return errors.New("saml: a key of ours lacks its other half")
		}
		if err := strong(key.Certificate); err != nil {
			return fmt.Errorf("saml: a certificate of ours has %w", err)
		}
		public, ok := key.Signer.Public().(*rsa.PublicKey)
		if !ok || !public.Equal(key.Certificate.PublicKey) {
			return errors.New("saml: a key of ours is not RSA, or not its certificate's")
		}
	}
	if c.SignRequests && len(c.Keys) == 0 {
		return errors.New("saml: no key to sign requests with")
	}
	return nil
}

// checkSubject refuses names that a person loses or another gets.
func (c *Config) checkSubject() error {
	switch c.NameIDFormat {
	case "":
		c.NameIDFormat = NameIDUnspecified
	case NameIDUnspecified, NameIDPersistent, NameIDEmail:
	default:
		return fmt.Errorf("saml: NameID format %.80q names nobody for good", c.NameIDFormat)
	}
	mutable := c.NameIDFormat == NameIDEmail && len(c.Mapping.Subject) == 0
	mutable = mutable || slices.ContainsFunc(c.Mapping.Subject, idp.Mutable)
	if mutable && !c.MutableSubject {
		return errors.New("saml: an e-mail address or user name changes hands; it is no subject without an administrator's word")
	}
	if slices.ContainsFunc(c.Mapping.Link, idp.Mutable) {
		return errors.New("saml: link_key: an e-mail address or user name changes hands; it links nobody")
	}
	return nil
}

// decrypters are those of our keys that can decrypt.
func (c *Config) decrypters() []crypto.Decrypter {
	var out []crypto.Decrypter
	for _, key := range c.Keys {
		if d, ok := key.Signer.(crypto.Decrypter); ok {
			out = append(out, d)
		}
	}
	return out
}
