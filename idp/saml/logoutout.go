package saml

import (
	"crypto/rand"
	"errors"

	"github.com/beevik/etree"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// Outcome is what became of a request to log out.
type Outcome string

// Outcomes (SAML Core section 3.2.2.2).
const (
	LoggedOut     Outcome = statusSuccess
	PartialLogout Outcome = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"
)

// LogoutRequest asks the provider to end a session there (SAML Core section
// 3.7.1). It fails when the provider has no address for it or we no key.
func (c *Connector) LogoutRequest(name idp.NameID, sessionIndex, relayState string) (idp.Message, error) {
	return c.logoutMessage("LogoutRequest", relayState, c.config.IDP.SLO, func(el *etree.Element) {
		id := el.CreateElement("saml:NameID")
		for attr, value := range map[string]string{"Format": name.Format, "NameQualifier": name.NameQualifier, "SPNameQualifier": name.SPNameQualifier} {
			if value != "" {
				id.CreateAttr(attr, value)
			}
		}
		id.SetText(name.Value)
		if sessionIndex != "" {
			el.CreateElement("samlp:SessionIndex").SetText(sessionIndex)
		}
	})
}

// LogoutResponse answers the provider's request (SAML Core section 3.7.2).
func (c *Connector) LogoutResponse(request idp.Logout, outcome Outcome) (idp.Message, error) {
	if !request.Request {
		return idp.Message{}, errors.New("saml: an answer is not answered")
	}
	to := c.config.IDP.SLOResponse
	if len(to) == 0 {
		to = c.config.IDP.SLO
	}
	return c.logoutMessage("LogoutResponse", request.RelayState, to, func(el *etree.Element) {
		el.CreateAttr("InResponseTo", request.ID)
		status := el.CreateElement("samlp:Status")
		if outcome == LoggedOut {
			status.CreateElement("samlp:StatusCode").CreateAttr("Value", statusSuccess)
			return
		}
		code := status.CreateElement("samlp:StatusCode")
		code.CreateAttr("Value", statusResponder)
		code.CreateElement("samlp:StatusCode").CreateAttr("Value", string(outcome))
	})
}

// AnswerLogout is LogoutResponse with one of the two outcomes.
func (c *Connector) AnswerLogout(request idp.Logout, all bool) (idp.Message, error) {
	if all {
		return c.LogoutResponse(request, LoggedOut)
	}
	return c.LogoutResponse(request, PartialLogout)
}

// logoutMessage builds, signs and encodes a message, by redirect if the
// provider takes that: Entra takes nothing else.
func (c *Connector) logoutMessage(name, relayState string, to map[string]string, fill func(*etree.Element)) (idp.Message, error) {
	parameter := "SAMLRequest"
	if name == "LogoutResponse" {
		parameter = "SAMLResponse"
	}
	location, byRedirect := to[BindingRedirect]
	if !byRedirect {
		location = to[BindingPOST]
	}
	if location == "" {
		return idp.Message{}, errors.New("saml: the provider has no address for logout")
	}
	m := idp.Message{ID: "_" + rand.Text()}
	el := etree.NewElement("samlp:" + name)
	for _, attr := range [][2]string{
		{"xmlns:saml", nsAssertion}, {"xmlns:samlp", nsProtocol}, {"ID", m.ID}, {"Version", "2.0"},
		{"IssueInstant", stamp(c.config.Now())}, {"Destination", location},
	} {
		el.CreateAttr(attr[0], attr[1])
	}
	el.CreateElement("saml:Issuer").SetText(c.config.EntityID)
	fill(el)
	if byRedirect {
		raw, err := document(el)
		if err != nil {
			return idp.Message{}, err
		}
		m.URL, err = c.redirect(location, parameter, raw, relayState, true)
		return m, err
	}
	if err := c.sign(el); err != nil {
		return idp.Message{}, err
	}
	raw, err := document(el)
	m.Form = form(location, parameter, raw, relayState)
	return m, err
}
