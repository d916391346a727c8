package oauth

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Settings are an issuer's rules, from its configuration.
type Settings struct {
	Name authz.IssuerName // required
	// URL is the issuer identifier, the iss (RFC 8414 section 2); required.
	URL string
	// APIURL is where introspection and /v1 are served; empty means URL.
	APIURL string
	// MTLSURL is where clients that authenticate by certificate find the same
	// endpoints (RFC 8705 section 5); empty means URL.
	MTLSURL string
	// Lifetimes; all required.
	CodeTTL, AccessTTL, RefreshTTL, IDTokenTTL time.Duration
	// RefreshGrace is how long a rotated refresh token still answers with the
	// pair it was exchanged for.
	RefreshGrace time.Duration
	// Format of access tokens for clients that do not choose.
	Format authz.TokenFormat
	// PKCEForAll requires a code challenge of confidential clients too.
	PKCEForAll bool
	// AuthMethods are the client authentication methods in use.
	AuthMethods []string
	// Certificates says that those of clients can arrive: for the metadata.
	Certificates bool
	// RequireNonce refuses DPoP proofs without a nonce of ours (RFC 9449
	// section 8).
	RequireNonce bool
	// PushedTTL is how long a pushed authorization request can be used (RFC
	// 9126 section 2.2); required.
	PushedTTL time.Duration
	// Resources that tokens may be asked for, beside the API (RFC 8707).
	Resources []Resource
	// DetailTypes are the authorization details types (RFC 9396 section 2).
	DetailTypes []DetailType
	// Workloads map upstream issuers' tokens to service accounts, the first
	// that matches.
	Workloads []Workload
	// IDTokenAlgorithms offered, RS256 among them.
	IDTokenAlgorithms []string
	// Registration and ClientDocuments say whether clients may register
	// themselves, or be known by a document of theirs: for the metadata.
	Registration, ClientDocuments bool
	// SubjectTypes in use, the default one first; empty means public (OpenID
	// Connect Core section 8).
	SubjectTypes []string
	// ACRValues are the authentication contexts that the upstreams are known
	// to tell of.
	ACRValues []string
	// Room bounds how many requests may wait.
	Room Room
}

// api is where the issuer's API lives.
func (s Settings) api() string {
	if s.APIURL != "" {
		return s.APIURL
	}
	return s.URL
}

// Store is what this package needs of the database.
type Store interface {
	InTx(ctx context.Context, fn func(context.Context) error) error
	Lineage(ctx context.Context, refs []authz.NodeRef) (authz.Lineage, error)

	CreateGrant(ctx context.Context, g authz.Grant) error
	RevokeGrant(ctx context.Context, issuer authz.IssuerName, id authz.GrantID) (bool, error)

	CreateAuthorizationCode(ctx context.Context, c authz.AuthorizationCode) error
	GetAuthorizationCode(ctx context.Context, issuer authz.IssuerName, digest [32]byte) (authz.AuthorizationCode, authz.Grant, authz.Lineage, error)
	ConsumeAuthorizationCode(ctx context.Context, issuer authz.IssuerName, digest [32]byte, to authz.State) error

	Issue(ctx context.Context, i authz.Issuance) error
	GetAccessToken(ctx context.Context, issuer authz.IssuerName, digest [32]byte) (authz.AccessToken, authz.Grant, authz.Lineage, error)
	RevokeAccessToken(ctx context.Context, issuer authz.IssuerName, digest [32]byte) (bool, error)

	GetRefreshToken(ctx context.Context, issuer authz.IssuerName, digest [32]byte) (authz.RefreshToken, authz.Grant, authz.Lineage, error)
	GetRefreshTokenAlone(ctx context.Context, issuer authz.IssuerName, digest [32]byte) (authz.RefreshToken, error)

	CreatePushedRequest(ctx context.Context, p authz.PushedRequest) error
	CountPushedRequests(ctx context.Context, issuer authz.IssuerName, client authz.ClientID, now time.Time) (authz.Waiting, error)
	CountAuthorizationRequests(ctx context.Context, issuer authz.IssuerName, client authz.ClientID, now time.Time) (authz.Waiting, error)
	GetPushedRequest(ctx context.Context, issuer authz.IssuerName, client authz.ClientID, digest [32]byte) (authz.PushedRequest, error)
	ConsumePushedRequest(ctx context.Context, issuer authz.IssuerName, digest [32]byte) error
	UseOnce(ctx context.Context, issuer authz.IssuerName, id [32]byte, until time.Time) error
	CreateDeviceCode(ctx context.Context, c authz.DeviceCode) error
	CountPendingDevices(ctx context.Context, issuer authz.IssuerName, client authz.ClientID, ip string, now time.Time) (authz.PendingDevices, error)
	GetDeviceCode(ctx context.Context, issuer authz.IssuerName, client authz.ClientID, digest [32]byte) (authz.DeviceCode, error)
	DeviceCodeByUserCode(ctx context.Context, issuer authz.IssuerName, userDigest [32]byte) (authz.DeviceCode, error)
	PollDeviceCode(ctx context.Context, seen authz.DeviceCode, next time.Time, interval time.Duration) error
	DecideDeviceCode(ctx context.Context, issuer authz.IssuerName, digest [32]byte, to authz.State, grant authz.GrantID, now time.Time) error
	GetGrantAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.GrantID) (authz.Grant, authz.Lineage, error)

	ConsumeAuthorizationRequest(ctx context.Context, issuer authz.IssuerName, id string) error
	PutConsent(ctx context.Context, c authz.Consent) error
	GetUserAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.UserID) (authz.User, error)
	AppendAudit(ctx context.Context, e authz.AuditEntry) error
	RecordDecision(ctx context.Context, d authz.PolicyDecision) error
}

// Signer signs and verifies JWS under the issuer's keys (authz/jwks).
type Signer interface {
	Sign(ctx context.Context, alg, typ string, claims any) (string, error)
	Verify(ctx context.Context, compact string) (payload []byte, typ string, err error)
	// VerifyArchived also takes signatures of keys that were retired lately.
	VerifyArchived(ctx context.Context, compact string) (payload []byte, typ string, err error)
}

// Sealer seals what only the holder of a token may read (authz/secret).
type Sealer interface {
	SealWithToken(token authz.Secret, purpose string, plaintext []byte) ([]byte, error)
	OpenWithToken(token authz.Secret, purpose string, sealed []byte) ([]byte, error)
}

// Outbox takes an event that commits with the context's transaction
// (authz/event).
type Outbox interface {
	Append(ctx context.Context, ws authz.WorkspaceID, typ string, at time.Time, data any) error
}

// StandingGrants remembers the standing grants of clients and keys for as long
// as nothing they hang on moves (authz/credential). Grant makes the one it is
// given where there is none; ErrNotFound says that an ancestor is not usable.
type StandingGrants interface {
	Grant(ctx context.Context, want authz.Grant) (authz.Grant, error)
	Forget(g authz.Grant)
}

// Family is a grant with its ancestors, in the order of its Refs.
type Family struct {
	Grant   authz.Grant
	Lineage authz.Lineage
	// Token is its refresh token as it was issued here, or nil. Whether it was used
	// since, only the database knows: it is good enough for somebody about to
	// consume it, who loses to whoever did before.
	Token *authz.RefreshToken
}

// Families remembers the families of refresh tokens by digest, for as long as
// nothing in them moves (authz/credential). A token that is rotated hands its
// family on: what is remembered of it stays as old as it was.
type Families interface {
	Get(digest [32]byte, read func() (Family, []authz.NodeRef, error)) (Family, error)
	Move(from, to [32]byte, change func(Family) Family)
	Drop(digest [32]byte)
}

// Config is what a Server needs; required but for the last seven fields.
type Config struct {
	Settings Settings
	// Scopes returns the issuer's scopes as they stand.
	Scopes func(context.Context) (*authz.Scopes, error)
	Store  Store
	Signer Signer
	Sealer Sealer
	Outbox Outbox
	Clock  authz.Clock
	// Clients authenticates clients by secret, or finds public ones.
	Clients Clients
	// Standing finds the standing grants of clients and keys.
	Standing StandingGrants
	// Families are those of the refresh tokens used lately.
	Families Families
	// LookupKey verifies an API key presented at the token endpoint.
	LookupKey func(ctx context.Context, text authz.Secret) (*authz.Credential, error)
	// IsKey tells by its shape whether a text is an API key.
	IsKey func(text string) bool
	// NonceKey is 32 bytes that every node has, for DPoP nonces.
	NonceKey []byte
	// RemoteKeys returns the keys at a client's jwks_uri, fetched within
	// bounds; nil refuses clients that have one.
	RemoteKeys func(uri string) KeySet
	// ClientAuthorities issue certificates for tls_client_auth; nil refuses
	// every such client.
	ClientAuthorities *x509.CertPool
	// Documents knows clients that a document describes; nil accepts none.
	Documents Documents
	// Upstreams verifies workloads' tokens; required where Settings has any.
	Upstreams Upstreams
	// Allow counts a request of a client or service account that proved
	// itself at the token endpoint; nil allows every one.
	Allow func(id string) error
	// Access is asked before anything is issued; nil allows everything.
	Access Access
	// UserCodeKeys are the MAC keys of user codes, the one in use first;
	// without any the device grant (RFC 8628) is not offered.
	UserCodeKeys [][]byte
	// PairwiseKey is at least 32 secret bytes that pairwise subjects are made
	// with. With another key every person is somebody else to those clients.
	PairwiseKey []byte
}

func (c Config) validate() error {
	s := c.Settings
	switch {
	case s.Name == "" || s.URL == "":
		return errors.New("oauth: an issuer needs a name and a URL")
	case s.CodeTTL <= 0 || s.AccessTTL <= 0 || s.RefreshTTL <= 0 || s.IDTokenTTL <= 0 || s.PushedTTL <= 0:
		return errors.New("oauth: every lifetime is required")
	case c.Scopes == nil || c.Store == nil || c.Signer == nil || c.Sealer == nil || c.Outbox == nil || c.Clock == nil || c.Clients == nil || c.Standing == nil || c.Families == nil || c.LookupKey == nil || c.IsKey == nil || len(c.NonceKey) < 32:
		return errors.New("oauth: every field of Config is required")
	case len(s.Workloads) > 0 && c.Upstreams == nil:
		return errors.New("oauth: workloads need somebody to verify their tokens")
	case len(c.PairwiseKey) < 32:
		return errors.New("oauth: pairwise subjects need a key of 32 bytes")
	}
	return nil
}
