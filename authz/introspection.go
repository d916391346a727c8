package authz

import "time"

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
	Scope          string      `json:"scope"`
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
}

// Credential is what is known of a live access token, refresh token or API
// key. It is immutable once made, so that caches may share it.
type Credential struct {
	Principal     Principal
	Introspection Introspection
	// Refs are the nodes its life depends on, itself included.
	Refs []NodeRef
	// EndsAt is the moment it dies by itself; zero for never.
	EndsAt time.Time
}

// LiveAt reports whether the credential has not ended by itself.
func (c *Credential) LiveAt(now time.Time) bool {
	return c.EndsAt.IsZero() || now.Before(c.EndsAt)
}
