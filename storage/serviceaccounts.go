package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type serviceAccountRow struct {
	ID          authz.ServiceAccountID
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Name        string
	State       authz.State
	Epoch       int64
	CreatedAt   time.Time
}

// TableName is the row's table.
func (serviceAccountRow) TableName() string { return "service_accounts" }

func (r serviceAccountRow) serviceAccount() authz.ServiceAccount {
	return authz.ServiceAccount{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Name: r.Name, State: r.State, Epoch: r.Epoch,
		CreatedAt: r.CreatedAt.UTC(),
	}
}

// CreateServiceAccount stores a new service account; ErrConflict when its id is taken.
func (s *Store) CreateServiceAccount(ctx context.Context, a authz.ServiceAccount) error {
	err := s.writer(ctx).Create(&serviceAccountRow{
		ID: a.ID, Issuer: a.Issuer, WorkspaceID: a.WorkspaceID, Name: a.Name, State: a.State, Epoch: a.Epoch,
		CreatedAt: utc(a.CreatedAt),
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
