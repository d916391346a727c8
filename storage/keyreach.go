package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Bounds of what is told of a key.
const (
	maxReachGrants = 100
	maxReachIssued = 10_000
	maxReachKeys   = 100
	maxReachRecent = 20
)

const (
	grantsOfKey = `SELECT * FROM grants WHERE issuer = ? AND key_id = ? AND key_id <> '' AND workspace_id = ? AND state = 'active'
	AND (expires_at IS NULL OR expires_at > ?) ORDER BY created_at DESC, id LIMIT ?`
	issuedOnGrants = `SELECT COUNT(*) FROM (SELECT 1 FROM audit_entries
	WHERE issuer = ? AND workspace_id = ? AND target IN ? AND type IN ('token.issued', 'token.exchanged') AND time > ? LIMIT ?) x`
	keysMadeBy = `SELECT * FROM api_keys WHERE issuer = ? AND created_by = ? AND id <> ?
	AND NOT (service_account_id = created_by AND predecessor_id <> '') AND state IN ('active', 'grace')
	AND (expires_at IS NULL OR expires_at > ?) AND (grace_until IS NULL OR grace_until > ?) ORDER BY created_at DESC, id LIMIT ?`
)

// KeyReach tells what came of a workspace's key that stands at now, how many
// tokens were issued since a moment, and what was heard of it last. The keys that
// its subject made, but for successors of its own, may be in any workspace the subject may make them in.
func (s *Store) KeyReach(ctx context.Context, k authz.APIKey, now, since time.Time) (authz.KeyReach, error) {
	var r authz.KeyReach
	var err error
	if r.Grants, r.MoreGrants, err = s.standingGrants(ctx, k, now); err != nil {
		return r, err
	}
	targets := []string{string(k.ID)}
	for _, g := range r.Grants {
		targets = append(targets, string(g.ID))
	}
	var issued int
	err = s.reader(ctx).Raw(issuedOnGrants, k.Issuer, k.WorkspaceID, targets, utc(since), maxReachIssued+1).Scan(&issued).Error
	if err != nil {
		return r, failure(ctx, "counting the tokens of a key", err)
	}
	r.Issued, r.MoreIssued = min(issued, maxReachIssued), issued > maxReachIssued
	var made []apiKeyRow
	err = s.reader(ctx).Raw(keysMadeBy, k.Issuer, k.ServiceAccountID, k.ID, utc(now), utc(now), maxReachKeys+1).Scan(&made).Error
	if err != nil {
		return r, failure(ctx, "finding the keys that a key made", err)
	}
	if r.MoreMade = len(made) > maxReachKeys; r.MoreMade {
		made = made[:maxReachKeys]
	}
	r.Made = mapped(made, apiKeyRow.apiKey)
	var recent []auditRow
	err = s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND target IN ?", k.Issuer, k.WorkspaceID, targets).
		Order("time DESC, event_id DESC").Limit(maxReachRecent).Find(&recent).Error
	r.Recent = mapped(recent, auditRow.entry)
	return r, failure(ctx, "reading what was heard of a key", err)
}

// standingGrants are the grants of a key that no kill has ended, its own or one of
// what it hangs on.
func (s *Store) standingGrants(ctx context.Context, k authz.APIKey, now time.Time) (grants []authz.Grant, more bool, err error) {
	var rows []grantRow
	if err := s.reader(ctx).Raw(grantsOfKey, k.Issuer, k.ID, k.WorkspaceID, utc(now), maxReachGrants+1).Scan(&rows).Error; err != nil {
		return nil, false, failure(ctx, "finding the grants of a key", err)
	}
	if more = len(rows) > maxReachGrants; more {
		rows = rows[:maxReachGrants]
	}
	for _, row := range rows {
		g, lineage, err := s.GetGrantAcrossWorkspaces(ctx, k.Issuer, row.ID)
		if err != nil {
			return nil, false, err
		}
		if lineage.Usable() && lineage.Sum() == g.Lineage {
			grants = append(grants, g)
		}
	}
	return grants, more, nil
}

// LastAudit returns the latest entry of a type about a target in a workspace, or
// ErrNotFound.
func (s *Store) LastAudit(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, target, typ string) (authz.AuditEntry, error) {
	var r auditRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND target = ? AND type = ?", issuer, ws, target, typ).
		Order("time DESC, event_id DESC").Limit(1).Take(&r).Error
	if err != nil {
		return authz.AuditEntry{}, failure(ctx, "reading the last entry about a target", err)
	}
	return r.entry(), nil
}
