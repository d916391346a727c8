package authz

import (
	"encoding/json"
	"slices"
	"time"
)

// Session is a person's signed-in browser.
type Session struct {
	ID           SessionID
	Issuer       IssuerName
	WorkspaceID  WorkspaceID
	UserID       UserID
	ConnectionID ConnectionID
	// Digest is SHA-256 of the cookie's value.
	Digest   [32]byte
	AuthTime time.Time
	ACR      string
	AMR      []string
	SignIn   SignIn
	State    State // active, revoked
	Epoch    int64
	// Lineage is the sum of the epochs of its account, workspace, connection
	// and person at sign-in.
	Lineage   int64
	CreatedAt time.Time
	ExpiresAt time.Time // absolute
	IdleUntil time.Time
	IP        string
	UserAgent string
	// Fallback is why its person signed in by SAML in place of OpenID Connect.
	Fallback FallbackReason
	// Upstream is what the upstream calls it.
	Upstream UpstreamName
}

// LiveAt reports whether the session itself, its ancestors aside, is valid at now.
func (s Session) LiveAt(now time.Time) bool {
	return s.State == Active && now.Before(s.ExpiresAt) && now.Before(s.IdleUntil)
}

// StandsIn reports whether the sign-in stands in for another during an outage,
// with nothing that was proven to us beside it.
func (s Session) StandsIn() bool { return s.Fallback.Interim() && s.SignIn.Local == "" }

// Reached reports whether the sign-in reached one of the authentication
// contexts. ACRMultiFactor is reached by proof of MFA, whatever the upstream
// calls it.
func (s Session) Reached(contexts []string) bool {
	return s.ACR != "" && slices.Contains(contexts, s.ACR) || s.SignIn.MFA == MFAProven && slices.Contains(contexts, ACRMultiFactor)
}

// Grant is what a person or service account let a client do: the family of
// every code and token that came of it. Its id is the request id fosite carries.
type Grant struct {
	ID          GrantID
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	AccountID   AccountID
	ClientID    ClientID // for a key's grant, the service account's id
	Subject     string   // the sub of its tokens
	// Type is the grant type the family began with.
	Type string
	// Standing marks the client_credentials grant of a client or key that
	// every such token hangs on: revoking one token leaves the others.
	Standing bool
	// Ancestors besides workspace, account and client; empty where absent.
	UserID           UserID
	ServiceAccountID ServiceAccountID
	SessionID        SessionID // an ancestor unless offline_access was granted
	ConnectionID     ConnectionID
	KeyID            KeyID
	// Tier is the rate tier of the key as it is now, IPAllowlist its allow-list
	// (CIDR): both are read with the grant's ancestors and kept with the key.
	Tier        string
	IPAllowlist []string
	// Bounds are those of the person or service account as they are now,
	// likewise.
	Bounds *Bounds
	// KeyEpoch is the epoch the key was looked at in by whoever makes the grant,
	// which is not kept: a key that moved since may be less than it was.
	KeyEpoch int64
	// ParentID is the grant of the token this one was exchanged from (RFC
	// 8693), ParentToken that token's digest: revoking either revokes this
	// grant in the same transaction.
	ParentID    GrantID
	ParentToken [32]byte
	Environment Environment
	Scopes      []string
	Audience    []string
	Resources   Resources
	// Details are the authorization details granted, a JSON array (RFC 9396
	// section 2), or nil.
	Details json.RawMessage
	// Claims is the claims request parameter, a JSON object (OpenID Connect
	// Core section 5.5), or nil.
	Claims json.RawMessage
	// Actor is the act claim of a delegation, a JSON object (RFC 8693 section
	// 4.1), or nil.
	Actor json.RawMessage
	// SID names the session in tokens even where it is no ancestor.
	SID      SessionID
	AuthTime time.Time
	ACR      string
	AMR      []string
	// Fallback is why its person signed in by SAML in place of OpenID Connect.
	Fallback FallbackReason
	SignIn   SignIn
	Nonce    string
	// Lineage is the sum of the ancestors' epochs at issue.
	Lineage   int64
	State     State // active, revoked
	CreatedAt time.Time
	// ExpiresAt is the absolute end of its refresh tokens.
	ExpiresAt time.Time
}

// Refs lists the grant's ancestors, farthest first. A public or confidential
// client is an ancestor; for a key's grant the service account stands in its
// place, and beside it where a client exchanged what the account holds (RFC
// 8693). The client of the token that was exchanged is no ancestor by name: the
// parent grant hangs on it, and ends with it.
func (g Grant) Refs() []NodeRef {
	refs := make([]NodeRef, 0, 8)
	add := func(kind NodeKind, id string) {
		if id != "" {
			refs = append(refs, NodeRef{kind, id})
		}
	}
	add(AccountNode, string(g.AccountID))
	add(WorkspaceNode, string(g.WorkspaceID))
	add(ConnectionNode, string(g.ConnectionID))
	add(UserNode, string(g.UserID))
	add(ServiceAccountNode, string(g.ServiceAccountID))
	if string(g.ClientID) != string(g.ServiceAccountID) {
		add(ClientNode, ClientRef(g.Issuer, g.ClientID).ID)
	}
	add(APIKeyNode, string(g.KeyID))
	add(SessionNode, string(g.SessionID))
	return refs
}

// Narrow returns what is left of scopes within the roles that its person or
// service account has now.
func (g Grant) Narrow(scopes []string) Narrowed {
	bounds := g.Bounds
	if g.UserID != "" {
		bounds = PersonBounds(bounds)
	}
	return bounds.Narrow(g.Environment, scopes, g.Resources)
}

// Holder is whom the grant is about by our own name for them: no pairwise sub.
func (g Grant) Holder() string {
	if g.UserID != "" {
		return string(g.UserID)
	}
	return g.Subject
}

// AuthorizationCode is a single-use code (RFC 6749 section 4.1.2).
type AuthorizationCode struct {
	Digest        [32]byte // SHA-256 of the code
	Issuer        IssuerName
	GrantID       GrantID
	ClientID      ClientID
	RedirectURI   string
	CodeChallenge string // S256, or empty (RFC 7636 section 4.3)
	// DPoPJKT is the thumbprint of the only key that may redeem the code, or
	// empty (RFC 9449 section 10).
	DPoPJKT   string
	Scopes    []string
	CreatedAt time.Time
	ExpiresAt time.Time
	// State is active, "used" once redeemed, "burned" after a wrong verifier.
	State State
}

// Further states of single-use rows.
const (
	Used   State = "used"
	Burned State = "burned"
)

// AccessToken is a row for an access token, opaque or JWT.
type AccessToken struct {
	Digest   [32]byte // SHA-256 of the whole token
	Issuer   IssuerName
	GrantID  GrantID
	Scopes   []string
	Audience []string
	// Details are the authorization details of this token, or nil (RFC 9396
	// section 7).
	Details      json.RawMessage
	Confirmation Confirmation
	JTI          string
	State        State // active, revoked
	IssuedAt     time.Time
	ExpiresAt    time.Time
}

// RefreshToken is a row for a refresh token; a used one stays as tombstone
// until its grant ends, so that a replay is recognised.
type RefreshToken struct {
	Digest  [32]byte
	Issuer  IssuerName
	GrantID GrantID
	Scopes  []string
	// Confirmation binds the token of a public client to its proof key (RFC
	// 9449 section 5).
	Confirmation Confirmation
	State        State // active, used, revoked
	UsedAt       time.Time
	// Successor is the token response this token was exchanged for, sealed
	// with a key derived from this token's text.
	Successor []byte
	// SuccessorDigest is the refresh token that replaced this one.
	SuccessorDigest [32]byte
	CreatedAt       time.Time
	ExpiresAt       time.Time
}

// Consent remembers what a person allowed a client.
type Consent struct {
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	UserID      UserID
	ClientID    ClientID
	Scopes      []string
	// Audience are the resources the scopes were allowed at (RFC 8707); empty
	// means the issuer's API alone.
	Audience  []string
	UpdatedAt time.Time
}

// AuthorizationRequest is an authorization request on its way through
// sign-in and consent, bound to one browser.
type AuthorizationRequest struct {
	// ID is the handle in page URLs; it opens nothing without the browser's cookie.
	ID            string
	Issuer        IssuerName
	BrowserDigest [32]byte // SHA-256 of the browser's binding cookie
	ClientID      ClientID
	// Parameters are the validated parameters, URL-encoded.
	Parameters string
	// Pushed is the digest of the request URI of a pushed request, or nil.
	Pushed    *[32]byte
	ArrivedAt time.Time
	ExpiresAt time.Time
	State     State // active, used
	// Upstream leg; zero until it begins.
	ConnectionID ConnectionID
	StateDigest  [32]byte // SHA-256 of the upstream state parameter
	// Upstream is the sealed nonce and code verifier.
	Upstream []byte
	// SessionID is the session this request signed in, once it did.
	SessionID SessionID
	// Device is the digest of the device code this request decides on (RFC
	// 8628 section 3.3); zero where a redirect URI takes the answer.
	Device [32]byte
}

// PushedRequest is an authorization request that a client pushed (RFC 9126).
type PushedRequest struct {
	Digest   [32]byte // SHA-256 of the request URI
	Issuer   IssuerName
	ClientID ClientID
	// Parameters are the parameters, URL-encoded, without the client's credentials.
	Parameters string
	CreatedAt  time.Time
	ExpiresAt  time.Time
	State      State // active, used
}

// Waiting is how many requests of a kind wait: of the issuer, and of one of its
// clients.
type Waiting struct {
	Issuer, Client int64
}
