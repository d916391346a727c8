package admin

import (
	"cmp"
	"context"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// ResourceStore keeps the ids of resources.
type ResourceStore interface {
	CreateResource(ctx context.Context, r authz.Resource) error
	GetResource(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, kind authz.ResourceKind, id string) (authz.Resource, error)
	ListResources(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, kind authz.ResourceKind, page authz.Page) ([]authz.Resource, error)
	UpdateResource(ctx context.Context, r authz.Resource) error
	DeleteResource(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, kind authz.ResourceKind, id string) error
}

// checkResources checks the ids a role is restricted to.
func checkResources(r authz.Resources) error {
	for _, kind := range []authz.ResourceKind{authz.Cluster, authz.CheckGroup, authz.AlertRoute} {
		ids := r.Of(kind)
		if len(ids) > 100 || slices.ContainsFunc(ids, func(id string) bool { return !authz.ValidResourceID(id) }) {
			return invalid("resources", "must be at most 100 ids of each kind, of letters, digits and ._:-")
		}
	}
	return nil
}

// ResourceSettings are what somebody decides about a resource; nil leaves it as
// it is.
type ResourceSettings struct {
	Name        *string
	Environment *authz.Environment
	TeamID      *authz.TeamID
}

func (in ResourceSettings) apply(r *authz.Resource) {
	authz.Replace(&r.Name, in.Name)
	authz.Replace(&r.Environment, in.Environment)
	authz.Replace(&r.TeamID, in.TeamID)
}

func (a *Admin) checkResource(ctx context.Context, r authz.Resource) error {
	if !r.Kind.Valid() {
		return authz.ErrNotFound
	}
	if !authz.ValidResourceID(r.ID) {
		return invalid("id", "must be 1 to 128 letters, digits and ._:-")
	}
	if r.Name != "" {
		if err := clientmeta.CheckText("name", r.Name); err != nil {
			return err
		}
	}
	if r.TeamID == "" {
		return nil
	}
	_, err := a.cfg.Store.GetTeam(ctx, a.cfg.Issuer, r.WorkspaceID, r.TeamID)
	return notThere("team_id", err)
}

// ListResources lists a workspace's resources of a kind.
func (a *Admin) ListResources(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, kind authz.ResourceKind, page authz.Page) ([]authz.Resource, error) {
	if err := a.inWorkspace(ctx, by, ScopeWorkspaces, ws); err != nil {
		return nil, err
	}
	return a.cfg.Store.ListResources(ctx, a.cfg.Issuer, ws, kind, page)
}

// GetResource returns one.
func (a *Admin) GetResource(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, kind authz.ResourceKind, id string) (authz.Resource, error) {
	if err := a.inWorkspace(ctx, by, ScopeWorkspaces, ws); err != nil {
		return authz.Resource{}, err
	}
	return a.cfg.Store.GetResource(ctx, a.cfg.Issuer, ws, kind, id)
}

// RegisterResource remembers the id of something the customer has.
func (a *Admin) RegisterResource(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, kind authz.ResourceKind, id string, in ResourceSettings) (authz.Resource, error) {
	now := a.cfg.Clock.Now()
	r := authz.Resource{Issuer: a.cfg.Issuer, WorkspaceID: ws, Kind: kind, ID: id, Revision: 1, CreatedAt: now, UpdatedAt: now}
	in.apply(&r)
	return r, a.change(ctx, by, ScopeWorkspaces, ws, func(ctx context.Context) error {
		if err := a.checkResource(ctx, r); err != nil {
			return err
		}
		if err := a.cfg.Store.CreateResource(ctx, r); err != nil {
			return err
		}
		return a.recordFor(ctx, by, ws, r.TeamID, "resource.registered", id, map[string]any{"kind": kind, "team_id": r.TeamID, "environment": r.Environment})
	})
}

// UpdateResource changes what is known of a resource.
func (a *Admin) UpdateResource(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, kind authz.ResourceKind, id string, revision int64, in ResourceSettings) (authz.Resource, error) {
	var r authz.Resource
	err := a.change(ctx, by, ScopeWorkspaces, ws, func(ctx context.Context) error {
		before, err := a.cfg.Store.GetResource(ctx, a.cfg.Issuer, ws, kind, id)
		if err != nil {
			return err
		}
		if revision != 0 && revision != before.Revision {
			return authz.ErrStale
		}
		r = before
		in.apply(&r)
		r.UpdatedAt = a.cfg.Clock.Now()
		if err := a.checkResource(ctx, r); err != nil {
			return err
		}
		if err := a.cfg.Store.UpdateResource(ctx, r); err != nil {
			return err
		}
		r.Revision++
		return a.recordFor(ctx, by, ws, cmp.Or(before.TeamID, r.TeamID), "resource.updated", id, map[string]any{"kind": kind, "team_before": before.TeamID, "team_after": r.TeamID})
	})
	return r, err
}

// ForgetResource forgets the id. Keys and roles restricted to it stay so.
func (a *Admin) ForgetResource(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, kind authz.ResourceKind, id string) error {
	return a.change(ctx, by, ScopeWorkspaces, ws, func(ctx context.Context) error {
		r, err := a.cfg.Store.GetResource(ctx, a.cfg.Issuer, ws, kind, id)
		if err != nil {
			return err
		}
		if err := a.cfg.Store.DeleteResource(ctx, a.cfg.Issuer, ws, kind, id); err != nil {
			return err
		}
		return a.recordFor(ctx, by, ws, r.TeamID, "resource.forgotten", id, map[string]any{"kind": kind})
	})
}
