package web

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/authz/registration"
	"github.com/gatehouse-auth/gatehouse/web/login"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// Issuer is everything one issuer's host serves; every field but the last two is
// required.
type Issuer struct {
	OAuth    *oauth.Server
	Verifier *credential.Verifier
	Login    *login.Flow
	Pages    *ui.Pages
	// JWKS returns the key set document and its entity tag.
	JWKS func() (body []byte, etag string)
	// API serves /v1.
	API http.Handler
	// IsKey tells by its shape whether a text is an API key.
	IsKey func(string) bool
	// Audit records a refused authentication.
	Audit Auditor
	// Registration lets clients register themselves; nil where they may not.
	Registration *registration.Registrar
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
	pages    *ui.Pages
	metadata []byte
	etag     string
	name     string
	limits   Limits
	// certificates is what the client proved to hold.
	certificates func(*http.Request) []*x509.Certificate
	// resource and managed describe the API and /v1 (RFC 9728); tokensFrom is
	// the parameter of a challenge that leads there.
	resource, managed []byte
	tokensFrom        string
	clock             authz.Clock
}

type server struct {
	cfg   Config
	hosts map[string]http.Handler
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
	metadata, err := issuer.OAuth.Metadata()
	if err != nil {
		return err
	}
	st := &site{Issuer: issuer, pages: issuer.Pages, metadata: metadata, etag: entityTag(metadata), name: string(settings.Name), limits: s.cfg.Limits, clock: s.cfg.Clock, certificates: s.certificates}
	if err := st.describeResource(); err != nil {
		return err
	}
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
	if err := s.put(host, s.routes(st, issuerRoutes)); err != nil {
		return err
	}
	return s.put(api, s.routes(st, apiRoutes))
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
