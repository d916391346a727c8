package apikey_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

const day = 24 * time.Hour

// every90 asks for the schedule of U9.
func every90(r *apikey.Request) { r.RotateEvery = 90 * day }

// due runs the job and returns how many keys it replaced.
func (h *house) due() int {
	h.t.Helper()
	n, err := h.keys.RotateDue(h.t.Context())
	h.check(err)
	return n
}

func (h *house) get(id authz.KeyID) authz.APIKey {
	h.t.Helper()
	key, err := h.keys.Get(h.t.Context(), h.operator, "", id)
	h.check(err)
	return key
}

func TestU9_U11_AKeyIsReplacedWhenItIsDueAndClaimsItsSuccessor(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint(every90, h.restricted, func(r *apikey.Request) { r.ExpiresAt = time.Time{} })
	plain, _ := h.mint()
	if !key.RotateAt.Equal(key.CreatedAt.Add(90*day)) || !plain.RotateAt.IsZero() {
		t.Errorf("due %v and %v", key.RotateAt, plain.RotateAt)
	}
	h.clock.Advance(90*day - time.Minute)
	if n := h.due(); n != 0 {
		t.Errorf("%d replaced before their time", n)
	}
	h.clock.Advance(time.Minute)
	if n := h.due(); n != 1 {
		t.Errorf("%d replaced, want 1", n)
	}
	if n := h.due(); n != 0 {
		t.Errorf("%d replaced again", n)
	}
	old := h.get(key.ID)
	next := h.get(old.Successor)
	if old.State != authz.Grace || old.GraceUntil.Sub(next.CreatedAt) != 72*time.Hour || !old.RotateAt.IsZero() || next.CreatedBy != "schedule" ||
		next.RotateEvery != 90*day || !next.RotateAt.Equal(next.CreatedAt.Add(90*day)) {
		t.Errorf("the old key is %+v, the new one %+v", old, next)
	}
	entries := h.entries(h.ws.ID, "api_key.rotated")
	if len(entries) != 1 || entries[0].Actor != "schedule" || entries[0].Reason != "scheduled" || entries[0].Details["successor_id"] != string(next.ID) {
		t.Errorf("audited as %+v", entries)
	}

	h.clock.Advance(71*time.Hour + 58*time.Minute)
	_, strangersText := h.mint()
	_, err := h.rotate(h.principal(strangersText), key.ID)
	refused(t, "another key claims it", err, authz.Forbidden, "insufficient_scope")
	got, err := h.rotate(h.principal(text), key.ID)
	if err != nil || got.Key.ID != next.ID || !h.works(got.Text) || !h.works(text) {
		t.Fatalf("claimed %+v, %v", got.Key, err)
	}
	again, err := h.rotate(h.principal(text), key.ID)
	if err != nil || again.Text != got.Text {
		t.Errorf("claimed again: %v", err)
	}
	if n := len(h.entries(h.ws.ID, "api_key.claimed")); n != 2 {
		t.Errorf("%d entries of claims", n)
	}
}

func TestASuccessorThatNobodyClaimedIsOutOfReachWhenTheGraceIsOver(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint(every90)
	h.clock.Advance(90 * day)
	h.due()
	_, err := h.update(h.operator, key.ID, apikey.Change{GraceUntil: new(h.clock.Now().Add(100 * time.Hour))})
	h.check(err)
	h.clock.Advance(99 * time.Hour) // the text waits as long as the grace
	if _, err := h.rotate(h.principal(text), key.ID); err != nil {
		t.Errorf("in the longer grace: %v", err)
	}

	other, otherText := h.mint(every90)
	h.clock.Advance(90 * day)
	h.due()
	h.clock.Advance(73 * time.Hour)
	if h.works(otherText) {
		t.Error("works past its grace")
	}
	_, err = h.rotate(h.operator, other.ID)
	refused(t, "its grace is over", err, authz.Conflict, "key_ended")
	next := h.get(other.ID).Successor
	if got, err := h.rotate(h.operator, next); err != nil || !h.works(got.Text) {
		t.Errorf("whoever could mint it replaces the successor: %v", err)
	}
}

func TestS11_AWorkspaceEnforcesRotationOnTheKeysItHas(t *testing.T) {
	h := newHouse(t)
	mine, _ := h.mint()
	slow, _ := h.mint(func(r *apikey.Request) { r.RotateEvery = 200 * day })
	theirs, _ := h.mint(func(r *apikey.Request) { r.WorkspaceID = h.neighbour.ID })
	h.clock.Advance(100 * day)
	if n := h.due(); n != 0 {
		t.Errorf("%d replaced that nobody asked for", n)
	}
	_, text := h.mint(func(r *apikey.Request) { r.Scopes = []string{"manage:workspace"} })
	admin := h.principal(text)
	set := func(by authz.Principal, ws authz.WorkspaceID, revision int64) (authz.KeyPolicy, error) {
		return h.keys.SetPolicy(t.Context(), by, origin, authz.KeyPolicy{WorkspaceID: ws, EnforceRotation: true}, revision)
	}
	_, err := set(h.manager(), h.ws.ID, 0)
	refused(t, "who manages keys alone", err, authz.Forbidden, "insufficient_scope")
	_, err = set(admin, h.neighbour.ID, 0)
	refused(t, "another workspace", err, authz.NotFound, "not_found")
	p, err := set(admin, h.ws.ID, 0)
	if err != nil || p.Revision != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err = set(admin, h.ws.ID, 7); !errors.Is(err, authz.ErrStale) {
		t.Errorf("from another revision: %v", err)
	}
	if key := h.get(mine.ID); !key.RotateAt.Equal(key.CreatedAt.Add(90 * day)) {
		t.Errorf("due %v", key.RotateAt)
	}
	if n := h.due(); n != 2 {
		t.Errorf("%d replaced, want the two of the workspace that are old", n)
	}
	if h.get(slow.ID).State != authz.Grace || h.get(theirs.ID).State != authz.Active {
		t.Error("the schedule of a key does not put off the policy of its workspace, and that binds no other")
	}
	if entries := h.entries(h.ws.ID, "api_key.rotated"); len(entries) != 2 || entries[0].Reason != "workspace_policy" {
		t.Errorf("entries %+v", entries)
	}
	if n := len(h.entries(h.ws.ID, "key_policy.updated")); n != 1 {
		t.Errorf("%d entries of the policy", n)
	}
	if n := len(h.events("key_policy.updated")); n != 1 {
		t.Errorf("%d events of the policy", n)
	}
}

func TestS4_NoKeyOfAnIssuerThatRotatesAllIsExempt(t *testing.T) {
	h := newHouse(t)
	cfg := h.config(up, "up")
	cfg.RotateAll = 365 * day
	h.keys = must(apikey.New(cfg))(t)
	plain, text := h.mint()
	slow, _ := h.mint(func(r *apikey.Request) { r.RotateEvery = 1000 * day })
	if !plain.RotateAt.Equal(plain.CreatedAt.Add(365*day)) || !slow.RotateAt.Equal(slow.CreatedAt.Add(365*day)) {
		t.Errorf("due %v and %v", plain.RotateAt, slow.RotateAt)
	}
	h.clock.Advance(365*day - time.Minute)
	if n := h.due(); n != 0 {
		t.Errorf("%d replaced before their time", n)
	}
	h.clock.Advance(time.Minute)
	if n := h.due(); n != 3 { // the operator's too
		t.Errorf("%d replaced, want 3", n)
	}
	if got, err := h.rotate(h.principal(text), plain.ID); err != nil || got.Key.CreatedBy != "schedule" {
		t.Errorf("%+v, %v", got.Key, err)
	}
}

func TestTheScheduleLeavesAloneWhatDoesNotStandOrIsInRotation(t *testing.T) {
	h := newHouse(t)
	disabled, _ := h.mint(every90)
	revoked, _ := h.mint(every90)
	expired, _ := h.mint(every90, func(r *apikey.Request) { r.ExpiresAt = h.clock.Now().Add(80 * day) })
	account := h.inAccount(h.ws, every90)
	suspended, _ := h.mint(every90, func(r *apikey.Request) { r.WorkspaceID = h.neighbour.ID })
	other, otherText := h.mint(every90)
	h.clock.Advance(88 * day)
	next, err := h.rotate(h.principal(otherText), other.ID)
	h.check(err)
	short, err := h.update(h.operator, next.Key.ID, apikey.Change{RotateEvery: new(4 * day)})
	h.check(err)
	_, err = h.update(h.operator, other.ID, apikey.Change{GraceUntil: new(h.clock.Now().Add(10 * day))})
	h.check(err)
	_, err = h.update(h.operator, disabled.ID, apikey.Change{State: new(authz.Disabled)})
	h.check(err)
	_, err = h.keys.Revoke(t.Context(), h.operator, origin, "", revoked.ID)
	h.check(err)
	kill := func(ws authz.WorkspaceID, kind authz.NodeKind, id string, to authz.State) {
		t.Helper()
		if moved, err := h.store.KillNode(t.Context(), up, ws, authz.NodeRef{Kind: kind, ID: id}, to); !moved || err != nil {
			t.Fatal(err)
		}
	}
	kill(h.neighbour.ID, authz.WorkspaceNode, string(h.neighbour.ID), authz.Suspended)
	kill(h.ws.ID, authz.ServiceAccountNode, string(account.ServiceAccountID), authz.Disabled)
	h.clock.Advance(5 * day)
	if n := h.due(); n != 0 {
		t.Errorf("%d replaced", n)
	}
	for _, id := range []authz.KeyID{disabled.ID, revoked.ID, expired.ID, account.ID, suspended.ID, short.ID} {
		if key := h.get(id); key.Successor != "" {
			t.Errorf("%s has a successor", key.Name)
		}
	}
	_, err = h.update(h.operator, disabled.ID, apikey.Change{State: new(authz.Active)})
	h.check(err)
	if n := h.due(); n != 1 {
		t.Errorf("%d replaced once enabled", n)
	}
	h.clock.Advance(6 * day) // the grace of its predecessor is over
	if n := h.due(); n != 1 || h.get(short.ID).Successor == "" {
		t.Errorf("%d replaced once its predecessor is gone", n)
	}
}

// inAccount mints a key of a service account.
func (h *house) inAccount(ws authz.Workspace, change ...func(*apikey.Request)) authz.APIKey {
	h.t.Helper()
	key, _ := h.mint(append(change, func(r *apikey.Request) { r.WorkspaceID = ws.ID })...)
	return key
}

func TestAScheduleIsLongerThanTheGraceAndNobodyPutsItOffWhoCouldNotMint(t *testing.T) {
	h := newHouse(t)
	for _, every := range []time.Duration{time.Hour, 72 * time.Hour, 3661 * day, 90*day + time.Millisecond, -day} {
		_, _, err := h.keys.Mint(t.Context(), h.operator, origin, h.request(func(r *apikey.Request) { r.RotateEvery = every }))
		refused(t, every.String(), err, authz.Invalid, "invalid_request")
	}
	key, _ := h.mint(every90)
	for _, every := range []time.Duration{0, 91 * day} {
		_, err := h.update(h.manager(), key.ID, apikey.Change{RotateEvery: &every})
		refused(t, every.String(), err, authz.Forbidden, "issuing_delegation_required")
	}
	sooner, err := h.update(h.manager(), key.ID, apikey.Change{RotateEvery: new(30 * day)})
	if err != nil || !sooner.RotateAt.Equal(key.CreatedAt.Add(30*day)) {
		t.Errorf("sooner: %+v, %v", sooner, err)
	}
}

func TestAK15_OfManyNodesThatRunTheScheduleOneMakesEachSuccessor(t *testing.T) {
	h := newHouse(t)
	var keys []authz.APIKey
	for range 12 {
		key, _ := h.mint(every90)
		keys = append(keys, key)
	}
	h.clock.Advance(91 * day)
	nodes := []*apikey.Keys{h.keys, must(apikey.New(h.config(up, "up")))(t), must(apikey.New(h.config(up, "up")))(t)}
	var group sync.WaitGroup
	counts := make([]int, len(nodes))
	for n, node := range nodes {
		group.Go(func() { counts[n], _ = node.RotateDue(t.Context()) })
	}
	group.Wait()
	if total := counts[0] + counts[1] + counts[2]; total != len(keys) {
		t.Errorf("%v successors of %d keys", counts, len(keys))
	}
	all, err := h.keys.List(t.Context(), h.operator, h.ws.ID, authz.KeyFilter{}, authz.Page{Limit: 500})
	if err != nil || len(all) != 2*len(keys) {
		t.Errorf("%d keys, %v", len(all), err)
	}
}
