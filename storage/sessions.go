package storage

import (
	"context"
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
	State        authz.State
	Epoch        int64
	Lineage      int64
	CreatedAt    time.Time
	ExpiresAt    time.Time
	IdleUntil    time.Time
	IP           string
	UserAgent    string
}

// TableName is the row's table.
func (sessionRow) TableName() string { return "sessions" }

func (r sessionRow) session() authz.Session {
	return authz.Session{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, UserID: r.UserID, ConnectionID: r.ConnectionID,
		Digest: r.Digest, AuthTime: r.AuthTime.UTC(), ACR: r.ACR, AMR: r.AMR.V, State: r.State, Epoch: r.Epoch, Lineage: r.Lineage,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), IdleUntil: r.IdleUntil.UTC(),
		IP: r.IP, UserAgent: r.UserAgent,
	}
}

// CreateSession stores a new session; ErrConflict when its id or cookie is taken.
func (s *Store) CreateSession(ctx context.Context, v authz.Session) error {
	err := s.writer(ctx).Create(&sessionRow{
		ID: v.ID, Issuer: v.Issuer, WorkspaceID: v.WorkspaceID, UserID: v.UserID, ConnectionID: v.ConnectionID,
		Digest: v.Digest, AuthTime: utc(v.AuthTime), ACR: v.ACR, AMR: asText(v.AMR), State: v.State, Epoch: v.Epoch, Lineage: v.Lineage,
		CreatedAt: utc(v.CreatedAt), ExpiresAt: utc(v.ExpiresAt), IdleUntil: utc(v.IdleUntil),
		IP: v.IP, UserAgent: v.UserAgent,
	}).Error
	return failure(ctx, "creating a session", err)
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
				"digest": digest(v.Digest), "auth_time": utc(v.AuthTime), "acr": v.ACR, "amr": asText(v.AMR), "lineage": v.Lineage,
				"expires_at": utc(v.ExpiresAt), "idle_until": utc(v.IdleUntil), "ip": v.IP, "user_agent": v.UserAgent,
			})
		if err := changed(ctx, "renewing a session", done, authz.ErrNotFound); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.NodeRef{Kind: authz.SessionNode, ID: string(v.ID)})
	})
}

const sessionWithLineage = `SELECT s.*, w.account_id AS account_id,
	a.state AS account_state, a.epoch AS account_epoch, w.state AS workspace_state, w.epoch AS workspace_epoch,
	c.state AS connection_state, c.epoch AS connection_epoch, u.state AS user_state, u.epoch AS user_epoch
	FROM sessions s
	LEFT JOIN workspaces w ON w.id = s.workspace_id AND w.issuer = s.issuer
	LEFT JOIN accounts a ON a.id = w.account_id AND a.issuer = s.issuer
	LEFT JOIN connections c ON c.id = s.connection_id AND c.issuer = s.issuer
	LEFT JOIN users u ON u.id = s.user_id AND u.issuer = s.issuer
	WHERE s.digest = ? AND s.issuer = ?`

// SessionByDigestAcrossWorkspaces returns the session of a cookie, in any
// state, with its account, workspace, connection, person and itself as nodes;
// or ErrNotFound.
func (s *Store) SessionByDigestAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, cookie [32]byte) (authz.Session, authz.Lineage, error) {
	var r struct {
		Session    sessionRow `gorm:"embedded"` // named: GORM passes over embedded types that are not exported
		AccountID  string
		Account    ancestor `gorm:"embedded;embeddedPrefix:account_"`
		Workspace  ancestor `gorm:"embedded;embeddedPrefix:workspace_"`
		Connection ancestor `gorm:"embedded;embeddedPrefix:connection_"`
		User       ancestor `gorm:"embedded;embeddedPrefix:user_"`
	}
	found := s.reader(ctx).Raw(sessionWithLineage, digest(cookie), issuer).Scan(&r)
	if err := changed(ctx, "reading a session", found, authz.ErrNotFound); err != nil {
		return authz.Session{}, nil, err
	}
	lineage := make(authz.Lineage, 0, 5)
	lineage = r.Account.appendNode(lineage, authz.AccountNode, r.AccountID)
	lineage = r.Workspace.appendNode(lineage, authz.WorkspaceNode, string(r.Session.WorkspaceID))
	lineage = r.Connection.appendNode(lineage, authz.ConnectionNode, string(r.Session.ConnectionID))
	lineage = r.User.appendNode(lineage, authz.UserNode, string(r.Session.UserID))
	self := authz.Node{NodeRef: authz.NodeRef{Kind: authz.SessionNode, ID: string(r.Session.ID)}, State: r.Session.State, Epoch: r.Session.Epoch}
	return r.Session.session(), append(lineage, self), nil
}

// GetSession returns a workspace's session in any state, or ErrNotFound.
func (s *Store) GetSession(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.SessionID) (authz.Session, error) {
	var r sessionRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Take(&r).Error; err != nil {
		return authz.Session{}, failure(ctx, "reading a session", err)
	}
	return r.session(), nil
}

// ExtendSession moves an active session's idle end later, never earlier; its
// absolute end stays. A session that has ended is left alone.
func (s *Store) ExtendSession(ctx context.Context, issuer authz.IssuerName, id authz.SessionID, idleUntil time.Time) error {
	err := s.writer(ctx).Model(&sessionRow{}).
		Where("id = ? AND issuer = ? AND state = 'active' AND idle_until < ?", id, issuer, utc(idleUntil)).
		UpdateColumns(map[string]any{"idle_until": utc(idleUntil)}).Error
	return failure(ctx, "extending a session", err)
}
