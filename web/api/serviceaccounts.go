package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
)

// ServiceAccount is a service account as the API tells of it.
type ServiceAccount struct {
	ID          string `json:"id"`
	WorkspaceID string `json:"workspace_id"`
	Name        string `json:"name"`
	OwnerID     string `json:"owner_id,omitempty" doc:"The person who answers for it."`
	TeamID      string `json:"team_id,omitempty" doc:"The team that looks after it."`
	Bound       bool   `json:"bound" doc:"Whether roles narrow what its keys and tokens may do."`
	Status      string `json:"status" enum:"active,disabled,deleted"`
	Revision    int64  `json:"revision"`
	CreatedAt   string `json:"created_at"`
}

func viewServiceAccount(s authz.ServiceAccount) ServiceAccount {
	return ServiceAccount{
		ID: string(s.ID), WorkspaceID: string(s.WorkspaceID), Name: s.Name, OwnerID: string(s.OwnerID), TeamID: string(s.TeamID),
		Bound: s.Bounds != nil, Status: string(s.State), Revision: s.Revision, CreatedAt: stamp(s.CreatedAt),
	}
}

// ServiceAccountMembers are what somebody decides about a service account.
type ServiceAccountMembers struct {
	Name    *string `json:"name,omitempty" minLength:"1" maxLength:"200"`
	OwnerID *string `json:"owner_id,omitempty" maxLength:"64" doc:"A member; empty for nobody."`
	TeamID  *string `json:"team_id,omitempty" maxLength:"64" doc:"A team; empty for nobody."`
}

func (m ServiceAccountMembers) settings() admin.ServiceAccountSettings {
	return admin.ServiceAccountSettings{Name: m.Name, OwnerID: (*authz.UserID)(m.OwnerID), TeamID: (*authz.TeamID)(m.TeamID)}
}

// NewServiceAccount is what a new one is made of.
type NewServiceAccount struct {
	ForWorkspace
	ServiceAccountMembers
}

func (a *api) serviceAccountRoutes(h huma.API) {
	const path = "/v1/service-accounts"
	repeatable(a, h, http.MethodPost, path, "create-service-account", "Create a service account", http.StatusCreated,
		func(ctx context.Context, in *create[NewServiceAccount]) (*answer[ServiceAccount], error) {
			return oneServiceAccount(a.cfg.Admin.CreateServiceAccount(ctx, principal(ctx), in.Body.in(ctx), in.Body.settings()))
		})
	register(a, h, http.MethodGet, path, "list-service-accounts", "List service accounts", http.StatusOK, a.listServiceAccounts)
	register(a, h, http.MethodGet, path+"/{id}", "get-service-account", "Get a service account", http.StatusOK,
		func(ctx context.Context, in *OneOf) (*answer[ServiceAccount], error) {
			return oneServiceAccount(a.cfg.Admin.GetServiceAccount(ctx, principal(ctx), in.in(ctx), authz.ServiceAccountID(in.ID)))
		})
	register(a, h, http.MethodPatch, path+"/{id}", "update-service-account", "Change a service account", http.StatusOK,
		func(ctx context.Context, in *patch[ServiceAccountMembers]) (*answer[ServiceAccount], error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			return oneServiceAccount(a.cfg.Admin.UpdateServiceAccount(ctx, principal(ctx), in.in(ctx), authz.ServiceAccountID(in.ID), revision, in.Body.settings()))
		})
	register(a, h, http.MethodDelete, path+"/{id}", "delete-service-account", "End a service account with every key and token of it", http.StatusNoContent,
		func(ctx context.Context, in *OneOf) (*struct{}, error) {
			return nil, a.cfg.Admin.DeleteServiceAccount(ctx, principal(ctx), in.in(ctx), authz.ServiceAccountID(in.ID))
		})
	repeatable(a, h, http.MethodPost, path+"/{id}/disable", "disable-service-account", "Make every key and token of a service account inactive", http.StatusOK,
		func(ctx context.Context, in *OneOf) (*answer[ServiceAccount], error) {
			return oneServiceAccount(a.cfg.Admin.DisableServiceAccount(ctx, principal(ctx), in.in(ctx), authz.ServiceAccountID(in.ID)))
		})
	repeatable(a, h, http.MethodPost, path+"/{id}/enable", "enable-service-account", "Take that back: keys work again, tokens stay dead", http.StatusOK,
		func(ctx context.Context, in *OneOf) (*answer[ServiceAccount], error) {
			return oneServiceAccount(a.cfg.Admin.EnableServiceAccount(ctx, principal(ctx), in.in(ctx), authz.ServiceAccountID(in.ID)))
		})
}

func (a *api) listServiceAccounts(ctx context.Context, in *AllOf) (*answer[list[ServiceAccount]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Admin.ListServiceAccounts(ctx, principal(ctx), in.in(ctx), page)
	if err != nil {
		return nil, err
	}
	at := func(s authz.ServiceAccount) authz.Position {
		return authz.Position{CreatedAt: s.CreatedAt, ID: string(s.ID)}
	}
	return listed(in.Paging, rows, at, viewServiceAccount), nil
}

func oneServiceAccount(found authz.ServiceAccount, err error) (*answer[ServiceAccount], error) {
	if err != nil {
		return nil, err
	}
	return tagged(viewServiceAccount(found), found.Revision), nil
}
