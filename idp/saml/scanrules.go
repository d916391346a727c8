package saml

import (
	"encoding/xml"
	"errors"
)

var (
	nameResponse       = xml.Name{Space: nsProtocol, Local: "Response"}            //nolint:gochecknoglobals // a constant
	nameLogoutRequest  = xml.Name{Space: nsProtocol, Local: "LogoutRequest"}       //nolint:gochecknoglobals // a constant
	nameLogoutResponse = xml.Name{Space: nsProtocol, Local: "LogoutResponse"}      //nolint:gochecknoglobals // a constant
	nameAssertion      = xml.Name{Space: nsAssertion, Local: "Assertion"}          //nolint:gochecknoglobals // a constant
	nameEncrypted      = xml.Name{Space: nsAssertion, Local: "EncryptedAssertion"} //nolint:gochecknoglobals // a constant
)

// owned are local names and the one namespace they may be in: a reader that
// goes by local names must not find another element than one that does not.
var owned = map[string]string{
	"Response": nsProtocol, "LogoutRequest": nsProtocol, "LogoutResponse": nsProtocol, "Status": nsProtocol,
	"StatusCode": nsProtocol, "SessionIndex": nsProtocol,
	"Assertion": nsAssertion, "EncryptedAssertion": nsAssertion, "EncryptedID": nsAssertion, "EncryptedAttribute": nsAssertion,
	"Issuer": nsAssertion, "Subject": nsAssertion, "NameID": nsAssertion, "SubjectConfirmation": nsAssertion,
	"SubjectConfirmationData": nsAssertion, "Conditions": nsAssertion, "AudienceRestriction": nsAssertion, "Audience": nsAssertion,
	"AuthnStatement": nsAssertion, "AttributeStatement": nsAssertion,
	"Signature": nsSignature, "SignedInfo": nsSignature, "SignatureValue": nsSignature, "SignatureMethod": nsSignature,
	"CanonicalizationMethod": nsSignature, "Reference": nsSignature, "Transforms": nsSignature, "Transform": nsSignature,
	"DigestMethod": nsSignature, "DigestValue": nsSignature, "KeyInfo": nsSignature, "Object": nsSignature, "Manifest": nsSignature,
	"EncryptedData": nsCipher, "EncryptedKey": nsCipher, "EncryptionMethod": nsCipher, "CipherData": nsCipher,
	"CipherValue": nsCipher, "CipherReference": nsCipher,
}

// message holds an element against the rules of messages: where it may stand
// and which algorithm it may name.
func (s *scanner) message(e xml.StartElement, f frame) error {
	local := e.Name.Local
	if space, known := owned[local]; known && space != e.Name.Space {
		return refuse(ReasonNamespace, errors.New("an element of SAML in another namespace"))
	}
	var parent *frame
	if len(s.stack) > 0 {
		parent = &s.stack[len(s.stack)-1]
	}
	if err := algorithm(e, parent); err != nil {
		return err
	}
	switch e.Name.Space {
	case nsSignature:
		return s.signature(e, parent)
	case nsCipher:
		if local == "CipherReference" || (local == "EncryptedData" && (parent == nil || parent.name != nameEncrypted)) {
			return refuse(ReasonShape, errors.New("encryption where none belongs"))
		}
	case nsAssertion:
		return s.assertion(local, parent)
	case nsProtocol:
		if parent != nil && (e.Name == nameResponse || e.Name == nameLogoutRequest || e.Name == nameLogoutResponse) {
			return refuse(ReasonRoot, errors.New("a message within a message"))
		}
	}
	return nil
}

// assertion counts assertions wherever they are; only a child of the response,
// or the root of what was decrypted, is where one belongs.
func (s *scanner) assertion(local string, parent *frame) error {
	switch local {
	case "EncryptedID", "EncryptedAttribute":
		return refuse(ReasonShape, errors.New("encrypted names and attributes are not read"))
	case "Assertion", "EncryptedAssertion":
		s.assertions++
		s.facts.assertion, s.facts.encrypted = true, local == "EncryptedAssertion"
		placed := parent == nil || (len(s.stack) == 1 && parent.name == nameResponse)
		if s.assertions > 1 || !placed {
			return refuse(ReasonAssertions, errors.New("several assertions, or one out of place"))
		}
	}
	return nil
}

// signature holds the elements of a signature to one signed info of one
// reference, to the very element that the signature is a child of.
func (s *scanner) signature(e xml.StartElement, parent *frame) error {
	within := map[string]string{
		"SignedInfo": "Signature", "SignatureValue": "Signature", "CanonicalizationMethod": "SignedInfo",
		"SignatureMethod": "SignedInfo", "Reference": "SignedInfo", "Transforms": "Reference", "Transform": "Transforms",
		"DigestValue": "Reference",
	}
	switch want, ruled := within[e.Name.Local]; {
	case e.Name.Local == "Object" || e.Name.Local == "Manifest":
		return refuse(ReasonSignatureShape, errors.New("a signature that carries objects"))
	case parent == nil:
		return refuse(ReasonRoot, errors.New("a signature of something else"))
	case ruled && parent.name != (xml.Name{Space: nsSignature, Local: want}):
		return refuse(ReasonSignatureShape, errors.New("a part of a signature out of place"))
	case e.Name.Local == "Signature":
		if len(s.stack) != 1 && parent.name != nameAssertion {
			return refuse(ReasonSignatureShape, errors.New("a signature out of place"))
		}
		s.facts.signedRoot = s.facts.signedRoot || len(s.stack) == 1
		s.facts.signedAssertion = s.facts.signedAssertion || parent.name == nameAssertion
	case e.Name.Local == "Reference":
		// Reference, SignedInfo, Signature, and what was signed.
		signed := s.stack[len(s.stack)-3]
		if signed.id == "" || attribute(e, "URI") != "#"+signed.id {
			return refuse(ReasonReference, errors.New("a reference to something else"))
		}
	}
	return parent.count(e.Name.Local)
}

// count notes a child that may be there once.
func (f *frame) count(local string) error {
	if local == "Transform" || local == "X509Data" || local == "X509Certificate" {
		return nil
	}
	if f.counts == nil {
		f.counts = map[string]int{}
	}
	if f.counts[local]++; f.counts[local] > 1 {
		return refuse(ReasonSignatureShape, errors.New("a part of a signature appears twice"))
	}
	return nil
}

// complete refuses an element of a signature that lacks a part.
func (f frame) complete() error {
	if f.name.Space != nsSignature {
		return nil
	}
	parts := map[string][]string{
		"Signature":  {"SignedInfo", "SignatureValue"},
		"SignedInfo": {"CanonicalizationMethod", "SignatureMethod", "Reference"},
		"Reference":  {"Transforms", "DigestMethod", "DigestValue"},
	}
	for _, part := range parts[f.name.Local] {
		if f.counts[part] != 1 {
			return refuse(ReasonSignatureShape, errors.New("a signature lacks a part"))
		}
	}
	return nil
}

// algorithm holds every Algorithm to the list for its element.
func algorithm(e xml.StartElement, parent *frame) error {
	var in string
	if parent != nil {
		in = parent.name.Local
	}
	var allowed map[string]bool
	switch e.Name.Local {
	case "SignatureMethod":
		allowed = signatureAlgorithms
	case "CanonicalizationMethod":
		allowed = c14nAlgorithms
	case "Transform":
		allowed = transformAlgorithms
	case "DigestMethod":
		allowed = digestAlgorithms
		if in == "EncryptionMethod" {
			allowed = oaepDigests
		}
	case "EncryptionMethod":
		allowed = dataAlgorithms
		if in == "EncryptedKey" {
			allowed = keyAlgorithms
		}
	case "MGF":
		allowed = maskAlgorithms
	default:
		if attribute(e, "Algorithm") == "" {
			return nil
		}
	}
	if !allowed[attribute(e, "Algorithm")] {
		return refuse(ReasonAlgorithm, errors.New("an algorithm that is not allowed"))
	}
	return nil
}

func attribute(e xml.StartElement, local string) string {
	for _, a := range e.Attr {
		if a.Name.Space == "" && a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}
