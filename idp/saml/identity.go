package saml

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/gatehouse-auth/gatehouse/idp"
)

const (
	maxAttributeNames  = 200
	maxAttributeValues = 1000
	maxSessionIndex    = 255
)

// identity is all that is taken from an assertion that was checked.
func (c *Connector) identity(a assertion) (SignedIn, error) {
	name, err := a.Subject[0].name()
	if err != nil {
		return SignedIn{}, err
	}
	values, err := a.values()
	if err != nil {
		return SignedIn{}, err
	}
	if missing, ok := c.config.Mapping.Met(values); !ok {
		return SignedIn{}, refuse(ReasonRequire, fmt.Errorf("required attribute %.200q is missing or differs", missing))
	}
	subject, err := c.subject(name, values)
	if err != nil {
		return SignedIn{}, err
	}
	statement := a.Statements[0]
	in := SignedIn{NameID: name, Values: values, Identity: idp.Identity{
		Upstream: c.config.ID, Issuer: c.config.IDP.EntityID, Subject: subject, LogoutName: name.Value, ACR: statement.context(),
	}}
	in.Identity.AuthTime, _ = instant(statement.AuthnInstant)
	if statement.SessionNotOnOrAfter != nil {
		in.Identity.SessionEnds, _ = instant(*statement.SessionNotOnOrAfter)
	}
	if len(statement.SessionIndex) <= maxSessionIndex {
		in.SessionIndex, in.Identity.SessionID = statement.SessionIndex, statement.SessionIndex
	}
	in.Identity.Link = c.config.Mapping.LinkOf(values)
	c.config.Mapping.Show(values, &in.Identity)
	c.evidence(values, &in.Identity)
	return in, nil
}

// subject names the person, by the attributes the mapping says or by NameID. A
// NameID that is new each time, or an address that changes hands, is not a
// name.
func (c *Connector) subject(name idp.NameID, values idp.Values) (string, error) {
	if len(c.config.Mapping.Subject) == 0 {
		switch {
		case name.Format == NameIDTransient:
			return "", refuse(ReasonNameID, errors.New("a transient NameID names nobody"))
		case name.Format == NameIDEmail && !c.config.MutableSubject:
			return "", refuse(ReasonNameID, errors.New("an e-mail address changes hands"))
		}
	}
	subject, ok := c.config.Mapping.SubjectOf(values, name.Value)
	if !ok || strings.ContainsFunc(subject, unicode.IsControl) {
		return "", refuse(ReasonSubjectRule, errors.New("the attributes that name the person are missing, repeated or too long"))
	}
	return subject, nil
}

// evidence judges what was told of factors. A context that is always the same
// is worth an administrator's word and no more.
func (c *Connector) evidence(values idp.Values, out *idp.Identity) {
	methods, contexts := c.config.Mapping.Told(values)
	out.AMR = methods
	if !c.config.StaticContext {
		out.Evidence = c.config.MFA.Evidence(append(contexts, out.ACR), methods)
		return
	}
	out.Evidence = c.config.MFA.Evidence(contexts, methods)
	if out.Evidence == idp.EvidenceNone && out.ACR != "" && slices.Contains(c.config.MFA.ACR, out.ACR) {
		out.Evidence = idp.EvidenceDeclared
	}
}

// name returns the one NameID of a subject.
func (s subject) name() (idp.NameID, error) {
	if len(s.NameID) != 1 {
		return idp.NameID{}, refuse(ReasonNameID, errors.New("not one NameID"))
	}
	n := s.NameID[0]
	value, ok := only([]text{n.text})
	if !ok || value == "" || len(value) > maxID || strings.ContainsFunc(value, unicode.IsControl) {
		return idp.NameID{}, refuse(ReasonNameID, errors.New("an empty, long or nested NameID"))
	}
	return idp.NameID{Value: value, Format: n.Format, NameQualifier: n.NameQualifier, SPNameQualifier: n.SPNameQualifier}, nil
}

// context returns the AuthnContextClassRef, or "".
func (s authnStatement) context() string {
	if len(s.Context) != 1 {
		return ""
	}
	class, _ := only(s.Context[0].ClassRef)
	if len(class) > maxSessionIndex {
		return ""
	}
	return class
}

// values collects the attributes of all statements by name.
func (a assertion) values() (idp.Values, error) {
	out, count := idp.Values{}, 0
	for _, statement := range a.Attributes {
		for _, attribute := range statement.Attributes {
			if attribute.Name == "" || len(out) >= maxAttributeNames {
				return nil, refuse(ReasonShape, errors.New("an attribute without a name, or too many"))
			}
			// Told without a value is told all the same: groups.link may be empty.
			list := out[attribute.Name]
			for _, value := range attribute.Values {
				told, ok := value.told()
				if !ok {
					continue // a structure that no mapping can name
				}
				if count++; count > maxAttributeValues {
					return nil, refuse(ReasonShape, errors.New("too many attribute values"))
				}
				list = append(list, told)
			}
			out[attribute.Name] = list
		}
	}
	return out, nil
}

// told returns a value that is text or holds one NameID.
func (v attributeValue) told() (string, bool) {
	if len(v.NameID) > 0 {
		return only(v.NameID)
	}
	return only([]text{{Value: v.Value, Nested: v.Nested}})
}
