package idptest

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// Authentication contexts the provider tells: one factor, or more.
const (
	ACRPassword    = "urn:idptest:acr:password"
	ACRMultiFactor = "urn:idptest:acr:multi-factor"
)

// Config shapes a provider.
type Config struct {
	// Issuer is the issuer identifier; empty lets Start choose it.
	Issuer string
	// Addr is where Start listens; empty means a free port of 127.0.0.1.
	Addr string
	// Title heads the sign-in page; empty means "Sign in".
	Title string
	// Users who may sign in; at least one is required.
	Users []User
	// Clients that may ask; AddClient adds more.
	Clients []Client
	// AutoLogin finishes without a form: login_hint names the user by Login or
	// Email, and the first user is taken when there is no hint.
	AutoLogin bool
	// ThinIDTokens leaves profile, email and groups to userinfo.
	ThinIDTokens bool
	// Algorithm signs ID tokens: "RS256" (the default) or "ES256".
	Algorithm string
	// KeyID names the first signing key; empty means a random name.
	KeyID string
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// User is a person at the provider.
type User struct {
	Login    string // required, unique
	Password string // required unless Config.AutoLogin
	Subject  string // required, unique
	// Profile, Email and Groups are told within the scopes profile, email and
	// groups.
	Profile       idp.Profile
	Email         string
	EmailVerified bool
	Groups        []string
	// MFA makes every sign-in count as one with a second factor.
	MFA bool
	// MFAOnRequest does so where acr_values asks for ACRMultiFactor.
	MFAOnRequest bool
	// Claims are added to the ID token and userinfo whatever the scope.
	Claims map[string]any
}

// Client is a relying party.
type Client struct {
	ID           string   // required
	Secret       string   // empty for a public client
	RedirectURIs []string // compared as strings
	// FormAction are origins the browser may end up at beyond the redirect
	// URI's: Chromium holds a form's content security policy against every
	// redirect that follows its submission.
	FormAction []string
}

// defaults fills what was left out and refuses what cannot work.
func (c *Config) defaults() error {
	if len(c.Users) == 0 {
		return errors.New("idptest: no users")
	}
	for _, u := range c.Users {
		if u.Login == "" || u.Subject == "" || (u.Password == "" && !c.AutoLogin) {
			return fmt.Errorf("idptest: user %q lacks a login, subject or password", u.Login)
		}
	}
	if c.Title == "" {
		c.Title = "Sign in"
	}
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if c.Algorithm == "" {
		c.Algorithm = "RS256"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

func (c Client) check() error {
	if c.ID == "" || len(c.RedirectURIs) == 0 {
		return fmt.Errorf("idptest: client %q lacks an id or redirect URIs", c.ID)
	}
	for _, raw := range c.RedirectURIs {
		if u, err := url.Parse(raw); err != nil || u.Host == "" {
			return fmt.Errorf("idptest: client %q: redirect URI is not absolute", c.ID)
		}
	}
	return nil
}
