package storage

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type memberRow struct {
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	UserID      authz.UserID
	Role        authz.RoleID
	Bounds      text[*authz.Bounds]
	Revision    int64
	CreatedAt   time.Time
}

// TableName is the row's table.
func (memberRow) TableName() string { return "members" }

func (r memberRow) member() authz.Member {
	return authz.Member{
		Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, UserID: r.UserID, Role: r.Role, Bounds: r.Bounds.V, Revision: r.Revision,
		CreatedAt: r.CreatedAt.UTC(),
	}
}

// AddMember makes a person a member of a workspace; ErrConflict when they are.
func (s *Store) AddMember(ctx context.Context, m authz.Member) error {
	err := s.writer(ctx).Create(&memberRow{
		Issuer: m.Issuer, WorkspaceID: m.WorkspaceID, UserID: m.UserID, Role: m.Role, Bounds: asText(m.Bounds), Revision: max(1, m.Revision),
		CreatedAt: utc(m.CreatedAt),
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
	return r.member(), nil
}

// ListMembers lists a workspace's members.
func (s *Store) ListMembers(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.Member, error) {
	var rows []memberRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ?", issuer, ws).
		Where("(created_at, user_id) > (?, ?)", utc(page.After.CreatedAt), page.After.ID).
		Order("created_at, user_id").Limit(page.Rows()).Find(&rows).Error
	return mapped(rows, memberRow.member), failure(ctx, "listing members", err)
}

// MembersOfRole lists the members whose own role it is, at most limit.
func (s *Store) MembersOfRole(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, role authz.RoleID, limit int) ([]authz.Member, error) {
	var rows []memberRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND role = ?", issuer, ws, role).Order("user_id").Limit(limit).Find(&rows).Error
	return mapped(rows, memberRow.member), failure(ctx, "listing members by role", err)
}

// UpdateMemberRole gives a member another role of their own if their revision is
// still m.Revision, and raises it by one; or answers ErrStale.
func (s *Store) UpdateMemberRole(ctx context.Context, m authz.Member) error {
	done := s.writer(ctx).Model(&memberRow{}).
		Where("issuer = ? AND workspace_id = ? AND user_id = ? AND revision = ?", m.Issuer, m.WorkspaceID, m.UserID, m.Revision).
		UpdateColumns(map[string]any{"role": m.Role, "revision": gorm.Expr("revision + 1")})
	return changed(ctx, "changing a member's role", done, authz.ErrStale)
}

// SetMemberBounds keeps what all roles of a member come to.
func (s *Store) SetMemberBounds(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, b *authz.Bounds) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&memberRow{}).Where("issuer = ? AND workspace_id = ? AND user_id = ?", issuer, ws, user).
			UpdateColumns(map[string]any{"bounds": asText(b)})
		if err := changed(ctx, "bounding a member", done, authz.ErrNotFound); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.NodeRef{Kind: authz.UserNode, ID: string(user)})
	})
}

const (
	revokeMemberSessions = `UPDATE sessions SET state = 'revoked', epoch = epoch + 1
		WHERE issuer = ? AND workspace_id = ? AND user_id = ? AND state = 'active' RETURNING id`
	revokeMemberGrants = `UPDATE grants SET state = 'revoked', epoch = epoch + 1
		WHERE issuer = ? AND workspace_id = ? AND user_id = ? AND user_id <> '' AND state = 'active' RETURNING id`
)

// RemoveMember ends a person's membership and, in the same transaction, their
// sessions, grants and second factors in the workspace: a membership is no node of the graph,
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
		if _, err := s.DeleteFactors(ctx, issuer, ws, user); err != nil { // they would be there for whoever they come back as
			return err
		}
		if err := s.DeleteLocalAccount(ctx, issuer, ws, user); err != nil {
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
