package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type signingKeyRow struct {
	Issuer      authz.IssuerName
	KID         string `gorm:"column:kid"`
	Algorithm   string
	Period      int64
	Public      []byte
	Sealed      []byte
	PublishedAt time.Time
	ActiveAt    time.Time
	RetiredAt   time.Time
	RemoveAt    time.Time
}

// TableName is the row's table.
func (signingKeyRow) TableName() string { return "signing_keys" }

// maxSigningKeys bounds an issuer's list.
const maxSigningKeys = 200

// ListSigningKeys lists an issuer's keys, at most 200, the one that became or
// becomes active last first.
func (s *Store) ListSigningKeys(ctx context.Context, issuer authz.IssuerName) ([]authz.SigningKey, error) {
	var rows []signingKeyRow
	err := s.reader(ctx).Where("issuer = ?", issuer).Order("active_at DESC, kid").Limit(maxSigningKeys).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing signing keys", err)
	}
	keys := make([]authz.SigningKey, len(rows))
	for i, r := range rows {
		keys[i] = authz.SigningKey{
			KID: r.KID, Issuer: r.Issuer, Algorithm: r.Algorithm, Period: r.Period, Public: r.Public, Sealed: r.Sealed,
			PublishedAt: r.PublishedAt.UTC(), ActiveAt: r.ActiveAt.UTC(), RetiredAt: r.RetiredAt.UTC(), RemoveAt: r.RemoveAt.UTC(),
		}
	}
	return keys, nil
}

// CreateSigningKey stores a new key; ErrConflict when the algorithm has one
// for its period, by another process that was first.
func (s *Store) CreateSigningKey(ctx context.Context, k authz.SigningKey) error {
	err := s.writer(ctx).Create(&signingKeyRow{
		Issuer: k.Issuer, KID: k.KID, Algorithm: k.Algorithm, Period: k.Period, Public: k.Public, Sealed: k.Sealed,
		PublishedAt: utc(k.PublishedAt), ActiveAt: utc(k.ActiveAt), RetiredAt: utc(k.RetiredAt), RemoveAt: utc(k.RemoveAt),
	}).Error
	return failure(ctx, "creating a signing key", err)
}

// DeleteSigningKeysRemovedBefore deletes the keys that left the JWKS before t
// and returns how many.
func (s *Store) DeleteSigningKeysRemovedBefore(ctx context.Context, issuer authz.IssuerName, t time.Time) (int64, error) {
	done := s.writer(ctx).Where("issuer = ? AND remove_at < ?", issuer, utc(t)).Delete(&signingKeyRow{})
	return done.RowsAffected, failure(ctx, "deleting signing keys", done.Error)
}
