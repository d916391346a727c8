package storage

import (
	"context"
	"time"

	"gorm.io/gorm"
)

const (
	deleteExpiredCodes = `DELETE FROM authorization_codes WHERE digest IN (
		SELECT digest FROM authorization_codes WHERE expires_at <= ? AND state <> 'used' ORDER BY expires_at LIMIT ?)`
	deleteExpiredAccessTokens = `DELETE FROM access_tokens WHERE digest IN (
		SELECT digest FROM access_tokens WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`
	deleteExpiredRefreshTokens = `DELETE FROM refresh_tokens WHERE digest IN (
		SELECT digest FROM refresh_tokens WHERE expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT ?)`
	deleteExpiredRequests = `DELETE FROM authorization_requests WHERE id IN (
		SELECT id FROM authorization_requests WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`
	deleteExpiredPushed = `DELETE FROM pushed_requests WHERE digest IN (
		SELECT digest FROM pushed_requests WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`
	deleteExpiredReplays = `DELETE FROM replays WHERE digest IN (
		SELECT digest FROM replays WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`
	deleteExpiredUpstreamRefreshes = `DELETE FROM upstream_refreshes WHERE session_id IN (
		SELECT session_id FROM upstream_refreshes WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`
	deleteExpiredSetupLinks = `DELETE FROM setup_links WHERE id IN (
		SELECT id FROM setup_links WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`
	deleteExpiredJoinLinks = `DELETE FROM join_links WHERE id IN (
		SELECT id FROM join_links WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`
	deleteExpiredRegistrationTokens = `DELETE FROM registration_tokens WHERE digest IN (
		SELECT digest FROM registration_tokens WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`
	deleteExpiredKeyClaims = `DELETE FROM key_claims WHERE key_id IN (
		SELECT key_id FROM key_claims WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`
	forgetUndelivered = `UPDATE key_deliveries SET payload = NULL WHERE key_id IN (
		SELECT key_id FROM key_deliveries WHERE expires_at <= ? AND payload IS NOT NULL AND state = 'dead' ORDER BY expires_at LIMIT ?)`
	deleteExpiredOnces = `DELETE FROM onces WHERE digest IN (
		SELECT digest FROM onces WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`
	deleteExpiredAttempts = `DELETE FROM factor_attempts WHERE digest IN (
		SELECT digest FROM factor_attempts WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`
	deleteExpiredEnrolments = `DELETE FROM enrolments WHERE digest IN (
		SELECT digest FROM enrolments WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`
	deleteExpiredDevices = `DELETE FROM device_codes WHERE digest IN (
		SELECT digest FROM device_codes WHERE expires_at <= ? AND state <> 'used' ORDER BY expires_at LIMIT ?)`
	deleteExpiredDecisions = `DELETE FROM policy_decisions WHERE id IN (
		SELECT id FROM policy_decisions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`
	// A session is an ancestor of grants and its end by time is not theirs:
	// it goes when the last of them has gone.
	deleteExpiredSessions = `DELETE FROM sessions WHERE id IN (
		SELECT s.id FROM sessions s WHERE s.expires_at <= ?
		AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.session_id = s.id AND g.session_id <> '')
		ORDER BY s.expires_at LIMIT ?)`
	deleteIdleSessions = `DELETE FROM sessions WHERE id IN (
		SELECT s.id FROM sessions s WHERE s.idle_until <= ?
		AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.session_id = s.id AND g.session_id <> '')
		ORDER BY s.idle_until LIMIT ?)`
	// A grant outlives its end for as long as an access token of it may live; a
	// standing one has no end but its revocation, which ended its tokens too.
	endedGrants = `SELECT g.id FROM grants g WHERE g.expires_at IS NOT NULL AND g.expires_at <= ?
		ORDER BY g.expires_at LIMIT ?`
	endedStandingGrants   = `SELECT g.id FROM grants g WHERE g.standing AND g.state <> 'active' LIMIT ?`
	deleteCodesOf         = `DELETE FROM authorization_codes WHERE grant_id IN ?`
	deleteDevicesOf       = `DELETE FROM device_codes WHERE grant_id IN ? AND grant_id <> ''`
	deleteRefreshTokensOf = `DELETE FROM refresh_tokens WHERE grant_id IN ? AND expires_at IS NULL`
	deleteGrants          = `DELETE FROM grants WHERE id IN ?`
)

// longestAccess is the longest life of an access token (config holds it to that).
const longestAccess = 24 * time.Hour

// maxBatch bounds what is deleted at once, and the parameters of a statement.
const maxBatch = 5000

// DeleteExpiredAcrossWorkspaces deletes what ended before now and can no
// longer matter, at most limit rows of each kind (never more than 5000), and
// returns how many: codes and device codes that were never used (used ones
// stay with their grant, so that a replay is recognised), access and refresh
// tokens, authorization requests, pushed ones, ids used once, acts done once,
// upstreams' refresh tokens, set-up and join links, counts of wrong codes, links to enrol by, texts of keys
// that wait to be claimed or never arrived where they were brought, recorded
// decisions, ended grants with their codes and refresh tokens, and sessions.
func (s *Store) DeleteExpiredAcrossWorkspaces(ctx context.Context, now time.Time, limit int) (int64, error) {
	var total int64
	for _, step := range []func(context.Context, time.Time, int) (int64, error){
		s.deleteExpiredLeaves, s.deleteEndedGrants, s.deleteEndedSessions,
	} {
		n, err := step(ctx, utc(now), min(limit, maxBatch))
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// deleteExpiredLeaves deletes rows that nothing hangs on.
func (s *Store) deleteExpiredLeaves(ctx context.Context, now time.Time, limit int) (int64, error) {
	db := s.writer(ctx)
	var total int64
	for _, deletion := range []func() *gorm.DB{
		func() *gorm.DB { return db.Exec(deleteExpiredCodes, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredAccessTokens, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredRefreshTokens, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredRequests, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredPushed, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredReplays, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredUpstreamRefreshes, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredSetupLinks, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredJoinLinks, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredRegistrationTokens, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredKeyClaims, now, limit) },
		func() *gorm.DB { return db.Exec(forgetUndelivered, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredOnces, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredAttempts, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredEnrolments, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredDevices, now, limit) },
		func() *gorm.DB { return db.Exec(deleteExpiredDecisions, now, limit) },
	} {
		done := deletion()
		if done.Error != nil {
			return total, failure(ctx, "deleting what expired", done.Error)
		}
		total += done.RowsAffected
	}
	return total, nil
}

func (s *Store) deleteEndedGrants(ctx context.Context, now time.Time, limit int) (deleted int64, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		deleted = 0
		var ids, standing []string
		if err := s.writer(ctx).Raw(endedGrants, now.Add(-longestAccess), limit).Scan(&ids).Error; err != nil {
			return failure(ctx, "finding ended grants", err)
		}
		if err := s.writer(ctx).Raw(endedStandingGrants, limit).Scan(&standing).Error; err != nil {
			return failure(ctx, "finding ended standing grants", err)
		}
		if ids = append(ids, standing...); len(ids) == 0 {
			return nil
		}
		codes := s.writer(ctx).Exec(deleteCodesOf, ids)
		if codes.Error != nil {
			return failure(ctx, "deleting the codes of ended grants", codes.Error)
		}
		devices := s.writer(ctx).Exec(deleteDevicesOf, ids)
		if devices.Error != nil {
			return failure(ctx, "deleting the device codes of ended grants", devices.Error)
		}
		tokens := s.writer(ctx).Exec(deleteRefreshTokensOf, ids)
		if tokens.Error != nil {
			return failure(ctx, "deleting the refresh tokens of ended grants", tokens.Error)
		}
		grants := s.writer(ctx).Exec(deleteGrants, ids)
		deleted = codes.RowsAffected + devices.RowsAffected + tokens.RowsAffected + grants.RowsAffected
		return failure(ctx, "deleting ended grants", grants.Error)
	})
	return deleted, err
}

func (s *Store) deleteEndedSessions(ctx context.Context, now time.Time, limit int) (int64, error) {
	expired := s.writer(ctx).Exec(deleteExpiredSessions, now, limit)
	if expired.Error != nil {
		return 0, failure(ctx, "deleting expired sessions", expired.Error)
	}
	unused := s.writer(ctx).Exec(deleteIdleSessions, now, limit)
	return expired.RowsAffected + unused.RowsAffected, failure(ctx, "deleting idle sessions", unused.Error)
}
