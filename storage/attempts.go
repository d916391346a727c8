package storage

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type attemptsRow struct {
	Digest      digest
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Count       int64
	Strikes     int64
	Until       time.Time
	ExpiresAt   time.Time
}

// TableName is the row's table.
func (attemptsRow) TableName() string { return "factor_attempts" }

func (r attemptsRow) attempts() authz.Attempts {
	return authz.Attempts{
		Digest: r.Digest, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Count: r.Count, Strikes: r.Strikes,
		Until: r.Until.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}
}

// GetAttempts returns what was counted; none is the zero count.
func (s *Store) GetAttempts(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, of [32]byte) (authz.Attempts, error) {
	var r attemptsRow
	err := failure(ctx, "reading attempts", s.reader(ctx).Where("digest = ? AND issuer = ? AND workspace_id = ?", digest(of), issuer, ws).Take(&r).Error)
	if errors.Is(err, authz.ErrNotFound) {
		return authz.Attempts{Digest: of, Issuer: issuer, WorkspaceID: ws}, nil
	}
	return r.attempts(), err
}

// CountAttempt writes the next count if it is still the one that was read;
// ErrStale otherwise: somebody else tried at the same time.
func (s *Store) CountAttempt(ctx context.Context, read, next authz.Attempts) error {
	if read.Until.IsZero() {
		done := s.writer(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&attemptsRow{
			Digest: next.Digest, Issuer: next.Issuer, WorkspaceID: next.WorkspaceID, Count: next.Count, Strikes: next.Strikes,
			Until: utc(next.Until), ExpiresAt: utc(next.ExpiresAt),
		})
		return changed(ctx, "counting an attempt", done, authz.ErrStale)
	}
	done := s.writer(ctx).Model(&attemptsRow{}).Where("digest = ? AND issuer = ? AND workspace_id = ?", digest(read.Digest), read.Issuer, read.WorkspaceID).
		Where("count = ? AND strikes = ? AND until = ?", read.Count, read.Strikes, utc(read.Until)).
		UpdateColumns(map[string]any{"count": next.Count, "strikes": next.Strikes, "until": utc(next.Until), "expires_at": utc(next.ExpiresAt)})
	return changed(ctx, "counting an attempt", done, authz.ErrStale)
}

// ForgetAttempts forgets what was counted: somebody was right.
func (s *Store) ForgetAttempts(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, of [32]byte) error {
	err := s.writer(ctx).Where("digest = ? AND issuer = ? AND workspace_id = ?", digest(of), issuer, ws).Delete(&attemptsRow{}).Error
	return failure(ctx, "forgetting attempts", err)
}
