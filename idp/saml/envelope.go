package saml

import (
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
)

const maxID = 256

// envelope holds a response against this connection and this sign-in (SAML
// Profiles section 4.1.4.3). Before its signature it may be anyone's: what is
// found here only ever refuses.
func (c *Connector) envelope(r response, f facts, request string, now time.Time) error {
	if r.ID == "" || len(r.ID) > maxID {
		return refuse(ReasonID, errors.New("the response has no ID"))
	}
	if r.Version != "2.0" {
		return refuse(ReasonVersion, errors.New("the response is not of version 2.0"))
	}
	if r.InResponseTo == nil || *r.InResponseTo == "" {
		return refuse(ReasonUnsolicited, errors.New("the response answers no request"))
	}
	if !same(*r.InResponseTo, request) {
		return refuse(ReasonInResponseTo, errors.New("the response answers another request"))
	}
	// SAML Bindings section 3.5.5.2: a signed message must say where it goes.
	if (f.signedRoot || r.Destination != "") && r.Destination != c.config.ACS {
		return refuse(ReasonDestination, errors.New("the response was meant for another address"))
	}
	if err := c.fresh(r.IssueInstant, now); err != nil {
		return err
	}
	if issuer, ok := only(r.Issuer); len(r.Issuer) > 0 && (!ok || issuer != c.config.IDP.EntityID) {
		return refuse(ReasonIssuer, errors.New("the response is another issuer's"))
	}
	if err := success(r.Status); err != nil {
		return err
	}
	if !f.assertion {
		return refuse(ReasonAssertions, errors.New("a success without an assertion"))
	}
	return nil
}

// fresh holds an IssueInstant to now.
func (c *Connector) fresh(issued string, now time.Time) error {
	at, ok := instant(issued)
	switch {
	case !ok:
		return refuse(ReasonIssueInstant, errors.New("IssueInstant missing or malformed"))
	case at.After(now.Add(c.config.Skew)):
		return refuse(ReasonIssueInstant, errors.New("issued in the future"))
	case at.Before(now.Add(-c.config.MaxAge - c.config.Skew)):
		return refuse(ReasonIssueInstant, errors.New("issued too long ago"))
	}
	return nil
}

// success refuses every status but Success (SAML Core section 3.2.2.2). What a
// failure says beyond its known codes is not repeated.
func success(list []status) error {
	if len(list) != 1 || len(list[0].Codes) != 1 {
		return refuse(ReasonStatus, errors.New("not one status"))
	}
	code := list[0].Codes[0]
	if code.Value == statusSuccess {
		return nil
	}
	if len(code.Codes) == 1 {
		switch code.Codes[0].Value {
		case statusDenied:
			return refuse(idp.ReasonDenied, errors.New("the provider denied the request"))
		case statusNoPassive:
			return refuse(idp.ReasonLoginRequired, errors.New("the provider needs the person"))
		case statusNoContext:
			return refuse(idp.ReasonUnmetAuth, errors.New("the provider cannot meet the context asked for"))
		case statusFailed:
			return refuse(ReasonStatus, errors.New("the person did not authenticate"))
		}
	}
	return refuse(ReasonStatus, errors.New("the provider reports a failure"))
}
