package connection

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxConnections bounds those of a workspace.
const maxConnections = 100

// Change is what an administrator wants of a connection; nil leaves a part as
// it is.
type Change struct {
	Name, Vendor *string
	// Issuer, ClientID, Secret and Scopes are of the side of OpenID Connect; an
	// empty Issuer takes the side away.
	Issuer, ClientID *string
	Secret           *authz.Secret
	Scopes           *[]string
	OIDC             *authz.OIDCUpstream
	// Metadata gives the connection a side of SAML; an empty one takes it away.
	Metadata *Metadata
	// SAML are the administrator's words about it; what comes from metadata is
	// not looked at.
	SAML     *authz.SAMLUpstream
	Fallback *authz.Fallback
	// Numbers replace those there are.
	Numbers *authz.Numbers
	JIT     *authz.JIT
}

// Create makes a draft.
func (s *Connections) Create(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, change Change) (authz.Connection, error) {
	if err := may(by, ws); err != nil {
		return authz.Connection{}, err
	}
	if _, err := s.cfg.Store.GetWorkspace(ctx, s.cfg.Issuer, ws); err != nil {
		return authz.Connection{}, err
	}
	all, err := s.cfg.Store.ListConnections(ctx, s.cfg.Issuer, ws)
	if err != nil {
		return authz.Connection{}, err
	}
	if len(all) >= maxConnections {
		return authz.Connection{}, authz.NewError(authz.Conflict, "too_many_connections", "The workspace has too many connections.")
	}
	now := s.cfg.Clock.Now()
	c := authz.Connection{
		ID: authz.NewConnectionID(), Issuer: s.cfg.Issuer, WorkspaceID: ws, Vendor: "generic", Scopes: []string{"openid", "profile", "email"},
		State: authz.Draft, Revision: 1, CreatedAt: now, UpdatedAt: now, Fallback: authz.Fallback{Mode: authz.FallbackAsk}, JIT: authz.JITDomain,
	}
	if c, err = s.apply(ctx, c, change); err != nil {
		return authz.Connection{}, err
	}
	return c, s.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := s.cfg.Store.PutConnection(ctx, c); err != nil {
			return err
		}
		if err := s.remember(ctx, by, c); err != nil {
			return err
		}
		return s.record(ctx, by, c, "connection.created", map[string]any{"name": c.Name, "vendor": c.Vendor})
	})
}

// Update changes a connection of that revision; 0 for whichever there is. What
// changes at a side is to be tested anew before the connection can be activated;
// one that is active stays in use, as a secret that rolls must not be an outage,
// but for a side that it did not have: that is used after its test.
// Who the upstream is cannot change any more then: its people would be others'.
// By what it is believed, and how its words are read, is then an owner's.
func (s *Connections) Update(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID, revision int64, change Change) (authz.Connection, error) {
	return s.replace(ctx, by, ws, id, revision, func(ctx context.Context, c authz.Connection) (authz.Connection, error) {
		return s.apply(ctx, c, change)
	})
}

// replace is Update by what a function makes of the connection.
func (s *Connections) replace(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID, revision int64, become func(context.Context, authz.Connection) (authz.Connection, error)) (authz.Connection, error) {
	before, err := s.Get(ctx, by, ws, id)
	if err != nil {
		return authz.Connection{}, err
	}
	if revision != 0 && revision != before.Revision {
		return authz.Connection{}, authz.ErrStale
	}
	c, err := become(ctx, before)
	if err != nil {
		return authz.Connection{}, err
	}
	if !before.Drafted() && before.UpstreamIssuer != "" && c.UpstreamIssuer != before.UpstreamIssuer {
		return authz.Connection{}, authz.NewError(authz.Conflict, "issuer_changed", "People are known by this issuer: make another connection for another one.")
	}
	if err := mayChange(by, before, c); err != nil {
		return authz.Connection{}, err
	}
	c.UpdatedAt = s.cfg.Clock.Now()
	for side := range before.Tested {
		if sideChanged(before, c, side) {
			c.Tested = without(c.Tested, side)
		}
	}
	if c.Untried = untried(before, c); len(c.Untried) > 0 && !c.Uses(authz.OIDCSide) && !c.Uses(authz.SAMLSide) {
		return authz.Connection{}, authz.NewError(authz.Conflict, "not_tested", "Nobody could sign in: a side that is new is used after a test sign-in by it. Take the other one away then.")
	}
	return s.write(ctx, by, c, before.State, "connection.updated", map[string]any{"changed": changedParts(before, c), "state": c.State})
}

// untried are the sides that await their test: a connection that is, or was, in
// use does not use what it is given before somebody has signed in by it.
func untried(before, after authz.Connection) []authz.Side {
	if before.Drafted() {
		return nil
	}
	for _, side := range sides(after) {
		if !before.Has(side) {
			after.Untried = append(slices.Clone(after.Untried), side)
		}
	}
	return after.StillUntried()
}

// write stores a change of a connection in the state from, and returns it as it
// is then.
func (s *Connections) write(ctx context.Context, by authz.Principal, c authz.Connection, from authz.State, typ string, details map[string]any) (authz.Connection, error) {
	err := s.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := s.cfg.Store.UpdateConnection(ctx, c, from); err != nil {
			return err
		}
		became := c
		became.Revision++
		if err := s.remember(ctx, by, became); err != nil {
			return err
		}
		return s.record(ctx, by, c, typ, details)
	})
	c.Revision++
	return c, err
}

// apply makes the connection that the change leads to, or says what is wrong.
func (s *Connections) apply(ctx context.Context, c authz.Connection, change Change) (authz.Connection, error) {
	authz.Replace(&c.Name, change.Name)
	authz.Replace(&c.Vendor, change.Vendor)
	authz.Replace(&c.UpstreamIssuer, change.Issuer)
	authz.Replace(&c.ClientID, change.ClientID)
	authz.Replace(&c.Scopes, change.Scopes)
	authz.Replace(&c.Fallback, change.Fallback)
	authz.Replace(&c.Numbers, change.Numbers)
	authz.Replace(&c.JIT, change.JIT)
	if change.OIDC != nil {
		c.OIDC = change.OIDC
	}
	c.Name = strings.TrimSpace(c.Name)
	if c.Name == "" || len(c.Name) > 200 {
		return c, invalid("name", "must be 1 to 200 bytes")
	}
	if change.Secret != nil {
		if c.ClientSecret = nil; *change.Secret != "" {
			sealed, err := s.cfg.Upstreams.Seal(c.ID, *change.Secret)
			if err != nil {
				return c, err
			}
			c.ClientSecret = sealed
		}
	}
	if err := s.applySAML(ctx, &c, change); err != nil {
		return c, err
	}
	return c, s.check(c)
}

// applySAML takes over metadata and what was said about the provider.
func (s *Connections) applySAML(ctx context.Context, c *authz.Connection, change Change) error {
	if change.Metadata != nil {
		if *change.Metadata == (Metadata{}) {
			c.SAML = nil
			return nil
		}
		found, err := s.cfg.Upstreams.Metadata(ctx, *change.Metadata)
		if err != nil {
			return authz.NewError(authz.Invalid, "invalid_metadata", "metadata: "+err.Error()).Because(err)
		}
		if c.SAML != nil {
			if c.SAML.EntityID != found.EntityID {
				return authz.NewError(authz.Conflict, "entity_id_changed", "The metadata is of another provider: make another connection for it.")
			}
			words(found, c.SAML)
		}
		c.SAML = found
	}
	if change.SAML != nil {
		if c.SAML == nil {
			return invalid("saml", "has no metadata yet")
		}
		said := *c.SAML
		words(&said, change.SAML)
		c.SAML = &said
	}
	if c.SAML != nil && len(c.SAMLKey) == 0 {
		key, err := s.cfg.Upstreams.NewSAMLKey(c.ID)
		if err != nil {
			return err
		}
		c.SAMLKey = key
	}
	return nil
}

// words copies what an administrator says of a provider, and nothing that is
// from metadata.
func words(to, from *authz.SAMLUpstream) {
	to.SignRequests, to.NameIDFormat = from.SignRequests, from.NameIDFormat
	to.Subject, to.Require, to.MutableSubject = from.Subject, from.Require, from.MutableSubject
	to.MetadataCertificates, to.InitiateLoginURI = from.MetadataCertificates, from.InitiateLoginURI
	to.MFAContexts, to.MFAMethods, to.MFADeclared = from.MFAContexts, from.MFAMethods, from.MFADeclared
}

// check says what is wrong with a connection.
func (s *Connections) check(c authz.Connection) error {
	if !slices.Contains([]authz.FallbackMode{authz.FallbackNever, authz.FallbackAdmin, authz.FallbackAsk, authz.FallbackAuto}, c.Fallback.Mode) {
		return invalid("fallback", "mode must be never, admin, ask or auto")
	}
	if !slices.Contains([]string{"", "okta", "entra", "auth0", "onelogin", "pingone", "pingfederate", "generic"}, c.Vendor) {
		return invalid("vendor", "must be okta, entra, auth0, onelogin, pingone, pingfederate or generic")
	}
	if !slices.Contains([]authz.JIT{authz.JITOff, authz.JITInvited, authz.JITDomain}, c.JIT) {
		return invalid("jit", "must be off, invited or domain")
	}
	if len(c.Fallback.Routes) > 200 {
		return invalid("fallback", "has more than 200 routes")
	}
	for _, r := range c.Fallback.Routes {
		if !routes(r) {
			return invalid("fallback", "a route has a domain or an email, in lower case, or a group of at most 2048 bytes, one of them, and a side to use")
		}
	}
	if err := c.Numbers.Check(); err != nil {
		return err
	}
	if poll := authz.PollRule(); c.OIDC != nil && c.OIDC.PollMinutes != nil && *c.OIDC.PollMinutes != 0 && poll.Check("", *c.OIDC.PollMinutes) != nil {
		return invalid(poll.Member, fmt.Sprintf("must be 0, for never, or %d to %d", poll.Min, poll.Max))
	}
	if c.SAML != nil && !initiates(c.SAML.InitiateLoginURI) {
		return invalid("initiate_login_uri", "must be an https URL without fragment")
	}
	if len(c.Fallback.Link.OIDC) != len(c.Fallback.Link.SAML) || len(c.Fallback.Link.OIDC) > 4 {
		return invalid("link_key", "must name as many claims as attributes, at most 4")
	}
	if !c.Has(authz.OIDCSide) && !c.Has(authz.SAMLSide) {
		return nil // a draft may be empty
	}
	if err := s.cfg.Upstreams.Compile(c); err != nil {
		return authz.NewError(authz.Invalid, "invalid_connection", err.Error()).Because(err)
	}
	return nil
}

// routes reports whether a route is about one thing and leads somewhere.
func routes(r authz.Route) bool {
	about := 0
	for _, one := range []string{r.Domain, r.Email, r.Group} {
		if one != "" {
			about++
		}
	}
	address := r.Domain + r.Email
	return about == 1 && address == strings.ToLower(address) && len(r.Group) <= maxGroup && (r.Use == authz.OIDCSide || r.Use == authz.SAMLSide)
}

// maxGroup is the longest name of a group that an upstream is heard with, in
// bytes.
const maxGroup = 2048

// initiates reports whether a sign-in may be begun at the address: https, or
// http on loopback; empty is none.
func initiates(raw string) bool {
	if raw == "" {
		return true
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || strings.Contains(raw, "#") || len(raw) > 2048 {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && err == nil && addr.IsLoopback()
}

// sideChanged reports whether what a test sign-in by the side has shown may be
// otherwise now.
func sideChanged(a, b authz.Connection, side authz.Side) bool {
	if a.Vendor != b.Vendor || !reflect.DeepEqual(a.Fallback.Link, b.Fallback.Link) {
		return true
	}
	if side == authz.SAMLSide {
		return !reflect.DeepEqual(a.SAML, b.SAML)
	}
	return a.UpstreamIssuer != b.UpstreamIssuer || a.ClientID != b.ClientID || !slices.Equal(a.ClientSecret, b.ClientSecret) ||
		!slices.Equal(a.Scopes, b.Scopes) || !reflect.DeepEqual(a.OIDC, b.OIDC)
}

// changedParts names what differs, without saying how.
func changedParts(a, b authz.Connection) []string {
	var parts []string
	for name, differs := range map[string]bool{
		"name": a.Name != b.Name, "vendor": a.Vendor != b.Vendor, "fallback": !reflect.DeepEqual(a.Fallback, b.Fallback), "jit": a.JIT != b.JIT, "numbers": a.Numbers != b.Numbers,
		"oidc": sideChanged(withVendor(a, b), b, authz.OIDCSide), "saml": sideChanged(withVendor(a, b), b, authz.SAMLSide),
	} {
		if differs {
			parts = append(parts, name)
		}
	}
	slices.Sort(parts)
	return parts
}

func withVendor(a, b authz.Connection) authz.Connection {
	a.Vendor, a.Fallback.Link = b.Vendor, b.Fallback.Link
	return a
}

func without(tests map[authz.Side]authz.ConnectionTest, side authz.Side) map[authz.Side]authz.ConnectionTest {
	left := map[authz.Side]authz.ConnectionTest{}
	for other, test := range tests {
		if other != side {
			left[other] = test
		}
	}
	return left
}

func invalid(member, why string) error {
	return authz.NewError(authz.Invalid, "invalid_"+member, member+": "+why+".")
}
