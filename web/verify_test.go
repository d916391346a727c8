package web_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/web"
)

// keyLimits is a limit of its own for each test: so many uses, ever; zero for
// no limit.
type keyLimits struct {
	mu   sync.Mutex
	most int
	used map[authz.KeyID]int
}

func (l *keyLimits) Take(_ context.Context, key authz.KeyID, tier string) authz.Quota {
	return l.use(key, tier, true)
}

func (l *keyLimits) Peek(_ context.Context, key authz.KeyID, tier string) authz.Quota {
	return l.use(key, tier, false)
}

func (l *keyLimits) use(key authz.KeyID, tier string, count bool) authz.Quota {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used == nil {
		l.used = make(map[authz.KeyID]int)
	}
	most := l.most
	if most == 0 || tier != "standard" {
		most = 1 << 30
	}
	q := authz.Quota{Limit: most, Window: time.Minute, Reset: time.Minute, RetryAfter: 1500 * time.Millisecond}
	if l.used[key] < most {
		if count {
			l.used[key]++
		}
		q.Allowed, q.RetryAfter = true, 0
	}
	q.Remaining = most - l.used[key]
	return q
}

// mint makes a key of the workspace.
func (h *house) mint(change func(*apikey.Request)) (authz.APIKey, string) {
	h.Helper()
	by := authz.Principal{
		Issuer: issuer, Subject: "test", Scopes: []string{"manage:keys"},
		Delegation: &authz.Delegation{Issuer: issuer, Scopes: []string{"*"}},
	}
	r := apikey.Request{Name: "ci", WorkspaceID: h.workspace.ID, Environment: authz.Live, Scopes: []string{"monitor:read"}}
	if change != nil {
		change(&r)
	}
	key, text, err := h.keys.Mint(h.Context(), by, authz.Origin{}, r)
	h.ok(err)
	return key, text.Reveal()
}

// gateway makes a platform client that may introspect in the environments.
func (h *house) gateway(environments ...authz.Environment) string {
	h.Helper()
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients"}, Delegation: &authz.Delegation{Issuer: issuer, Scopes: []string{"*"}}}
	c, text, err := h.admin.CreateClient(h.Context(), by, admin.ClientSettings{
		Name: "gateway", GrantTypes: []string{"client_credentials"}, Introspect: true, Environments: environments,
	})
	h.ok(err)
	return basicOf(string(c.ID), text.Reveal())
}

func (h *house) verify(authorization string, body map[string]any) *httptest.ResponseRecorder {
	h.Helper()
	raw, err := json.Marshal(body)
	h.ok(err)
	return h.send("POST", "/v1/verify", string(raw), "Content-Type", "application/json", "Authorization", authorization)
}

// decided checks the decision of a verify.
func (h *house) decided(what string, w *httptest.ResponseRecorder, reason string) map[string]any {
	h.Helper()
	var m map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || w.Code != http.StatusOK || m["reason"] != reason || m["allowed"] != (reason == "ok") || w.Header().Get("Cache-Control") != "no-store" {
		h.Errorf("%s: %d %s, want %s", what, w.Code, w.Body, reason)
	}
	return m
}

func TestU1_U3_U8_S7_S8_U27_RL_05_VerifyDecidesAsThePromisesSay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	all := h.gateway(authz.Live, authz.Test)
	key, text := h.mint(func(r *apikey.Request) {
		r.Resources = authz.Resources{Clusters: []string{"eu-1"}}
		r.IPAllowlist = []string{"192.0.2.0/24", "2001:db8::/32"}
	})
	ask := func(more ...any) map[string]any {
		body := map[string]any{"credential": text, "client_ip": "192.0.2.7"}
		for n := 0; n+1 < len(more); n += 2 {
			body[more[n].(string)] = more[n+1]
		}
		return body
	}
	told := h.decided("U1", h.verify(all, ask("action", "monitor:read")), "ok")
	if told["key_id"] != string(key.ID) || told["workspace_id"] != string(h.workspace.ID) || told["account_id"] != string(h.workspace.AccountID) || told["active"] != true || told["environment"] != "live" || told["scope"] != "monitor:read" {
		t.Errorf("U8: %v", told)
	}
	cluster := func(kind, id string) map[string]any { return map[string]any{"kind": kind, "id": id} }
	for what, c := range map[string]struct {
		body   map[string]any
		reason string
	}{
		"U1 scope":                      {ask("action", "alert:write"), "scope"},
		"U3 its cluster":                {ask("resource", cluster("cluster", "eu-1")), "ok"},
		"U3 another":                    {ask("resource", cluster("cluster", "us-1")), "resource"},
		"S8 a kind not restricted":      {ask("resource", cluster("check_group", "g1")), "ok"},
		"S7 sandbox resource":           {ask("environment", "test"), "environment"},
		"S7 its own":                    {ask("environment", "live"), "ok"},
		"U27 outside":                   {ask("client_ip", "198.51.100.1"), "ip_not_allowed"},
		"RL-05 unknown":                 {map[string]any{"credential": text}, "ip_not_allowed"},
		"RL-05 mapped":                  {ask("client_ip", "::ffff:192.0.2.7"), "ok"},
		"U27 v6":                        {ask("client_ip", "2001:db8::1"), "ok"},
		"U27 v6 outside":                {ask("client_ip", "2001:db9::1"), "ip_not_allowed"},
		"RL-05 the address comes first": {ask("client_ip", "198.51.100.1", "action", "alert:write"), "ip_not_allowed"},
	} {
		h.decided(what, h.verify(all, c.body), c.reason)
	}
	if w := h.verify(all, ask("client_ip", "198.51.100.1")); member(w, "key_id") != string(key.ID) {
		t.Errorf("who may see the key is told whose it is: %s", w.Body)
	}
	reasons := map[string]bool{}
	for _, e := range h.entries("credential.refused") {
		reasons[e.Reason] = e.Target == string(key.ID) && e.Actor == string(key.ServiceAccountID) && e.WorkspaceID == h.workspace.ID && e.Result == authz.Refused
	}
	for _, reason := range []string{"scope", "resource", "environment", "ip_not_allowed"} {
		if !reasons[reason] {
			t.Errorf("U31: %s is not audited with its key: %v", reason, reasons)
		}
	}
}

func TestVerifyTellsOnlyWhoMaySee(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	all, sandbox := h.gateway(authz.Live, authz.Test), h.gateway(authz.Test)
	_, live := h.mint(nil)
	_, other := h.mint(func(r *apikey.Request) { r.Environment = authz.Test })
	body := map[string]any{"credential": live}
	if told := h.decided("S7 a gateway of the sandbox", h.verify(sandbox, body), "environment"); told["active"] != false || told["key_id"] != nil {
		t.Errorf("it is told of the key: %v", told)
	}
	h.decided("its own environment", h.verify(sandbox, map[string]any{"credential": other}), "ok")
	h.decided("U2 a client of the workspace", h.verify(h.basic(), body), "ok")
	h.decided("a key asks", h.verify("Bearer "+h.operator, body), "ok")
	h.decided("S7 a key of the other environment asks", h.verify("Bearer "+other, body), "environment")

	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients", "manage:workspace"}}
	stranger := made(h.admin.CreateWorkspace(t.Context(), by, admin.NewWorkspace{Name: "Other"}))(t)
	c, secret, err := h.admin.CreateClient(t.Context(), by, admin.ClientSettings{Name: "x", WorkspaceID: stranger.ID, RedirectURIs: []string{appURI}, Scopes: []string{"openid"}})
	h.ok(err)
	theirs := basicOf(string(c.ID), secret.Reveal())
	unknown := h.verify(theirs, map[string]any{"credential": "up_live_" + strings.Repeat("A", 64)})
	foreign := h.verify(theirs, body)
	h.decided("TN-01", foreign, "inactive")
	if unknown.Body.String() != foreign.Body.String() {
		t.Errorf("IN-03: %s is not %s", foreign.Body, unknown.Body)
	}

	// IN-01: nobody, a public client, a person, itself, a refresh token.
	person := h.tokens(h.browser(), "scope", "openid profile offline_access")
	for what, authorization := range map[string]string{
		"nobody": "", "a public client": basicOf(string(h.spa.ID), "x"), "a wrong secret": basicOf(string(h.app.ID), "wrong"),
		"a person": "Bearer " + person["access_token"], "a refresh token": "Bearer " + person["refresh_token"],
		"itself": "Bearer " + live, "a public client by its id alone": "Client " + string(h.spa.ID), "nonsense": "Bearer x", "another scheme": "Digest x",
	} {
		if w := h.verify(authorization, body); w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("IN-01 %s: %d %s", what, w.Code, w.Body)
		}
	}
	if len(h.entries("verification.refused")) == 0 {
		t.Error("U31: refused callers are not audited")
	}
	h.decided("CO-05", h.verify(all, map[string]any{"credential": live + "x"}), "inactive")
}

func TestS16_VerifyCountsTowardsTheLimitOfTheKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.limits.most = 3
	all := h.gateway(authz.Live, authz.Test)
	key, text := h.mint(nil)
	for n := range 3 {
		told := h.decided("S16", h.verify(all, map[string]any{"credential": text}), "ok")
		if limit, _ := told["rate_limit"].(map[string]any); limit["remaining"] != float64(2-n) || limit["limit"] != float64(3) || limit["window"] != float64(60) {
			t.Errorf("use %d: %v", n, told)
		}
	}
	told := h.decided("S16", h.verify(all, map[string]any{"credential": text}), "rate_limited")
	if limit, _ := told["rate_limit"].(map[string]any); limit["retry_after"] != float64(2) || told["key_id"] != string(key.ID) {
		t.Errorf("a second and a half is two whole ones: %v", told)
	}
	_, another := h.mint(nil)
	h.decided("S16 another key", h.verify(all, map[string]any{"credential": another}), "ok")

	// A token of the key is the key.
	w := h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Bearer "+text)
	h.decided("a token of the key", h.verify(all, map[string]any{"credential": member(w, "access_token")}), "rate_limited")
	// Introspection never counts (decisions: it reports, verify counts).
	for range 5 {
		if w := h.send("POST", "/oauth2/introspect", "token="+another, "Content-Type", form, "Authorization", all); member(w, "key_id") == "" {
			t.Errorf("introspection counts: %s", w.Body)
		}
	}
	h.decided("S16 not counted by introspection", h.verify(all, map[string]any{"credential": another}), "ok")
}

func TestU22_ASuspendedWorkspaceIsTheReason(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	all := h.gateway(authz.Live, authz.Test)
	_, text := h.mint(nil)
	body := map[string]any{"credential": text}
	w := h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Bearer "+text)
	token := map[string]any{"credential": member(w, "access_token")}
	h.decided("before", h.verify(all, body), "ok")
	h.decided("before", h.verify(all, token), "ok")
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:workspace"}}
	made(h.admin.SuspendWorkspace(t.Context(), by, h.workspace.ID))(t)
	if told := h.decided("U22", h.verify(all, body), "suspended"); told["active"] != false {
		t.Errorf("it is active: %v", told)
	}
	h.decided("U22 a token is dead", h.verify(all, token), "inactive")
	h.decided("a text that is no key", h.verify(all, map[string]any{"credential": "up_live_" + strings.Repeat("a", 64)}), "inactive")
	made(h.admin.ResumeWorkspace(t.Context(), by, h.workspace.ID))(t)
	h.decided("U22 keys return", h.verify(all, body), "ok")
	h.decided("U22 tokens do not", h.verify(all, token), "inactive")
}

func TestU27_ATokenOfAKeyIsUsedFromItsAddressesOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	all := h.gateway(authz.Live, authz.Test)
	_, text := h.mint(func(r *apikey.Request) { r.IPAllowlist = []string{"192.0.2.0/24"} }) // httptest's peer is in it
	w := h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Bearer "+text)
	token := member(w, "access_token")
	if token == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for range 2 { // cold, then from memory
		h.decided("inside", h.verify(all, map[string]any{"credential": token, "client_ip": "192.0.2.9"}), "ok")
		h.decided("outside", h.verify(all, map[string]any{"credential": token, "client_ip": "198.51.100.9"}), "ip_not_allowed")
		h.decided("from nowhere", h.verify(all, map[string]any{"credential": token}), "ip_not_allowed")
	}
}

func TestVerifyRefusesWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	all := h.gateway(authz.Live, authz.Test)
	_, text := h.mint(nil)
	secret := `"credential":"` + text + `"`
	for what, body := range map[string]string{
		"nothing": ``, "a list": `[]`, "a text": `"x"`, "no credential": `{}`, "twice": `{` + secret + `,` + secret + `}`,
		"another case": `{"Credential":"` + text + `"}`, "unknown": `{` + secret + `,"x":1}`, "a number": `{"credential":1}`,
		"behind": `{` + secret + `}{}`, "cut": `{` + secret, "kind": `{` + secret + `,"resource":{"kind":"x","id":"y"}}`,
		"half a resource": `{` + secret + `,"resource":{"kind":"cluster"}}`, "resource twice": `{` + secret + `,"resource":{"kind":"cluster","kind":"cluster","id":"x"}}`,
		"environment": `{` + secret + `,"environment":"prod"}`, "address": `{` + secret + `,"client_ip":"1.2.3.4:80"}`,
		"deep": `{` + secret + `,"resource":` + strings.Repeat(`{"id":`, 2500) + strings.Repeat(`}`, 2500) + `}`,
	} {
		w := h.send("POST", "/v1/verify", body, "Content-Type", "application/json", "Authorization", all)
		h.wants(what, w, http.StatusBadRequest, "invalid_request")
		if strings.Contains(w.Body.String(), text) || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %v %s", what, w.Header(), w.Body)
		}
	}
	plain := map[string]any{"credential": text}
	raw, _ := json.Marshal(plain)
	h.wants("AK-01 in the query", h.send("POST", "/v1/verify?credential="+text, string(raw), "Content-Type", "application/json", "Authorization", all), 400, "credential_in_query")
	for what, w := range map[string]*httptest.ResponseRecorder{
		"another in the query": h.send("POST", "/v1/verify?credential=x", string(raw), "Content-Type", "application/json", "Authorization", all),
		"as a form":            h.send("POST", "/v1/verify", "credential="+text, "Content-Type", form, "Authorization", all),
	} {
		h.wants(what, w, http.StatusBadRequest, "invalid_request")
	}
	if w := h.send("GET", "/v1/verify", "", "Authorization", all); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
		t.Errorf("GET: %d %v", w.Code, w.Header())
	}
	if strings.Contains(h.log.String(), text) {
		t.Error("AU-03: the log holds a key")
	}
}

func FuzzReadQuestion(f *testing.F) {
	for _, body := range []string{`{"credential":"x"}`, `{"credential":"x","resource":{"kind":"cluster","id":"y"}}`, `{`, `{"credential":"x"}{}`, `{"a":`, "\x00"} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		text, err := web.ReadQuestion(body)
		if err == nil && (text == "" || !json.Valid([]byte(body))) {
			t.Errorf("%q was read as %q", body, text)
		}
		if err != nil && authz.KindOf(err) != authz.Invalid {
			t.Errorf("%q: %v", body, err)
		}
	})
}

func basicOf(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}
