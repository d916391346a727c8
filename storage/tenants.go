package storage

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type workspaceRow struct {
	ID        authz.WorkspaceID
	Issuer    authz.IssuerName
	AccountID authz.AccountID
	Name      string
	Tier      string
	Leaver    authz.LeaverPolicy
	State     authz.State
	Epoch     int64
	Revision  int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// TableName is the row's table.
func (workspaceRow) TableName() string { return "workspaces" }

func (r workspaceRow) workspace() authz.Workspace {
	return authz.Workspace{
		ID: r.ID, Issuer: r.Issuer, AccountID: r.AccountID, Name: r.Name, Tier: r.Tier, Leaver: r.Leaver, State: r.State, Epoch: r.Epoch,
		Revision: r.Revision, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

// CreateWorkspace stores a new workspace; ErrConflict when its id is taken.
func (s *Store) CreateWorkspace(ctx context.Context, w authz.Workspace) error {
	err := s.writer(ctx).Create(&workspaceRow{
		ID: w.ID, Issuer: w.Issuer, AccountID: w.AccountID, Name: w.Name, Tier: w.Tier, Leaver: w.Leaver, State: w.State, Epoch: w.Epoch,
		Revision: max(1, w.Revision), CreatedAt: utc(w.CreatedAt), UpdatedAt: utc(w.UpdatedAt),
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
	return mapped(rows, workspaceRow.workspace), failure(ctx, "listing workspaces", err)
}

// UpdateWorkspace replaces what is decided of a workspace, state and epoch
// aside, if its revision is still w.Revision, and raises it by one; or answers
// ErrStale.
func (s *Store) UpdateWorkspace(ctx context.Context, w authz.Workspace) error {
	done := s.writer(ctx).Model(&workspaceRow{}).Where("id = ? AND issuer = ? AND revision = ? AND state <> 'deleted'", w.ID, w.Issuer, w.Revision).
		UpdateColumns(map[string]any{
			"name": w.Name, "tier": w.Tier, "leaver": w.Leaver, "revision": gorm.Expr("revision + 1"), "updated_at": utc(w.UpdatedAt),
		})
	return changed(ctx, "updating a workspace", done, authz.ErrStale)
}

// LockWorkspace makes transactions that change who may do what in a workspace
// follow each other, until this one ends; ErrNotFound when there is none.
func (s *Store) LockWorkspace(ctx context.Context, issuer authz.IssuerName, id authz.WorkspaceID) error {
	done := s.writer(ctx).Model(&workspaceRow{}).Where("id = ? AND issuer = ? AND state <> 'deleted'", id, issuer).
		UpdateColumns(map[string]any{"epoch": gorm.Expr("epoch")})
	return changed(ctx, "locking a workspace", done, authz.ErrNotFound)
}
