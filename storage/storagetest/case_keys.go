package storagetest

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// keys are the cases of API keys.
func keys() []promise {
	return []promise{
		{"KeysAreRevokedOnceAndPurgedWhenTheirTimeHasCome", testAPIKeys},
		{"KeysChangeOnlyFromTheRevisionThatWasRead", testChangedKeys},
	}
}

// testChangedKeys changes a key as often as there are readers of a revision: once.
func testChangedKeys(e *env) {
	x := e.tenant()
	k := x.key
	k.Name, k.Scopes, k.Resources, k.IPAllowlist = "renamed", []string{"alert:read"}, authz.Resources{AlertRoutes: []string{"p1"}}, nil
	k.Tier, k.State, k.ExpiresAt, k.GraceUntil, k.Successor = "standard", authz.Grace, time.Time{}, e.now.Add(time.Hour), "key_next"
	k.RotateEvery, k.RotateAt, k.Epoch = 0, time.Time{}, 4
	e.must(e.UpdateAPIKey(e.ctx, k))
	e.is(e.UpdateAPIKey(e.ctx, k), authz.ErrStale)
	k.Revision++
	got, lineage, err := e.GetAPIKeyAcrossWorkspaces(e.ctx, e.issuer, k.ID)
	e.must(err)
	k.IPAllowlist = got.IPAllowlist // none is none, however it is kept
	if e.same(got, k); len(got.IPAllowlist) != 0 || lineage.Epoch(authz.APIKeyNode) != 4 {
		e.Fatalf("the lineage is %+v", lineage)
	}
	k.Epoch--
	e.is(e.UpdateAPIKey(e.ctx, k), authz.ErrStale) // epochs never go down
	k.Epoch++
	stolen := k
	stolen.WorkspaceID = e.tenant().workspace.ID
	e.is(e.UpdateAPIKey(e.ctx, stolen), authz.ErrStale)
	e.oneWins(racers, authz.ErrStale, func() error { return e.UpdateAPIKey(e.ctx, k) })
}

func testAPIKeys(e *env) {
	x := e.tenant()
	got, err := e.GetAPIKey(e.ctx, e.issuer, x.workspace.ID, x.key.ID)
	e.must(err)
	e.same(got, x.key)
	got, lineage, err := e.GetAPIKeyAcrossWorkspaces(e.ctx, e.issuer, x.key.ID)
	e.must(err)
	e.same(got, x.key)
	e.same(lineage, authz.Lineage{
		{NodeRef: authz.NodeRef{Kind: authz.AccountNode, ID: string(x.account.ID)}, State: authz.Active},
		{NodeRef: authz.NodeRef{Kind: authz.WorkspaceNode, ID: string(x.workspace.ID)}, State: authz.Active},
		{NodeRef: authz.NodeRef{Kind: authz.ServiceAccountNode, ID: string(x.service.ID)}, State: authz.Active},
		{NodeRef: authz.NodeRef{Kind: authz.APIKeyNode, ID: string(x.key.ID)}, State: authz.Active},
	})
	e.is(e.CreateAPIKey(e.ctx, x.key), authz.ErrConflict)

	e.moved(e.UpdateAPIKeyHash(e.ctx, e.issuer, x.key.ID, x.key.Hash, "$argon2id$new"))
	e.still(e.UpdateAPIKeyHash(e.ctx, e.issuer, x.key.ID, x.key.Hash, "$argon2id$lost"))

	purge := e.now.Add(30 * 24 * time.Hour)
	e.moved(e.RevokeAPIKey(e.ctx, e.issuer, x.workspace.ID, x.key.ID, e.now, purge))
	e.still(e.RevokeAPIKey(e.ctx, e.issuer, x.workspace.ID, x.key.ID, e.now, purge.Add(time.Hour)))
	x.key.Hash, x.key.State, x.key.Epoch, x.key.RevokedAt, x.key.PurgeAt = "$argon2id$new", authz.Revoked, 1, e.now, purge
	x.key.Revision++
	e.is(e.UpdateAPIKey(e.ctx, x.key), authz.ErrStale) // revoked is final
	list, err := e.ListAPIKeys(e.ctx, e.issuer, x.workspace.ID, authz.Page{})
	e.must(err)
	e.same(list, []authz.APIKey{x.key})
	_, lineage, err = e.GetAPIKeyAcrossWorkspaces(e.ctx, e.issuer, x.key.ID)
	e.must(err)
	if lineage.Usable() || lineage.Sum() != 1 {
		e.Fatal("the lineage of a revoked key is usable")
	}

	early, err := e.PurgeAPIKeysAcrossWorkspaces(e.ctx, purge.Add(-time.Microsecond), 100)
	e.must(err)
	due, err := e.PurgeAPIKeysAcrossWorkspaces(e.ctx, purge, 100)
	e.must(err)
	if early != 0 || due != 1 {
		e.Fatalf("%d keys were purged early and %d in time, want 0 and 1", early, due)
	}
	_, err = e.GetAPIKey(e.ctx, e.issuer, x.workspace.ID, x.key.ID)
	e.is(err, authz.ErrNotFound)
}
