package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type memberRow struct {
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	UserID      authz.UserID
	Role        string
	CreatedAt   time.Time
}

// TableName is the row's table.
func (memberRow) TableName() string { return "members" }

// AddMember makes a person a member of a workspace; ErrConflict when they are.
func (s *Store) AddMember(ctx context.Context, m authz.Member) error {
	err := s.writer(ctx).Create(&memberRow{
		Issuer: m.Issuer, WorkspaceID: m.WorkspaceID, UserID: m.UserID, Role: m.Role, CreatedAt: utc(m.CreatedAt),
	}).Error
	return failure(ctx, "adding a member", err)
}

// GetMember returns a person's membership of the workspace, or ErrNotFound.
func (s *Store) GetMember(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (authz.Member, error) {
	var r memberRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND user_id = ?", issuer, ws, user).Take(&r).Error
	if err != nil {
		return authz.Member{}, failure(ctx, "reading a member", err)
	}
	return authz.Member{
		Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, UserID: r.UserID, Role: r.Role, CreatedAt: r.CreatedAt.UTC(),
	}, nil
}

const (
	revokeMemberSessions = `UPDATE sessions SET state = 'revoked', epoch = epoch + 1
		WHERE issuer = ? AND workspace_id = ? AND user_id = ? AND state = 'active' RETURNING id`
	revokeMemberGrants = `UPDATE grants SET state = 'revoked', epoch = epoch + 1
		WHERE issuer = ? AND workspace_id = ? AND user_id = ? AND user_id <> '' AND state = 'active' RETURNING id`
)

// RemoveMember ends a person's membership and, in the same transaction, their
// sessions and grants in the workspace: a membership is no node of the graph,
// so nothing else would. removed is false when they were no member.
func (s *Store) RemoveMember(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (removed bool, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Where("issuer = ? AND workspace_id = ? AND user_id = ?", issuer, ws, user).Delete(&memberRow{})
		if removed = done.RowsAffected == 1; done.Error != nil || !removed {
			return failure(ctx, "removing a member", done.Error)
		}
		var sessions, grants []string
		if err := s.writer(ctx).Raw(revokeMemberSessions, issuer, ws, user).Scan(&sessions).Error; err != nil {
			return failure(ctx, "ending a member's sessions", err)
		}
		if err := s.writer(ctx).Raw(revokeMemberGrants, issuer, ws, user).Scan(&grants).Error; err != nil {
			return failure(ctx, "ending a member's grants", err)
		}
		if err := s.revokeExchangedFromMember(ctx, issuer, ws, user); err != nil {
			return err
		}
		if err := s.touchAll(ctx, authz.SessionNode, sessions); err != nil {
			return err
		}
		return s.touchAll(ctx, authz.GrantNode, grants)
	})
	return removed && err == nil, err
}

func (s *Store) touchAll(ctx context.Context, kind authz.NodeKind, ids []string) error {
	for _, id := range ids {
		if err := s.TouchNode(ctx, authz.NodeRef{Kind: kind, ID: id}); err != nil {
			return err
		}
	}
	return nil
}
