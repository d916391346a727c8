package storage

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const (
	insertAuditOfTeam = `INSERT INTO audit_entries (event_id, issuer, workspace_id, account_id, time, type, result, reason,
	actor, target, request_id, ip, user_agent, details, actor_team, target_team, cross_team)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

	teamOfServiceAccount = `SELECT team_id FROM service_accounts WHERE id = ? AND issuer = ? AND workspace_id = ?`

	teamOfKey = `SELECT s.team_id FROM api_keys k JOIN service_accounts s ON s.id = k.service_account_id
	WHERE k.id = ? AND k.issuer || '' = ? AND k.workspace_id = ?`

	// The team asked about comes first, if the person is in it.
	teamOfPerson = `SELECT team_id FROM team_members WHERE user_id = ? AND issuer = ? AND workspace_id = ?
	ORDER BY CASE WHEN team_id = ? THEN 0 ELSE 1 END, team_id LIMIT 1`
)

// teamed says whose team looks after the target of an act, and whether the actor
// is in it: as it is now, for it may be otherwise when somebody asks.
func (s *Store) teamed(ctx context.Context, e authz.AuditEntry) (authz.AuditEntry, error) {
	var err error
	if e.Team == "" {
		switch {
		case strings.HasPrefix(e.Target, "sa_"):
			e.Team, err = s.teamOf(ctx, teamOfServiceAccount, e.Target, e.Issuer, e.WorkspaceID)
		case strings.HasPrefix(e.Target, "key_"):
			e.Team, err = s.teamOf(ctx, teamOfKey, e.Target, e.Issuer, e.WorkspaceID)
		}
	}
	if err != nil || e.Team == "" || e.Actor == "" {
		return e, err
	}
	switch {
	case strings.HasPrefix(e.Actor, "usr_"):
		e.ActorTeam, err = s.teamOf(ctx, teamOfPerson, e.Actor, e.Issuer, e.WorkspaceID, e.Team)
	case strings.HasPrefix(e.Actor, "sa_"):
		e.ActorTeam, err = s.teamOf(ctx, teamOfServiceAccount, e.Actor, e.Issuer, e.WorkspaceID)
	}
	e.CrossTeam = e.ActorTeam != e.Team
	return e, err
}

func (s *Store) teamOf(ctx context.Context, query string, args ...any) (team authz.TeamID, err error) {
	err = s.queryRow(ctx, query, args...).Scan(&team)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return team, failure(ctx, "finding a team", err)
}

// ListCrossTeam lists a workspace's entries of acts on what a team looks after
// that the actor was not in.
func (s *Store) ListCrossTeam(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.AuditEntry, error) {
	return s.listAudit(ctx, s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND cross_team", issuer, ws), page)
}
