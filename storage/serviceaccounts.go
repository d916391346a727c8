package storage

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type serviceAccountRow struct {
	ID          authz.ServiceAccountID
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Name        string
	OwnerID     authz.UserID
	TeamID      authz.TeamID
	Bounds      text[*authz.Bounds]
	State       authz.State
	Epoch       int64
	Revision    int64
	CreatedAt   time.Time
}

// TableName is the row's table.
func (serviceAccountRow) TableName() string { return "service_accounts" }

func (r serviceAccountRow) serviceAccount() authz.ServiceAccount {
	return authz.ServiceAccount{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Name: r.Name, OwnerID: r.OwnerID, TeamID: r.TeamID, Bounds: r.Bounds.V,
		State: r.State, Epoch: r.Epoch, Revision: r.Revision, CreatedAt: r.CreatedAt.UTC(),
	}
}

// CreateServiceAccount stores a new service account; ErrConflict when its id is taken.
func (s *Store) CreateServiceAccount(ctx context.Context, a authz.ServiceAccount) error {
	err := s.writer(ctx).Create(&serviceAccountRow{
		ID: a.ID, Issuer: a.Issuer, WorkspaceID: a.WorkspaceID, Name: a.Name, OwnerID: a.OwnerID, TeamID: a.TeamID, Bounds: asText(a.Bounds),
		State: a.State, Epoch: a.Epoch, Revision: max(1, a.Revision), CreatedAt: utc(a.CreatedAt),
	}).Error
	return failure(ctx, "creating a service account", err)
}

// GetServiceAccount returns a workspace's service account in any state, or ErrNotFound.
func (s *Store) GetServiceAccount(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ServiceAccountID) (authz.ServiceAccount, error) {
	var r serviceAccountRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Take(&r).Error; err != nil {
		return authz.ServiceAccount{}, failure(ctx, "reading a service account", err)
	}
	return r.serviceAccount(), nil
}

// GetServiceAccountAcrossWorkspaces returns a service account in any state, or ErrNotFound.
func (s *Store) GetServiceAccountAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.ServiceAccountID) (authz.ServiceAccount, error) {
	var r serviceAccountRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ?", id, issuer).Take(&r).Error; err != nil {
		return authz.ServiceAccount{}, failure(ctx, "reading a service account", err)
	}
	return r.serviceAccount(), nil
}

// ServiceAccountByName returns the oldest active service account of that name
// in the workspace, or ErrNotFound.
func (s *Store) ServiceAccountByName(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, name string) (authz.ServiceAccount, error) {
	var r serviceAccountRow
	err := s.reader(ctx).Where("workspace_id = ? AND name = ? AND issuer = ? AND state = 'active'", ws, name, issuer).
		Order("created_at, id").Take(&r).Error
	if err != nil {
		return authz.ServiceAccount{}, failure(ctx, "finding a service account", err)
	}
	return r.serviceAccount(), nil
}

// ListServiceAccounts lists a workspace's service accounts that are not deleted.
func (s *Store) ListServiceAccounts(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.ServiceAccount, error) {
	var rows []serviceAccountRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND state <> 'deleted'", issuer, ws).
		Where("(created_at, id) > (?, ?)", utc(page.After.CreatedAt), page.After.ID).
		Order("created_at, id").Limit(page.Rows()).Find(&rows).Error
	return mapped(rows, serviceAccountRow.serviceAccount), failure(ctx, "listing service accounts", err)
}

// UpdateServiceAccount replaces a service account's name, owner and team if its
// revision is still a.Revision, and raises it by one; or answers ErrStale.
func (s *Store) UpdateServiceAccount(ctx context.Context, a authz.ServiceAccount) error {
	done := s.writer(ctx).Model(&serviceAccountRow{}).
		Where("id = ? AND issuer = ? AND workspace_id = ?", a.ID, a.Issuer, a.WorkspaceID).
		Where("revision = ? AND state <> 'deleted'", a.Revision).
		UpdateColumns(map[string]any{"name": a.Name, "owner_id": a.OwnerID, "team_id": a.TeamID, "revision": gorm.Expr("revision + 1")})
	return changed(ctx, "updating a service account", done, authz.ErrStale)
}

// SetServiceAccountBounds keeps what all roles of a service account come to.
func (s *Store) SetServiceAccountBounds(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ServiceAccountID, b *authz.Bounds) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&serviceAccountRow{}).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).
			UpdateColumns(map[string]any{"bounds": asText(b)})
		if err := changed(ctx, "bounding a service account", done, authz.ErrNotFound); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.NodeRef{Kind: authz.ServiceAccountNode, ID: string(id)})
	})
}

// ServiceAccountsOf lists those that a person answers for.
func (s *Store) ServiceAccountsOf(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, owner authz.UserID, limit int) ([]authz.ServiceAccount, error) {
	var rows []serviceAccountRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND owner_id = ? AND owner_id <> ''", issuer, ws, owner).
		Where("state <> 'deleted'").Order("id").Limit(limit).Find(&rows).Error
	return mapped(rows, serviceAccountRow.serviceAccount), failure(ctx, "listing a person's service accounts", err)
}

// KeysOfServiceAccount lists the keys of a service account that are not revoked,
// at most limit.
func (s *Store) KeysOfServiceAccount(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ServiceAccountID, limit int) ([]authz.APIKey, error) {
	var rows []apiKeyRow
	err := s.reader(ctx).Where("service_account_id = ? AND issuer = ? AND workspace_id = ? AND state <> 'revoked'", id, issuer, ws).
		Order("id").Limit(limit).Find(&rows).Error
	return mapped(rows, apiKeyRow.apiKey), failure(ctx, "listing a service account's keys", err)
}
