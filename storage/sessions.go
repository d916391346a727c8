package storage

import (
	"context"
	"database/sql"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type sessionRow struct {
	ID           authz.SessionID
	Issuer       authz.IssuerName
	WorkspaceID  authz.WorkspaceID
	UserID       authz.UserID
	ConnectionID authz.ConnectionID
	Digest       digest
	AuthTime     time.Time
	ACR          string `gorm:"column:acr"`
	AMR          list[string]
	SignIn       text[authz.SignIn]
	State        authz.State
	Epoch        int64
	Lineage      int64
	CreatedAt    time.Time
	ExpiresAt    time.Time
	IdleUntil    time.Time
	IP           string
	UserAgent    string
	Fallback     authz.FallbackReason
	// What the upstream calls it.
	UpstreamSide    authz.Side
	UpstreamPerson  digest
	UpstreamSession string
}

// TableName is the row's table.
func (sessionRow) TableName() string { return "sessions" }

func (sessionRow) insertedLater() string { return creatingSession }

const creatingSession = "creating a session"

func (r sessionRow) session() authz.Session {
	return authz.Session{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, UserID: r.UserID, ConnectionID: r.ConnectionID,
		Digest: r.Digest, AuthTime: r.AuthTime.UTC(), ACR: r.ACR, AMR: r.AMR.V, SignIn: r.SignIn.V, State: r.State, Epoch: r.Epoch, Lineage: r.Lineage,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), IdleUntil: r.IdleUntil.UTC(),
		IP: r.IP, UserAgent: r.UserAgent, Fallback: r.Fallback,
		Upstream: authz.UpstreamName{Side: r.UpstreamSide, Person: r.UpstreamPerson, Session: r.UpstreamSession},
	}
}

// CreateSession stores a new session; ErrConflict when its id or cookie is taken.
func (s *Store) CreateSession(ctx context.Context, v authz.Session) error {
	err := s.writer(ctx).Create(&sessionRow{
		ID: v.ID, Issuer: v.Issuer, WorkspaceID: v.WorkspaceID, UserID: v.UserID, ConnectionID: v.ConnectionID,
		Digest: v.Digest, AuthTime: utc(v.AuthTime), ACR: v.ACR, AMR: asText(v.AMR), SignIn: asText(v.SignIn), State: v.State, Epoch: v.Epoch, Lineage: v.Lineage,
		CreatedAt: utc(v.CreatedAt), ExpiresAt: utc(v.ExpiresAt), IdleUntil: utc(v.IdleUntil),
		IP: v.IP, UserAgent: v.UserAgent, Fallback: v.Fallback,
		UpstreamSide: v.Upstream.Side, UpstreamPerson: v.Upstream.Person, UpstreamSession: v.Upstream.Session,
	}).Error
	return failure(ctx, creatingSession, err)
}

// RenewSession gives an active session of the same person a new cookie, times
// and evidence after a new sign-in. Its id, epoch and creation stay.
// ErrNotFound when there is no such session or it is not active.
func (s *Store) RenewSession(ctx context.Context, v authz.Session) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&sessionRow{}).
			Where("id = ? AND issuer = ? AND workspace_id = ?", v.ID, v.Issuer, v.WorkspaceID).
			Where("user_id = ? AND connection_id = ? AND state = 'active'", v.UserID, v.ConnectionID).
			UpdateColumns(map[string]any{
				"digest": digest(v.Digest), "auth_time": utc(v.AuthTime), "acr": v.ACR, "amr": asText(v.AMR), "sign_in": asText(v.SignIn), "lineage": v.Lineage,
				"expires_at": utc(v.ExpiresAt), "idle_until": utc(v.IdleUntil), "ip": v.IP, "user_agent": v.UserAgent, "fallback": v.Fallback,
				"upstream_side": v.Upstream.Side, "upstream_person": digest(v.Upstream.Person), "upstream_session": v.Upstream.Session,
			})
		if err := changed(ctx, "renewing a session", done, authz.ErrNotFound); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.NodeRef{Kind: authz.SessionNode, ID: string(v.ID)})
	})
}

// StepUpSession gives an active session a new cookie and what its person has
// just proven beside their sign-in, if it still has the cookie it had; its end,
// epoch and lineage stay. ErrNotFound when it ended, or has another cookie by
// now: of two who prove something at once, one does.
func (s *Store) StepUpSession(ctx context.Context, v authz.Session, had [32]byte) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&sessionRow{}).
			Where("id = ? AND issuer = ? AND workspace_id = ? AND user_id = ?", v.ID, v.Issuer, v.WorkspaceID, v.UserID).
			Where("digest = ? AND state = 'active'", digest(had)).
			UpdateColumns(map[string]any{"digest": digest(v.Digest), "auth_time": utc(v.AuthTime), "amr": asText(v.AMR), "sign_in": asText(v.SignIn)})
		if err := changed(ctx, "stepping a session up", done, authz.ErrNotFound); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.NodeRef{Kind: authz.SessionNode, ID: string(v.ID)})
	})
}

const sessionWithLineage = `SELECT s.id, s.issuer, s.workspace_id, s.user_id, s.connection_id, s.digest, s.auth_time, s.acr, s.amr, s.sign_in,
	s.state, s.epoch, s.lineage, s.created_at, s.expires_at, s.idle_until, s.ip, s.user_agent, s.fallback, s.upstream_side, w.account_id,
	a.state, a.epoch, w.state, w.epoch, c.state, c.epoch, u.state, u.epoch
	FROM sessions s
	LEFT JOIN workspaces w ON w.id = s.workspace_id AND w.issuer || '' = s.issuer
	LEFT JOIN accounts a ON a.id = w.account_id AND a.issuer || '' = s.issuer
	LEFT JOIN connections c ON c.id = s.connection_id AND c.issuer || '' = s.issuer
	LEFT JOIN users u ON u.id = s.user_id AND u.issuer || '' = s.issuer
	WHERE s.digest = ? AND s.issuer || '' = ?`

// SessionByDigestAcrossWorkspaces returns the session of a cookie, in any
// state, with its account, workspace, connection, person and itself as nodes;
// or ErrNotFound. Of what the upstream calls it, the side alone is told.
func (s *Store) SessionByDigestAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, cookie [32]byte) (authz.Session, authz.Lineage, error) {
	var r sessionRow
	var accountID sql.NullString
	var account, workspace, connection, user ancestor
	err := s.queryRow(ctx, sessionWithLineage, digest(cookie), issuer).Scan(
		&r.ID, &r.Issuer, &r.WorkspaceID, &r.UserID, &r.ConnectionID, &r.Digest, &r.AuthTime, &r.ACR, &r.AMR, &r.SignIn,
		&r.State, &r.Epoch, &r.Lineage, &r.CreatedAt, &r.ExpiresAt, &r.IdleUntil, &r.IP, &r.UserAgent, &r.Fallback, &r.UpstreamSide, &accountID,
		&account.State, &account.Epoch, &workspace.State, &workspace.Epoch, &connection.State, &connection.Epoch, &user.State, &user.Epoch)
	if err != nil {
		return authz.Session{}, nil, failure(ctx, "reading a session", err)
	}
	lineage := make(authz.Lineage, 0, 5)
	lineage = account.appendNode(lineage, authz.AccountNode, accountID.String)
	lineage = workspace.appendNode(lineage, authz.WorkspaceNode, string(r.WorkspaceID))
	lineage = connection.appendNode(lineage, authz.ConnectionNode, string(r.ConnectionID))
	lineage = user.appendNode(lineage, authz.UserNode, string(r.UserID))
	self := authz.Node{NodeRef: authz.NodeRef{Kind: authz.SessionNode, ID: string(r.ID)}, State: r.State, Epoch: r.Epoch}
	return r.session(), append(lineage, self), nil
}

const sessionAncestors = `SELECT w.account_id, a.state, a.epoch, w.state, w.epoch, c.state, c.epoch, u.state, u.epoch
	FROM workspaces w
	LEFT JOIN accounts a ON a.id = w.account_id AND a.issuer || '' = w.issuer
	LEFT JOIN connections c ON c.id = ? AND c.issuer || '' = w.issuer
	LEFT JOIN users u ON u.id = ? AND u.issuer || '' = w.issuer
	WHERE w.id = ? AND w.issuer || '' = ?`

// SessionAncestors returns what a session of a person would stand on: account,
// workspace, connection and person; ErrNotFound when there is no such workspace.
func (s *Store) SessionAncestors(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, c authz.ConnectionID, u authz.UserID) (authz.Lineage, error) {
	var accountID string
	var account, workspace, connection, user ancestor
	err := s.queryRow(ctx, sessionAncestors, c, u, ws, issuer).Scan(&accountID, &account.State, &account.Epoch,
		&workspace.State, &workspace.Epoch, &connection.State, &connection.Epoch, &user.State, &user.Epoch)
	if err != nil {
		return nil, failure(ctx, "reading what a session stands on", err)
	}
	lineage := account.appendNode(make(authz.Lineage, 0, 4), authz.AccountNode, accountID)
	lineage = workspace.appendNode(lineage, authz.WorkspaceNode, string(ws))
	lineage = connection.appendNode(lineage, authz.ConnectionNode, string(c))
	return user.appendNode(lineage, authz.UserNode, string(u)), nil
}

// GetSession returns a workspace's session in any state, or ErrNotFound.
func (s *Store) GetSession(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.SessionID) (authz.Session, error) {
	var r sessionRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Take(&r).Error; err != nil {
		return authz.Session{}, failure(ctx, "reading a session", err)
	}
	return r.session(), nil
}

// maxPersonSessions bounds one list.
const maxPersonSessions = 200

// SessionsOfPerson lists the active sessions of a person in the workspace, or of
// an operator where it is empty, but for one: the oldest 200.
func (s *Store) SessionsOfPerson(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, except authz.SessionID) ([]authz.Session, error) {
	var rows []sessionRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND user_id = ? AND state = 'active' AND id <> ?", issuer, ws, user, except).
		Order("created_at, id").Limit(maxPersonSessions).Find(&rows).Error
	return mapped(rows, sessionRow.session), failure(ctx, "listing a person's sessions", err)
}

// ExtendSession moves an active session's idle end later, never earlier; its
// absolute end stays. A session that has ended is left alone.
func (s *Store) ExtendSession(ctx context.Context, issuer authz.IssuerName, id authz.SessionID, idleUntil time.Time) error {
	err := s.writer(ctx).Model(&sessionRow{}).
		Where("id = ? AND issuer = ? AND state = 'active' AND idle_until < ?", id, issuer, utc(idleUntil)).
		UpdateColumns(map[string]any{"idle_until": utc(idleUntil)}).Error
	return failure(ctx, "extending a session", err)
}
