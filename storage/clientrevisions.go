package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type clientRevisionRow struct {
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	ClientID    authz.ClientID
	Revision    int64
	Actor       string
	Settings    text[authz.Client]
	CreatedAt   time.Time
}

// TableName is the row's table.
func (clientRevisionRow) TableName() string { return "client_revisions" }

const oldClientRevisions = `DELETE FROM client_revisions WHERE issuer = ? AND workspace_id = ? AND client_id = ? AND revision <= ?`

// KeepClientRevision remembers what a client came to be, for the latest keep
// revisions.
func (s *Store) KeepClientRevision(ctx context.Context, r authz.ClientRevision, keep int64) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		err := s.writer(ctx).Create(&clientRevisionRow{
			Issuer: r.Client.Issuer, WorkspaceID: r.Client.WorkspaceID, ClientID: r.Client.ID, Revision: r.Client.Revision, Actor: r.Actor,
			Settings: asText(r.Client), CreatedAt: utc(r.At),
		}).Error
		if err != nil {
			return failure(ctx, "keeping a client's revision", err)
		}
		err = s.writer(ctx).Exec(oldClientRevisions, r.Client.Issuer, r.Client.WorkspaceID, r.Client.ID, r.Client.Revision-keep).Error
		return failure(ctx, "forgetting a client's old revisions", err)
	})
}

// ListClientRevisions lists what is remembered of a client, newest first.
func (s *Store) ListClientRevisions(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ClientID, limit int) ([]authz.ClientRevision, error) {
	var rows []clientRevisionRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND client_id = ?", issuer, ws, id).Order("revision DESC").Limit(limit).Find(&rows).Error
	return mapped(rows, func(r clientRevisionRow) authz.ClientRevision {
		return authz.ClientRevision{Client: r.Settings.V, Actor: r.Actor, At: r.CreatedAt.UTC()}
	}), failure(ctx, "listing a client's revisions", err)
}
