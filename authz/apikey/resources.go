package apikey

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// restricting are the members of a request that name resources.
var restricting = [...]struct {
	kind   authz.ResourceKind
	member string
}{
	{authz.Cluster, "resources.clusters"}, {authz.CheckGroup, "resources.check_groups"}, {authz.AlertRoute, "resources.alert_routes"},
}

// registered checks that a workspace which says what resources of a kind it has,
// has those that a key is newly restricted to: a key that is restricted to a
// misspelled one is of no use, and looks as if it were. A workspace that never
// registered any of a kind is not held to it.
func (k *Keys) registered(ctx context.Context, ws authz.WorkspaceID, before, after authz.Resources) error {
	for _, r := range restricting {
		was := before.Of(r.kind)
		named := slices.DeleteFunc(slices.Clone(after.Of(r.kind)), func(id string) bool { return slices.Contains(was, id) })
		if ws == "" || len(named) == 0 {
			continue
		}
		there, err := k.cfg.Store.ListResources(ctx, k.cfg.Issuer, ws, r.kind, authz.Page{Limit: 1})
		if err != nil {
			return fmt.Errorf("reading the resources of a workspace: %w", err)
		}
		if len(there) == 0 {
			continue
		}
		for _, id := range named {
			_, err := k.cfg.Store.GetResource(ctx, k.cfg.Issuer, ws, r.kind, id)
			if errors.Is(err, authz.ErrNotFound) {
				return invalid(r.member, "names one that the workspace has not registered")
			}
			if err != nil {
				return fmt.Errorf("reading a resource: %w", err)
			}
		}
	}
	return nil
}
