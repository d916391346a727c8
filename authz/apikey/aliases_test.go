package apikey_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// A permission has one name, whatever it was asked for by: a key holds it once,
// and an alias is no way around what the name may not be given for.
func TestS6_U5_AnAliasIsTheScopeItNames(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint(func(r *apikey.Request) {
		r.Scopes = []string{"read:monitor", "alert:read", "manage:keys"}
		r.Delegation = &authz.Delegation{Scopes: []string{"product:monitor:read"}, ExpiresAt: h.clock.Now().Add(time.Hour)}
	})
	if want := []string{"monitor:read", "alert:read", "manage:keys"}; !slices.Equal(key.Scopes, want) {
		t.Errorf("the key holds %v", key.Scopes)
	}
	got, _, err := h.keys.Authenticate(t.Context(), text)
	h.check(err)
	d, err := h.store.GetDelegation(t.Context(), up, got.Delegation)
	h.check(err)
	if !slices.Equal(d.Scopes, []string{"monitor:read"}) {
		t.Errorf("it hands out %v", d.Scopes)
	}
	fewer := []string{"product:monitor:read"}
	changed, err := h.keys.Update(t.Context(), h.operator, origin, h.ws.ID, key.ID, apikey.Change{Scopes: &fewer})
	h.check(err)
	if !slices.Equal(changed.Scopes, []string{"monitor:read"}) || fewer[0] != "product:monitor:read" {
		t.Errorf("after the change it holds %v", changed.Scopes)
	}
	for _, scopes := range [][]string{{"monitor:read", "read:monitor"}, {"read:monitor", "product:monitor:read"}, {"all:admin"}, {"read:*"}} {
		_, _, err := h.keys.Mint(t.Context(), h.operator, origin, h.request(func(r *apikey.Request) { r.Scopes = scopes }))
		if e, ok := errors.AsType[*authz.Error](err); !ok || e.Kind != authz.Invalid {
			t.Errorf("%v: %v", scopes, err)
		}
	}
}
