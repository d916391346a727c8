package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type joinLinkRow struct {
	ID           authz.JoinLinkID
	Issuer       authz.IssuerName
	WorkspaceID  authz.WorkspaceID
	UserID       authz.UserID
	ConnectionID authz.ConnectionID
	Side         authz.Side
	Digest       digest
	State        authz.State
	MadeBy       string
	CreatedAt    time.Time
	ExpiresAt    time.Time
}

// TableName is the row's table.
func (joinLinkRow) TableName() string { return "join_links" }

func (r joinLinkRow) link() authz.JoinLink {
	return authz.JoinLink{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, UserID: r.UserID, ConnectionID: r.ConnectionID, Side: r.Side, Digest: r.Digest,
		State: r.State, MadeBy: r.MadeBy, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}
}

// CreateJoinLink stores a new link.
func (s *Store) CreateJoinLink(ctx context.Context, l authz.JoinLink) error {
	err := s.writer(ctx).Create(&joinLinkRow{
		ID: l.ID, Issuer: l.Issuer, WorkspaceID: l.WorkspaceID, UserID: l.UserID, ConnectionID: l.ConnectionID, Side: l.Side, Digest: l.Digest,
		State: l.State, MadeBy: l.MadeBy, CreatedAt: utc(l.CreatedAt), ExpiresAt: utc(l.ExpiresAt),
	}).Error
	return failure(ctx, "creating a join link", err)
}

// GetJoinLink returns a workspace's link in any state, or ErrNotFound.
func (s *Store) GetJoinLink(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.JoinLinkID) (authz.JoinLink, error) {
	var r joinLinkRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Take(&r).Error; err != nil {
		return authz.JoinLink{}, failure(ctx, "reading a join link", err)
	}
	return r.link(), nil
}

// JoinLinkByDigestAcrossWorkspaces returns the link whose token it is, in any
// state, or ErrNotFound.
func (s *Store) JoinLinkByDigestAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, of [32]byte) (authz.JoinLink, error) {
	var r joinLinkRow
	if err := s.reader(ctx).Where("digest = ? AND issuer = ?", digest(of), issuer).Take(&r).Error; err != nil {
		return authz.JoinLink{}, failure(ctx, "finding a join link", err)
	}
	return r.link(), nil
}

// ListJoinLinks lists the links of a member, the newest first, at most limit,
// also those that are good no more until they are purged.
func (s *Store) ListJoinLinks(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, limit int) ([]authz.JoinLink, error) {
	var rows []joinLinkRow
	err := s.reader(ctx).Where("user_id = ? AND issuer = ? AND workspace_id = ?", user, issuer, ws).
		Order("created_at DESC, id").Limit(limit).Find(&rows).Error
	return mapped(rows, joinLinkRow.link), failure(ctx, "listing join links", err)
}

// EndJoinLink takes a link that is good at now to its end, used or revoked.
// ErrConsumed when it is not good any more.
func (s *Store) EndJoinLink(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.JoinLinkID, to authz.State, now time.Time) error {
	done := s.writer(ctx).Model(&joinLinkRow{}).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).
		Where("state = 'active' AND expires_at > ?", utc(now)).UpdateColumns(map[string]any{"state": to})
	return changed(ctx, "ending a join link", done, authz.ErrConsumed)
}

// RevokeJoinLinks takes back all links of a member, or those to one connection's
// side where these are named, and returns how many were open.
func (s *Store) RevokeJoinLinks(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, c authz.ConnectionID, side authz.Side) (int64, error) {
	open := s.writer(ctx).Model(&joinLinkRow{}).Where("user_id = ? AND issuer = ? AND workspace_id = ? AND state = 'active'", user, issuer, ws)
	if c != "" {
		open = open.Where("connection_id = ? AND side = ?", c, side)
	}
	done := open.UpdateColumns(map[string]any{"state": authz.Revoked})
	return done.RowsAffected, failure(ctx, "taking join links back", done.Error)
}
