package storage

import (
	"context"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func (r upstreamIdentityRow) identity() authz.UpstreamIdentity {
	i := authz.UpstreamIdentity{
		Issuer: r.Issuer, ConnectionID: r.ConnectionID, Side: r.Side, Subject: r.Subject, Link: r.Link, UserID: r.UserID, LinkedBy: r.LinkedBy,
		CreatedAt: r.CreatedAt.UTC(), LastLoginAt: r.LastLoginAt.UTC(),
	}
	if len(r.GroupNames.V) > 0 {
		i.Groups = r.GroupNames.V
	}
	return i
}

const identitiesOfPerson = `SELECT i.* FROM upstream_identities i
	JOIN connections c ON c.id = i.connection_id AND c.issuer || '' = i.issuer
	WHERE i.issuer || '' = ? AND i.user_id = ? AND c.workspace_id = ? AND c.state <> 'deleted'
	ORDER BY i.created_at, i.connection_id, i.side, i.subject LIMIT ?`

// ListIdentities lists what the connections of the workspace call a person, the
// oldest first, at most limit.
func (s *Store) ListIdentities(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, limit int) ([]authz.UpstreamIdentity, error) {
	var rows []upstreamIdentityRow
	err := s.reader(ctx).Raw(identitiesOfPerson, issuer, user, ws, limit).Scan(&rows).Error
	return mapped(rows, upstreamIdentityRow.identity), failure(ctx, "listing identities", err)
}

const knownElsewhere = `SELECT count(*) FROM (SELECT 1 FROM upstream_identities i
	JOIN connections c ON c.id = i.connection_id AND c.issuer || '' = i.issuer
	WHERE i.issuer || '' = ? AND i.user_id = ? AND c.workspace_id <> ? LIMIT 1) one`

// KnownElsewhereAcrossWorkspaces reports whether a person is known by a
// connection of another workspace.
func (s *Store) KnownElsewhereAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (bool, error) {
	var n int64
	if err := s.queryRow(ctx, knownElsewhere, issuer, user, ws).Scan(&n); err != nil {
		return false, failure(ctx, "looking for identities elsewhere", err)
	}
	return n > 0, nil
}

// RemoveIdentity forgets what a side of a connection calls its person, or
// answers ErrNotFound. A sign-in by it that is being written comes before or
// finds nothing.
func (s *Store) RemoveIdentity(ctx context.Context, i authz.UpstreamIdentity) error {
	done := s.writer(ctx).
		Where("issuer = ? AND connection_id = ? AND side = ? AND subject = ? AND user_id = ?", i.Issuer, i.ConnectionID, i.Side, i.Subject, i.UserID).
		Delete(&upstreamIdentityRow{})
	return changed(ctx, "removing an identity", done, authz.ErrNotFound)
}

const membersWithEmail = `SELECT u.id FROM users u
	JOIN members m ON m.issuer = u.issuer AND m.user_id = u.id
	WHERE u.issuer = ? AND u.email = ? AND m.workspace_id = ? ORDER BY u.id LIMIT ?`

// MembersWithEmail lists the members of the workspace who have the address, at
// most limit, for an administrator to be told. Nobody is recognised by it.
func (s *Store) MembersWithEmail(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, email string, limit int) ([]authz.UserID, error) {
	var ids []authz.UserID
	err := s.reader(ctx).Raw(membersWithEmail, issuer, strings.ToLower(email), ws, limit).Scan(&ids).Error
	return ids, failure(ctx, "listing members by address", err)
}

const orphanGrants = `SELECT g.id FROM grants g
	WHERE g.issuer = ? AND g.workspace_id = ? AND g.user_id = ? AND g.user_id <> '' AND g.connection_id = ? AND g.state = 'active'
	AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = g.sid AND s.issuer || '' = g.issuer AND s.state = 'active')
	ORDER BY g.id LIMIT ?`

// GrantsWithoutSession lists the active grants that a person made by way of the
// connection in sessions that are over, at most limit.
func (s *Store) GrantsWithoutSession(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, c authz.ConnectionID, limit int) ([]authz.GrantID, error) {
	var ids []authz.GrantID
	err := s.reader(ctx).Raw(orphanGrants, issuer, ws, user, c, limit).Scan(&ids).Error
	return ids, failure(ctx, "listing grants without a session", err)
}
