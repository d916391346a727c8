package apikey_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

func TestS12_S13_ARevokedKeyIsDeadAtOnceAndStaysInQuarantine(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint()
	for range 2 {
		done, err := h.keys.Revoke(t.Context(), h.operator, origin, h.ws.ID, key.ID)
		h.check(err)
		revoked := done.Key
		if revoked.State != authz.Revoked || !revoked.PurgeAt.Equal(revoked.RevokedAt.Add(30*24*time.Hour)) || revoked.Hash != "" {
			t.Errorf("revoked as %+v", revoked)
		}
		_, _, err = h.keys.Authenticate(t.Context(), text)
		refused(t, "revoked", err, authz.Unauthenticated, "invalid_token")
		h.clock.Advance(time.Hour) // the second time changes nothing
	}
	if n := len(h.entries(h.ws.ID, "api_key.revoked")); n != 1 {
		t.Errorf("%d audit entries, want 1", n)
	}
	if n := len(h.events("api_key.revoked")); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	h.clock.Advance(30*24*time.Hour - 2*time.Hour - time.Minute)
	if n, err := h.keys.Purge(t.Context()); n != 0 || err != nil {
		t.Errorf("%d purged before the time, %v", n, err)
	}
	_, err := h.keys.Get(t.Context(), h.operator, h.ws.ID, key.ID)
	h.check(err)
	h.clock.Advance(2 * time.Minute)
	if n, err := h.keys.Purge(t.Context()); n != 1 || err != nil {
		t.Errorf("%d purged, %v", n, err)
	}
	_, err = h.keys.Get(t.Context(), h.operator, h.ws.ID, key.ID)
	refused(t, "purged", err, authz.NotFound, "not_found")
	if n := len(h.entries(h.ws.ID, "api_key.revoked")); n != 1 {
		t.Error("the audit entry went with the key")
	}
}

func TestRevokingTakesTheScopeOrBeingTheKey(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint()
	self := h.principal(text)
	another, _ := h.mint()
	_, managerText := h.mint(func(r *apikey.Request) { r.Scopes = []string{"manage:keys"} })
	manager := h.principal(managerText)
	sandbox, _ := h.mint(func(r *apikey.Request) { r.Environment = authz.Test })
	elsewhere, _ := h.mint(func(r *apikey.Request) { r.WorkspaceID = h.neighbour.ID })
	twin := self
	twin.Issuer = sp

	revoke := func(by authz.Principal, ws authz.WorkspaceID, id authz.KeyID) error {
		_, err := h.keys.Revoke(t.Context(), by, origin, ws, id)
		return err
	}
	refused(t, "another key, no scope", revoke(self, h.ws.ID, another.ID), authz.Forbidden, "insufficient_scope")
	refused(t, "of the other environment", revoke(manager, h.ws.ID, sandbox.ID), authz.Forbidden, "wrong_environment")
	for name, err := range map[string]error{
		"another workspace":        revoke(manager, h.neighbour.ID, elsewhere.ID),
		"another's id, own path":   revoke(manager, h.ws.ID, elsewhere.ID),
		"another's id, no path":    revoke(manager, "", elsewhere.ID),
		"unknown":                  revoke(manager, "", "key_AQAAAAAAAAAAAAAA"),
		"no id":                    revoke(manager, "", ""),
		"the text instead of id":   revoke(manager, "", authz.KeyID(text.Reveal())),
		"itself, of other issuer":  revoke(twin, "", key.ID),
		"operator, wrong path":     revoke(h.operator, h.neighbour.ID, key.ID),
		"operator, other issuer's": revoke(h.operator, h.foreign.ID, key.ID),
	} {
		if !errors.Is(err, authz.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.check(revoke(self, "", key.ID))
	h.check(revoke(manager, "", another.ID))
	h.check(revoke(h.operator, "", elsewhere.ID))
	h.check(revoke(h.operator, h.ws.ID, sandbox.ID))
	h.check(revoke(h.operator, "", h.operator.KeyID))
}

func TestTN_01_AK_19_ListsAndReadsStayInTheWorkspace(t *testing.T) {
	h := newHouse(t)
	key, _ := h.mint()
	_, managerText := h.mint(func(r *apikey.Request) { r.Scopes = []string{"manage:keys"} })
	elsewhere, _ := h.mint(func(r *apikey.Request) { r.WorkspaceID = h.neighbour.ID })
	manager := h.principal(managerText)

	for _, ws := range []authz.WorkspaceID{"", h.ws.ID} {
		keys, err := h.keys.List(t.Context(), manager, ws, authz.KeyFilter{}, authz.Page{})
		h.check(err)
		if len(keys) != 2 || keys[0].ID != key.ID || keys[0].Hash != "" {
			t.Errorf("listed %+v", keys)
		}
		got, err := h.keys.Get(t.Context(), manager, ws, key.ID)
		if err != nil || got.ID != key.ID || got.Hash != "" {
			t.Errorf("read %+v, %v", got, err)
		}
	}
	_, foreign := h.keys.Get(t.Context(), manager, "", elsewhere.ID)
	_, unknown := h.keys.Get(t.Context(), manager, "", "key_AQAAAAAAAAAAAAAA")
	_, listed := h.keys.List(t.Context(), manager, h.neighbour.ID, authz.KeyFilter{}, authz.Page{})
	_, missing := h.keys.List(t.Context(), h.operator, authz.NewWorkspaceID(), authz.KeyFilter{}, authz.Page{})
	for i, err := range []error{foreign, unknown, listed, missing} {
		if !errors.Is(err, authz.ErrNotFound) {
			t.Errorf("case %d: %v", i, err)
		}
	}
	if got, err := h.keys.Get(t.Context(), h.operator, "", elsewhere.ID); err != nil || got.WorkspaceID != h.neighbour.ID {
		t.Errorf("the operator reads %+v, %v", got, err)
	}
	platform, err := h.keys.List(t.Context(), h.operator, "", authz.KeyFilter{}, authz.Page{})
	if err != nil || len(platform) != 1 || platform[0].ID != h.operator.KeyID {
		t.Errorf("the operator lists %+v, %v", platform, err)
	}
	scopeless := manager
	scopeless.Scopes = []string{"monitor:read"}
	_, err = h.keys.List(t.Context(), scopeless, "", authz.KeyFilter{}, authz.Page{})
	refused(t, "listing without the scope", err, authz.Forbidden, "insufficient_scope")
	_, err = h.keys.Get(t.Context(), scopeless, "", key.ID)
	refused(t, "reading without the scope", err, authz.Forbidden, "insufficient_scope")
}

func TestRevokingAKeyNamesTheSuccessorsThatStand(t *testing.T) {
	h := newHouse(t)
	first, text := h.mint()
	second := must(h.rotate(h.principal(text), first.ID))(t)
	h.clock.Advance(73 * time.Hour) // the grace of the first is over
	third := must(h.rotate(h.operator, second.Key.ID))(t)
	answer := func(id authz.KeyID) []authz.APIKey {
		t.Helper()
		return must(h.keys.Revoke(t.Context(), h.operator, origin, h.ws.ID, id))(t).Successors
	}
	got := answer(first.ID)
	if len(got) != 2 || got[0].ID != second.Key.ID || got[1].ID != third.Key.ID {
		t.Fatalf("it names %+v", got)
	}
	if got[0].HandedTo != string(first.ID) || got[1].HandedTo == string(second.Key.ID) || got[0].Hash != "" {
		t.Errorf("it says of their texts: %q, %q", got[0].HandedTo, got[1].HandedTo)
	}
	if h.status(second.Key.ID) != "grace" || h.status(third.Key.ID) != "active" {
		t.Error("a successor was revoked with it")
	}
	answer(second.Key.ID)
	if got := answer(first.ID); len(got) != 1 || got[0].ID != third.Key.ID {
		t.Errorf("beyond one that is revoked it names %+v", got)
	}
}

func TestDecision7_ExpiredAndReplacedKeysArePurgedAfterTheirQuarantine(t *testing.T) {
	h := newHouse(t)
	expired, _ := h.mint(h.restricted)
	replaced, text := h.mint()
	_, err := h.rotate(h.principal(text), replaced.ID)
	h.check(err)
	disabled, _ := h.mint(h.restricted)
	_, err = h.update(h.operator, disabled.ID, apikey.Change{State: new(authz.Disabled)})
	h.check(err)
	standing, _ := h.mint()
	h.clock.Advance(72*time.Hour + 29*day)
	if k := h.get(replaced.ID); !k.PurgeAt.Equal(k.GraceUntil.Add(30*day)) || h.get(standing.ID).PurgeAt != (time.Time{}) {
		t.Errorf("goes at %v", k.PurgeAt)
	}
	purge := func(want int64) {
		t.Helper()
		if n, err := h.keys.Purge(t.Context()); n != want || err != nil {
			t.Errorf("%d purged, want %d: %v", n, want, err)
		}
	}
	purge(0)
	h.clock.Advance(day)
	purge(1)
	h.clock.Advance(28*time.Hour - time.Minute)
	purge(0)
	h.clock.Advance(time.Minute)
	purge(2)
	for _, id := range []authz.KeyID{expired.ID, replaced.ID, disabled.ID} {
		_, err := h.keys.Get(t.Context(), h.operator, "", id)
		refused(t, "purged", err, authz.NotFound, "not_found")
	}
	if h.get(standing.ID).State != authz.Active || len(h.entries(h.ws.ID, "api_key.created")) != 4 {
		t.Error("a key that lives, or an entry, went with them")
	}
}

func TestALeakedKeyIsRevokedWithEveryKeyThatReplacedIt(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint()
	second, err := h.rotate(h.principal(text), key.ID) // whoever found it
	h.check(err)
	h.clock.Advance(73 * time.Hour)
	third, err := h.rotate(h.principal(second.Text), second.Key.ID)
	h.check(err)
	_, err = h.keys.RevokeLine(t.Context(), h.principal(third.Text), origin, "", third.Key.ID)
	refused(t, "by the key itself", err, authz.Forbidden, "insufficient_scope")
	sandbox, _ := h.mint(func(r *apikey.Request) { r.Environment = authz.Test })
	_, err = h.keys.RevokeLine(t.Context(), h.manager(), origin, "", sandbox.ID)
	refused(t, "of the other environment", err, authz.Forbidden, "wrong_environment")
	_, err = h.keys.RevokeLine(t.Context(), h.manager(), origin, h.neighbour.ID, key.ID)
	refused(t, "of another workspace", err, authz.NotFound, "not_found")
	for range 2 {
		line, err := h.keys.RevokeLine(t.Context(), h.manager(), origin, "", key.ID)
		if err != nil || len(line) != 3 || line[0].Key.ID != key.ID || line[2].Key.ID != third.Key.ID || h.works(second.Text) || h.works(third.Text) {
			t.Errorf("revoked %d, %v", len(line), err)
		}
	}
	if n := len(h.entries(h.ws.ID, "api_key.revoked")); n != 3 {
		t.Errorf("%d entries", n)
	}
}
