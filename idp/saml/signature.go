package saml

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

const (
	minRSABits = 2048
	maxRSABits = 8192
)

// trust are the certificates that may have made a signature.
type trust struct {
	certificates []*x509.Certificate
	now          time.Time
	// expiredUntil is how long certificates count whatever their dates.
	expiredUntil time.Time
}

// parse makes a tree of what a scan has let pass.
func parse(raw []byte) (*etree.Element, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil || doc.Root() == nil {
		return nil, refuse(ReasonXML, errors.New("not an XML document"))
	}
	return doc.Root(), nil
}

// child returns the one child element of that name, or nil.
func child(el *etree.Element, space, tag string) *etree.Element {
	for _, c := range el.ChildElements() {
		if c.Tag == tag && c.NamespaceURI() == space {
			return c
		}
	}
	return nil
}

// signed verifies the enveloped signature of an element and returns what was
// signed, as the bytes that were digested: what is read later is read from
// these alone. The certificate inside the message is not looked at.
func (t trust) signed(el *etree.Element) ([]byte, error) {
	el, err := detached(el)
	if err != nil {
		return nil, err
	}
	signature := child(el, nsSignature, "Signature")
	if signature == nil {
		return nil, refuse(ReasonUnsigned, errors.New("no signature"))
	}
	if info := child(signature, nsSignature, "KeyInfo"); info != nil {
		signature.RemoveChild(info)
	}
	rawECDSA(signature)
	for _, certificate := range t.certificates {
		verified, err := validate(el, certificate)
		if err != nil {
			continue
		}
		if err := t.valid(certificate); err != nil {
			return nil, err
		}
		doc := etree.NewDocument()
		doc.SetRoot(verified)
		raw, err := doc.WriteToBytes()
		if err != nil {
			return nil, refuse(ReasonXML, errors.New("writing what was signed"))
		}
		return raw, nil
	}
	return nil, refuse(ReasonSignature, errors.New("no certificate of the connection made the signature"))
}

// rawECDSA turns an ECDSA signature from the r and s beside each other that XML
// Signature 1.1 section 6.4.3 demands into the ASN.1 that crypto/x509 reads.
func rawECDSA(signature *etree.Element) {
	info, value := child(signature, nsSignature, "SignedInfo"), child(signature, nsSignature, "SignatureValue")
	if info == nil || value == nil {
		return
	}
	method := child(info, nsSignature, "SignatureMethod")
	if method == nil || !strings.Contains(method.SelectAttrValue("Algorithm", ""), "#ecdsa-") {
		return
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value.Text()), ""))
	if der, ok := derECDSA(raw); err == nil && ok {
		value.SetText(base64.StdEncoding.EncodeToString(der))
	}
}

// derECDSA encodes r and s, unless they are encoded already.
func derECDSA(raw []byte) ([]byte, bool) {
	if n := len(raw); n != 64 && n != 96 && n != 132 {
		return nil, false
	}
	half := len(raw) / 2
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])})
	return der, err == nil
}

// detached copies an element with the namespaces it inherits.
func detached(el *etree.Element) (*etree.Element, error) {
	ctx, err := etreeutils.NSBuildParentContext(el)
	if err == nil {
		ctx, err = ctx.SubContext(el)
	}
	if err == nil {
		el, err = etreeutils.NSDetatch(ctx, el)
	}
	if err != nil {
		return nil, refuse(ReasonNamespace, errors.New("namespaces that cannot be carried"))
	}
	return el, nil
}

// validate verifies with one certificate, at a moment when it was valid: its
// dates are our business.
func validate(el *etree.Element, certificate *x509.Certificate) (*etree.Element, error) {
	ctx := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}})
	ctx.IdAttribute = "ID"
	ctx.Clock = dsig.NewFakeClockAt(certificate.NotBefore)
	return ctx.Validate(el)
}

// valid holds a certificate to its dates, unless an administrator put that off.
func (t trust) valid(certificate *x509.Certificate) error {
	if t.now.Before(t.expiredUntil) {
		return nil
	}
	if t.now.Before(certificate.NotBefore) || t.now.After(certificate.NotAfter) {
		return refuse(ReasonCertificate, fmt.Errorf("certificate valid from %s to %s",
			certificate.NotBefore.UTC().Format(time.DateOnly), certificate.NotAfter.UTC().Format(time.DateOnly)))
	}
	return nil
}

// strong refuses keys that are too short, or of kinds that SAML has no
// algorithm for.
func strong(certificate *x509.Certificate) error {
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return fmt.Errorf("an RSA key of %d bits", bits)
		}
		return nil
	case *ecdsa.PublicKey:
		if bits := key.Curve.Params().BitSize; bits < 256 {
			return fmt.Errorf("an elliptic curve of %d bits", bits)
		}
		return nil
	}
	return errors.New("neither an RSA nor an ECDSA key")
}
