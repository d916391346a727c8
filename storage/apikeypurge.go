package storage

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const (
	revokedKeys = `SELECT id, issuer, service_account_id FROM api_keys
	WHERE purge_at IS NOT NULL AND purge_at <= ? AND state = 'revoked' ORDER BY purge_at LIMIT ?`
	expiredKeys = `SELECT id, issuer, service_account_id FROM api_keys
	WHERE issuer = ? AND expires_at IS NOT NULL AND expires_at <= ? AND state <> 'revoked' ORDER BY expires_at LIMIT ?`
	replacedKeys = `SELECT id, issuer, service_account_id FROM api_keys
	WHERE issuer = ? AND grace_until IS NOT NULL AND grace_until <= ? AND state <> 'revoked' ORDER BY grace_until LIMIT ?`

	deleteAPIKey           = `DELETE FROM api_keys WHERE id = ? AND issuer = ?`
	deleteLeakOfKey        = `DELETE FROM key_leaks WHERE issuer = ? AND key_id = ?`
	deleteLeakSourcesOfKey = `DELETE FROM key_leak_sources WHERE issuer = ? AND key_id = ?`
	deleteImportOfKey      = `DELETE FROM imported_keys WHERE issuer = ? AND key_id = ?`
	deleteDeliveryOfKey    = `DELETE FROM key_deliveries WHERE issuer = ? AND key_id = ?`
	deleteCallersOfKey     = `DELETE FROM key_callers WHERE issuer = ? AND key_id = ?`
	deleteStandingOfKey    = `DELETE FROM grants WHERE standing AND state = 'active' AND issuer = ? AND client_id = ? AND key_id = ?`
)

// keyName is what the rows of a key are found by.
type keyName struct {
	ID               authz.KeyID
	Issuer           authz.IssuerName
	ServiceAccountID authz.ServiceAccountID
}

// PurgeAPIKeysAcrossWorkspaces deletes at most limit revoked keys whose time
// has come at now, with their standing grants, and returns how many.
func (s *Store) PurgeAPIKeysAcrossWorkspaces(ctx context.Context, now time.Time, limit int) (int64, error) {
	return s.purgeKeys(ctx, func(db *gorm.DB) *gorm.DB { return db.Raw(revokedKeys, utc(now), limit) })
}

// PurgeEndedAPIKeysAcrossWorkspaces is PurgeAPIKeysAcrossWorkspaces for the keys
// of an issuer that expired, or whose grace was over, at the moment or before;
// limit is for each of the two.
func (s *Store) PurgeEndedAPIKeysAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, before time.Time, limit int) (int64, error) {
	expired, err := s.purgeKeys(ctx, func(db *gorm.DB) *gorm.DB { return db.Raw(expiredKeys, issuer, utc(before), limit) })
	if err != nil {
		return expired, err
	}
	replaced, err := s.purgeKeys(ctx, func(db *gorm.DB) *gorm.DB { return db.Raw(replacedKeys, issuer, utc(before), limit) })
	return expired + replaced, err
}

// purgeKeys deletes the keys that list finds. Both are one transaction: what is
// no longer to be purged when it commits is not listed in it.
func (s *Store) purgeKeys(ctx context.Context, list func(*gorm.DB) *gorm.DB) (purged int64, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		purged = 0
		var keys []keyName
		if err := list(s.writer(ctx)).Scan(&keys).Error; err != nil {
			return failure(ctx, "finding API keys to purge", err)
		}
		for _, k := range keys {
			if err := s.writer(ctx).Exec(deleteStandingOfKey, k.Issuer, k.ServiceAccountID, k.ID).Error; err != nil {
				return failure(ctx, "purging the grants of an API key", err)
			}
			err := s.writer(ctx).Exec(deleteLeakOfKey, k.Issuer, k.ID).Error
			if err == nil {
				err = s.writer(ctx).Exec(deleteLeakSourcesOfKey, k.Issuer, k.ID).Error
			}
			if err == nil {
				err = s.writer(ctx).Exec(deleteImportOfKey, k.Issuer, k.ID).Error
			}
			if err == nil {
				err = s.writer(ctx).Exec(deleteDeliveryOfKey, k.Issuer, k.ID).Error
			}
			if err == nil {
				err = s.writer(ctx).Exec(deleteCallersOfKey, k.Issuer, k.ID).Error
			}
			if err != nil {
				return failure(ctx, "purging what is known of an API key", err)
			}
			done := s.writer(ctx).Exec(deleteAPIKey, k.ID, k.Issuer)
			if done.Error != nil {
				return failure(ctx, "purging an API key", done.Error)
			}
			purged += done.RowsAffected
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return purged, nil
}
