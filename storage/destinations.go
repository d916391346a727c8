package storage

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type destinationRow struct {
	ID          authz.DestinationID
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Name        string
	Kind        authz.DestinationKind
	Target      text[authz.DestinationTarget]
	Sealed      []byte
	State       authz.State
	Revision    int64
	CreatedAt   time.Time
	CreatedBy   string
	UpdatedAt   time.Time
}

// TableName is the row's table.
func (destinationRow) TableName() string { return "key_destinations" }

func (r destinationRow) destination() authz.Destination {
	return authz.Destination{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Name: r.Name, Kind: r.Kind, Target: r.Target.V, Sealed: r.Sealed,
		State: r.State, Revision: r.Revision, CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy, UpdatedAt: r.UpdatedAt.UTC(),
	}
}

// CreateDestination stores a new destination.
func (s *Store) CreateDestination(ctx context.Context, d authz.Destination) error {
	err := s.writer(ctx).Create(&destinationRow{
		ID: d.ID, Issuer: d.Issuer, WorkspaceID: d.WorkspaceID, Name: d.Name, Kind: d.Kind, Target: asText(d.Target), Sealed: d.Sealed,
		State: d.State, Revision: d.Revision, CreatedAt: utc(d.CreatedAt), CreatedBy: d.CreatedBy, UpdatedAt: utc(d.UpdatedAt),
	}).Error
	return failure(ctx, "creating a destination of keys", err)
}

// GetDestination returns a workspace's destination, or ErrNotFound.
func (s *Store) GetDestination(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.DestinationID) (authz.Destination, error) {
	var r destinationRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Take(&r).Error; err != nil {
		return authz.Destination{}, failure(ctx, "reading a destination of keys", err)
	}
	return r.destination(), nil
}

// ListDestinations lists a workspace's destinations, oldest first.
func (s *Store) ListDestinations(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.Destination, error) {
	var rows []destinationRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ?", issuer, ws).
		Where("(created_at, id) > (?, ?)", utc(page.After.CreatedAt), page.After.ID).
		Order("created_at, id").Limit(page.Rows()).Find(&rows).Error
	return mapped(rows, destinationRow.destination), failure(ctx, "listing destinations of keys", err)
}

// UpdateDestination replaces what can change of a destination if its revision is
// still d.Revision, and raises it by one; or answers ErrStale.
func (s *Store) UpdateDestination(ctx context.Context, d authz.Destination) error {
	done := s.writer(ctx).Model(&destinationRow{}).
		Where("id = ? AND issuer = ? AND workspace_id = ? AND revision = ?", d.ID, d.Issuer, d.WorkspaceID, d.Revision).
		UpdateColumns(map[string]any{
			"name": d.Name, "target": asText(d.Target), "sealed": d.Sealed, "state": d.State, "revision": gorm.Expr("revision + 1"),
			"updated_at": utc(d.UpdatedAt),
		})
	return changed(ctx, "changing a destination of keys", done, authz.ErrStale)
}

// DeleteDestination deletes a destination that no key names which may be used
// again; inUse says that one does, and then nothing was deleted.
func (s *Store) DeleteDestination(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.DestinationID) (inUse bool, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		var keys []authz.KeyID
		err := s.reader(ctx).Model(&apiKeyRow{}).Where("issuer = ? AND workspace_id = ? AND delivery = ? AND delivery <> ''", issuer, ws, id).
			Where("state IN ('active', 'grace', 'disabled')").Limit(1).Pluck("id", &keys).Error
		if inUse = len(keys) > 0; err != nil || inUse {
			return failure(ctx, "looking for keys of a destination", err)
		}
		done := s.writer(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Delete(&destinationRow{})
		return changed(ctx, "deleting a destination of keys", done, authz.ErrNotFound)
	})
	return inUse, err
}
