package saml

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/beevik/etree"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
)

const fetchTimeout = 10 * time.Second

// FetchMetadata fetches a metadata document of 1 MB at most within 10 seconds.
// Give it outbound.NewClient: the address is an administrator's idea. Every
// failure is an *idp.Error.
func FetchMetadata(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	if err := checkURL(address); err != nil {
		return nil, refuse(ReasonMetadataURL, err)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, refuse(ReasonMetadataURL, errors.New("an address is not a URL"))
	}
	req.Header.Set("Accept", "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.8")
	resp, err := client.Do(req)
	if err != nil {
		return nil, fetchRefusal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refuse(idp.ReasonUnavailable, fmt.Errorf("metadata: status %d", resp.StatusCode))
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxMetadata+1))
	if err != nil {
		return nil, fetchRefusal(err)
	}
	if len(raw) > maxMetadata {
		return nil, refuse(ReasonTooLarge, fmt.Errorf("metadata of more than %d bytes", maxMetadata))
	}
	return raw, nil
}

// fetchRefusal sorts errors of the HTTP client; they may hold the address, not
// more.
func fetchRefusal(err error) error {
	switch {
	case errors.Is(err, outbound.ErrBlocked), errors.Is(err, outbound.ErrRedirect):
		return refuse(idp.ReasonBlocked, errors.New("metadata: the address is not public, or redirects"))
	case errors.Is(err, outbound.ErrTooLarge):
		return refuse(idp.ReasonTooLarge, errors.New("metadata too large"))
	}
	return refuse(idp.ReasonUnavailable, errors.New("metadata: no answer"))
}

// VerifyMetadata demands that a document is signed by one of the certificates,
// and returns what was signed: what ParseMetadata may read.
func VerifyMetadata(raw []byte, certificates []*x509.Certificate, now time.Time) ([]byte, error) {
	if _, err := scanMetadata(raw); err != nil {
		return nil, err
	}
	root, err := parse(raw)
	if err != nil {
		return nil, err
	}
	signature := child(root, nsSignature, "Signature")
	if signature == nil {
		return nil, refuse(ReasonUnsigned, errors.New("the metadata is not signed"))
	}
	doc := etree.NewDocument()
	doc.SetRoot(signature.Copy())
	for _, el := range doc.FindElements("//*") {
		allowed := map[string]map[string]bool{"SignatureMethod": signatureAlgorithms, "DigestMethod": digestAlgorithms,
			"CanonicalizationMethod": c14nAlgorithms, "Transform": transformAlgorithms}[el.Tag]
		if el.Tag == "Object" || (allowed != nil && !allowed[el.SelectAttrValue("Algorithm", "")]) {
			return nil, refuse(ReasonAlgorithm, errors.New("an algorithm that is not allowed"))
		}
	}
	return trust{certificates: certificates, now: now}.signed(root)
}

// Changes are what newer metadata says otherwise than what a connection has.
type Changes struct {
	// Added and Removed are SHA-256 fingerprints of certificates, in hex.
	Added, Removed []string
	// Endpoints are the kinds of addresses that differ: SSO, SLO.
	Endpoints []string
}

// None reports whether nothing changed.
func (c Changes) None() bool { return len(c.Added)+len(c.Removed)+len(c.Endpoints) == 0 }

// NeedApproval reports whether an administrator must look: whoever can add a
// certificate, or move where people are sent to, can be the provider. One
// that was removed only narrows.
func (c Changes) NeedApproval() bool { return len(c.Added)+len(c.Endpoints) > 0 }

// Compare says what differs in newer metadata of the same provider. It fails
// when that is another provider: an entity id never changes.
func Compare(held, newer Provider) (Changes, error) {
	if held.EntityID != newer.EntityID {
		return Changes{}, refuse(ReasonMetadataEntity, errors.New("the metadata is of another entity"))
	}
	c := Changes{Added: lacks(held.Certificates, newer.Certificates), Removed: lacks(newer.Certificates, held.Certificates)}
	if !maps.Equal(held.SSO, newer.SSO) {
		c.Endpoints = append(c.Endpoints, "SSO")
	}
	if !maps.Equal(held.SLO, newer.SLO) || !maps.Equal(held.SLOResponse, newer.SLOResponse) {
		c.Endpoints = append(c.Endpoints, "SLO")
	}
	return c, nil
}

// lacks lists what is in the second and not in the first.
func lacks(held, other []*x509.Certificate) []string {
	var out []string
	for _, certificate := range other {
		if !slices.ContainsFunc(held, certificate.Equal) {
			out = append(out, Fingerprint(certificate))
		}
	}
	return out
}

// Fingerprint is the SHA-256 of a certificate in hex.
func Fingerprint(certificate *x509.Certificate) string {
	hash := sha256.Sum256(certificate.Raw)
	return hex.EncodeToString(hash[:])
}

// Expiry is a certificate of the provider that ends soon, or has.
type Expiry struct {
	Fingerprint string
	NotAfter    time.Time
	// Days are how many of the 30, 14, 7, 1 or 0 it is at most.
	Days int
	// Last says that no other certificate of the provider outlives it: sign-in
	// ends with it.
	Last bool
}

// Expiries lists the certificates that end within 30 days.
func Expiries(certificates []*x509.Certificate, now time.Time) []Expiry {
	var out []Expiry
	for _, certificate := range certificates {
		left := certificate.NotAfter.Sub(now)
		for _, days := range []int{0, 1, 7, 14, 30} {
			if left > time.Duration(days)*24*time.Hour {
				continue
			}
			out = append(out, Expiry{Fingerprint: Fingerprint(certificate), NotAfter: certificate.NotAfter, Days: days,
				Last: !slices.ContainsFunc(certificates, func(o *x509.Certificate) bool { return o.NotAfter.After(certificate.NotAfter) })})
			break
		}
	}
	return out
}

// String says it in words, for an administrator.
func (e Expiry) String() string {
	var b bytes.Buffer
	b.WriteString("certificate " + e.Fingerprint[:16] + "… ")
	if e.Days == 0 {
		b.WriteString("has expired")
	} else {
		b.WriteString("expires within " + strconv.Itoa(e.Days) + " days")
	}
	if e.Last {
		b.WriteString(", and no other outlives it")
	}
	return b.String()
}
