package oauth

import (
	"encoding/json"
	"time"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// session is what fosite carries from request to token: our grant. fosite
// computes expiries from the machine's clock; they are ignored, ours come from
// authz.Clock when rows are made.
type session struct {
	grant authz.Grant
	// jti and issuedAt are those of the access token being made.
	jti      string
	issuedAt time.Time
	expires  time.Time
	// accessScopes are the scopes of the access token, a subset of the grant's.
	accessScopes []string
	// resources are what the scopes hold on.
	resources authz.Resources
	// confirmation is the key the access token is bound to.
	confirmation authz.Confirmation
	// audience and details are the access token's.
	audience []string
	details  json.RawMessage
}

func (s *session) SetExpiresAt(fosite.TokenType, time.Time) {}

// GetExpiresAt returns no time: fosite then uses the lifetimes of its config
// for expires_in, which Token overwrites.
func (s *session) GetExpiresAt(fosite.TokenType) time.Time { return time.Time{} }

func (s *session) GetUsername() string { return "" }
func (s *session) GetSubject() string  { return s.grant.Subject }

// Clone returns a copy; the grant's slices are never written to.
func (s *session) Clone() fosite.Session {
	c := *s
	return &c
}
