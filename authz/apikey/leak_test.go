package apikey_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// withPolicy makes the keys of up over the same database, of a policy.
func (h *house) withPolicy(p apikey.LeakPolicy) *apikey.Keys {
	h.t.Helper()
	cfg := h.config(up, "up")
	cfg.Leaks = map[authz.Environment]apikey.LeakPolicy{authz.Live: p}
	return must(apikey.New(cfg))(h.t)
}

func (h *house) report(keys *apikey.Keys, text authz.Secret, want bool) {
	h.t.Helper()
	src := apikey.LeakSource{Kind: "report", URL: "https://paste.example/x?token=" + text.Reveal()}
	if known := must(keys.ReportLeak(h.t.Context(), origin, text, src))(h.t); known != want {
		h.t.Errorf("known is %v", known)
	}
}

func (h *house) status(id authz.KeyID) string {
	h.t.Helper()
	return must(h.keys.Get(h.t.Context(), h.operator, h.ws.ID, id))(h.t).StatusAt(h.clock.Now())
}

func TestWhatHappensToALeakedKeyIsThePolicyOfItsEnvironment(t *testing.T) {
	for action, c := range map[apikey.LeakAction]struct {
		fuse   time.Duration
		status string
		also   string
	}{
		"": {0, "active", ""}, apikey.NotifyOfLeak: {time.Hour, "active", ""}, apikey.DisableLeaked: {0, "disabled", "api_key.disabled"},
		apikey.RevokeLeaked: {time.Hour, "revoked", "api_key.revoked"},
	} {
		h := newHouse(t)
		keys := h.withPolicy(apikey.LeakPolicy{Action: action, Fuse: c.fuse})
		key, text := h.mint()
		sandbox, sandboxText := h.mint(func(r *apikey.Request) { r.Environment = authz.Test })
		h.report(keys, text, true)
		h.report(keys, sandboxText, true)
		if got := h.status(key.ID); got != c.status {
			t.Errorf("%s: the key is %s", action, got)
		}
		if got := h.status(sandbox.ID); got != "active" {
			t.Errorf("%s: the policy of live was that of test: %s", action, got)
		}
		entries := h.entries(h.ws.ID, "api_key.leaked")
		if len(entries) != 2 || entries[0].Target != string(key.ID) || entries[0].Details["seen_at"] != "https://paste.example/x" {
			t.Errorf("%s: audited %+v", action, entries)
		}
		if c.also != "" {
			if acts := h.entries(h.ws.ID, c.also); len(acts) != 1 || acts[0].Actor != "leak_policy" {
				t.Errorf("%s: audited %+v", action, acts)
			}
		}
		h.clock.Advance(time.Second)
		all := must(h.store.ClaimDeliveries(t.Context(), h.clock.Now(), time.Minute, 500))(t)
		told := 0
		for _, d := range all {
			if d.Type == "api_key.leaked" {
				told++
			}
			if strings.Contains(string(d.Body), text.Reveal()) || !json.Valid(d.Body) {
				t.Errorf("%s: an event holds the key", action)
			}
		}
		if told != 2 {
			t.Errorf("%s: %d events", action, told)
		}
	}
}

func TestTheFuseOfALeakedKeyBurnsOnceAndToTheSecond(t *testing.T) {
	h := newHouse(t)
	keys := h.withPolicy(apikey.LeakPolicy{Action: apikey.DisableLeaked, Fuse: 24 * time.Hour})
	key, text := h.mint()
	burn := func(want int) {
		t.Helper()
		if n := must(keys.BurnFuses(t.Context()))(t); n != want {
			t.Errorf("%d fuses burnt, want %d", n, want)
		}
	}
	h.report(keys, text, true)
	h.clock.Advance(23 * time.Hour)
	h.report(keys, text, true) // makes it no longer
	h.clock.Advance(time.Hour - time.Second)
	burn(0)
	if h.status(key.ID) != "active" {
		t.Error("disabled too early")
	}
	h.clock.Advance(2 * time.Second)
	burn(1)
	burn(0)
	if h.status(key.ID) != "disabled" {
		t.Error("not disabled")
	}
	if acts := h.entries(h.ws.ID, "api_key.disabled"); len(acts) != 1 {
		t.Errorf("audited %+v", acts)
	}
	_, _, err := keys.Authenticate(t.Context(), text)
	refused(t, "a disabled key", err, authz.Unauthenticated, "invalid_token")
}

// A report for which there is nothing to do, or of another source, must not keep
// the next one from being acted on.
func TestNoReportHushesUpALeakOfALiveKey(t *testing.T) {
	on, off := authz.Active, authz.Disabled
	for _, fuse := range []time.Duration{0, 24 * time.Hour} {
		h := newHouse(t)
		keys := h.withPolicy(apikey.LeakPolicy{Action: apikey.DisableLeaked, Fuse: fuse})
		key, text := h.mint()
		must(h.update(h.operator, key.ID, apikey.Change{State: &off}))(t)
		h.report(keys, text, true) // disabled: nothing to do
		must(h.update(h.operator, key.ID, apikey.Change{State: &on}))(t)
		h.clock.Advance(time.Minute)
		h.report(keys, text, true) // the same source, within the hour
		h.clock.Advance(fuse + time.Second)
		must(keys.BurnFuses(t.Context()))(t)
		if got := h.status(key.ID); got != "disabled" {
			t.Errorf("fuse %s: the key is %s", fuse, got)
		}
		told := h.entries(h.ws.ID, "api_key.leaked")
		if fuse > 0 && (len(told) != 2 || told[1].Details["disable_at"] == nil) {
			t.Errorf("a fuse burns, and its people were told %+v", told)
		}
	}
}

func TestEverySourceOfALeakIsToldOf(t *testing.T) {
	h := newHouse(t)
	_, text := h.mint()
	h.report(h.keys, text, true)
	for range 2 {
		src := apikey.LeakSource{Kind: "github", URL: "https://github.com/a/b"}
		must(h.keys.ReportLeak(t.Context(), origin, text, src))(t)
	}
	told := h.entries(h.ws.ID, "api_key.leaked")
	if len(told) != 2 || told[1].Reason != "github" || told[1].Details["seen_at"] != "https://github.com/a/b" {
		t.Errorf("told %+v", told)
	}
}

// Whoever finds a key makes its successor and keeps that: it ends with the key.
func TestWhoFoundAKeyDoesNotKeepWhatItMadeOfIt(t *testing.T) {
	for _, c := range []struct {
		policy apikey.LeakPolicy
		status string
	}{
		{apikey.LeakPolicy{Action: apikey.RevokeLeaked}, "revoked"},
		{apikey.LeakPolicy{Action: apikey.DisableLeaked}, "disabled"},
		{apikey.LeakPolicy{Action: apikey.DisableLeaked, Fuse: 24 * time.Hour}, "disabled"},
		{apikey.LeakPolicy{Action: apikey.NotifyOfLeak}, "active"},
	} {
		h := newHouse(t)
		keys := h.withPolicy(c.policy)
		first, text := h.mint()
		finder := h.principal(text)
		second := must(h.rotate(finder, first.ID))(t)
		h.clock.Advance(time.Hour) // the claim is gone, what it was is not forgotten
		must(h.store.DeleteExpiredAcrossWorkspaces(t.Context(), h.clock.Now(), 100))(t)
		h.report(keys, text, true)
		h.clock.Advance(73 * time.Hour) // and the grace, while the fuse burns
		must(keys.BurnFuses(t.Context()))(t)
		if got := h.status(second.Key.ID); got != c.status || h.works(second.Text) != (c.status == "active") {
			t.Errorf("%+v: the successor is %s", c.policy, got)
		}
		if typ := "api_key." + c.status; c.status != "active" {
			ended := h.entries(h.ws.ID, typ)
			heir := slices.IndexFunc(ended, func(e authz.AuditEntry) bool { return e.Target == string(second.Key.ID) })
			if heir < 0 || ended[heir].Actor != "leak_policy" || ended[heir].Reason != "predecessor_leaked" {
				t.Errorf("%+v: audited %+v", c.policy, ended)
			}
		}
		if told := h.entries(h.ws.ID, "api_key.leaked"); told[0].Details["successor_id"] != string(second.Key.ID) {
			t.Errorf("%+v: told %+v", c.policy, told)
		}
	}
}

func TestTheHeirsOfALeakedKeyAreFollowedAsFarAsTheirTextsWent(t *testing.T) {
	h := newHouse(t)
	keys := h.withPolicy(apikey.LeakPolicy{Action: apikey.RevokeLeaked})
	long := h.clock.Now().Add(29 * 24 * time.Hour)
	first, text := h.mint()
	second := must(h.rotate(h.principal(text), first.ID))(t)
	off, on := authz.Disabled, authz.Active
	must(h.update(h.operator, first.ID, apikey.Change{GraceUntil: &long, State: &off}))(t)
	h.clock.Advance(2 * time.Hour)
	third := must(h.rotate(h.principal(second.Text), second.Key.ID))(t) // the finder goes on
	h.clock.Advance(73 * time.Hour)
	fourth := must(h.rotate(h.operator, third.Key.ID))(t) // its owner does not know, and has a text of their own
	_, err := h.update(h.operator, first.ID, apikey.Change{State: &on})
	refused(t, "the first of many", err, authz.Conflict, "successor_replaced")
	h.report(keys, second.Text, true) // expired: there is nothing to do
	if h.status(third.Key.ID) != "grace" {
		t.Errorf("the third is %s", h.status(third.Key.ID))
	}
	h.report(keys, third.Text, true)
	if h.status(third.Key.ID) != "revoked" || h.status(fourth.Key.ID) != "active" || !h.works(fourth.Text) {
		t.Errorf("the third is %s, the fourth, handed to the operator, %s", h.status(third.Key.ID), h.status(fourth.Key.ID))
	}
}

// A text that waits for the leaked key to claim it waits no more.
func TestTheSuccessorOfALeakedKeyIsNotClaimedWithIt(t *testing.T) {
	h := newHouse(t)
	keys := h.withPolicy(apikey.LeakPolicy{Action: apikey.DisableLeaked})
	on := authz.Active
	key, text := h.mint(func(r *apikey.Request) { r.RotateEvery = 30 * 24 * time.Hour })
	finder := h.principal(text)
	h.clock.Advance(30 * 24 * time.Hour)
	if n := must(keys.RotateDue(t.Context()))(t); n != 1 {
		t.Fatalf("%d rotated", n)
	}
	next := must(h.keys.Get(t.Context(), h.operator, h.ws.ID, key.ID))(t).Successor
	h.report(keys, text, true)
	if h.status(key.ID) != "disabled" || h.status(next) != "active" {
		t.Errorf("the key is %s, its successor, whose text nobody has, %s", h.status(key.ID), h.status(next))
	}
	must(h.update(h.operator, key.ID, apikey.Change{State: &on}))(t) // by mistake
	_, err := h.rotate(finder, key.ID)
	refused(t, "claiming it", err, authz.Conflict, "successor_claimed")
}

func TestASuccessorThatTheLeakedKeyClaimedEndsWithIt(t *testing.T) {
	h := newHouse(t)
	keys := h.withPolicy(apikey.LeakPolicy{Action: apikey.RevokeLeaked})
	key, text := h.mint(func(r *apikey.Request) { r.RotateEvery = 30 * 24 * time.Hour })
	finder := h.principal(text)
	h.clock.Advance(30 * 24 * time.Hour)
	must(keys.RotateDue(t.Context()))(t)
	claimed := must(h.rotate(finder, key.ID))(t)
	h.report(keys, text, true)
	if h.status(claimed.Key.ID) != "revoked" || h.works(claimed.Text) {
		t.Errorf("the successor is %s", h.status(claimed.Key.ID))
	}
}

func TestALeakIsToldOfOnceAnHour(t *testing.T) {
	h := newHouse(t)
	_, text := h.mint()
	for range 20 {
		h.report(h.keys, text, true)
		h.clock.Advance(6 * time.Minute)
	}
	if n := len(h.entries(h.ws.ID, "api_key.leaked")); n != 2 {
		t.Errorf("%d entries in two hours", n)
	}
}

func TestOnlyWhoHoldsAKeyReportsIt(t *testing.T) {
	h := newHouse(t)
	keys := h.withPolicy(apikey.LeakPolicy{Action: apikey.RevokeLeaked})
	key, text := h.mint()
	for name, c := range map[string]authz.Secret{
		"no key": "up_live_x", "unknown": h.forge(text, other), "another product's": authz.Secret("sp" + text.Reveal()[2:]), "a wrong secret": h.forge(text, same),
	} {
		if known, err := keys.ReportLeak(t.Context(), origin, c, apikey.LeakSource{Kind: "report"}); known || err != nil {
			t.Errorf("%s: known %v, %v", name, known, err)
		}
	}
	if h.status(key.ID) != "active" || len(h.entries(h.ws.ID, "api_key.leaked")) != 0 {
		t.Error("somebody who does not hold the key had it revoked")
	}
	must(h.keys.Revoke(t.Context(), h.operator, origin, h.ws.ID, key.ID))(t)
	h.report(keys, text, true) // dead, and known all the same
	if n := len(h.entries(h.ws.ID, "api_key.revoked")); n != 1 {
		t.Errorf("revoked %d times", n)
	}
}
