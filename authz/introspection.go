package authz

import (
	"encoding/json"
	"net/netip"
	"slices"
	"time"
)

// Credential types (the credential_type member of an introspection).
const (
	CredentialAccessToken  = "access_token"
	CredentialRefreshToken = "refresh_token"
	CredentialAPIKey       = "api_key"
)

// Introspection is the answer about an active credential (RFC 7662 section
// 2.2). Times are seconds since the epoch.
type Introspection struct {
	Active         bool        `json:"active"`
	Scope          string      `json:"scope,omitempty"` // without a scope it has no value (RFC 6749 section 3.3)
	ClientID       string      `json:"client_id"`
	Sub            string      `json:"sub"`
	TokenType      string      `json:"token_type,omitempty"`
	CredentialType string      `json:"credential_type"`
	Exp            int64       `json:"exp,omitempty"`
	Iat            int64       `json:"iat"`
	Nbf            int64       `json:"nbf,omitempty"`
	Iss            string      `json:"iss"`
	Aud            []string    `json:"aud,omitempty"`
	JTI            string      `json:"jti,omitempty"`
	WorkspaceID    WorkspaceID `json:"workspace_id,omitempty"`
	AccountID      AccountID   `json:"account_id,omitempty"`
	Environment    Environment `json:"environment,omitempty"`
	Resources      *Resources  `json:"resources,omitempty"`
	KeyID          KeyID       `json:"key_id,omitempty"`
	SID            SessionID   `json:"sid,omitempty"`
	AuthTime       int64       `json:"auth_time,omitempty"`
	ACR            string      `json:"acr,omitempty"`
	AMR            []string    `json:"amr,omitempty"`
	// FallbackReason is why the person signed in by SAML in place of OpenID Connect.
	FallbackReason FallbackReason `json:"fallback_reason,omitempty"`
	// Confirmation is the cnf member (RFC 8705 section 3.2, RFC 9449 section 6.2).
	Confirmation *Confirmation `json:"cnf,omitempty"`
	// Actor is the act member (RFC 8693 section 4.1).
	Actor json.RawMessage `json:"act,omitempty"`
	// Details is the authorization_details member (RFC 9396 section 9.2).
	Details json.RawMessage `json:"authorization_details,omitempty"`
}

// Credential is what is known of a live access token, refresh token or API
// key. It is immutable once made, so that caches may share it.
type Credential struct {
	// EndsAt is the moment it dies by itself; zero for never.
	EndsAt        time.Time
	Principal     Principal
	Introspection Introspection
	// Refs are the nodes its life depends on, itself included.
	Refs []NodeRef
	// AllowedFrom are the addresses a key, or a token of it, may be used from;
	// empty for all.
	AllowedFrom []netip.Prefix
	// Bounds say which scope holds on what, within the roles of its person or
	// service account; nil when Scopes and Resources do.
	Bounds []Bound
	// Resources are those a key itself is restricted to, whatever its roles.
	Resources Resources
	// Tier is the rate tier of the key that is used, itself or by a token of it.
	Tier string
	// KeyEpoch is the epoch an API key was looked at in: what is made of the key
	// must hang on that one. Zero for tokens.
	KeyEpoch int64
	// Confirmation is the key the presenter of an access token must hold.
	Confirmation Confirmation
	// Claims is the claims parameter of an access token's grant, a JSON object
	// (OpenID Connect Core section 5.5), or nil.
	Claims json.RawMessage
}

// UsableFrom reports whether the credential may be used from the address. An
// address that cannot be read is none of those allowed.
func (c *Credential) UsableFrom(address string) bool {
	if len(c.AllowedFrom) == 0 {
		return true
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(c.AllowedFrom, func(p netip.Prefix) bool { return p.Contains(a) })
}

// LiveAt reports whether the credential has not ended by itself.
func (c *Credential) LiveAt(now time.Time) bool {
	return c.EndsAt.IsZero() || now.Before(c.EndsAt)
}

// Prefixes reads an allow-list as it is kept. What cannot be read allows
// nothing, rather than everything.
func Prefixes(list []string) []netip.Prefix {
	allowed := make([]netip.Prefix, 0, len(list))
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			p = netip.PrefixFrom(netip.IPv6Unspecified(), 128)
		}
		allowed = append(allowed, p)
	}
	return allowed
}
