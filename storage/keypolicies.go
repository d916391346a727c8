package storage

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type keyPolicyRow struct {
	WorkspaceID     authz.WorkspaceID
	Issuer          authz.IssuerName
	EnforceRotation bool
	UnusedSeconds   int64
	Revision        int64
	UpdatedAt       time.Time
}

// TableName is the row's table.
func (keyPolicyRow) TableName() string { return "key_policies" }

func (r keyPolicyRow) policy() authz.KeyPolicy {
	return authz.KeyPolicy{
		Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, EnforceRotation: r.EnforceRotation,
		UnusedAfter: time.Duration(r.UnusedSeconds) * time.Second, Revision: r.Revision, UpdatedAt: r.UpdatedAt.UTC(),
	}
}

// GetKeyPolicy returns what a workspace asks of its keys, or ErrNotFound.
func (s *Store) GetKeyPolicy(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID) (authz.KeyPolicy, error) {
	var r keyPolicyRow
	if err := s.reader(ctx).Where("workspace_id = ? AND issuer = ?", ws, issuer).Take(&r).Error; err != nil {
		return authz.KeyPolicy{}, failure(ctx, "reading a policy of keys", err)
	}
	return r.policy(), nil
}

// PutKeyPolicy stores what a workspace asks of its keys, if the revision of what
// was there is p.Revision, which is zero for nothing; it is raised by one.
// ErrStale says that it is not.
func (s *Store) PutKeyPolicy(ctx context.Context, p authz.KeyPolicy) error {
	seconds := int64(p.UnusedAfter / time.Second)
	if p.Revision > 0 {
		done := s.writer(ctx).Model(&keyPolicyRow{}).
			Where("workspace_id = ? AND issuer = ? AND revision = ?", p.WorkspaceID, p.Issuer, p.Revision).
			UpdateColumns(map[string]any{
				"enforce_rotation": p.EnforceRotation, "unused_seconds": seconds, "updated_at": utc(p.UpdatedAt),
				"revision": gorm.Expr("revision + 1"),
			})
		return changed(ctx, "changing a policy of keys", done, authz.ErrStale)
	}
	done := s.writer(ctx).Exec(insertKeyPolicy, p.WorkspaceID, p.Issuer, p.EnforceRotation, seconds, utc(p.UpdatedAt))
	return changed(ctx, "storing a policy of keys", done, authz.ErrStale)
}

const insertKeyPolicy = `INSERT INTO key_policies (workspace_id, issuer, enforce_rotation, unused_seconds, revision, updated_at)
	VALUES (?, ?, ?, ?, 1, ?) ON CONFLICT (workspace_id) DO NOTHING`

// UnusedKeyPoliciesAcrossWorkspaces lists the policies of an issuer that disable
// unused keys, by workspace, after the one named.
func (s *Store) UnusedKeyPoliciesAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, after authz.WorkspaceID, limit int) ([]authz.KeyPolicy, error) {
	var rows []keyPolicyRow
	err := s.reader(ctx).Where("issuer = ? AND unused_seconds > 0 AND workspace_id > ?", issuer, after).
		Order("workspace_id").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing policies of keys", err)
	}
	return mapped(rows, keyPolicyRow.policy), nil
}
