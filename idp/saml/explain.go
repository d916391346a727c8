package saml

import "github.com/gatehouse-auth/gatehouse/idp"

// Explain says in plain words, to the administrator of a connection, what a
// reason means and what to do about it; "" for a reason that is not known. It
// is not for the person who tried to sign in.
func Explain(reason string) string { return explanations[reason] }

var explanations = map[string]string{
	ReasonForm:       "The identity provider did not post exactly one SAMLResponse; check that it uses the HTTP-POST binding.",
	ReasonRelayState: "The answer belongs to another sign-in: the person may have used the back button, or several tabs.",
	ReasonArtifact:   "The identity provider uses the artifact binding; set it to HTTP-POST.",
	ReasonTooLarge:   "The message is larger than 256 KB; let the identity provider send fewer attributes or groups.",
	ReasonEncoding:   "The message is not properly base64 encoded or compressed.",
	ReasonXML:        "The message is not well-formed XML in UTF-8.",
	ReasonDoctype:    "The message holds a document type declaration, which SAML forbids and attacks need.",
	ReasonComment:    "The message holds an XML comment, which attacks use to cut names short.",
	ReasonProcInst:   "The message holds an XML processing instruction, which no identity provider sends.",
	ReasonDepth:      "The message is nested more deeply than 32 elements.",
	ReasonElements:   "The message has more than 2000 elements; let the identity provider send fewer attributes or groups.",
	ReasonNamespace:  "The message uses XML namespaces in a way that readers understand differently.",
	ReasonID:         "Two elements of the message have the same ID, as in a signature wrapping attack.",
	ReasonRoot:       "The message is not a SAML 2.0 message of the kind expected here.",
	ReasonAssertions: "The response must hold exactly one assertion, directly inside; it holds none, several, or hides one.",
	ReasonShape:      "The assertion lacks, repeats or misplaces an element that sign-in needs.",

	ReasonSignatureShape: "A signature is built unusually or stands where it does not belong, as in a signature wrapping attack.",
	ReasonReference:      "A signature is over something else than the element it stands in.",
	ReasonAlgorithm:      "The message uses an algorithm that is not allowed; set the identity provider to RSA or ECDSA with SHA-256, and to AES with RSA-OAEP.",
	ReasonUnsigned:       "Neither the response nor the assertion is signed; switch signing on at the identity provider.",
	ReasonSignature:      "No certificate of this connection made the signature; the identity provider may have a new one: refresh its metadata and approve it.",
	ReasonCertificate:    "The signature was made with a certificate of this connection that has expired or is not valid yet; renew it at the identity provider and refresh its metadata.",
	ReasonOpenCipher:     "The assertion is encrypted but the response around it is not signed; let the identity provider sign the response as well.",
	ReasonDecrypt:        "The assertion could not be decrypted; give the identity provider our current encryption certificate.",
	ReasonLibrary:        "A second, independent reading of the message came to another result.",

	ReasonStatus:       "The identity provider reports a failure instead of a sign-in; its own log says why.",
	ReasonVersion:      "The message is not SAML version 2.0.",
	ReasonIssuer:       "The message was issued by another entity id than the one configured for this connection.",
	ReasonDestination:  "The message was meant for another address; compare the ACS or logout URL at the identity provider.",
	ReasonUnsolicited:  "The sign-in began at the identity provider; it must begin here, or be switched on as a hint.",
	ReasonInResponseTo: "The answer is to a request that this sign-in did not make.",
	ReasonIssueInstant: "The message is older than allowed or from the future; check the clocks on both sides.",

	ReasonNameID:       "The subject has no usable NameID.",
	ReasonConfirmation: "The subject must be confirmed as bearer, once, with an end and without a beginning.",
	ReasonRecipient:    "The assertion is for another recipient; compare the ACS URL at the identity provider.",
	ReasonConditions:   "The assertion lacks Conditions, or has one that we do not know.",
	ReasonAudience:     "The assertion is for another audience; set the audience at the identity provider to our entity id.",
	ReasonNotBefore:    "The assertion is not valid yet; check the clocks on both sides.",
	ReasonExpired:      "The assertion has expired, or says not when; check the clocks on both sides.",
	ReasonStatement:    "The assertion does not say that the person authenticated (AuthnStatement).",
	ReasonAuthnInstant: "The time of authentication is missing or from the future; check the clocks on both sides.",
	ReasonSessionOver:  "The session at the identity provider is over already.",
	ReasonSubjectRule:  "The attribute that names the person for good is missing, repeated or too long; map it at the identity provider.",
	ReasonRequire:      "An attribute that this connection requires is missing or has another value, such as another tenant's id.",
	ReasonReplay:       "The same assertion was used before.",

	ReasonMetadata:        "The metadata is not a SAML 2.0 metadata document with an identity provider in it.",
	ReasonMetadataEntity:  "The metadata holds several identity providers, or not the one asked for; choose one by its entity id.",
	ReasonMetadataExpired: "The metadata says that it is no longer valid.",
	ReasonMetadataKeys:    "The metadata holds no certificate that can verify signatures.",
	ReasonMetadataURL:     "An address in the metadata is not an https URL.",
	ReasonLogout:          "The logout message lacks or repeats something.",

	idp.ReasonStaleAuth:   "The identity provider relied on an older sign-in than was asked for.",
	idp.ReasonUnavailable: "The identity provider could not be reached.",
	idp.ReasonBlocked:     "The address of the identity provider is not on the public internet.",
	idp.ReasonTooLarge:    "The answer of the identity provider is too large.",
}
