package web_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/access"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/clientdoc"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
	"github.com/gatehouse-auth/gatehouse/authz/connection"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/delivery"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/factor"
	"github.com/gatehouse-auth/gatehouse/authz/federation"
	"github.com/gatehouse-auth/gatehouse/authz/jwks"
	"github.com/gatehouse-auth/gatehouse/authz/liveness"
	"github.com/gatehouse-auth/gatehouse/authz/localaccount"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/authz/policy"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
	"github.com/gatehouse-auth/gatehouse/authz/registration"
	"github.com/gatehouse-auth/gatehouse/authz/scope"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
	"github.com/gatehouse-auth/gatehouse/authz/sector"
	"github.com/gatehouse-auth/gatehouse/authz/session"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/mfa"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
	"github.com/gatehouse-auth/gatehouse/storage"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
	"github.com/gatehouse-auth/gatehouse/web"
	"github.com/gatehouse-auth/gatehouse/web/api"
	"github.com/gatehouse-auth/gatehouse/web/login"
	"github.com/gatehouse-auth/gatehouse/web/setup"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

const (
	issuer    = authz.IssuerName("uptimepulse")
	host      = "https://up.example"
	appURI    = "https://app.example/cb"
	form      = "application/x-www-form-urlencoded"
	challenge = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
)

// house is one issuer's handler on real parts, with an upstream of its own.
type house struct {
	*testing.T
	clock      *authz.StandingClock
	store      *storage.Store
	ring       *secret.Keyring
	hasher     *countingHasher
	keys       *apikey.Keys
	deliveries *delivery.Deliveries
	admin      *admin.Admin
	scopes     *scope.Catalogue
	access     *access.Access
	rules      clientmeta.Rules

	factors     *factor.Factors
	ending      *session.Sessions
	accounts    *localaccount.Accounts
	federation  *federation.Federation
	connections *connection.Connections
	liveness    *liveness.Poller
	sealedKeys  bool // our keys at providers of SAML are those of the database
	txt         map[string][]string
	providers   map[time.Time]*oidc.Connector
	registrar   *registration.Registrar
	documents   *clientdoc.Documents
	outside     *http.Client // fetches documents
	opened      []netip.Prefix
	upstream    *idptest.Provider
	served      web.Issuer
	handler     http.Handler
	log         *lockedBuffer

	workspace  authz.Workspace
	connection authz.Connection
	app, spa   authz.Client
	secret     string // of app
	operator   string // a key
	limits     keyLimits
	returns    web.Limiter // of answers to sign-ins; nil for no limit
	statements statements
	plans      storagetest.Plans
	// demands are how a person must have signed in at /v1, by operation.
	demands map[string]authz.AuthenticationRule
	// told are claims that the upstream tells of ada.
	told    map[string]any
	signing *jwks.Set
	// retyped is what access tokens say of their type in place of at+jwt.
	retyped string
	// subjectFor is the sub of a person at a client.
	subjectFor func(authz.Client, authz.UserID) string
	// consents are the scopes that people allow.
	consents []string
}

// retyping signs what the house wants access tokens to be.
type retyping struct {
	*jwks.Set
	h *house
}

func (r retyping) Sign(ctx context.Context, alg, typ string, claims any) (string, error) {
	if typ == "at+jwt" && r.h.retyped != "" {
		typ = r.h.retyped
	}
	return r.Set.Sign(ctx, alg, typ, claims)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func newHouse(t *testing.T, change ...func(*web.Config)) *house {
	t.Helper()
	return newHouseOn(t, storage.Config{Driver: storage.SQLite, Path: storagetest.SQLite(t), Synchronous: "normal"}, change...)
}

// onBoth runs a test on a house on each database.
func onBoth(t *testing.T, run func(*house), change ...func(*web.Config)) {
	t.Run("sqlite", func(t *testing.T) { run(newHouse(t, change...)) })
	t.Run("postgres", func(t *testing.T) {
		dsn := storagetest.PostgresWithSchema(t)
		h := newHouseOn(t, storage.Config{Driver: storage.Postgres, DSN: dsn}, change...)
		run(h)
		h.plans.Check(t)
	})
}

func newHouseOn(t *testing.T, db storage.Config, change ...func(*web.Config)) *house {
	t.Helper()
	h := &house{T: t, clock: authz.NewStandingClock(), log: &lockedBuffer{}, told: map[string]any{}, consents: []string{"openid", "profile"}}
	epochs, lease := credential.NewEpochs(), credential.ForeverLease()
	db.Clock, db.AutoMigrate, db.OnMoved, db.Observe = h.clock, true, epochs.Bump, h.observe
	h.store = made(storage.Open(t.Context(), db))(t)
	t.Cleanup(func() { _ = h.store.Close() })
	h.ring = made(secret.NewKeyring([]secret.Root{{ID: "r1", Key: bytes.Repeat([]byte("r"), 32)}}))(t)
	h.hasher = &countingHasher{Hasher: made(secret.NewHasher(secret.Config{Keyring: h.ring, Human: secret.Params{MemoryKiB: 7 << 10, Passes: 1, Threads: 1}, Machine: secret.Params{MemoryKiB: 64, Passes: 1, Threads: 1}, Wait: time.Minute}))(t)}
	h.assemble(epochs, lease)
	cfg := web.Config{
		Issuers: []web.Issuer{h.served}, Clock: h.clock, Metrics: web.NewMetrics(), MaxBody: 256 << 10,
		Logger: slog.New(slog.NewJSONHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&cfg)
	}
	h.handler = made(web.New(cfg))(t)
	h.settle()
	return h
}

// observe hears of every statement.
func (h *house) observe(statement string) {
	h.statements.observe(statement)
	h.plans.Observe(statement)
}

// assemble ties the parts together as the product does.
func (h *house) assemble(epochs *credential.Epochs, lease *credential.Lease) {
	h.Helper()
	outbox := made(event.NewOutbox(issuer, h.store, []string{"sink"}))(h)
	set := made(jwks.New(jwks.Config{
		Issuer: issuer, Algorithms: []string{"ES256"}, RotateEvery: 6 * time.Hour, PublishAhead: time.Hour, TokenTTL: time.Hour,
		Store: h.store, Sealer: h.ring, Clock: h.clock,
	}))(h)
	h.ok(set.Rotate(h.Context()))
	h.signing = set
	callers := made(credential.NewCallers(credential.CallersConfig{Issuer: issuer, Clients: h.store, Hasher: h.hasher, Clock: h.clock, Epochs: epochs, Lease: lease}))(h)
	h.deliveries = made(delivery.New(delivery.Config{
		Issuer: issuer, Store: h.store, Outbox: outbox, Sealer: h.ring, Clock: h.clock, Carriers: app.Carriers(config.Config{}, h.clock),
	}))(h)
	h.scopes = made(scope.New(scope.Config{Issuer: issuer, BuiltIn: builtIn(), Store: h.store, Outbox: outbox, Clock: h.clock, Epochs: epochs, Lease: lease}))(h)
	h.keys = made(apikey.New(apikey.Config{
		Issuer: issuer, Prefix: "up", Scopes: h.scopes.Current,
		Quarantine: 720 * time.Hour, Grace: 72 * time.Hour, DefaultTier: "standard", Store: h.store, Outbox: outbox,
		Hasher: h.hasher, Sealer: h.ring, TagKeys: h.ring.DeriveAll("api key tag"), Clock: h.clock, Deliveries: h.deliveries,
	}))(h)
	methods := []string{authz.AuthNone, authz.AuthClientSecretBasic}
	h.rules = clientmeta.Rules{
		SubjectTypes: []string{oauth.SubjectPublic, oauth.SubjectPairwise},
		AuthMethods:  append([]string{authz.AuthPrivateKeyJWT, authz.AuthTLS, authz.AuthSelfSignedTLS}, methods...), Scopes: []string{"openid", "profile", "offline_access", "manage:members", "manage:workspace", "manage:keys", "monitoring:admin"},
		CheckRedirectURI: oauth.CheckRedirectURI, CheckURL: func(url string) error { return outbound.CheckURL(url, h.opened...) }, Algorithms: []string{"ES256"},
	}
	sessions := h.sessions(outbox)
	h.ending = sessions
	h.accounts = made(localaccount.New(localaccount.Config{Issuer: issuer, Store: h.store, Outbox: outbox, Sessions: sessions, Hasher: h.hasher, Clock: h.clock}))(h)
	h.admin = made(admin.New(admin.Config{Accounts: h.accounts, Sessions: sessions, Issuer: issuer, Store: h.store, Hasher: h.hasher, Outbox: outbox, Clock: h.clock, Rules: h.rules, Scopes: h.scopes.Current, Quarantine: 720 * time.Hour, Tiers: []string{"standard"}}))(h)
	h.access = made(access.New(access.Config{
		Issuer: issuer, Store: h.store, Outbox: outbox, Clock: h.clock, Epochs: epochs, Lease: lease, Retention: 24 * time.Hour,
		Scopes:  h.scopes.Current,
		Regions: made(policy.ParseRegions(strings.NewReader("203.0.113.0/24,DE\n")))(h),
	}))(h)
	asked := sector.Sites{HTTP: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) { return h.outside.Do(r) })}}
	registrar := made(registration.New(registration.Config{
		Issuer: issuer, URL: host, Store: h.store, Hasher: h.hasher, Outbox: outbox, Clock: h.clock, Rules: h.rules, Sectors: asked,
		Scopes: []string{"openid", "profile"}, MaxClients: 3, UnusedAfter: 720 * time.Hour,
	}))(h)
	h.registrar = registrar
	h.documents = made(clientdoc.New(clientdoc.Config{
		Issuer: issuer, Clients: callers, Store: h.store, Outbox: outbox, Clock: h.clock, Rules: h.rules, Sectors: asked,
		HTTP: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) { return h.outside.Do(r) })}, Scopes: []string{"openid", "profile"}, MaxClients: 2,
	}))(h)
	isKey := func(text string) bool { return apikey.LooksLikeKey(authz.Secret(text)) }
	var verifier *credential.Verifier
	server := made(oauth.New(oauth.Config{
		Settings: oauth.Settings{
			Name: issuer, URL: host, CodeTTL: time.Minute, AccessTTL: time.Hour, RefreshTTL: 720 * time.Hour, IDTokenTTL: time.Hour, RefreshGrace: 10 * time.Second, Registration: true, ClientDocuments: true, PushedTTL: time.Minute,
			AuthMethods: append([]string{authz.AuthPrivateKeyJWT}, methods...), IDTokenAlgorithms: []string{"ES256"}, Room: oauth.Room{RequestsOfClient: 3000},
			Resources:   []oauth.Resource{{URI: "https://tools.example/mcp", Name: "Tools & more"}},
			DetailTypes: []oauth.DetailType{{Name: "payment", Description: "Make a payment", Members: map[string]string{"to": "string"}}},
		},
		Scopes:   h.scopes.Current,
		Standing: made(credential.NewStanding(h.store, epochs, lease))(h),
		Families: credential.NewMemory[oauth.Family](epochs, lease, 1000, nil),
		Store:    h.store, Signer: retyping{set, h}, Sealer: h.ring, Outbox: outbox, Clock: h.clock, Clients: h.documents, Documents: h.documents, IsKey: isKey, NonceKey: h.ring.Derive("dpop nonce"),
		PairwiseKey: h.ring.Derive("pairwise subject"),
		LookupKey: func(ctx context.Context, text authz.Secret) (*authz.Credential, error) {
			r, err := verifier.Lookup(ctx, text)
			if err != nil {
				return nil, err
			}
			return &r.Credential, nil
		},
		UserCodeKeys: h.ring.DeriveAll("user code"), Access: h.access,
	}))(h)
	h.subjectFor = server.SubjectFor
	examineKey := h.keys.Examiner(host, []string{host}, h.store)
	verifier = made(credential.NewVerifier(credential.Config{Clock: h.clock, Epochs: epochs, Lease: lease, Examine: func(ctx context.Context, text authz.Secret) (*authz.Credential, error) {
		if isKey(text.Reveal()) {
			return examineKey(ctx, text)
		}
		return server.Examine(ctx, text)
	}}))(h)
	audit := func(ctx context.Context, typ, reason, actor string) error {
		return h.store.AppendAudit(ctx, authz.AuditEntry{Issuer: issuer, Time: h.clock.Now(), Type: typ, Result: authz.Refused, Reason: reason, Actor: actor}.From(authz.OriginFrom(ctx)))
	}
	pages := made(ui.New("UptimePulse"))(h)
	h.federation = made(federation.New(federation.Config{Issuer: issuer, Store: h.store, Outbox: outbox, Clock: h.clock, Probe: h.probe}))(h)
	h.factors = made(factor.New(factor.Config{Issuer: issuer, Name: "UptimePulse", Store: h.store, Outbox: outbox, Sessions: sessions, Sealer: h.ring, Hasher: h.hasher, App: mfa.TOTP{}, Passkeys: made(app.NewPasskeys(host, "UptimePulse"))(h), Clock: h.clock}))(h)
	flow := made(login.New(login.Config{
		Liveness: h.newLiveness(outbox), Connections: made(connection.NewKnown(issuer, h.store, epochs, lease))(h),
		Factors: h.factors, Accounts: h.accounts, Operators: h.keys, Members: h.admin,
		OAuth: server, Store: h.store, Connect: h.connect, Choose: h.federation.Choose, Explain: app.Explain, Sealer: h.ring, Clock: h.clock, Pages: pages, Sessions: sessions,
		CookieSuffix: "up", Secure: true, SessionIdle: time.Hour, SessionAbsolute: 12 * time.Hour,
		Guesses: made(ratelimit.New(ratelimit.Config{PerSecond: 1.0 / 60, Burst: 10, Clock: h.clock}))(h),
		AllowReturn: func(c string) error {
			if h.returns == nil {
				return nil
			}
			return h.returns.Allow(c)
		},
	}))(h)
	authenticate := func(ctx context.Context, p api.Presented) (*credential.Record, error) {
		r, err := verifier.Lookup(ctx, p.Text)
		if err != nil {
			return nil, err
		}
		in := oauth.Request{Method: p.Method, Path: p.Path, DPoP: p.DPoP, Certificates: web.Certificates(ctx)}
		return r, server.Possesses(ctx, in, p.Scheme, p.Text, r.Confirmation)
	}
	h.connections = made(connection.New(connection.Config{
		Issuer: issuer, Store: h.store, Outbox: outbox, Gifts: h.admin, Clock: h.clock, Choose: h.federation.Chosen, Decide: h.access.Decide, DomainKey: h.ring.Derive("domain proof"),
		Upstreams: app.Protocols{
			Keyring: h.ring, Clock: h.clock, URL: host, HTTP: outbound.NewClient(outbound.Config{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
			Connect: func(c authz.Connection, side authz.Side) (idp.Connector, error) {
				return h.connect(context.Background(), c, side)
			},
		},
		LookupTXT: func(_ context.Context, name string) ([]string, error) { return h.txt[name], nil },
	}))(h)
	management := made(api.New(api.Config{
		Deliveries:  h.deliveries,
		Connections: h.connections, Federation: h.federation, EnrolmentURL: func(token authz.Secret) string { return login.EnrolmentURL(host, token) },
		JoinURL:       func(token authz.Secret) string { return login.JoinURL(host, token) },
		InvitationURL: func(token authz.Secret) string { return login.InvitationURL(host, token) },
		Admin:         h.admin, Keys: h.keys, Access: h.access, Scopes: h.scopes, Registration: registrar, KeysPath: "/v1/auth/keys", Status: web.Status, RetryAfter: web.RetryAfter, Note: web.Note, Refused: audit, Clock: h.clock, CursorKeys: h.ring.DeriveAll("list cursor"), Onces: h.store,
		Demands: func(operation string) authz.AuthenticationRule { return h.demands[operation] },
		Authenticate: func(ctx context.Context, p api.Presented) (authz.Principal, error) {
			r, err := authenticate(ctx, p)
			if err != nil {
				return authz.Principal{}, err
			}
			return r.Principal, nil
		},
	}))(h)
	h.served = web.Issuer{OAuth: server, Verifier: verifier, Login: flow, Setup: made(setup.New(setup.Config{Connections: h.connections, Pages: pages, CookieSuffix: "up", Secure: true}))(h), Pages: pages, JWKS: set.Document, JWKSMaxAge: time.Hour, API: management, IsKey: isKey, Audit: audit, Registration: registrar,
		Authenticate: authenticate, Suspended: h.keys.Suspended, KeyLimits: &h.limits, KeyUsed: h.keys.Used,
		Identity: []string{"subject", "client_id", "key_id", "workspace_id", "account_id", "environment", "scope", "credential_type"},
		ReportLeak: func(ctx context.Context, text authz.Secret, src apikey.LeakSource) (bool, error) {
			return h.keys.ReportLeak(ctx, authz.OriginFrom(ctx), text, src)
		},
		AuditUse: app.RefusedUses(issuer, h.store, h.clock),
	}
}

// builtIn are the scopes of the configuration.
func builtIn() []authz.Scope {
	list := []authz.Scope{
		{Name: "monitor:read", Aliases: []string{"read:monitor", "product:monitor:read"}}, {Name: "monitor:write"}, {Name: "manage:keys", ExplicitOnly: true}, {Name: "manage:clients", ExplicitOnly: true}, {Name: "manage:connections", ExplicitOnly: true},
		{Name: "manage:members", ExplicitOnly: true}, {Name: "manage:policies", ExplicitOnly: true}, {Name: "manage:workspace", ExplicitOnly: true}, {Name: "admin:all", PeopleOnly: true, ExplicitOnly: true},
	}
	for i := range list {
		list[i].Kind = authz.KeyScope
	}
	for _, name := range []string{"openid", "profile", "offline_access", "manage:members", "manage:workspace", "manage:keys", "manage:clients", "manage:connections", "manage:policies", "monitoring:admin"} {
		list = append(list, authz.Scope{Kind: authz.ClientScope, Name: name})
	}
	return list
}

// sessions ends sessions; what clients are told stays in the outbox.
func (h *house) sessions(outbox *event.Outbox) *session.Sessions {
	h.Helper()
	logouts := made(event.NewOutbox(issuer, h.store, []string{event.LogoutSinkName(issuer)}))(h)
	return made(session.New(session.Config{Issuer: issuer, Store: h.store, Outbox: outbox, Logouts: logouts, Clock: h.clock}))(h)
}

func (h *house) connect(_ context.Context, c authz.Connection, side authz.Side) (idp.Connector, error) {
	if side == authz.SAMLSide {
		return h.serviceProvider(c)
	}
	if kept := h.providers[c.UpdatedAt]; kept != nil { // as the product keeps it
		return kept, nil
	}
	cfg, err := app.OIDCConfig(c)
	if err != nil {
		return nil, err
	}
	cfg.ClientSecret, cfg.RedirectURI, cfg.Now = "upstream-secret", host+"/oidc/"+string(c.ID)+"/callback", h.clock.Now
	cfg.HTTP = outbound.NewClient(outbound.Config{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	cfg.MFA.ACR = append(cfg.MFA.ACR, idptest.ACRMultiFactor)
	cfg.Observe = func(ctx context.Context, answered bool) { h.federation.Observed(ctx, c, answered) }
	made, err := oidc.New(cfg)
	if err == nil && len(h.providers) == 0 && c.Has(authz.SAMLSide) {
		h.providers = map[time.Time]*oidc.Connector{c.UpdatedAt: made}
	}
	return made, err
}

func (h *house) probe(ctx context.Context, c authz.Connection) error {
	connector, err := h.connect(ctx, c, authz.OIDCSide)
	if err != nil {
		return err
	}
	return connector.(*oidc.Connector).Probe(ctx)
}

// settle moves a tenant in, with an upstream that signs everybody in.
func (h *house) settle() {
	h.Helper()
	ctx, now := h.Context(), h.clock.Now()
	_, operator, err := h.keys.MintOperator(ctx, authz.Origin{}, apikey.OperatorRequest{Name: "operator"})
	h.ok(err)
	h.operator = operator.Reveal()
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients", "manage:workspace"}}
	h.workspace = made(h.admin.CreateWorkspace(ctx, by, admin.NewWorkspace{Name: "Acme"}))(h)
	h.connection = authz.Connection{
		ID: authz.NewConnectionID(), Issuer: issuer, WorkspaceID: h.workspace.ID, Name: "Okta", ClientID: "gatehouse", Domains: []string{"acme.example"},
		State: authz.Active, CreatedAt: now, UpdatedAt: now,
	}
	h.upstream = made(idptest.New(idptest.Config{
		AutoLogin: true, Algorithm: "ES256", Now: h.clock.Now,
		Users: []idptest.User{
			{Login: "ada", Subject: "s-ada", Email: "ada@acme.example", EmailVerified: true, MFAOnRequest: true, Profile: idp.Profile{Name: "Ada <script>"}, Claims: h.told},
			{Login: "bob", Subject: "s-bob", Email: "bob@acme.example", EmailVerified: true},
			{Login: "eve", Subject: "s-eve", Email: "eve@elsewhere.example", EmailVerified: true},
		},
		Clients: []idptest.Client{{ID: "gatehouse", Secret: "upstream-secret", RedirectURIs: []string{host + "/oidc/" + string(h.connection.ID) + "/callback"}}},
	}))(h)
	h.ok(h.upstream.Start())
	h.Cleanup(func() { _ = h.upstream.Close() })
	h.connection.UpstreamIssuer = h.upstream.Issuer()
	h.ok(h.store.PutConnection(ctx, h.connection))
	settings := admin.ClientSettings{
		Name: `App "><svg onload=alert(1)>`, WorkspaceID: h.workspace.ID, RedirectURIs: []string{appURI}, Scopes: []string{"openid", "profile", "offline_access"}, IDTokenAlgorithm: "ES256",
	}
	var text authz.Secret
	h.app, text, err = h.admin.CreateClient(ctx, by, settings)
	h.ok(err)
	h.secret = text.Reveal()
	settings.AuthMethod = authz.AuthNone
	h.spa, _, err = h.admin.CreateClient(ctx, by, settings)
	h.ok(err)
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

// send serves one request; headers are names and values.
func (h *house) send(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	h.Helper()
	if strings.HasPrefix(target, "/") {
		target = host + target
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Add(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

func (h *house) basic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(string(h.app.ID)+":"+h.secret))
}

func member(w *httptest.ResponseRecorder, name string) string {
	var m map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &m)
	s, _ := m[name].(string)
	return s
}

// wants checks status and error code.
func (h *house) wants(what string, w *httptest.ResponseRecorder, status int, code string) {
	h.Helper()
	got := member(w, "error")
	if got == "" {
		got = member(w, "code")
	}
	if w.Code != status || got != code {
		h.Errorf("%s: %d %q, want %d %q: %.300s", what, w.Code, got, status, code, w.Body)
	}
}

// browser keeps the cookies of one person.
type browser struct {
	h       *house
	cookies map[string]string
}

func (h *house) browser() *browser { return &browser{h, map[string]string{}} }

func (b *browser) send(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	b.h.Helper()
	for name, value := range b.cookies {
		headers = append(headers, "Cookie", name+"="+value)
	}
	if body != "" {
		headers = append(headers, "Content-Type", form)
	}
	w := b.h.send(method, target, body, headers...)
	for _, c := range w.Result().Cookies() {
		b.cookies[c.Name] = c.Value
	}
	return w
}

func (b *browser) get(target string) *httptest.ResponseRecorder { return b.send("GET", target, "") }

func (b *browser) post(target string, body url.Values) *httptest.ResponseRecorder {
	return b.send("POST", target, body.Encode(), "Origin", host, "Sec-Fetch-Site", "same-origin")
}

// authorizeURL asks for a code; further pairs replace parameters.
func (h *house) authorizeURL(more ...string) string {
	q := url.Values{
		"client_id": {string(h.app.ID)}, "redirect_uri": {appURI}, "response_type": {"code"}, "scope": {"openid profile"}, "state": {"st"},
		"login_hint": {"ada@acme.example"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for n := 0; n+1 < len(more); n += 2 {
		q.Set(more[n], more[n+1])
	}
	return "/oauth2/authorize?" + q.Encode()
}

// upstreamAnswer goes to the upstream and comes back with the callback URL.
func (h *house) upstreamAnswer(location string) string {
	h.Helper()
	client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(location)
	h.ok(err)
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 3 {
		body, _ := io.ReadAll(resp.Body)
		h.Fatalf("the upstream answered %d: %s", resp.StatusCode, body)
	}
	return resp.Header.Get("Location")
}

// callbackURL begins a sign-in and stops before it comes back.
func (b *browser) callbackURL(more ...string) string {
	b.h.Helper()
	w := b.get(b.h.authorizeURL(more...))
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), b.h.upstream.Issuer()) {
		b.h.Fatalf("no way to the upstream: %d %s %.400s", w.Code, w.Header().Get("Location"), w.Body)
	}
	return b.h.upstreamAnswer(w.Header().Get("Location"))
}

// consentPage signs in and returns the id of the request that waits for consent.
func (b *browser) consentPage(more ...string) string {
	b.h.Helper()
	w := b.get(b.callbackURL(more...))
	for range 3 {
		location := w.Header().Get("Location")
		if strings.HasPrefix(location, "/consent") {
			u, _ := url.Parse(location)
			return u.Query().Get("request")
		}
		if !strings.HasPrefix(location, "/") {
			break
		}
		w = b.get(location)
	}
	b.h.Fatalf("no consent page: %d %s %.400s", w.Code, w.Header().Get("Location"), w.Body)
	return ""
}

// signIn goes all the way and returns the code.
func (b *browser) signIn(more ...string) string {
	b.h.Helper()
	w := b.post("/consent", url.Values{"request": {b.consentPage(more...)}, "scope": {"openid", "profile"}, "decision": {"allow"}})
	u, err := url.Parse(w.Header().Get("Location"))
	b.h.ok(err)
	if w.Code != http.StatusSeeOther || u.Query().Get("code") == "" {
		b.h.Fatalf("no code: %d %s %.400s", w.Code, w.Header().Get("Location"), w.Body)
	}
	return u.Query().Get("code")
}

// entries are the audit entries of a type, of the workspace and the platform.
func (h *house) entries(typ string) []authz.AuditEntry {
	h.Helper()
	var all []authz.AuditEntry
	for _, ws := range []authz.WorkspaceID{"", h.workspace.ID} {
		all = append(all, made(h.store.ListAudit(h.Context(), issuer, ws, authz.Page{Limit: 500}))(h)...)
	}
	return slices.DeleteFunc(all, func(e authz.AuditEntry) bool { return e.Type != typ })
}
