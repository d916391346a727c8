package storage

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type keyDeliveryRow struct {
	KeyID         authz.KeyID
	Issuer        authz.IssuerName
	WorkspaceID   authz.WorkspaceID
	PredecessorID authz.KeyID
	DestinationID authz.DestinationID
	EventID       string
	State         authz.KeyDeliveryState
	Attempts      int
	NextAttempt   time.Time
	LastError     string
	Payload       []byte
	CreatedAt     time.Time
	ExpiresAt     time.Time
	DeliveredAt   sql.NullTime
}

// TableName is the row's table.
func (keyDeliveryRow) TableName() string { return "key_deliveries" }

func (r keyDeliveryRow) delivery() authz.KeyDelivery {
	return authz.KeyDelivery{
		KeyID: r.KeyID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Predecessor: r.PredecessorID, Destination: r.DestinationID, EventID: r.EventID,
		State: r.State, Attempts: r.Attempts, NextAttempt: r.NextAttempt.UTC(), LastError: r.LastError, Payload: r.Payload,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), DeliveredAt: instant(r.DeliveredAt),
	}
}

// CreateKeyDelivery stores a delivery, due when it says.
func (s *Store) CreateKeyDelivery(ctx context.Context, d authz.KeyDelivery) error {
	err := s.writer(ctx).Create(&keyDeliveryRow{
		KeyID: d.KeyID, Issuer: d.Issuer, WorkspaceID: d.WorkspaceID, PredecessorID: d.Predecessor, DestinationID: d.Destination, EventID: d.EventID,
		State: d.State, Attempts: d.Attempts, NextAttempt: utc(d.NextAttempt), LastError: shortened(d.LastError), Payload: d.Payload,
		CreatedAt: utc(d.CreatedAt), ExpiresAt: utc(d.ExpiresAt), DeliveredAt: optional(d.DeliveredAt),
	}).Error
	return failure(ctx, "storing the delivery of a key", err)
}

// GetKeyDelivery returns the delivery of a workspace's key, or ErrNotFound.
func (s *Store) GetKeyDelivery(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID) (authz.KeyDelivery, error) {
	var r keyDeliveryRow
	if err := s.reader(ctx).Where("key_id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Take(&r).Error; err != nil {
		return authz.KeyDelivery{}, failure(ctx, "reading the delivery of a key", err)
	}
	return r.delivery(), nil
}

// GetKeyDeliveryAcrossWorkspaces is GetKeyDelivery in whichever workspace.
func (s *Store) GetKeyDeliveryAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.KeyID) (authz.KeyDelivery, error) {
	var r keyDeliveryRow
	if err := s.reader(ctx).Where("key_id = ? AND issuer = ?", id, issuer).Take(&r).Error; err != nil {
		return authz.KeyDelivery{}, failure(ctx, "reading the delivery of a key", err)
	}
	return r.delivery(), nil
}

const (
	dueKeyDeliveries = `SELECT key_id FROM key_deliveries WHERE state = 'pending' AND issuer = ? AND next_attempt <= ?
		ORDER BY next_attempt LIMIT ?`
	claimKeyDeliveries = `UPDATE key_deliveries SET attempts = attempts + 1, next_attempt = ? WHERE key_id IN (`
	returnDeliveries   = ` RETURNING *`
)

// ClaimKeyDeliveriesAcrossWorkspaces takes at most limit deliveries of an issuer
// that are due at now and hides them from others until the moment given.
// Attempts counts this one.
func (s *Store) ClaimKeyDeliveriesAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now, hidden time.Time, limit int) ([]authz.KeyDelivery, error) {
	var due []authz.KeyID // nothing is written where nothing is due
	if err := s.reader(ctx).Raw(dueKeyDeliveries, issuer, utc(now), 1).Scan(&due).Error; err != nil || len(due) == 0 {
		return nil, failure(ctx, "looking for deliveries of keys", err)
	}
	var rows []keyDeliveryRow
	var err error
	if s.driver == SQLite {
		err = s.writer(ctx).Raw(claimKeyDeliveries+dueKeyDeliveries+`)`+returnDeliveries, utc(hidden), issuer, utc(now), limit).Scan(&rows).Error
	} else {
		err = s.writer(ctx).Raw(claimKeyDeliveries+dueKeyDeliveries+` FOR UPDATE SKIP LOCKED)`+returnDeliveries, utc(hidden), issuer, utc(now), limit).Scan(&rows).Error
	}
	return mapped(rows, keyDeliveryRow.delivery), failure(ctx, "claiming deliveries of keys", err)
}

// FinishKeyDelivery notes that a delivery that was pending arrived, and forgets
// what was brought; or, without a time, that it was given up. moved is false
// when it was not pending.
func (s *Store) FinishKeyDelivery(ctx context.Context, d authz.KeyDelivery) (moved bool, err error) {
	done := s.writer(ctx).Model(&keyDeliveryRow{}).
		Where("key_id = ? AND issuer = ? AND workspace_id = ? AND state = 'pending'", d.KeyID, d.Issuer, d.WorkspaceID).
		UpdateColumns(map[string]any{
			"state": d.State, "last_error": shortened(d.LastError), "delivered_at": optional(d.DeliveredAt),
			"payload": gorm.Expr("CASE WHEN ? = 'delivered' THEN NULL ELSE payload END", string(d.State)),
		})
	return done.RowsAffected == 1, failure(ctx, "finishing the delivery of a key", done.Error)
}

// PutOffKeyDelivery makes a delivery that is pending, and was claimed so many
// times, due again.
func (s *Store) PutOffKeyDelivery(ctx context.Context, d authz.KeyDelivery) error {
	done := s.writer(ctx).Model(&keyDeliveryRow{}).
		Where("key_id = ? AND issuer = ? AND workspace_id = ? AND state = 'pending'", d.KeyID, d.Issuer, d.WorkspaceID).
		UpdateColumns(map[string]any{"next_attempt": utc(d.NextAttempt), "last_error": shortened(d.LastError), "attempts": d.Attempts})
	return failure(ctx, "putting off the delivery of a key", done.Error)
}

// RepeatKeyDelivery makes a delivery that was given up, or is pending, due at now,
// with all its attempts. moved is false when there is nothing left to bring.
func (s *Store) RepeatKeyDelivery(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, now time.Time) (moved bool, err error) {
	done := s.writer(ctx).Model(&keyDeliveryRow{}).
		Where("key_id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).
		Where("state IN ('pending', 'dead') AND payload IS NOT NULL AND expires_at > ?", utc(now)).
		UpdateColumns(map[string]any{"state": authz.DeliveryPending, "attempts": 0, "next_attempt": utc(now)})
	return done.RowsAffected == 1, failure(ctx, "repeating the delivery of a key", done.Error)
}
