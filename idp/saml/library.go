package saml

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"
)

// crewjamLimits are process-wide in the library. Time is ours to judge, by
// Config.Now: there it may take as long as it likes.
var crewjamLimits = sync.OnceFunc(func() { //nolint:gochecknoglobals // the library's limits are variables of the process
	const forever = 100 * 365 * 24 * time.Hour
	crewjam.MaxIssueDelay, crewjam.MaxClockSkew = forever, forever
})

// secondReading has the library read the same response, as a service provider
// of its own. What it accepts on its own counts for nothing here; that it reads
// something else than we did counts. By now nothing is left that it panics
// over, and none of its decrypters is reached.
func (c *Connector) secondReading(o opened, request string) error {
	crewjamLimits()
	raw, err := o.inClear()
	if err != nil {
		return err
	}
	acs, err := url.Parse(c.config.ACS)
	if err != nil {
		return refuse(ReasonLibrary, errors.New("the ACS is no URL"))
	}
	sp := crewjam.ServiceProvider{
		EntityID: c.config.EntityID, AcsURL: *acs, IDPMetadata: c.descriptor(),
		SignatureVerifier: witness{certificates: c.config.IDP.Certificates, decrypted: o.clear != nil},
		// The library knows one audience for each restriction; we read them all.
		ValidateAudienceRestriction: func(*crewjam.Assertion) error { return nil },
	}
	read, err := sp.ParseXMLResponse(raw, []string{request}, *acs)
	if err != nil {
		return refuse(ReasonLibrary, errors.New("the library refuses the response"))
	}
	name, _ := o.assertion.Subject[0].name()
	if read.ID != o.assertion.ID || read.Subject.NameID == nil || read.Subject.NameID.Value != o.assertion.Subject[0].NameID[0].Value || name.Value == "" {
		return refuse(ReasonLibrary, errors.New("the library reads another assertion"))
	}
	return nil
}

// inClear is the response with its assertion in clear.
func (o opened) inClear() ([]byte, error) {
	if o.clear == nil {
		return o.raw, nil
	}
	root, err := parse(o.raw)
	if err != nil {
		return nil, err
	}
	inner, err := parse(o.clear)
	if err != nil {
		return nil, err
	}
	if sealed := child(root, nsAssertion, "EncryptedAssertion"); sealed != nil {
		root.RemoveChild(sealed)
	}
	root.AddChild(inner)
	return document(root)
}

// witness verifies signatures for the library. The signature of a response
// whose assertion was encrypted was verified before it was decrypted, and
// cannot be a second time.
type witness struct {
	certificates []*x509.Certificate
	decrypted    bool
}

// VerifySignature implements crewjam.SignatureVerifier.
func (w witness) VerifySignature(_ *dsig.ValidationContext, el *etree.Element) error {
	if w.decrypted && el.Tag == nameResponse.Local {
		return nil
	}
	if signature := child(el, nsSignature, "Signature"); signature != nil {
		if info := child(signature, nsSignature, "KeyInfo"); info != nil {
			signature.RemoveChild(info)
		}
		rawECDSA(signature)
	}
	for _, certificate := range w.certificates {
		if _, err := validate(el, certificate); err == nil {
			return nil
		}
	}
	return errors.New("no certificate of the connection made the signature")
}

func (c *Connector) descriptor() *crewjam.EntityDescriptor {
	var keys []crewjam.KeyDescriptor
	for _, certificate := range c.config.IDP.Certificates {
		data := crewjam.X509Certificate{Data: base64.StdEncoding.EncodeToString(certificate.Raw)}
		keys = append(keys, crewjam.KeyDescriptor{Use: "signing", KeyInfo: crewjam.KeyInfo{
			X509Data: crewjam.X509Data{X509Certificates: []crewjam.X509Certificate{data}},
		}})
	}
	return &crewjam.EntityDescriptor{EntityID: c.config.IDP.EntityID, IDPSSODescriptors: []crewjam.IDPSSODescriptor{{
		SSODescriptor: crewjam.SSODescriptor{RoleDescriptor: crewjam.RoleDescriptor{KeyDescriptors: keys}},
	}}}
}
