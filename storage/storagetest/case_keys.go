package storagetest

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// keys are the cases of API keys.
func keys() []promise {
	return []promise{
		{"KeysAreRevokedOnceAndPurgedWhenTheirTimeHasCome", testAPIKeys},
		{"KeysChangeOnlyFromTheRevisionThatWasRead", testChangedKeys},
		{"WhoHoldsAKeyAloneSeesWhetherItIsReplaced", testHeldKeys},
		{"TheTextOfAKeyIsClaimedByOneAndGoesWithItsTime", testKeyClaims},
		{"KeysAreDueByScheduleAgeAndPolicy", testKeysDue},
		{"TheEndOfAGraceIsToldOnce", testKeysEnding},
		{"KeysThatEndedArePurgedWithWhatStoodOnThem", testPurgedKeys},
		{"KeysAreListedByFilterAndTellTheirLastUse", testKeyList},
		{"DestinationsOfKeysStayWhereTheirWorkspaceIs", testDestinations},
		{"ADeliveryIsOneNodesAtATimeAndForgottenWhenItArrived", testKeyDeliveries},
		{"FromWhereAReplacedKeyIsUsedIsKept", testKeyCallers},
		{"APolicyOfKeysChangesOnlyFromTheRevisionThatWasRead", testKeyPolicies},
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

// testHeldKeys has one enable a key unless its successor is replaced, and another
// replace the successor unless the key is enabled: both must not succeed.
func testHeldKeys(e *env) {
	_, err := e.HoldAPIKey(e.ctx, e.issuer, "elsewhere", e.tenant().key.ID)
	e.is(err, authz.ErrNotFound)
	for range rounds() {
		x, y := e.tenant(), e.tenant()
		first, second := x.key, y.key
		held, err := e.HoldAPIKey(e.ctx, e.issuer, x.workspace.ID, first.ID)
		e.must(err)
		e.same(held, first) // holding changes nothing
		first.State = authz.Disabled
		e.must(e.UpdateAPIKey(e.ctx, first))
		first.Revision, first.State, second.Successor = first.Revision+1, authz.Active, "key_third"
		enable := func(ctx context.Context) error {
			if err := e.UpdateAPIKey(ctx, first); err != nil {
				return err
			}
			next, err := e.HoldAPIKey(ctx, e.issuer, y.workspace.ID, second.ID)
			if err == nil && next.Successor != "" {
				return errHeld
			}
			return err
		}
		replace := func(ctx context.Context) error {
			if err := e.UpdateAPIKey(ctx, second); err != nil {
				return err
			}
			before, err := e.GetAPIKey(ctx, e.issuer, x.workspace.ID, first.ID)
			if err == nil && before.State == authz.Active {
				return errHeld
			}
			return err
		}
		acts := make(chan func(context.Context) error, 2)
		acts <- enable
		acts <- replace
		e.oneWins(2, errHeld, func() error { return e.InTx(e.ctx, <-acts) })
	}
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
	list, err := e.ListAPIKeys(e.ctx, e.issuer, x.workspace.ID, authz.KeyFilter{}, authz.Page{})
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

func testKeyClaims(e *env) {
	x := e.tenant()
	c := authz.KeyClaim{
		KeyID: x.key.ID, Issuer: e.issuer, WorkspaceID: x.workspace.ID, Predecessor: "key_before", Sealed: []byte{1, 0, 255},
		ExpiresAt: e.now.Add(72 * time.Hour),
	}
	e.must(e.CreateKeyClaim(e.ctx, c))
	e.is(e.CreateKeyClaim(e.ctx, c), authz.ErrConflict)
	got, err := e.GetKeyClaim(e.ctx, e.issuer, x.workspace.ID, x.key.ID, e.now)
	e.must(err)
	e.same(got, c)
	e.must(e.MoveKeyClaim(e.ctx, e.issuer, x.workspace.ID, x.key.ID, e.now.Add(time.Hour)))
	_, err = e.GetKeyClaim(e.ctx, e.issuer, x.workspace.ID, x.key.ID, e.now.Add(time.Hour))
	e.is(err, authz.ErrNotFound)
	foreign := e.tenant().workspace.ID
	_, err = e.GetKeyClaim(e.ctx, e.issuer, foreign, x.key.ID, e.now)
	e.is(err, authz.ErrNotFound)
	_, err = e.GetKeyClaim(e.ctx, "elsewhere", x.workspace.ID, x.key.ID, e.now)
	e.is(err, authz.ErrNotFound)

	until := e.now.Add(10 * time.Minute)
	e.still(e.ClaimKey(e.ctx, e.issuer, foreign, x.key.ID, "key_before", e.now, until))
	e.still(e.ClaimKey(e.ctx, e.issuer, x.workspace.ID, x.key.ID, "key_before", e.now.Add(time.Hour), until)) // too late
	e.oneWins(racers, errHeld, func() error {
		moved, err := e.ClaimKey(e.ctx, e.issuer, x.workspace.ID, x.key.ID, "key_before", e.now, until)
		if err == nil && !moved {
			return errHeld
		}
		return err
	})
	e.must(e.MoveKeyClaim(e.ctx, e.issuer, x.workspace.ID, x.key.ID, e.now.Add(time.Hour))) // not what was claimed
	got, err = e.GetKeyClaim(e.ctx, e.issuer, x.workspace.ID, x.key.ID, e.now)
	e.must(err)
	c.ClaimedBy, c.ClaimedAt, c.ExpiresAt = "key_before", e.now, until
	e.same(got, c)
	handed, err := e.GetAPIKey(e.ctx, e.issuer, x.workspace.ID, x.key.ID)
	e.must(err)
	x.key.HandedTo = "key_before"
	e.same(handed, x.key)
	e.must(e.DropKeyClaim(e.ctx, e.issuer, foreign, x.key.ID))
	_, err = e.GetKeyClaim(e.ctx, e.issuer, x.workspace.ID, x.key.ID, e.now)
	e.must(err)
	e.must(e.DropKeyClaim(e.ctx, e.issuer, x.workspace.ID, x.key.ID))
	_, err = e.GetKeyClaim(e.ctx, e.issuer, x.workspace.ID, x.key.ID, e.now)
	e.is(err, authz.ErrNotFound)
	e.must(e.CreateKeyClaim(e.ctx, c))

	other := e.tenant()
	c.KeyID, c.WorkspaceID = other.key.ID, other.workspace.ID
	e.must(e.CreateKeyClaim(e.ctx, c))
	e.moved(e.RevokeAPIKey(e.ctx, e.issuer, other.workspace.ID, other.key.ID, e.now, e.now.Add(time.Hour)))
	_, err = e.GetKeyClaim(e.ctx, e.issuer, other.workspace.ID, other.key.ID, e.now)
	e.is(err, authz.ErrNotFound)
	_, err = e.DeleteExpiredAcrossWorkspaces(e.ctx, until, 1000)
	e.must(err)
	e.must(e.CreateKeyClaim(e.ctx, authz.KeyClaim{KeyID: x.key.ID, Issuer: e.issuer, WorkspaceID: x.workspace.ID, Sealed: []byte{1}, ExpiresAt: until}))
}

func testKeysDue(e *env) { //nolint:funlen // one story, told in order
	x, other := e.tenant(), e.tenant()
	due, older, enforced := e.KeysDueAcrossWorkspaces, e.KeysOlderAcrossWorkspaces, e.KeysEnforcedAcrossWorkspaces
	ids := func(keys []authz.APIKey, err error) (list []authz.KeyID) {
		e.Helper()
		e.must(err)
		for _, k := range keys {
			list = append(list, k.ID)
		}
		return list
	}
	at := x.key.RotateAt
	change := func(k *authz.APIKey, how func(*authz.APIKey)) {
		e.Helper()
		how(k)
		e.must(e.UpdateAPIKey(e.ctx, *k))
		k.Revision++
	}
	forever := func(k *authz.APIKey) { k.ExpiresAt = time.Time{} }
	change(&x.key, forever)
	change(&other.key, forever)
	both := ids(due(e.ctx, e.issuer, at, 10))
	if len(both) != 2 || len(ids(due(e.ctx, e.issuer, at, 1))) != 1 || ids(due(e.ctx, e.issuer, at.Add(-time.Microsecond), 10)) != nil || ids(due(e.ctx, "elsewhere", at, 10)) != nil {
		e.Fatalf("due are %v", both)
	}
	if len(ids(older(e.ctx, e.issuer, at, e.now, 10))) != 2 || ids(older(e.ctx, e.issuer, at, e.now.Add(-time.Microsecond), 10)) != nil {
		e.Fatal("age does not make a key due")
	}
	if ids(enforced(e.ctx, e.issuer, at, e.now, 10)) != nil {
		e.Fatal("no workspace enforces anything")
	}
	e.must(e.PutKeyPolicy(e.ctx, authz.KeyPolicy{Issuer: e.issuer, WorkspaceID: x.workspace.ID, EnforceRotation: true, UpdatedAt: e.now}))
	e.same(ids(enforced(e.ctx, e.issuer, at, e.now, 10)), []authz.KeyID{x.key.ID})
	if ids(enforced(e.ctx, e.issuer, at, e.now.Add(-time.Microsecond), 10)) != nil {
		e.Fatal("a young key is due")
	}
	for what, how := range map[string]func(*authz.APIKey){
		"disabled": func(k *authz.APIKey) { k.State = authz.Disabled }, "in grace": func(k *authz.APIKey) { k.State = authz.Grace },
		"expired": func(k *authz.APIKey) { k.State, k.ExpiresAt = authz.Active, at },
	} {
		before := x.key
		change(&x.key, how)
		e.same(ids(due(e.ctx, e.issuer, at, 10)), []authz.KeyID{other.key.ID})
		if ids(enforced(e.ctx, e.issuer, at, e.now, 10)) != nil {
			e.Fatalf("a key that is %s is due", what)
		}
		revision := x.key.Revision
		x.key = before
		x.key.Revision = revision
		change(&x.key, forever)
	}
	successor := e.key(x)
	successor.Predecessor, successor.ExpiresAt, successor.RotateAt = x.key.ID, time.Time{}, at
	e.must(e.CreateAPIKey(e.ctx, successor))
	change(&x.key, func(k *authz.APIKey) { k.State, k.GraceUntil = authz.Grace, at.Add(time.Second) })
	e.same(ids(due(e.ctx, e.issuer, at, 10)), []authz.KeyID{other.key.ID}) // its predecessor is valid
	change(&x.key, func(k *authz.APIKey) { k.GraceUntil = at })
	if len(ids(due(e.ctx, e.issuer, at, 10))) != 2 {
		e.Fatal("its predecessor is not valid any more")
	}
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, authz.NodeRef{Kind: authz.ServiceAccountNode, ID: string(x.service.ID)}, authz.Disabled))
	e.moved(e.KillNode(e.ctx, e.issuer, other.workspace.ID, authz.NodeRef{Kind: authz.WorkspaceNode, ID: string(other.workspace.ID)}, authz.Suspended))
	if list := ids(due(e.ctx, e.issuer, at, 10)); list != nil {
		e.Fatalf("due below what does not stand: %v", list)
	}
}

// testKeysEnding tells of the end of a grace once, unless it is moved.
func testKeysEnding(e *env) {
	x := e.tenant()
	k := x.key
	k.State, k.GraceUntil = authz.Grace, e.now.Add(72*time.Hour)
	e.must(e.UpdateAPIKey(e.ctx, k))
	k.Revision++
	end := func(now, end time.Time, want int) {
		e.Helper()
		list, err := e.KeysEndingAcrossWorkspaces(e.ctx, e.issuer, now, end, 10)
		e.must(err)
		if len(list) != want {
			e.Fatalf("%d keys end, want %d", len(list), want)
		}
	}
	end(e.now, k.GraceUntil.Add(-time.Microsecond), 0)
	end(k.GraceUntil, k.GraceUntil, 0)
	end(e.now, k.GraceUntil, 1)
	stale := k
	stale.Revision--
	e.still(e.WarnOfKey(e.ctx, stale))
	e.oneWins(racers, errHeld, func() error {
		moved, err := e.WarnOfKey(e.ctx, k)
		if err == nil && !moved {
			return errHeld
		}
		return err
	})
	end(e.now, k.GraceUntil, 0)
	e.must(e.UpdateAPIKey(e.ctx, k)) // to what k says, which is that nobody was told
	end(e.now, k.GraceUntil, 1)
}

func testKeyPolicies(e *env) {
	ws := e.tenant().workspace.ID
	_, err := e.GetKeyPolicy(e.ctx, e.issuer, ws)
	e.is(err, authz.ErrNotFound)
	p := authz.KeyPolicy{Issuer: e.issuer, WorkspaceID: ws, UnusedAfter: 48 * time.Hour, UpdatedAt: e.now}
	e.oneWins(racers, authz.ErrStale, func() error { return e.PutKeyPolicy(e.ctx, p) })
	p.Revision = 1
	got, err := e.GetKeyPolicy(e.ctx, e.issuer, ws)
	e.must(err)
	e.same(got, p)
	e.oneWins(racers, authz.ErrStale, func() error { return e.PutKeyPolicy(e.ctx, p) })
	_, err = e.GetKeyPolicy(e.ctx, "elsewhere", ws)
	e.is(err, authz.ErrNotFound)
	list, err := e.UnusedKeyPoliciesAcrossWorkspaces(e.ctx, e.issuer, "", 10)
	e.must(err)
	p.Revision = 2
	e.same(list, []authz.KeyPolicy{p})
	list, err = e.UnusedKeyPoliciesAcrossWorkspaces(e.ctx, e.issuer, ws, 10)
	e.must(err)
	p.UnusedAfter, p.EnforceRotation = 0, true
	e.must(e.PutKeyPolicy(e.ctx, p))
	none, err := e.UnusedKeyPoliciesAcrossWorkspaces(e.ctx, e.issuer, "", 10)
	e.must(err)
	if len(list) != 0 || len(none) != 0 {
		e.Fatalf("%d after the last, %d that disable none", len(list), len(none))
	}
}

func testKeyList(e *env) {
	x := e.tenant()
	now := e.now.Add(time.Hour)
	list := func(f authz.KeyFilter) []authz.APIKey {
		e.Helper()
		f.Now = now
		keys, err := e.ListAPIKeys(e.ctx, e.issuer, x.workspace.ID, f, authz.Page{})
		e.must(err)
		return keys
	}
	other := e.key(x)
	other.Name, other.State, other.GraceUntil, other.Environment = "Größe_1", authz.Grace, now, authz.Test
	e.must(e.CreateAPIKey(e.ctx, other))
	for what, c := range map[string]struct {
		filter authz.KeyFilter
		want   []authz.KeyID
	}{
		"active":    {authz.KeyFilter{Status: "active"}, []authz.KeyID{x.key.ID}},
		"in grace":  {authz.KeyFilter{Status: "grace"}, nil},
		"expired":   {authz.KeyFilter{Status: "expired"}, []authz.KeyID{other.ID}},
		"disabled":  {authz.KeyFilter{Status: "disabled"}, nil},
		"sandbox":   {authz.KeyFilter{Environment: authz.Test}, []authz.KeyID{other.ID}},
		"a name":    {authz.KeyFilter{Text: "DEPLOY"}, []authz.KeyID{x.key.ID}},
		"a part":    {authz.KeyFilter{Text: "Größe_"}, []authz.KeyID{other.ID}},
		"wildcards": {authz.KeyFilter{Text: "d%y"}, nil},
		"a hook":    {authz.KeyFilter{Text: "e_1' OR '1'='1"}, nil},
		"unused":    {authz.KeyFilter{UnusedSince: e.now, Status: "active"}, []authz.KeyID{x.key.ID}},
		"used":      {authz.KeyFilter{UnusedSince: e.now.Add(-time.Microsecond)}, nil},
	} {
		var got []authz.KeyID
		for _, k := range list(c.filter) {
			got = append(got, k.ID)
		}
		if len(got) != len(c.want) || len(got) == 1 && got[0] != c.want[0] {
			e.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}

	used := e.now.Add(time.Minute)
	note := func(at time.Time, ip string) {
		e.Helper()
		e.must(e.NoteAPIKeyUses(e.ctx, e.issuer, []authz.KeyUse{{KeyID: "key_unknown", At: at}, {KeyID: x.key.ID, At: at, IP: ip}}))
	}
	note(used, "192.0.2.1")
	note(used.Add(-time.Second), "192.0.2.2") // a node that is late
	note(used.Add(time.Second), "")
	e.must(e.NoteAPIKeyUses(e.ctx, "elsewhere", []authz.KeyUse{{KeyID: x.key.ID, At: now, IP: "192.0.2.3"}}))
	got, err := e.GetAPIKey(e.ctx, e.issuer, x.workspace.ID, x.key.ID)
	e.must(err)
	x.key.LastUsedAt, x.key.LastUsedIP = used.Add(time.Second), "192.0.2.1"
	e.same(got, x.key)
	if len(list(authz.KeyFilter{UnusedSince: used, Status: "active"})) != 0 {
		e.Fatal("a key that was used is listed as unused")
	}
}

func testPurgedKeys(e *env) {
	x := e.tenant()
	standing, err := e.StandingGrant(e.ctx, e.machine(x))
	e.must(err)
	replaced, alive := e.key(x), e.key(x)
	replaced.State, replaced.GraceUntil, replaced.ExpiresAt = authz.Grace, e.now.Add(time.Hour), time.Time{}
	alive.ExpiresAt = time.Time{}
	e.must(e.CreateAPIKey(e.ctx, replaced))
	e.must(e.CreateAPIKey(e.ctx, alive))
	purge := func(issuer authz.IssuerName, at time.Time, want int64) {
		e.Helper()
		n, err := e.PurgeEndedAPIKeysAcrossWorkspaces(e.ctx, issuer, at, 10)
		e.must(err)
		if n != want {
			e.Fatalf("%d purged, want %d", n, want)
		}
	}
	purge(e.issuer, e.now.Add(time.Hour-time.Microsecond), 0)
	purge("elsewhere", x.key.ExpiresAt, 0)
	purge(e.issuer, e.now.Add(time.Hour), 1)
	purge(e.issuer, x.key.ExpiresAt, 1)
	purge(e.issuer, x.key.ExpiresAt.Add(time.Hour), 0)
	_, _, err = e.GetGrantAcrossWorkspaces(e.ctx, e.issuer, standing.ID)
	e.is(err, authz.ErrNotFound)
	_, err = e.GetAPIKey(e.ctx, e.issuer, x.workspace.ID, alive.ID)
	e.must(err)
}
