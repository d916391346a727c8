package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type policyDecisionRow struct {
	ID              string
	Issuer          authz.IssuerName
	WorkspaceID     authz.WorkspaceID
	Time            time.Time
	Place           string
	Outcome         string
	Changed         bool
	ClientID        authz.ClientID
	Subject         string
	GrantID         authz.GrantID
	OperatorVersion int64
	Version         int64
	Request         raw
	Result          raw
	ExpiresAt       time.Time
}

// TableName is the row's table.
func (policyDecisionRow) TableName() string { return "policy_decisions" }

func (r policyDecisionRow) decision() authz.PolicyDecision {
	return authz.PolicyDecision{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Time: r.Time.UTC(), Place: r.Place, Outcome: r.Outcome,
		Changed: r.Changed, ClientID: r.ClientID, Subject: r.Subject, GrantID: r.GrantID, OperatorVersion: r.OperatorVersion,
		Version: r.Version, Request: r.Request.json(), Result: r.Result.json(), ExpiresAt: r.ExpiresAt.UTC(),
	}
}

const insertPolicyDecision = `INSERT INTO policy_decisions (id, issuer, workspace_id, time, place, outcome, changed, client_id, subject,
	grant_id, operator_version, version, request, result, expires_at)`

func deciding(d *authz.PolicyDecision) step {
	return step{insertPolicyDecision + ` VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, decisionArgs(d)}
}

func decisionArgs(d *authz.PolicyDecision) []any {
	return []any{
		d.ID, d.Issuer, d.WorkspaceID, utc(d.Time), d.Place, d.Outcome, d.Changed, d.ClientID, d.Subject, d.GrantID,
		d.OperatorVersion, d.Version, raw(d.Request), raw(d.Result), utc(d.ExpiresAt),
	}
}

// RecordDecision keeps a decision of conditional access; within a transaction
// it commits with what was decided on or not at all.
func (s *Store) RecordDecision(ctx context.Context, d authz.PolicyDecision) error {
	err := s.writer(ctx).Create(&policyDecisionRow{
		ID: d.ID, Issuer: d.Issuer, WorkspaceID: d.WorkspaceID, Time: utc(d.Time), Place: d.Place, Outcome: d.Outcome,
		Changed: d.Changed, ClientID: d.ClientID, Subject: d.Subject, GrantID: d.GrantID, OperatorVersion: d.OperatorVersion,
		Version: d.Version, Request: raw(d.Request), Result: raw(d.Result), ExpiresAt: utc(d.ExpiresAt),
	}).Error
	return failure(ctx, "recording a decision", err)
}

// GetDecision returns a workspace's recorded decision, or ErrNotFound.
func (s *Store) GetDecision(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id string) (authz.PolicyDecision, error) {
	var r policyDecisionRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Take(&r).Error; err != nil {
		return authz.PolicyDecision{}, failure(ctx, "reading a decision", err)
	}
	return r.decision(), nil
}

// GetDecisionAcrossWorkspaces returns a recorded decision by its id alone, or ErrNotFound.
func (s *Store) GetDecisionAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id string) (authz.PolicyDecision, error) {
	var r policyDecisionRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ?", id, issuer).Take(&r).Error; err != nil {
		return authz.PolicyDecision{}, failure(ctx, "reading a decision", err)
	}
	return r.decision(), nil
}

// ListDecisions lists a workspace's recorded decisions made before the
// position, or all where it is zero, the newest first.
func (s *Store) ListDecisions(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.PolicyDecision, error) {
	db := s.reader(ctx).Where("issuer = ? AND workspace_id = ?", issuer, ws)
	if page.After.ID != "" {
		db = db.Where("(time, id) < (?, ?)", utc(page.After.CreatedAt), page.After.ID)
	}
	var rows []policyDecisionRow
	if err := db.Order("time DESC, id DESC").Limit(page.Rows()).Find(&rows).Error; err != nil {
		return nil, failure(ctx, "listing decisions", err)
	}
	return mapped(rows, policyDecisionRow.decision), nil
}
