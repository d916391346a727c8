package apikey_test

import (
	"context"
	"database/sql"
	"strconv"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

func TestU11_WhoStillUsesTheOldKeyAndFromWhereIsTold(t *testing.T) {
	h := newHouse(t)
	old, text := h.mint()
	next, err := h.rotate(h.principal(text), old.ID)
	h.check(err)
	if k := h.get(old.ID); !k.LastUsedAt.IsZero() || k.LastUsedIP != "" {
		t.Errorf("never used: %+v", k)
	}
	h.keys.Used(next.Key.ID, "192.0.2.1")
	h.clock.Advance(time.Hour)
	h.keys.Used(old.ID, "198.51.100.7")
	h.keys.Used(old.ID, "") // somebody introspects it: from where it came they did not say
	h.keys.Used("", "203.0.113.9")
	before := h.get(old.ID)
	h.check(h.keys.WriteUses(t.Context()))
	k, n := h.get(old.ID), h.get(next.Key.ID)
	if h.clock.Now().Sub(k.LastUsedAt) > time.Minute || k.LastUsedIP != "198.51.100.7" || n.LastUsedIP != "192.0.2.1" || k.LastUsedAt.Sub(n.LastUsedAt) < time.Hour {
		t.Errorf("the old key %v from %s, the new one %v from %s", k.LastUsedAt, k.LastUsedIP, n.LastUsedAt, n.LastUsedIP)
	}
	if k.Revision != before.Revision || k.Epoch != before.Epoch {
		t.Error("being used changes a key")
	}
	h.clock.Advance(-2 * time.Hour)
	h.keys.Used(old.ID, "203.0.113.9")
	h.check(h.keys.WriteUses(t.Context()))
	if again := h.get(old.ID); !again.LastUsedAt.Equal(k.LastUsedAt) || again.LastUsedIP != k.LastUsedIP {
		t.Error("a clock that steps back unmakes a use")
	}
}

// rows counts what is in a table.
func (h *house) rows(table string) (n int) {
	h.t.Helper()
	db := must(sql.Open("sqlite", h.path))(h.t)
	defer db.Close()
	h.check(db.QueryRowContext(h.t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n))
	return n
}

// Several processes may still use the old key: each address is told, with when it
// was first and last seen; of keys that were not replaced nothing is kept.
func TestU11_EveryAddressThatStillUsesTheOldKeyIsTold(t *testing.T) {
	h := newHouse(t)
	old, text := h.mint()
	h.keys.Used(old.ID, "192.0.2.1") // before it was replaced
	h.check(h.keys.WriteUses(t.Context()))
	next, err := h.rotate(h.principal(text), old.ID)
	h.check(err)
	began := h.clock.Now()
	for n, ip := range []string{"192.0.2.2", "192.0.2.3", "", "192.0.2.2"} {
		h.clock.Advance(time.Hour)
		h.keys.Used(old.ID, ip)
		h.keys.Used(next.Key.ID, "192.0.2.9")
		if n == 1 { // what cannot be written is kept
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			if h.keys.WriteUses(gone) == nil {
				t.Fatal("written although nobody waits")
			}
		}
	}
	for range 2 {
		h.check(h.keys.WriteUses(t.Context()))
	}
	told := func(id authz.KeyID) []authz.KeyCaller {
		t.Helper()
		return must(h.keys.Progress(t.Context(), h.operator, h.ws.ID, id))(t).Callers
	}
	got := told(next.Key.ID)
	if len(got) != 2 || got[0].IP != "192.0.2.2" || got[1].IP != "192.0.2.3" {
		t.Fatalf("told %+v", got)
	}
	if first, last := got[0].FirstAt.Sub(began).Round(time.Minute), got[0].LastAt.Sub(began).Round(time.Minute); first != time.Hour || last != 4*time.Hour {
		t.Errorf("seen from %v to %v", first, last)
	}
	// The keys themselves see how far they are, and not from where the other is used.
	own := must(h.keys.Progress(t.Context(), h.principal(next.Text), "", next.Key.ID))(t)
	if own.Old == nil || own.Old.LastUsedIP != "" || len(own.Callers) != 0 || own.New.LastUsedIP != "192.0.2.9" {
		t.Errorf("the new key is told %+v, %+v", own.Old, own.Callers)
	}
	for n := range 200 { // a key that is everywhere
		h.clock.Advance(time.Second)
		h.keys.Used(old.ID, "198.51.100."+strconv.Itoa(n))
		if n%5 == 0 {
			h.check(h.keys.WriteUses(t.Context()))
		}
	}
	h.check(h.keys.WriteUses(t.Context()))
	if got := told(old.ID); len(got) != 64 || got[0].IP != "198.51.100.199" {
		t.Errorf("%d addresses are told, the latest %s", len(got), got[0].IP)
	}
	if n := h.rows("key_callers"); n != 64 {
		t.Errorf("%d are kept", n)
	}
	if none := must(h.store.ListKeyCallers(t.Context(), up, h.ws.ID, next.Key.ID))(t); len(none) != 0 {
		t.Errorf("of the new key %+v", none)
	}
	if foreign := must(h.store.ListKeyCallers(t.Context(), up, h.neighbour.ID, old.ID))(t); len(foreign) != 0 {
		t.Errorf("another workspace is told %+v", foreign)
	}
	h.clock.Advance(33 * day)
	must(h.keys.Purge(t.Context()))(t)
	if left := must(h.store.ListKeyCallers(t.Context(), up, h.ws.ID, old.ID))(t); len(left) != 0 {
		t.Errorf("of a purged key %+v", left)
	}
}

func TestUsesThatCannotBeWrittenAreKeptAndBounded(t *testing.T) {
	h := newHouse(t)
	key, _ := h.mint()
	h.keys.Used(key.ID, "192.0.2.1")
	gone := t.Context()
	cancelled, cancel := context.WithCancel(gone)
	cancel()
	if err := h.keys.WriteUses(cancelled); err == nil {
		t.Fatal("written although nobody waits")
	}
	for n := range 200_000 { // 50,000 at most are kept
		h.keys.Used(authz.KeyID("key_"+strconv.Itoa(n)), "192.0.2.1")
	}
	if n := h.keys.WaitingUses(); n > 50_000 || n < 40_000 {
		t.Errorf("%d uses are kept", n)
	}
	h.check(h.keys.WriteUses(gone))
	if k := h.get(key.ID); k.LastUsedIP != "192.0.2.1" || h.keys.WaitingUses() != 0 {
		t.Errorf("kept as %+v", k)
	}
}

func TestU30_UnusedKeysAreFoundAndDisabledWhereTheWorkspaceAsksForIt(t *testing.T) {
	h := newHouse(t)
	used, _ := h.mint()
	never, text := h.mint()
	theirs, _ := h.mint(func(r *apikey.Request) { r.WorkspaceID = h.neighbour.ID })
	h.clock.Advance(20 * day)
	h.keys.Used(used.ID, "192.0.2.1")
	h.check(h.keys.WriteUses(t.Context()))
	h.clock.Advance(20 * day)
	young, _ := h.mint()
	unused := func(d time.Duration) []authz.APIKey {
		t.Helper()
		keys, err := h.keys.List(t.Context(), h.operator, h.ws.ID, authz.KeyFilter{UnusedSince: h.clock.Now().Add(-d)}, authz.Page{})
		h.check(err)
		return keys
	}
	if list := unused(30 * day); len(list) != 1 || list[0].ID != never.ID {
		t.Errorf("unused for 30 days: %+v", list)
	}
	if list := unused(15 * day); len(list) != 2 {
		t.Errorf("unused for 15 days: %+v", list)
	}
	if n, err := h.keys.DisableUnused(t.Context()); n != 0 || err != nil {
		t.Errorf("%d disabled that nobody asked for, %v", n, err)
	}
	for _, d := range []time.Duration{time.Hour, 3661 * day, -day} {
		_, err := h.keys.SetPolicy(t.Context(), h.operator, origin, authz.KeyPolicy{WorkspaceID: h.ws.ID, UnusedAfter: d}, 0)
		refused(t, d.String(), err, authz.Invalid, "invalid_request")
	}
	_, err := h.keys.SetPolicy(t.Context(), h.operator, origin, authz.KeyPolicy{WorkspaceID: h.ws.ID, UnusedAfter: 30 * day}, 0)
	h.check(err)
	if n, err := h.keys.DisableUnused(t.Context()); n != 1 || err != nil {
		t.Errorf("%d disabled, %v", n, err)
	}
	for id, want := range map[authz.KeyID]authz.State{used.ID: authz.Active, never.ID: authz.Disabled, theirs.ID: authz.Active, young.ID: authz.Active} {
		if k := h.get(id); k.State != want {
			t.Errorf("%s is %s, want %s", id, k.State, want)
		}
	}
	if entries := h.entries(h.ws.ID, "api_key.disabled"); len(entries) != 1 || entries[0].Reason != "unused" || entries[0].Actor != "schedule" || h.works(text) {
		t.Errorf("entries %+v", entries)
	}
	_, err = h.update(h.operator, never.ID, apikey.Change{State: new(authz.Active)})
	h.check(err)
	if n, err := h.keys.DisableUnused(t.Context()); n != 0 || err != nil {
		t.Errorf("%d disabled that were just enabled, %v", n, err)
	}
	h.clock.Advance(30 * day)
	if n, err := h.keys.DisableUnused(t.Context()); n != 3 || err != nil {
		t.Errorf("%d disabled in the end, %v", n, err)
	}
}

func TestKeysAreListedByWhatIsAskedFor(t *testing.T) {
	h := newHouse(t)
	named := func(name string, change ...func(*apikey.Request)) authz.APIKey {
		k, _ := h.mint(append(change, func(r *apikey.Request) { r.Name = name })...)
		return k
	}
	deploy, sandbox := named("CI Deploy 100%"), named("ci_test", func(r *apikey.Request) { r.Environment = authz.Test })
	expired := named("old", func(r *apikey.Request) { r.ExpiresAt = h.clock.Now().Add(time.Hour) })
	revoked, disabled, replaced := named("gone"), named("off"), named("replaced")
	sibling := named("of the same account", func(r *apikey.Request) { r.ServiceAccountID = deploy.ServiceAccountID })
	_, err := h.keys.Revoke(t.Context(), h.operator, origin, "", revoked.ID)
	h.check(err)
	_, err = h.update(h.operator, disabled.ID, apikey.Change{State: new(authz.Disabled)})
	h.check(err)
	next, err := h.rotate(h.operator, replaced.ID)
	h.check(err)
	h.clock.Advance(2 * time.Hour)
	for name, c := range map[string]struct {
		filter authz.KeyFilter
		want   []authz.KeyID
	}{
		"active":           {authz.KeyFilter{Status: "active"}, []authz.KeyID{deploy.ID, sandbox.ID, sibling.ID, next.Key.ID}},
		"expired":          {authz.KeyFilter{Status: "expired"}, []authz.KeyID{expired.ID}},
		"revoked":          {authz.KeyFilter{Status: "revoked"}, []authz.KeyID{revoked.ID}},
		"disabled":         {authz.KeyFilter{Status: "disabled"}, []authz.KeyID{disabled.ID}},
		"in grace":         {authz.KeyFilter{Status: "grace"}, []authz.KeyID{replaced.ID}},
		"sandbox":          {authz.KeyFilter{Environment: authz.Test}, []authz.KeyID{sandbox.ID}},
		"of an account":    {authz.KeyFilter{ServiceAccountID: deploy.ServiceAccountID}, []authz.KeyID{deploy.ID, sibling.ID}},
		"part of a name":   {authz.KeyFilter{Text: "ci"}, []authz.KeyID{deploy.ID, sandbox.ID}},
		"in capitals":      {authz.KeyFilter{Text: "CI_T"}, []authz.KeyID{sandbox.ID}},
		"a percent sign":   {authz.KeyFilter{Text: "0%"}, []authz.KeyID{deploy.ID}},
		"an underscore":    {authz.KeyFilter{Text: "i_"}, []authz.KeyID{sandbox.ID}},
		"no pattern":       {authz.KeyFilter{Text: "%"}, []authz.KeyID{deploy.ID}},
		"an id":            {authz.KeyFilter{Text: string(expired.ID)}, []authz.KeyID{expired.ID}},
		"a prefix":         {authz.KeyFilter{Text: expired.Prefix}, []authz.KeyID{expired.ID}},
		"both of two":      {authz.KeyFilter{Status: "active", Text: "ci"}, []authz.KeyID{deploy.ID, sandbox.ID}},
		"nothing":          {authz.KeyFilter{Text: "nobody"}, nil},
		"in two pages":     {authz.KeyFilter{Status: "active"}, []authz.KeyID{deploy.ID, sandbox.ID, sibling.ID, next.Key.ID}},
		"of another place": {authz.KeyFilter{Text: string(h.operator.KeyID)}, nil},
	} {
		page := authz.Page{Limit: 3}
		var got []authz.KeyID
		for {
			keys, err := h.keys.List(t.Context(), h.operator, h.ws.ID, c.filter, page)
			h.check(err)
			for _, k := range keys {
				got = append(got, k.ID)
				if c.filter.Status != "" && k.StatusAt(h.clock.Now()) != c.filter.Status {
					t.Errorf("%s: %s is %s", name, k.Name, k.StatusAt(h.clock.Now()))
				}
				page.After = authz.Position{CreatedAt: k.CreatedAt, ID: string(k.ID)}
			}
			if len(keys) < 3 {
				break
			}
		}
		if !sameIDs(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func sameIDs(a, b []authz.KeyID) bool {
	seen := map[authz.KeyID]bool{}
	for _, id := range a {
		seen[id] = true
	}
	for _, id := range b {
		if !seen[id] {
			return false
		}
	}
	return len(a) == len(b)
}

func BenchmarkUsed(b *testing.B) {
	h := newHouse(b)
	b.ReportAllocs()
	for b.Loop() {
		h.keys.Used("key_AQAAAAAAAAAAAAAA", "192.0.2.1")
	}
}
