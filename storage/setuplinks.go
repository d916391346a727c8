package storage

import (
	"context"
	"database/sql"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type setupLinkRow struct {
	ID           string
	Digest       digest
	Issuer       authz.IssuerName
	WorkspaceID  authz.WorkspaceID
	ConnectionID authz.ConnectionID
	MadeBy       string
	CreatedAt    time.Time
	ExpiresAt    time.Time
	RevokedAt    sql.NullTime
}

// TableName is the row's table.
func (setupLinkRow) TableName() string { return "setup_links" }

func (r setupLinkRow) link() authz.SetupLink {
	return authz.SetupLink{
		ID: r.ID, Digest: r.Digest, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, ConnectionID: r.ConnectionID, MadeBy: r.MadeBy,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), RevokedAt: instant(r.RevokedAt),
	}
}

// CreateSetupLink stores a new link.
func (s *Store) CreateSetupLink(ctx context.Context, l authz.SetupLink) error {
	err := s.writer(ctx).Create(&setupLinkRow{
		ID: l.ID, Digest: l.Digest, Issuer: l.Issuer, WorkspaceID: l.WorkspaceID, ConnectionID: l.ConnectionID, MadeBy: l.MadeBy,
		CreatedAt: utc(l.CreatedAt), ExpiresAt: utc(l.ExpiresAt),
	}).Error
	return failure(ctx, "creating a set-up link", err)
}

// SetupLinkByDigestAcrossWorkspaces returns the link whose token it is, in any
// state, or ErrNotFound.
func (s *Store) SetupLinkByDigestAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, of [32]byte) (authz.SetupLink, error) {
	var r setupLinkRow
	if err := s.reader(ctx).Where("digest = ? AND issuer = ?", digest(of), issuer).Take(&r).Error; err != nil {
		return authz.SetupLink{}, failure(ctx, "finding a set-up link", err)
	}
	return r.link(), nil
}

// maxSetupLinks bounds a connection's list.
const maxSetupLinks = 100

// ListSetupLinks lists the links of a connection, the newest first, at most 100.
func (s *Store) ListSetupLinks(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, c authz.ConnectionID) ([]authz.SetupLink, error) {
	var rows []setupLinkRow
	err := s.reader(ctx).Where("connection_id = ? AND issuer = ? AND workspace_id = ?", c, issuer, ws).
		Order("created_at DESC, id").Limit(maxSetupLinks).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing set-up links", err)
	}
	return mapped(rows, setupLinkRow.link), nil
}

// RevokeSetupLink takes a link back. ErrNotFound says that there is none of that
// connection that was not taken back before.
func (s *Store) RevokeSetupLink(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, c authz.ConnectionID, id string, at time.Time) error {
	done := s.writer(ctx).Model(&setupLinkRow{}).
		Where("id = ? AND connection_id = ? AND issuer = ? AND workspace_id = ? AND revoked_at IS NULL", id, c, issuer, ws).
		UpdateColumns(map[string]any{"revoked_at": utc(at)})
	return changed(ctx, "taking a set-up link back", done, authz.ErrNotFound)
}
