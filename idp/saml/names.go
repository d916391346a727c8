package saml

// Namespaces.
const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"
	nsCipher    = "http://www.w3.org/2001/04/xmlenc#"
	nsCipher11  = "http://www.w3.org/2009/xmlenc11#"
)

// Bindings (SAML Bindings sections 3.4 and 3.5).
const (
	BindingRedirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	BindingPOST     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
)

// NameID formats (SAML Core section 8.3).
const (
	NameIDUnspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	NameIDEmail       = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	NameIDPersistent  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	NameIDTransient   = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
)

const (
	statusSuccess   = "urn:oasis:names:tc:SAML:2.0:status:Success"
	statusResponder = "urn:oasis:names:tc:SAML:2.0:status:Responder"
	statusNoPassive = "urn:oasis:names:tc:SAML:2.0:status:NoPassive"
	statusNoContext = "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"
	statusDenied    = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied"
	statusFailed    = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"
	methodBearer    = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
)

// Algorithms that may appear (XML Signature 1.1 section 6, XML Encryption 1.1
// section 5). SHA-1, HMAC, 3DES and rsa-1_5 are not among them; inside OAEP the
// hash need not resist collisions, and SHA-1 is its default.
var (
	signatureAlgorithms = map[string]bool{
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256":   true,
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384":   true,
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512":   true,
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256": true,
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384": true,
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512": true,
	}
	digestAlgorithms = map[string]bool{
		"http://www.w3.org/2001/04/xmlenc#sha256":       true,
		"http://www.w3.org/2001/04/xmldsig-more#sha384": true,
		"http://www.w3.org/2001/04/xmlenc#sha512":       true,
	}
	c14nAlgorithms      = map[string]bool{"http://www.w3.org/2001/10/xml-exc-c14n#": true}
	transformAlgorithms = map[string]bool{
		"http://www.w3.org/2001/10/xml-exc-c14n#":               true,
		"http://www.w3.org/2000/09/xmldsig#enveloped-signature": true,
	}
	dataAlgorithms = map[string]bool{
		nsCipher + "aes128-cbc": true, nsCipher + "aes192-cbc": true, nsCipher + "aes256-cbc": true,
		nsCipher11 + "aes128-gcm": true, nsCipher11 + "aes192-gcm": true, nsCipher11 + "aes256-gcm": true,
	}
	keyAlgorithms = map[string]bool{nsCipher + "rsa-oaep-mgf1p": true, nsCipher11 + "rsa-oaep": true}
	oaepDigests   = map[string]bool{
		"http://www.w3.org/2000/09/xmldsig#sha1":        true,
		"http://www.w3.org/2001/04/xmlenc#sha256":       true,
		"http://www.w3.org/2001/04/xmldsig-more#sha384": true,
		"http://www.w3.org/2001/04/xmlenc#sha512":       true,
	}
	maskAlgorithms = map[string]bool{
		nsCipher11 + "mgf1sha1": true, nsCipher11 + "mgf1sha256": true,
		nsCipher11 + "mgf1sha384": true, nsCipher11 + "mgf1sha512": true,
	}
)
