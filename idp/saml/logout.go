package saml

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
)

const maxIndexes = 100

type logoutMessage struct {
	ID           string   `xml:"ID,attr"`
	Version      string   `xml:"Version,attr"`
	IssueInstant string   `xml:"IssueInstant,attr"`
	Destination  string   `xml:"Destination,attr"`
	InResponseTo string   `xml:"InResponseTo,attr"`
	NotOnOrAfter *string  `xml:"NotOnOrAfter,attr"`
	Issuer       []text   `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
	NameID       []nameID `xml:"urn:oasis:names:tc:SAML:2.0:assertion NameID"`
	Indexes      []text   `xml:"urn:oasis:names:tc:SAML:2.0:protocol SessionIndex"`
	Status       []status `xml:"urn:oasis:names:tc:SAML:2.0:protocol Status"`
}

// LogoutByRedirect accepts a logout message in a URL's raw query, or refuses it
// with an *idp.Error (SAML Bindings section 3.4, SAML Core section 3.7). The
// signature is required, and over the octets as they came.
func (c *Connector) LogoutByRedirect(ctx context.Context, rawQuery string) (idp.Logout, error) {
	out, err := c.logoutByRedirect(ctx, rawQuery)
	return out, c.during("logout", err)
}

// LogoutByPOST is LogoutByRedirect for a posted form, whose message has its
// signature inside.
func (c *Connector) LogoutByPOST(ctx context.Context, params url.Values) (idp.Logout, error) {
	out, err := c.logoutByPOST(ctx, params)
	return out, c.during("logout", err)
}

func (c *Connector) during(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s at %s: %w", what, c.config.ID, err)
}

func (c *Connector) logoutByRedirect(ctx context.Context, rawQuery string) (idp.Logout, error) {
	q, err := parseQuery(rawQuery)
	if err != nil {
		return idp.Logout{}, err
	}
	now := c.config.Now()
	if err := c.trust(now).verifyQuery(q); err != nil {
		return idp.Logout{}, err
	}
	packed, err := unbase64(q.message)
	if err != nil {
		return idp.Logout{}, err
	}
	raw, err := inflate(packed)
	if err != nil {
		return idp.Logout{}, err
	}
	f, err := scanMessage(raw, logoutName(q.name))
	if err != nil {
		return idp.Logout{}, err
	}
	return c.logout(raw, f, q.relayState, now)
}

func (c *Connector) logoutByPOST(ctx context.Context, params url.Values) (idp.Logout, error) {
	name := "SAMLRequest"
	if len(params["SAMLResponse"]) > 0 {
		name = "SAMLResponse"
	}
	if len(params["SAMLRequest"])+len(params["SAMLResponse"]) != 1 || len(params["RelayState"]) > 1 {
		return idp.Logout{}, refuse(ReasonForm, errors.New("not one message and at most one RelayState"))
	}
	raw, err := unbase64(params.Get(name))
	if err != nil {
		return idp.Logout{}, err
	}
	f, err := scanMessage(raw, logoutName(name))
	if err != nil {
		return idp.Logout{}, err
	}
	root, err := parse(raw)
	if err != nil {
		return idp.Logout{}, err
	}
	now := c.config.Now()
	if raw, err = c.trust(now).signed(root); err != nil {
		return idp.Logout{}, err
	}
	return c.logout(raw, f, params.Get("RelayState"), now)
}

// logout holds a message to this connection.
func (c *Connector) logout(raw []byte, f facts, relayState string, now time.Time) (idp.Logout, error) {
	var m logoutMessage
	if err := read(raw, &m); err != nil {
		return idp.Logout{}, err
	}
	out := idp.Logout{Request: f.root == nameLogoutRequest, ID: m.ID, InResponseTo: m.InResponseTo, RelayState: relayState}
	if err := c.logoutEnvelope(m, out.Request, now); err != nil {
		return idp.Logout{}, err
	}
	if !out.Request {
		out.Done = success(m.Status) == nil
		return out, nil
	}
	var err error
	if out.NameID, err = (subject{NameID: m.NameID}).name(); err != nil {
		return idp.Logout{}, err
	}
	for _, index := range m.Indexes {
		value, ok := only([]text{index})
		if !ok || value == "" || len(value) > maxSessionIndex || len(out.SessionIndexes) == maxIndexes {
			return idp.Logout{}, refuse(ReasonLogout, errors.New("a session index that is empty or long, or too many"))
		}
		out.SessionIndexes = append(out.SessionIndexes, value)
	}
	return out, nil
}

// UseLogout notes that a logout request is used, or refuses one that was.
func (c *Connector) UseLogout(ctx context.Context, m idp.Logout) error {
	return c.during("logout", c.useLogout(ctx, m))
}

func (c *Connector) useLogout(ctx context.Context, m idp.Logout) error {
	first, err := c.config.Replays.UseOnce(ctx, c.config.IDP.EntityID, m.ID, c.config.Now().Add(c.config.MaxAge+2*c.config.Skew))
	if err != nil {
		return refuse(idp.ReasonUnavailable, fmt.Errorf("remembering the request: %w", err))
	}
	if !first {
		return refuse(ReasonReplay, errors.New("the logout request was used before"))
	}
	return nil
}

// logoutEnvelope demands a destination of requests; Entra leaves it out of its
// answers.
func (c *Connector) logoutEnvelope(m logoutMessage, request bool, now time.Time) error {
	if m.ID == "" || len(m.ID) > maxID {
		return refuse(ReasonID, errors.New("the message has no ID"))
	}
	if m.Version != "2.0" {
		return refuse(ReasonVersion, errors.New("the message is not of version 2.0"))
	}
	if issuer, ok := only(m.Issuer); !ok || issuer != c.config.IDP.EntityID {
		return refuse(ReasonIssuer, errors.New("the message is another issuer's"))
	}
	if (request || m.Destination != "") && (c.config.SLO == "" || m.Destination != c.config.SLO) {
		return refuse(ReasonDestination, errors.New("the message was meant for another address"))
	}
	if err := c.fresh(m.IssueInstant, now); err != nil {
		return err
	}
	if m.NotOnOrAfter != nil {
		if _, err := c.before(m.NotOnOrAfter, now); err != nil {
			return err
		}
	}
	if !request && m.InResponseTo == "" {
		return refuse(ReasonUnsolicited, errors.New("the answer is to no request"))
	}
	return nil
}

// logoutName is the root that belongs in a parameter.
func logoutName(parameter string) xml.Name {
	if parameter == "SAMLResponse" {
		return nameLogoutResponse
	}
	return nameLogoutRequest
}
