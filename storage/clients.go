package storage

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type clientRow struct {
	ID               authz.ClientID
	Issuer           authz.IssuerName
	WorkspaceID      authz.WorkspaceID
	Name             string
	AuthMethod       string
	GrantTypes       list[string]
	RedirectURIs     list[string] `gorm:"column:redirect_uris"`
	Scopes           list[string]
	TokenFormat      authz.TokenFormat
	IDTokenAlgorithm string `gorm:"column:id_token_algorithm"`
	Environment      authz.Environment
	Environments     list[authz.Environment]
	Introspect       bool
	SkipConsent      bool
	Metadata         text[authz.ClientMetadata]
	State            authz.State
	Epoch            int64
	Revision         int64
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// TableName is the row's table.
func (clientRow) TableName() string { return "clients" }

func rowOfClient(c authz.Client) *clientRow {
	return &clientRow{
		ID: c.ID, Issuer: c.Issuer, WorkspaceID: c.WorkspaceID, Name: c.Name, AuthMethod: c.AuthMethod,
		GrantTypes: asText(c.GrantTypes), RedirectURIs: asText(c.RedirectURIs), Scopes: asText(c.Scopes),
		TokenFormat: c.TokenFormat, IDTokenAlgorithm: c.IDTokenAlgorithm, Environment: c.Environment,
		Environments: asText(c.Environments), Introspect: c.Introspect, SkipConsent: c.SkipConsent,
		Metadata: asText(c.Metadata), State: c.State, Epoch: c.Epoch, Revision: c.Revision, CreatedAt: utc(c.CreatedAt), UpdatedAt: utc(c.UpdatedAt),
	}
}

func (r clientRow) client() authz.Client {
	return authz.Client{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Name: r.Name, AuthMethod: r.AuthMethod,
		GrantTypes: r.GrantTypes.V, RedirectURIs: r.RedirectURIs.V, Scopes: r.Scopes.V,
		TokenFormat: r.TokenFormat, IDTokenAlgorithm: r.IDTokenAlgorithm, Environment: r.Environment,
		Environments: r.Environments.V, Introspect: r.Introspect, SkipConsent: r.SkipConsent,
		Metadata: r.Metadata.V, State: r.State, Epoch: r.Epoch, Revision: r.Revision, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

// CreateClient stores a new client and, unless nil, its first secret;
// ErrConflict when the id is taken.
func (s *Store) CreateClient(ctx context.Context, c authz.Client, secret *authz.ClientSecret) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.writer(ctx).Create(rowOfClient(c)).Error; err != nil {
			return failure(ctx, "creating a client", err)
		}
		if secret == nil {
			return nil
		}
		return s.insertClientSecret(ctx, c.Issuer, c.WorkspaceID, *secret)
	})
}

// GetClient returns a workspace's client in any state, or ErrNotFound.
func (s *Store) GetClient(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ClientID) (authz.Client, error) {
	var r clientRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Take(&r).Error; err != nil {
		return authz.Client{}, failure(ctx, "reading a client", err)
	}
	return r.client(), nil
}

// GetClientAcrossWorkspaces returns a client in any state, or ErrNotFound.
func (s *Store) GetClientAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.ClientID) (authz.Client, error) {
	var r clientRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ?", id, issuer).Take(&r).Error; err != nil {
		return authz.Client{}, failure(ctx, "reading a client", err)
	}
	return r.client(), nil
}

// ListClients lists a workspace's clients that are not deleted.
func (s *Store) ListClients(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.Client, error) {
	var rows []clientRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND state <> 'deleted'", issuer, ws).
		Where("(created_at, id) > (?, ?)", utc(page.After.CreatedAt), page.After.ID).
		Order("created_at, id").Limit(page.Rows()).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing clients", err)
	}
	return mapped(rows, clientRow.client), nil
}

// UpdateClient replaces what is registered of a client, state and epoch aside,
// if its revision is still c.Revision, and raises it by one. ErrStale says
// that it is not, or that the workspace has no such client any more.
func (s *Store) UpdateClient(ctx context.Context, c authz.Client) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&clientRow{}).
			Where("id = ? AND issuer = ? AND workspace_id = ?", c.ID, c.Issuer, c.WorkspaceID).
			Where("revision = ? AND state <> 'deleted'", c.Revision).
			UpdateColumns(map[string]any{
				"name": c.Name, "auth_method": c.AuthMethod, "grant_types": asText(c.GrantTypes),
				"redirect_uris": asText(c.RedirectURIs), "scopes": asText(c.Scopes), "token_format": c.TokenFormat,
				"id_token_algorithm": c.IDTokenAlgorithm, "environment": c.Environment,
				"environments": asText(c.Environments), "introspect": c.Introspect, "skip_consent": c.SkipConsent,
				"metadata": asText(c.Metadata),
				"revision": gorm.Expr("revision + 1"), "updated_at": utc(c.UpdatedAt),
			})
		if err := changed(ctx, "updating a client", done, authz.ErrStale); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.ClientRef(c.Issuer, c.ID))
	})
}
