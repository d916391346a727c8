package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type workspaceRow struct {
	ID        authz.WorkspaceID
	Issuer    authz.IssuerName
	AccountID authz.AccountID
	Name      string
	State     authz.State
	Epoch     int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// TableName is the row's table.
func (workspaceRow) TableName() string { return "workspaces" }

func (r workspaceRow) workspace() authz.Workspace {
	return authz.Workspace{
		ID: r.ID, Issuer: r.Issuer, AccountID: r.AccountID, Name: r.Name, State: r.State, Epoch: r.Epoch,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

// CreateWorkspace stores a new workspace; ErrConflict when its id is taken.
func (s *Store) CreateWorkspace(ctx context.Context, w authz.Workspace) error {
	err := s.writer(ctx).Create(&workspaceRow{
		ID: w.ID, Issuer: w.Issuer, AccountID: w.AccountID, Name: w.Name, State: w.State, Epoch: w.Epoch,
		CreatedAt: utc(w.CreatedAt), UpdatedAt: utc(w.UpdatedAt),
	}).Error
	return failure(ctx, "creating a workspace", err)
}

// GetWorkspace returns a workspace in any state, or ErrNotFound.
func (s *Store) GetWorkspace(ctx context.Context, issuer authz.IssuerName, id authz.WorkspaceID) (authz.Workspace, error) {
	var r workspaceRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ?", id, issuer).Take(&r).Error; err != nil {
		return authz.Workspace{}, failure(ctx, "reading a workspace", err)
	}
	return r.workspace(), nil
}

// ListWorkspacesAcrossWorkspaces lists the issuer's workspaces that are not deleted.
func (s *Store) ListWorkspacesAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, page authz.Page) ([]authz.Workspace, error) {
	var rows []workspaceRow
	err := s.reader(ctx).Where("issuer = ? AND state <> 'deleted'", issuer).
		Where("(created_at, id) > (?, ?)", utc(page.After.CreatedAt), page.After.ID).
		Order("created_at, id").Limit(page.Rows()).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing workspaces", err)
	}
	workspaces := make([]authz.Workspace, len(rows))
	for i, r := range rows {
		workspaces[i] = r.workspace()
	}
	return workspaces, nil
}

// UpdateWorkspaceName renames a workspace that is not deleted, or answers ErrNotFound.
func (s *Store) UpdateWorkspaceName(ctx context.Context, issuer authz.IssuerName, id authz.WorkspaceID, name string, at time.Time) error {
	done := s.writer(ctx).Model(&workspaceRow{}).Where("id = ? AND issuer = ? AND state <> 'deleted'", id, issuer).
		UpdateColumns(map[string]any{"name": name, "updated_at": utc(at)})
	return changed(ctx, "renaming a workspace", done, authz.ErrNotFound)
}
