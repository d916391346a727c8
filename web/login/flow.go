package login

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/factor"
	"github.com/gatehouse-auth/gatehouse/authz/federation"
	"github.com/gatehouse-auth/gatehouse/authz/localaccount"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/authz/session"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// Store is what the flow needs of the database.
type Store interface {
	InTx(ctx context.Context, fn func(context.Context) error) error
	CreateAuthorizationRequest(ctx context.Context, r authz.AuthorizationRequest) error
	GetAuthorizationRequest(ctx context.Context, issuer authz.IssuerName, id string) (authz.AuthorizationRequest, error)
	BeginUpstream(ctx context.Context, issuer authz.IssuerName, id string, connection authz.ConnectionID, stateDigest [32]byte, sealed []byte, until time.Time) error
	ConsumeUpstreamState(ctx context.Context, issuer authz.IssuerName, connection authz.ConnectionID, stateDigest [32]byte) (authz.AuthorizationRequest, error)
	UseOnce(ctx context.Context, issuer authz.IssuerName, id [32]byte, until time.Time) error
	SetRequestSession(ctx context.Context, issuer authz.IssuerName, id string, session authz.SessionID) error
	ConsumeAuthorizationRequest(ctx context.Context, issuer authz.IssuerName, id string) error

	SessionByDigestAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, digest [32]byte) (authz.Session, authz.Lineage, error)
	CreateSession(ctx context.Context, s authz.Session) error
	RenewSession(ctx context.Context, s authz.Session) error
	StepUpSession(ctx context.Context, s authz.Session, had [32]byte) error
	ExtendSession(ctx context.Context, issuer authz.IssuerName, id authz.SessionID, idleUntil time.Time) error
	GetWorkspace(ctx context.Context, issuer authz.IssuerName, id authz.WorkspaceID) (authz.Workspace, error)
	Lineage(ctx context.Context, refs []authz.NodeRef) (authz.Lineage, error)
	SessionAncestors(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, c authz.ConnectionID, user authz.UserID) (authz.Lineage, error)

	GetMember(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (authz.Member, error)
	AddMember(ctx context.Context, m authz.Member) error
	CreateUser(ctx context.Context, u authz.User, identity authz.UpstreamIdentity) error
	UserByUpstream(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, connection authz.ConnectionID, side authz.Side, subject string) (user authz.User, link [32]byte, member bool, err error)
	UserByLink(ctx context.Context, issuer authz.IssuerName, c authz.ConnectionID, link [32]byte) (authz.UserID, error)
	ListIdentities(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, limit int) ([]authz.UpstreamIdentity, error)
	AddUpstreamIdentity(ctx context.Context, i authz.UpstreamIdentity) error
	TouchUpstreamIdentity(ctx context.Context, issuer authz.IssuerName, connection authz.ConnectionID, side authz.Side, subject string, at time.Time) error
	SetUpstreamLink(ctx context.Context, i authz.UpstreamIdentity) error
	SetUpstreamGroups(ctx context.Context, i authz.UpstreamIdentity) error
	MemberHasEmail(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, email string) (bool, error)
	MembersWithEmail(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, email string, limit int) ([]authz.UserID, error)
	GetUserAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.UserID) (authz.User, error)
	UpdateUserProfile(ctx context.Context, issuer authz.IssuerName, id authz.UserID, p authz.Profile, at time.Time) error

	GetConnectionAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.ConnectionID) (authz.Connection, error)
	ListConnections(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID) ([]authz.Connection, error)

	SetConnectionTested(ctx context.Context, c authz.Connection, side authz.Side, test authz.ConnectionTest) error

	GetConsent(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, client authz.ClientID) (authz.Consent, error)
	AppendAudit(ctx context.Context, e authz.AuditEntry) error
}

// Members say who belongs to a workspace (authz/admin).
type Members interface {
	// OpenInvitation returns an invitation that is good, by its token.
	OpenInvitation(ctx context.Context, token authz.Secret) (authz.Invitation, authz.Workspace, error)
	// Admit checks an invitation for somebody with an address, Join uses it, both
	// in one transaction.
	Admit(ctx context.Context, ws authz.WorkspaceID, id authz.InvitationID, email string) (authz.Invitation, error)
	Join(ctx context.Context, i authz.Invitation, user authz.UserID) (authz.Member, error)
	// OpenJoinLink returns a join link that is good, by its token. AdmitByLink looks
	// at one anew, JoinByLink uses it, both in one transaction.
	OpenJoinLink(ctx context.Context, token authz.Secret) (authz.JoinLink, error)
	AdmitByLink(ctx context.Context, ws authz.WorkspaceID, id authz.JoinLinkID) (authz.JoinLink, error)
	JoinByLink(ctx context.Context, l authz.JoinLink, i authz.UpstreamIdentity) error
	// FollowGroups gives and takes what a person's groups give, within a
	// transaction.
	FollowGroups(ctx context.Context, in admin.GroupsTold) error
}

// Connections are those of the issuer that people sign in by (authz/connection).
type Connections interface {
	// Get returns one in any state, ByDomain the one that a domain in lower case
	// routes to; or ErrNotFound.
	Get(ctx context.Context, id authz.ConnectionID) (authz.Connection, error)
	ByDomain(ctx context.Context, domain string) (authz.Connection, error)
	// Ancestors are what every session by one stands on beside its person.
	Ancestors(ctx context.Context, c authz.Connection) (authz.Lineage, error)
}

// Operators does what an operator asks for in person (authz/apikey).
type Operators interface {
	List(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, f authz.KeyFilter, page authz.Page) ([]authz.APIKey, error)
	Delegate(ctx context.Context, by authz.Principal, from authz.Origin, id authz.KeyID, ends time.Time) (authz.APIKey, error)
	DelegationOf(ctx context.Context, key authz.APIKey) (authz.Delegation, error)
}

// Guesses counts what somebody may be wrong about (authz/ratelimit).
type Guesses interface {
	Allow(key string) error
	Refund(key string)
}

// Liveness remembers by what an upstream is asked about a session (authz/liveness).
type Liveness interface {
	Keep(ctx context.Context, c authz.Connection, s authz.Session, token authz.Secret) error
}

// Sealer keeps the nonce and code verifier of an upstream leg unreadable in
// the database (authz/secret).
type Sealer interface {
	Seal(purpose, row string, plaintext []byte) ([]byte, error)
	Open(purpose, row string, sealed []byte) ([]byte, error)
}

// Config is what a Flow needs; every field but Guesses and AllowReturn is
// required.
type Config struct {
	OAuth *oauth.Server
	Store Store
	// Connect returns the connector of one side of a connection; that of SAML is
	// an idp.ServiceProvider.
	Connect func(ctx context.Context, c authz.Connection, side authz.Side) (idp.Connector, error)
	// Choose says by which side of a connection a visitor signs in
	// (authz/federation).
	Choose func(ctx context.Context, c authz.Connection, v authz.Visitor) (federation.Choice, error)
	// Explain says the reason of a refusal in plain words, for administrators.
	Explain func(reason string) string
	Sealer  Sealer
	// Factors are people's own second factors, Accounts those who sign in with us.
	Factors  *factor.Factors
	Accounts *localaccount.Accounts
	// Operators does what an operator asks for on their page.
	Operators Operators
	// Members are those of the issuer's workspaces.
	Members     Members
	Connections Connections
	// Sessions ends sessions.
	Sessions *session.Sessions
	Liveness Liveness
	Clock    authz.Clock
	Pages    *ui.Pages
	// CookieSuffix tells the issuers' cookies apart, such as "up".
	CookieSuffix string
	// Secure is false only for an http issuer on loopback.
	Secure bool
	// SessionIdle and SessionAbsolute end a session.
	SessionIdle, SessionAbsolute time.Duration
	// Guesses bounds, by address and by session, how many wrong user codes
	// are looked up; nil bounds nothing. A right one is refunded.
	Guesses Guesses
	// AllowReturn bounds, by connection, how many answers of its upstreams are
	// looked at; nil bounds nothing.
	AllowReturn func(connection string) error
}

// Flow serves the pages of one issuer's sign-in. Its methods are HTTP handlers
// that return an error for the one renderer to show: a *oauth.RedirectError
// goes to the client, anything else to the person.
type Flow struct {
	cfg    Config
	issuer authz.IssuerName
}

// New returns a Flow, or says what is missing.
func New(cfg Config) (*Flow, error) {
	if cfg.Liveness == nil || cfg.OAuth == nil || cfg.Store == nil || cfg.Connect == nil || cfg.Choose == nil || cfg.Explain == nil || cfg.Sealer == nil || cfg.Factors == nil || cfg.Accounts == nil || cfg.Operators == nil || cfg.Members == nil || cfg.Connections == nil || cfg.Sessions == nil ||
		cfg.Clock == nil || cfg.Pages == nil || cfg.CookieSuffix == "" || cfg.SessionIdle <= 0 || cfg.SessionAbsolute <= 0 {
		return nil, errors.New("login: every field of Config is required")
	}
	return &Flow{cfg: cfg, issuer: cfg.OAuth.Settings().Name}, nil
}

// requestLife is how long a person may take from page to page.
const requestLife = 15 * time.Minute

// pageError is an error a person reads.
func pageError(kind authz.Kind, code, description string) *authz.Error {
	return authz.NewError(kind, code, description)
}

func seeOther(w http.ResponseWriter, r *http.Request, location string) error {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, location, http.StatusSeeOther)
	return nil
}
