package storage

import (
	"context"
	"database/sql"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type connectionMetadataRow struct {
	ConnectionID authz.ConnectionID
	Issuer       authz.IssuerName
	WorkspaceID  authz.WorkspaceID
	CheckAt      time.Time
	CheckedAt    sql.NullTime
	ValidUntil   sql.NullTime
	Problem      string
	Proposal     text[*authz.SAMLUpstream]
	ProposedAt   sql.NullTime
	Rejected     string
	Warned       text[map[string]int]
	Revision     int64
}

// TableName is the row's table.
func (connectionMetadataRow) TableName() string { return "connection_metadata" }

func (r connectionMetadataRow) metadata() authz.ConnectionMetadata {
	return authz.ConnectionMetadata{
		ConnectionID: r.ConnectionID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, CheckAt: r.CheckAt.UTC(), CheckedAt: instant(r.CheckedAt), ValidUntil: instant(r.ValidUntil),
		Problem: r.Problem, Proposal: r.Proposal.V, ProposedAt: instant(r.ProposedAt), Rejected: r.Rejected, Warned: r.Warned.V, Revision: r.Revision,
	}
}

// Connections that have a side of SAML and of whose metadata nothing is known.
const beginConnectionMetadata = `INSERT INTO connection_metadata (connection_id, issuer, workspace_id, check_at, problem, proposal, rejected, warned, revision)
	SELECT c.id, c.issuer, c.workspace_id, ?, '', 'null', '', '{}', 1 FROM connections c
	WHERE c.issuer = ? AND c.saml <> 'null' AND c.state <> 'deleted'
	AND NOT EXISTS (SELECT 1 FROM connection_metadata m WHERE m.connection_id = c.id)
	ORDER BY c.id LIMIT ? ON CONFLICT (connection_id) DO NOTHING`

// BeginConnectionMetadataAcrossWorkspaces makes connections with a side of SAML
// due that were never looked at, at most limit of them.
func (s *Store) BeginConnectionMetadataAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now time.Time, limit int) error {
	err := s.writer(ctx).Exec(beginConnectionMetadata, utc(now), issuer, limit).Error
	return failure(ctx, "beginning to look at metadata", err)
}

// maxMetadataDue bounds one list.
const maxMetadataDue = 200

// ConnectionMetadataDueAcrossWorkspaces lists what is to be looked at by now, the
// longest due first, at most 200.
func (s *Store) ConnectionMetadataDueAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now time.Time, limit int) ([]authz.ConnectionMetadata, error) {
	var rows []connectionMetadataRow
	err := s.reader(ctx).Where("issuer = ? AND check_at <= ?", issuer, utc(now)).
		Order("check_at, connection_id").Limit(min(limit, maxMetadataDue)).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing metadata to look at", err)
	}
	return mapped(rows, connectionMetadataRow.metadata), nil
}

// GetConnectionMetadata returns what is known of a connection's metadata, or
// ErrNotFound.
func (s *Store) GetConnectionMetadata(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ConnectionID) (authz.ConnectionMetadata, error) {
	var r connectionMetadataRow
	if err := s.reader(ctx).Where("connection_id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Take(&r).Error; err != nil {
		return authz.ConnectionMetadata{}, failure(ctx, "reading what is known of metadata", err)
	}
	return r.metadata(), nil
}

// PutConnectionMetadata stores what is known of a connection's metadata; of
// revision 0 what was not known before. ErrConflict says that another wrote since
// that revision was read.
func (s *Store) PutConnectionMetadata(ctx context.Context, m authz.ConnectionMetadata) error {
	if m.Revision == 0 {
		err := s.writer(ctx).Create(&connectionMetadataRow{
			ConnectionID: m.ConnectionID, Issuer: m.Issuer, WorkspaceID: m.WorkspaceID, CheckAt: utc(m.CheckAt), CheckedAt: optional(m.CheckedAt), ValidUntil: optional(m.ValidUntil),
			Problem: m.Problem, Proposal: asText(m.Proposal), ProposedAt: optional(m.ProposedAt), Rejected: m.Rejected, Warned: asText(m.Warned), Revision: 1,
		}).Error
		return failure(ctx, "storing what is known of metadata", err)
	}
	done := s.writer(ctx).Model(&connectionMetadataRow{}).
		Where("connection_id = ? AND issuer = ? AND workspace_id = ? AND revision = ?", m.ConnectionID, m.Issuer, m.WorkspaceID, m.Revision).
		UpdateColumns(map[string]any{
			"check_at": utc(m.CheckAt), "checked_at": optional(m.CheckedAt), "valid_until": optional(m.ValidUntil), "problem": m.Problem, "proposal": asText(m.Proposal),
			"proposed_at": optional(m.ProposedAt), "rejected": m.Rejected, "warned": asText(m.Warned), "revision": m.Revision + 1,
		})
	return changed(ctx, "storing what is known of metadata", done, authz.ErrConflict)
}

// DropConnectionMetadata forgets what is known of a connection's metadata.
func (s *Store) DropConnectionMetadata(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ConnectionID) error {
	err := s.writer(ctx).Where("connection_id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Delete(&connectionMetadataRow{}).Error
	return failure(ctx, "forgetting metadata", err)
}
