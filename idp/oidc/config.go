package oidc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// Config describes one connection to an upstream.
type Config struct {
	// ID is the connection's id, required; it becomes Identity.Upstream.
	ID string
	// Issuer is the upstream's issuer identifier exactly as it tells it,
	// trailing slash included; required.
	Issuer string
	// Tenant is what the issuer's tid must be, where its tokens have one and its
	// name holds it: EntraTenant of it. Empty demands nothing.
	Tenant string
	// ManyTenants says that the issuer stands for every tenant of Entra ID, as
	// ManyTenants of it does: then Tenants are the ids of those whose people may
	// sign in, required, and each token must be of one of them and of its issuer.
	ManyTenants bool
	Tenants     []string
	// ClientID is required; an empty ClientSecret makes us a public client.
	ClientID     string
	ClientSecret string
	// Scopes asked for; empty means openid, profile and email. openid is
	// always asked for.
	Scopes []string
	// RedirectURI is this connection's own callback, required. A URI of its
	// own per connection is a defence against mix-up (RFC 9700 section 2.1).
	RedirectURI string
	// HTTP talks to the upstream; required. Give it outbound.NewClient, which
	// bounds exchanges and keeps them on the public internet.
	HTTP *http.Client
	// Now tells the time; nil means time.Now.
	Now func() time.Time
	// Algorithms that may sign ID tokens; empty means the RS, PS and ES families
	// and EdDSA. What the upstream does not advertise is refused as well.
	Algorithms []string
	// MFA says what proves a second factor at this upstream.
	MFA idp.MFARule
	// Mapping says which claims of the ID token name the person, link them to
	// the connection's other side, and must be told; and where names and groups
	// are when not where OpenID Connect Core section 5.1 puts them.
	Mapping idp.Mapping
	// MutableSubject is an administrator's word that subjects which can change
	// hands are all there is.
	MutableSubject bool
	// Request adds parameters to the authentication request, such as claims,
	// where the vendor has ways of its own to ask for a second factor. They
	// replace none of the protocol's.
	Request map[string]string
	// KeepRefreshToken asks for a refresh token (offline_access) and leaves it in
	// the Identity; else the upstream's tokens are dropped.
	KeepRefreshToken bool
	// Skew is how far the clocks may differ; 0 means 60 seconds, at most 180.
	Skew time.Duration
	// MetadataFresh is how often the discovery document is fetched anew, 0 means 12
	// hours; MetadataKept how long a good copy is used while none can be had, 0
	// means 24 hours. At most 7 days.
	MetadataFresh, MetadataKept time.Duration
	// Observe hears of every exchange with the upstream: whether it answered, or
	// could not be reached or failed (5xx). It must not block for long. Nil
	// hears nothing. What a visitor broke off is not heard of.
	Observe func(ctx context.Context, answered bool)
}

// defaults fills what was left out and refuses what cannot work.
func (c *Config) defaults() error {
	switch {
	case c.ID == "":
		return errors.New("oidc: connection id missing")
	case c.ClientID == "":
		return errors.New("oidc: client id missing")
	case c.HTTP == nil:
		return errors.New("oidc: HTTP client missing")
	}
	if err := checkIssuer(c.Issuer); err != nil {
		return err
	}
	if u, err := url.Parse(c.RedirectURI); err != nil || u.Scheme == "" || u.Host == "" || u.Fragment != "" {
		return errors.New("oidc: redirect URI is not an absolute URL without fragment")
	}
	for _, check := range []func() error{c.times, c.checkTenants} {
		if err := check(); err != nil {
			return err
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"openid", "profile", "email"}
	}
	if !slices.Contains(c.Scopes, "openid") {
		c.Scopes = append([]string{"openid"}, c.Scopes...)
	}
	if c.KeepRefreshToken && !slices.Contains(c.Scopes, "offline_access") {
		c.Scopes = append(slices.Clone(c.Scopes), "offline_access")
	}
	if slices.ContainsFunc(c.Mapping.Subject, idp.Mutable) && !c.MutableSubject {
		return errors.New("oidc: an e-mail address or user name changes hands; it is no subject without an administrator's word")
	}
	if slices.ContainsFunc(c.Mapping.Link, idp.Mutable) {
		return errors.New("oidc: link_key: an e-mail address or user name changes hands; it links nobody")
	}
	for _, alg := range c.Algorithms {
		if !slices.Contains(algorithms(), alg) {
			return fmt.Errorf("oidc: algorithm %q is not an asymmetric one we know", alg)
		}
	}
	if len(c.Algorithms) == 0 {
		c.Algorithms = algorithms()
	}
	if c.Observe != nil {
		c.HTTP = watch(c.HTTP, c.Observe)
	}
	return nil
}

// times fills in times and refuses those out of bounds.
func (c *Config) times() error {
	c.Skew, c.MetadataFresh, c.MetadataKept = cmp.Or(c.Skew, defaultSkew), cmp.Or(c.MetadataFresh, metadataFresh), cmp.Or(c.MetadataKept, metadataLimit)
	if c.Skew < 0 || c.Skew > maxSkew {
		return errors.New("oidc: clocks may differ by 180 seconds, no more")
	}
	if c.MetadataFresh < 0 || c.MetadataKept < c.MetadataFresh || c.MetadataKept > metadataMost {
		return errors.New("oidc: a discovery document is kept for seven days at most, and no shorter than it is fresh")
	}
	return nil
}

// checkIssuer holds an issuer to OpenID Connect Discovery section 3: a URL
// without query and fragment. Plain http is left to the HTTP client to refuse.
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return errors.New("oidc: issuer is not an https URL")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil {
		return errors.New("oidc: issuer has a query, fragment or credentials")
	}
	return nil
}

// algorithms are the asymmetric JWS algorithms (RFC 7518 section 3.1, RFC 8037).
func algorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}
