package storagetest

import (
	"context"
	"sync"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func testGrants(e *env) {
	x := e.tenant()
	offline := e.personal(x)
	offline.SessionID = ""
	for _, want := range []authz.Grant{e.granted(e.personal(x)), e.granted(offline), e.granted(e.machine(x))} {
		got, lineage, err := e.GetGrantAcrossWorkspaces(e.ctx, e.issuer, want.ID)
		e.must(err)
		if want.KeyID != "" {
			want.Tier, want.IPAllowlist = x.key.Tier, x.key.IPAllowlist // the key's, which it is read with
		}
		e.same(got, want)
		e.same(lineage.Refs(), want.Refs())
		if !live(got, lineage) {
			e.Fatal("a fresh grant is not live")
		}
		e.moved(e.RevokeGrant(e.ctx, e.issuer, want.ID))
		e.still(e.RevokeGrant(e.ctx, e.issuer, want.ID))
		got, _, err = e.GetGrantAcrossWorkspaces(e.ctx, e.issuer, want.ID)
		e.must(err)
		want.State = authz.Revoked
		e.same(got, want)
	}

	// An ancestor that is not there counts as deleted.
	lost := e.personal(x)
	lost.ConnectionID = authz.NewConnectionID()
	lost = e.granted(lost)
	got, lineage, err := e.GetGrantAcrossWorkspaces(e.ctx, e.issuer, lost.ID)
	e.must(err)
	if live(got, lineage) || lineage[2].State != authz.Deleted {
		e.Fatalf("a missing ancestor is %q", lineage[2].State)
	}
}

func testStandingGrants(e *env) {
	x := e.tenant()
	const askers = 16
	ids := make([]authz.GrantID, askers)
	var all sync.WaitGroup
	for i := range askers {
		all.Go(func() {
			g, err := e.StandingGrant(e.ctx, e.machine(x))
			if err != nil {
				e.Error(err)
			}
			ids[i] = g.ID
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			e.Fatal("two got different standing grants")
		}
	}
	want := e.machine(x)
	want.ID = ids[0]
	got, err := e.StandingGrant(e.ctx, e.machine(x))
	e.must(err)
	e.same(got, want)

	other := e.machine(x)
	other.Lineage++
	after, err := e.StandingGrant(e.ctx, other)
	e.must(err)
	if after.ID == ids[0] {
		e.Fatal("a moved lineage found the old grant")
	}
	e.moved(e.RevokeGrant(e.ctx, e.issuer, ids[0]))
	e.must(e.InTx(e.ctx, func(ctx context.Context) error {
		got, err = e.StandingGrant(ctx, e.machine(x))
		return err
	}))
	if got.ID == ids[0] {
		e.Fatal("a revoked standing grant is given out")
	}
}
