package storagetest

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func isError(err, target error) bool { return errors.Is(err, target) }

// randomDigest is a digest nobody has.
func randomDigest() (d [32]byte) {
	_, _ = rand.Read(d[:]) // never fails since Go 1.24
	return d
}

// tenant is a workspace with one of everything that hangs below it.
type tenant struct {
	account    authz.Account
	workspace  authz.Workspace
	connection authz.Connection
	user       authz.User
	identity   authz.UpstreamIdentity
	client     authz.Client
	service    authz.ServiceAccount
	key        authz.APIKey
	session    authz.Session
}

// tenant stores a whole tenant and returns it.
func (e *env) tenant() tenant {
	e.Helper()
	t := tenant{
		account: authz.Account{ID: authz.NewAccountID(), Issuer: e.issuer, Name: "Acme", State: authz.Active, Revision: 1, CreatedAt: e.now},
	}
	t.workspace = authz.Workspace{
		ID: authz.NewWorkspaceID(), Issuer: e.issuer, AccountID: t.account.ID, Name: "Production ✓", State: authz.Active, Revision: 1,
		CreatedAt: e.now, UpdatedAt: e.now,
	}
	t.connection = e.connection(t.workspace.ID)
	t.user = authz.User{
		ID: authz.NewUserID(), Issuer: e.issuer, Profile: authz.Profile{Name: "Ada", Email: "ada@acme.example", EmailVerified: true},
		State: authz.Active, CreatedAt: e.now, UpdatedAt: e.now,
	}
	t.identity = authz.UpstreamIdentity{
		Issuer: e.issuer, ConnectionID: t.connection.ID, Side: authz.OIDCSide, Subject: authz.NewID("up"), UserID: t.user.ID, CreatedAt: e.now, LastLoginAt: e.now,
	}
	t.client = e.client(t.workspace.ID)
	t.service = authz.ServiceAccount{
		ID: authz.NewServiceAccountID(), Issuer: e.issuer, WorkspaceID: t.workspace.ID, Name: "ci", State: authz.Active, Revision: 1, CreatedAt: e.now,
	}
	t.key = e.key(t)
	t.session = authz.Session{
		ID: authz.NewSessionID(e.now), Issuer: e.issuer, WorkspaceID: t.workspace.ID, UserID: t.user.ID, ConnectionID: t.connection.ID,
		Digest: randomDigest(), AuthTime: e.now, ACR: "urn:acr", AMR: []string{"pwd", "otp"}, SignIn: signIn(e.now), State: authz.Active, CreatedAt: e.now,
		ExpiresAt: e.now.Add(24 * time.Hour), IdleUntil: e.now.Add(time.Hour), IP: "192.0.2.1", UserAgent: "browser", Fallback: authz.FallbackHealth,
	}
	e.store(t)
	return t
}

func (e *env) store(t tenant) {
	e.Helper()
	e.must(e.CreateAccount(e.ctx, t.account))
	e.must(e.CreateWorkspace(e.ctx, t.workspace))
	e.must(e.PutConnection(e.ctx, t.connection))
	e.must(e.CreateUser(e.ctx, t.user, t.identity))
	e.must(e.AddMember(e.ctx, authz.Member{
		Issuer: e.issuer, WorkspaceID: t.workspace.ID, UserID: t.user.ID, Role: "member", Revision: 1, CreatedAt: e.now,
	}))
	e.must(e.CreateClient(e.ctx, t.client, nil))
	e.must(e.CreateServiceAccount(e.ctx, t.service))
	e.must(e.CreateAPIKey(e.ctx, t.key))
	e.must(e.CreateSession(e.ctx, t.session))
}

func (e *env) connection(ws authz.WorkspaceID) authz.Connection {
	id := authz.NewConnectionID()
	return authz.Connection{
		ID: id, Issuer: e.issuer, WorkspaceID: ws, Name: "Okta", UpstreamIssuer: "https://id.example", ClientID: "gatehouse",
		ClientSecret: []byte{0, 1, 255}, Scopes: []string{"openid", "email"}, Domains: []string{string(id) + ".example"},
		State: authz.Active, Revision: 1, CreatedAt: e.now, UpdatedAt: e.now,
	}
}

func (e *env) client(ws authz.WorkspaceID) authz.Client {
	return authz.Client{
		ID: authz.NewClientID(), Issuer: e.issuer, WorkspaceID: ws, Name: "Dashboard", AuthMethod: authz.AuthClientSecretBasic,
		GrantTypes:   []string{authz.GrantAuthorizationCode, authz.GrantRefreshToken},
		RedirectURIs: []string{"https://app.example/cb?x=1"}, Scopes: []string{"openid", "monitor:read"}, TokenFormat: authz.JWT,
		IDTokenAlgorithm: "ES256", Environment: authz.Live, Environments: []authz.Environment{authz.Live, authz.Test},
		Introspect: true, SkipConsent: true, Metadata: authz.ClientMetadata{
			Profile: authz.ProfileWeb, JWKS: json.RawMessage(`{"keys":[]}`), PostLogoutRedirectURIs: []string{"https://app.example/bye"},
		}, State: authz.Active, Revision: 1, CreatedAt: e.now, UpdatedAt: e.now,
	}
}

func (e *env) key(t tenant) authz.APIKey {
	id := authz.KeyID(authz.NewID("key"))
	return authz.APIKey{
		ID: id, Issuer: e.issuer, WorkspaceID: t.workspace.ID, AccountID: t.account.ID, ServiceAccountID: t.service.ID,
		Environment: authz.Live, Name: "deploy", Prefix: "up_live_" + string(id), Last4: "wxyz", Hash: "$argon2id$old",
		Scopes: []string{"monitor:read"}, Resources: authz.Resources{Clusters: []string{"eu-1"}}, IPAllowlist: []string{"192.0.2.0/24"},
		Tier: "pro", Delegation: authz.NewDelegationID(), State: authz.Active, Revision: 1, CreatedAt: e.now, CreatedBy: string(t.user.ID),
		ExpiresAt: e.now.Add(90 * 24 * time.Hour), Predecessor: authz.KeyID(authz.NewID("key")), RotateEvery: 90 * 24 * time.Hour,
		RotateAt: e.now.Add(90 * 24 * time.Hour), Delivery: authz.NewDestinationID(),
	}
}

func signIn(at time.Time) authz.SignIn {
	return authz.SignIn{MFA: authz.MFAProven, MFAAt: at, Groups: []string{"Ops ✓"}, GroupsUnknown: true, Fallback: true, ACR: "urn:upstream"}
}

// personal is a grant that hangs on every ancestor a person's can have.
func (e *env) personal(t tenant) authz.Grant {
	return authz.Grant{
		ID: authz.NewGrantID(e.now), Issuer: e.issuer, WorkspaceID: t.workspace.ID, AccountID: t.account.ID, ClientID: t.client.ID,
		Subject: string(t.user.ID), Type: authz.GrantAuthorizationCode, UserID: t.user.ID, SessionID: t.session.ID,
		ConnectionID: t.connection.ID, Fallback: authz.FallbackRoute, Environment: authz.Live, Scopes: []string{"openid", "monitor:read"},
		Audience: []string{"https://api.example"}, SID: t.session.ID, AuthTime: e.now, ACR: "urn:acr", AMR: []string{"pwd"}, SignIn: signIn(e.now),
		Nonce: "n-0S6", Details: json.RawMessage(`[{"type":"payment"}]`), Claims: json.RawMessage(`{"userinfo":{}}`),
		Actor: json.RawMessage(`{"sub":"sa_1"}`), State: authz.Active, CreatedAt: e.now, ExpiresAt: e.now.Add(30 * 24 * time.Hour),
	}
}

// machine is a key's standing grant.
func (e *env) machine(t tenant) authz.Grant {
	return authz.Grant{
		ID: authz.NewGrantID(e.now), Issuer: e.issuer, WorkspaceID: t.workspace.ID, AccountID: t.account.ID,
		ClientID: authz.ClientID(t.service.ID), Subject: string(t.service.ID), Type: authz.GrantClientCredentials, Standing: true,
		ServiceAccountID: t.service.ID, KeyID: t.key.ID, Environment: authz.Live, Audience: []string{"https://api.example"},
		Resources: t.key.Resources, State: authz.Active, CreatedAt: e.now,
	}
}

// granted stores a grant with its lineage as it stands.
func (e *env) granted(g authz.Grant) authz.Grant {
	e.Helper()
	lineage, err := e.Lineage(e.ctx, g.Refs())
	e.must(err)
	g.Lineage = lineage.Sum()
	e.must(e.CreateGrant(e.ctx, g))
	return g
}

func (e *env) accessToken(g authz.Grant) authz.AccessToken {
	e.Helper()
	t := authz.AccessToken{
		Digest: randomDigest(), Issuer: e.issuer, GrantID: g.ID, Scopes: []string{"monitor:read"},
		Audience: []string{"https://api.example"}, Details: json.RawMessage(`[{"type":"payment"}]`),
		Confirmation: authz.Confirmation{JKT: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}, JTI: authz.NewID("jti"), State: authz.Active, IssuedAt: e.now,
		ExpiresAt: e.now.Add(time.Hour),
	}
	e.must(e.CreateAccessToken(e.ctx, t))
	return t
}

func (e *env) refreshToken(g authz.Grant) authz.RefreshToken {
	e.Helper()
	t := authz.RefreshToken{
		Digest: randomDigest(), Issuer: e.issuer, GrantID: g.ID, Scopes: []string{"openid", "monitor:read"},
		Confirmation: authz.Confirmation{X5T: "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"}, State: authz.Active,
		CreatedAt: e.now, ExpiresAt: g.ExpiresAt,
	}
	e.must(e.CreateRefreshToken(e.ctx, t))
	return t
}

func (e *env) code(g authz.Grant) authz.AuthorizationCode {
	e.Helper()
	c := authz.AuthorizationCode{
		Digest: randomDigest(), Issuer: e.issuer, GrantID: g.ID, ClientID: g.ClientID, RedirectURI: "https://app.example/cb",
		CodeChallenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", DPoPJKT: "0ZcOCORZNYy", Scopes: []string{"openid"}, CreatedAt: e.now,
		ExpiresAt: e.now.Add(time.Minute), State: authz.Active,
	}
	e.must(e.CreateAuthorizationCode(e.ctx, c))
	return c
}

// live is the rule for what hangs below a grant.
func live(g authz.Grant, lineage authz.Lineage) bool {
	return g.State == authz.Active && lineage.Usable() && lineage.Sum() == g.Lineage
}
