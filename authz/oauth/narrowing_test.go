package oauth_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// bounds are what nothing that comes of a grant may exceed.
type bounds struct {
	scopes []string
	ends   time.Time // of refresh tokens, or of the key
}

// within checks a response against what it came from.
func (h *house) within(b bounds, got *oauth.TokenResponse) {
	h.Helper()
	in, ok := h.lookup(got.AccessToken)
	if !ok {
		h.Fatalf("a fresh token is inactive")
	}
	for _, scope := range strings.Fields(in.Scope) {
		if !slices.Contains(b.scopes, scope) {
			h.Errorf("scope %q came out of %v", scope, b.scopes)
		}
	}
	now := h.clock.Now()
	if in.Scope != got.Scope || in.Exp > now.Add(time.Hour).Unix() || in.Exp-now.Unix() != got.ExpiresIn || !slices.Equal(in.Aud, []string{"https://api.up.example"}) {
		h.Errorf("told %+v, introspected %+v", got, in)
	}
	if got.RefreshToken == "" {
		if in.Exp > b.ends.Unix() {
			h.Errorf("a token ends at %d, what it came from at %d", in.Exp, b.ends.Unix())
		}
		return
	}
	if r, ok := h.lookup(got.RefreshToken); !ok || r.Exp > b.ends.Unix() {
		h.Errorf("a refresh token ends at %d, its grant at %d", r.Exp, b.ends.Unix())
	}
}

// some is a random choice, in a random order.
func some(random *rand.Rand, all []string) []string {
	picked := slices.Clone(all)
	random.Shuffle(len(picked), func(i, j int) { picked[i], picked[j] = picked[j], picked[i] })
	return picked[:random.IntN(len(picked)+1)]
}

// TestNothingIsEverWider walks at random through refreshes, client changes and
// time, and holds every answer against the grant it came from.
func TestNothingIsEverWider(t *testing.T) {
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 1))
		h := newHouse(t)
		all := []string{"openid", "profile", "email", "monitoring:admin"}
		granted := append([]string{"openid"}, some(random, all[1:])...)
		b := bounds{granted, h.clock.Now().Add(h.settings.RefreshTTL)}
		client, held := h.web, all
		got := h.tokens(client, "scope", strings.Join(granted, " "))
		h.within(b, got)
		for range 25 {
			switch random.IntN(4) {
			case 0:
				h.pass(time.Duration(random.IntN(int(40 * time.Hour))))
			case 1:
				held = append([]string{"openid"}, some(random, all[1:])...)
				client.Scopes = held
				h.ok(h.store.UpdateClient(t.Context(), client))
				client.Revision++
			}
			wanted := some(random, append(all, "unassigned"))
			next, err := h.refresh(client, got.RefreshToken, "scope", strings.Join(wanted, " "))
			if err != nil {
				if code := authz.CodeOf(err); code != "invalid_scope" && (code != "invalid_grant" || h.clock.Now().Before(b.ends)) {
					t.Fatalf("seed %d: %v", seed, err)
				}
				continue
			}
			got = next
			h.within(bounds{intersection(granted, held), b.ends}, got)
		}
	}
}

func intersection(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

func TestNothingOfAKeyIsWiderThanTheKey(t *testing.T) {
	h := newHouse(t)
	random := rand.New(rand.NewPCG(1, 2))
	all := []string{"monitor:read", "monitor:write"}
	for range 12 {
		scopes := all[:1+random.IntN(2)]
		ends := h.clock.Now().Add(time.Duration(1+random.IntN(7200)) * time.Second)
		resources := authz.Resources{Clusters: []string{"c1"}}
		_, text := h.key(func(r *apikey.Request) { r.Scopes, r.ExpiresAt, r.Resources = scopes, ends, resources })
		wanted := some(random, append(all, "manage:keys"))
		got, err := h.token(oauth.Request{Authorization: "Bearer " + text, Form: pairs("grant_type", "client_credentials", "scope", strings.Join(wanted, " "))})
		if err != nil {
			h.wants("a scope the key lacks", err, "invalid_scope")
			continue
		}
		h.within(bounds{scopes, ends}, got)
		if in, _ := h.lookup(got.AccessToken); in.Resources == nil || !slices.Equal(in.Resources.Clusters, resources.Clusters) {
			t.Errorf("resources %+v", in.Resources)
		}
	}
}
