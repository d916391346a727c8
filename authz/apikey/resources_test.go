package apikey_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// U3, S8: a workspace that says what it has is told of a resource it does not have;
// one of another workspace is none of its own.
func TestU3_S8_AnUnknownResourceIsRefusedByItsMember(t *testing.T) {
	h := newHouse(t)
	register := func(ws authz.WorkspaceID, kind authz.ResourceKind, id string) {
		t.Helper()
		now := h.clock.Now()
		h.check(h.store.CreateResource(t.Context(), authz.Resource{Issuer: up, WorkspaceID: ws, Kind: kind, ID: id, Name: id, Revision: 1, CreatedAt: now, UpdatedAt: now}))
	}
	mint := func(r authz.Resources) (authz.APIKey, error) {
		key, _, err := h.keys.Mint(t.Context(), h.operator, origin, h.request(func(q *apikey.Request) { q.Resources = r }))
		return key, err
	}
	before := must(mint(authz.Resources{Clusters: []string{"eu-0"}}))(t) // nothing is registered
	register(h.ws.ID, authz.Cluster, "eu-1")
	register(h.neighbour.ID, authz.Cluster, "us-1")
	register(h.neighbour.ID, authz.CheckGroup, "theirs")
	must(mint(authz.Resources{Clusters: []string{"eu-1"}, CheckGroups: []string{"any"}}))(t)
	for member, r := range map[string]authz.Resources{
		"an unknown cluster":    {Clusters: []string{"eu-1", "eu-2"}},
		"that of the neighbour": {Clusters: []string{"us-1"}},
	} {
		_, err := mint(r)
		refused(t, member, err, authz.Invalid, "invalid_request", r.Clusters[len(r.Clusters)-1])
		if e := err.Error(); e == "" || !strings.Contains(e, "resources.clusters: ") {
			t.Errorf("%s: %v", member, err)
		}
	}
	change := func(r authz.Resources) error {
		_, err := h.update(h.operator, before.ID, apikey.Change{Resources: &r})
		return err
	}
	refused(t, "a change to an unknown one", change(authz.Resources{Clusters: []string{"eu-0", "eu-2"}}), authz.Invalid, "invalid_request", "eu-2")
	h.check(change(authz.Resources{Clusters: []string{"eu-0", "eu-1"}})) // what it had it keeps
	if n := len(h.entries(h.ws.ID, "api_key.created")); n != 2 {
		t.Errorf("%d keys were made", n)
	}
}
