package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
)

// maxConnectors bounds the connectors kept: beyond it all are made anew.
const maxConnectors = 10_000

// connectors keeps one connector per side of a connection, so that discovery and keys
// are remembered; a changed connection gets a new one.
type connectors struct {
	app  *App
	mu   sync.Mutex
	kept map[sideOf]kept
}

type sideOf struct {
	connection authz.ConnectionID
	side       authz.Side
}

type kept struct {
	connector idp.Connector
	updatedAt time.Time
}

func newConnectors(a *App) *connectors {
	return &connectors{app: a, kept: make(map[sideOf]kept)}
}

func (c *connectors) connect(_ context.Context, conn authz.Connection, side authz.Side) (idp.Connector, error) {
	if !conn.Has(side) {
		return nil, fmt.Errorf("connection %s has no side of %s", conn.ID, side)
	}
	key := sideOf{conn.ID, side}
	c.mu.Lock()
	defer c.mu.Unlock()
	if k, ok := c.kept[key]; ok && k.updatedAt.Equal(conn.UpdatedAt) {
		return k.connector, nil
	}
	connector, err := c.app.newConnector(conn, side)
	if err != nil {
		return nil, err
	}
	if len(c.kept) >= maxConnectors {
		clear(c.kept)
	}
	c.kept[key] = kept{connector, conn.UpdatedAt}
	return connector, nil
}

const connectionSecretPurpose = "connection client secret"

func (a *App) newConnector(conn authz.Connection, side authz.Side) (idp.Connector, error) {
	issuer, ok := a.Issuers[conn.Issuer]
	if !ok {
		return nil, fmt.Errorf("connection %s belongs to no issuer of this process", conn.ID)
	}
	if side == authz.SAMLSide {
		return a.serviceProvider(conn)
	}
	secret := ""
	if len(conn.ClientSecret) > 0 {
		plain, err := a.keyring.Open(connectionSecretPurpose, string(conn.ID), conn.ClientSecret)
		if err != nil {
			return nil, fmt.Errorf("opening the client secret of connection %s: %w", conn.ID, err)
		}
		secret = string(plain)
	}
	cfg, err := OIDCConfig(conn)
	if err != nil {
		return nil, err
	}
	cfg.ClientSecret, cfg.RedirectURI, cfg.HTTP, cfg.Now = secret, CallbackURI(issuer.Config.URL, conn.ID), a.outside, a.clock.Now
	cfg.Observe = func(ctx context.Context, answered bool) { issuer.federation.Observed(ctx, conn, answered) }
	return oidc.New(cfg)
}

// OIDCConfig is a connection's side of OpenID Connect: the vendor's profile, and
// what an administrator says. Secret, RedirectURI and HTTP are left to the caller.
func OIDCConfig(c authz.Connection) (oidc.Config, error) {
	profile, ok := oidc.Vendor(cmp.Or(c.Vendor, "generic"))
	if !ok {
		return oidc.Config{}, fmt.Errorf("connection %s is of an unknown vendor", c.ID)
	}
	out := oidc.Config{
		ID: string(c.ID), Issuer: c.UpstreamIssuer, ClientID: c.ClientID, Scopes: c.Scopes, Mapping: profile.Mapping, MFA: profile.MFA,
	}
	times := c.Numbers.Times()
	out.Skew, out.MetadataFresh, out.MetadataKept = times.OIDCSkew, times.DiscoveryRefresh, times.DiscoveryKept
	if c.Vendor == "entra" {
		out.Tenant = oidc.EntraTenant(c.UpstreamIssuer)
	}
	out.ManyTenants = oidc.ManyTenants(c.UpstreamIssuer, c.Vendor)
	out.Mapping.Link, out.KeepRefreshToken = c.Fallback.Link.OIDC, c.PollEvery() > 0
	if said := c.OIDC; said != nil {
		if len(said.Subject) > 0 {
			out.Mapping.Subject = said.Subject
		}
		out.Tenants = said.Tenants
		out.Mapping.Require, out.Mapping.Groups, out.Request = said.Require, said.Groups, said.Request
		out.MFA.ACR, out.MFA.AMR = slices.Concat(out.MFA.ACR, said.MFAContexts), slices.Concat(out.MFA.AMR, said.MFAMethods)
		out.MFA.Declared = said.MFADeclared
	}
	return out, nil
}

// probe asks the OpenID provider of a connection whether it is there.
func (c *connectors) probe(ctx context.Context, conn authz.Connection) error {
	connector, err := c.connect(ctx, conn, authz.OIDCSide)
	if err != nil {
		return err
	}
	provider, ok := connector.(*oidc.Connector)
	if !ok {
		return fmt.Errorf("the side of OpenID Connect of connection %s cannot be probed", conn.ID)
	}
	return provider.Probe(ctx)
}

// CallbackURI is the redirect URI to register at the upstream.
func CallbackURI(issuer string, id authz.ConnectionID) string {
	return upstreamURI(issuer, id) + "/callback"
}

// upstreamURI is what our addresses at an OpenID provider have in common.
func upstreamURI(issuer string, id authz.ConnectionID) string {
	return issuer + "/oidc/" + string(id)
}

// putConnections writes the connections of the configuration to the database:
// one node after the other, or two that start at once would both make a
// workspace of one name.
func (a *App) putConnections(ctx context.Context, name authz.IssuerName, cfg config.Issuer) error {
	if len(cfg.Connections) == 0 {
		return nil
	}
	return a.alone(ctx, "configuration of "+string(name), func() error { return a.writeConnections(ctx, name, cfg) })
}

func (a *App) writeConnections(ctx context.Context, name authz.IssuerName, cfg config.Issuer) error {
	for n, c := range cfg.Connections {
		if err := a.writeConnection(ctx, name, c); err != nil {
			return fmt.Errorf("connections[%d] (%s): %w", n, c.ID, err)
		}
	}
	return nil
}

func (a *App) writeConnection(ctx context.Context, name authz.IssuerName, c config.Connection) error {
	ws, err := a.workspaceNamed(ctx, name, c.Workspace)
	if err != nil {
		return fmt.Errorf("workspace: %w", err)
	}
	conn := authz.Connection{
		ID: authz.ConnectionID(c.ID), Issuer: name, WorkspaceID: ws.ID, Name: c.Name, Vendor: c.Vendor, UpstreamIssuer: c.Issuer, ClientID: c.ClientID,
		Scopes: c.Scopes, Domains: lower(c.Domains), State: authz.Active, JIT: authz.JIT(c.JIT),
		Fallback: authz.Fallback{Mode: authz.FallbackMode(c.Fallback), Link: authz.LinkKey{OIDC: c.Link.OIDC, SAML: c.Link.SAML}},
	}
	if conn.SAML, err = a.configuredSAML(ctx, conn, c.SAML); err != nil {
		return fmt.Errorf("saml: %w", err)
	}
	if len(c.Tenants) > 0 || c.PollMinutes != nil {
		conn.OIDC = &authz.OIDCUpstream{Tenants: c.Tenants, PollMinutes: c.PollMinutes}
	}
	if err := a.triesOIDC(conn); err != nil {
		return err
	}
	conn.Numbers = authz.Numbers(c.Numbers)
	if err := conn.Numbers.Check(); err != nil {
		return err
	}
	for _, r := range c.Routes {
		conn.Fallback.Routes = append(conn.Fallback.Routes, authz.Route{Domain: strings.ToLower(r.Domain), Email: strings.ToLower(r.Email), Group: r.Group, Use: authz.Side(r.Use)})
	}
	return a.PutConnection(ctx, conn, authz.Secret(c.ClientSecret.Reveal()))
}

// triesOIDC says what cannot work about a side of OpenID Connect, if there is one.
func (a *App) triesOIDC(c authz.Connection) error {
	if !c.Has(authz.OIDCSide) {
		return nil
	}
	cfg, err := OIDCConfig(c)
	if err != nil {
		return err
	}
	cfg.RedirectURI, cfg.HTTP = CallbackURI(a.Issuers[c.Issuer].Config.URL, c.ID), a.outside
	_, err = oidc.New(cfg)
	return err
}

// PutConnection seals the secret and writes the connection with an audit entry.
// A side of SAML gets a key of ours, or keeps the one it has: it is what its
// provider knows us by.
func (a *App) PutConnection(ctx context.Context, c authz.Connection, secret authz.Secret) error {
	c.CreatedAt, c.UpdatedAt = a.clock.Now(), a.clock.Now()
	if secret != "" {
		sealed, err := a.keyring.Seal(connectionSecretPurpose, string(c.ID), []byte(secret.Reveal()))
		if err != nil {
			return err
		}
		c.ClientSecret = sealed
	}
	if c.SAML != nil {
		if err := a.keepSAMLKey(ctx, &c); err != nil {
			return err
		}
	}
	return a.store.InTx(ctx, func(ctx context.Context) error {
		if err := a.store.PutConnection(ctx, c); err != nil {
			return err
		}
		return a.store.AppendAudit(ctx, authz.AuditEntry{
			Issuer: c.Issuer, WorkspaceID: c.WorkspaceID, Time: c.UpdatedAt, Type: "connection.configured", Result: authz.Success,
			Actor: "configuration", Target: string(c.ID), Details: map[string]any{"upstream_issuer": c.UpstreamIssuer, "entity_id": entityIDOf(c), "domains": c.Domains},
		})
	})
}

func (a *App) keepSAMLKey(ctx context.Context, c *authz.Connection) error {
	held, err := a.store.GetConnectionAcrossWorkspaces(ctx, c.Issuer, c.ID)
	if err != nil && !errors.Is(err, authz.ErrNotFound) {
		return err
	}
	if c.SAMLKey = held.SAMLKey; c.SAMLKey == nil {
		c.SAMLKey, err = newSAMLKey(a.keyring, c.ID, a.clock.Now())
		return err
	}
	return nil
}

func entityIDOf(c authz.Connection) string {
	if c.SAML == nil {
		return ""
	}
	return c.SAML.EntityID
}

// workspaceNamed finds a workspace by id, or by its name where only one has it.
// One that is named and does not exist is created, so that a configuration is
// enough to start from nothing.
func (a *App) workspaceNamed(ctx context.Context, issuer authz.IssuerName, named string) (authz.Workspace, error) {
	if strings.HasPrefix(named, "ws_") {
		return a.store.GetWorkspace(ctx, issuer, authz.WorkspaceID(named))
	}
	return a.EnsureWorkspace(ctx, issuer, named)
}

// EnsureWorkspace returns the workspace of that name, created if there is none.
func (a *App) EnsureWorkspace(ctx context.Context, issuer authz.IssuerName, named string) (authz.Workspace, error) {
	var page authz.Page
	for {
		rows, err := a.store.ListWorkspacesAcrossWorkspaces(ctx, issuer, page)
		if err != nil {
			return authz.Workspace{}, err
		}
		for _, ws := range rows {
			if ws.Name == named && ws.State != authz.Deleted {
				return ws, nil
			}
		}
		if len(rows) < page.Rows() {
			break
		}
		last := rows[len(rows)-1]
		page.After = authz.Position{CreatedAt: last.CreatedAt, ID: string(last.ID)}
	}
	return a.createWorkspace(ctx, issuer, named)
}

func (a *App) createWorkspace(ctx context.Context, issuer authz.IssuerName, named string) (authz.Workspace, error) {
	now := a.clock.Now()
	account := authz.Account{ID: authz.NewAccountID(), Issuer: issuer, Name: named, State: authz.Active, CreatedAt: now}
	ws := authz.Workspace{
		ID: authz.NewWorkspaceID(), Issuer: issuer, AccountID: account.ID, Name: named, State: authz.Active, CreatedAt: now, UpdatedAt: now,
	}
	err := a.store.InTx(ctx, func(ctx context.Context) error {
		return errors.Join(a.store.CreateAccount(ctx, account), a.store.CreateWorkspace(ctx, ws), a.store.AppendAudit(ctx, authz.AuditEntry{
			Issuer: issuer, WorkspaceID: ws.ID, AccountID: ws.AccountID, Time: now, Type: "workspace.created", Result: authz.Success,
			Actor: "configuration", Target: string(ws.ID),
		}))
	})
	return ws, err
}

func lower(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, strings.ToLower(s))
	}
	return out
}
