package storage

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type resourceRow struct {
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Kind        authz.ResourceKind
	ID          string
	Name        string
	Environment authz.Environment
	TeamID      authz.TeamID
	Revision    int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// TableName is the row's table.
func (resourceRow) TableName() string { return "resources" }

func (r resourceRow) resource() authz.Resource {
	return authz.Resource{
		Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Kind: r.Kind, ID: r.ID, Name: r.Name, Environment: r.Environment, TeamID: r.TeamID,
		Revision: r.Revision, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

// CreateResource registers a resource; ErrConflict when the workspace has one of
// that kind and id.
func (s *Store) CreateResource(ctx context.Context, r authz.Resource) error {
	err := s.writer(ctx).Create(&resourceRow{
		Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Kind: r.Kind, ID: r.ID, Name: r.Name, Environment: r.Environment, TeamID: r.TeamID,
		Revision: max(1, r.Revision), CreatedAt: utc(r.CreatedAt), UpdatedAt: utc(r.UpdatedAt),
	}).Error
	return failure(ctx, "registering a resource", err)
}

// GetResource returns a workspace's resource, or ErrNotFound.
func (s *Store) GetResource(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, kind authz.ResourceKind, id string) (authz.Resource, error) {
	var r resourceRow
	if err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND kind = ? AND id = ?", issuer, ws, kind, id).Take(&r).Error; err != nil {
		return authz.Resource{}, failure(ctx, "reading a resource", err)
	}
	return r.resource(), nil
}

// ListResources lists a workspace's resources of a kind.
func (s *Store) ListResources(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, kind authz.ResourceKind, page authz.Page) ([]authz.Resource, error) {
	var rows []resourceRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND kind = ?", issuer, ws, kind).
		Where("(created_at, id) > (?, ?)", utc(page.After.CreatedAt), page.After.ID).
		Order("created_at, id").Limit(page.Rows()).Find(&rows).Error
	return mapped(rows, resourceRow.resource), failure(ctx, "listing resources", err)
}

// UpdateResource replaces what is known of a resource if its revision is still
// r.Revision, and raises it by one; or answers ErrStale.
func (s *Store) UpdateResource(ctx context.Context, r authz.Resource) error {
	done := s.writer(ctx).Model(&resourceRow{}).
		Where("issuer = ? AND workspace_id = ? AND kind = ? AND id = ? AND revision = ?", r.Issuer, r.WorkspaceID, r.Kind, r.ID, r.Revision).
		UpdateColumns(map[string]any{
			"name": r.Name, "environment": r.Environment, "team_id": r.TeamID, "revision": gorm.Expr("revision + 1"), "updated_at": utc(r.UpdatedAt),
		})
	return changed(ctx, "updating a resource", done, authz.ErrStale)
}

// DeleteResource forgets a resource, or answers ErrNotFound. Keys and roles that
// are restricted to it stay restricted to it.
func (s *Store) DeleteResource(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, kind authz.ResourceKind, id string) error {
	done := s.writer(ctx).Where("issuer = ? AND workspace_id = ? AND kind = ? AND id = ?", issuer, ws, kind, id).Delete(&resourceRow{})
	return changed(ctx, "forgetting a resource", done, authz.ErrNotFound)
}
