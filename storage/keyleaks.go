package storage

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type keyLeakRow struct {
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	KeyID       authz.KeyID
	Source      string
	FirstAt     time.Time
	ToldAt      time.Time
	Reports     int64
	DisableAt   sql.NullTime
}

// TableName is the row's table.
func (keyLeakRow) TableName() string { return "key_leaks" }

func (r keyLeakRow) keyLeak() authz.KeyLeak {
	return authz.KeyLeak{
		Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, KeyID: r.KeyID, Source: r.Source, FirstAt: r.FirstAt.UTC(),
		ToldAt: r.ToldAt.UTC(), Reports: r.Reports, DisableAt: instant(r.DisableAt),
	}
}

const (
	insertKeyLeak = `INSERT INTO key_leaks (issuer, workspace_id, key_id, source, first_at, told_at, reports, disable_at)
		VALUES (?, ?, ?, ?, ?, ?, 1, ?) ON CONFLICT (issuer, key_id) DO NOTHING`
	// A fuse that burns is not made longer.
	tellKeyLeak = `UPDATE key_leaks SET reports = reports + 1, told_at = ?, disable_at = COALESCE(disable_at, ?)
		WHERE issuer = ? AND key_id = ? AND workspace_id = ? AND told_at <= ?`
)

// RecordKeyLeak counts a report of a leaked key. fresh is true for the first
// one, and for one when its people were last told at toldBefore or earlier; then
// ToldAt is new, and DisableAt is unless it was there. It returns the leak as it
// stands.
func (s *Store) RecordKeyLeak(ctx context.Context, l authz.KeyLeak, toldBefore time.Time) (stands authz.KeyLeak, fresh bool, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		made := s.writer(ctx).Exec(insertKeyLeak, l.Issuer, l.WorkspaceID, l.KeyID, l.Source, utc(l.FirstAt), utc(l.ToldAt), optional(l.DisableAt))
		if fresh = made.RowsAffected == 1; made.Error != nil {
			return made.Error
		}
		if !fresh {
			again := s.writer(ctx).Exec(tellKeyLeak, utc(l.ToldAt), optional(l.DisableAt), l.Issuer, l.KeyID, l.WorkspaceID, utc(toldBefore))
			if fresh = again.RowsAffected == 1; again.Error != nil {
				return again.Error
			}
			if !fresh {
				return s.keyLeak(ctx, l.Issuer, l.WorkspaceID, l.KeyID).UpdateColumns(map[string]any{"reports": gorm.Expr("reports + 1")}).Error
			}
		}
		var r keyLeakRow
		if err := s.keyLeak(ctx, l.Issuer, l.WorkspaceID, l.KeyID).Take(&r).Error; err != nil {
			return err
		}
		stands = r.keyLeak()
		return nil
	})
	return stands, fresh && err == nil, failure(ctx, "recording a leaked key", err)
}

func (s *Store) keyLeak(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID) *gorm.DB {
	return s.writer(ctx).Model(&keyLeakRow{}).Where("issuer = ? AND key_id = ? AND workspace_id = ?", issuer, id, ws)
}

// ListKeyLeaksDueAcrossWorkspaces lists the leaked keys that are to be disabled
// at now or were before, the longest due first.
func (s *Store) ListKeyLeaksDueAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now time.Time, limit int) ([]authz.KeyLeak, error) {
	var rows []keyLeakRow
	err := s.reader(ctx).Where("issuer = ? AND disable_at IS NOT NULL AND disable_at <= ?", issuer, utc(now)).
		Order("disable_at, key_id").Limit(min(limit, maxBatch)).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing leaked keys", err)
	}
	leaks := make([]authz.KeyLeak, len(rows))
	for i, r := range rows {
		leaks[i] = r.keyLeak()
	}
	return leaks, nil
}

// ClearFuse takes the time to disable a key away, if it has come at now. moved
// is false when somebody did.
func (s *Store) ClearFuse(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, now time.Time) (moved bool, err error) {
	done := s.keyLeak(ctx, issuer, ws, id).Where("disable_at IS NOT NULL AND disable_at <= ?", utc(now)).
		UpdateColumns(map[string]any{"disable_at": nil})
	return done.RowsAffected == 1, failure(ctx, "clearing a fuse", done.Error)
}
