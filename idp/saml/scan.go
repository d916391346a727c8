package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// bounds are what a document may cost before a tree is made of it.
type bounds struct{ depth, elements, namespaces int }

// messageBounds are far above what identity providers send.
var messageBounds = bounds{depth: 32, elements: 2000, namespaces: 200} //nolint:gochecknoglobals // a constant in all but syntax

const maxAttributes = 64 // of one element

// facts are what a scan learns of a message.
type facts struct {
	root            xml.Name
	assertion       bool // there is one; a failure may come without
	encrypted       bool // the assertion is
	signedRoot      bool
	signedAssertion bool
}

// scanner reads a document token by token, without building anything, and
// refuses what no later reader may see: each of them has understood some such
// document differently from the others before.
type scanner struct {
	bounds bounds
	// comments are let pass, and the rules of messages left out, in metadata.
	metadata bool

	stack                []frame
	ids                  map[string]bool
	elements, namespaces int
	assertions           int
	closed               bool
	facts                facts
}

// frame is an open element.
type frame struct {
	name   xml.Name
	id     string
	counts map[string]int // of children that matter
}

// scanMessage scans a protocol message or a decrypted assertion whose root
// must be one of the names.
func scanMessage(raw []byte, roots ...xml.Name) (facts, error) {
	s := &scanner{bounds: messageBounds, ids: map[string]bool{}}
	if err := s.run(raw); err != nil {
		return facts{}, err
	}
	for _, root := range roots {
		if s.facts.root == root {
			return s.facts, nil
		}
	}
	return facts{}, refuse(ReasonRoot, errors.New("another message was expected"))
}

func (s *scanner) run(raw []byte) error {
	d := xml.NewDecoder(bytes.NewReader(raw))
	for first := true; ; first = false {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return refuse(ReasonXML, errors.New("not well-formed XML in UTF-8"))
		}
		if err := s.token(token, first); err != nil {
			return err
		}
	}
	if !s.closed {
		return refuse(ReasonXML, errors.New("no root element"))
	}
	return nil
}

func (s *scanner) token(token xml.Token, first bool) error {
	switch t := token.(type) {
	case xml.StartElement:
		return s.start(t)
	case xml.EndElement:
		return s.end()
	case xml.Directive:
		return refuse(ReasonDoctype, errors.New("document type declaration"))
	case xml.ProcInst:
		if !first || t.Target != "xml" {
			return refuse(ReasonProcInst, errors.New("processing instruction"))
		}
	case xml.Comment:
		if !s.metadata {
			return refuse(ReasonComment, errors.New("comment"))
		}
	case xml.CharData:
		if len(s.stack) == 0 && len(bytes.TrimSpace(t)) > 0 {
			return refuse(ReasonXML, errors.New("text outside the root element"))
		}
	}
	return nil
}

func (s *scanner) start(e xml.StartElement) error {
	if s.closed {
		return refuse(ReasonXML, errors.New("a second root element"))
	}
	if s.elements++; s.elements > s.bounds.elements {
		return refuse(ReasonElements, fmt.Errorf("more than %d elements", s.bounds.elements))
	}
	if len(s.stack) >= s.bounds.depth {
		return refuse(ReasonDepth, fmt.Errorf("deeper than %d elements", s.bounds.depth))
	}
	if strings.Contains(e.Name.Local, ":") {
		return refuse(ReasonNamespace, errors.New("colons in a name"))
	}
	f := frame{name: e.Name}
	if err := s.attributes(e, &f); err != nil {
		return err
	}
	if len(s.stack) == 0 {
		s.facts.root = e.Name
	}
	if !s.metadata {
		if err := s.message(e, f); err != nil {
			return err
		}
	}
	s.stack = append(s.stack, f)
	return nil
}

func (s *scanner) end() error {
	f := s.stack[len(s.stack)-1]
	s.stack = s.stack[:len(s.stack)-1]
	s.closed = len(s.stack) == 0
	if s.metadata {
		return nil
	}
	if err := f.complete(); err != nil {
		return err
	}
	return nil
}

// attributes refuses what readers of attributes disagree about, and bounds
// namespace declarations and IDs.
func (s *scanner) attributes(e xml.StartElement, f *frame) error {
	if len(e.Attr) > maxAttributes+s.bounds.namespaces {
		return refuse(ReasonElements, errors.New("an element of too many attributes"))
	}
	seen := make(map[xml.Name]bool, len(e.Attr))
	for _, a := range e.Attr {
		// encoding/xml lets attributes repeat; the last one would win.
		if seen[a.Name] || strings.Contains(a.Name.Local, ":") {
			return refuse(ReasonNamespace, errors.New("an attribute repeated, or with colons in its name"))
		}
		seen[a.Name] = true
		if err := s.attribute(a, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) attribute(a xml.Attr, f *frame) error {
	declares := a.Name.Space == "xmlns" || (a.Name.Space == "" && a.Name.Local == "xmlns")
	if declares {
		return s.declaration(a)
	}
	// A reader that ignores prefixes would take x:ID for ID.
	if a.Name.Space != "" && !s.metadata && plainAttributes[a.Name.Local] {
		return refuse(ReasonNamespace, errors.New("an attribute of SAML in another namespace"))
	}
	if !strings.EqualFold(a.Name.Local, "id") {
		return nil
	}
	if a.Value == "" || s.ids[a.Value] {
		return refuse(ReasonID, errors.New("an ID is empty or appears twice"))
	}
	s.ids[a.Value] = true
	if a.Name.Local == "ID" {
		f.id = a.Value
	}
	return nil
}

// declaration bounds namespace declarations. A relative namespace name makes
// some canonicalisers give up and sign nothing; xml and xmlns are nobody's to
// declare.
func (s *scanner) declaration(a xml.Attr) error {
	if s.namespaces++; s.namespaces > s.bounds.namespaces {
		return refuse(ReasonNamespace, fmt.Errorf("more than %d namespace declarations", s.bounds.namespaces))
	}
	prefix := a.Name.Local
	relative := !strings.Contains(a.Value, ":") && (a.Value != "" || prefix != "xmlns")
	if relative || prefix == "xml" || (a.Name.Space == "xmlns" && prefix == "xmlns") {
		return refuse(ReasonNamespace, errors.New("a namespace declaration that canonicalisation cannot carry"))
	}
	return nil
}

// plainAttributes are attributes that SAML and XML Signature have without a
// namespace.
var plainAttributes = map[string]bool{
	"ID": true, "Id": true, "Version": true, "IssueInstant": true, "Destination": true, "InResponseTo": true,
	"Recipient": true, "NotBefore": true, "NotOnOrAfter": true, "SessionNotOnOrAfter": true, "AuthnInstant": true,
	"SessionIndex": true, "Method": true, "Value": true, "Name": true, "Format": true, "Algorithm": true, "URI": true,
	"NameQualifier": true, "SPNameQualifier": true,
}
