package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type keyCallerRow struct {
	KeyID       authz.KeyID
	IP          string `gorm:"column:ip"`
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	FirstAt     time.Time
	LastAt      time.Time
}

// TableName is the row's table.
func (keyCallerRow) TableName() string { return "key_callers" }

func (r keyCallerRow) caller() authz.KeyCaller {
	return authz.KeyCaller{IP: r.IP, FirstAt: r.FirstAt.UTC(), LastAt: r.LastAt.UTC()}
}

const (
	// maxCallers bounds the addresses that are kept of one key: the latest.
	maxCallers = 64

	keysInGrace   = `SELECT id, workspace_id FROM api_keys WHERE issuer = ? AND state = 'grace' AND id IN ?`
	noteKeyCaller = `INSERT INTO key_callers (key_id, ip, issuer, workspace_id, first_at, last_at)
	SELECT k.id, ?, k.issuer, k.workspace_id, ?, ? FROM api_keys k WHERE k.id = ? AND k.issuer || '' = ? AND k.workspace_id = ?
	ON CONFLICT (key_id, ip) DO UPDATE SET last_at = excluded.last_at WHERE key_callers.last_at < excluded.last_at`
	dropOldCallers = `DELETE FROM key_callers WHERE key_id = ? AND ip NOT IN (
	SELECT ip FROM key_callers WHERE key_id = ? ORDER BY last_at DESC, ip LIMIT ?)`
)

// noteKeyCallers writes down from where keys in grace were used: who that is is
// asked of no other key. It belongs into the transaction that notes the uses.
func (s *Store) noteKeyCallers(ctx context.Context, issuer authz.IssuerName, uses []authz.KeyUse) error {
	callers := make(map[authz.KeyID][]authz.KeyCaller)
	var ids []authz.KeyID
	for _, u := range uses {
		if len(u.Callers) > 0 {
			ids = append(ids, u.KeyID)
			callers[u.KeyID] = u.Callers
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var replaced []struct {
		ID          authz.KeyID
		WorkspaceID authz.WorkspaceID
	}
	if err := s.writer(ctx).Raw(keysInGrace, issuer, ids).Scan(&replaced).Error; err != nil {
		return failure(ctx, "finding replaced keys that are used", err)
	}
	for _, k := range replaced {
		for _, c := range callers[k.ID] {
			err := s.writer(ctx).Exec(noteKeyCaller, c.IP, utc(c.FirstAt), utc(c.LastAt), k.ID, issuer, k.WorkspaceID).Error
			if err != nil {
				return failure(ctx, "noting from where a key is used", err)
			}
		}
		if err := s.writer(ctx).Exec(dropOldCallers, k.ID, k.ID, maxCallers).Error; err != nil {
			return failure(ctx, "forgetting from where a key was used", err)
		}
	}
	return nil
}

// ListKeyCallers lists from where a workspace's key was used while it was in
// grace, the latest first: at most 64 addresses.
func (s *Store) ListKeyCallers(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID) ([]authz.KeyCaller, error) {
	var rows []keyCallerRow
	err := s.reader(ctx).Where("key_id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).
		Order("last_at DESC, ip").Limit(maxCallers).Find(&rows).Error
	return mapped(rows, keyCallerRow.caller), failure(ctx, "listing from where a key is used", err)
}
