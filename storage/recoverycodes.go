package storage

import (
	"context"
	"database/sql"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type recoveryCodeRow struct {
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	UserID      authz.UserID
	Lookup      string
	Hash        string
	CreatedAt   time.Time
	UsedAt      sql.NullTime
}

// TableName is the row's table.
func (recoveryCodeRow) TableName() string { return "recovery_codes" }

// ReplaceRecoveryCodes gives a person these codes and no others.
func (s *Store) ReplaceRecoveryCodes(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, codes []authz.RecoveryCode) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		err := s.writer(ctx).Where("issuer = ? AND workspace_id = ? AND user_id = ?", issuer, ws, user).Delete(&recoveryCodeRow{}).Error
		if err != nil || len(codes) == 0 {
			return failure(ctx, "deleting recovery codes", err)
		}
		rows := mapped(codes, func(c authz.RecoveryCode) recoveryCodeRow {
			return recoveryCodeRow{Issuer: issuer, WorkspaceID: ws, UserID: user, Lookup: c.Lookup, Hash: c.Hash, CreatedAt: utc(c.CreatedAt)}
		})
		return failure(ctx, "creating recovery codes", s.writer(ctx).Create(&rows).Error)
	})
}

// RecoveryCodesLeft counts a person's codes that were not used.
func (s *Store) RecoveryCodesLeft(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (int64, error) {
	var n int64
	err := s.reader(ctx).Model(&recoveryCodeRow{}).
		Where("issuer = ? AND workspace_id = ? AND user_id = ? AND used_at IS NULL", issuer, ws, user).Count(&n).Error
	return n, failure(ctx, "counting recovery codes", err)
}

// GetRecoveryCode returns a code that was not used, or ErrNotFound.
func (s *Store) GetRecoveryCode(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, lookup string) (authz.RecoveryCode, error) {
	var r recoveryCodeRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND user_id = ?", issuer, ws, user).
		Where("lookup = ? AND used_at IS NULL", lookup).Take(&r).Error
	if err != nil {
		return authz.RecoveryCode{}, failure(ctx, "reading a recovery code", err)
	}
	return authz.RecoveryCode{Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, UserID: r.UserID, Lookup: r.Lookup, Hash: r.Hash, CreatedAt: r.CreatedAt.UTC()}, nil
}

// UseRecoveryCode uses a code up; ErrConsumed when it was used, or replaced.
func (s *Store) UseRecoveryCode(ctx context.Context, c authz.RecoveryCode, at time.Time) error {
	done := s.writer(ctx).Model(&recoveryCodeRow{}).
		Where("issuer = ? AND workspace_id = ? AND user_id = ?", c.Issuer, c.WorkspaceID, c.UserID).
		Where("lookup = ? AND hash = ? AND used_at IS NULL", c.Lookup, c.Hash).UpdateColumns(map[string]any{"used_at": optional(at)})
	return changed(ctx, "using a recovery code", done, authz.ErrConsumed)
}
