package storage

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxUpstreamSessions bounds one list.
const maxUpstreamSessions = 200

const (
	sessionsOfUpstream = `SELECT s.* FROM sessions s
	WHERE s.issuer = ? AND s.workspace_id = ? AND s.connection_id = ? AND s.upstream_side = ? AND s.state = 'active' AND `
	oldestSessions             = ` ORDER BY s.created_at, s.id LIMIT ?`
	sessionsOfUpstreamsPerson  = sessionsOfUpstream + `s.upstream_person = ? AND (? = 0 OR s.upstream_session IN ?)` + oldestSessions
	sessionsOfUpstreamsUser    = sessionsOfUpstream + `s.user_id = ?` + oldestSessions
	sessionsOfUpstreamsSession = sessionsOfUpstream + `s.upstream_session IN ? AND s.upstream_session <> ''` + oldestSessions
)

// SessionsByUpstream lists the active sessions that an upstream means, the oldest
// 200.
func (s *Store) SessionsByUpstream(ctx context.Context, of authz.UpstreamSessions) ([]authz.Session, error) {
	var rows []sessionRow
	found := s.reader(ctx)
	switch {
	case of.User != "":
		found = found.Raw(sessionsOfUpstreamsUser, of.Issuer, of.WorkspaceID, of.ConnectionID, of.Side, of.User, maxUpstreamSessions)
	case of.Person == ([32]byte{}):
		found = found.Raw(sessionsOfUpstreamsSession, of.Issuer, of.WorkspaceID, of.ConnectionID, of.Side, of.Sessions, maxUpstreamSessions)
	default:
		found = found.Raw(sessionsOfUpstreamsPerson, of.Issuer, of.WorkspaceID, of.ConnectionID, of.Side, digest(of.Person), len(of.Sessions), of.Sessions, maxUpstreamSessions)
	}
	if err := found.Scan(&rows).Error; err != nil {
		return nil, failure(ctx, "finding the sessions of an upstream", err)
	}
	return mapped(rows, sessionRow.session), nil
}
