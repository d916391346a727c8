package storage

import (
	"context"
	"encoding/json"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type policyRow struct {
	ID          authz.PolicyID
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Version     int64
	Latest      int64
	Revision    int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
	UpdatedBy   string
}

// TableName is the row's table.
func (policyRow) TableName() string { return "policies" }

func (r policyRow) policy() authz.Policy {
	return authz.Policy{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Version: r.Version, Latest: r.Latest, Revision: r.Revision,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), UpdatedBy: r.UpdatedBy,
	}
}

// CreatePolicy stores a workspace's first rules; ErrConflict when it has some.
func (s *Store) CreatePolicy(ctx context.Context, p authz.Policy, v authz.PolicyVersion) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		err := s.writer(ctx).Create(&policyRow{
			ID: p.ID, Issuer: p.Issuer, WorkspaceID: p.WorkspaceID, Version: p.Version, Latest: p.Latest, Revision: p.Revision,
			CreatedAt: utc(p.CreatedAt), UpdatedAt: utc(p.UpdatedAt), UpdatedBy: p.UpdatedBy,
		}).Error
		if err != nil {
			return failure(ctx, "creating a policy", err)
		}
		if err := s.insertPolicyVersion(ctx, v); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.PolicyRef(p.Issuer, p.WorkspaceID))
	})
}

// PublishPolicy puts new rules in force under the number p.Latest+1, if the
// revision is still p.Revision, and raises that by one; ErrStale says that it
// is not.
func (s *Store) PublishPolicy(ctx context.Context, p authz.Policy, v authz.PolicyVersion) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		v.Version = p.Latest + 1
		done := s.policyAt(ctx, p).UpdateColumns(map[string]any{
			"version": v.Version, "latest": v.Version, "revision": gorm.Expr("revision + 1"),
			"updated_at": utc(p.UpdatedAt), "updated_by": p.UpdatedBy,
		})
		if err := changed(ctx, "putting rules in force", done, authz.ErrStale); err != nil {
			return err
		}
		if err := s.insertPolicyVersion(ctx, v); err != nil {
			return err
		}
		if err := s.forgetOldVersions(ctx, p, v.Version); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.PolicyRef(p.Issuer, p.WorkspaceID))
	})
}

// ActivatePolicy puts the version p.Version, which exists, in force again, if
// the revision is still p.Revision, and raises that by one; ErrStale says that
// it is not, ErrNotFound that there is no such version.
func (s *Store) ActivatePolicy(ctx context.Context, p authz.Policy) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		done := s.policyAt(ctx, p).UpdateColumns(map[string]any{
			"version": p.Version, "revision": gorm.Expr("revision + 1"), "updated_at": utc(p.UpdatedAt), "updated_by": p.UpdatedBy,
		})
		if err := changed(ctx, "putting rules in force again", done, authz.ErrStale); err != nil {
			return err
		}
		if _, err := s.GetPolicyVersion(ctx, p.Issuer, p.WorkspaceID, p.Version); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.PolicyRef(p.Issuer, p.WorkspaceID))
	})
}

func (s *Store) policyAt(ctx context.Context, p authz.Policy) *gorm.DB {
	return s.writer(ctx).Model(&policyRow{}).
		Where("id = ? AND issuer = ? AND workspace_id = ? AND revision = ?", p.ID, p.Issuer, p.WorkspaceID, p.Revision)
}

// GetPolicy returns a workspace's policy by its id, or ErrNotFound.
func (s *Store) GetPolicy(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.PolicyID) (authz.Policy, error) {
	return s.takePolicy(ctx, s.reader(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws))
}

// GetPolicyAcrossWorkspaces returns a policy by its id alone, or ErrNotFound.
func (s *Store) GetPolicyAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.PolicyID) (authz.Policy, error) {
	return s.takePolicy(ctx, s.reader(ctx).Where("id = ? AND issuer = ?", id, issuer))
}

// PolicyOf returns the policy of a workspace, or ErrNotFound.
func (s *Store) PolicyOf(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID) (authz.Policy, error) {
	return s.takePolicy(ctx, s.reader(ctx).Where("issuer = ? AND workspace_id = ?", issuer, ws))
}

func (s *Store) takePolicy(ctx context.Context, of *gorm.DB) (authz.Policy, error) {
	var r policyRow
	if err := of.Take(&r).Error; err != nil {
		return authz.Policy{}, failure(ctx, "reading a policy", err)
	}
	return r.policy(), nil
}

// ListPoliciesAcrossWorkspaces lists the policies of an issuer.
func (s *Store) ListPoliciesAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, page authz.Page) ([]authz.Policy, error) {
	var rows []policyRow
	err := s.reader(ctx).Where("issuer = ?", issuer).
		Where("(created_at, id) > (?, ?)", utc(page.After.CreatedAt), page.After.ID).
		Order("created_at, id").Limit(page.Rows()).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing policies", err)
	}
	return mapped(rows, policyRow.policy), nil
}

const rulesInForce = `SELECT p.version, v.rules FROM policies p
	JOIN policy_versions v ON v.issuer = p.issuer AND v.workspace_id = p.workspace_id AND v.version = p.version
	WHERE p.issuer = ? AND p.workspace_id = ?`

// RulesInForce returns the rules of a workspace and their version; ErrNotFound
// when it has none.
func (s *Store) RulesInForce(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID) (int64, json.RawMessage, error) {
	var version int64
	var rules raw
	if err := s.queryRow(ctx, rulesInForce, issuer, ws).Scan(&version, &rules); err != nil {
		return 0, nil, failure(ctx, "reading the rules in force", err)
	}
	return version, rules.json(), nil
}
