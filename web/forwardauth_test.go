package web_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/web"
)

// hold sends what a gateway sends of a request that it holds back.
func (h *house) hold(query, caller, authorization string, more ...string) *httptest.ResponseRecorder {
	h.Helper()
	headers := append([]string{"X-Gatehouse-Caller", caller}, more...)
	if authorization != "" {
		headers = append(headers, "Authorization", authorization)
	}
	return h.send("GET", "/v1/forward-auth"+query, "", headers...)
}

func TestForwardAuthIsTheDecisionOfVerify(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *web.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")} }) // httptest's peer
	all := h.gateway(authz.Live, authz.Test)
	key, text := h.mint(func(r *apikey.Request) {
		r.Resources, r.IPAllowlist = authz.Resources{Clusters: []string{"eu-1"}}, []string{"203.0.113.0/24"}
	})
	bearer, from := "Bearer "+text, []string{"X-Forwarded-For", "203.0.113.9"}
	w := h.hold("?action=monitor:read&environment=live&resource=cluster:eu-1", all, bearer, append(from, "X-Gatehouse-Workspace-Id", "ws_forged")...)
	if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for name, want := range map[string]string{
		"Subject": string(key.ServiceAccountID), "Client-Id": string(key.ServiceAccountID), "Key-Id": string(key.ID), "Workspace-Id": string(h.workspace.ID),
		"Account-Id": string(h.workspace.AccountID), "Environment": "live", "Scope": "monitor:read", "Credential-Type": "api_key",
	} {
		if got := w.Header().Get("X-Gatehouse-" + name); got != want {
			t.Errorf("X-Gatehouse-%s: %q, want %q", name, got, want)
		}
	}
	for what, c := range map[string]struct {
		query, authorization string
		more                 []string
		status               int
		code                 string
	}{
		"U1 scope":                     {"?action=alert:write", bearer, from, 403, "insufficient_scope"},
		"U3 cluster":                   {"?resource=cluster:us-1", bearer, from, 403, "resource_not_allowed"},
		"S7 sandbox":                   {"?environment=test", bearer, from, 403, "wrong_environment"},
		"U27 address":                  {"", bearer, []string{"X-Forwarded-For", "198.51.100.1"}, 403, "ip_not_allowed"},
		"RL-02 the right-most hop":     {"", bearer, []string{"X-Forwarded-For", "203.0.113.9, 198.51.100.1"}, 403, "ip_not_allowed"},
		"unknown":                      {"", "Bearer up_live_" + strings.Repeat("A", 64), from, 401, "invalid_token"},
		"AK-05 two headers":            {"", bearer, append([]string{"Authorization", bearer}, from...), 401, "invalid_token"},
		"S15 in the URL":               {"", bearer, append([]string{"X-Original-URI", "/checks?api_key=" + text}, from...), 403, "credential_in_query"},
		"S15 a key by any name":        {"", bearer, append([]string{"X-Forwarded-Uri", "/checks?q=" + text}, from...), 403, "credential_in_query"},
		"U12 in a browser":             {"", bearer, append([]string{"Origin", "https://app.example"}, from...), 403, "browser_refused"},
		"DP a bound token's scheme":    {"", "DPoP " + text, from, 401, "invalid_token"},
		"a parameter it does not have": {"?scope=x", bearer, from, 400, "invalid_request"},
		"a parameter twice":            {"?action=a&action=b", bearer, from, 400, "invalid_request"},
		"half a resource":              {"?resource=cluster", bearer, from, 400, "invalid_request"},
	} {
		h.wants(what, h.hold(c.query, all, c.authorization, c.more...), c.status, c.code)
	}
	if w := h.hold("", all, "", from...); w.Code != http.StatusUnauthorized || w.Body.Len() != 0 || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("RFC 6750 section 3.1, no credential: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := h.hold("", all, "bearer "+text, from...); w.Code != http.StatusOK {
		t.Errorf("S14 the case of the scheme: %d %s", w.Code, w.Body)
	}
	reasons := map[string]bool{}
	for _, e := range h.entries("credential.refused") {
		reasons[e.Reason] = true
	}
	for _, want := range []string{"scope", "resource", "environment", "ip_not_allowed", "invalid_token", "credential_in_query", "browser_refused"} {
		if !reasons[want] {
			t.Errorf("U31: %s is not audited: %v", want, reasons)
		}
	}
	if strings.Contains(h.log.String(), text) {
		t.Error("AU-03: the log holds a key")
	}
}

// What is told of who asks is a setting; what does not apply is told as empty, so
// that a client's own header never stands.
func TestForwardAuthTellsWhatItIsSetToTell(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *web.Config) { c.Issuers[0].Identity = []string{"key_id", "environment"} })
	all := h.gateway(authz.Live)
	key, text := h.mint(nil)
	person := h.tokens(h.browser())["access_token"]
	for bearer, want := range map[string]map[string][]string{
		text:   {"X-Gatehouse-Key-Id": {string(key.ID)}, "X-Gatehouse-Environment": {"live"}},
		person: {"X-Gatehouse-Key-Id": {""}, "X-Gatehouse-Environment": {""}},
	} {
		w := h.hold("", all, "Bearer "+bearer)
		told := map[string][]string{}
		for name, values := range w.Header() {
			if strings.HasPrefix(name, "X-Gatehouse-") {
				told[name] = values
			}
		}
		if w.Code != http.StatusOK || !reflect.DeepEqual(told, want) {
			t.Errorf("%d %v, want %v", w.Code, told, want)
		}
	}
	if w := h.hold("", all, "Bearer x"); w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("an answer with content: %v", w.Header())
	}
	cfg := web.Config{Issuers: []web.Issuer{h.served}, Clock: h.clock, Metrics: web.NewMetrics(), MaxBody: 1 << 20, Logger: slog.New(slog.DiscardHandler)}
	cfg.Issuers[0].Identity = []string{"password"}
	if _, err := web.New(cfg); err == nil {
		t.Error("a fact there is not is taken")
	}
}

func TestForwardAuthAnswersGatewaysOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, text := h.mint(nil)
	for what, caller := range map[string]string{"nobody": "", "a wrong secret": basicOf(string(h.app.ID), "x"), "a public client": "Client " + string(h.spa.ID), "the key itself is no caller of another issuer": "Bearer sp_live_x"} {
		w := h.hold("", caller, "Bearer "+text)
		if w.Code != http.StatusUnauthorized || w.Header().Get("X-Gatehouse-Subject") != "" {
			t.Errorf("%s: %d %v", what, w.Code, w.Header())
		}
	}
	plain := h.handler
	h.handler = web.Trusted(plain)
	if w := h.hold("", "", "Bearer "+text); w.Code != http.StatusOK {
		t.Errorf("a trusted listener: %d %s", w.Code, w.Body)
	}
	if w := h.send("POST", "/v1/verify", `{"credential":"`+text+`"}`, "Content-Type", "application/json"); w.Code != http.StatusUnauthorized {
		t.Errorf("a trusted listener is for forward-auth alone: %d %s", w.Code, w.Body)
	}
	h.handler = plain
}

func TestForwardAuthBelowAsEnvoyAsks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	all := h.gateway(authz.Live, authz.Test)
	_, text := h.mint(nil)
	ask := func(method, path string, more ...string) *httptest.ResponseRecorder {
		return h.send(method, "/v1/forward-auth"+path, "", append([]string{"X-Gatehouse-Caller", all, "Authorization", "Bearer " + text}, more...)...)
	}
	for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH"} {
		if w := ask(method, "/checks/1?page=2&action=alert:write"); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
	}
	h.wants("a demand", ask("GET", "/checks", "X-Gatehouse-Action", "alert:write"), 403, "insufficient_scope")
	h.wants("S15", ask("GET", "/checks?access_token=x"), 403, "credential_in_query")
}

func TestS16_AGatewayIsToldTheRateLimit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.limits.most = 2
	all := h.gateway(authz.Live, authz.Test)
	_, text := h.mint(nil)
	for n, want := range []string{`"key";r=1;t=60`, `"key";r=0;t=60`} {
		if w := h.hold("", all, "Bearer "+text); w.Code != 200 || w.Header().Get("RateLimit") != want || w.Header().Get("RateLimit-Policy") != `"key";q=2;w=60` {
			t.Errorf("use %d: %d %v", n, w.Code, w.Header())
		}
	}
	w := h.hold("", all, "Bearer "+text)
	h.wants("S16", w, http.StatusTooManyRequests, "rate_limited")
	if w.Header().Get("Retry-After") != "2" || w.Header().Get("RateLimit") != `"key";r=0;t=60` {
		t.Errorf("%v", w.Header())
	}
}
