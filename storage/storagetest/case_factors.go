package storagetest

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// factors are the promises about what people prove themselves with.
func factors() []promise {
	return []promise{
		{"AFactorsCounterOnlyGoesOn", testFactors},
		{"OneOfManyUsesAFactor", testFactorRace},
		{"OneOfManyIsTheFirstFactorOfAPerson", testFirstFactorRace},
		{"OneOfManyRemovesTheLastFactorButOne", testLastFactorRace},
		{"ARecoveryCodeIsUsedOnce", testRecoveryCodes},
		{"AttemptsAreCountedOneByOne", testAttempts},
		{"AFactorLeavesWithTheMembership", testFactorsOfLeavers},
		{"OneOfManyStepsASessionUp", testStepUp},
		{"LocalAccountsAreAWorkspacesOwn", testLocalAccounts},
		{"OneOfManyUsesAnEnrolment", testEnrolments},
		{"AKeyIsDelegatedToFromTheRevisionThatWasRead", testKeyDelegation},
	}
}

func (e *env) factor(x tenant, kind authz.FactorKind) authz.Factor {
	e.Helper()
	f := e.newFactor(x, kind)
	e.must(e.CreateFactor(e.ctx, f))
	return f
}

func (e *env) newFactor(x tenant, kind authz.FactorKind) authz.Factor {
	f := authz.Factor{
		ID: authz.NewFactorID(), Issuer: e.issuer, WorkspaceID: x.workspace.ID, UserID: x.user.ID, Kind: kind, Name: "Phone ✓", State: authz.Active,
		Counter: 7, CreatedAt: e.now,
	}
	if kind == authz.PasskeyFactor {
		id := randomDigest()
		f.CredentialID, f.Credential, f.Synced = id[:], json.RawMessage(`{"a":1}`), true
	} else {
		f.Secret = []byte("sealed")
	}
	return f
}

func testFactors(e *env) { //nolint:funlen // one story, told in order
	x, y := e.tenant(), e.tenant()
	app, key := e.factor(x, authz.TOTPFactor), e.factor(x, authz.PasskeyFactor)
	list, err := e.ListFactors(e.ctx, e.issuer, x.workspace.ID, x.user.ID)
	e.must(err)
	if len(list) != 2 {
		e.Fatalf("factors %+v", list)
	}
	for _, got := range list {
		want := app
		if got.ID == key.ID {
			want = key
		}
		e.same(got, want)
	}
	// One app a person; a passkey is one person's, in one workspace.
	second := app
	second.ID = authz.NewFactorID()
	e.is(e.CreateFactor(e.ctx, second), authz.ErrConflict)
	copied := key
	copied.ID, copied.WorkspaceID, copied.UserID = authz.NewFactorID(), y.workspace.ID, y.user.ID
	e.is(e.CreateFactor(e.ctx, copied), authz.ErrConflict)
	got, err := e.FactorByCredentialAcrossWorkspaces(e.ctx, e.issuer, key.CredentialID)
	e.must(err)
	e.same(got, key)
	_, err = e.FactorByCredentialAcrossWorkspaces(e.ctx, "other", key.CredentialID)
	e.is(err, authz.ErrNotFound)

	for _, counter := range []int64{6, 7} {
		app.Counter, key.Counter = counter, counter
		e.is(e.UseFactor(e.ctx, app), authz.ErrConsumed)
		e.is(e.UseFactor(e.ctx, key), authz.ErrConsumed)
	}
	key.Counter, key.Synced, key.Credential, key.LastUsedAt = 8, false, json.RawMessage(`{"a":2}`), e.now.Add(time.Hour)
	foreign := key
	foreign.WorkspaceID = y.workspace.ID
	e.is(e.UseFactor(e.ctx, foreign), authz.ErrConsumed)
	e.must(e.UseFactor(e.ctx, key))
	got, err = e.FactorByCredentialAcrossWorkspaces(e.ctx, e.issuer, key.CredentialID)
	e.must(err)
	e.same(got, key)

	// One that counts nothing stays at nothing; a step of time never does.
	uncounted := e.factor(y, authz.PasskeyFactor)
	uncounted.Counter = 0
	e.is(e.UseFactor(e.ctx, uncounted), authz.ErrConsumed)
	e.must(e.DeleteFactor(e.ctx, e.issuer, y.workspace.ID, y.user.ID, uncounted.ID))
	e.must(e.CreateFactor(e.ctx, uncounted))
	e.must(e.UseFactor(e.ctx, uncounted))
	e.must(e.UseFactor(e.ctx, uncounted))

	e.is(e.DisableFactor(e.ctx, foreign), authz.ErrNotFound)
	e.must(e.DisableFactor(e.ctx, key))
	key.Counter = 9
	e.is(e.UseFactor(e.ctx, key), authz.ErrConsumed)
	e.is(e.DeleteFactor(e.ctx, e.issuer, y.workspace.ID, y.user.ID, key.ID), authz.ErrNotFound)
	e.must(e.DeleteFactor(e.ctx, e.issuer, x.workspace.ID, x.user.ID, key.ID))
	for range 19 {
		e.factor(x, authz.PasskeyFactor)
	}
	full := key
	full.ID = authz.NewFactorID()
	e.is(e.CreateFactor(e.ctx, full), authz.ErrConflict)
}

// once counts how many of several did it.
func (e *env) once(do func() error) int32 {
	e.Helper()
	var did atomic.Int32
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if do() == nil {
				did.Add(1)
			}
		})
	}
	group.Wait()
	return did.Load()
}

func testFactorRace(e *env) {
	x := e.tenant()
	app := e.factor(x, authz.TOTPFactor)
	for range rounds() {
		app.Counter++
		if n := e.once(func() error { return e.UseFactor(e.ctx, app) }); n != 1 {
			e.Fatalf("%d used one step", n)
		}
	}
}

// testFirstFactorRace has several decide from a person's factors, as authz/factor
// does, that theirs is the first.
func testFirstFactorRace(e *env) {
	e.is(e.HoldPerson(e.ctx, e.issuer, "elsewhere", e.tenant().user.ID), authz.ErrNotFound)
	for range rounds() {
		x := e.tenant()
		before, err := e.GetMember(e.ctx, e.issuer, x.workspace.ID, x.user.ID)
		e.must(err)
		e.oneWins(4, errHeld, func() error {
			return e.InTx(e.ctx, func(ctx context.Context) error {
				if err := e.HoldPerson(ctx, e.issuer, x.workspace.ID, x.user.ID); err != nil {
					return err
				}
				held, err := e.ListFactors(ctx, e.issuer, x.workspace.ID, x.user.ID)
				if err != nil || len(held) > 0 {
					return cmp.Or(err, errHeld)
				}
				return e.CreateFactor(ctx, e.newFactor(x, authz.PasskeyFactor))
			})
		})
		after, err := e.GetMember(e.ctx, e.issuer, x.workspace.ID, x.user.ID)
		e.must(err)
		e.same(after, before) // holding changes nothing
	}
}

// testLastFactorRace has an operator's two factors removed at once, each because
// there is another.
func testLastFactorRace(e *env) {
	for range rounds() {
		x := e.tenant()
		x.workspace.ID, x.user = "", authz.User{ID: authz.NewUserID(), Issuer: e.issuer, State: authz.Active, CreatedAt: e.now, UpdatedAt: e.now}
		e.must(e.CreateLocalAccount(e.ctx, x.user, authz.LocalAccount{
			Issuer: e.issuer, UserID: x.user.ID, Kind: authz.OperatorAccount, Login: strings.ToLower(string(x.user.ID)), CreatedAt: e.now,
		}))
		ids := make(chan authz.FactorID, 2)
		ids <- e.factor(x, authz.TOTPFactor).ID
		ids <- e.factor(x, authz.PasskeyFactor).ID
		e.oneWins(2, errHeld, func() error {
			id := <-ids
			return e.InTx(e.ctx, func(ctx context.Context) error {
				if err := e.HoldPerson(ctx, e.issuer, "", x.user.ID); err != nil {
					return err
				}
				held, err := e.ListFactors(ctx, e.issuer, "", x.user.ID)
				if err != nil || len(held) < 2 {
					return cmp.Or(err, errHeld)
				}
				return e.DeleteFactor(ctx, e.issuer, "", x.user.ID, id)
			})
		})
	}
}

func testRecoveryCodes(e *env) {
	x, y := e.tenant(), e.tenant()
	ws, user := x.workspace.ID, x.user.ID
	codes := []authz.RecoveryCode{{Lookup: "A0", Hash: "one", CreatedAt: e.now}, {Lookup: "B1", Hash: "two", CreatedAt: e.now}}
	e.must(e.ReplaceRecoveryCodes(e.ctx, e.issuer, ws, user, codes))
	e.must(e.ReplaceRecoveryCodes(e.ctx, e.issuer, y.workspace.ID, y.user.ID, codes))
	code, err := e.GetRecoveryCode(e.ctx, e.issuer, ws, user, "A0")
	e.must(err)
	e.same(code, authz.RecoveryCode{Issuer: e.issuer, WorkspaceID: ws, UserID: user, Lookup: "A0", Hash: "one", CreatedAt: e.now})
	for _, foreign := range []authz.WorkspaceID{"", "ws_other", y.workspace.ID} {
		_, err := e.GetRecoveryCode(e.ctx, e.issuer, foreign, user, "A0")
		e.is(err, authz.ErrNotFound)
	}
	if n := e.once(func() error { return e.UseRecoveryCode(e.ctx, code, e.now) }); n != 1 {
		e.Fatalf("%d used one code", n)
	}
	_, err = e.GetRecoveryCode(e.ctx, e.issuer, ws, user, "A0")
	e.is(err, authz.ErrNotFound)
	left, err := e.RecoveryCodesLeft(e.ctx, e.issuer, ws, user)
	e.must(err)
	e.same(left, int64(1))
	// One that was read before it was replaced is used by nobody.
	old, err := e.GetRecoveryCode(e.ctx, e.issuer, ws, user, "B1")
	e.must(err)
	e.must(e.ReplaceRecoveryCodes(e.ctx, e.issuer, ws, user, []authz.RecoveryCode{{Lookup: "B1", Hash: "three", CreatedAt: e.now}}))
	e.is(e.UseRecoveryCode(e.ctx, old, e.now), authz.ErrConsumed)
	left, err = e.RecoveryCodesLeft(e.ctx, e.issuer, y.workspace.ID, y.user.ID)
	e.must(err)
	e.same(left, int64(2))
}

func testAttempts(e *env) {
	of := randomDigest()
	none, err := e.GetAttempts(e.ctx, e.issuer, "ws_a", of)
	e.must(err)
	e.same(none, authz.Attempts{Digest: of, Issuer: e.issuer, WorkspaceID: "ws_a"})
	one := none
	one.Count, one.Until, one.ExpiresAt = 1, e.now.Add(time.Minute), e.now.Add(time.Hour)
	for _, step := range [][2]authz.Attempts{{none, one}, {one, func() authz.Attempts { two := one; two.Count, two.Strikes = 2, 1; return two }()}} {
		if n := e.once(func() error { return e.CountAttempt(e.ctx, step[0], step[1]) }); n != 1 {
			e.Fatalf("%d counted one attempt", n)
		}
		got, err := e.GetAttempts(e.ctx, e.issuer, "ws_a", of)
		e.must(err)
		e.same(got, step[1])
		e.is(e.CountAttempt(e.ctx, step[0], step[1]), authz.ErrStale)
	}
	e.must(e.ForgetAttempts(e.ctx, e.issuer, "ws_b", of))
	if got, err := e.GetAttempts(e.ctx, e.issuer, "ws_a", of); err != nil || got.Count != 2 {
		e.Fatalf("another workspace forgot them: %+v %v", got, err)
	}
	_, err = e.DeleteExpiredAcrossWorkspaces(e.ctx, one.ExpiresAt, 1000)
	e.must(err)
	got, err := e.GetAttempts(e.ctx, e.issuer, "ws_a", of)
	e.must(err)
	e.same(got, none)
	e.must(e.CountAttempt(e.ctx, none, one))
	e.must(e.ForgetAttempts(e.ctx, e.issuer, "ws_a", of))
	got, err = e.GetAttempts(e.ctx, e.issuer, "ws_a", of)
	e.must(err)
	e.same(got, none)
}

func testFactorsOfLeavers(e *env) {
	x, y := e.tenant(), e.tenant()
	e.factor(x, authz.TOTPFactor)
	stays := e.factor(y, authz.TOTPFactor)
	e.must(e.ReplaceRecoveryCodes(e.ctx, e.issuer, x.workspace.ID, x.user.ID, []authz.RecoveryCode{{Lookup: "A0", Hash: "h", CreatedAt: e.now}}))
	e.moved(e.RemoveMember(e.ctx, e.issuer, x.workspace.ID, x.user.ID))
	list, err := e.ListFactors(e.ctx, e.issuer, x.workspace.ID, x.user.ID)
	e.must(err)
	left, err := e.RecoveryCodesLeft(e.ctx, e.issuer, x.workspace.ID, x.user.ID)
	e.must(err)
	if len(list) != 0 || left != 0 {
		e.Fatalf("they left behind %+v and %d codes", list, left)
	}
	list, err = e.ListFactors(e.ctx, e.issuer, y.workspace.ID, y.user.ID)
	e.must(err)
	e.same(list, []authz.Factor{stays})
}

func testStepUp(e *env) {
	x := e.tenant()
	had, foreign := x.session.Digest, x.session
	foreign.WorkspaceID = "ws_other"
	foreign.Digest = randomDigest()
	e.is(e.StepUpSession(e.ctx, foreign, had), authz.ErrNotFound)
	for range rounds() {
		var mu sync.Mutex
		var won authz.Session
		n := e.once(func() error {
			mine := x.session
			mine.Digest, mine.AMR, mine.SignIn.Local, mine.AuthTime = randomDigest(), []string{"pwd", "hwk", "mfa"}, "passkey", e.now.Add(time.Minute)
			err := e.StepUpSession(e.ctx, mine, had)
			if err == nil {
				mu.Lock()
				won = mine
				mu.Unlock()
			}
			return err
		})
		if n != 1 {
			e.Fatalf("%d stepped one session up", n)
		}
		got, lineage, err := e.SessionByDigestAcrossWorkspaces(e.ctx, e.issuer, won.Digest)
		e.must(err)
		e.same(got, won)
		e.same(lineage.Sum(), x.session.Lineage+x.session.Epoch)
		had = won.Digest
	}
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, authz.NodeRef{Kind: authz.SessionNode, ID: string(x.session.ID)}, authz.Revoked))
	mine := x.session
	mine.Digest = randomDigest()
	e.is(e.StepUpSession(e.ctx, mine, had), authz.ErrNotFound)
}

func (e *env) localAccount(ws authz.WorkspaceID, login string) (authz.LocalAccount, error) {
	user := authz.User{ID: authz.NewUserID(), Issuer: e.issuer, Profile: authz.Profile{Name: login}, State: authz.Active, CreatedAt: e.now, UpdatedAt: e.now}
	a := authz.LocalAccount{
		Issuer: e.issuer, WorkspaceID: ws, UserID: user.ID, Kind: authz.OperatorAccount, Login: login, CreatedBy: "test", CreatedAt: e.now,
	}
	return a, e.CreateLocalAccount(e.ctx, user, a)
}

func testLocalAccounts(e *env) {
	a, err := e.localAccount("", "ops")
	e.must(err)
	b, err := e.localAccount("ws_a", "ops") // the same name elsewhere is somebody else's
	e.must(err)
	c, err := e.localAccount("ws_a", "ops")
	e.is(err, authz.ErrConflict)
	_, err = e.GetUserAcrossWorkspaces(e.ctx, e.issuer, c.UserID)
	e.is(err, authz.ErrNotFound) // and leaves nothing
	got, err := e.LocalAccountByLogin(e.ctx, e.issuer, "", "ops")
	e.must(err)
	e.same(got, a)
	_, err = e.GetLocalAccount(e.ctx, e.issuer, "ws_a", a.UserID)
	e.is(err, authz.ErrNotFound)
	foreign := a
	foreign.WorkspaceID, foreign.Password = "ws_a", "stolen"
	e.is(e.SetLocalPassword(e.ctx, foreign), authz.ErrNotFound)
	a.Password = "hash"
	e.must(e.SetLocalPassword(e.ctx, a))
	got, err = e.GetLocalAccount(e.ctx, e.issuer, "", a.UserID)
	e.must(err)
	e.same(got, a)
	list, err := e.ListLocalAccounts(e.ctx, e.issuer, "ws_a")
	e.must(err)
	e.same(list, []authz.LocalAccount{b})
}

func testEnrolments(e *env) {
	link := func(ws authz.WorkspaceID, user authz.UserID) authz.Enrolment {
		v := authz.Enrolment{
			Digest: randomDigest(), Issuer: e.issuer, WorkspaceID: ws, UserID: user, State: authz.Active, CreatedBy: "test", CreatedAt: e.now, ExpiresAt: e.now.Add(time.Hour),
		}
		e.must(e.CreateEnrolment(e.ctx, v))
		return v
	}
	old, other := link("", "usr_a"), link("ws_b", "usr_a")
	v := link("", "usr_a")
	_, err := e.EnrolmentAcrossWorkspaces(e.ctx, e.issuer, old.Digest)
	e.is(err, authz.ErrNotFound) // a newer one ends it
	for _, want := range []authz.Enrolment{v, other} {
		got, err := e.EnrolmentAcrossWorkspaces(e.ctx, e.issuer, want.Digest)
		e.must(err)
		e.same(got, want)
	}
	foreign := v
	foreign.WorkspaceID = "ws_b"
	e.is(e.UseEnrolment(e.ctx, foreign, e.now), authz.ErrConsumed)
	e.is(e.UseEnrolment(e.ctx, v, v.ExpiresAt), authz.ErrConsumed)
	if n := e.once(func() error { return e.UseEnrolment(e.ctx, v, e.now) }); n != 1 {
		e.Fatalf("%d used one link", n)
	}
	_, err = e.DeleteExpiredAcrossWorkspaces(e.ctx, v.ExpiresAt, 1000)
	e.must(err)
	_, err = e.EnrolmentAcrossWorkspaces(e.ctx, e.issuer, v.Digest)
	e.is(err, authz.ErrNotFound)
}

func testKeyDelegation(e *env) {
	x := e.tenant()
	key := x.key
	key.Delegation = authz.NewDelegationID()
	foreign := key
	foreign.WorkspaceID = "ws_other"
	e.is(e.SetKeyDelegation(e.ctx, foreign), authz.ErrStale)
	e.must(e.SetKeyDelegation(e.ctx, key))
	e.is(e.SetKeyDelegation(e.ctx, key), authz.ErrStale)
	got, err := e.GetAPIKey(e.ctx, e.issuer, x.workspace.ID, key.ID)
	e.must(err)
	key.Revision++
	e.same(got, key)
}
