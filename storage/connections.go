package storage

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type connectionRow struct {
	ID             authz.ConnectionID
	Issuer         authz.IssuerName
	WorkspaceID    authz.WorkspaceID
	Name           string
	UpstreamIssuer string
	ClientID       string
	ClientSecret   []byte
	Vendor         string
	SAML           text[*authz.SAMLUpstream] `gorm:"column:saml"`
	SAMLKey        []byte                    `gorm:"column:saml_key"`
	Fallback       text[authz.Fallback]
	Numbers        text[authz.Numbers]
	JIT            authz.JIT                 `gorm:"column:jit"`
	Groups         text[[]authz.GroupRule]   `gorm:"column:group_rules"`
	OIDC           text[*authz.OIDCUpstream] `gorm:"column:oidc"`
	Tested         text[map[authz.Side]authz.ConnectionTest]
	Untried        list[authz.Side]
	Revision       int64
	Scopes         list[string]
	Domains        list[string]
	State          authz.State
	Epoch          int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// TableName is the row's table.
func (connectionRow) TableName() string { return "connections" }

func (r connectionRow) connection() authz.Connection {
	return authz.Connection{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Name: r.Name, UpstreamIssuer: r.UpstreamIssuer,
		ClientID: r.ClientID, ClientSecret: r.ClientSecret, Scopes: r.Scopes.V, Domains: r.Domains.V,
		Vendor: r.Vendor, SAML: r.SAML.V, SAMLKey: r.SAMLKey, Fallback: r.Fallback.V, Numbers: r.Numbers.V, JIT: r.JIT, Groups: r.Groups.V,
		OIDC: r.OIDC.V, Tested: r.tested(), Untried: r.untried(), Revision: r.Revision, State: r.State, Epoch: r.Epoch, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

func (r connectionRow) tested() map[authz.Side]authz.ConnectionTest {
	if len(r.Tested.V) == 0 {
		return nil
	}
	return r.Tested.V
}

func (r connectionRow) untried() []authz.Side {
	if len(r.Untried.V) == 0 {
		return nil
	}
	return r.Untried.V
}

const connectionColumns = `SELECT c.id, c.issuer, c.workspace_id, c.name, c.upstream_issuer, c.client_id, c.client_secret, c.vendor, c.saml, c.saml_key, c.fallback, c.numbers, c.jit, c.group_rules, c.oidc, c.tested, c.untried, c.revision, c.scopes, c.domains, c.state, c.epoch, c.created_at, c.updated_at FROM connections c`

// columns are where those columns go.
func (r *connectionRow) columns() []any {
	return []any{&r.ID, &r.Issuer, &r.WorkspaceID, &r.Name, &r.UpstreamIssuer, &r.ClientID, &r.ClientSecret, &r.Vendor, &r.SAML, &r.SAMLKey, &r.Fallback, &r.Numbers, &r.JIT, &r.Groups, &r.OIDC, &r.Tested, &r.Untried, &r.Revision, &r.Scopes, &r.Domains, &r.State, &r.Epoch, &r.CreatedAt, &r.UpdatedAt}
}

// connectionDomainRow makes a domain unique within the issuer; the list in
// the connection's own row is what is read.
type connectionDomainRow struct {
	Issuer       authz.IssuerName
	Domain       string
	WorkspaceID  authz.WorkspaceID
	ConnectionID authz.ConnectionID
}

// TableName is the row's table.
func (connectionDomainRow) TableName() string { return "connection_domains" }

// maxDomains bounds the domains of one connection.
const maxDomains = 1000

// PutConnection creates a connection or replaces the one of its id in its
// workspace, with its domains. Replacing leaves state, epoch and creation as
// they are. ErrConflict says that the id is another workspace's or a deleted
// connection's, or a domain another connection's.
func (s *Store) PutConnection(ctx context.Context, c authz.Connection) error {
	if len(c.Domains) > maxDomains {
		return fmt.Errorf("storage: a connection with %d domains; at most %d", len(c.Domains), maxDomains)
	}
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.putConnectionRow(ctx, c); err != nil {
			return err
		}
		return s.takeDomains(ctx, c)
	})
}

// takeDomains makes the domains of a connection its own, and tells the nodes.
func (s *Store) takeDomains(ctx context.Context, c authz.Connection) error {
	if err := s.freeDomains(ctx, c.Issuer, c.ID); err != nil {
		return err
	}
	for _, domain := range c.Domains {
		err := s.writer(ctx).Create(&connectionDomainRow{
			Issuer: c.Issuer, Domain: domain, WorkspaceID: c.WorkspaceID, ConnectionID: c.ID,
		}).Error
		if err != nil {
			return failure(ctx, "taking a domain", err)
		}
	}
	return s.TouchNode(ctx, authz.NodeRef{Kind: authz.ConnectionNode, ID: string(c.ID)})
}

func (s *Store) putConnectionRow(ctx context.Context, c authz.Connection) error {
	done := s.writer(ctx).Model(&connectionRow{}).
		Where("id = ? AND issuer = ? AND workspace_id = ? AND state <> 'deleted'", c.ID, c.Issuer, c.WorkspaceID).
		UpdateColumns(map[string]any{
			"name": c.Name, "upstream_issuer": c.UpstreamIssuer, "client_id": c.ClientID, "client_secret": c.ClientSecret,
			"vendor": c.Vendor, "saml": asText(c.SAML), "saml_key": c.SAMLKey, "fallback": asText(c.Fallback), "numbers": asText(c.Numbers), "jit": c.JIT, "oidc": asText(c.OIDC), "revision": gorm.Expr("revision + 1"),
			"scopes": asText(c.Scopes), "domains": asText(c.Domains), "updated_at": utc(c.UpdatedAt),
		})
	if done.Error != nil || done.RowsAffected == 1 {
		return failure(ctx, "replacing a connection", done.Error)
	}
	err := s.writer(ctx).Create(&connectionRow{
		ID: c.ID, Issuer: c.Issuer, WorkspaceID: c.WorkspaceID, Name: c.Name, UpstreamIssuer: c.UpstreamIssuer,
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, Vendor: c.Vendor, SAML: asText(c.SAML), SAMLKey: c.SAMLKey, Fallback: asText(c.Fallback), Numbers: asText(c.Numbers), JIT: c.JIT, Groups: asText(c.Groups), OIDC: asText(c.OIDC), Tested: asText(c.Tested), Untried: asText(c.Untried), Revision: max(c.Revision, 1),
		Scopes: asText(c.Scopes), Domains: asText(c.Domains),
		State: c.State, Epoch: c.Epoch, CreatedAt: utc(c.CreatedAt), UpdatedAt: utc(c.UpdatedAt),
	}).Error
	return failure(ctx, "creating a connection", err)
}

func (s *Store) freeDomains(ctx context.Context, issuer authz.IssuerName, id authz.ConnectionID) error {
	err := s.writer(ctx).Where("issuer = ? AND connection_id = ?", issuer, id).Delete(&connectionDomainRow{}).Error
	return failure(ctx, "freeing domains", err)
}

// GetConnectionAcrossWorkspaces returns a connection in any state, or ErrNotFound.
func (s *Store) GetConnectionAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.ConnectionID) (authz.Connection, error) {
	var r connectionRow
	if err := s.queryRow(ctx, getConnection, id, issuer).Scan(r.columns()...); err != nil {
		return authz.Connection{}, failure(ctx, "reading a connection", err)
	}
	return r.connection(), nil
}

// maxConnections bounds a workspace's list.
const maxConnections = 500

// ListConnections lists a workspace's connections that are not deleted, oldest
// first, at most 500.
func (s *Store) ListConnections(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID) ([]authz.Connection, error) {
	var rows []connectionRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND state <> 'deleted'", issuer, ws).
		Order("created_at, id").Limit(maxConnections).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing connections", err)
	}
	return mapped(rows, connectionRow.connection), nil
}

const (
	getConnection      = connectionColumns + ` WHERE c.id = ? AND c.issuer = ?`
	connectionByDomain = connectionColumns + ` JOIN connection_domains d ON d.connection_id = c.id AND d.issuer || '' = c.issuer
	WHERE d.issuer = ? AND d.domain = ?`
)

// ConnectionByDomainAcrossWorkspaces returns the connection a domain routes
// to, in any state but deleted, or ErrNotFound. The domain is in lower case.
func (s *Store) ConnectionByDomainAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, domain string) (authz.Connection, error) {
	var r connectionRow
	if err := s.queryRow(ctx, connectionByDomain, issuer, domain).Scan(r.columns()...); err != nil {
		return authz.Connection{}, failure(ctx, "finding a connection by domain", err)
	}
	return r.connection(), nil
}

// UpdateConnection replaces what an administrator decides of a connection, with
// its domains, and forgets tests that are not in it. ErrStale says that another
// changed it since that revision was read, or that it is in another state than
// from, ErrConflict that a domain is another connection's.
func (s *Store) UpdateConnection(ctx context.Context, c authz.Connection, from authz.State) error {
	if len(c.Domains) > maxDomains {
		return fmt.Errorf("storage: a connection with %d domains; at most %d", len(c.Domains), maxDomains)
	}
	return s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&connectionRow{}).
			Where("id = ? AND issuer = ? AND workspace_id = ? AND revision = ? AND state = ? AND state <> 'deleted'", c.ID, c.Issuer, c.WorkspaceID, c.Revision, from).
			UpdateColumns(map[string]any{
				"name": c.Name, "vendor": c.Vendor, "upstream_issuer": c.UpstreamIssuer, "client_id": c.ClientID, "client_secret": c.ClientSecret,
				"saml": asText(c.SAML), "saml_key": c.SAMLKey, "fallback": asText(c.Fallback), "numbers": asText(c.Numbers), "jit": c.JIT, "oidc": asText(c.OIDC),
				"scopes": asText(c.Scopes), "domains": asText(c.Domains), "tested": asText(c.Tested), "untried": asText(c.Untried), "state": c.State,
				"revision": c.Revision + 1, "updated_at": utc(c.UpdatedAt),
			})
		if err := changed(ctx, "changing a connection", done, authz.ErrStale); err != nil {
			return err
		}
		return s.takeDomains(ctx, c)
	})
}

// SetGroupRules replaces what a connection's groups give, if its revision is
// still c.Revision, and raises it by one; or answers ErrStale.
func (s *Store) SetGroupRules(ctx context.Context, c authz.Connection) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&connectionRow{}).
			Where("id = ? AND issuer = ? AND workspace_id = ? AND revision = ? AND state <> 'deleted'", c.ID, c.Issuer, c.WorkspaceID, c.Revision).
			UpdateColumns(map[string]any{"group_rules": asText(c.Groups), "revision": gorm.Expr("revision + 1")})
		if err := changed(ctx, "changing what groups give", done, authz.ErrStale); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.NodeRef{Kind: authz.ConnectionNode, ID: string(c.ID)})
	})
}

// SetConnectionTested remembers a test sign-in at the configuration of that
// revision, after which a side may be used that awaited it; ErrStale when it is
// another by now.
func (s *Store) SetConnectionTested(ctx context.Context, c authz.Connection, side authz.Side, test authz.ConnectionTest) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		now, err := s.GetConnectionAcrossWorkspaces(ctx, c.Issuer, c.ID)
		if err != nil {
			return err
		}
		tested := map[authz.Side]authz.ConnectionTest{side: test}
		for other, held := range now.Tested {
			if other != side {
				tested[other] = held
			}
		}
		now.Tested = tested
		done := s.writer(ctx).Model(&connectionRow{}).
			Where("id = ? AND issuer = ? AND workspace_id = ? AND revision = ? AND state <> 'deleted'", c.ID, c.Issuer, c.WorkspaceID, c.Revision).
			UpdateColumns(map[string]any{"tested": asText(tested), "untried": asText(now.StillUntried())})
		if err := changed(ctx, "recording a test sign-in", done, authz.ErrStale); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.NodeRef{Kind: authz.ConnectionNode, ID: string(c.ID)})
	})
}

// GetConnection returns a workspace's connection in any state but deleted, or
// ErrNotFound.
func (s *Store) GetConnection(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ConnectionID) (authz.Connection, error) {
	c, err := s.GetConnectionAcrossWorkspaces(ctx, issuer, id)
	if err == nil && (c.WorkspaceID != ws || c.State == authz.Deleted) {
		return authz.Connection{}, fmt.Errorf("reading a connection: %w", authz.ErrNotFound)
	}
	return c, err
}
