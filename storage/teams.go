package storage

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type teamRow struct {
	ID          authz.TeamID
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Name        string
	Revision    int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// TableName is the row's table.
func (teamRow) TableName() string { return "teams" }

func (r teamRow) team() authz.Team {
	return authz.Team{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Name: r.Name, Revision: r.Revision,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

type teamMemberRow struct {
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	TeamID      authz.TeamID
	UserID      authz.UserID
	MadeBy      string
	CreatedAt   time.Time
}

func (r teamMemberRow) membership() authz.TeamMembership {
	return authz.TeamMembership{
		Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Team: r.TeamID, User: r.UserID, MadeBy: r.MadeBy, CreatedAt: r.CreatedAt.UTC(),
	}
}

// TableName is the row's table.
func (teamMemberRow) TableName() string { return "team_members" }

// CreateTeam stores a new team; ErrConflict when its name is taken.
func (s *Store) CreateTeam(ctx context.Context, t authz.Team) error {
	err := s.writer(ctx).Create(&teamRow{
		ID: t.ID, Issuer: t.Issuer, WorkspaceID: t.WorkspaceID, Name: t.Name, Revision: max(1, t.Revision),
		CreatedAt: utc(t.CreatedAt), UpdatedAt: utc(t.UpdatedAt),
	}).Error
	return failure(ctx, "creating a team", err)
}

// GetTeam returns a workspace's team, or ErrNotFound.
func (s *Store) GetTeam(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.TeamID) (authz.Team, error) {
	var r teamRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Take(&r).Error; err != nil {
		return authz.Team{}, failure(ctx, "reading a team", err)
	}
	return r.team(), nil
}

// ListTeams lists a workspace's teams.
func (s *Store) ListTeams(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.Team, error) {
	var rows []teamRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ?", issuer, ws).
		Where("(created_at, id) > (?, ?)", utc(page.After.CreatedAt), page.After.ID).
		Order("created_at, id").Limit(page.Rows()).Find(&rows).Error
	return mapped(rows, teamRow.team), failure(ctx, "listing teams", err)
}

// UpdateTeam renames a team if its revision is still t.Revision, and raises it by
// one; ErrStale when it is not, ErrConflict when the name is taken.
func (s *Store) UpdateTeam(ctx context.Context, t authz.Team) error {
	done := s.writer(ctx).Model(&teamRow{}).Where("id = ? AND issuer = ? AND workspace_id = ? AND revision = ?", t.ID, t.Issuer, t.WorkspaceID, t.Revision).
		UpdateColumns(map[string]any{"name": t.Name, "revision": gorm.Expr("revision + 1"), "updated_at": utc(t.UpdatedAt)})
	return changed(ctx, "renaming a team", done, authz.ErrStale)
}

// DeleteTeam deletes a team and who is in it, or answers ErrNotFound. What the
// team looked after belongs to nobody then.
func (s *Store) DeleteTeam(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.TeamID) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Delete(&teamRow{})
		if err := changed(ctx, "deleting a team", done, authz.ErrNotFound); err != nil {
			return err
		}
		err := s.writer(ctx).Where("team_id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Delete(&teamMemberRow{}).Error
		return failure(ctx, "emptying a team", err)
	})
}

// AddTeamMember puts a person into a team; ErrConflict when they are in it.
func (s *Store) AddTeamMember(ctx context.Context, m authz.TeamMembership) error {
	err := s.writer(ctx).Create(&teamMemberRow{
		Issuer: m.Issuer, WorkspaceID: m.WorkspaceID, TeamID: m.Team, UserID: m.User, MadeBy: m.MadeBy, CreatedAt: utc(m.CreatedAt),
	}).Error
	return failure(ctx, "adding somebody to a team", err)
}

// RemoveTeamMember takes a person out of a team, or answers ErrNotFound.
func (s *Store) RemoveTeamMember(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.TeamID, user authz.UserID) error {
	done := s.writer(ctx).Where("team_id = ? AND user_id = ? AND issuer = ? AND workspace_id = ?", id, user, issuer, ws).Delete(&teamMemberRow{})
	return changed(ctx, "taking somebody out of a team", done, authz.ErrNotFound)
}

// LeaveTeams takes a person out of every team of a workspace.
func (s *Store) LeaveTeams(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) error {
	err := s.writer(ctx).Where("issuer = ? AND workspace_id = ? AND user_id = ?", issuer, ws, user).Delete(&teamMemberRow{}).Error
	return failure(ctx, "leaving teams", err)
}

// ListTeamMembers lists the people of a team, at most limit.
func (s *Store) ListTeamMembers(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.TeamID, limit int) ([]authz.UserID, error) {
	var rows []teamMemberRow
	err := s.reader(ctx).Where("team_id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Order("user_id").Limit(limit).Find(&rows).Error
	return mapped(rows, func(r teamMemberRow) authz.UserID { return r.UserID }), failure(ctx, "listing a team", err)
}

// TeamsOf lists the teams a person is in, at most limit.
func (s *Store) TeamsOf(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, limit int) ([]authz.TeamID, error) {
	in, err := s.TeamMembershipsOf(ctx, issuer, ws, user, limit)
	return mapped(in, func(m authz.TeamMembership) authz.TeamID { return m.Team }), err
}

// TeamMembershipsOf lists how a person is in teams, at most limit of them.
func (s *Store) TeamMembershipsOf(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, limit int) ([]authz.TeamMembership, error) {
	var rows []teamMemberRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND user_id = ?", issuer, ws, user).Order("team_id").Limit(limit).Find(&rows).Error
	return mapped(rows, teamMemberRow.membership), failure(ctx, "listing a person's teams", err)
}

// TeamMembersMadeBy lists whom a connection put into a team, at most limit.
func (s *Store) TeamMembersMadeBy(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, madeBy string, id authz.TeamID, limit int) ([]authz.TeamMembership, error) {
	var rows []teamMemberRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND made_by = ? AND team_id = ? AND made_by <> ''", issuer, ws, madeBy, id).
		Order("user_id").Limit(limit).Find(&rows).Error
	return mapped(rows, teamMemberRow.membership), failure(ctx, "listing whom a connection put into a team", err)
}
