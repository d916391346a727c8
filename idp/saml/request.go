package saml

import (
	"errors"
	"fmt"
	"time"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// authnRequest builds a request (SAML Core section 3.4.1).
func (c *Connector) authnRequest(login idp.Login, location string, enveloped bool) ([]byte, error) {
	if !plain(login.State) || !plain(login.Nonce) {
		return nil, errors.New("saml: state and nonce must be 20 to 80 characters of A-Z a-z 0-9 - _")
	}
	yes := true
	request := crewjam.AuthnRequest{
		ID: requestID(login.Nonce), Version: "2.0", IssueInstant: c.config.Now().UTC(), Destination: location,
		Issuer:                      &crewjam.Issuer{Value: c.config.EntityID},
		NameIDPolicy:                &crewjam.NameIDPolicy{AllowCreate: &yes, Format: &c.config.NameIDFormat},
		AssertionConsumerServiceURL: c.config.ACS, ProtocolBinding: BindingPOST,
	}
	if login.Prompt == "login" || login.MaxAge != nil && login.Prompt != "none" {
		// SAML has no word for an age: who signed in long ago would come back as
		// such, and be refused.
		request.ForceAuthn = &yes
	}
	if login.Prompt == "none" {
		request.IsPassive = &yes
	}
	el := request.Element()
	if contexts := c.contexts(login); contexts != nil {
		el.AddChild(contexts)
	}
	if enveloped {
		if err := c.sign(el); err != nil {
			return nil, err
		}
	}
	return document(el)
}

// contexts asks for one of the authentication contexts, exactly: a better one
// is the provider's to judge, and judged differently by each.
func (c *Connector) contexts(login idp.Login) *etree.Element {
	classes := login.ACRValues
	if len(classes) == 0 {
		classes = c.config.Contexts
	}
	if len(classes) == 0 {
		return nil
	}
	el := etree.NewElement("samlp:RequestedAuthnContext")
	el.CreateAttr("Comparison", "exact")
	for _, class := range classes {
		el.CreateElement("saml:AuthnContextClassRef").SetText(class)
	}
	return el
}

// sign adds an enveloped signature of RSA with SHA-256 where the schema wants
// it, after the Issuer (SAML Core section 5.4).
func (c *Connector) sign(el *etree.Element) error {
	if len(c.config.Keys) == 0 {
		return errors.New("saml: no key to sign with")
	}
	key := c.config.Keys[0]
	ctx, err := dsig.NewSigningContext(key.Signer, [][]byte{key.Certificate.Raw})
	if err != nil {
		return fmt.Errorf("saml: preparing to sign: %w", err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := ctx.SetSignatureMethod(dsig.RSASHA256SignatureMethod); err != nil {
		return fmt.Errorf("saml: preparing to sign: %w", err)
	}
	signature, err := ctx.ConstructSignature(el, true)
	if err != nil {
		return fmt.Errorf("saml: signing: %w", err)
	}
	el.InsertChildAt(1, signature)
	return nil
}

func document(el *etree.Element) ([]byte, error) {
	doc := etree.NewDocument()
	doc.SetRoot(el)
	raw, err := doc.WriteToBytes()
	if err != nil {
		return nil, fmt.Errorf("saml: writing a message: %w", err)
	}
	return raw, nil
}

// stamp writes a time as messages have it.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
