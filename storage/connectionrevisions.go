package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type connectionRevisionRow struct {
	Issuer       authz.IssuerName
	WorkspaceID  authz.WorkspaceID
	ConnectionID authz.ConnectionID
	Revision     int64
	Actor        string
	Settings     text[authz.Connection]
	CreatedAt    time.Time
}

// TableName is the row's table.
func (connectionRevisionRow) TableName() string { return "connection_revisions" }

const oldConnectionRevisions = `DELETE FROM connection_revisions WHERE issuer = ? AND workspace_id = ? AND connection_id = ? AND revision <= ?`

// KeepConnectionRevision remembers what a connection came to be, without its
// secrets, for the latest keep revisions.
func (s *Store) KeepConnectionRevision(ctx context.Context, r authz.ConnectionRevision, keep int64) error {
	c := r.Connection
	c.ClientSecret, c.SAMLKey = nil, nil
	return s.InTx(ctx, func(ctx context.Context) error {
		err := s.writer(ctx).Create(&connectionRevisionRow{
			Issuer: c.Issuer, WorkspaceID: c.WorkspaceID, ConnectionID: c.ID, Revision: c.Revision, Actor: r.Actor, Settings: asText(c), CreatedAt: utc(r.At),
		}).Error
		if err != nil {
			return failure(ctx, "keeping a connection's revision", err)
		}
		err = s.writer(ctx).Exec(oldConnectionRevisions, c.Issuer, c.WorkspaceID, c.ID, c.Revision-keep).Error
		return failure(ctx, "forgetting a connection's old revisions", err)
	})
}

// ListConnectionRevisions lists what is remembered of a connection, newest first.
func (s *Store) ListConnectionRevisions(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ConnectionID, limit int) ([]authz.ConnectionRevision, error) {
	var rows []connectionRevisionRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND connection_id = ?", issuer, ws, id).Order("revision DESC").Limit(limit).Find(&rows).Error
	return mapped(rows, func(r connectionRevisionRow) authz.ConnectionRevision {
		return authz.ConnectionRevision{Connection: r.Settings.V, Actor: r.Actor, At: r.CreatedAt.UTC()}
	}), failure(ctx, "listing a connection's revisions", err)
}
