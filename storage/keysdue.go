package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// What can be rotated: what stands, with all it hangs on, and whose predecessor
// is not valid any more.
const (
	dueKeys = `SELECT k.* FROM api_keys k
	LEFT JOIN workspaces w ON w.id = k.workspace_id AND w.issuer || '' = k.issuer
	LEFT JOIN accounts a ON a.id = k.account_id AND a.issuer || '' = k.issuer
	JOIN service_accounts sa ON sa.id = k.service_account_id AND sa.issuer || '' = k.issuer
	LEFT JOIN api_keys p ON p.id = k.predecessor_id AND p.issuer || '' = k.issuer
	WHERE k.issuer = ? AND k.state = 'active' AND (k.expires_at IS NULL OR k.expires_at > ?)
	AND (k.workspace_id = '' OR w.state = 'active' AND a.state = 'active') AND sa.state = 'active'
	AND (p.id IS NULL OR p.state NOT IN ('active', 'grace') OR p.grace_until <= ? OR p.expires_at <= ?)`

	dueBySchedule = dueKeys + ` AND k.rotate_at <= ? ORDER BY k.rotate_at, k.id LIMIT ?`
	dueByAge      = dueKeys + ` AND k.created_at <= ? ORDER BY k.created_at, k.id LIMIT ?`
	dueByPolicy   = dueKeys + ` AND k.created_at <= ? AND k.workspace_id IN (
	SELECT workspace_id FROM key_policies WHERE issuer = ? AND enforce_rotation)
	ORDER BY k.created_at, k.id LIMIT ?`
)

// KeysDueAcrossWorkspaces lists keys of an issuer whose own schedule is due at
// now.
func (s *Store) KeysDueAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now time.Time, limit int) ([]authz.APIKey, error) {
	var rows []apiKeyRow
	now = utc(now)
	err := s.reader(ctx).Raw(dueBySchedule, issuer, now, now, now, now, limit).Scan(&rows).Error
	return mapped(rows, apiKeyRow.apiKey), failure(ctx, "listing keys that are due", err)
}

// KeysOlderAcrossWorkspaces lists keys of an issuer that can be rotated at now
// and were made at the moment or before.
func (s *Store) KeysOlderAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now, made time.Time, limit int) ([]authz.APIKey, error) {
	var rows []apiKeyRow
	now = utc(now)
	err := s.reader(ctx).Raw(dueByAge, issuer, now, now, now, utc(made), limit).Scan(&rows).Error
	return mapped(rows, apiKeyRow.apiKey), failure(ctx, "listing keys that are old", err)
}

// KeysEnforcedAcrossWorkspaces is KeysOlderAcrossWorkspaces for the workspaces
// that enforce rotation.
func (s *Store) KeysEnforcedAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now, made time.Time, limit int) ([]authz.APIKey, error) {
	var rows []apiKeyRow
	now = utc(now)
	err := s.reader(ctx).Raw(dueByPolicy, issuer, now, now, now, utc(made), issuer, limit).Scan(&rows).Error
	return mapped(rows, apiKeyRow.apiKey), failure(ctx, "listing keys that are old where that is enforced", err)
}

const endingKeys = `SELECT * FROM api_keys WHERE issuer = ? AND state = 'grace' AND NOT grace_warned
	AND grace_until > ? AND grace_until <= ? ORDER BY grace_until, id LIMIT ?`

// KeysEndingAcrossWorkspaces lists keys of an issuer whose grace ends after now,
// at the moment or before, and of which nobody was told.
func (s *Store) KeysEndingAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now, end time.Time, limit int) ([]authz.APIKey, error) {
	var rows []apiKeyRow
	err := s.reader(ctx).Raw(endingKeys, issuer, utc(now), utc(end), limit).Scan(&rows).Error
	return mapped(rows, apiKeyRow.apiKey), failure(ctx, "listing keys whose grace is about to end", err)
}

// WarnOfKey notes that the people of a key are told of the end of its grace;
// moved is false when they were before, or the grace was moved.
func (s *Store) WarnOfKey(ctx context.Context, k authz.APIKey) (moved bool, err error) {
	done := s.writer(ctx).Model(&apiKeyRow{}).
		Where("id = ? AND issuer = ? AND workspace_id = ?", k.ID, k.Issuer, k.WorkspaceID).
		Where("revision = ? AND NOT grace_warned", k.Revision).UpdateColumns(map[string]any{"grace_warned": true})
	return done.RowsAffected == 1, failure(ctx, "warning of the end of a key", done.Error)
}
