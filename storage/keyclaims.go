package storage

import (
	"context"
	"database/sql"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type keyClaimRow struct {
	KeyID         authz.KeyID
	Issuer        authz.IssuerName
	WorkspaceID   authz.WorkspaceID
	PredecessorID authz.KeyID
	Sealed        []byte
	ClaimedBy     string
	ClaimedAt     sql.NullTime
	ExpiresAt     time.Time
}

// TableName is the row's table.
func (keyClaimRow) TableName() string { return "key_claims" }

// CreateKeyClaim stores the sealed text of a key; ErrConflict when it has one.
func (s *Store) CreateKeyClaim(ctx context.Context, c authz.KeyClaim) error {
	err := s.writer(ctx).Create(&keyClaimRow{
		KeyID: c.KeyID, Issuer: c.Issuer, WorkspaceID: c.WorkspaceID, PredecessorID: c.Predecessor, Sealed: c.Sealed,
		ClaimedBy: c.ClaimedBy, ClaimedAt: optional(c.ClaimedAt), ExpiresAt: utc(c.ExpiresAt),
	}).Error
	return failure(ctx, "keeping the text of a key", err)
}

// GetKeyClaim returns the sealed text of a workspace's key that has not expired
// at now, or ErrNotFound.
func (s *Store) GetKeyClaim(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, now time.Time) (authz.KeyClaim, error) {
	var r keyClaimRow
	err := s.reader(ctx).Where("key_id = ? AND issuer = ? AND workspace_id = ? AND expires_at > ?", id, issuer, ws, utc(now)).Take(&r).Error
	if err != nil {
		return authz.KeyClaim{}, failure(ctx, "reading the text of a key", err)
	}
	return authz.KeyClaim{
		KeyID: r.KeyID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Predecessor: r.PredecessorID, Sealed: r.Sealed,
		ClaimedBy: r.ClaimedBy, ClaimedAt: instant(r.ClaimedAt), ExpiresAt: r.ExpiresAt.UTC(),
	}, nil
}

// ClaimKey gives the text of a key to the first who asks, keeps it until then
// for the same one alone, and writes down with the key who that was. moved is
// false when somebody was first, or the text is not there any more.
func (s *Store) ClaimKey(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, by string, at, until time.Time) (moved bool, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&keyClaimRow{}).
			Where("key_id = ? AND issuer = ? AND workspace_id = ? AND claimed_by = '' AND expires_at > ?", id, issuer, ws, utc(at)).
			UpdateColumns(map[string]any{"claimed_by": by, "claimed_at": utc(at), "expires_at": utc(until)})
		if moved = done.RowsAffected == 1; done.Error != nil || !moved {
			return done.Error
		}
		return s.writer(ctx).Model(&apiKeyRow{}).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).
			UpdateColumns(map[string]any{"handed_to": by}).Error
	})
	return moved && err == nil, failure(ctx, "claiming the text of a key", err)
}

// MoveKeyClaim moves the end of a text that nobody has claimed.
func (s *Store) MoveKeyClaim(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, until time.Time) error {
	done := s.writer(ctx).Model(&keyClaimRow{}).
		Where("key_id = ? AND issuer = ? AND workspace_id = ? AND claimed_by = ''", id, issuer, ws).
		UpdateColumns(map[string]any{"expires_at": utc(until)})
	return failure(ctx, "moving the end of the text of a key", done.Error)
}

// DropKeyClaim forgets the text of a key, whoever waits for it.
func (s *Store) DropKeyClaim(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID) error {
	done := s.writer(ctx).Where("key_id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Delete(&keyClaimRow{})
	return failure(ctx, "forgetting the text of a key", done.Error)
}
