package storage

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type auditRow struct {
	ID          int64 `gorm:"primaryKey;autoIncrement"`
	EventID     string
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	AccountID   authz.AccountID
	Time        time.Time
	Type        string
	Result      authz.Result
	Reason      string
	Actor       string
	Target      string
	RequestID   string
	IP          string
	UserAgent   string
	Details     text[map[string]any]
	ActorTeam   authz.TeamID
	TargetTeam  authz.TeamID
	CrossTeam   bool
}

// TableName is the row's table.
func (auditRow) TableName() string { return "audit_entries" }

func (r auditRow) entry() authz.AuditEntry {
	return authz.AuditEntry{
		ID: r.EventID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, AccountID: r.AccountID, Time: r.Time.UTC(),
		Type: r.Type, Result: r.Result, Reason: r.Reason, Actor: r.Actor, Target: r.Target, RequestID: r.RequestID,
		IP: r.IP, UserAgent: r.UserAgent, Details: r.Details.V,
		Team: r.TargetTeam, ActorTeam: r.ActorTeam, CrossTeam: r.CrossTeam,
	}
}

// AppendAudit stores an entry, with an id and the present time where it has
// none; within a transaction it commits with the act or not at all.
func (s *Store) AppendAudit(ctx context.Context, e authz.AuditEntry) error {
	e, err := s.teamed(ctx, s.named(e))
	if err != nil {
		return err
	}
	entry := auditing(&e)
	if e.Team != "" {
		entry = step{insertAuditOfTeam, append(entry.args, e.ActorTeam, e.Team, e.CrossTeam)}
	}
	return s.later(ctx, "appending an audit entry", nil, entry)
}

// named is the entry with an id and a time.
func (s *Store) named(e authz.AuditEntry) authz.AuditEntry {
	if e.Time.IsZero() {
		e.Time = s.clock.Now()
	}
	if e.ID == "" {
		e.ID = authz.NewEventID(e.Time)
	}
	return e
}

// ListAudit lists a workspace's entries; an empty workspace names those of the
// platform. A position's id is the entry's.
func (s *Store) ListAudit(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.AuditEntry, error) {
	return s.listAudit(ctx, s.reader(ctx).Where("issuer = ? AND workspace_id = ?", issuer, ws), page)
}

// ListAuditAcrossWorkspaces lists the issuer's entries of every workspace.
func (s *Store) ListAuditAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, page authz.Page) ([]authz.AuditEntry, error) {
	return s.listAudit(ctx, s.reader(ctx).Where("issuer = ?", issuer), page)
}

func (s *Store) listAudit(ctx context.Context, of *gorm.DB, page authz.Page) ([]authz.AuditEntry, error) {
	var rows []auditRow
	err := of.Where("(time, event_id) > (?, ?)", utc(page.After.CreatedAt), page.After.ID).
		Order("time, event_id").Limit(page.Rows()).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing audit entries", err)
	}
	return mapped(rows, auditRow.entry), nil
}

// LastRefusals lists the latest refused entries of those types about a target
// in a workspace, the newest first.
func (s *Store) LastRefusals(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, target string, types []string, limit int) ([]authz.AuditEntry, error) {
	var rows []auditRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND target = ? AND result = 'refused' AND type IN ?", issuer, ws, target, types).
		Order("time DESC, event_id DESC").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing refusals", err)
	}
	return mapped(rows, auditRow.entry), nil
}
