package web_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/web"
)

// oneUse is one use of a credential, as every way of asking may be told of it.
type oneUse struct{ action, environment, kind, id, ip string }

// introspectFor asks at introspection, with the use that is meant.
func (h *house) introspectFor(caller, text string, u oneUse) *httptest.ResponseRecorder {
	h.Helper()
	values := url.Values{"token": {text}}
	for name, value := range map[string]string{"action": u.action, "environment": u.environment, "client_ip": u.ip} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if u.kind != "" {
		values.Set("resource", u.kind+":"+u.id)
	}
	return h.send("POST", "/oauth2/introspect", values.Encode(), "Content-Type", form, "Authorization", caller)
}

// verifyFor asks at verify.
func (h *house) verifyFor(caller, text string, u oneUse) *httptest.ResponseRecorder {
	h.Helper()
	body := map[string]any{"credential": text}
	for name, value := range map[string]string{"action": u.action, "environment": u.environment, "client_ip": u.ip} {
		if value != "" {
			body[name] = value
		}
	}
	if u.kind != "" {
		body["resource"] = map[string]string{"kind": u.kind, "id": u.id}
	}
	return h.verify(caller, body)
}

// holdFor asks at forward-auth, as a gateway that passes the address on.
func (h *house) holdFor(caller, text string, u oneUse) *httptest.ResponseRecorder {
	h.Helper()
	values := url.Values{}
	for name, value := range map[string]string{"action": u.action, "environment": u.environment} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if u.kind != "" {
		values.Set("resource", u.kind+":"+u.id)
	}
	return h.hold("?"+values.Encode(), caller, "Bearer "+text, "X-Forwarded-For", u.ip)
}

// What the promises say of one key with every restriction, in as few words as
// they need; it knows nothing of how the server decides.
type promised struct {
	environment string
	scopes      []string
	resources   map[string][]string
	allowed     []string // blocks, by their names in inside
	expires     time.Time
	uses, limit int
}

// inside says which block an address is in.
var inside = map[string]string{
	"192.0.2.7": "192.0.2.0/24", "::ffff:192.0.2.8": "192.0.2.0/24", "2001:db8:1::1": "2001:db8::/32", "198.51.100.1": "198.51.100.0/31",
	"203.0.113.1": "", "2001:db9::1": "", "198.51.100.2": "",
}

func (p *promised) admits(u oneUse) string {
	switch {
	case u.environment != "" && u.environment != p.environment:
		return "environment"
	case len(p.allowed) > 0 && !slices.Contains(p.allowed, inside[u.ip]):
		return "ip_not_allowed"
	}
	return "ok"
}

func (p *promised) permits(u oneUse) string {
	switch {
	case u.action != "" && !slices.Contains(p.scopes, u.action):
		return "scope"
	case len(p.resources[u.kind]) > 0 && !slices.Contains(p.resources[u.kind], u.id):
		return "resource"
	}
	return "ok"
}

// use is what verify and forward-auth must say of one use, which counts.
func (p *promised) use(u oneUse, now time.Time) string {
	if !p.expires.IsZero() && !now.Before(p.expires) {
		return "inactive"
	}
	if reason := p.admits(u); reason != "ok" {
		return reason
	}
	if p.uses == p.limit {
		return "rate_limited"
	}
	p.uses++
	return p.permits(u)
}

// some picks of all, at times nothing.
func some(random *rand.Rand, all ...string) []string {
	var picked []string
	for _, one := range all {
		if random.IntN(2) == 0 {
			picked = append(picked, one)
		}
	}
	return picked
}

func one(random *rand.Rand, of ...string) string { return of[random.IntN(len(of))] }

// U3, S7, S8, S16, U27, AK-20: whatever a key is restricted to, all at once, every
// way of asking about it, or about a token of it, gives the one answer that is
// promised; introspection of what it is told, and without counting.
func TestU3_S7_S8_S16_U27_EveryWayOfAskingGivesOneAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *web.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")} }) // httptest's peer
	h.limits.most = 12
	gateway := h.gateway(authz.Live, authz.Test)
	codes := map[string]string{
		"environment": "403 wrong_environment", "ip_not_allowed": "403 ip_not_allowed", "scope": "403 insufficient_scope",
		"resource": "403 resource_not_allowed", "rate_limited": "429 rate_limited", "inactive": "401 invalid_token", "ok": "200 ",
	}
	addresses := slices.Sorted(maps.Keys(inside))
	seen := map[string]int{}
	for seed := range uint64(24) {
		random := rand.New(rand.NewPCG(seed, 6)) //nolint:gosec // the same each time
		p := promised{environment: one(random, "live", "test"), scopes: append(some(random, "monitor:write"), "monitor:read"), resources: map[string][]string{
			"cluster": some(random, "eu-1", "eu-2"), "check_group": some(random, "g1", "g2"), "alert_route": some(random, "r1", "r2"),
		}, allowed: some(random, "192.0.2.0/24", "2001:db8::/32", "198.51.100.0/31"), limit: h.limits.most}
		if random.IntN(3) == 0 {
			p.expires = h.clock.Now().Add(time.Hour)
		}
		_, text := h.mint(func(r *apikey.Request) {
			r.Environment, r.Scopes, r.IPAllowlist, r.ExpiresAt = authz.Environment(p.environment), p.scopes, p.allowed, p.expires
			r.Resources = authz.Resources{Clusters: p.resources["cluster"], CheckGroups: p.resources["check_group"], AlertRoutes: p.resources["alert_route"]}
		})
		h.limits.most = 1 << 30 // asking for a token is no use of the key
		credentials := []string{text}
		if token := member(h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Bearer "+text), "access_token"); token != "" {
			credentials = append(credentials, token)
		}
		h.limits.most = p.limit
		for round := range 14 {
			if round == 12 {
				h.clock.Advance(time.Hour + time.Second)
			}
			credential := credentials[random.IntN(len(credentials))]
			u := oneUse{environment: one(random, "", "", p.environment, "live", "test"), action: one(random, "", "monitor:read", "monitor:read", "monitor:write", "alert:write")}
			if u.kind = one(random, "", "cluster", "check_group", "alert_route"); u.kind != "" {
				u.id = one(random, "eu-1", "eu-2", "g1", "g2", "r1", "r2", "other")
			}
			u.ip = one(random, addresses...)
			what := fmt.Sprintf("seed %d, round %d, %+v of %+v", seed, round, u, p)
			now := h.clock.Now()
			dead := !p.expires.IsZero() && !now.Before(p.expires) || round >= 12 && credential != text // an hour is a token's life

			w := h.introspectFor(gateway, credential, u)
			if live := !dead && p.admits(u) == "ok" && p.permits(u) == "ok"; live != strings.HasPrefix(w.Body.String(), `{"active":true`) || !live && w.Body.String() != `{"active":false}` {
				t.Errorf("%s: introspection says %s", what, w.Body)
			} else if left := fmt.Sprintf(`"rate_limit":{"limit":%d,"remaining":%d,`, p.limit, p.limit-p.uses); live && !strings.Contains(w.Body.String(), left) {
				t.Errorf("%s: introspection says %s, want %s", what, w.Body, left)
			}
			want := "inactive"
			if !dead {
				want = p.use(u, now)
			}
			seen[want]++
			h.decided(what, h.verifyFor(gateway, credential, u), want)
			if !dead {
				want = p.use(u, now)
			}
			held := h.holdFor(gateway, credential, u)
			if got := fmt.Sprintf("%d %s", held.Code, member(held, "error")); got != codes[want] {
				t.Errorf("%s: forward-auth says %s, want %s", what, got, codes[want])
			}
		}
	}
	for reason := range codes {
		if seen[reason] < 5 {
			t.Errorf("%s was to be said %d times only: %v", reason, seen[reason], seen)
		}
	}
}

// U27, AK-20: introspection is held to what the caller says of the use, and to
// nothing the caller does not say; what cannot be understood is refused.
func TestU27_AK20_IntrospectionIsHeldToTheUseThatIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	gateway := h.gateway(authz.Live, authz.Test)
	key, text := h.mint(func(r *apikey.Request) {
		r.Resources, r.IPAllowlist = authz.Resources{CheckGroups: []string{"g1"}}, []string{"192.0.2.0/24"}
	})
	for what, c := range map[string]struct {
		use  oneUse
		live bool
	}{
		"nothing told":       {oneUse{}, true},
		"its address":        {oneUse{ip: "192.0.2.9"}, true},
		"another address":    {oneUse{ip: "198.51.100.1"}, false},
		"its group":          {oneUse{kind: "check_group", id: "g1"}, true},
		"another group":      {oneUse{kind: "check_group", id: "g2"}, false},
		"both":               {oneUse{kind: "check_group", id: "g1", ip: "198.51.100.1"}, false},
		"a scope of its own": {oneUse{action: "monitor:read"}, true},
		"another scope":      {oneUse{action: "monitor:write"}, false},
		"the sandbox":        {oneUse{environment: "test"}, false},
	} {
		w := h.introspectFor(gateway, text, c.use)
		if w.Code != http.StatusOK || (member(w, "key_id") == string(key.ID)) != c.live || !c.live && w.Body.String() != `{"active":false}` {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	reasons := map[string]bool{}
	for _, e := range h.entries("credential.refused") {
		reasons[e.Reason] = e.Target == string(key.ID)
	}
	for _, reason := range []string{"scope", "resource", "environment", "ip_not_allowed"} {
		if !reasons[reason] {
			t.Errorf("U31: %s is not audited with its key: %v", reason, reasons)
		}
	}
	for _, more := range []string{
		"client_ip=192.0.2.9:80", "client_ip=x", "client_ip=192.0.2.9&client_ip=192.0.2.9", "environment=prod", "resource=g1", "resource=group:g1",
		"resource=check_group:", "resource=https%3A%2F%2Fapi.example", "action=" + strings.Repeat("x", 129),
	} {
		w := h.send("POST", "/oauth2/introspect", "token="+text+"&"+more, "Content-Type", form, "Authorization", gateway)
		h.wants(more, w, 400, "invalid_request")
	}
	// U11: from where it was used is known of those who said it, once it was good.
	h.introspectFor(gateway, text, oneUse{ip: "192.0.2.11"})
	h.introspectFor(gateway, text, oneUse{ip: "198.51.100.1"})
	h.ok(h.keys.WriteUses(t.Context()))
	if used := made(h.store.GetAPIKey(t.Context(), issuer, h.workspace.ID, key.ID))(t); used.LastUsedIP != "192.0.2.11" {
		t.Errorf("U11: it was used from %q", used.LastUsedIP)
	}
	// A stranger is told nothing that depends on the use.
	other := h.askers(h.other())["a client"]
	if w := h.introspectFor(other, text, oneUse{ip: "192.0.2.9"}); w.Body.String() != `{"active":false}` {
		t.Errorf("TN-01: %s", w.Body)
	}
}

// S16: introspection says what is left of the rate limit, signed too, and of
// nothing but keys; a key that is over its limit is live.
func TestS16_IntrospectionTellsWhatIsLeftAndCountsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.limits.most = 2
	gateway := h.gateway(authz.Live)
	_, text := h.mint(nil)
	for n, want := range []string{
		`"rate_limit":{"limit":2,"remaining":2,"window":60,"reset":60}}`, `"rate_limit":{"limit":2,"remaining":1,"window":60,"reset":60}}`,
		`"rate_limit":{"limit":2,"remaining":0,"window":60,"reset":60,"retry_after":2}}`,
	} {
		for range 3 {
			if w := h.introspectFor(gateway, text, oneUse{}); !strings.HasPrefix(w.Body.String(), `{"active":true,`) || !strings.HasSuffix(w.Body.String(), want) {
				t.Errorf("after %d uses: %s, want %s", n, w.Body, want)
			}
		}
		h.verifyFor(gateway, text, oneUse{})
	}
	signed := h.send("POST", "/oauth2/introspect", "token="+text, "Content-Type", form, "Authorization", gateway, "Accept", "application/token-introspection+jwt")
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(signed.Body.String(), ".")[1])
	if err != nil || !strings.Contains(string(claims), `"rate_limit":{"limit":2,"remaining":0,`) {
		t.Errorf("signed: %v %s", err, claims)
	}
	person := h.tokens(h.browser(), "scope", "openid profile")
	if w := h.introspectFor(h.basic(), person["access_token"], oneUse{}); !strings.HasPrefix(w.Body.String(), `{"active":true,`) || strings.Contains(w.Body.String(), "rate_limit") {
		t.Errorf("a person's token: %s", w.Body)
	}
}

// S16: wherever a key is refused for its rate, the headers name the policy that
// it was refused by.
func TestS16_ARefusalNamesTheLimitOfTheKey(t *testing.T) {
	t.Parallel()
	q := authz.Quota{Limit: 1200, Window: time.Minute, Reset: 59 * time.Second, RetryAfter: 1500 * time.Millisecond}
	header := http.Header{}
	web.RetryAfter(header, q.Exceeded())
	if header.Get("Retry-After") != "2" || header.Get("RateLimit") != `"key";r=0;t=59` || header.Get("RateLimit-Policy") != `"key";q=1200;w=60` {
		t.Errorf("%v", header)
	}
}
