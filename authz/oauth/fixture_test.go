package oauth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/jwks"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
	"github.com/gatehouse-auth/gatehouse/storage"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

const (
	issuer    = authz.IssuerName("uptimepulse")
	issuerURL = "https://up.example"
	callback  = "https://app.example/cb"
	verifier  = "a-code-verifier-of-at-least-43-characters-0123456789"
)

// still is a clock that moves only when told to.
type still struct {
	mu  sync.Mutex
	now time.Time
}

func (c *still) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *still) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// house is one issuer on real parts, with a tenant in it.
type house struct {
	testing.TB
	clock    *still
	store    *storage.Store
	ring     *secret.Keyring
	hasher   *secret.Hasher
	outbox   *event.Outbox
	set      *jwks.Set
	callers  *credential.Callers
	keys     *apikey.Keys
	settings oauth.Settings
	config   oauth.Config
	server   *oauth.Server
	verifier *credential.Verifier

	account    authz.Account
	workspace  authz.Workspace
	connection authz.Connection
	user       authz.User
	session    authz.Session
	web, spa   authz.Client // confidential, public
	robot      authz.Client // client_credentials
	secrets    map[authz.ClientID]string
}

func newHouse(t testing.TB, change ...func(*oauth.Settings)) *house {
	t.Helper()
	return newHouseOn(t, storage.Config{Driver: storage.SQLite, Path: storagetest.SQLite(t), Synchronous: "normal"}, change...)
}

// onBoth runs a test on either database.
func onBoth(t *testing.T, run func(*testing.T, *house), change ...func(*oauth.Settings)) {
	t.Run("sqlite", func(t *testing.T) { run(t, newHouse(t, change...)) })
	t.Run("postgres", func(t *testing.T) {
		run(t, newHouseOn(t, storage.Config{Driver: storage.Postgres, DSN: storagetest.PostgresWithSchema(t)}, change...))
	})
}

func newHouseOn(t testing.TB, at storage.Config, change ...func(*oauth.Settings)) *house {
	t.Helper()
	h := &house{TB: t, clock: &still{now: time.Now().UTC().Truncate(time.Second)}, secrets: map[authz.ClientID]string{}}
	epochs, lease := credential.NewEpochs(), credential.ForeverLease()
	at.Clock, at.AutoMigrate, at.OnMoved = h.clock, true, epochs.Bump
	h.store = made(storage.Open(t.Context(), at))(t)
	t.Cleanup(func() { _ = h.store.Close() })
	h.ring = made(secret.NewKeyring([]secret.Root{{ID: "r1", Key: bytes.Repeat([]byte("r"), 32)}}))(t)
	h.hasher = made(secret.NewHasher(secret.Config{
		Keyring: h.ring, Machine: secret.Params{MemoryKiB: 64, Passes: 1, Threads: 1}, Wait: time.Minute,
	}))(t)
	h.outbox = made(event.NewOutbox(issuer, h.store, []string{"sink"}))(t)
	h.set = made(jwks.New(jwks.Config{
		Issuer: issuer, Algorithms: []string{"ES256"}, RotateEvery: 6 * time.Hour, PublishAhead: time.Hour,
		TokenTTL: time.Hour, Store: h.store, Sealer: h.ring, Clock: h.clock,
	}))(t)
	h.ok(h.set.Rotate(t.Context()))
	h.callers = made(credential.NewCallers(credential.CallersConfig{
		Issuer: issuer, Clients: h.store, Hasher: h.hasher, Clock: h.clock, Epochs: epochs, Lease: lease,
	}))(t)
	h.keys = made(apikey.New(apikey.Config{
		Issuer: issuer, Prefix: "up", Scopes: scopes,
		Quarantine: 720 * time.Hour, Grace: 72 * time.Hour, DefaultTier: "standard", Store: h.store, Outbox: h.outbox,
		Hasher: h.hasher, Sealer: h.ring, TagKeys: h.ring.DeriveAll("api key tag"), Clock: h.clock,
	}))(t)
	h.settings = testSettings()
	for _, c := range change {
		c(&h.settings)
	}
	h.config = h.serverConfig()
	h.config.Standing = made(credential.NewStanding(h.store, epochs, lease))(t)
	h.config.Families = credential.NewMemory[oauth.Family](epochs, lease, 1000, nil)
	h.server = made(oauth.New(h.config))(t)
	h.verifier = made(credential.NewVerifier(credential.Config{Clock: h.clock, Epochs: epochs, Lease: lease, Examine: h.examine()}))(t)
	h.settle()
	return h
}

// scopes are the issuer's.
func scopes(context.Context) (*authz.Scopes, error) {
	var list []authz.Scope
	for _, name := range []string{"openid", "profile", "email", "offline_access", "monitoring:admin", "unassigned"} {
		list = append(list, authz.Scope{Kind: authz.ClientScope, Name: name})
	}
	list = append(list, authz.Scope{Kind: authz.KeyScope, Name: "monitor:read", Aliases: []string{"read:monitor"}})
	for _, name := range []string{"monitor:write", "manage:keys"} {
		list = append(list, authz.Scope{Kind: authz.KeyScope, Name: name})
	}
	return authz.NewScopes(list, authz.ScopesVersion{}), nil
}

func testSettings() oauth.Settings {
	return oauth.Settings{
		Name: issuer, URL: issuerURL, APIURL: "https://api.up.example", CodeTTL: time.Minute, AccessTTL: time.Hour,
		RefreshTTL: 720 * time.Hour, IDTokenTTL: time.Hour, RefreshGrace: 10 * time.Second, PushedTTL: time.Minute, Format: authz.Opaque,
		AuthMethods: []string{
			authz.AuthNone, authz.AuthClientSecretBasic, authz.AuthClientSecretPost, authz.AuthPrivateKeyJWT, authz.AuthTLS, authz.AuthSelfSignedTLS,
		},
		IDTokenAlgorithms: []string{"ES256"},
	}
}

func (h *house) serverConfig() oauth.Config {
	return oauth.Config{
		Settings: h.settings, Scopes: scopes, Store: h.store, Signer: h.set, Sealer: h.ring, Outbox: h.outbox, Clock: h.clock, Clients: h.callers,
		PairwiseKey: h.ring.Derive("pairwise subject"),
		LookupKey: func(ctx context.Context, text authz.Secret) (*authz.Credential, error) {
			if !apikey.LooksLikeKey(text) {
				return nil, authz.NewError(authz.Unauthenticated, "invalid_token", "Only an API key may be exchanged.")
			}
			record, err := h.verifier.Lookup(ctx, text)
			if err != nil {
				return nil, err
			}
			return &record.Credential, nil
		},
		IsKey:    func(text string) bool { return apikey.LooksLikeKey(authz.Secret(text)) },
		NonceKey: h.ring.Derive("dpop nonce"),
	}
}

func (h *house) examine() credential.Examiner {
	key := h.keys.Examiner(issuerURL, []string{"https://api.up.example"}, h.store)
	return func(ctx context.Context, text authz.Secret) (*authz.Credential, error) {
		if apikey.LooksLikeKey(text) {
			return key(ctx, text)
		}
		return h.server.Examine(ctx, text)
	}
}

// pass lets time go by, and the signing keys with it.
func (h *house) pass(d time.Duration) {
	h.Helper()
	h.clock.advance(d)
	h.ok(h.set.Rotate(h.Context()))
}

// serverWith is another server on the same database.
func (h *house) serverWith(change func(*oauth.Config)) *oauth.Server {
	h.Helper()
	cfg := h.config
	change(&cfg)
	return made(oauth.New(cfg))(h)
}

// settle moves the tenant in.
func (h *house) settle() {
	h.Helper()
	now, ctx := h.clock.Now(), h.Context()
	h.account = authz.Account{ID: authz.NewAccountID(), Issuer: issuer, Name: "Acme", State: authz.Active, CreatedAt: now}
	h.workspace = authz.Workspace{ID: authz.NewWorkspaceID(), Issuer: issuer, AccountID: h.account.ID, Name: "Acme", State: authz.Active, CreatedAt: now, UpdatedAt: now}
	h.connection = authz.Connection{
		ID: authz.NewConnectionID(), Issuer: issuer, WorkspaceID: h.workspace.ID, Name: "Okta", UpstreamIssuer: "https://idp.example",
		ClientID: "c", Domains: []string{"acme.example"}, State: authz.Active, CreatedAt: now, UpdatedAt: now,
	}
	h.user = authz.User{ID: authz.NewUserID(), Issuer: issuer, Profile: authz.Profile{Name: "Ada", Email: "ada@acme.example"}, State: authz.Active, CreatedAt: now, UpdatedAt: now}
	h.ok(h.store.CreateAccount(ctx, h.account))
	h.ok(h.store.CreateWorkspace(ctx, h.workspace))
	h.ok(h.store.PutConnection(ctx, h.connection))
	h.ok(h.store.CreateUser(ctx, h.user, authz.UpstreamIdentity{
		Issuer: issuer, ConnectionID: h.connection.ID, Side: authz.OIDCSide, Subject: "up-1", UserID: h.user.ID, CreatedAt: now, LastLoginAt: now,
	}))
	h.ok(h.store.AddMember(ctx, authz.Member{Issuer: issuer, WorkspaceID: h.workspace.ID, UserID: h.user.ID, Role: "member", CreatedAt: now}))
	h.session = authz.Session{
		ID: authz.NewSessionID(now), Issuer: issuer, WorkspaceID: h.workspace.ID, UserID: h.user.ID, ConnectionID: h.connection.ID,
		Digest: sha256.Sum256([]byte("cookie")), AuthTime: now, ACR: "mfa", AMR: []string{"pwd", "otp"}, State: authz.Active, CreatedAt: now,
		ExpiresAt: now.Add(24 * time.Hour), IdleUntil: now.Add(time.Hour),
	}
	h.ok(h.store.CreateSession(ctx, h.session))
	h.web = h.client(func(c *authz.Client) {})
	h.spa = h.client(func(c *authz.Client) { c.AuthMethod = authz.AuthNone })
	h.robot = h.client(func(c *authz.Client) {
		c.GrantTypes, c.RedirectURIs = []string{authz.GrantClientCredentials}, nil
	})
}

// client registers a client of the workspace: confidential, by Basic.
func (h *house) client(change func(*authz.Client)) authz.Client {
	h.Helper()
	now := h.clock.Now()
	c := authz.Client{
		ID: authz.NewClientID(), Issuer: issuer, WorkspaceID: h.workspace.ID, Name: "App", AuthMethod: authz.AuthClientSecretBasic,
		GrantTypes:   []string{authz.GrantAuthorizationCode, authz.GrantRefreshToken},
		RedirectURIs: []string{callback}, Scopes: []string{"openid", "profile", "email", "offline_access", "monitoring:admin"},
		IDTokenAlgorithm: "ES256", State: authz.Active, Revision: 1, CreatedAt: now, UpdatedAt: now,
	}
	change(&c)
	if c.Public() {
		h.ok(h.store.CreateClient(h.Context(), c, nil))
		return c
	}
	text := "gcs_" + authz.NewID("")[1:] + authz.NewID("")[1:]
	hash, err := h.hasher.HashMachine(h.Context(), authz.Secret(text))
	h.ok(err)
	h.secrets[c.ID] = text
	h.ok(h.store.CreateClient(h.Context(), c, &authz.ClientSecret{
		ID: authz.NewID("cs"), ClientID: c.ID, Hash: hash, Last4: text[len(text)-4:], CreatedAt: now,
	}))
	return c
}

// key mints a live API key of the workspace.
func (h *house) key(change ...func(*apikey.Request)) (authz.APIKey, string) {
	h.Helper()
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:keys"}, Delegation: &authz.Delegation{ID: "del_test", Issuer: issuer, Scopes: []string{"*"}, MadeBy: "test"}}
	r := apikey.Request{Name: "k", WorkspaceID: h.workspace.ID, Environment: authz.Live, Scopes: []string{"monitor:read"}}
	for _, c := range change {
		c(&r)
	}
	k, text, err := h.keys.Mint(h.Context(), by, authz.Origin{}, r)
	h.ok(err)
	return k, text.Reveal()
}

// made returns the value, or ends the test.
func made[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (h *house) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// pairs makes a form of names and values.
func pairs(list ...string) url.Values {
	form := url.Values{}
	for n := 0; n+1 < len(list); n += 2 {
		form.Add(list[n], list[n+1])
	}
	return form
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

// from authenticates the client on a form.
func (h *house) from(c authz.Client, list ...string) oauth.Request {
	in := oauth.Request{Form: pairs(list...)}
	if c.Public() {
		in.Form.Set("client_id", string(c.ID))
		return in
	}
	in.Authorization = basic(string(c.ID), h.secrets[c.ID])
	return in
}

// asked are the parameters of an authorization request.
func asked(c authz.Client, more ...string) url.Values {
	form := pairs("client_id", string(c.ID), "redirect_uri", callback, "response_type", "code", "scope", "openid profile",
		"code_challenge", challenge(verifier), "code_challenge_method", "S256")
	for n := 0; n+1 < len(more); n += 2 {
		if more[n+1] == "" {
			form.Del(more[n])
			continue
		}
		form.Set(more[n], more[n+1])
	}
	return form
}

func (h *house) authorize(parameters url.Values) *oauth.AuthorizationRequest {
	h.Helper()
	return made(h.server.Authorize(h.Context(), parameters, h.clock.Now()))(h)
}

// approved is the redirect of a request that the person allowed in full.
func (h *house) approved(parameters url.Values) oauth.Redirect {
	h.Helper()
	req := h.authorize(parameters)
	return made(h.server.Approve(h.Context(), req, oauth.Approval{Session: h.session, AccountID: h.account.ID, Scopes: req.Scopes}))(h)
}

// code is a fresh authorization code.
func (h *house) code(c authz.Client, more ...string) string {
	h.Helper()
	return h.approved(asked(c, more...)).Parameters.Get("code")
}

func (h *house) redeem(c authz.Client, code string, more ...string) (*oauth.TokenResponse, error) {
	list := append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier}, more...)
	form := pairs(list...)
	for n := 0; n+1 < len(more); n += 2 { // the last word counts; empty takes away
		form.Del(more[n])
		if more[n+1] != "" {
			form.Set(more[n], more[n+1])
		}
	}
	in := h.from(c)
	for name := range in.Form {
		form.Set(name, in.Form.Get(name))
	}
	return h.server.Token(h.Context(), oauth.Request{Authorization: in.Authorization, Form: form})
}

// tokens are those of a whole code flow.
func (h *house) tokens(c authz.Client, more ...string) *oauth.TokenResponse {
	h.Helper()
	return made(h.redeem(c, h.code(c, more...)))(h)
}

func (h *house) refresh(c authz.Client, token authz.Secret, more ...string) (*oauth.TokenResponse, error) {
	return h.server.Token(h.Context(), h.from(c, append([]string{"grant_type", "refresh_token", "refresh_token", token.Reveal()}, more...)...))
}

// lookup asks the hot path.
func (h *house) lookup(token authz.Secret) (authz.Introspection, bool) {
	h.Helper()
	r, err := h.verifier.Lookup(h.Context(), token)
	if err != nil {
		if authz.KindOf(err) != authz.Unauthenticated {
			h.Fatal(err)
		}
		return authz.Introspection{}, false
	}
	return r.Introspection, true
}

func (h *house) alive(what string, tokens ...authz.Secret) {
	h.Helper()
	for _, token := range tokens {
		if _, ok := h.lookup(token); !ok {
			h.Errorf("%s is inactive", what)
		}
	}
}

func (h *house) dead(what string, tokens ...authz.Secret) {
	h.Helper()
	for _, token := range tokens {
		if _, ok := h.lookup(token); ok {
			h.Errorf("%s is active", what)
		}
	}
}

// wants checks the code of an error, and that the description quotes nothing.
func (h *house) wants(what string, err error, code string) {
	h.Helper()
	e, ok := errors.AsType[*authz.Error](err)
	if !ok || e.Code != code {
		h.Errorf("%s: %v, want %s", what, err, code)
	}
}

// entries are the workspace's audit entries of a type.
func (h *house) entries(typ string) []authz.AuditEntry {
	h.Helper()
	all, err := h.store.ListAudit(h.Context(), issuer, h.workspace.ID, authz.Page{Limit: 500})
	h.ok(err)
	return slices.DeleteFunc(all, func(e authz.AuditEntry) bool { return e.Type != typ })
}

// events are the bodies of a type in the outbox; they are taken out.
func (h *house) events(typ string) []string {
	h.Helper()
	all, err := h.store.ClaimDeliveries(h.Context(), h.clock.Now(), time.Nanosecond, 500)
	h.ok(err)
	h.clock.advance(time.Millisecond)
	var bodies []string
	for _, d := range all {
		if d.Type == typ {
			bodies = append(bodies, string(d.Body))
		}
	}
	return bodies
}

func holds(list []string, part string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, part) })
}
