package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type invitationRow struct {
	ID          authz.InvitationID
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Digest      digest
	Email       string
	Role        authz.RoleID
	State       authz.State
	InvitedBy   string
	UsedBy      authz.UserID
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// TableName is the row's table.
func (invitationRow) TableName() string { return "invitations" }

func (r invitationRow) invitation() authz.Invitation {
	return authz.Invitation{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Digest: r.Digest, Email: r.Email, Role: r.Role, State: r.State,
		InvitedBy: r.InvitedBy, UsedBy: r.UsedBy, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}
}

// CreateInvitation stores a new invitation.
func (s *Store) CreateInvitation(ctx context.Context, i authz.Invitation) error {
	err := s.writer(ctx).Create(&invitationRow{
		ID: i.ID, Issuer: i.Issuer, WorkspaceID: i.WorkspaceID, Digest: i.Digest, Email: i.Email, Role: i.Role, State: i.State,
		InvitedBy: i.InvitedBy, UsedBy: i.UsedBy, CreatedAt: utc(i.CreatedAt), ExpiresAt: utc(i.ExpiresAt),
	}).Error
	return failure(ctx, "creating an invitation", err)
}

// GetInvitation returns a workspace's invitation in any state, or ErrNotFound.
func (s *Store) GetInvitation(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.InvitationID) (authz.Invitation, error) {
	var r invitationRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Take(&r).Error; err != nil {
		return authz.Invitation{}, failure(ctx, "reading an invitation", err)
	}
	return r.invitation(), nil
}

// InvitationByDigestAcrossWorkspaces returns the invitation whose token it is,
// in any state, or ErrNotFound.
func (s *Store) InvitationByDigestAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, of [32]byte) (authz.Invitation, error) {
	var r invitationRow
	if err := s.reader(ctx).Where("digest = ? AND issuer = ?", digest(of), issuer).Take(&r).Error; err != nil {
		return authz.Invitation{}, failure(ctx, "finding an invitation", err)
	}
	return r.invitation(), nil
}

// ListInvitations lists a workspace's invitations.
func (s *Store) ListInvitations(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.Invitation, error) {
	var rows []invitationRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ?", issuer, ws).
		Where("(created_at, id) > (?, ?)", utc(page.After.CreatedAt), page.After.ID).
		Order("created_at, id").Limit(page.Rows()).Find(&rows).Error
	return mapped(rows, invitationRow.invitation), failure(ctx, "listing invitations", err)
}

// EndInvitation takes an invitation that is good at now to its end: used by
// somebody, or revoked. ErrConsumed when it is not good any more.
func (s *Store) EndInvitation(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.InvitationID, to authz.State, by authz.UserID, now time.Time) error {
	done := s.writer(ctx).Model(&invitationRow{}).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).
		Where("state = 'active' AND expires_at > ?", utc(now)).UpdateColumns(map[string]any{"state": to, "used_by": by})
	return changed(ctx, "ending an invitation", done, authz.ErrConsumed)
}
