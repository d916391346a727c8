package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/access"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	conn "github.com/gatehouse-auth/gatehouse/authz/connection"
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
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit/shared"
	"github.com/gatehouse-auth/gatehouse/authz/registration"
	"github.com/gatehouse-auth/gatehouse/authz/scope"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
	"github.com/gatehouse-auth/gatehouse/authz/session"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
	"github.com/gatehouse-auth/gatehouse/storage"
	"github.com/gatehouse-auth/gatehouse/web"
)

// Options say what to run.
type Options struct {
	Config  config.Config // required, valid
	Logger  *slog.Logger  // required
	Version string
	// Listeners are open already, for whoever must know the ports before the
	// issuers' URLs; otherwise Config.Server.Public is listened on.
	Listeners []net.Listener
	// Operator is open already, likewise.
	Operator net.Listener
}

// App is the product, put together.
type App struct {
	options    Options
	clock      authz.Clock
	store      *storage.Store
	keyring    *secret.Keyring
	hasher     *secret.Hasher
	epochs     *credential.Epochs
	aside      *aside
	lease      *credential.Lease
	outside    *http.Client
	dispatcher *event.Dispatcher
	sinks      []event.Sink
	metrics    *web.Metrics
	operator   *web.Operator
	handler    http.Handler
	connectors *connectors
	clientKeys *clientKeys
	// authorities issue certificates for clients; nil for nobody.
	authorities *x509.CertPool
	limits      web.Limits
	regions     *policy.Regions // nil for none
	together    *shared.Server  // counts the uses of keys for all nodes; nil for no such server
	peers       *peers
	leakPartner web.LeakVerifier // checks the reports of GitHub; nil for none
	// Issuers by name.
	Issuers map[authz.IssuerName]*Issuer
}

// Issuer is one issuer's parts, for whoever sets it up from inside the process.
type Issuer struct {
	Config config.Issuer
	Admin  *admin.Admin
	Keys   *apikey.Keys
	// Deliveries brings the texts of new keys to where they are used.
	Deliveries *delivery.Deliveries
	carrying   *event.Dispatcher
	Access     *access.Access
	scopes     *scope.Catalogue
	set        *jwks.Set
	// Registrar lets clients register themselves; nil where they may not.
	Registrar *registration.Registrar
	// finders are of clients that nobody of ours registers.
	finders finders
	// workloads are the rules of the configuration, with the ids they map to.
	workloads []oauth.Workload
	// federation decides by which side of a connection people sign in.
	federation *federation.Federation
	// connections administers connections, and looks at the metadata of providers.
	connections *conn.Connections
	// Accounts are those who sign in with us.
	Accounts *localaccount.Accounts
	// liveness asks upstreams whether they still know people.
	liveness *liveness.Poller
	// sessions ends the sessions of people.
	sessions *session.Sessions
	// factors are people's own second factors.
	factors *factor.Factors
	// logouts tells clients that a session has ended.
	logouts *event.LogoutSink
	// limits counts the uses of its keys.
	limits *keyLimits
	served web.Issuer
}

// Open puts the product together: it opens the database, makes or loads the
// signing keys, and answers nothing yet.
func Open(ctx context.Context, o Options) (*App, error) {
	a := &App{options: o, epochs: credential.NewEpochs(), aside: newAside(), metrics: web.NewMetrics(), Issuers: make(map[authz.IssuerName]*Issuer)}
	clock, extra := newClock(a)
	a.clock = clock
	if err := a.openParts(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	for _, cfg := range o.Config.Issuers {
		if err := a.addIssuer(ctx, cfg); err != nil {
			return nil, errors.Join(fmt.Errorf("issuer %s: %w", cfg.Name, err), a.Close())
		}
	}
	if err := a.openDispatcher(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.operator = &web.Operator{Ready: a.ready, Metrics: a.metrics, Extra: extra}
	var err error
	if a.handler, err = a.newHandler(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *App) openParts(ctx context.Context) error {
	cfg := a.options.Config
	roots, err := RootKeys(cfg)
	if err != nil {
		return err
	}
	if a.keyring, err = secret.NewKeyring(roots); err != nil {
		return err
	}
	if a.hasher, err = secret.NewHasher(secret.Config{Keyring: a.keyring, ForeignKeys: foreignKeys(cfg)}); err != nil {
		return err
	}
	if a.store, err = OpenStore(ctx, cfg, a.clock, a.options.Logger, a.epochs.Bump, a.aside.committing); err != nil {
		return err
	}
	a.lease = credential.ForeverLease()
	if cfg.Database.Driver != config.SQLite {
		a.lease = credential.NewLease()
	}
	a.outside = outbound.NewClient(outbound.Config{
		AllowPrivate: cfg.Outbound.AllowPrivate, Timeout: cfg.Outbound.Timeout, MaxBody: cfg.Outbound.MaxBodyBytes,
	})
	a.connectors = newConnectors(a)
	a.clientKeys = newClientKeys(a.outside, a.clock.Now)
	if a.authorities, err = authorities("server.client_ca_file", cfg.Server.ClientCAFile); err != nil {
		return err
	}
	if a.limits, err = a.newLimits(); err != nil {
		return err
	}
	if a.regions, err = regionsOf(cfg.ConditionalAccess.RegionsFile); err != nil {
		return err
	}
	a.peers = newPeers()
	if a.leakPartner, err = a.newLeakPartner(cfg.Leaks); err != nil {
		return err
	}
	if a.together, err = a.newShared(cfg.Limits.Shared); err != nil {
		return err
	}
	return a.openWebhook()
}

// openWebhook makes the sink that hears of everything, if there is one.
func (a *App) openWebhook() error {
	hook := a.options.Config.Webhook
	if hook.URL == "" {
		return nil
	}
	sink, err := event.NewWebhook(event.WebhookConfig{
		URL: hook.URL, Secrets: []authz.Secret{authz.Secret(hook.Secret.Reveal())}, Clock: a.clock,
		Client: outbound.NewClient(outbound.Config{AllowPrivate: hook.AllowPrivate, Timeout: a.options.Config.Outbound.Timeout}),
	})
	if err != nil {
		return err
	}
	a.sinks = append(a.sinks, sink)
	return nil
}

// openDispatcher makes what feeds the sinks, the issuers' own among them.
func (a *App) openDispatcher() (err error) {
	sinks := slices.Clone(a.sinks)
	for _, name := range a.issuerNames() {
		sinks = append(sinks, a.Issuers[name].logouts)
	}
	a.dispatcher, err = event.NewDispatcher(event.Config{Store: a.store, Sinks: sinks, Clock: a.clock, Logger: a.options.Logger})
	return err
}

func (a *App) sinkNames() []string {
	names := make([]string, 0, len(a.sinks))
	for _, s := range a.sinks {
		names = append(names, s.Name())
	}
	return names
}

func (a *App) newHandler() (http.Handler, error) {
	served := make([]web.Issuer, 0, len(a.Issuers))
	for _, name := range a.issuerNames() {
		served = append(served, a.Issuers[name].served)
	}
	a.metrics.Gauge("gatehouse_verified_credentials", "Credentials whose verification is remembered.", func() float64 {
		n := 0
		for _, i := range a.Issuers {
			n += i.served.Verifier.Known()
		}
		return float64(n)
	})
	a.measureLimits()
	return web.New(web.Config{
		Issuers: served, Clock: a.clock, Logger: a.options.Logger, Metrics: a.metrics,
		TrustedProxies:    a.options.Config.Server.TrustedProxies,
		CertificateHeader: a.options.Config.Server.ClientCertificateHeader, Limits: a.limits, MaxBody: a.options.Config.Server.MaxBodyBytes,
	})
}

func (a *App) issuerNames() []authz.IssuerName {
	names := make([]authz.IssuerName, 0, len(a.Issuers))
	for name := range a.Issuers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Clock is the clock everything promised is told by.
func (a *App) Clock() authz.Clock { return a.clock }

// ready says why the server should get no traffic, or nil.
func (a *App) ready(ctx context.Context) error {
	if err := a.store.Ping(ctx); err != nil {
		return errors.New("the database does not answer")
	}
	if !a.lease.Fresh() {
		return errors.New("revocations of other nodes are not being heard of")
	}
	return nil
}

// Close releases the database.
func (a *App) Close() error {
	if a.store == nil {
		return nil
	}
	return a.store.Close()
}

// Handler answers for every public host.
func (a *App) Handler() http.Handler { return a.handler }
