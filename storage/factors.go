package storage

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type factorRow struct {
	ID           authz.FactorID
	Issuer       authz.IssuerName
	WorkspaceID  authz.WorkspaceID
	UserID       authz.UserID
	Kind         authz.FactorKind
	Name         string
	State        authz.State
	Secret       []byte
	CredentialID []byte
	Credential   raw
	Counter      int64
	Synced       bool
	CreatedAt    time.Time
	LastUsedAt   sql.NullTime
}

// TableName is the row's table.
func (factorRow) TableName() string { return "factors" }

func (r factorRow) factor() authz.Factor {
	return authz.Factor{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, UserID: r.UserID, Kind: r.Kind, Name: r.Name, State: r.State,
		Secret: r.Secret, CredentialID: r.CredentialID, Credential: r.Credential.json(), Counter: r.Counter, Synced: r.Synced,
		CreatedAt: r.CreatedAt.UTC(), LastUsedAt: instant(r.LastUsedAt),
	}
}

// maxFactors is how many second factors a person has in a workspace at most.
const maxFactors = 20

// CreateFactor stores a new second factor; ErrConflict when the person has 20,
// or an authenticator app already, or when the passkey is somebody's.
func (s *Store) CreateFactor(ctx context.Context, f authz.Factor) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		held, err := s.ListFactors(ctx, f.Issuer, f.WorkspaceID, f.UserID)
		if err != nil {
			return err
		}
		if len(held) >= maxFactors {
			return fmt.Errorf("creating a factor: %w", authz.ErrConflict)
		}
		err = s.writer(ctx).Create(&factorRow{
			ID: f.ID, Issuer: f.Issuer, WorkspaceID: f.WorkspaceID, UserID: f.UserID, Kind: f.Kind, Name: f.Name, State: f.State,
			Secret: f.Secret, CredentialID: f.CredentialID, Credential: raw(f.Credential), Counter: f.Counter, Synced: f.Synced,
			CreatedAt: utc(f.CreatedAt), LastUsedAt: optional(f.LastUsedAt),
		}).Error
		return failure(ctx, "creating a factor", err)
	})
}

// ListFactors lists a person's second factors in a workspace, oldest first.
func (s *Store) ListFactors(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) ([]authz.Factor, error) {
	var rows []factorRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND user_id = ?", issuer, ws, user).
		Order("created_at, id").Limit(maxFactors).Find(&rows).Error
	return mapped(rows, factorRow.factor), failure(ctx, "listing factors", err)
}

// FactorByCredentialAcrossWorkspaces returns the factor of a passkey, in any
// state, or ErrNotFound.
func (s *Store) FactorByCredentialAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, credential []byte) (authz.Factor, error) {
	var r factorRow
	if err := s.reader(ctx).Where("issuer = ? AND credential_id = ?", issuer, credential).Take(&r).Error; err != nil {
		return authz.Factor{}, failure(ctx, "finding a passkey", err)
	}
	return r.factor(), nil
}

// UseFactor moves the counter of an active factor on, with what is to be kept
// of this use. ErrConsumed when the counter is there, or past it, already: what
// was shown was shown before. An authenticator that does not count stays at 0.
func (s *Store) UseFactor(ctx context.Context, f authz.Factor) error {
	done := s.writer(ctx).Model(&factorRow{}).
		Where("id = ? AND issuer = ? AND workspace_id = ? AND user_id = ? AND state = 'active'", f.ID, f.Issuer, f.WorkspaceID, f.UserID).
		Where("(counter < ? OR kind = 'passkey' AND counter = 0 AND ? = 0)", f.Counter, f.Counter).
		UpdateColumns(map[string]any{"counter": f.Counter, "synced": f.Synced, "credential": raw(f.Credential), "last_used_at": optional(f.LastUsedAt)})
	return changed(ctx, "using a factor", done, authz.ErrConsumed)
}

// DisableFactor puts an active factor out of use, for its person to see;
// ErrNotFound when there is none.
func (s *Store) DisableFactor(ctx context.Context, f authz.Factor) error {
	done := s.writer(ctx).Model(&factorRow{}).
		Where("id = ? AND issuer = ? AND workspace_id = ? AND user_id = ? AND state = 'active'", f.ID, f.Issuer, f.WorkspaceID, f.UserID).
		UpdateColumns(map[string]any{"state": authz.Disabled})
	return changed(ctx, "disabling a factor", done, authz.ErrNotFound)
}

// DeleteFactor forgets a factor, or answers ErrNotFound.
func (s *Store) DeleteFactor(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, id authz.FactorID) error {
	done := s.writer(ctx).Where("id = ? AND issuer = ? AND workspace_id = ? AND user_id = ?", id, issuer, ws, user).Delete(&factorRow{})
	return changed(ctx, "deleting a factor", done, authz.ErrNotFound)
}

// DeleteFactors forgets all that a person proves themselves with in a
// workspace, and says how many factors that were.
func (s *Store) DeleteFactors(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (deleted int64, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Where("issuer = ? AND workspace_id = ? AND user_id = ?", issuer, ws, user).Delete(&factorRow{})
		if deleted = done.RowsAffected; done.Error != nil {
			return failure(ctx, "deleting factors", done.Error)
		}
		return s.ReplaceRecoveryCodes(ctx, issuer, ws, user, nil)
	})
	return deleted, err
}

// HoldPerson lets nobody else hold a person of the workspace, or an operator
// where it is empty, until the transaction ends: what is decided from all of
// their factors stays true. ErrNotFound when they are none.
func (s *Store) HoldPerson(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) error {
	row := s.writer(ctx).Model(&memberRow{})
	if ws == "" {
		row = s.writer(ctx).Model(&localAccountRow{})
	}
	held := row.Where("issuer = ? AND workspace_id = ? AND user_id = ?", issuer, ws, user).UpdateColumns(map[string]any{"created_at": gorm.Expr("created_at")})
	return changed(ctx, "holding a person", held, authz.ErrNotFound)
}
