package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
)

// Resource is a registered resource as the API tells of it.
type Resource struct {
	Kind        string `json:"kind" enum:"cluster,check_group,alert_route"`
	ID          string `json:"id"`
	WorkspaceID string `json:"workspace_id"`
	Name        string `json:"name,omitempty"`
	Environment string `json:"environment,omitempty"`
	TeamID      string `json:"team_id,omitempty" doc:"The team that looks after it."`
	Revision    int64  `json:"revision"`
	CreatedAt   string `json:"created_at"`
	UpdatedAt   string `json:"updated_at"`
}

func viewResource(r authz.Resource) Resource {
	return Resource{
		Kind: string(r.Kind), ID: r.ID, WorkspaceID: string(r.WorkspaceID), Name: r.Name, Environment: string(r.Environment),
		TeamID: string(r.TeamID), Revision: r.Revision, CreatedAt: stamp(r.CreatedAt), UpdatedAt: stamp(r.UpdatedAt),
	}
}

// ResourceMembers are what somebody decides about a resource.
type ResourceMembers struct {
	Name        *string `json:"name,omitempty" maxLength:"200"`
	Environment *string `json:"environment,omitempty" enum:"live,test,"`
	TeamID      *string `json:"team_id,omitempty" maxLength:"64" doc:"A team; empty for nobody."`
}

func (m ResourceMembers) settings() admin.ResourceSettings {
	return admin.ResourceSettings{Name: m.Name, Environment: (*authz.Environment)(m.Environment), TeamID: (*authz.TeamID)(m.TeamID)}
}

// ResourceKind names a kind of resource.
type ResourceKind struct {
	Kind string `path:"kind" enum:"cluster,check_group,alert_route"`
}

func (k ResourceKind) kind() authz.ResourceKind { return authz.ResourceKind(k.Kind) }

// ResourcePath names a resource; the id is the customer's own.
type ResourcePath struct {
	ResourceKind
	ID string `path:"id" maxLength:"128"`
	InWorkspace
}

func (a *api) resourceRoutes(h huma.API) {
	const path = "/v1/resources/{kind}"
	type registered struct {
		ResourceKind
		Body struct {
			ForWorkspace
			ID string `json:"id" minLength:"1" maxLength:"128" doc:"Your own id for it."`
			ResourceMembers
		}
	}
	type changed struct {
		ResourcePath
		IfMatch
		Body ResourceMembers
	}
	repeatable(a, h, http.MethodPost, path, "register-resource", "Register a resource that keys and roles can be restricted to", http.StatusCreated,
		func(ctx context.Context, in *registered) (*answer[Resource], error) {
			return oneResource(a.cfg.Admin.RegisterResource(ctx, principal(ctx), in.Body.in(ctx), in.kind(), in.Body.ID, in.Body.settings()))
		})
	register(a, h, http.MethodGet, path, "list-resources", "List resources of a kind", http.StatusOK, a.listResources)
	register(a, h, http.MethodGet, path+"/{id}", "get-resource", "Get a resource", http.StatusOK,
		func(ctx context.Context, in *ResourcePath) (*answer[Resource], error) {
			return oneResource(a.cfg.Admin.GetResource(ctx, principal(ctx), in.in(ctx), in.kind(), in.ID))
		})
	register(a, h, http.MethodPatch, path+"/{id}", "update-resource", "Change what is known of a resource", http.StatusOK,
		func(ctx context.Context, in *changed) (*answer[Resource], error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			return oneResource(a.cfg.Admin.UpdateResource(ctx, principal(ctx), in.in(ctx), in.kind(), in.ID, revision, in.Body.settings()))
		})
	register(a, h, http.MethodDelete, path+"/{id}", "forget-resource", "Forget a resource; what is restricted to it stays so", http.StatusNoContent,
		func(ctx context.Context, in *ResourcePath) (*struct{}, error) {
			return nil, a.cfg.Admin.ForgetResource(ctx, principal(ctx), in.in(ctx), in.kind(), in.ID)
		})
}

type listResources struct {
	ResourceKind
	AllOf
}

func (a *api) listResources(ctx context.Context, in *listResources) (*answer[list[Resource]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Admin.ListResources(ctx, principal(ctx), in.in(ctx), in.kind(), page)
	if err != nil {
		return nil, err
	}
	at := func(r authz.Resource) authz.Position { return authz.Position{CreatedAt: r.CreatedAt, ID: r.ID} }
	return listed(in.Paging, rows, at, viewResource), nil
}

func oneResource(found authz.Resource, err error) (*answer[Resource], error) {
	if err != nil {
		return nil, err
	}
	return tagged(viewResource(found), found.Revision), nil
}
