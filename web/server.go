package web

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
	"github.com/gatehouse-auth/gatehouse/authz/registration"
	"github.com/gatehouse-auth/gatehouse/web/api"
	"github.com/gatehouse-auth/gatehouse/web/login"
	"github.com/gatehouse-auth/gatehouse/web/setup"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// Issuer is everything one issuer's host serves; a field is required unless it
// says what nil means.
type Issuer struct {
	OAuth    *oauth.Server
	Verifier *credential.Verifier
	Login    *login.Flow
	Pages    *ui.Pages
	// Setup are the pages behind set-up links.
	Setup *setup.Pages
	// JWKS returns the key set document and its entity tag.
	JWKS func() (body []byte, etag string)
	// JWKSMaxAge is how long others may keep a copy of it.
	JWKSMaxAge time.Duration
	// API serves /v1.
	API http.Handler
	// IsKey tells by its shape whether a text is an API key.
	IsKey func(string) bool
	// Audit records a refused authentication.
	Audit Auditor
	// AuditUse records a refused use of a live credential, where its workspace
	// sees it.
	AuditUse func(ctx context.Context, by authz.Principal, use credential.Use, reason string) error
	// Registration lets clients register themselves; nil where they may not.
	Registration *registration.Registrar
	// Authenticate finds who presents a credential at the API, its key proven
	// (RFC 9449, RFC 8705).
	Authenticate func(ctx context.Context, p api.Presented) (*credential.Record, error)
	// Suspended finds a key that is dead for its workspace's suspension alone;
	// nil tells such a key from no other dead one.
	Suspended func(ctx context.Context, text authz.Secret) (*authz.Credential, error)
	// ReportLeak acts on a key that was seen where it must not be, and reports
	// whether it is one; of whichever issuer. Nil serves no reports.
	ReportLeak func(ctx context.Context, text authz.Secret, src apikey.LeakSource) (known bool, err error)
	// LeakPartner checks the reports of GitHub; nil takes none of them.
	LeakPartner LeakVerifier
	// KeyLimits counts the uses of keys; nil counts none.
	KeyLimits KeyLimits
	// KeyUsed is told of every use of a live key, or of a token of it, and from
	// where, if that is known; nil tells nobody.
	KeyUsed func(key authz.KeyID, ip string)
	// Identity are the facts that forward-auth tells of who asks, such as
	// "subject"; see identityFacts.
	Identity []string
	// Demands is how a person must have signed in for an operation, such as
	// "userinfo"; nil demands nothing (RFC 9470).
	Demands func(operation string) authz.AuthenticationRule
}

// Config is what New needs.
type Config struct {
	Issuers []Issuer // required
	Clock   authz.Clock
	Logger  *slog.Logger // required
	Metrics *Metrics     // required
	// TrustedProxies may tell the client's address in X-Forwarded-For.
	TrustedProxies []netip.Prefix
	// CertificateHeader is where trusted proxies pass a client's certificate
	// on; empty for nowhere.
	CertificateHeader string
	// MaxBody bounds a request's body, in bytes; required.
	MaxBody int64
	// Limits bound requests; a zero Limits bounds none.
	Limits Limits
}

// site is one issuer with what its handlers share.
type site struct {
	Issuer
	pages *ui.Pages
	// said is what the issuer says of itself.
	said atomic.Pointer[description]
	// jwksCache is the Cache-Control of the key set.
	jwksCache []string
	identity  identity
	name      string
	limits    Limits
	bodies    sync.Pool // of *bytes.Buffer
	// certificates is what the client proved to hold.
	certificates func(*http.Request) []*x509.Certificate
	// tokensFrom is the parameter of a challenge that leads to the resource
	// metadata.
	tokensFrom string
	clock      authz.Clock
	// refusals bounds the audit entries about refused uses of a credential.
	refusals *ratelimit.Limiter
	// leakLooks bounds how often a key that leaks in requests is looked at.
	leakLooks *ratelimit.Limiter
	logger    *slog.Logger
}

type server struct {
	cfg   Config
	hosts map[string]http.Handler
	ids   requestIDs
}

// New returns the handler of every public host, told apart by Host.
func New(cfg Config) (http.Handler, error) {
	if len(cfg.Issuers) == 0 || cfg.Logger == nil || cfg.Metrics == nil || cfg.Clock == nil || cfg.MaxBody <= 0 {
		return nil, errors.New("web: Issuers, Clock, Logger, Metrics and MaxBody are required")
	}
	s := &server{cfg: cfg, hosts: make(map[string]http.Handler)}
	for _, issuer := range cfg.Issuers {
		if err := s.add(issuer); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *server) add(issuer Issuer) error {
	settings := issuer.OAuth.Settings()
	st := &site{
		Issuer: issuer, pages: issuer.Pages, name: string(settings.Name), limits: s.cfg.Limits,
		jwksCache: cacheFor(issuer.JWKSMaxAge), clock: s.cfg.Clock,
		certificates: s.certificates, logger: s.cfg.Logger,
	}
	if err := st.describe(context.Background()); err != nil {
		return err
	}
	var err error
	if st.identity, err = newIdentity(issuer.Identity); err != nil {
		return err
	}
	if st.leakLooks, err = ratelimit.New(leakLooks(s.cfg.Clock)); err != nil {
		return err
	}
	if st.refusals, err = ratelimit.New(refusalEntries(s.cfg.Clock)); err != nil {
		return err
	}
	st.tokensFrom = `, resource_metadata="` + cmp.Or(settings.APIURL, settings.URL) + resourceMetadataPath + `"`
	host, err := hostOf(settings.URL)
	if err != nil {
		return err
	}
	api := host
	if settings.APIURL != "" {
		if api, err = hostOf(settings.APIURL); err != nil {
			return err
		}
	}
	if err := s.addCertified(st, host, api); err != nil {
		return err
	}
	if api == host {
		return s.put(host, s.routes(st, issuerRoutes, apiRoutes))
	}
	if err := s.put(host, s.routes(st, issuerRoutes, elsewhereRoutes)); err != nil {
		return err
	}
	return s.put(api, s.routes(st, apiRoutes))
}

// refusalEntries is how many entries a refused credential leaves: ten at once,
// then one in six seconds.
func refusalEntries(clock authz.Clock) ratelimit.Config {
	return ratelimit.Config{PerSecond: 1.0 / 6, Burst: 10, Clock: clock, MaxKeys: 20_000}
}

// addCertified serves the same endpoints at the host for clients with
// certificates, if it is another (RFC 8705 section 5).
func (s *server) addCertified(st *site, host, api string) error {
	mtls := st.OAuth.Settings().MTLSURL
	if mtls == "" {
		return nil
	}
	certified, err := hostOf(mtls)
	if err != nil || certified == host || certified == api {
		return err
	}
	return s.put(certified, s.routes(st, certifiedRoutes, apiRoutes))
}

func (s *server) put(host string, h http.Handler) error {
	if _, taken := s.hosts[host]; taken {
		return fmt.Errorf("web: two issuers share the host %s", host)
	}
	s.hosts[host] = h
	return nil
}

// ServeHTTP finds the issuer by Host. A host nobody has is told nothing.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, ok := s.hosts[r.Host]
	if !ok {
		h, ok = s.hosts[canonicalHost(r.Host, r.TLS != nil)]
	}
	if !ok {
		http.Error(w, "no issuer is served at this host", http.StatusMisdirectedRequest)
		return
	}
	h.ServeHTTP(w, r)
}

// hostOf is the host and port of an issuer URL as browsers send it in Host.
func hostOf(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("web: %q is no issuer URL", issuer)
	}
	return canonicalHost(u.Host, u.Scheme == "https"), nil
}

// canonicalHost is lower case, without the scheme's default port.
func canonicalHost(host string, https bool) string {
	host = strings.ToLower(host)
	if https {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}
