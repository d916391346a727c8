package apikey_test

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

func (h *house) rotate(by authz.Principal, id authz.KeyID, grace ...time.Duration) (apikey.Rotated, error) {
	h.t.Helper()
	var r apikey.Rotation
	if len(grace) > 0 {
		r.Grace = &grace[0]
	}
	return h.keys.Rotate(h.t.Context(), by, origin, "", id, r)
}

// works reports whether a text authenticates.
func (h *house) works(text authz.Secret) bool {
	h.t.Helper()
	_, _, err := h.keys.Authenticate(h.t.Context(), text)
	if err != nil && authz.KindOf(err) != authz.Unauthenticated {
		h.t.Fatal(err)
	}
	return err == nil
}

func TestU9_TheSuccessorIsTheOldKeyWithAnotherText(t *testing.T) {
	h := newHouse(t)
	old, text := h.mint(h.restricted, func(r *apikey.Request) {
		r.Tier = "bulk"
		r.Resources = authz.Resources{Clusters: []string{"eu-1"}, CheckGroups: []string{"web"}, AlertRoutes: []string{"p1"}}
		r.Delegation = &authz.Delegation{Scopes: []string{"monitor:read"}, ExpiresAt: h.clock.Now().Add(90 * time.Hour)}
	})
	h.clock.Advance(time.Hour)
	by := h.principal(text)
	got, err := h.rotate(by, old.ID)
	h.check(err)
	next := got.Key
	if next.ID == old.ID || got.Text == text || next.Predecessor != old.ID || got.Replaced.Successor != next.ID || next.CreatedBy != by.Subject {
		t.Errorf("the successor is %+v", next)
	}
	want := old // nothing else differs
	want.ID, want.Prefix, want.Last4, want.Predecessor, want.CreatedAt, want.CreatedBy = next.ID, next.Prefix, next.Last4, old.ID, next.CreatedAt, by.Subject
	want.HandedTo = string(old.ID)
	if !reflect.DeepEqual(next, want) {
		t.Errorf("the successor is\n%+v, want\n%+v", next, want)
	}
	now := h.principal(got.Text)
	now.KeyID = by.KeyID
	if !reflect.DeepEqual(now, by) {
		t.Errorf("the successor speaks for\n%+v, want\n%+v", now, by)
	}
	if r := got.Replaced; r.State != authz.Grace || r.GraceUntil.Sub(next.CreatedAt) != 72*time.Hour || r.Epoch != 0 {
		t.Errorf("the old key is %+v", r)
	}
}

func TestU10_AK14_BothKeysWorkForSeventyTwoHoursToTheSecond(t *testing.T) {
	h := newHouse(t)
	still := &stillClock{now: h.clock.Now()}
	cfg := h.config(up, "up")
	cfg.Clock = still
	h.keys = must(apikey.New(cfg))(t)
	old, text := h.mint()
	got, err := h.rotate(h.principal(text), old.ID)
	h.check(err)
	both := func(at time.Duration, oldWorks bool) {
		t.Helper()
		still.now = got.Key.CreatedAt.Add(at)
		if h.works(text) != oldWorks || !h.works(got.Text) {
			t.Errorf("at %v the old key works: %v", at, !oldWorks)
		}
	}
	for hour := range 72 {
		both(time.Duration(hour)*time.Hour, true)
	}
	both(72*time.Hour-time.Second, true)
	both(72*time.Hour-time.Microsecond, true)
	both(72*time.Hour, false)
	both(72*time.Hour+time.Second, false)
	key, err := h.keys.Get(t.Context(), h.operator, h.ws.ID, old.ID)
	if err != nil || key.StatusAt(still.now) != "expired" {
		t.Errorf("the old key is %s, %v", key.StatusAt(still.now), err)
	}
	both(time.Hour, true) // a clock that steps back opens no more than it did
}

type stillClock struct{ now time.Time }

func (c *stillClock) Now() time.Time { return c.now.Truncate(time.Microsecond) }

func TestU11_ALostAnswerIsGivenAgainToTheSameCallerForAWhile(t *testing.T) {
	h := newHouse(t)
	old, text := h.mint()
	self := h.principal(text)
	first, err := h.rotate(self, old.ID)
	h.check(err)
	h.clock.Advance(9 * time.Minute)
	again, err := h.rotate(self, old.ID)
	if err != nil || again.Text != first.Text || again.Key.ID != first.Key.ID {
		t.Errorf("again: %+v, %v", again.Key, err)
	}
	_, err = h.rotate(h.operator, old.ID)
	refused(t, "somebody else", err, authz.Conflict, "successor_claimed", first.Text.Reveal())
	h.clock.Advance(2 * time.Minute)
	_, err = h.rotate(self, old.ID)
	refused(t, "too late", err, authz.Conflict, "successor_claimed")
	if n, err := h.store.DeleteExpiredAcrossWorkspaces(t.Context(), h.clock.Now(), 100); err != nil || n != 1 {
		t.Errorf("%d rows deleted, %v: the sealed text goes", n, err)
	}
	if n := len(h.entries(h.ws.ID, "api_key.claimed")); n != 1 {
		t.Errorf("%d entries of an answer given again", n)
	}
	if n := len(h.entries(h.ws.ID, "api_key.rotated")); n != 1 {
		t.Errorf("%d entries of rotation", n)
	}
}

func TestAK17_WhoRotatesWhat(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint(h.restricted)
	self := h.principal(text)
	_, otherText := h.mint(h.restricted)
	token := self
	token.KeyItself, token.Scopes = false, []string{"monitor:read"}
	twin := self
	twin.Issuer = sp
	elsewhere := self
	elsewhere.WorkspaceID = h.neighbour.ID
	carrying, _ := h.mint(func(r *apikey.Request) {
		r.Delegation = &authz.Delegation{Scopes: []string{"config:admin"}, ExpiresAt: h.clock.Now().Add(80 * time.Hour)}
	})
	sandbox, _ := h.mint(func(r *apikey.Request) { r.Environment = authz.Test })
	issuing, less := h.issuing("monitor:read", "monitor:write"), h.issuing("monitor:read")
	brief, _ := h.newOperator(h.clock.Now().Add(time.Hour))
	for name, c := range map[string]struct {
		by   authz.Principal
		id   authz.KeyID
		code string
	}{
		"a token of the key":                  {token, key.ID, "insufficient_scope"},
		"another key":                         {h.principal(otherText), key.ID, "insufficient_scope"},
		"who manages keys":                    {h.manager(), key.ID, "issuing_delegation_required"},
		"a delegation of fewer scopes":        {less, key.ID, "issuing_delegation_exceeded"},
		"a key that carries a delegation":     {issuing, carrying.ID, "operator_required"},
		"a delegation that ends before":       {brief, carrying.ID, "issuing_delegation_exceeded"},
		"an operator's that never ends":       {brief, h.operator.KeyID, "issuing_delegation_exceeded"},
		"of the other environment":            {issuing, sandbox.ID, "wrong_environment"},
		"itself, of another issuer":           {twin, key.ID, "not_found"},
		"itself, of another workspace":        {elsewhere, key.ID, "not_found"},
		"the operator's key, from below":      {issuing, h.operator.KeyID, "not_found"},
		"a key that is not there":             {issuing, "key_AQAAAAAAAAAAAAAA", "not_found"},
		"itself, choosing how long it stays:": {self, key.ID, "insufficient_scope"},
	} {
		grace := []time.Duration{}
		if name == "itself, choosing how long it stays:" {
			grace = append(grace, time.Hour)
		}
		if got, err := h.rotate(c.by, c.id, grace...); authz.CodeOf(err) != c.code || got.Text != "" {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	for name, try := range map[string]func() error{
		"itself":               func() error { _, err := h.rotate(self, key.ID); return err },
		"who could mint it":    func() error { k, _ := h.mint(h.restricted); _, err := h.rotate(issuing, k.ID, time.Hour); return err },
		"the operator":         func() error { _, err := h.rotate(h.operator, carrying.ID); return err },
		"the operator, itself": func() error { _, err := h.rotate(h.operator, h.operator.KeyID); return err },
		"a grace of nothing":   func() error { k, _ := h.mint(); _, err := h.rotate(h.operator, k.ID, 0); return err },
		"the longest grace":    func() error { k, _ := h.mint(); _, err := h.rotate(h.operator, k.ID, apikey.MaxGrace); return err },
		"too long a grace":     func() error { k, _ := h.mint(); return notOK(h.rotate(h.operator, k.ID, apikey.MaxGrace+1)) },
		"a grace before now":   func() error { k, _ := h.mint(); return notOK(h.rotate(h.operator, k.ID, -1)) },
	} {
		if err := try(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func notOK(_ apikey.Rotated, err error) error {
	if authz.CodeOf(err) == "invalid_request" {
		return nil
	}
	return errors.Join(errors.New("not refused"), err)
}

func TestAK15_OfManyWhoRotateOneMakesASuccessor(t *testing.T) {
	h := newHouse(t)
	second := must(apikey.New(h.config(up, "up")))(t) // another node
	for round := range 5 {
		key, text := h.mint()
		self := h.principal(text)
		var group sync.WaitGroup
		results := make([]apikey.Rotated, 6)
		errs := make([]error, len(results))
		for n := range results {
			keys := []*apikey.Keys{h.keys, second}[n%2]
			by := []authz.Principal{self, h.operator}[n/2%2]
			group.Go(func() { results[n], errs[n] = keys.Rotate(t.Context(), by, origin, h.ws.ID, key.ID, apikey.Rotation{}) })
		}
		group.Wait()
		texts := map[authz.Secret]bool{}
		for n, err := range errs {
			if err == nil {
				texts[results[n].Text] = true
			} else if authz.CodeOf(err) != "successor_claimed" {
				t.Errorf("round %d: %v", round, err)
			}
		}
		if len(texts) != 1 {
			t.Errorf("round %d: %d successors were handed out", round, len(texts))
		}
	}
	if n := len(h.entries(h.ws.ID, "api_key.rotated")); n != 5 {
		t.Errorf("%d rotations of 5 keys", n)
	}
}

func TestAK14_NoThirdKeyIsMadeBesideTwoThatAreValid(t *testing.T) {
	h := newHouse(t)
	first, text := h.mint()
	second, err := h.rotate(h.principal(text), first.ID)
	h.check(err)
	_, err = h.rotate(h.principal(second.Text), second.Key.ID)
	refused(t, "while the first is in grace", err, authz.Conflict, "rotation_under_way")

	cut, err := h.update(h.manager(), first.ID, apikey.Change{GraceUntil: new(time.Unix(0, 0))})
	if err != nil || cut.StatusAt(h.clock.Now()) != "expired" || h.works(text) {
		t.Errorf("cut short: %+v, %v", cut, err)
	}
	_, err = h.rotate(h.principal(second.Text), second.Key.ID)
	refused(t, "a line that is too fast", err, authz.RateLimited, "rate_limited")
	h.clock.Advance(10 * time.Minute)
	third, err := h.rotate(h.principal(second.Text), second.Key.ID)
	if err != nil || !h.works(second.Text) || !h.works(third.Text) {
		t.Errorf("then: %v", err)
	}
	_, err = h.rotate(h.operator, first.ID)
	refused(t, "the first is over", err, authz.Conflict, "key_ended")
}

func TestAK14_NoThirdKeyIsEnabledBesideTwoThatAreValid(t *testing.T) {
	h := newHouse(t)
	on, off := authz.Active, authz.Disabled
	first, text := h.mint()
	second, err := h.rotate(h.operator, first.ID)
	h.check(err)
	must(h.update(h.operator, first.ID, apikey.Change{State: &off}))(t)
	must(h.update(h.operator, first.ID, apikey.Change{State: &on}))(t) // two are two
	must(h.update(h.operator, first.ID, apikey.Change{State: &off}))(t)
	third, err := h.rotate(h.operator, second.Key.ID)
	h.check(err)
	before := len(h.entries(h.ws.ID, "api_key.enabled"))
	_, err = h.update(h.operator, first.ID, apikey.Change{State: &on})
	refused(t, "the first of three", err, authz.Conflict, "successor_replaced")
	must(h.keys.Revoke(t.Context(), h.operator, origin, h.ws.ID, second.Key.ID))(t)
	_, err = h.update(h.operator, first.ID, apikey.Change{State: &on})
	refused(t, "the first, whose successor's successor stands", err, authz.Conflict, "successor_replaced")
	if h.works(text) || !h.works(third.Text) || h.status(first.ID) != "disabled" || len(h.entries(h.ws.ID, "api_key.enabled")) != before {
		t.Errorf("the first is %s, the third %s", h.status(first.ID), h.status(third.Key.ID))
	}
	// Who names the second no more knows not whether it was replaced.
	h.clock.Advance(29 * 24 * time.Hour)
	until := h.clock.Now().Add(20 * 24 * time.Hour)
	must(h.update(h.operator, first.ID, apikey.Change{GraceUntil: &until}))(t)
	h.clock.Advance(2 * 24 * time.Hour)
	must(h.keys.Purge(t.Context()))(t)
	_, err = h.update(h.operator, first.ID, apikey.Change{State: &on})
	refused(t, "the first, whose successor was purged", err, authz.Conflict, "successor_replaced")
}

// While one enables the first key another replaces the second: one of them fails.
func TestAK14_AThirdKeyIsNotMadeByTwoAtOnce(t *testing.T) {
	h := newHouse(t)
	on, off := authz.Active, authz.Disabled
	for range 10 {
		first, _ := h.mint()
		second, err := h.rotate(h.operator, first.ID)
		h.check(err)
		must(h.update(h.operator, first.ID, apikey.Change{State: &off}))(t)
		var enabling, replacing error
		var both sync.WaitGroup
		both.Go(func() { _, enabling = h.update(h.operator, first.ID, apikey.Change{State: &on}) })
		both.Go(func() { _, replacing = h.rotate(h.operator, second.Key.ID) })
		both.Wait()
		if (enabling == nil) == (replacing == nil) {
			t.Fatalf("enabling: %v; replacing: %v", enabling, replacing)
		}
	}
}

func TestAKeyWhoseSuccessorWasRevokedIsRotatedAgainAndStaysNoLonger(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint()
	lost, err := h.rotate(h.operator, key.ID)
	h.check(err)
	h.clock.Advance(time.Hour)
	_, err = h.keys.Revoke(t.Context(), h.operator, origin, "", lost.Key.ID)
	h.check(err)
	if h.works(lost.Text) {
		t.Error("the revoked successor works")
	}
	again, err := h.rotate(h.principal(text), key.ID)
	if err != nil || !again.Replaced.GraceUntil.Equal(lost.Replaced.GraceUntil) || again.Replaced.Successor != again.Key.ID {
		t.Errorf("again: %+v, %v", again.Replaced, err)
	}
}

func TestAKeyDoesNotFillTheDatabaseWithSuccessors(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint()
	self := h.principal(text)
	next, err := h.rotate(self, key.ID) // a new key may replace itself at once
	h.check(err)
	for range 3 {
		_, err = h.keys.Revoke(t.Context(), h.principal(next.Text), origin, "", next.Key.ID)
		h.check(err)
		_, err = h.rotate(self, key.ID)
		refused(t, "at once", err, authz.RateLimited, "rate_limited")
		if e, ok := errors.AsType[*authz.Error](err); !ok || e.RetryAfter <= 0 || e.RetryAfter > 10*time.Minute {
			t.Errorf("come back in %v", e.RetryAfter)
		}
		h.clock.Advance(10 * time.Minute)
		next, err = h.rotate(self, key.ID)
		h.check(err)
	}
	_, err = h.keys.Revoke(t.Context(), h.operator, origin, "", next.Key.ID)
	h.check(err)
	if _, err := h.rotate(h.operator, key.ID); err != nil {
		t.Errorf("whoever could mint it: %v", err)
	}
}

func TestAK12_NobodyClaimsASuccessorThatBecameMoreThanTheyAre(t *testing.T) {
	h := newHouse(t)
	scopes := func(list ...string) apikey.Change { return apikey.Change{Scopes: &list} }
	waiting := func() (old authz.APIKey, self authz.Principal, next authz.KeyID) {
		t.Helper()
		key, text := h.mint(every90, func(r *apikey.Request) { r.Scopes = []string{"monitor:read", "monitor:write"} })
		h.clock.Advance(90 * day)
		h.due()
		return h.get(key.ID), h.principal(text), h.get(key.ID).Successor
	}
	old, self, _ := waiting()
	_, err := h.update(h.operator, old.ID, scopes("monitor:read")) // the old key is restricted
	h.check(err)
	_, err = h.rotate(self, old.ID)
	refused(t, "narrowed", err, authz.Forbidden, "successor_outgrown")

	old, self, next := waiting()
	_, err = h.update(h.operator, next, scopes("monitor:read", "monitor:write", "config:admin"))
	h.check(err)
	_, err = h.rotate(self, old.ID)
	refused(t, "the successor was widened", err, authz.Forbidden, "successor_outgrown")
	_, err = h.rotate(h.issuing("monitor:read", "monitor:write"), old.ID)
	refused(t, "who could mint the old key only", err, authz.Forbidden, "issuing_delegation_exceeded")
	if got, err := h.rotate(h.operator, old.ID); err != nil || got.Key.ID != next {
		t.Errorf("who could mint the new one: %v", err)
	}

	old, self, next = waiting()
	_, err = h.update(h.operator, next, scopes("monitor:read"))
	h.check(err)
	if got, err := h.rotate(self, old.ID); err != nil || len(got.Key.Scopes) != 1 {
		t.Errorf("the successor is less: %v", err)
	}
}

func TestU11_TheGraceIsExtendedByWhoCouldMintTheKeyAndCutByWhoManagesIt(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint(h.restricted)
	_, err := h.update(h.operator, key.ID, apikey.Change{GraceUntil: new(h.clock.Now().Add(time.Hour))})
	refused(t, "no grace", err, authz.Conflict, "not_replaced")
	rotated, err := h.rotate(h.principal(text), key.ID)
	h.check(err)
	until := func(d time.Duration) apikey.Change {
		return apikey.Change{GraceUntil: new(rotated.Replaced.GraceUntil.Add(d))}
	}
	_, err = h.update(h.manager(), key.ID, until(time.Hour))
	refused(t, "longer, by who manages keys", err, authz.Forbidden, "issuing_delegation_required")
	_, err = h.update(h.operator, key.ID, apikey.Change{GraceUntil: new(h.clock.Now().Add(apikey.MaxGrace + time.Hour))})
	refused(t, "too long", err, authz.Invalid, "invalid_request")
	longer, err := h.update(h.issuing("monitor:read", "monitor:write"), key.ID, until(time.Hour))
	if err != nil || longer.Epoch != 0 {
		t.Errorf("longer: %+v, %v", longer, err)
	}
	if !longer.EndsAt().Equal(rotated.Replaced.GraceUntil.Add(time.Hour)) {
		t.Errorf("it ends %v", longer.EndsAt())
	}
	shorter, err := h.update(h.manager(), key.ID, until(-71*time.Hour))
	if err != nil || shorter.Epoch != 1 { // its tokens could outlive it
		t.Errorf("shorter: %+v, %v", shorter, err)
	}
	off, err := h.update(h.manager(), key.ID, apikey.Change{State: new(authz.Disabled)})
	h.check(err)
	on, err := h.update(h.manager(), key.ID, apikey.Change{State: new(authz.Active)})
	if err != nil || off.State != authz.Disabled || on.State != authz.Grace || !on.GraceUntil.Equal(shorter.GraceUntil) {
		t.Errorf("off %s and on %s: %v", off.State, on.State, err)
	}
}

func TestRotatingNeverPutsOffAnEnd(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint(func(r *apikey.Request) { r.ExpiresAt = h.clock.Now().Add(10 * time.Hour) })
	got, err := h.rotate(h.principal(text), key.ID)
	h.check(err)
	if !got.Key.ExpiresAt.Equal(key.ExpiresAt) || !got.Replaced.EndsAt().Equal(key.ExpiresAt) {
		t.Errorf("ends %v and %v, want %v", got.Key.ExpiresAt, got.Replaced.EndsAt(), key.ExpiresAt)
	}
	h.clock.Advance(11 * time.Hour)
	if h.works(text) || h.works(got.Text) {
		t.Error("works past its end")
	}
}

func TestNothingIsRotatedThatDoesNotStand(t *testing.T) {
	h := newHouse(t)
	disabled, _ := h.mint()
	_, err := h.update(h.operator, disabled.ID, apikey.Change{State: new(authz.Disabled)})
	h.check(err)
	_, err = h.rotate(h.operator, disabled.ID)
	refused(t, "disabled", err, authz.Conflict, "key_disabled")
	revoked, _ := h.mint()
	_, err = h.keys.Revoke(t.Context(), h.operator, origin, "", revoked.ID)
	h.check(err)
	_, err = h.rotate(h.operator, revoked.ID)
	refused(t, "revoked", err, authz.Conflict, "key_ended")
	suspended, _ := h.mint()
	ref := authz.NodeRef{Kind: authz.WorkspaceNode, ID: string(h.ws.ID)}
	moved, err := h.store.KillNode(t.Context(), up, h.ws.ID, ref, authz.Suspended)
	if !moved || err != nil {
		t.Fatal(err)
	}
	_, err = h.rotate(h.operator, suspended.ID)
	refused(t, "in a suspended workspace", err, authz.Conflict, "workspace_suspended")
	if key, err := h.keys.Get(t.Context(), h.operator, "", suspended.ID); err != nil || key.State != authz.Active || key.Successor != "" {
		t.Errorf("left as %+v, %v", key, err)
	}
}

func TestAK18_TheTextOfASuccessorIsNowhereInTheClear(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint()
	got, err := h.rotate(h.principal(text), key.ID)
	h.check(err)
	for _, suffix := range []string{"", "-wal"} {
		raw, err := os.ReadFile(h.path + suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(got.Text.Reveal()[24:])) {
			t.Errorf("the database%s holds the text", suffix)
		}
	}
	for _, d := range h.events("api_key.rotated") {
		if bytes.Contains(d.Body, []byte(got.Text.Reveal()[24:])) {
			t.Error("an event holds the text")
		}
	}
}

// A clock that stepped back keeps no key from its successor for as long as the
// step: what was made in the future was not made a moment ago.
func TestR7_AClockThatStepsBackKeepsNoKeyFromItsSuccessor(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint()
	self := h.principal(text)
	next := must(h.rotate(self, key.ID))(t)
	must(h.keys.Revoke(t.Context(), h.principal(next.Text), origin, "", next.Key.ID))(t)
	h.clock.Advance(-time.Hour)
	again := must(h.rotate(self, key.ID))(t)
	if !h.works(again.Text) || !h.works(text) {
		t.Error("one of the two does not work")
	}
	must(h.keys.Revoke(t.Context(), h.principal(again.Text), origin, "", again.Key.ID))(t)
	_, err := h.rotate(self, key.ID)
	refused(t, "a third at once", err, authz.RateLimited, "rate_limited")
}
