package apikey_test

import (
	"encoding/json"
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
