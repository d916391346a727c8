package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
)

// Role is a role as the API tells of it.
type Role struct {
	ID          string   `json:"id"`
	WorkspaceID string   `json:"workspace_id,omitempty"`
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
	ReadOnly    bool     `json:"read_only" doc:"For good: it never holds a permission that changes anything."`
	BuiltIn     bool     `json:"built_in"`
	Revision    int64    `json:"revision"`
	CreatedAt   string   `json:"created_at,omitempty"`
	UpdatedAt   string   `json:"updated_at,omitempty"`
}

func viewRole(r authz.Role) Role {
	return Role{
		ID: string(r.ID), WorkspaceID: string(r.WorkspaceID), Name: r.Name, Permissions: orEmpty(r.Permissions), ReadOnly: r.ReadOnly,
		BuiltIn: r.BuiltIn, Revision: r.Revision, CreatedAt: stamp(r.CreatedAt), UpdatedAt: stamp(r.UpdatedAt),
	}
}

// RoleMembers are what somebody decides about a role.
type RoleMembers struct {
	Name        *string   `json:"name,omitempty" minLength:"1" maxLength:"200"`
	Permissions *[]string `json:"permissions,omitempty" maxItems:"64"`
	ReadOnly    *bool     `json:"read_only,omitempty"`
}

// RoleBinding is a role given to a subject, as the API tells of it.
type RoleBinding struct {
	ID          string          `json:"id"`
	WorkspaceID string          `json:"workspace_id"`
	SubjectKind string          `json:"subject_kind" enum:"user,team,service_account"`
	Subject     string          `json:"subject"`
	Role        string          `json:"role"`
	Environment string          `json:"environment,omitempty" doc:"Absent: both."`
	Resources   authz.Resources `json:"resources" doc:"An absent list restricts nothing of its kind."`
	MadeBy      string          `json:"made_by"`
	CreatedAt   string          `json:"created_at"`
}

func viewBinding(b authz.RoleBinding) RoleBinding {
	return RoleBinding{
		ID: string(b.ID), WorkspaceID: string(b.WorkspaceID), SubjectKind: string(b.Kind), Subject: b.Subject, Role: string(b.Role),
		Environment: string(b.Environment), Resources: b.Resources, MadeBy: b.MadeBy, CreatedAt: stamp(b.CreatedAt),
	}
}

// BindingMembers say whom to give which role, and where.
type BindingMembers struct {
	SubjectKind string          `json:"subject_kind" enum:"user,team,service_account"`
	Subject     string          `json:"subject" minLength:"1" maxLength:"64"`
	Role        string          `json:"role" minLength:"1" maxLength:"64"`
	Environment string          `json:"environment,omitempty" enum:"live,test"`
	Resources   authz.Resources `json:"resources,omitempty"`
}

// NewRole is what a new one is made of.
type NewRole struct {
	ForWorkspace
	RoleMembers
}

// NewRoleBinding is what a new one is made of.
type NewRoleBinding struct {
	ForWorkspace
	BindingMembers
}

func (a *api) roleRoutes(h huma.API) {
	const path = "/v1/roles"
	settings := func(m RoleMembers) admin.RoleSettings {
		return admin.RoleSettings{Name: m.Name, Permissions: m.Permissions, ReadOnly: m.ReadOnly}
	}
	repeatable(a, h, http.MethodPost, path, "create-role", "Create a role", http.StatusCreated,
		func(ctx context.Context, in *create[NewRole]) (*answer[Role], error) {
			return oneRole(a.cfg.Admin.CreateRole(ctx, principal(ctx), in.Body.in(ctx), settings(in.Body.RoleMembers)))
		})
	register(a, h, http.MethodGet, path, "list-roles", "List roles, the built-in ones first", http.StatusOK, a.listRoles)
	register(a, h, http.MethodGet, path+"/{id}", "get-role", "Get a role", http.StatusOK,
		func(ctx context.Context, in *OneOf) (*answer[Role], error) {
			return oneRole(a.cfg.Admin.GetRole(ctx, principal(ctx), in.in(ctx), authz.RoleID(in.ID)))
		})
	register(a, h, http.MethodPatch, path+"/{id}", "update-role", "Change a role, and what everybody may do who has it", http.StatusOK,
		func(ctx context.Context, in *patch[RoleMembers]) (*answer[Role], error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			return oneRole(a.cfg.Admin.UpdateRole(ctx, principal(ctx), in.in(ctx), authz.RoleID(in.ID), revision, settings(in.Body)))
		})
	register(a, h, http.MethodDelete, path+"/{id}", "delete-role", "Delete a role that nobody has", http.StatusNoContent,
		func(ctx context.Context, in *OneOf) (*struct{}, error) {
			return nil, a.cfg.Admin.DeleteRole(ctx, principal(ctx), in.in(ctx), authz.RoleID(in.ID))
		})
	a.bindingRoutes(h)
}

func (a *api) listRoles(ctx context.Context, in *AllOf) (*answer[list[Role]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Admin.ListRoles(ctx, principal(ctx), in.in(ctx), page)
	if err != nil {
		return nil, err
	}
	at := func(r authz.Role) authz.Position { return authz.Position{CreatedAt: r.CreatedAt, ID: string(r.ID)} }
	out := listed(in.Paging, rows, at, viewRole)
	if in.Cursor == "" {
		var first []Role
		everywhere, err := a.cfg.Admin.BuiltInRoles(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range everywhere {
			first = append(first, viewRole(r))
		}
		out.Body.Items = append(first, out.Body.Items...)
	}
	return out, nil
}

func oneRole(r authz.Role, err error) (*answer[Role], error) {
	if err != nil {
		return nil, err
	}
	return tagged(viewRole(r), r.Revision), nil
}

func (a *api) bindingRoutes(h huma.API) {
	const path = "/v1/role-bindings"
	repeatable(a, h, http.MethodPost, path, "create-role-binding", "Give a subject a role", http.StatusCreated,
		func(ctx context.Context, in *create[NewRoleBinding]) (*answer[RoleBinding], error) {
			b := in.Body
			return oneBinding(a.cfg.Admin.Bind(ctx, principal(ctx), in.Body.in(ctx), admin.Binding{
				Kind: authz.SubjectKind(b.SubjectKind), Subject: b.Subject, Role: authz.RoleID(b.Role),
				Environment: authz.Environment(b.Environment), Resources: b.Resources,
			}))
		})
	register(a, h, http.MethodGet, path, "list-role-bindings", "List who has which role", http.StatusOK, a.listBindings)
	register(a, h, http.MethodGet, path+"/{id}", "get-role-binding", "Get a role binding", http.StatusOK,
		func(ctx context.Context, in *OneOf) (*answer[RoleBinding], error) {
			return oneBinding(a.cfg.Admin.GetRoleBinding(ctx, principal(ctx), in.in(ctx), authz.BindingID(in.ID)))
		})
	register(a, h, http.MethodDelete, path+"/{id}", "delete-role-binding", "Take a role from a subject", http.StatusNoContent,
		func(ctx context.Context, in *OneOf) (*struct{}, error) {
			return nil, a.cfg.Admin.Unbind(ctx, principal(ctx), in.in(ctx), authz.BindingID(in.ID))
		})
}

func (a *api) listBindings(ctx context.Context, in *AllOf) (*answer[list[RoleBinding]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Admin.ListRoleBindings(ctx, principal(ctx), in.in(ctx), page)
	if err != nil {
		return nil, err
	}
	at := func(b authz.RoleBinding) authz.Position {
		return authz.Position{CreatedAt: b.CreatedAt, ID: string(b.ID)}
	}
	return listed(in.Paging, rows, at, viewBinding), nil
}

func oneBinding(b authz.RoleBinding, err error) (*answer[RoleBinding], error) {
	if err != nil {
		return nil, err
	}
	return answered(viewBinding(b)), nil
}
