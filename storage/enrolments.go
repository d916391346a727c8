package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type enrolmentRow struct {
	Digest      digest
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	UserID      authz.UserID
	State       authz.State
	CreatedBy   string
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// TableName is the row's table.
func (enrolmentRow) TableName() string { return "enrolments" }

// CreateEnrolment stores a new link for a person, whose earlier ones are over.
func (s *Store) CreateEnrolment(ctx context.Context, e authz.Enrolment) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		err := s.writer(ctx).Where("issuer = ? AND workspace_id = ? AND user_id = ?", e.Issuer, e.WorkspaceID, e.UserID).Delete(&enrolmentRow{}).Error
		if err != nil {
			return failure(ctx, "ending enrolments", err)
		}
		err = s.writer(ctx).Create(&enrolmentRow{
			Digest: e.Digest, Issuer: e.Issuer, WorkspaceID: e.WorkspaceID, UserID: e.UserID, State: e.State, CreatedBy: e.CreatedBy,
			CreatedAt: utc(e.CreatedAt), ExpiresAt: utc(e.ExpiresAt),
		}).Error
		return failure(ctx, "creating an enrolment", err)
	})
}

// EnrolmentAcrossWorkspaces returns the enrolment of a token, in any state, or
// ErrNotFound.
func (s *Store) EnrolmentAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, of [32]byte) (authz.Enrolment, error) {
	var r enrolmentRow
	if err := s.reader(ctx).Where("digest = ? AND issuer = ?", digest(of), issuer).Take(&r).Error; err != nil {
		return authz.Enrolment{}, failure(ctx, "finding an enrolment", err)
	}
	return authz.Enrolment{
		Digest: r.Digest, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, UserID: r.UserID, State: r.State, CreatedBy: r.CreatedBy,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}, nil
}

// UseEnrolment uses a link up that is good at now; ErrConsumed when it is not.
func (s *Store) UseEnrolment(ctx context.Context, e authz.Enrolment, now time.Time) error {
	done := s.writer(ctx).Model(&enrolmentRow{}).Where("digest = ? AND issuer = ? AND workspace_id = ?", digest(e.Digest), e.Issuer, e.WorkspaceID).
		Where("state = 'active' AND expires_at > ?", utc(now)).UpdateColumns(map[string]any{"state": authz.Used})
	return changed(ctx, "using an enrolment", done, authz.ErrConsumed)
}
