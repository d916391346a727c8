package admin

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// TeamStore keeps teams.
type TeamStore interface {
	CreateTeam(ctx context.Context, t authz.Team) error
	GetTeam(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.TeamID) (authz.Team, error)
	ListTeams(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.Team, error)
	UpdateTeam(ctx context.Context, t authz.Team) error
	DeleteTeam(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.TeamID) error
	AddTeamMember(ctx context.Context, m authz.TeamMembership) error
	RemoveTeamMember(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.TeamID, user authz.UserID) error
	ListTeamMembers(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.TeamID, limit int) ([]authz.UserID, error)
	TeamsOf(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, limit int) ([]authz.TeamID, error)
	TeamMembershipsOf(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, limit int) ([]authz.TeamMembership, error)
	TeamMembersMadeBy(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, madeBy string, id authz.TeamID, limit int) ([]authz.TeamMembership, error)
}

// ListTeams lists a workspace's teams.
func (a *Admin) ListTeams(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, page authz.Page) ([]authz.Team, error) {
	if err := a.inWorkspace(ctx, by, ScopeMembers, ws); err != nil {
		return nil, err
	}
	return a.cfg.Store.ListTeams(ctx, a.cfg.Issuer, ws, page)
}

// GetTeam returns a team and who is in it.
func (a *Admin) GetTeam(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.TeamID) (authz.Team, []authz.UserID, error) {
	if err := a.inWorkspace(ctx, by, ScopeMembers, ws); err != nil {
		return authz.Team{}, nil, err
	}
	return a.team(ctx, ws, id)
}

func (a *Admin) team(ctx context.Context, ws authz.WorkspaceID, id authz.TeamID) (authz.Team, []authz.UserID, error) {
	t, err := a.cfg.Store.GetTeam(ctx, a.cfg.Issuer, ws, id)
	if err != nil {
		return authz.Team{}, nil, err
	}
	people, err := a.cfg.Store.ListTeamMembers(ctx, a.cfg.Issuer, ws, id, maxTeamMembers)
	return t, people, err
}

// CreateTeam makes a team of nobody.
func (a *Admin) CreateTeam(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, name string) (authz.Team, error) {
	now := a.cfg.Clock.Now()
	t := authz.Team{ID: authz.NewTeamID(), Issuer: a.cfg.Issuer, WorkspaceID: ws, Name: name, Revision: 1, CreatedAt: now, UpdatedAt: now}
	return t, a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		if err := clientmeta.CheckText("name", name); err != nil {
			return err
		}
		if err := a.cfg.Store.CreateTeam(ctx, t); err != nil {
			return err
		}
		return a.record(ctx, by, ws, "team.created", string(t.ID), map[string]any{"name": name})
	})
}

// RenameTeam gives a team another name.
func (a *Admin) RenameTeam(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.TeamID, revision int64, name string) (authz.Team, error) {
	var t authz.Team
	err := a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		var err error
		if t, err = a.cfg.Store.GetTeam(ctx, a.cfg.Issuer, ws, id); err != nil {
			return err
		}
		if revision != 0 && revision != t.Revision {
			return authz.ErrStale
		}
		if err := clientmeta.CheckText("name", name); err != nil {
			return err
		}
		before := t.Name
		t.Name, t.UpdatedAt = name, a.cfg.Clock.Now()
		if err := a.cfg.Store.UpdateTeam(ctx, t); err != nil {
			return err
		}
		t.Revision++
		return a.recordFor(ctx, by, ws, id, "team.updated", string(id), map[string]any{"name_before": before, "name_after": name})
	})
	return t, err
}

// DeleteTeam deletes a team; what its people may do because of it ends at once.
func (a *Admin) DeleteTeam(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.TeamID) error {
	return a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		_, people, err := a.team(ctx, ws, id)
		if err != nil {
			return err
		}
		if err := a.mayGiveTeam(ctx, by, ws, id); err != nil {
			return err
		}
		if err := a.cfg.Store.DeleteBindingsOfSubject(ctx, a.cfg.Issuer, ws, authz.TeamSubject, string(id)); err != nil {
			return err
		}
		if err := a.cfg.Store.DeleteTeam(ctx, a.cfg.Issuer, ws, id); err != nil {
			return err
		}
		for _, user := range people {
			if err := a.compilePerson(ctx, ws, user); err != nil {
				return err
			}
		}
		return a.recordFor(ctx, by, ws, id, "team.deleted", string(id), nil)
	})
}

// mayGiveTeam checks that the principal could give every role the team has:
// putting somebody into it gives them these.
func (a *Admin) mayGiveTeam(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.TeamID) error {
	given, err := a.given(ctx, ws, authz.TeamSubject, string(id))
	if err != nil {
		return err
	}
	for _, g := range given {
		if by.Environment != "" && !by.Platform() && g.Environment != by.Environment {
			return errEnvironment
		}
		if err := a.mayGive(ctx, by, ws, g.Role, g.Environment); err != nil {
			return err
		}
	}
	return nil
}

// AddTeamMember puts a member of the workspace into a team, and so gives them
// its roles.
func (a *Admin) AddTeamMember(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.TeamID, user authz.UserID) error {
	return a.changeTeam(ctx, by, ws, id, user, "team.member_added", func(ctx context.Context, people []authz.UserID) error {
		if _, err := a.cfg.Store.GetMember(ctx, a.cfg.Issuer, ws, user); err != nil {
			return err
		}
		return a.enterTeam(ctx, authz.TeamMembership{Issuer: a.cfg.Issuer, WorkspaceID: ws, Team: id, User: user}, len(people))
	})
}

// enterTeam puts a person into a team of that many, within bounds.
func (a *Admin) enterTeam(ctx context.Context, m authz.TeamMembership, people int) error {
	teams, err := a.cfg.Store.TeamsOf(ctx, a.cfg.Issuer, m.WorkspaceID, m.User, maxTeams)
	if err != nil {
		return err
	}
	if people >= maxTeamMembers || len(teams) >= maxTeams {
		return authz.NewError(authz.Conflict, "team_full", "A team has at most 1000 people, a person at most 50 teams.")
	}
	m.CreatedAt = a.cfg.Clock.Now()
	return a.cfg.Store.AddTeamMember(ctx, m)
}

// RemoveTeamMember takes a person out of a team and its roles from them, at once.
func (a *Admin) RemoveTeamMember(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.TeamID, user authz.UserID) error {
	return a.changeTeam(ctx, by, ws, id, user, "team.member_removed", func(ctx context.Context, _ []authz.UserID) error {
		return a.cfg.Store.RemoveTeamMember(ctx, a.cfg.Issuer, ws, id, user)
	})
}

func (a *Admin) changeTeam(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.TeamID, user authz.UserID, typ string, fn func(context.Context, []authz.UserID) error) error {
	return a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		_, people, err := a.team(ctx, ws, id)
		if err != nil {
			return err
		}
		if err := a.mayGiveTeam(ctx, by, ws, id); err != nil {
			return err
		}
		// Before: who lets themselves in is not in it yet.
		if err := a.recordFor(ctx, by, ws, id, typ, string(id), map[string]any{"user_id": user}); err != nil {
			return err
		}
		if err := fn(ctx, people); err != nil {
			return err
		}
		return a.compilePerson(ctx, ws, user)
	})
}
