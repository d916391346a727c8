package storage

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type apiKeyRow struct {
	ID               authz.KeyID
	Issuer           authz.IssuerName
	WorkspaceID      authz.WorkspaceID
	AccountID        authz.AccountID
	ServiceAccountID authz.ServiceAccountID
	Environment      authz.Environment
	Name             string
	Prefix           string
	Last4            string `gorm:"column:last4"`
	Hash             string
	Scopes           list[string]
	Resources        text[authz.Resources]
	IPAllowlist      list[string] `gorm:"column:ip_allowlist"`
	Tier             string
	DelegationID     authz.DelegationID
	State            authz.State
	Epoch            int64
	Revision         int64
	CreatedAt        time.Time
	CreatedBy        string
	ExpiresAt        sql.NullTime
	GraceUntil       sql.NullTime
	GraceWarned      bool
	RevokedAt        sql.NullTime
	PurgeAt          sql.NullTime
	PredecessorID    authz.KeyID
	SuccessorID      authz.KeyID
	RotationSeconds  int64
	RotateAt         sql.NullTime
	LastUsedAt       sql.NullTime
	LastUsedIP       string `gorm:"column:last_used_ip"`
	EnabledAt        sql.NullTime
	HandedTo         string
	Delivery         authz.DestinationID
}

// TableName is the row's table.
func (apiKeyRow) TableName() string { return "api_keys" }

func (r apiKeyRow) apiKey() authz.APIKey {
	return authz.APIKey{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, AccountID: r.AccountID, ServiceAccountID: r.ServiceAccountID,
		Environment: r.Environment, Name: r.Name, Prefix: r.Prefix, Last4: r.Last4, Hash: r.Hash, Scopes: r.Scopes.V,
		Resources: r.Resources.V, IPAllowlist: r.IPAllowlist.V, Tier: r.Tier, Delegation: r.DelegationID,
		State: r.State, Epoch: r.Epoch, Revision: r.Revision, CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy,
		ExpiresAt: instant(r.ExpiresAt), GraceUntil: instant(r.GraceUntil), GraceWarned: r.GraceWarned, RevokedAt: instant(r.RevokedAt),
		PurgeAt: instant(r.PurgeAt), Predecessor: r.PredecessorID, Successor: r.SuccessorID,
		RotateEvery: time.Duration(r.RotationSeconds) * time.Second, RotateAt: instant(r.RotateAt),
		LastUsedAt: instant(r.LastUsedAt), LastUsedIP: r.LastUsedIP,
		EnabledAt: instant(r.EnabledAt), HandedTo: r.HandedTo, Delivery: r.Delivery,
	}
}

// CreateAPIKey stores a new key; ErrConflict when its id is taken.
func (s *Store) CreateAPIKey(ctx context.Context, k authz.APIKey) error {
	err := s.writer(ctx).Create(&apiKeyRow{
		ID: k.ID, Issuer: k.Issuer, WorkspaceID: k.WorkspaceID, AccountID: k.AccountID, ServiceAccountID: k.ServiceAccountID,
		Environment: k.Environment, Name: k.Name, Prefix: k.Prefix, Last4: k.Last4, Hash: k.Hash, Scopes: asText(k.Scopes),
		Resources: asText(k.Resources), IPAllowlist: asText(k.IPAllowlist), Tier: k.Tier, DelegationID: k.Delegation,
		State: k.State, Epoch: k.Epoch, Revision: k.Revision, CreatedAt: utc(k.CreatedAt), CreatedBy: k.CreatedBy,
		ExpiresAt: optional(k.ExpiresAt), GraceUntil: optional(k.GraceUntil), GraceWarned: k.GraceWarned, RevokedAt: optional(k.RevokedAt),
		PurgeAt: optional(k.PurgeAt), PredecessorID: k.Predecessor, SuccessorID: k.Successor,
		RotationSeconds: int64(k.RotateEvery / time.Second), RotateAt: optional(k.RotateAt),
		LastUsedAt: optional(k.LastUsedAt), LastUsedIP: k.LastUsedIP,
		EnabledAt: optional(k.EnabledAt), HandedTo: k.HandedTo, Delivery: k.Delivery,
	}).Error
	return failure(ctx, "creating an API key", err)
}

// GetAPIKey returns a workspace's key in any state, or ErrNotFound.
func (s *Store) GetAPIKey(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID) (authz.APIKey, error) {
	var r apiKeyRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Take(&r).Error; err != nil {
		return authz.APIKey{}, failure(ctx, "reading an API key", err)
	}
	return r.apiKey(), nil
}

// HoldAPIKey is GetAPIKey for a transaction in which nobody else may change the
// key until it ends. Of keys that replaced one another the older is held first.
func (s *Store) HoldAPIKey(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID) (authz.APIKey, error) {
	held := s.writer(ctx).Model(&apiKeyRow{}).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).
		UpdateColumns(map[string]any{"revision": gorm.Expr("revision")})
	if err := changed(ctx, "holding an API key", held, authz.ErrNotFound); err != nil {
		return authz.APIKey{}, err
	}
	return s.GetAPIKey(ctx, issuer, ws, id)
}

const apiKeyWithLineage = `SELECT k.*,
	a.state AS account_state, a.epoch AS account_epoch, w.state AS workspace_state, w.epoch AS workspace_epoch,
	sa.state AS service_account_state, sa.epoch AS service_account_epoch, sa.bounds AS service_account_bounds
	FROM api_keys k
	LEFT JOIN accounts a ON a.id = k.account_id AND a.issuer || '' = k.issuer
	LEFT JOIN workspaces w ON w.id = k.workspace_id AND w.issuer || '' = k.issuer
	LEFT JOIN service_accounts sa ON sa.id = k.service_account_id AND sa.issuer || '' = k.issuer
	WHERE k.id = ? AND k.issuer || '' = ?`

// GetAPIKeyAcrossWorkspaces returns a key in any state with its account,
// workspace, service account and itself as nodes, or ErrNotFound.
func (s *Store) GetAPIKeyAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.KeyID) (authz.APIKey, authz.Lineage, error) {
	var r struct {
		Key            apiKeyRow           `gorm:"embedded"` // named: GORM passes over embedded types that are not exported
		Account        ancestor            `gorm:"embedded;embeddedPrefix:account_"`
		Workspace      ancestor            `gorm:"embedded;embeddedPrefix:workspace_"`
		ServiceAccount ancestor            `gorm:"embedded;embeddedPrefix:service_account_"`
		Bounds         text[*authz.Bounds] `gorm:"column:service_account_bounds"`
	}
	found := s.reader(ctx).Raw(apiKeyWithLineage, id, issuer).Scan(&r)
	if err := changed(ctx, "reading an API key", found, authz.ErrNotFound); err != nil {
		return authz.APIKey{}, nil, err
	}
	lineage := make(authz.Lineage, 0, 4)
	lineage = r.Account.appendNode(lineage, authz.AccountNode, string(r.Key.AccountID))
	lineage = r.Workspace.appendNode(lineage, authz.WorkspaceNode, string(r.Key.WorkspaceID))
	lineage = r.ServiceAccount.appendNode(lineage, authz.ServiceAccountNode, string(r.Key.ServiceAccountID))
	self := authz.Node{NodeRef: authz.NodeRef{Kind: authz.APIKeyNode, ID: string(r.Key.ID)}, State: r.Key.State, Epoch: r.Key.Epoch}
	key := r.Key.apiKey()
	key.Bounds = r.Bounds.V
	return key, append(lineage, self), nil
}

// UpdateAPIKey replaces what can change of a key, if its revision is still
// k.Revision, and raises that by one. Its epoch becomes k.Epoch, which is never
// lower than it was. ErrStale says that the key was changed or revoked, or that
// the workspace has no such key.
func (s *Store) UpdateAPIKey(ctx context.Context, k authz.APIKey) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&apiKeyRow{}).
			Where("id = ? AND issuer = ? AND workspace_id = ?", k.ID, k.Issuer, k.WorkspaceID).
			Where("revision = ? AND epoch <= ? AND state <> 'revoked'", k.Revision, k.Epoch).
			UpdateColumns(map[string]any{
				"name": k.Name, "scopes": asText(k.Scopes), "resources": asText(k.Resources),
				"ip_allowlist": asText(k.IPAllowlist), "tier": k.Tier, "state": k.State, "epoch": k.Epoch,
				"expires_at": optional(k.ExpiresAt), "grace_until": optional(k.GraceUntil), "grace_warned": k.GraceWarned, "successor_id": k.Successor,
				"rotation_seconds": int64(k.RotateEvery / time.Second), "rotate_at": optional(k.RotateAt),
				"enabled_at": optional(k.EnabledAt), "delivery": k.Delivery, "revision": gorm.Expr("revision + 1"),
			})
		if err := changed(ctx, "changing an API key", done, authz.ErrStale); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.NodeRef{Kind: authz.APIKeyNode, ID: string(k.ID)})
	})
}

// SetKeyDelegation gives an active key another issuing delegation if its revision
// is still k.Revision, and raises that by one; or answers ErrStale.
func (s *Store) SetKeyDelegation(ctx context.Context, k authz.APIKey) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&apiKeyRow{}).Where("id = ? AND issuer = ? AND workspace_id = ?", k.ID, k.Issuer, k.WorkspaceID).
			Where("revision = ? AND state = 'active'", k.Revision).
			UpdateColumns(map[string]any{"delegation_id": k.Delegation, "revision": gorm.Expr("revision + 1")})
		if err := changed(ctx, "delegating to an API key", done, authz.ErrStale); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.NodeRef{Kind: authz.APIKeyNode, ID: string(k.ID)})
	})
}

// RevokeAPIKey ends a key for good; its text, if it waits to be claimed, goes at
// once and its row at purgeAt. moved is false
// when the workspace has no such key or it is revoked already.
func (s *Store) RevokeAPIKey(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, at, purgeAt time.Time) (moved bool, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&apiKeyRow{}).
			Where("id = ? AND issuer = ? AND workspace_id = ? AND state <> 'revoked'", id, issuer, ws).
			UpdateColumns(map[string]any{
				"state": authz.Revoked, "epoch": gorm.Expr("epoch + 1"), "revision": gorm.Expr("revision + 1"),
				"revoked_at": utc(at), "purge_at": utc(purgeAt),
			})
		if moved = done.RowsAffected == 1; done.Error != nil || !moved {
			return failure(ctx, "revoking an API key", done.Error)
		}
		if err := s.DropKeyClaim(ctx, issuer, ws, id); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.NodeRef{Kind: authz.APIKeyNode, ID: string(id)})
	})
	return moved && err == nil, err
}

// UpdateAPIKeyHash replaces a key's hash if it is still old, and reports
// whether it was.
func (s *Store) UpdateAPIKeyHash(ctx context.Context, issuer authz.IssuerName, id authz.KeyID, old, hash string) (bool, error) {
	done := s.writer(ctx).Model(&apiKeyRow{}).Where("id = ? AND issuer = ? AND hash = ?", id, issuer, old).
		UpdateColumns(map[string]any{"hash": hash})
	return done.RowsAffected == 1, failure(ctx, "updating an API key's hash", done.Error)
}
