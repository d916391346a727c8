package storage

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type registrationTokenRow struct {
	Digest      digest
	ID          string
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Environment authz.Environment
	Profile     authz.ClientProfile
	Uses        int
	MadeBy      string
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// TableName is the row's table.
func (registrationTokenRow) TableName() string { return "registration_tokens" }

// CreateRegistrationToken stores a new initial access token; ErrConflict when
// its digest or id is taken.
func (s *Store) CreateRegistrationToken(ctx context.Context, t authz.RegistrationToken) error {
	err := s.writer(ctx).Create(&registrationTokenRow{
		Digest: t.Digest, ID: t.ID, Issuer: t.Issuer, WorkspaceID: t.WorkspaceID, Environment: t.Environment, Profile: t.Profile,
		Uses: t.Uses, MadeBy: t.MadeBy, CreatedAt: utc(t.CreatedAt), ExpiresAt: utc(t.ExpiresAt),
	}).Error
	return failure(ctx, "creating a registration token", err)
}

// GetRegistrationToken returns an initial access token, used up or expired ones
// too, or ErrNotFound.
func (s *Store) GetRegistrationToken(ctx context.Context, issuer authz.IssuerName, of [32]byte) (authz.RegistrationToken, error) {
	var r registrationTokenRow
	if err := s.reader(ctx).Where("digest = ? AND issuer = ?", digest(of), issuer).Take(&r).Error; err != nil {
		return authz.RegistrationToken{}, failure(ctx, "reading a registration token", err)
	}
	return authz.RegistrationToken{
		Digest: r.Digest, ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Environment: r.Environment, Profile: r.Profile,
		Uses: r.Uses, MadeBy: r.MadeBy, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}, nil
}

// UseRegistrationToken takes one use of a token that has not expired at now. Of
// many who try, as many succeed as there are uses; ErrConsumed is for the
// others.
func (s *Store) UseRegistrationToken(ctx context.Context, issuer authz.IssuerName, of [32]byte, now time.Time) error {
	done := s.writer(ctx).Model(&registrationTokenRow{}).
		Where("digest = ? AND issuer = ? AND uses > 0 AND expires_at > ?", digest(of), issuer, utc(now)).
		UpdateColumns(map[string]any{"uses": gorm.Expr("uses - 1")})
	return changed(ctx, "using a registration token", done, authz.ErrConsumed)
}

// RevokeRegistrationToken deletes a workspace's token; moved is false when there is
// none of that id.
func (s *Store) RevokeRegistrationToken(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id string) (moved bool, err error) {
	done := s.writer(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Delete(&registrationTokenRow{})
	return done.RowsAffected == 1, failure(ctx, "revoking a registration token", done.Error)
}
