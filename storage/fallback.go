package storage

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type overrideRow struct {
	ConnectionID authz.ConnectionID
	Issuer       authz.IssuerName
	WorkspaceID  authz.WorkspaceID
	Reason       string
	MadeBy       string
	MadeAt       time.Time
	Until        time.Time `gorm:"column:until_at"`
}

// TableName is the row's table.
func (overrideRow) TableName() string { return "connection_overrides" }

type circuitRow struct {
	ConnectionID authz.ConnectionID
	Issuer       authz.IssuerName
	WorkspaceID  authz.WorkspaceID
	Counts       text[[]authz.CircuitCount]
	OpenedAt     sql.NullTime
	ProbeAt      sql.NullTime
	Good         int
	AlertedAt    sql.NullTime
	Revision     int64
}

// TableName is the row's table.
func (circuitRow) TableName() string { return "connection_circuits" }

func (r circuitRow) circuit() authz.Circuit {
	return authz.Circuit{
		Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, ConnectionID: r.ConnectionID, Counts: r.Counts.V, OpenedAt: instant(r.OpenedAt),
		ProbeAt: instant(r.ProbeAt), Good: r.Good, AlertedAt: instant(r.AlertedAt), Revision: r.Revision,
	}
}

// FallbackOf returns a connection's override, also one that is over, and its
// circuit; either is zero when there is none.
func (s *Store) FallbackOf(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, c authz.ConnectionID) (authz.Override, authz.Circuit, error) {
	var o overrideRow
	err := s.reader(ctx).Where("connection_id = ? AND issuer = ? AND workspace_id = ?", c, issuer, ws).Take(&o).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return authz.Override{}, authz.Circuit{}, failure(ctx, "reading an override", err)
	}
	var r circuitRow
	err = s.reader(ctx).Where("connection_id = ? AND issuer = ? AND workspace_id = ?", c, issuer, ws).Take(&r).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return authz.Override{}, authz.Circuit{}, failure(ctx, "reading a circuit", err)
	}
	override := authz.Override{
		Issuer: o.Issuer, WorkspaceID: o.WorkspaceID, ConnectionID: o.ConnectionID, Reason: o.Reason, MadeBy: o.MadeBy,
	}
	if o.ConnectionID != "" {
		override.MadeAt, override.Until = o.MadeAt.UTC(), o.Until.UTC()
	}
	return override, r.circuit(), nil
}

// PutOverride stores an override in place of the one before.
func (s *Store) PutOverride(ctx context.Context, o authz.Override) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.DropOverride(ctx, o.Issuer, o.WorkspaceID, o.ConnectionID); err != nil {
			return err
		}
		err := s.writer(ctx).Create(&overrideRow{
			ConnectionID: o.ConnectionID, Issuer: o.Issuer, WorkspaceID: o.WorkspaceID, Reason: o.Reason, MadeBy: o.MadeBy,
			MadeAt: utc(o.MadeAt), Until: utc(o.Until),
		}).Error
		return failure(ctx, "storing an override", err)
	})
}

// DropOverride deletes an override and reports whether there was one.
func (s *Store) DropOverride(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, c authz.ConnectionID) (bool, error) {
	done := s.writer(ctx).Where("connection_id = ? AND issuer = ? AND workspace_id = ?", c, issuer, ws).Delete(&overrideRow{})
	return done.RowsAffected == 1, failure(ctx, "dropping an override", done.Error)
}

// PutCircuit writes a circuit of which this revision was read. ErrConflict says
// that another was faster.
func (s *Store) PutCircuit(ctx context.Context, c authz.Circuit) error {
	if c.Revision == 0 {
		done := s.writer(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&circuitRow{
			ConnectionID: c.ConnectionID, Issuer: c.Issuer, WorkspaceID: c.WorkspaceID, Counts: asText(c.Counts),
			OpenedAt: optional(c.OpenedAt), ProbeAt: optional(c.ProbeAt), Good: c.Good, AlertedAt: optional(c.AlertedAt), Revision: 1,
		})
		return changed(ctx, "creating a circuit", done, authz.ErrConflict)
	}
	done := s.writer(ctx).Model(&circuitRow{}).
		Where("connection_id = ? AND issuer = ? AND workspace_id = ? AND revision = ?", c.ConnectionID, c.Issuer, c.WorkspaceID, c.Revision).
		UpdateColumns(map[string]any{
			"counts": asText(c.Counts), "opened_at": optional(c.OpenedAt), "probe_at": optional(c.ProbeAt), "good": c.Good,
			"alerted_at": optional(c.AlertedAt), "revision": c.Revision + 1,
		})
	return changed(ctx, "writing a circuit", done, authz.ErrConflict)
}

// CircuitsToProbeAcrossWorkspaces lists the issuer's open circuits whose probe
// is due, the longest waiting first.
func (s *Store) CircuitsToProbeAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now time.Time, limit int) ([]authz.Circuit, error) {
	var rows []circuitRow
	err := s.reader(ctx).Where("issuer = ? AND probe_at IS NOT NULL AND probe_at <= ?", issuer, utc(now)).
		Order("probe_at, connection_id").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing circuits to probe", err)
	}
	return mapped(rows, circuitRow.circuit), nil
}
