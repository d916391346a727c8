package storage

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

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

// keyLeakSourceRow is when the people of a key were last told of one source.
type keyLeakSourceRow struct {
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	KeyID       authz.KeyID
	Source      string
	ToldAt      time.Time
}

// TableName is the row's table.
func (keyLeakSourceRow) TableName() string { return "key_leak_sources" }

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
	lightFuse = `UPDATE key_leaks SET disable_at = ? WHERE issuer = ? AND key_id = ? AND workspace_id = ? AND disable_at IS NULL`
)

// RecordKeyLeak counts a report of a leaked key, and lights its fuse, if
// l.DisableAt is set and none burns. tell is true when its people are to be told:
// for the first report by the source, for one when they were last told of that
// source at toldBefore or earlier, and for one that lights the fuse. It returns
// the leak as it stands.
func (s *Store) RecordKeyLeak(ctx context.Context, l authz.KeyLeak, toldBefore time.Time) (stands authz.KeyLeak, tell bool, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		lit, err := s.countKeyLeak(ctx, l)
		if err != nil {
			return err
		}
		told := s.writer(ctx).Clauses(toldAgain(toldBefore)).Create(&keyLeakSourceRow{
			Issuer: l.Issuer, WorkspaceID: l.WorkspaceID, KeyID: l.KeyID, Source: l.Source, ToldAt: utc(l.ToldAt),
		})
		if tell = lit || told.RowsAffected == 1; told.Error != nil {
			return told.Error
		}
		if tell {
			told = s.keyLeak(ctx, l.Issuer, l.WorkspaceID, l.KeyID).UpdateColumns(map[string]any{"told_at": utc(l.ToldAt)})
			if told.Error != nil {
				return told.Error
			}
		}
		var r keyLeakRow
		if err := s.keyLeak(ctx, l.Issuer, l.WorkspaceID, l.KeyID).Take(&r).Error; err != nil {
			return err
		}
		stands = r.keyLeak()
		return nil
	})
	return stands, tell && err == nil, failure(ctx, "recording a leaked key", err)
}

// toldAgain lets the people of a key be told again of one source, if that was at
// before or earlier. One source does not hush up another.
func toldAgain(before time.Time) clause.OnConflict {
	return clause.OnConflict{
		Columns: []clause.Column{{Name: "issuer"}, {Name: "key_id"}, {Name: "source"}}, DoUpdates: clause.AssignmentColumns([]string{"told_at"}),
		Where: clause.Where{Exprs: []clause.Expression{clause.Lte{Column: "key_leak_sources.told_at", Value: utc(before)}}},
	}
}

// countKeyLeak counts a report. lit is whether it lights the fuse.
func (s *Store) countKeyLeak(ctx context.Context, l authz.KeyLeak) (lit bool, err error) {
	made := s.writer(ctx).Exec(insertKeyLeak, l.Issuer, l.WorkspaceID, l.KeyID, l.Source, utc(l.FirstAt), utc(l.ToldAt), optional(l.DisableAt))
	if made.Error != nil || made.RowsAffected == 1 {
		return !l.DisableAt.IsZero(), made.Error
	}
	again := s.keyLeak(ctx, l.Issuer, l.WorkspaceID, l.KeyID).UpdateColumns(map[string]any{"reports": gorm.Expr("reports + 1")})
	if again.Error != nil || l.DisableAt.IsZero() {
		return false, again.Error
	}
	fuse := s.writer(ctx).Exec(lightFuse, utc(l.DisableAt), l.Issuer, l.KeyID, l.WorkspaceID)
	return fuse.RowsAffected == 1, fuse.Error
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
	return mapped(rows, keyLeakRow.keyLeak), nil
}

// ClearFuse takes the time to disable a key away, if it has come at now. moved
// is false when somebody did.
func (s *Store) ClearFuse(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, now time.Time) (moved bool, err error) {
	done := s.keyLeak(ctx, issuer, ws, id).Where("disable_at IS NOT NULL AND disable_at <= ?", utc(now)).
		UpdateColumns(map[string]any{"disable_at": nil})
	return done.RowsAffected == 1, failure(ctx, "clearing a fuse", done.Error)
}
