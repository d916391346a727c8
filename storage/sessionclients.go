package storage

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxSessionClients bounds how many clients hear of the end of one session.
const maxSessionClients = 200

const clientsOfSession = `SELECT DISTINCT g.client_id AS client_id, g.subject AS subject, c.metadata AS metadata
	FROM grants g JOIN clients c ON c.id = g.client_id AND c.issuer || '' = g.issuer
	WHERE g.issuer = ? AND g.sid = ? AND g.sid <> '' AND g.workspace_id = ? AND c.state = 'active'
	ORDER BY g.client_id, g.subject LIMIT ?`

// SessionClients returns the active clients that were granted something in
// the session, at most 200, whether their grants live or not.
func (s *Store) SessionClients(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, sid authz.SessionID) ([]authz.SessionClient, error) {
	var rows []struct {
		ClientID authz.ClientID
		Subject  string
		Metadata text[authz.ClientMetadata]
	}
	if sid == "" {
		return nil, nil
	}
	if err := s.reader(ctx).Raw(clientsOfSession, issuer, sid, ws, maxSessionClients).Scan(&rows).Error; err != nil {
		return nil, failure(ctx, "listing the clients of a session", err)
	}
	clients := make([]authz.SessionClient, len(rows))
	for i, r := range rows {
		clients[i] = authz.SessionClient{ClientID: r.ClientID, Subject: r.Subject, Metadata: r.Metadata.V}
	}
	return clients, nil
}

const grantsOfSession = `SELECT id FROM grants WHERE issuer = ? AND sid = ? AND sid <> '' AND workspace_id = ? AND state = 'active' ORDER BY id LIMIT ?`

// maxSessionGrants bounds one list.
const maxSessionGrants = 200

// GrantsOfSession lists the active grants that were made in the session, those
// that outlive it among them: 200 at most.
func (s *Store) GrantsOfSession(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, sid authz.SessionID) ([]authz.GrantID, error) {
	var ids []authz.GrantID
	if sid == "" {
		return nil, nil
	}
	err := s.reader(ctx).Raw(grantsOfSession, issuer, sid, ws, maxSessionGrants).Scan(&ids).Error
	return ids, failure(ctx, "listing the grants of a session", err)
}
