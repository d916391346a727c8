package authz

import (
	"slices"
	"strings"
	"time"
)

// TokenFormat is the form of a client's access tokens.
type TokenFormat string

// The token formats.
const (
	Opaque TokenFormat = "opaque"
	JWT    TokenFormat = "jwt" // RFC 9068
)

// Grant types (RFC 6749 sections 4.1.3, 4.4.2 and 6, RFC 8628 section 3.4, RFC
// 8693 section 2.1).
const (
	GrantAuthorizationCode = "authorization_code"
	GrantClientCredentials = "client_credentials"
	GrantRefreshToken      = "refresh_token"
	GrantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
	GrantTokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// Client authentication methods (RFC 7591 section 2, RFC 7523, RFC 8705).
const (
	AuthNone              = "none"
	AuthClientSecretBasic = "client_secret_basic"
	AuthClientSecretPost  = "client_secret_post"
	AuthPrivateKeyJWT     = "private_key_jwt"
	AuthTLS               = "tls_client_auth"
	AuthSelfSignedTLS     = "self_signed_tls_client_auth"
)

// Client is an OAuth 2.0 client (RFC 6749 section 2).
type Client struct {
	ID     ClientID
	Issuer IssuerName
	// WorkspaceID is empty for platform clients: the operator's own.
	WorkspaceID WorkspaceID
	Name        string
	// AuthMethod is how the client authenticates; "none" makes it public.
	AuthMethod   string
	GrantTypes   []string
	RedirectURIs []string
	// Scopes the client may ask for.
	Scopes []string
	// TokenFormat of its access tokens; empty means the issuer's default.
	TokenFormat TokenFormat
	// IDTokenAlgorithm is a JWS alg; empty means RS256.
	IDTokenAlgorithm string
	// Environment the client works in; empty for either.
	Environment Environment
	// Environments a platform client serves: whose credentials it may introspect.
	Environments []Environment
	// Introspect allows the client to call the introspection endpoint.
	Introspect bool
	// SkipConsent is for the operator's own applications only.
	SkipConsent bool
	// Metadata is what else is registered.
	Metadata  ClientMetadata
	State     State // active, disabled, deleted
	Epoch     int64
	Revision  int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Public reports whether the client cannot keep a secret (RFC 6749 section 2.1).
func (c *Client) Public() bool { return c.AuthMethod == AuthNone }

// HasSecret reports whether the client authenticates with a secret of ours.
func (c *Client) HasSecret() bool {
	return c.AuthMethod == AuthClientSecretBasic || c.AuthMethod == AuthClientSecretPost
}

// Platform reports whether the client belongs to the operator.
func (c *Client) Platform() bool { return c.WorkspaceID == "" }

// MayUse reports whether the client may use the grant type.
func (c *Client) MayUse(grantType string) bool { return slices.Contains(c.GrantTypes, grantType) }

// Serves reports whether a platform client may examine credentials of env.
func (c *Client) Serves(env Environment) bool {
	return env == "" || slices.Contains(c.Environments, env)
}

// ClientRevision is what a client came to be by a change.
type ClientRevision struct {
	Client Client
	Actor  string
	At     time.Time
}

// ClientSecret is one of a client's secrets; two overlap while it is rotated.
type ClientSecret struct {
	ID       string // "cs_…"
	ClientID ClientID
	// Hash is an Argon2id PHC string.
	Hash      string
	Last4     string
	CreatedAt time.Time
	// ExpiresAt is zero for the current secret.
	ExpiresAt time.Time
}

// ClientRef points at a client's node. A client_id that is a URL is the same at
// every issuer, so its node is named with the issuer's.
func ClientRef(issuer IssuerName, id ClientID) NodeRef {
	if id.IsURL() {
		return NodeRef{ClientNode, string(issuer) + " " + string(id)}
	}
	return NodeRef{ClientNode, string(id)}
}

// IsURL reports whether the id is the address of a Client ID Metadata Document
// rather than one of ours.
func (id ClientID) IsURL() bool {
	return strings.HasPrefix(string(id), "https://") || strings.HasPrefix(string(id), "http://")
}
