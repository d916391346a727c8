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

const sessionsByUpstream = `SELECT s.* FROM upstream_sessions u
	JOIN sessions s ON s.id = u.session_id AND s.issuer = u.issuer AND s.workspace_id = u.workspace_id
	WHERE u.issuer = ? AND u.workspace_id = ? AND u.connection_id = ? AND u.side = ? AND u.name = ?
	AND (? = 0 OR u.session_index IN ?) AND s.state = 'active'
	ORDER BY s.created_at, s.id LIMIT ?`

// SessionsByUpstream lists active sessions that an upstream knows by a name
// and, unless no index is given, by one of the indexes: the oldest 200.
func (s *Store) SessionsByUpstream(ctx context.Context, of authz.UpstreamSession, indexes []string) ([]authz.Session, error) {
	var rows []sessionRow
	err := s.reader(ctx).Raw(sessionsByUpstream, of.Issuer, of.WorkspaceID, of.ConnectionID, of.Side, digest(of.Name),
		len(indexes), indexes, maxUpstreamSessions).Scan(&rows).Error
	if err != nil {
		return nil, failure(ctx, "finding the sessions of an upstream", err)
	}
	return mapped(rows, sessionRow.session), nil
}
