package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Team is a team as the API tells of it.
type Team struct {
	ID          string   `json:"id"`
	WorkspaceID string   `json:"workspace_id"`
	Name        string   `json:"name"`
	Members     []string `json:"members,omitempty" doc:"User ids; told for one team, not in lists."`
	Revision    int64    `json:"revision"`
	CreatedAt   string   `json:"created_at"`
	UpdatedAt   string   `json:"updated_at"`
}

func viewTeam(t authz.Team) Team {
	return Team{
		ID: string(t.ID), WorkspaceID: string(t.WorkspaceID), Name: t.Name, Revision: t.Revision,
		CreatedAt: stamp(t.CreatedAt), UpdatedAt: stamp(t.UpdatedAt),
	}
}

// TeamName is what somebody decides about a team.
type TeamName struct {
	Name string `json:"name" minLength:"1" maxLength:"200"`
}

type teamMember struct {
	OneOf
	UserID string `path:"user_id" maxLength:"64"`
}

// NewTeam is what a new one is made of.
type NewTeam struct {
	ForWorkspace
	TeamName
}

func (a *api) teamRoutes(h huma.API) {
	const path = "/v1/teams"
	repeatable(a, h, http.MethodPost, path, "create-team", "Create a team", http.StatusCreated,
		func(ctx context.Context, in *create[NewTeam]) (*answer[Team], error) {
			return oneTeam(a.cfg.Admin.CreateTeam(ctx, principal(ctx), in.Body.in(ctx), in.Body.Name))
		})
	register(a, h, http.MethodGet, path, "list-teams", "List teams", http.StatusOK, a.listTeams)
	register(a, h, http.MethodGet, path+"/{id}", "get-team", "Get a team and who is in it", http.StatusOK,
		func(ctx context.Context, in *OneOf) (*answer[Team], error) {
			t, people, err := a.cfg.Admin.GetTeam(ctx, principal(ctx), in.in(ctx), authz.TeamID(in.ID))
			if err != nil {
				return nil, err
			}
			view := viewTeam(t)
			view.Members = texts(people)
			return tagged(view, t.Revision), nil
		})
	register(a, h, http.MethodPatch, path+"/{id}", "update-team", "Rename a team", http.StatusOK,
		func(ctx context.Context, in *patch[TeamName]) (*answer[Team], error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			return oneTeam(a.cfg.Admin.RenameTeam(ctx, principal(ctx), in.in(ctx), authz.TeamID(in.ID), revision, in.Body.Name))
		})
	register(a, h, http.MethodDelete, path+"/{id}", "delete-team", "Delete a team; its people lose its roles at once", http.StatusNoContent,
		func(ctx context.Context, in *OneOf) (*struct{}, error) {
			return nil, a.cfg.Admin.DeleteTeam(ctx, principal(ctx), in.in(ctx), authz.TeamID(in.ID))
		})
	register(a, h, http.MethodPut, path+"/{id}/members/{user_id}", "add-team-member", "Put a member into a team", http.StatusNoContent,
		func(ctx context.Context, in *teamMember) (*struct{}, error) {
			return nil, a.cfg.Admin.AddTeamMember(ctx, principal(ctx), in.in(ctx), authz.TeamID(in.ID), authz.UserID(in.UserID))
		})
	register(a, h, http.MethodDelete, path+"/{id}/members/{user_id}", "remove-team-member", "Take a member out of a team", http.StatusNoContent,
		func(ctx context.Context, in *teamMember) (*struct{}, error) {
			return nil, a.cfg.Admin.RemoveTeamMember(ctx, principal(ctx), in.in(ctx), authz.TeamID(in.ID), authz.UserID(in.UserID))
		})
}

func (a *api) listTeams(ctx context.Context, in *AllOf) (*answer[list[Team]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Admin.ListTeams(ctx, principal(ctx), in.in(ctx), page)
	if err != nil {
		return nil, err
	}
	at := func(t authz.Team) authz.Position { return authz.Position{CreatedAt: t.CreatedAt, ID: string(t.ID)} }
	return listed(in.Paging, rows, at, viewTeam), nil
}

func oneTeam(t authz.Team, err error) (*answer[Team], error) {
	if err != nil {
		return nil, err
	}
	return tagged(viewTeam(t), t.Revision), nil
}
