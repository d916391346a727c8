package saml

import (
	"encoding/base64"
	"time"

	"github.com/beevik/etree"
)

// metadataLife is how long our own metadata is good for.
const metadataLife = 7 * 24 * time.Hour

// Metadata is our own metadata at this connection, to give to its provider
// (SAML Metadata section 2.4.4). While our keys change over it holds them all.
// There is no artifact binding, and AES-GCM comes first.
func (c *Connector) Metadata() ([]byte, error) {
	now := c.config.Now()
	root := etree.NewElement("md:EntityDescriptor")
	attributes(root, "xmlns:md", nsMetadata, "xmlns:ds", nsSignature, "entityID", c.config.EntityID,
		"validUntil", stamp(now.Add(metadataLife)), "cacheDuration", "P1D")
	sp := root.CreateElement("md:SPSSODescriptor")
	signed := "false"
	if c.config.SignRequests {
		signed = "true"
	}
	attributes(sp, "AuthnRequestsSigned", signed, "WantAssertionsSigned", "true", "protocolSupportEnumeration", nsProtocol)
	for _, key := range c.config.Keys {
		c.keyDescriptor(sp, "signing", key)
		c.keyDescriptor(sp, "encryption", key)
	}
	if c.config.SLO != "" && len(c.config.Keys) > 0 {
		for _, binding := range []string{BindingRedirect, BindingPOST} {
			attributes(sp.CreateElement("md:SingleLogoutService"), "Binding", binding, "Location", c.config.SLO)
		}
	}
	sp.CreateElement("md:NameIDFormat").SetText(c.config.NameIDFormat)
	attributes(sp.CreateElement("md:AssertionConsumerService"), "Binding", BindingPOST, "Location", c.config.ACS, "index", "0", "isDefault", "true")
	return document(root)
}

func (c *Connector) keyDescriptor(sp *etree.Element, use string, key Key) {
	descriptor := sp.CreateElement("md:KeyDescriptor")
	descriptor.CreateAttr("use", use)
	certificate := descriptor.CreateElement("ds:KeyInfo").CreateElement("ds:X509Data").CreateElement("ds:X509Certificate")
	certificate.SetText(base64.StdEncoding.EncodeToString(key.Certificate.Raw))
	if use != "encryption" {
		return
	}
	for _, algorithm := range []string{
		nsCipher11 + "aes256-gcm", nsCipher11 + "aes128-gcm", nsCipher + "aes256-cbc", nsCipher + "aes128-cbc",
		nsCipher11 + "rsa-oaep", nsCipher + "rsa-oaep-mgf1p",
	} {
		descriptor.CreateElement("md:EncryptionMethod").CreateAttr("Algorithm", algorithm)
	}
}

func attributes(el *etree.Element, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		el.CreateAttr(pairs[i], pairs[i+1])
	}
}
