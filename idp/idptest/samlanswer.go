package idptest

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"
)

const samlNames = "urn:oasis:names:tc:SAML:2.0:"

// SAMLRequest is what an answer is to.
type SAMLRequest struct{ ID, ACS, SP string }

// SAMLAnswer is a response before it is written and signed. A field that is
// empty is left out of the message.
type SAMLAnswer struct {
	Destination, InResponseTo, Version, Status, SubStatus string
	Issuer, ResponseIssuer                                string
	ResponseID, AssertionID                               string
	Issued                                                time.Time
	NameID, NameIDFormat                                  string
	// Confirmation is the method; Recipient and the rest are its data.
	Confirmation, Recipient, AssertionInResponseTo string
	ConfirmationEnds, ConfirmationBegins           time.Time
	NoConfirmationData                             bool
	NotBefore, NotOnOrAfter                        time.Time
	Audiences                                      [][]string // restrictions of audiences
	NoSubject, NoConditions, NoStatement           bool
	AuthnInstant, SessionEnds                      time.Time
	SessionIndex, Context                          string
	Attributes                                     []SAMLAttribute

	// Which of both is signed, how and by whom.
	SignResponse, SignAssertion bool
	Signature, Digest           string // algorithms
	Key                         *SAMLKey
	// Encrypt names the content encryption; KeyTransport the key's. Empty
	// leaves the assertion in clear.
	Encrypt, KeyTransport string

	// Edits of the text: of the assertion before and after it is signed, of
	// the response before it is, and of all at the end.
	EditAssertion, EditSigned, EditResponse, Edit func(xml string) string
}

// SAMLAttribute is an attribute with its values.
type SAMLAttribute struct {
	Name   string
	Values []string
}

// Answer is the provider's ordinary answer to a request, in the shape of its
// vendor, for a test to change.
func (p *SAML) Answer(r SAMLRequest) SAMLAnswer {
	now := p.config.Now()
	a := SAMLAnswer{
		Destination: r.ACS, InResponseTo: r.ID, Version: "2.0", Status: samlNames + "status:Success",
		Issuer: p.config.EntityID, ResponseIssuer: p.config.EntityID, ResponseID: "_r" + rand.Text(), AssertionID: "_a" + rand.Text(),
		Issued: now, NameID: p.config.User.Subject, NameIDFormat: samlNames + "nameid-format:persistent",
		Confirmation: samlNames + "cm:bearer", Recipient: r.ACS, AssertionInResponseTo: r.ID, ConfirmationEnds: now.Add(5 * time.Minute),
		NotBefore: now.Add(-5 * time.Minute), NotOnOrAfter: now.Add(5 * time.Minute), Audiences: [][]string{{r.SP}},
		AuthnInstant: now, SessionIndex: "_s" + rand.Text(), Context: samlNames + "ac:classes:PasswordProtectedTransport",
		SignAssertion: true, Signature: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", Digest: "http://www.w3.org/2001/04/xmlenc#sha256",
		Key: p.config.Key, KeyTransport: "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
	}
	p.shape(&a)
	return a
}

// Respond writes, signs and encodes an answer for the POST binding.
func (p *SAML) Respond(a SAMLAnswer) string {
	return base64.StdEncoding.EncodeToString([]byte(p.Write(a)))
}

// Write writes and signs an answer.
func (p *SAML) Write(a SAMLAnswer) string {
	assertion := edit(a.EditAssertion, a.assertion())
	if a.SignAssertion {
		assertion = a.sign(assertion, a.AssertionID)
	}
	assertion = edit(a.EditSigned, assertion)
	if a.Encrypt != "" {
		assertion = p.encrypt(a, assertion)
	}
	response := edit(a.EditResponse, a.response(assertion))
	if a.SignResponse {
		response = a.sign(response, a.ResponseID)
	}
	return edit(a.Edit, response)
}

func edit(how func(string) string, text string) string {
	if how == nil {
		return text
	}
	return how(text)
}

func (a SAMLAnswer) response(assertion string) string {
	status := element("samlp:StatusCode", attrs("Value", a.Status))
	if a.SubStatus != "" {
		status = element("samlp:StatusCode", attrs("Value", a.Status), element("samlp:StatusCode", attrs("Value", a.SubStatus)))
	}
	issuer := ""
	if a.ResponseIssuer != "" {
		issuer = element("saml:Issuer", attrs("xmlns:saml", samlNames+"assertion"), escape(a.ResponseIssuer))
	}
	return element("samlp:Response", attrs("xmlns:samlp", samlNames+"protocol", "Destination", a.Destination, "ID", a.ResponseID,
		"InResponseTo", a.InResponseTo, "IssueInstant", stamp(a.Issued), "Version", a.Version),
		issuer, element("samlp:Status", "", status), assertion)
}

func (a SAMLAnswer) assertion() string {
	parts := []string{element("saml:Issuer", "", escape(a.Issuer))}
	if !a.NoSubject {
		parts = append(parts, a.subject())
	}
	if !a.NoConditions {
		parts = append(parts, a.conditions())
	}
	if !a.NoStatement {
		parts = append(parts, element("saml:AuthnStatement",
			attrs("AuthnInstant", stamp(a.AuthnInstant), "SessionIndex", a.SessionIndex, "SessionNotOnOrAfter", stamp(a.SessionEnds)),
			element("saml:AuthnContext", "", element("saml:AuthnContextClassRef", "", escape(a.Context)))))
	}
	if len(a.Attributes) > 0 {
		parts = append(parts, a.attributes())
	}
	return element("saml:Assertion", attrs("xmlns:saml", samlNames+"assertion", "ID", a.AssertionID, "IssueInstant", stamp(a.Issued), "Version", a.Version), parts...)
}

func (a SAMLAnswer) subject() string {
	name := element("saml:NameID", attrs("Format", a.NameIDFormat), escape(a.NameID))
	if a.Confirmation == "" {
		return element("saml:Subject", "", name)
	}
	data := element("saml:SubjectConfirmationData", attrs("InResponseTo", a.AssertionInResponseTo, "NotBefore", stamp(a.ConfirmationBegins),
		"NotOnOrAfter", stamp(a.ConfirmationEnds), "Recipient", a.Recipient))
	if a.NoConfirmationData {
		data = ""
	}
	return element("saml:Subject", "", name, element("saml:SubjectConfirmation", attrs("Method", a.Confirmation), data))
}

func (a SAMLAnswer) conditions() string {
	var restrictions []string
	for _, list := range a.Audiences {
		var audiences []string
		for _, audience := range list {
			audiences = append(audiences, element("saml:Audience", "", escape(audience)))
		}
		restrictions = append(restrictions, element("saml:AudienceRestriction", "", audiences...))
	}
	return element("saml:Conditions", attrs("NotBefore", stamp(a.NotBefore), "NotOnOrAfter", stamp(a.NotOnOrAfter)), restrictions...)
}

func (a SAMLAnswer) attributes() string {
	var list []string
	for _, attribute := range a.Attributes {
		var values []string
		for _, value := range attribute.Values {
			values = append(values, element("saml:AttributeValue", "", escape(value)))
		}
		list = append(list, element("saml:Attribute", attrs("Name", attribute.Name), values...))
	}
	return element("saml:AttributeStatement", "", list...)
}

// element writes an element as exclusive canonicalisation would.
func element(name, attributes string, content ...string) string {
	return "<" + name + attributes + ">" + strings.Join(content, "") + "</" + name + ">"
}

// attrs writes attributes, in the order given, without those that are empty.
func attrs(pairs ...string) string {
	out := ""
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			out += " " + pairs[i] + `="` + escape(pairs[i+1]) + `"`
		}
	}
	return out
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}
