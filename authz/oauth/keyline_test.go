package oauth_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// line is a key and its successors, the last of which is worked on, with what
// was made of them.
type line struct {
	*house
	seed   uint64
	random *rand.Rand
	// keys hold, by id, the most that each may be: what it was when last looked at.
	keys   map[authz.KeyID]authz.APIKey
	id     authz.KeyID
	text   authz.Secret
	made   []authz.Secret
	manage authz.Principal // manages keys, issues none
	client authz.Client    // exchanges
}

var lineScopes = []string{"monitor:read", "monitor:write", "manage:keys"}

// TestNothingWidensThroughChangesRotationAndExchange lets people who cannot
// mint do whatever they like with keys, and the keys with themselves.
func TestNothingWidensThroughChangesRotationAndExchange(t *testing.T) {
	for seed := range uint64(12) {
		h := newHouse(t)
		l := &line{
			house: h, seed: seed, random: rand.New(rand.NewPCG(seed, 7)), keys: map[authz.KeyID]authz.APIKey{},
			manage: authz.Principal{Issuer: issuer, WorkspaceID: h.workspace.ID, Subject: "manager", Scopes: []string{"manage:keys"}},
			client: h.exchanger(operators),
		}
		k, text := h.key(func(r *apikey.Request) {
			r.Scopes, r.Resources, r.IPAllowlist = append([]string{"monitor:read"}, some(l.random, lineScopes[1:])...), l.resources(), l.networks()
			r.ExpiresAt = h.clock.Now().Add(time.Duration(200+l.random.IntN(800)) * time.Hour)
		})
		l.keys[k.ID], l.id, l.text = k, k.ID, authz.Secret(text)
		for range 40 {
			l.step()
			l.check()
		}
	}
}

func (l *line) resources() authz.Resources {
	return authz.Resources{Clusters: some(l.random, []string{"c1", "c2", "c3"})}
}

func (l *line) networks() []string {
	return some(l.random, []string{"192.0.2.0/24", "192.0.2.128/25", "198.51.100.0/24", "192.0.0.0/16"})
}

func (l *line) step() {
	l.Helper()
	ctx := l.Context()
	switch l.random.IntN(7) {
	case 0, 1: // a change, refused or not
		var c apikey.Change
		switch l.random.IntN(6) {
		case 0:
			c.Scopes = new(some(l.random, lineScopes))
		case 1:
			c.Resources = new(l.resources())
		case 2:
			c.IPAllowlist = new(l.networks())
		case 3:
			c.ExpiresAt = new(l.clock.Now().Add(time.Duration(l.random.IntN(1500)) * time.Hour))
		case 4:
			c.State = new([]authz.State{authz.Disabled, authz.Active}[l.random.IntN(2)])
		case 5:
			c.GraceUntil = new(l.clock.Now().Add(time.Duration(l.random.IntN(100)) * time.Hour))
		}
		for id := range l.keys {
			if l.random.IntN(2) == 0 {
				_, _ = l.keysOf().Update(ctx, l.manage, authz.Origin{}, "", id, c)
			}
		}
	case 2: // the key makes its successor
		r, err := l.verifier.Lookup(ctx, l.text)
		if err != nil {
			return
		}
		got, err := l.keysOf().Rotate(ctx, r.Principal, authz.Origin{}, "", l.id, apikey.Rotation{})
		if err != nil {
			return
		}
		l.keys[got.Key.ID] = l.keys[l.id] // no more than its predecessor was, grace aside
		l.id, l.text = got.Key.ID, got.Text
	case 3:
		if got, err := l.withKey(l.text.Reveal(), "scope", strings.Join(some(l.random, lineScopes), " ")); err == nil {
			l.made = append(l.made, got.AccessToken)
		}
	case 4:
		if got, err := l.swapOf(l.client, oauth.TypeAPIKey, l.text.Reveal()); err == nil {
			l.made = append(l.made, got.AccessToken)
		}
	case 5:
		if n := len(l.made); n > 0 {
			if got, err := l.swap(l.client, l.made[l.random.IntN(n)]); err == nil {
				l.made = append(l.made, got.AccessToken)
			}
		}
	case 6:
		l.pass(time.Duration(l.random.IntN(int(30 * time.Hour))))
	}
}

func (l *line) keysOf() *apikey.Keys { return l.house.keys }

func (l *line) check() {
	l.Helper()
	for id, most := range l.keys {
		now, err := l.store.GetAPIKey(l.Context(), issuer, l.workspace.ID, id)
		l.ok(err)
		if widened(most, now) {
			l.Fatalf("seed %d: a key became %+v, and was %+v", l.seed, now, most)
		}
		l.keys[id] = now
	}
	for _, text := range l.made {
		r, err := l.verifier.Lookup(l.Context(), text)
		if err != nil {
			continue
		}
		key := l.keys[r.Principal.KeyID]
		token := authz.APIKey{Scopes: r.Principal.Scopes, ExpiresAt: r.EndsAt, IPAllowlist: prefixTexts(r.AllowedFrom), State: authz.Active}
		if in := r.Introspection.Resources; in != nil {
			token.Resources = *in
		}
		if !key.UsableAt(l.clock.Now()) || widened(key, token) {
			l.Fatalf("seed %d: a token is %+v, its key %+v", l.seed, token, key)
		}
	}
}

// widened reports whether b may do, somewhere or at some time, what a may not.
func widened(a, b authz.APIKey) bool {
	more := func(a, b []string) bool {
		return slices.ContainsFunc(b, func(s string) bool { return !slices.Contains(a, s) })
	}
	looser := func(a, b []string) bool { return len(a) > 0 && (len(b) == 0 || more(a, b)) }
	if more(a.Scopes, b.Scopes) || looser(a.Resources.Clusters, b.Resources.Clusters) {
		return true
	}
	if ends, then := a.EndsAt(), b.EndsAt(); !ends.IsZero() && (then.IsZero() || then.After(ends)) {
		return true
	}
	for _, address := range []string{"192.0.2.1", "192.0.2.200", "198.51.100.1", "192.0.9.9", "203.0.113.1"} {
		from := func(k authz.APIKey) bool {
			return len(k.IPAllowlist) == 0 || slices.ContainsFunc(authz.Prefixes(k.IPAllowlist), func(p netip.Prefix) bool {
				return p.Contains(netip.MustParseAddr(address))
			})
		}
		if from(b) && !from(a) {
			return true
		}
	}
	return false
}

func prefixTexts(list []netip.Prefix) (out []string) {
	for _, p := range list {
		out = append(out, p.String())
	}
	return out
}
