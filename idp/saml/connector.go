package saml

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// Connector is a connection to one identity provider. It holds nothing beyond
// its Config: making one for each request is cheap. It is safe for concurrent use.
type Connector struct{ config Config }

var _ idp.ServiceProvider = (*Connector)(nil)

// New returns a Connector, or says what cannot work in the Config.
func New(c Config) (*Connector, error) {
	if err := c.defaults(); err != nil {
		return nil, err
	}
	return &Connector{config: c}, nil
}

// SignedIn is what an accepted response says, beyond the Identity.
type SignedIn struct {
	Identity idp.Identity
	// NameID and SessionIndex are what a logout of this session is about.
	NameID       idp.NameID
	SessionIndex string
	// Values are the attributes as told, for an administrator's test sign-in.
	Values idp.Values
}

// Begin returns the authentication request as a URL. Nonce becomes the id of
// the request and State the RelayState; CodeVerifier is not used. It fails when
// the provider takes requests by POST only: then BeginForm has the form.
func (c *Connector) Begin(_ context.Context, login idp.Login) (string, error) {
	location, ok := c.config.IDP.SSO[BindingRedirect]
	if !ok {
		return "", errors.New("saml: the provider takes requests by POST only")
	}
	raw, err := c.authnRequest(login, location, false)
	if err != nil {
		return "", err
	}
	target, err := c.redirect(location, "SAMLRequest", raw, login.State, c.config.SignRequests)
	if err != nil {
		return "", fmt.Errorf("beginning sign-in at %s: %w", c.config.ID, err)
	}
	return target, nil
}

// ByForm reports whether the provider takes requests by POST alone.
func (c *Connector) ByForm() bool {
	_, redirects := c.config.IDP.SSO[BindingRedirect]
	return !redirects
}

// BeginForm returns the authentication request as a form for the browser to
// submit (SAML Bindings section 3.5).
func (c *Connector) BeginForm(login idp.Login) (idp.Form, error) {
	location, ok := c.config.IDP.SSO[BindingPOST]
	if !ok {
		return idp.Form{}, errors.New("saml: the provider takes requests by redirect only")
	}
	raw, err := c.authnRequest(login, location, c.config.SignRequests)
	if err != nil {
		return idp.Form{}, err
	}
	return form(location, "SAMLRequest", raw, login.State), nil
}

// Finish accepts the response to the one sign-in that callback remembers, or
// refuses it with an *idp.Error. It calls nobody but Replays, at the very end.
func (c *Connector) Finish(ctx context.Context, callback idp.Callback) (idp.Identity, error) {
	in, err := c.SignIn(ctx, callback)
	if callback.Tell {
		in.Identity.Told = in.Values
	}
	return in.Identity, err
}

// SignIn is Finish with all that the response says.
func (c *Connector) SignIn(ctx context.Context, callback idp.Callback) (SignedIn, error) {
	in, err := c.signIn(ctx, callback)
	if err != nil {
		return SignedIn{}, fmt.Errorf("finishing sign-in at %s: %w", c.config.ID, err)
	}
	return in, nil
}

func (c *Connector) signIn(ctx context.Context, callback idp.Callback) (SignedIn, error) {
	if callback.Nonce == "" {
		return SignedIn{}, refuse(ReasonUnsolicited, errors.New("no sign-in is remembered"))
	}
	raw, err := posted(callback)
	if err != nil {
		return SignedIn{}, err
	}
	now := c.config.Now()
	opened, err := c.open(raw, requestID(callback.Nonce), now)
	if err != nil {
		return SignedIn{}, err
	}
	ends, err := c.check(opened.assertion, requestID(callback.Nonce), callback.MaxAge, now)
	if err != nil {
		return SignedIn{}, err
	}
	in, err := c.identity(opened.assertion)
	if err != nil {
		return SignedIn{}, err
	}
	if err := c.secondReading(opened, requestID(callback.Nonce)); err != nil {
		return SignedIn{}, err
	}
	first, err := c.config.Replays.UseOnce(ctx, c.config.IDP.EntityID, opened.assertion.ID, ends.Add(c.config.Skew))
	if err != nil {
		return SignedIn{}, refuse(idp.ReasonUnavailable, fmt.Errorf("remembering the assertion: %w", err))
	}
	if !first {
		return SignedIn{}, refuse(ReasonReplay, errors.New("the assertion was used before"))
	}
	return in, nil
}

// Unsolicited reports whether a posted form holds a response that answers no
// request, as a sign-in that begins at the provider does. It says nothing
// about who sent it: whoever allows such sign-ins drops the response and begins
// one here.
func (*Connector) Unsolicited(params url.Values) bool {
	raw, err := posted(idp.Callback{Params: params})
	if err != nil {
		return false
	}
	if _, err := scanMessage(raw, nameResponse); err != nil {
		return false
	}
	var r response
	return read(raw, &r) == nil && (r.InResponseTo == nil || *r.InResponseTo == "")
}

// requestID is the id of the request of a sign-in: an NCName, which a random
// text need not be.
func requestID(nonce string) string { return "_" + nonce }

// plain reports whether a text is 20 to 80 characters of A-Z a-z 0-9 - _: fit
// for a RelayState (SAML Bindings section 3.4.3) and an XML id as it is.
func plain(s string) bool {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return len(s) >= 20 && len(s) <= 80 && strings.Trim(s, alphabet) == ""
}
