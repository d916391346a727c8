package storagetest

import (
	"strconv"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
)

func (e *env) scopesAt(version int64, names ...string) authz.ScopesVersion {
	v := authz.ScopesVersion{
		Issuer: e.issuer, Version: version, Act: "scope.created", Name: "reports:read", Note: "why ✓", CreatedBy: "key_1",
		CreatedAt: e.now.Add(time.Duration(version) * time.Minute),
	}
	for _, name := range names {
		v.Scopes = append(v.Scopes, authz.Scope{Kind: authz.KeyScope, Name: name, Description: "Read reports", Aliases: []string{"read:" + name}})
	}
	return v
}

// Scopes are in force one version at a time, an issuer's own, and the latest few
// versions stay.
func testScopes(e *env) {
	_, err := e.ScopesInForce(e.ctx, e.issuer)
	e.is(err, authz.ErrNotFound)
	first, second := e.scopesAt(1, "reports:read"), e.scopesAt(2, "reports:read", "reports:write")
	e.must(e.PutScopes(e.ctx, first, 2, nil))
	e.is(e.PutScopes(e.ctx, first, 2, nil), authz.ErrStale)
	e.must(e.PutScopes(e.ctx, second, 2, nil))
	got, err := e.ScopesInForce(e.ctx, e.issuer)
	e.must(err)
	e.same(got, second)
	got, err = e.GetScopesVersion(e.ctx, e.issuer, 1)
	e.must(err)
	e.same(got, first)
	_, err = e.ScopesInForce(e.ctx, "another")
	e.is(err, authz.ErrNotFound)
	_, err = e.GetScopesVersion(e.ctx, "another", 1)
	e.is(err, authz.ErrNotFound)

	third := e.scopesAt(3)
	e.must(e.PutScopes(e.ctx, third, 2, nil))
	_, err = e.GetScopesVersion(e.ctx, e.issuer, 1)
	e.is(err, authz.ErrNotFound)
	list, err := e.ListScopesVersions(e.ctx, e.issuer, 0, 10)
	e.must(err)
	third.Scopes, second.Scopes = nil, nil
	e.same(list, []authz.ScopesVersion{third, second})
	list, err = e.ListScopesVersions(e.ctx, e.issuer, 3, 10)
	e.must(err)
	e.same(list, []authz.ScopesVersion{second})
}

// Of many who change the scopes at once from the same version, one does.
func testScopesRace(e *env) {
	const many = 8
	outcomes := make(chan error, many)
	var all sync.WaitGroup
	for n := range many {
		all.Go(func() { outcomes <- e.PutScopes(e.ctx, e.scopesAt(1, "s"+strconv.Itoa(n)), 100, nil) })
	}
	all.Wait()
	done := 0
	for range many {
		if err := <-outcomes; err == nil {
			done++
		} else {
			e.is(err, authz.ErrStale)
		}
	}
	e.same(done, 1)
}

// Whoever remembers scopes hears that there are others, and whoever remembers
// anything that it is old, where a change says so.
func testScopesEvents(e *env) {
	_, pos, err := e.NodeEventsSince(e.ctx, storage.EventPosition{})
	e.must(err)
	e.must(e.PutScopes(e.ctx, e.scopesAt(1), 2, nil))
	e.is(e.PutScopes(e.ctx, e.scopesAt(1), 2, []authz.NodeRef{authz.EverythingRef()}), authz.ErrStale)
	e.must(e.PutScopes(e.ctx, e.scopesAt(2), 2, []authz.NodeRef{authz.EverythingRef()}))
	refs, _, err := e.NodeEventsSince(e.ctx, pos)
	e.must(err)
	told := map[authz.NodeRef]int{}
	for _, ref := range refs {
		told[ref]++
	}
	e.same(told[authz.ScopesRef(e.issuer)], 2)
	e.same(told[authz.EverythingRef()], 1)
}
