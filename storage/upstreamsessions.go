package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type upstreamSessionRow struct {
	SessionID    authz.SessionID
	Issuer       authz.IssuerName
	WorkspaceID  authz.WorkspaceID
	ConnectionID authz.ConnectionID
	Side         authz.Side
	Name         digest
	SessionIndex string
	ExpiresAt    time.Time
}

// TableName is the row's table.
func (upstreamSessionRow) TableName() string { return "upstream_sessions" }

const deleteUpstreamSession = `DELETE FROM upstream_sessions WHERE session_id = ? AND issuer = ? AND workspace_id = ?`

// PutUpstreamSession remembers what the upstream calls a session, in place of
// what it called it before.
func (s *Store) PutUpstreamSession(ctx context.Context, v authz.UpstreamSession) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.writer(ctx).Exec(deleteUpstreamSession, v.SessionID, v.Issuer, v.WorkspaceID).Error; err != nil {
			return failure(ctx, "forgetting an upstream session", err)
		}
		err := s.writer(ctx).Create(&upstreamSessionRow{
			SessionID: v.SessionID, Issuer: v.Issuer, WorkspaceID: v.WorkspaceID, ConnectionID: v.ConnectionID, Side: v.Side,
			Name: v.Name, SessionIndex: v.Index, ExpiresAt: utc(v.ExpiresAt),
		}).Error
		return failure(ctx, "remembering an upstream session", err)
	})
}

// maxUpstreamSessions bounds one list.
const maxUpstreamSessions = 200

const (
	sessionsOfUpstream = `SELECT s.* FROM upstream_sessions u
	JOIN sessions s ON s.id = u.session_id AND s.issuer = u.issuer AND s.workspace_id = u.workspace_id
	WHERE u.issuer = ? AND u.workspace_id = ? AND u.connection_id = ? AND u.side = ? AND s.state = 'active' AND `
	oldestSessions           = ` ORDER BY s.created_at, s.id LIMIT ?`
	sessionsByUpstream       = sessionsOfUpstream + `u.name = ? AND (? = 0 OR u.session_index IN ?)` + oldestSessions
	sessionsByUpstreamsIndex = sessionsOfUpstream + `u.session_index IN ? AND u.session_index <> ''` + oldestSessions
)

// SessionsByUpstream lists active sessions that an upstream knows by a name
// and, unless no index is given, by one of the indexes: the oldest 200. Where
// the name is zero the indexes alone find them.
func (s *Store) SessionsByUpstream(ctx context.Context, of authz.UpstreamSession, indexes []string) ([]authz.Session, error) {
	var rows []sessionRow
	found := s.reader(ctx)
	if of.Name == ([32]byte{}) {
		found = found.Raw(sessionsByUpstreamsIndex, of.Issuer, of.WorkspaceID, of.ConnectionID, of.Side, indexes, maxUpstreamSessions)
	} else {
		found = found.Raw(sessionsByUpstream, of.Issuer, of.WorkspaceID, of.ConnectionID, of.Side, digest(of.Name), len(indexes), indexes, maxUpstreamSessions)
	}
	if err := found.Scan(&rows).Error; err != nil {
		return nil, failure(ctx, "finding the sessions of an upstream", err)
	}
	return mapped(rows, sessionRow.session), nil
}
