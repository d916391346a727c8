package web_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
	"github.com/gatehouse-auth/gatehouse/web"
)

func TestAK01_S15_U12_AKeyInAURLOrABrowserIsRefusedAndReportedAsLeaked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	all := h.gateway(authz.Live, authz.Test)
	for what, c := range map[string]struct {
		method, target string // KEY stands for the key
		headers        []string
		status         int
		code, source   string
	}{
		"the token endpoint":   {"POST", "/oauth2/token?client_secret=KEY", nil, 400, "credential_in_query", "url"},
		"a page":               {"GET", "/oauth2/authorize?client_id=x&state=KEY", nil, 400, "", "url"},
		"any parameter of /v1": {"GET", "/v1/workspaces?x=KEY", []string{"Authorization", "Bearer " + h.operator}, 400, "credential_in_query", "url"},
		"the path of /v1":      {"DELETE", "/v1/auth/keys/KEY", []string{"Authorization", "Bearer KEY"}, 400, "credential_in_query", "url"},
		"a path of nothing":    {"GET", "/favicon.ico/KEY", nil, 400, "", "url"},
		"an encoded name":      {"GET", "/v1/workspaces?x=%22up%5Flive%5FREST%22", nil, 400, "credential_in_query", "url"},
		"documents":            {"GET", "/.well-known/jwks.json?KEY", nil, 400, "credential_in_query", "url"},
		"verify":               {"POST", "/v1/verify?KEY", nil, 400, "credential_in_query", "url"},
		"no method":            {"PUT", "/oauth2/token?x=KEY", nil, 400, "credential_in_query", "url"},
		"Envoy's path":         {"GET", "/v1/forward-auth/checks/KEY", []string{"X-Gatehouse-Caller", all}, 403, "credential_in_query", "url"},
		"nginx's path":         {"GET", "/v1/forward-auth", []string{"X-Gatehouse-Caller", all, "X-Original-Uri", "/checks/KEY?x=1"}, 403, "credential_in_query", "url"},
		"nginx's query":        {"GET", "/v1/forward-auth", []string{"X-Gatehouse-Caller", all, "X-Original-Uri", "/checks?x=%3DKEY"}, 403, "credential_in_query", "url"},
		"a page's script":      {"GET", "/v1/workspaces", []string{"Authorization", "Bearer KEY", "Origin", "https://app.example"}, 403, "browser_refused", "browser"},
		"for a token":          {"POST", "/oauth2/token", []string{"Authorization", "bearer KEY", "Origin", "https://app.example"}, 403, "browser_refused", "browser"},
		"by Basic":             {"POST", "/oauth2/token", []string{"Authorization", "BASIC", "Origin", "https://app.example"}, 403, "browser_refused", "browser"},
		"at a gateway":         {"GET", "/v1/forward-auth", []string{"X-Gatehouse-Caller", all, "Authorization", "Bearer KEY", "Origin", "https://app.example"}, 403, "browser_refused", "browser"},
	} {
		key, text := h.mint(nil)
		put := strings.NewReplacer("KEY", text, "REST", text[len("up_live_"):], "BASIC", "Basic "+base64.StdEncoding.EncodeToString([]byte(string(key.ID)+":"+text)))
		headers := make([]string, 0, len(c.headers))
		for _, header := range c.headers {
			headers = append(headers, put.Replace(header))
		}
		w := h.send(c.method, put.Replace(c.target), "", headers...)
		if c.code != "" {
			h.wants(what, w, c.status, c.code)
		} else if w.Code != c.status {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
		found := 0
		for _, e := range h.entries("api_key.leaked") {
			if e.Target == string(key.ID) && e.Reason == c.source && e.WorkspaceID == h.workspace.ID {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%s: %d entries tell of the leak", what, found)
		}
		for place, told := range map[string]string{"the log": h.log.String(), "the answer": w.Body.String(), "a header": strings.Join(w.Header()["Location"], "")} {
			if strings.Contains(told, text) || strings.Contains(told, text[30:60]) {
				t.Errorf("%s: %s holds the key", what, place)
			}
		}
		h.clock.Advance(time.Minute)
	}
}

func TestAKeyThatLeaksAllTheTimeIsLookedAtNowAndThen(t *testing.T) {
	t.Parallel()
	looks := 0
	h := newHouse(t, func(c *web.Config) {
		report := c.Issuers[0].ReportLeak
		c.Issuers[0].ReportLeak = func(ctx context.Context, text authz.Secret, src apikey.LeakSource) (bool, error) {
			looks++
			return report(ctx, text, src)
		}
	})
	_, text := h.mint(nil)
	for range 50 {
		h.wants("in the query", h.send("GET", "/v1/workspaces?x="+text, ""), 400, "credential_in_query")
	}
	if looks > 2 || len(h.entries("api_key.leaked")) != 1 {
		t.Errorf("looked at %d times, %d entries", looks, len(h.entries("api_key.leaked")))
	}
	if n := len(h.entries("credential.refused")); n > 10 {
		t.Errorf("%d entries about one address", n)
	}
}

func TestWhatOnlyLooksLikeAKeyIsNotRefusedForIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if w := h.send("GET", "/.well-known/jwks.json?up_live_"+strings.Repeat("A", 64), ""); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func (h *house) reportLeak(body string, headers ...string) *httptest.ResponseRecorder {
	h.Helper()
	return h.send("POST", "/v1/leaks/report", body, append([]string{"Content-Type", "application/json"}, headers...)...)
}

func TestWhoeverHoldsAKeyMayReportIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	key, text := h.mint(nil)
	w := h.reportLeak(`{"key":"` + text + `","url":"https://paste.example/1?k=` + text + `"}`)
	if w.Code != http.StatusOK || w.Body.String() != `{"known":true}` || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	entries := h.entries("api_key.leaked")
	if len(entries) != 1 || entries[0].Target != string(key.ID) || entries[0].Details["seen_at"] != "https://paste.example/1" {
		t.Errorf("audited %+v", entries)
	}
	for what, unknown := range map[string]string{"made up": "up_live_" + strings.Repeat("A", 64), "no key": "x"} {
		if w := h.reportLeak(`{"key":"` + unknown + `"}`); w.Code != http.StatusOK || w.Body.String() != `{"known":false}` {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	h.wants("no report", h.reportLeak(`{"key":["`+text+`"]}`), 400, "invalid_request")
	h.wants("too long", h.reportLeak(`{"key":"`+strings.Repeat("x", 300<<10)+`"}`), 413, "invalid_request")
	h.wants("a form", h.send("POST", "/v1/leaks/report", "key="+text, "Content-Type", form), 400, "invalid_request")
	h.wants("in the query", h.send("POST", "/v1/leaks/report?key="+text, ""), 400, "credential_in_query")
	h.wants("signed, to nobody", h.reportLeak(`[]`, "Github-Public-Key-Identifier", "x", "Github-Public-Key-Signature", "y"), 401, "invalid_signature")
	if w := h.send("GET", "/v1/leaks/report", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
	if strings.Contains(h.log.String(), text) {
		t.Error("the log holds the key")
	}
}

// signedBy takes what is signed "good" for GitHub's.
type signedBy struct{}

func (signedBy) Verify(_ context.Context, id, signature string, _ []byte) error {
	if id != "id" || signature != "good" {
		return authz.NewError(authz.Unauthenticated, "invalid_signature", "")
	}
	return nil
}

func TestGitHubIsToldWhichTokensAreKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *web.Config) { c.Issuers[0].LeakPartner = signedBy{} })
	_, text := h.mint(nil)
	raw, _ := json.Marshal([]map[string]string{
		{"token": text, "type": "uptimepulse_live", "url": "https://github.com/a/b/blob/c/d.txt", "source": "content"},
		{"token": "up_live_" + strings.Repeat("A", 64), "type": "uptimepulse_live", "url": ""},
	})
	w := h.reportLeak(string(raw), "Github-Public-Key-Identifier", "id", "Github-Public-Key-Signature", "good")
	var labels []struct {
		Hash  string `json:"token_hash"`
		Type  string `json:"token_type"`
		Label string `json:"label"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &labels); err != nil || w.Code != http.StatusOK || len(labels) != 2 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	digest := sha256.Sum256([]byte(text))
	if labels[0].Hash != base64.StdEncoding.EncodeToString(digest[:]) || labels[0].Label != "true_positive" || labels[1].Label != "false_positive" || labels[0].Type != "uptimepulse_live" {
		t.Errorf("%+v", labels)
	}
	if strings.Contains(w.Body.String(), text) {
		t.Error("the answer holds the key")
	}
	if e := h.entries("api_key.leaked"); len(e) != 1 || e[0].Reason != "github" || e[0].Details["seen_at"] != "https://github.com/a/b/blob/c/d.txt" {
		t.Errorf("audited %+v", e)
	}
	for what, headers := range map[string][]string{
		"a bad signature": {"Github-Public-Key-Identifier", "id", "Github-Public-Key-Signature", "bad"},
		"no signature":    {"Github-Public-Key-Identifier", "id"},
		"two signatures":  {"Github-Public-Key-Identifier", "id", "Github-Public-Key-Signature", "good", "Github-Public-Key-Signature", "good"},
	} {
		if w := h.reportLeak(string(raw), headers...); w.Code != 401 && w.Code != 400 {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	if e := h.entries("leak_report.refused"); len(e) != 1 {
		t.Errorf("a bad signature is audited %d times", len(e))
	}
}

func TestReportsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *web.Config) {
		c.Limits.Leaks.PerAddress = made(ratelimit.New(ratelimit.Config{PerSecond: 0.1, Burst: 3, Clock: c.Clock}))(t)
	})
	for range 3 {
		if w := h.reportLeak(`{"key":"x"}`); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	h.wants("the fourth", h.reportLeak(`{"key":"x"}`), 429, "rate_limited")
}
