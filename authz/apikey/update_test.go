package apikey_test

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// manager is a key that manages the keys of ws and issues none.
func (h *house) manager() authz.Principal {
	h.t.Helper()
	_, text := h.mint(func(r *apikey.Request) { r.Scopes = []string{"manage:keys"} })
	return h.principal(text)
}

func (h *house) update(by authz.Principal, id authz.KeyID, c apikey.Change) (authz.APIKey, error) {
	h.t.Helper()
	return h.keys.Update(h.t.Context(), by, origin, "", id, c)
}

// restricted is a request for a key that could be less in every way.
func (h *house) restricted(r *apikey.Request) {
	r.Scopes = []string{"monitor:read", "monitor:write"}
	r.Resources = authz.Resources{Clusters: []string{"eu-1", "eu-2"}}
	r.IPAllowlist = []string{"192.0.2.0/24", "2001:db8::/32"}
	r.ExpiresAt = h.clock.Now().Add(100 * time.Hour)
}

func TestAK12_WhoManagesKeysNarrowsThemAndNothingElse(t *testing.T) {
	h := newHouse(t)
	manager := h.manager()
	in := func(d time.Duration) *time.Time { return new(h.clock.Now().Add(d)) }
	for name, c := range map[string]struct {
		change apikey.Change
		code   string // of the refusal; empty: it is only narrower
	}{
		"a name":                   {apikey.Change{Name: new("another")}, ""},
		"fewer scopes":             {apikey.Change{Scopes: &[]string{"monitor:read"}}, ""},
		"the same, in other order": {apikey.Change{Scopes: &[]string{"monitor:write", "monitor:read"}}, ""},
		"another scope":            {apikey.Change{Scopes: &[]string{"monitor:read", "alert:read"}}, "issuing_delegation_required"},
		"the management of keys":   {apikey.Change{Scopes: &[]string{"manage:keys"}}, "issuing_delegation_required"},
		"fewer resources":          {apikey.Change{Resources: &authz.Resources{Clusters: []string{"eu-1"}}}, ""},
		"another restriction":      {apikey.Change{Resources: &authz.Resources{Clusters: []string{"eu-1", "eu-2"}, AlertRoutes: []string{"p1"}}}, ""},
		"another resource":         {apikey.Change{Resources: &authz.Resources{Clusters: []string{"us-1"}}}, "issuing_delegation_required"},
		"every resource":           {apikey.Change{Resources: &authz.Resources{}}, "issuing_delegation_required"},
		"a smaller network":        {apikey.Change{IPAllowlist: &[]string{"192.0.2.128/25"}}, ""},
		"a larger network":         {apikey.Change{IPAllowlist: &[]string{"192.0.0.0/16"}}, "issuing_delegation_required"},
		"one that begins the same": {apikey.Change{IPAllowlist: &[]string{"192.0.2.0/23"}}, "issuing_delegation_required"},
		"another network":          {apikey.Change{IPAllowlist: &[]string{"192.0.2.0/24", "198.51.100.7/32"}}, "issuing_delegation_required"},
		"every address":            {apikey.Change{IPAllowlist: &[]string{}}, "issuing_delegation_required"},
		"every IPv6 address":       {apikey.Change{IPAllowlist: &[]string{"::/0"}}, "issuing_delegation_required"},
		"a nearer end":             {apikey.Change{ExpiresAt: in(time.Hour)}, ""},
		"a later end":              {apikey.Change{ExpiresAt: in(101 * time.Hour)}, "issuing_delegation_required"},
		"no end":                   {apikey.Change{ExpiresAt: new(time.Time{})}, "issuing_delegation_required"},
		"another rate":             {apikey.Change{Tier: new("bulk")}, "operator_required"},
		"off":                      {apikey.Change{State: new(authz.Disabled)}, ""},
		"back from revoked":        {apikey.Change{State: new(authz.Revoked)}, "invalid_request"},
		"deleted":                  {apikey.Change{State: new(authz.Deleted)}, "invalid_request"},
		"a past end":               {apikey.Change{ExpiresAt: in(-time.Hour)}, "invalid_request"},
		"no scopes":                {apikey.Change{Scopes: &[]string{}}, "invalid_request"},
		"a wildcard":               {apikey.Change{Scopes: &[]string{"*"}}, "invalid_request"},
		"for people only":          {apikey.Change{Scopes: &[]string{"admin:all"}}, "invalid_request"},
		"no tier":                  {apikey.Change{Tier: new("gold")}, "invalid_request"},
		"no name":                  {apikey.Change{Name: new(" ")}, "invalid_request"},
		"no network":               {apikey.Change{IPAllowlist: &[]string{"everywhere"}}, "invalid_request"},
		"no resource":              {apikey.Change{Resources: &authz.Resources{Clusters: []string{"*"}}}, "invalid_request"},
	} {
		key, _ := h.mint(h.restricted)
		got, err := h.update(manager, key.ID, c.change)
		if c.code == "" {
			if err != nil || got.Revision != 2 || got.Hash != "" {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			continue
		}
		if authz.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if after, err := h.keys.Get(t.Context(), manager, "", key.ID); err != nil || !reflect.DeepEqual(after, key) {
			t.Errorf("%s: was refused and left %+v, %v", name, after, err)
		}
	}
}

func TestU5_WhoCouldMintAKeySoMayWidenItSo(t *testing.T) {
	h := newHouse(t)
	issuing := h.issuing("monitor:read", "monitor:write", "alert:read")
	less := h.issuing("monitor:read", "alert:read")
	key, _ := h.mint(h.restricted)
	wide := apikey.Change{Scopes: &[]string{"monitor:read", "monitor:write", "alert:read"}, IPAllowlist: &[]string{}, ExpiresAt: &time.Time{}}
	_, err := h.update(less, key.ID, wide)
	refused(t, "a delegation that could not mint the whole", err, authz.Forbidden, "issuing_delegation_exceeded")
	got, err := h.update(issuing, key.ID, wide)
	if err != nil || len(got.Scopes) != 3 || len(got.IPAllowlist) != 0 || !got.ExpiresAt.IsZero() {
		t.Errorf("widened to %+v, %v", got, err)
	}
	h.clock.Advance(2 * time.Hour) // past the delegation
	_, err = h.update(issuing, key.ID, apikey.Change{Scopes: &[]string{"monitor:read", "monitor:write", "alert:read", "config:admin"}})
	refused(t, "a delegation that is over", err, authz.Forbidden, "issuing_delegation_required")
	if _, err = h.update(h.operator, key.ID, apikey.Change{Tier: new("bulk")}); err != nil {
		t.Errorf("the operator changes the tier: %v", err)
	}
}

func TestU30_ADisabledKeyIsRefusedUntilItIsEnabled(t *testing.T) {
	h := newHouse(t)
	manager := h.manager()
	key, text := h.mint()
	for range 2 { // the second time changes nothing
		got, err := h.update(manager, key.ID, apikey.Change{State: new(authz.Disabled)})
		if err != nil || got.StatusAt(h.clock.Now()) != "disabled" || got.Revision != 2 || got.Epoch != 1 {
			t.Errorf("disabled %+v, %v", got, err)
		}
	}
	_, _, err := h.keys.Authenticate(t.Context(), text)
	refused(t, "disabled", err, authz.Unauthenticated, "invalid_token")
	got, err := h.update(manager, key.ID, apikey.Change{State: new(authz.Active)})
	if err != nil || got.StatusAt(h.clock.Now()) != "active" {
		t.Errorf("enabled %+v, %v", got, err)
	}
	h.principal(text)
	for typ, want := range map[string]int{"api_key.disabled": 1, "api_key.enabled": 1, "api_key.updated": 0} {
		if n := len(h.entries(h.ws.ID, typ)); n != want {
			t.Errorf("%d entries %s, want %d", n, typ, want)
		}
	}
	_, err = h.keys.Revoke(t.Context(), manager, origin, "", key.ID)
	h.check(err)
	_, err = h.update(manager, key.ID, apikey.Change{State: new(authz.Active)})
	refused(t, "revoked is final", err, authz.Conflict, "key_ended")
	_, err = h.update(h.operator, key.ID, apikey.Change{Name: new("x")})
	refused(t, "nor is it renamed", err, authz.Conflict, "key_ended")
}

func TestAnExpiredKeyIsNotBroughtBack(t *testing.T) {
	h := newHouse(t)
	key, _ := h.mint(h.restricted)
	h.clock.Advance(101 * time.Hour)
	_, err := h.update(h.operator, key.ID, apikey.Change{ExpiresAt: &time.Time{}})
	refused(t, "expired", err, authz.Conflict, "key_ended")
}

func TestU28_S36_AChangeOfScopesSaysWhatTheyWere(t *testing.T) {
	h := newHouse(t)
	key, _ := h.mint(h.restricted)
	_, err := h.update(h.operator, key.ID, apikey.Change{Scopes: &[]string{"monitor:read"}, Name: new("less")})
	h.check(err)
	entries := h.entries(h.ws.ID, "api_key.updated")
	if len(entries) != 1 || entries[0].Actor != h.operator.Subject || entries[0].Target != string(key.ID) || entries[0].IP != origin.IP {
		t.Fatalf("entries %+v", entries)
	}
	before, _ := entries[0].Details["before"].(map[string]any)
	after, _ := entries[0].Details["after"].(map[string]any)
	if !reflect.DeepEqual(before, map[string]any{"name": "a key", "scopes": []any{"monitor:read", "monitor:write"}}) ||
		!reflect.DeepEqual(after, map[string]any{"name": "less", "scopes": []any{"monitor:read"}}) {
		t.Errorf("from %v to %v", before, after)
	}
	events := h.events("api_key.updated")
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	for _, member := range []string{`"scopes_before":["monitor:read","monitor:write"]`, `"changed":["name","scopes"]`, `"scopes":["monitor:read"]`} {
		if !strings.Contains(string(events[0].Body), member) {
			t.Errorf("no %s in %s", member, events[0].Body)
		}
	}
}

// An event is bounded; a key that may name three hundred resources is changed
// nevertheless.
func TestTheLargestChangeIsToldOf(t *testing.T) {
	h := newHouse(t)
	key, _ := h.mint()
	ids := func(mark string) (list []string) {
		for n := range 100 {
			list = append(list, mark+strconv.Itoa(n)+strings.Repeat("x", 120))
		}
		return list
	}
	largest := authz.Resources{Clusters: ids("c"), CheckGroups: ids("g"), AlertRoutes: ids("r")}
	_, err := h.update(h.operator, key.ID, apikey.Change{Resources: &largest})
	h.check(err)
	_, err = h.update(h.operator, key.ID, apikey.Change{Resources: &authz.Resources{}})
	h.check(err)
}

func TestTN01_TheKeysOfOthersAreNotChanged(t *testing.T) {
	h := newHouse(t)
	manager := h.manager()
	elsewhere, _ := h.mint(func(r *apikey.Request) { r.WorkspaceID = h.neighbour.ID })
	sandbox, _ := h.mint(func(r *apikey.Request) { r.Environment = authz.Test })
	own, text := h.mint()
	off := apikey.Change{State: new(authz.Disabled)}
	for name, try := range map[string]func() error{
		"own path": func() error { _, err := h.update(manager, elsewhere.ID, off); return err },
		"their path": func() error {
			_, err := h.keys.Update(t.Context(), manager, origin, h.neighbour.ID, elsewhere.ID, off)
			return err
		},
		"unknown":    func() error { _, err := h.update(manager, "key_AQAAAAAAAAAAAAAA", off); return err },
		"operator's": func() error { _, err := h.update(manager, h.operator.KeyID, off); return err },
	} {
		if err := try(); !errors.Is(err, authz.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := h.update(manager, sandbox.ID, off)
	refused(t, "of the other environment", err, authz.Forbidden, "wrong_environment")
	_, err = h.update(h.principal(text), own.ID, off)
	refused(t, "a key that manages none, itself", err, authz.Forbidden, "insufficient_scope")
}

func TestAChangeHoldsToTheRevisionItWasMadeFrom(t *testing.T) {
	h := newHouse(t)
	key, _ := h.mint(h.restricted)
	got, err := h.update(h.operator, key.ID, apikey.Change{Revision: 1, Name: new("first")})
	if err != nil || got.Revision != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err = h.update(h.operator, key.ID, apikey.Change{Revision: 1, Name: new("second")}); !errors.Is(err, authz.ErrStale) {
		t.Errorf("from an old revision: %v", err)
	}
	var group sync.WaitGroup
	errs := make([]error, 3)
	for n, c := range []apikey.Change{{Name: new("a")}, {Tier: new("bulk")}, {Scopes: &[]string{"monitor:read"}}} {
		group.Go(func() { _, errs[n] = h.update(h.operator, key.ID, c) })
	}
	group.Wait()
	after, err := h.keys.Get(t.Context(), h.operator, "", key.ID)
	if errors.Join(append(errs, err)...) != nil || after.Name != "a" || after.Tier != "bulk" || len(after.Scopes) != 1 || after.Revision != 5 {
		t.Errorf("without a revision all come through: %+v, %v", after, errs)
	}
}
