package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"strings"
	"time"
)

// text is an element of nothing but text.
type text struct {
	Value  string     `xml:",chardata"`
	Nested []struct{} `xml:",any"`
}

// only returns the one text of a list that must hold one, without blanks around.
func only(list []text) (string, bool) {
	if len(list) != 1 || len(list[0].Nested) > 0 {
		return "", false
	}
	return strings.TrimSpace(list[0].Value), true
}

// response is the envelope (SAML Core section 3.3.3).
type response struct {
	XMLName      xml.Name             `xml:"urn:oasis:names:tc:SAML:2.0:protocol Response"`
	ID           string               `xml:"ID,attr"`
	Version      string               `xml:"Version,attr"`
	IssueInstant string               `xml:"IssueInstant,attr"`
	Destination  string               `xml:"Destination,attr"`
	InResponseTo *string              `xml:"InResponseTo,attr"`
	Issuer       []text               `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
	Status       []status             `xml:"urn:oasis:names:tc:SAML:2.0:protocol Status"`
	Encrypted    []encryptedAssertion `xml:"urn:oasis:names:tc:SAML:2.0:assertion EncryptedAssertion"`
}

type status struct {
	Codes []statusCode `xml:"urn:oasis:names:tc:SAML:2.0:protocol StatusCode"`
}

type statusCode struct {
	Value string       `xml:"Value,attr"`
	Codes []statusCode `xml:"urn:oasis:names:tc:SAML:2.0:protocol StatusCode"`
}

// assertion is a statement about a person (SAML Core section 2.3.3).
type assertion struct {
	XMLName      xml.Name             `xml:"urn:oasis:names:tc:SAML:2.0:assertion Assertion"`
	ID           string               `xml:"ID,attr"`
	Version      string               `xml:"Version,attr"`
	IssueInstant string               `xml:"IssueInstant,attr"`
	Issuer       []text               `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
	Subject      []subject            `xml:"urn:oasis:names:tc:SAML:2.0:assertion Subject"`
	Conditions   []conditions         `xml:"urn:oasis:names:tc:SAML:2.0:assertion Conditions"`
	Statements   []authnStatement     `xml:"urn:oasis:names:tc:SAML:2.0:assertion AuthnStatement"`
	Attributes   []attributeStatement `xml:"urn:oasis:names:tc:SAML:2.0:assertion AttributeStatement"`
}

type subject struct {
	NameID        []nameID              `xml:"urn:oasis:names:tc:SAML:2.0:assertion NameID"`
	Confirmations []subjectConfirmation `xml:"urn:oasis:names:tc:SAML:2.0:assertion SubjectConfirmation"`
}

type nameID struct {
	text
	Format          string `xml:"Format,attr"`
	NameQualifier   string `xml:"NameQualifier,attr"`
	SPNameQualifier string `xml:"SPNameQualifier,attr"`
}

type subjectConfirmation struct {
	Method string             `xml:"Method,attr"`
	Data   []confirmationData `xml:"urn:oasis:names:tc:SAML:2.0:assertion SubjectConfirmationData"`
}

type confirmationData struct {
	Recipient    string  `xml:"Recipient,attr"`
	InResponseTo string  `xml:"InResponseTo,attr"`
	NotBefore    *string `xml:"NotBefore,attr"`
	NotOnOrAfter *string `xml:"NotOnOrAfter,attr"`
}

type conditions struct {
	NotBefore    *string               `xml:"NotBefore,attr"`
	NotOnOrAfter *string               `xml:"NotOnOrAfter,attr"`
	Audiences    []audienceRestriction `xml:"urn:oasis:names:tc:SAML:2.0:assertion AudienceRestriction"`
	OneTimeUse   []struct{}            `xml:"urn:oasis:names:tc:SAML:2.0:assertion OneTimeUse"`
	Proxy        []struct{}            `xml:"urn:oasis:names:tc:SAML:2.0:assertion ProxyRestriction"`
	Unknown      []struct{}            `xml:",any"`
}

type audienceRestriction struct {
	Audience []text     `xml:"urn:oasis:names:tc:SAML:2.0:assertion Audience"`
	Unknown  []struct{} `xml:",any"`
}

type authnStatement struct {
	AuthnInstant        string         `xml:"AuthnInstant,attr"`
	SessionIndex        string         `xml:"SessionIndex,attr"`
	SessionNotOnOrAfter *string        `xml:"SessionNotOnOrAfter,attr"`
	Context             []authnContext `xml:"urn:oasis:names:tc:SAML:2.0:assertion AuthnContext"`
}

type authnContext struct {
	ClassRef []text `xml:"urn:oasis:names:tc:SAML:2.0:assertion AuthnContextClassRef"`
}

type attributeStatement struct {
	Attributes []samlAttribute `xml:"urn:oasis:names:tc:SAML:2.0:assertion Attribute"`
}

type samlAttribute struct {
	Name   string           `xml:"Name,attr"`
	Values []attributeValue `xml:"urn:oasis:names:tc:SAML:2.0:assertion AttributeValue"`
}

// attributeValue is text, or a NameID as eduPersonTargetedID has it.
type attributeValue struct {
	Value  string     `xml:",chardata"`
	Nested []struct{} `xml:",any"`
	NameID []text     `xml:"urn:oasis:names:tc:SAML:2.0:assertion NameID"`
}

// read unmarshals bytes whose scan has passed.
func read(raw []byte, into any) error {
	if err := xml.NewDecoder(bytes.NewReader(raw)).Decode(into); err != nil {
		return refuse(ReasonXML, errors.New("not the message that its root promises"))
	}
	return nil
}

// instant reads an xs:dateTime with a time zone (SAML Core section 1.3.3).
func instant(s string) (time.Time, bool) {
	if len(s) > 40 {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return time.Time{}, false
	}
	return at.UTC(), true
}
