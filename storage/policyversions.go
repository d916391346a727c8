package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type policyVersionRow struct {
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Version     int64
	PolicyID    authz.PolicyID
	Rules       raw
	Count       int
	Note        string
	CreatedBy   string
	CreatedAt   time.Time
}

// TableName is the row's table.
func (policyVersionRow) TableName() string { return "policy_versions" }

func (r policyVersionRow) version() authz.PolicyVersion {
	return authz.PolicyVersion{
		PolicyID: r.PolicyID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Version: r.Version, Rules: r.Rules.json(),
		Count: r.Count, Note: r.Note, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(),
	}
}

func (s *Store) insertPolicyVersion(ctx context.Context, v authz.PolicyVersion) error {
	err := s.writer(ctx).Create(&policyVersionRow{
		Issuer: v.Issuer, WorkspaceID: v.WorkspaceID, Version: v.Version, PolicyID: v.PolicyID, Rules: raw(v.Rules),
		Count: v.Count, Note: v.Note, CreatedBy: v.CreatedBy, CreatedAt: utc(v.CreatedAt),
	}).Error
	return failure(ctx, "keeping a version of a policy", err)
}

// maxVersions bounds the versions that are kept of a policy, in number.
const maxVersions = 1000

// forgetOldVersions bounds the history; the version in force is never old.
func (s *Store) forgetOldVersions(ctx context.Context, p authz.Policy, latest int64) error {
	done := s.writer(ctx).Where("issuer = ? AND workspace_id = ? AND version <= ?", p.Issuer, p.WorkspaceID, latest-maxVersions).
		Delete(&policyVersionRow{})
	return failure(ctx, "forgetting old versions of a policy", done.Error)
}

// GetPolicyVersion returns one version of a workspace's rules, or ErrNotFound.
func (s *Store) GetPolicyVersion(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, version int64) (authz.PolicyVersion, error) {
	var r policyVersionRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND version = ?", issuer, ws, version).Take(&r).Error
	if err != nil {
		return authz.PolicyVersion{}, failure(ctx, "reading a version of a policy", err)
	}
	return r.version(), nil
}

// ListPolicyVersions lists at most limit versions of a workspace's rules below
// the one given (0 for all), the newest first, without the rules.
func (s *Store) ListPolicyVersions(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, below int64, limit int) ([]authz.PolicyVersion, error) {
	if below <= 0 {
		below = 1 << 62
	}
	var rows []policyVersionRow
	err := s.reader(ctx).Select("issuer, workspace_id, version, policy_id, count, note, created_by, created_at").
		Where("issuer = ? AND workspace_id = ? AND version < ?", issuer, ws, below).
		Order("version DESC").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing the versions of a policy", err)
	}
	return mapped(rows, policyVersionRow.version), nil
}

const (
	clientsThere = `SELECT id FROM clients WHERE issuer = ? AND (workspace_id = ? OR workspace_id = '' OR ? = '')
		AND state <> 'deleted' AND id IN ?`
	connectionsThere = `SELECT id FROM connections WHERE issuer = ? AND (workspace_id = ? OR ? = '')
		AND state <> 'deleted' AND id IN ?`
)

// NamedByPolicy returns which of the client ids and connection ids, at most
// 500 of each, a policy of the workspace may name: its own and the operator's
// clients; the operator's policy names any.
func (s *Store) NamedByPolicy(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, clients, connections []string) (found map[string]bool, err error) {
	found = make(map[string]bool, len(clients)+len(connections))
	var cs, ns []string
	if err := s.reader(ctx).Raw(clientsThere, issuer, ws, ws, clients).Scan(&cs).Error; err != nil {
		return nil, failure(ctx, "finding the clients a policy names", err)
	}
	if err := s.reader(ctx).Raw(connectionsThere, issuer, ws, ws, connections).Scan(&ns).Error; err != nil {
		return nil, failure(ctx, "finding the connections a policy names", err)
	}
	for _, id := range append(cs, ns...) {
		found[id] = true
	}
	return found, nil
}
