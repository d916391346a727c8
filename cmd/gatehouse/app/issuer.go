package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
	conn "github.com/gatehouse-auth/gatehouse/authz/connection"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/federation"
	"github.com/gatehouse-auth/gatehouse/authz/jwks"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
	"github.com/gatehouse-auth/gatehouse/authz/scope"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
	"github.com/gatehouse-auth/gatehouse/web"
	"github.com/gatehouse-auth/gatehouse/web/api"
	"github.com/gatehouse-auth/gatehouse/web/login"
	"github.com/gatehouse-auth/gatehouse/web/setup"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// How often one address may be wrong about the secret of one client.
const (
	guessesPerSecond = 0.5
	guessesAtOnce    = 30
)

// maxFamilies bounds the families of refresh tokens that are remembered, about
// 1 kB each.
const maxFamilies = 20_000

// How often keys may be made in one workspace: a fleet is set up in a minute, and
// whoever holds a credential that mints fills no database.
const (
	keysPerSecond = 5
	keysAtOnce    = 500
)

// defaultTier is the rate tier of keys that name none.
const defaultTier = "standard"

// auditTime bounds the writing of one audit entry.
const auditTime = 5 * time.Second

// jwksMaxAge is how long others may keep a copy of the key set.
const jwksMaxAge = 15 * time.Minute

// addIssuer puts one issuer together.
func (a *App) addIssuer(ctx context.Context, cfg config.Issuer) error {
	name := authz.IssuerName(cfg.Name)
	outbox, err := event.NewOutbox(name, a.store, a.sinkNames())
	if err != nil {
		return err
	}
	i := &Issuer{Config: cfg}
	if i.set, err = a.signingKeys(ctx, name, cfg); err != nil {
		return err
	}
	if i.scopes, err = a.scopes(name, cfg, outbox); err != nil {
		return err
	}
	if err := a.deliver(i, name, outbox); err != nil {
		return err
	}
	if i.Keys, err = a.apiKeys(name, cfg, i.scopes, i.Deliveries, outbox); err != nil {
		return err
	}
	if err := a.people(name, i, outbox); err != nil {
		return err
	}
	if i.Admin, err = a.administration(i, outbox); err != nil {
		return err
	}
	if i.Access, err = a.conditionalAccess(name, i.scopes, outbox); err != nil {
		return err
	}
	if i.Registrar, err = a.registrar(name, cfg, outbox); err != nil {
		return err
	}
	if i.workloads, err = a.workloads(ctx, name, cfg); err != nil {
		return err
	}
	if i.federation, err = federation.New(federation.Config{
		Issuer: name, Store: a.store, Outbox: outbox, Clock: a.clock, Probe: a.connectors.probe, Logger: a.options.Logger,
	}); err != nil {
		return err
	}
	if i.served, err = a.assemble(name, i, outbox); err != nil {
		return err
	}
	a.Issuers[name] = i
	return a.putConnections(ctx, name, cfg)
}

func (a *App) signingKeys(ctx context.Context, name authz.IssuerName, cfg config.Issuer) (*jwks.Set, error) {
	set, err := jwks.New(jwks.Config{
		Issuer: name, Algorithms: cfg.Signing.Algorithms, RotateEvery: cfg.Signing.RotateEvery, PublishAhead: cfg.Signing.PublishAhead,
		TokenTTL: cfg.Tokens.Longest(), MaxAge: jwksMaxAge, Store: a.store, Sealer: a.keyring, Clock: a.clock, Logger: a.options.Logger,
	})
	if err != nil {
		return nil, err
	}
	err = set.Rotate(ctx)
	if errors.Is(err, secret.ErrNotOpened) {
		err = fmt.Errorf("%w (is the root key that this database was made with among secrets.root_keys?)", err)
	}
	return set, err
}

func (a *App) apiKeys(name authz.IssuerName, cfg config.Issuer, scopes *scope.Catalogue, deliveries apikey.Deliveries, outbox *event.Outbox) (*apikey.Keys, error) {
	tiers := make([]string, 0, len(cfg.Keys.Tiers))
	for tier := range cfg.Keys.Tiers {
		tiers = append(tiers, tier)
	}
	layouts := make([]apikey.Layout, 0, len(cfg.Keys.ImportedLayouts))
	for _, l := range cfg.Keys.ImportedLayouts {
		pattern, err := l.Compile()
		if err != nil {
			return nil, err
		}
		layouts = append(layouts, apikey.Layout{Pattern: pattern, Lookup: l.Lookup})
	}
	var rotateAll time.Duration
	if cfg.Keys.RotationForced {
		rotateAll = cfg.Keys.RotationDefault
	}
	var creations apikey.Limiter
	if a.options.Config.Limits.Enabled {
		var err error
		if creations, err = a.newLimiter(config.Rate{PerSecond: keysPerSecond, Burst: keysAtOnce}); err != nil {
			return nil, err
		}
	}
	return apikey.New(apikey.Config{
		Creations: creations,
		Layouts:   layouts, RotateAll: rotateAll, Enforceable: cfg.Keys.RotationEnforceable,
		Issuer: name, Prefix: cfg.Keys.Prefix, Scopes: scopes.Current, Quarantine: cfg.Keys.Quarantine, Grace: cfg.Keys.RotationGrace,
		DefaultTier: defaultTier, Tiers: tiers, Leaks: leakPolicies(cfg.Keys.Leaks), Store: a.store, Outbox: outbox, Hasher: a.hasher, Sealer: a.keyring, Deliveries: deliveries,
		TagKeys: a.keyring.DeriveAll("api key tag"), Clock: a.clock, Logger: a.options.Logger,
	})
}

func (a *App) administration(i *Issuer, outbox *event.Outbox) (*admin.Admin, error) {
	name, cfg := authz.IssuerName(i.Config.Name), i.Config
	return admin.New(admin.Config{
		Issuer: name, Store: a.store, Hasher: a.hasher, Outbox: outbox, Accounts: i.Accounts, Sessions: i.sessions, Clock: a.clock, Rules: a.clientRules(cfg),
		Scopes: i.scopes.Current, Quarantine: cfg.Keys.Quarantine, Tiers: slices.Collect(maps.Keys(cfg.Keys.Tiers)),
	})
}

// clientRules are what the configuration file allows clients, those that register
// themselves included.
func (a *App) clientRules(cfg config.Issuer) clientmeta.Rules {
	scopes, keyScopes := clientmeta.Scopes(authz.NewScopes(builtIn(cfg), authz.ScopesVersion{}))
	return clientmeta.Rules{
		KeyScopes:   keyScopes,
		AuthMethods: a.options.Config.Server.AuthMethods(cfg), Algorithms: cfg.Signing.Algorithms, Scopes: scopes, CheckRedirectURI: oauth.CheckRedirectURI,
		SubjectTypes: cfg.OAuth.SubjectTypes,
		CheckURL:     func(url string) error { return outbound.CheckURL(url, a.options.Config.Outbound.AllowPrivate...) },
	}
}

// assemble ties the hot path, the protocol, the pages and the API together.
// The protocol examines tokens for the hot path, and asks the hot path about
// keys: the knot is tied here.
func (a *App) assemble(name authz.IssuerName, i *Issuer, outbox *event.Outbox) (web.Issuer, error) {
	settings := settingsOf(name, i.Config, a.options.Config.Server.AuthMethods(i.Config))
	settings.Workloads, settings.Certificates = i.workloads, a.options.Config.Server.CertificatesArrive(i.Config)
	outside, err := a.upstreamsOf(i.Config.OAuth.WorkloadIdentities)
	if err != nil {
		return web.Issuer{}, err
	}
	callers, err := a.callers(name)
	if err != nil {
		return web.Issuer{}, err
	}
	if i.finders, err = a.finders(name, i.Config, callers, outbox); err != nil {
		return web.Issuer{}, err
	}
	standing, err := credential.NewStanding(a.store, a.epochs, a.lease)
	if err != nil {
		return web.Issuer{}, err
	}
	var verifier *credential.Verifier
	server, err := oauth.New(oauth.Config{
		Settings: settings, Scopes: i.scopes.Current, Store: a.store, Signer: i.set, Sealer: a.keyring, Outbox: outbox, Clock: a.clock,
		Clients: i.finders.clients, Documents: i.finders.documents, Standing: standing,
		Families: credential.NewMemory[oauth.Family](a.epochs, a.lease, maxFamilies, nil),
		LookupKey: func(ctx context.Context, text authz.Secret) (*authz.Credential, error) {
			return i.exchangedKey(ctx, verifier, text)
		},
		IsKey:    func(text string) bool { return i.Keys.IsKey(authz.Secret(text)) },
		NonceKey: a.keyring.Derive("dpop nonce"), RemoteKeys: a.clientKeys.at, ClientAuthorities: a.authorities,
		Allow: a.allowClient(), Access: i.Access, UserCodeKeys: a.keyring.DeriveAll("user code"), Upstreams: outside,
		PairwiseKey: a.pairwiseKey(),
	})
	if err != nil {
		return web.Issuer{}, err
	}
	if i.logouts, err = event.NewLogoutSink(event.LogoutConfig{
		Issuer: name, URL: settings.URL, Clients: a.store, Signer: i.set, SubjectFor: server.SubjectFor, HTTP: a.outside, Clock: a.clock,
	}); err != nil {
		return web.Issuer{}, err
	}
	examineKey := i.Keys.Examiner(settings.URL, []string{apiURL(i.Config)}, a.store)
	verifier, err = credential.NewVerifier(credential.Config{
		Clock: a.clock, Epochs: a.epochs, Lease: a.lease,
		Examine: func(ctx context.Context, text authz.Secret) (*authz.Credential, error) {
			if i.Keys.IsKey(text) {
				return examineKey(ctx, text)
			}
			return server.Examine(ctx, text)
		},
	})
	if err != nil {
		return web.Issuer{}, err
	}
	return a.serve(name, i, server, verifier, outbox)
}

// exchangedKey finds a key that is to be exchanged for a token, and notes its use.
func (i *Issuer) exchangedKey(ctx context.Context, verifier *credential.Verifier, text authz.Secret) (*authz.Credential, error) {
	if !i.Keys.IsKey(text) {
		return nil, authz.NewError(authz.Unauthenticated, "invalid_token", "Only an API key may be exchanged.")
	}
	record, err := verifier.Lookup(ctx, text)
	if err != nil {
		return nil, err
	}
	from := authz.OriginFrom(ctx).IP
	if !record.UsableFrom(from) {
		return nil, errAddress
	}
	i.Keys.Used(record.Principal.KeyID, from)
	return &record.Credential, nil
}

// callers authenticates the clients of an issuer.
func (a *App) callers(name authz.IssuerName) (*credential.Callers, error) {
	guesses, err := ratelimit.New(ratelimit.Config{PerSecond: guessesPerSecond, Burst: guessesAtOnce, Clock: a.clock})
	if err != nil {
		return nil, err
	}
	return credential.NewCallers(credential.CallersConfig{
		Issuer: name, Clients: a.store, Hasher: a.hasher, Clock: a.clock, Epochs: a.epochs, Lease: a.lease, Guesses: guesses,
	})
}

func (a *App) serve(name authz.IssuerName, i *Issuer, server *oauth.Server, verifier *credential.Verifier, outbox *event.Outbox) (web.Issuer, error) {
	pages, err := ui.New(i.Config.DisplayName)
	if err != nil {
		return web.Issuer{}, err
	}
	flow, err := a.signIn(name, i, server, pages, outbox)
	if err != nil {
		return web.Issuer{}, err
	}
	refused := a.refusals(name)
	if i.limits, err = a.newKeyLimits(name, i.Config.Keys); err != nil {
		return web.Issuer{}, err
	}
	authenticate := authenticator(server, verifier, apiURL(i.Config))
	connections, err := conn.New(conn.Config{
		Issuer: name, Store: a.store, Outbox: outbox, Gifts: i.Admin, Clock: a.clock, Choose: i.federation.Chosen, Decide: i.Access.Decide,
		Upstreams: Protocols{Keyring: a.keyring, HTTP: a.outside, Clock: a.clock, URL: i.Config.URL, Connect: a.newConnector},
		DomainKey: a.domainKey(), LookupTXT: net.DefaultResolver.LookupTXT,
	})
	if err != nil {
		return web.Issuer{}, err
	}
	i.connections = connections
	pagesOfSetup, err := setup.New(setup.Config{Connections: connections, Pages: pages, CookieSuffix: i.Config.Keys.Prefix, Secure: isHTTPS(i.Config.URL)})
	if err != nil {
		return web.Issuer{}, err
	}
	management, err := api.New(api.Config{
		Connections: connections, Federation: i.federation, Deliveries: i.Deliveries,
		EnrolmentURL:  func(token authz.Secret) string { return login.EnrolmentURL(i.Config.URL, token) },
		JoinURL:       func(token authz.Secret) string { return login.JoinURL(i.Config.URL, token) },
		InvitationURL: func(token authz.Secret) string { return login.InvitationURL(i.Config.URL, token) },
		Admin:         i.Admin, Keys: i.Keys, Access: i.Access, Scopes: i.scopes, Registration: i.Registrar, KeysPath: i.Config.Keys.Path, Status: web.Status, RetryAfter: web.RetryAfter, Version: a.options.Version, Refused: refused, Clock: a.clock, Note: web.Note,
		CursorKeys: a.keyring.DeriveAll("list cursor"), Onces: a.store,
		Authenticate: func(ctx context.Context, p api.Presented) (authz.Principal, error) {
			record, err := authenticate(ctx, p)
			if err != nil {
				return authz.Principal{}, err
			}
			i.Keys.Used(record.Principal.KeyID, authz.OriginFrom(ctx).IP)
			return record.Principal, i.limits.counted(ctx, record.Principal.KeyID, record.Tier)
		},
	})
	if err != nil {
		return web.Issuer{}, err
	}
	return web.Issuer{
		OAuth: server, Verifier: verifier, Login: flow, Setup: pagesOfSetup, Pages: pages, JWKS: i.set.Document, JWKSMaxAge: jwksMaxAge, API: management, Audit: refused, Registration: i.Registrar,
		IsKey:        func(text string) bool { return i.Keys.IsKey(authz.Secret(text)) },
		Authenticate: authenticate, Suspended: i.Keys.Suspended, KeyLimits: i.limits, KeyUsed: i.Keys.Used, AuditUse: RefusedUses(name, a.store, a.clock),
		Identity:   i.Config.ForwardAuth.Identity,
		ReportLeak: a.reportLeak, LeakPartner: a.leakPartner,
	}, nil
}

// domainKey makes the records that prove domains. As pairwiseKey, it comes from
// the oldest root key: what people were told to publish stays right.
func (a *App) domainKey() []byte {
	keys := a.keyring.DeriveAll("domain proof")
	return keys[len(keys)-1]
}

// pairwiseKey comes from the oldest root key, so that a new one put before it
// changes nobody's pairwise subject; only taking the oldest away does.
func (a *App) pairwiseKey() []byte {
	keys := a.keyring.DeriveAll("pairwise subject")
	return keys[len(keys)-1]
}

// refusals records refused authentications of an issuer.
func (a *App) refusals(name authz.IssuerName) func(ctx context.Context, typ, reason, actor string) error {
	return func(ctx context.Context, typ, reason, actor string) error {
		ctx, cancel := context.WithTimeout(ctx, auditTime)
		defer cancel()
		return a.store.AppendAudit(ctx, authz.AuditEntry{
			Issuer: name, Time: a.clock.Now(), Type: typ, Result: authz.Refused, Reason: reason, Actor: actor,
		}.From(authz.OriginFrom(ctx)))
	}
}

func settingsOf(name authz.IssuerName, cfg config.Issuer, methods []string) oauth.Settings {
	s := oauth.Settings{
		Name: name, URL: cfg.URL, APIURL: cfg.APIURL, CodeTTL: cfg.Tokens.CodeTTL, AccessTTL: cfg.Tokens.AccessTTL,
		RefreshTTL: cfg.Tokens.RefreshTTL, IDTokenTTL: cfg.Tokens.IDTokenTTL, RefreshGrace: cfg.Tokens.RefreshGrace,
		Format: authz.TokenFormat(cfg.Tokens.Format), PKCEForAll: cfg.OAuth.PKCE == "all",
		AuthMethods: methods, IDTokenAlgorithms: cfg.Signing.Algorithms,
		SubjectTypes: cfg.OAuth.SubjectTypes, ACRValues: cfg.OAuth.ACRValues,
		MTLSURL: cfg.MTLSURL, RequireNonce: cfg.OAuth.DPoPNonce, PushedTTL: cfg.Tokens.PushedTTL,
		Registration: cfg.OAuth.Registration.Enabled, ClientDocuments: cfg.OAuth.ClientDocuments.Enabled,
	}
	for _, r := range cfg.OAuth.Resources {
		s.Resources = append(s.Resources, oauth.Resource{URI: r.URI, Name: r.DisplayName, Scopes: r.Scopes})
	}
	for _, t := range cfg.OAuth.AuthorizationDetailsTypes {
		s.DetailTypes = append(s.DetailTypes, oauth.DetailType{Name: t.Type, Description: t.Description, Members: t.Members})
	}
	return s
}

func apiURL(cfg config.Issuer) string {
	if cfg.APIURL != "" {
		return cfg.APIURL
	}
	return cfg.URL
}

func isHTTPS(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Scheme == "https"
}

// allowClient bounds a client at the token endpoint; nil without limits.
func (a *App) allowClient() func(string) error {
	if a.limits.Token.PerClient == nil {
		return nil
	}
	return a.limits.Token.PerClient.Allow
}

// allowReturn bounds a connection's answers to sign-ins; nil without limits.
func (a *App) allowReturn() func(string) error {
	if a.limits.Login.PerClient == nil {
		return nil
	}
	return a.limits.Login.PerClient.Allow
}
