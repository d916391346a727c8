package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// suite is one issuer of the profile default, over TLS, with what the OpenID
// Foundation's conformance suite needs to test it: clients, a person who has
// every claim, and a file for each of the plans.
type suite struct {
	url      string // the suite's own
	issuer   string
	dir      string
	person   idptest.User
	rejecter idptest.User // who says no
	upstream *idptest.Provider
	secret   string // of the issuer at the upstream
	clients  *authority
	app      *app.App
	ws       authz.Workspace
}

// alias is the suite's name for the tests of this server, in its addresses.
const alias = "gatehouse"

// at is an address of the suite's under the alias.
func (s *suite) at(path string) string { return s.url + "/test/a/" + alias + path }

// runSuite serves the issuer until ctx ends.
func runSuite(ctx context.Context, o Options) (err error) {
	s := &suite{url: strings.TrimSuffix(o.Suite, "/"), dir: filepath.Join(o.Dir, "conformance"), secret: rand.Text()}
	if u, err := url.Parse(s.url); err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" {
		return fmt.Errorf("--conformance: %q is no address of a suite, such as https://localhost.emobix.co.uk:8443", o.Suite)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	address, err := freeAt(ctx, 8447) // the suite's are 8443 to 8445
	if err != nil {
		return err
	}
	s.issuer = "https://" + address
	if s.clients, err = certify(s.dir); err != nil {
		return err
	}
	directory, err := s.startUpstream(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, directory.Close()) }()
	logger, closeLog, err := openLog(o.Dir)
	if err != nil {
		return err
	}
	defer closeLog()
	operator, err := listenAt(ctx, 9090)
	if err != nil {
		return err
	}
	s.app, err = app.Open(ctx, app.Options{Config: s.configuration(o, address), Logger: logger, Version: o.Version, Operator: operator})
	if err != nil {
		return err
	}
	if err := s.populate(ctx); err != nil {
		return errors.Join(err, s.app.Close())
	}
	fmt.Printf("\nThe issuer is %s. Its plans are in %s; docs/conformance.md tells how to run them.\nLog: %s\n\n",
		s.issuer, s.dir, filepath.Join(o.Dir, logFile))
	return errors.Join(s.app.Serve(ctx), s.app.Close())
}

// freeAt is the address of a port that nobody listens at, the wanted one if it
// is free.
func freeAt(ctx context.Context, port int) (string, error) {
	l, err := listenAt(ctx, port)
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// startUpstream starts the identity provider that knows the two people.
func (s *suite) startUpstream(ctx context.Context) (*http.Server, error) {
	s.person = person("alice", "Alice", "Adams", domain, true)
	s.person.Profile = idp.Profile{
		Name: "Alice Adams", GivenName: "Alice", FamilyName: "Adams", MiddleName: "B.", Nickname: "al", PreferredUsername: "alice",
		ProfileURL: "https://example.com/alice", Picture: "https://example.com/alice.png", Website: "https://alice.example",
		Gender: "female", Birthdate: "1990-01-02", Zoneinfo: "Europe/Paris", Locale: "en-GB", UpdatedAt: time.Unix(1_700_000_000, 0),
		Address: idp.Address{
			Formatted: "1 Main Street\nParis", StreetAddress: "1 Main Street", Locality: "Paris", Region: "IDF", PostalCode: "75001", Country: "FR",
		},
		PhoneNumber: "+33 1 23 45 67 89", PhoneVerified: true,
	}
	s.rejecter = person("bob", "Bob", "Brown", domain, false)
	l, err := listenAt(ctx, 8086)
	if err != nil {
		return nil, err
	}
	s.upstream, err = idptest.New(idptest.Config{
		Issuer: "http://" + l.Addr().String(), Title: "Example Corp directory", Users: []idptest.User{s.person, s.rejecter},
	})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	server := &http.Server{Handler: s.upstream.Handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(l) }()
	return server, nil
}

// configuration is what an operator would write.
func (s *suite) configuration(o Options, address string) config.Config {
	cfg := config.Default()
	cfg.Database.Path = filepath.Join(o.Dir, "gatehouse.db")
	cfg.Secrets.GeneratedKeyFile = filepath.Join(o.Dir, "gatehouse.key")
	cfg.Outbound.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	cfg.Limits.Enabled = false
	cfg.Server.DrainDelay = 0
	cfg.Server.ClientCAFile = s.clients.file
	cfg.Server.Public = []config.Listener{{Address: address, TLS: config.TLS{
		CertFile: filepath.Join(s.dir, "tls.crt"), KeyFile: filepath.Join(s.dir, "tls.key"), ClientCertificates: true, MinVersion: "1.2",
	}}}
	i := config.NewIssuer("default")
	i.URL = s.issuer
	i.Signing.Algorithms = []string{"RS256", "ES256", "PS256", "EdDSA"}
	i.OAuth.ACRValues = []string{idptest.ACRPassword, idptest.ACRMultiFactor}
	i.OAuth.Scopes = append(i.OAuth.Scopes,
		config.Scope{Name: "phone", Description: "See your telephone number"}, config.Scope{Name: "address", Description: "See your address"},
		// What the plans without OpenID Connect ask for: it opens a resource of ours.
		config.Scope{Name: resourceScope, Description: "See the workspace"})
	i.OAuth.Registration.Enabled, i.OAuth.Registration.MaxClients = true, 1000
	i.OAuth.Registration.Scopes = append(i.OAuth.Registration.Scopes, "phone", "address")
	i.OAuth.AuthorizationDetailsTypes = []config.AuthorizationDetailsType{{Type: detailType, Description: "Move money once"}}
	cfg.Issuers = []config.Issuer{i}
	return cfg
}

const (
	resourceScope = "manage:workspace"
	detailType    = "payment"
)

// populate makes the workspace, its connection and the plans' clients.
func (s *suite) populate(ctx context.Context) (err error) {
	const name = authz.IssuerName("default")
	if s.ws, err = s.app.EnsureWorkspace(ctx, name, "Example Corp"); err != nil {
		return err
	}
	err = s.app.PutConnection(ctx, authz.Connection{
		ID: connectionID(name), Issuer: name, WorkspaceID: s.ws.ID, Name: "Example Corp", UpstreamIssuer: s.upstream.Issuer(), Vendor: "generic",
		ClientID: "gatehouse", Scopes: []string{"openid", "profile", "email", "phone", "address"}, Domains: []string{domain}, State: authz.Active,
	}, authz.Secret(s.secret))
	if err != nil {
		return err
	}
	err = s.upstream.AddClient(idptest.Client{
		ID: "gatehouse", Secret: s.secret, RedirectURIs: []string{app.CallbackURI(s.issuer, connectionID(name))}, FormAction: []string{s.issuer, s.url},
	})
	if err != nil {
		return err
	}
	if err := s.appoint(ctx); err != nil {
		return err
	}
	for _, p := range append(connectPlans(), fapiPlans()...) {
		if err := s.write(ctx, p); err != nil {
			return fmt.Errorf("the plan %s: %w", p.file, err)
		}
	}
	return nil
}

// appoint makes the person the owner of the workspace, who may see it: at the
// first start in the directory, for good.
func (s *suite) appoint(ctx context.Context) error {
	i := s.app.Issuers[s.ws.Issuer]
	_, err := i.Admin.CreateMember(ctx, operator(i, s.ws), s.ws.ID, admin.NewMember{
		Named: admin.Named{Connection: connectionID(s.ws.Issuer), Side: authz.OIDCSide, Subject: s.person.Subject}, Role: authz.RoleOwner,
	})
	if authz.KindOf(err) == authz.Conflict {
		return nil
	}
	return err
}

// write makes the clients of a plan and its file, which holds their secrets.
func (s *suite) write(ctx context.Context, p plan) error {
	of, err := p.members(ctx, s, p)
	if err != nil {
		return err
	}
	of["alias"], of["description"] = alias, "Gatehouse: "+p.file
	of["server"] = map[string]any{"discoveryUrl": s.issuer + p.discovery()}
	of["browser"], of["override"] = s.browser(), s.overrides()
	text, err := json.MarshalIndent(of, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, p.file+".json"), append(text, '\n'), 0o600)
}
