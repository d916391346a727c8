package saml

import (
	"crypto/subtle"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// check holds a signed assertion against this connection and this sign-in (SAML
// Core section 2, SAML Profiles section 4.1.4), and returns when it ends.
func (c *Connector) check(a assertion, request string, maxAge *time.Duration, now time.Time) (ends time.Time, err error) {
	if a.ID == "" || len(a.ID) > maxID {
		return ends, refuse(ReasonID, errors.New("the assertion has no ID"))
	}
	if a.Version != "2.0" {
		return ends, refuse(ReasonVersion, errors.New("the assertion is not of version 2.0"))
	}
	if issuer, ok := only(a.Issuer); !ok || issuer != c.config.IDP.EntityID {
		return ends, refuse(ReasonIssuer, errors.New("the assertion is another issuer's"))
	}
	if err := c.fresh(a.IssueInstant, now); err != nil {
		return ends, err
	}
	if ends, err = c.confirmed(a.Subject, request, now); err != nil {
		return ends, err
	}
	if err := c.conditions(a.Conditions, now); err != nil {
		return ends, err
	}
	return ends, c.statement(a.Statements, maxAge, now)
}

// confirmed demands one bearer confirmation for this very request at this ACS
// (SAML Profiles section 4.1.4.2): it is what ties a signed assertion to it.
func (c *Connector) confirmed(list []subject, request string, now time.Time) (ends time.Time, err error) {
	if len(list) != 1 {
		return ends, refuse(ReasonConfirmation, errors.New("not one subject"))
	}
	if len(list[0].Confirmations) != 1 {
		return ends, refuse(ReasonConfirmation, errors.New("not one subject confirmation"))
	}
	confirmation := list[0].Confirmations[0]
	if confirmation.Method != methodBearer {
		return ends, refuse(ReasonConfirmation, errors.New("not a bearer confirmation"))
	}
	if len(confirmation.Data) != 1 {
		return ends, refuse(ReasonConfirmation, errors.New("a confirmation without data"))
	}
	data := confirmation.Data[0]
	if data.Recipient != c.config.ACS {
		return ends, refuse(ReasonRecipient, errors.New("the assertion is for another recipient"))
	}
	if !same(data.InResponseTo, request) {
		return ends, refuse(ReasonInResponseTo, errors.New("the assertion answers another request"))
	}
	if data.NotBefore != nil {
		return ends, refuse(ReasonConfirmation, errors.New("a bearer confirmation with a beginning"))
	}
	if data.NotOnOrAfter == nil {
		return ends, refuse(ReasonExpired, errors.New("a bearer confirmation without an end"))
	}
	return c.before(data.NotOnOrAfter, now)
}

// conditions demands that every audience restriction names us: several are all
// to be met (SAML Core section 2.5.1.4). A condition that is not known cannot
// be met.
func (c *Connector) conditions(list []conditions, now time.Time) error {
	if len(list) != 1 || len(list[0].Unknown) > 0 {
		return refuse(ReasonConditions, errors.New("not one Conditions, or an unknown one inside"))
	}
	conditions := list[0]
	if conditions.NotBefore != nil {
		from, ok := instant(*conditions.NotBefore)
		if !ok || from.After(now.Add(c.config.Skew)) {
			return refuse(ReasonNotBefore, errors.New("not valid yet"))
		}
	}
	if conditions.NotOnOrAfter == nil {
		return refuse(ReasonExpired, errors.New("conditions without an end"))
	}
	if _, err := c.before(conditions.NotOnOrAfter, now); err != nil {
		return err
	}
	if len(conditions.Audiences) == 0 {
		return refuse(ReasonAudience, errors.New("no audience"))
	}
	for _, restriction := range conditions.Audiences {
		if len(restriction.Unknown) > 0 || !restriction.names(c.config.EntityID) {
			return refuse(ReasonAudience, errors.New("an audience restriction that does not name us"))
		}
	}
	return nil
}

// names reports whether one of the audiences is ours: within a restriction any
// will do.
func (r audienceRestriction) names(entityID string) bool {
	for _, audience := range r.Audience {
		if value, ok := only([]text{audience}); ok && value == entityID {
			return true
		}
	}
	return false
}

// statement demands that the person authenticated, and no longer ago than was
// asked for.
func (c *Connector) statement(list []authnStatement, maxAge *time.Duration, now time.Time) error {
	if len(list) != 1 {
		return refuse(ReasonStatement, errors.New("not one AuthnStatement"))
	}
	at, ok := instant(list[0].AuthnInstant)
	if !ok || at.After(now.Add(c.config.Skew)) {
		return refuse(ReasonAuthnInstant, errors.New("AuthnInstant missing, malformed or ahead"))
	}
	if maxAge != nil && now.Sub(at) > *maxAge+c.config.Skew {
		return refuse(idp.ReasonStaleAuth, errors.New("authenticated longer ago than asked for"))
	}
	if over := list[0].SessionNotOnOrAfter; over != nil {
		end, ok := instant(*over)
		if !ok || !now.Before(end.Add(c.config.Skew)) {
			return refuse(ReasonSessionOver, errors.New("the provider's session is over"))
		}
	}
	return nil
}

// before returns an end that is not past.
func (c *Connector) before(end *string, now time.Time) (time.Time, error) {
	at, ok := instant(*end)
	if !ok || !now.Before(at.Add(c.config.Skew)) {
		return at, refuse(ReasonExpired, errors.New("expired"))
	}
	return at, nil
}

// same compares in constant time.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
