package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
)

// Workspace is a workspace as the API tells of it.
type Workspace struct {
	ID        string `json:"id"`
	AccountID string `json:"account_id"`
	Name      string `json:"name"`
	Tier      string `json:"tier,omitempty"`
	Leaver    string `json:"leaver" enum:"transfer,end" doc:"What becomes of the service accounts and keys of a member who leaves."`
	Status    string `json:"status" enum:"active,suspended,deleted"`
	Revision  int64  `json:"revision"`
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
}

func viewWorkspace(w authz.Workspace) Workspace {
	leaver := w.Leaver
	if leaver == "" {
		leaver = authz.TransferKeys
	}
	return Workspace{
		ID: string(w.ID), AccountID: string(w.AccountID), Name: w.Name, Tier: w.Tier, Leaver: string(leaver), Status: string(w.State), Revision: w.Revision,
		CreatedAt: stamp(w.CreatedAt), UpdatedAt: stamp(w.UpdatedAt),
	}
}

type createWorkspace struct {
	Body struct {
		Name      string `json:"name" minLength:"1" maxLength:"200"`
		AccountID string `json:"account_id,omitempty" doc:"An account that exists; without it one is created."`
		Tier      string `json:"tier,omitempty" maxLength:"32"`
	}
}

type patchWorkspace struct {
	ID string `path:"id" maxLength:"64"`
	IfMatch
	Body struct {
		Name   *string `json:"name,omitempty" minLength:"1" maxLength:"200"`
		Leaver *string `json:"leaver,omitempty" enum:"transfer,end"`
		Tier   *string `json:"tier,omitempty" maxLength:"32" doc:"The operator's to decide."`
	}
}

type workspaceID struct {
	ID string `path:"id" maxLength:"64"`
}

func (a *api) workspaceRoutes(h huma.API) {
	repeatable(a, h, http.MethodPost, "/v1/workspaces", "create-workspace", "Create a workspace", http.StatusCreated, a.createWorkspace)
	register(a, h, http.MethodGet, "/v1/workspaces", "list-workspaces", "List workspaces", http.StatusOK, a.listWorkspaces)
	register(a, h, http.MethodGet, "/v1/workspaces/{id}", "get-workspace", "Get a workspace", http.StatusOK, a.getWorkspace)
	register(a, h, http.MethodPatch, "/v1/workspaces/{id}", "update-workspace", "Change a workspace", http.StatusOK, a.patchWorkspace)
	register(a, h, http.MethodDelete, "/v1/workspaces/{id}", "delete-workspace", "End a workspace and everything in it, for good", http.StatusNoContent,
		func(ctx context.Context, in *workspaceID) (*struct{}, error) {
			return nil, a.cfg.Admin.DeleteWorkspace(ctx, principal(ctx), authz.WorkspaceID(in.ID))
		})
	repeatable(a, h, http.MethodPost, "/v1/workspaces/{id}/suspend", "suspend-workspace",
		"Suspend a workspace: everything below it is inactive at once", http.StatusOK, a.suspendWorkspace)
	repeatable(a, h, http.MethodPost, "/v1/workspaces/{id}/resume", "resume-workspace",
		"Resume a workspace: keys work again, tokens stay dead", http.StatusOK, a.resumeWorkspace)
}

func (a *api) createWorkspace(ctx context.Context, in *createWorkspace) (*answer[Workspace], error) {
	w, err := a.cfg.Admin.CreateWorkspace(ctx, principal(ctx), admin.NewWorkspace{Name: in.Body.Name, AccountID: authz.AccountID(in.Body.AccountID), Tier: in.Body.Tier})
	return a.workspace(w, err)
}

func (a *api) patchWorkspace(ctx context.Context, in *patchWorkspace) (*answer[Workspace], error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	return a.workspace(a.cfg.Admin.UpdateWorkspace(ctx, principal(ctx), authz.WorkspaceID(in.ID), revision, admin.WorkspaceSettings{
		Name: in.Body.Name, Leaver: (*authz.LeaverPolicy)(in.Body.Leaver), Tier: in.Body.Tier,
	}))
}

func (a *api) listWorkspaces(ctx context.Context, in *Paging) (*answer[list[Workspace]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Admin.ListWorkspaces(ctx, principal(ctx), page)
	if err != nil {
		return nil, err
	}
	at := func(w authz.Workspace) authz.Position {
		return authz.Position{CreatedAt: w.CreatedAt, ID: string(w.ID)}
	}
	return listed(*in, rows, at, viewWorkspace), nil
}

func (a *api) getWorkspace(ctx context.Context, in *workspaceID) (*answer[Workspace], error) {
	return a.workspace(a.cfg.Admin.GetWorkspace(ctx, principal(ctx), authz.WorkspaceID(in.ID)))
}

func (a *api) suspendWorkspace(ctx context.Context, in *workspaceID) (*answer[Workspace], error) {
	return a.workspace(a.cfg.Admin.SuspendWorkspace(ctx, principal(ctx), authz.WorkspaceID(in.ID)))
}

func (a *api) resumeWorkspace(ctx context.Context, in *workspaceID) (*answer[Workspace], error) {
	return a.workspace(a.cfg.Admin.ResumeWorkspace(ctx, principal(ctx), authz.WorkspaceID(in.ID)))
}

func (a *api) workspace(w authz.Workspace, err error) (*answer[Workspace], error) {
	if err != nil {
		return nil, err
	}
	return tagged(viewWorkspace(w), w.Revision), nil
}
