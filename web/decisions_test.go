package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// decisions asks the API about recorded decisions with a key.
func (h *house) decisions(key, path string) *httptest.ResponseRecorder {
	h.Helper()
	return h.send("GET", "/v1/policy-decisions"+path, "", "Authorization", "Bearer "+key)
}

type explained struct {
	ID, Place, Outcome string
	Changed, Explained bool
	Requested          []string `json:"requested_scopes"`
	Version            int64    `json:"policy_version"`
	Facts              struct {
		Address, MFA, Region string
		GrantType            string `json:"grant_type"`
		ConnectionID         string `json:"connection_id"`
	}
	Verdict struct {
		Scopes, Removed []string
		Rules           []struct {
			ID      string
			Matched bool
			Facts   []struct {
				Name  string
				Holds bool
			}
		}
	}
}

func TestS25_EveryDecisionIsOpenedByTheIDInItsAuditEntry(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.apply(profileWithMFAFromOffice)
	code, _ := h.browser().code()
	h.redeemCode("203.0.113.9", code)
	h.apply("[]") // what was asked then is what explains it
	_, key := h.key(h.workspace.ID, "manage:policies")
	entries := h.entries("token.issued")
	id, _ := entries[len(entries)-1].Details["decision"].(string)
	w := h.decisions(key, "/"+id)
	var e explained
	h.ok(json.Unmarshal(w.Body.Bytes(), &e))
	if w.Code != http.StatusOK || e.ID != id || e.Place != "token" || e.Outcome != "allowed" || !e.Changed && len(e.Verdict.Removed) > 0 || !e.Explained || e.Version != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if e.Facts.Address != "203.0.113.9" || e.Facts.Region != "DE" || e.Facts.MFA != "none" || e.Facts.GrantType != "authorization_code" || e.Facts.ConnectionID != string(h.connection.ID) {
		t.Errorf("facts %+v", e.Facts)
	}
	if len(e.Verdict.Rules) != 2 || !e.Verdict.Rules[0].Matched || e.Verdict.Rules[1].Facts[0].Name != "address (not in)" || !slices.Equal(e.Verdict.Scopes, []string{"openid"}) {
		t.Errorf("verdict %+v", e.Verdict)
	}
	// And the list leads there.
	var page struct {
		Items      []struct{ ID, Place, Outcome string }
		NextCursor string `json:"next_cursor"`
	}
	h.ok(json.Unmarshal(h.decisions(key, "?limit=1").Body.Bytes(), &page))
	if len(page.Items) != 1 || page.Items[0].ID != id || page.NextCursor == "" {
		t.Errorf("list %+v", page)
	}
	h.ok(json.Unmarshal(h.decisions(key, "?limit=1&cursor="+page.NextCursor).Body.Bytes(), &page))
	if page.Items[0].Place != "authorize" {
		t.Errorf("list, continued %+v", page)
	}

	// Elsewhere it does not exist, and in a day it is gone.
	_, theirs := h.key(h.other().ID, "manage:policies")
	foreign, unknown := h.decisions(theirs, "/"+id), h.decisions(theirs, "/dec_0000")
	if foreign.Code != http.StatusNotFound || foreign.Body.String() != unknown.Body.String() {
		t.Errorf("%d %s", foreign.Code, foreign.Body)
	}
	h.wants("their list", h.decisions(theirs, "?workspace_id="+string(h.workspace.ID)), http.StatusNotFound, "not_found")
	h.wants("the operator's look", h.decisions(h.operator, "/"+id), http.StatusOK, "")
	h.clock.Advance(24*time.Hour + time.Second)
	_, err := h.store.DeleteExpiredAcrossWorkspaces(t.Context(), h.clock.Now(), 1000)
	h.ok(err)
	h.wants("after its time", h.decisions(key, "/"+id), http.StatusNotFound, "not_found")
}

type replayed struct {
	Decisions, Changed int
	Complete           bool
	Denied             int `json:"newly_denied"`
	Allowed            int `json:"newly_allowed"`
	Taken              int `json:"scopes_taken"`
	Shorter            int `json:"lifetimes_shorter"`
	Samples            []struct {
		ID, Place     string
		Before, After struct {
			Outcome string
			Scopes  []string
		}
	}
}

func TestS25_ADraftIsReplayedOverWhatWasDecidedBeforeItIsSwitchedOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.apply("[" + strings.Replace(rule("watch", "", "", `"access_ttl_max":3600`), `"state":"on"`, `"state":"report_only"`, 1) + "]")
	b := h.browser()
	code, _ := b.code()
	token := h.issued("in the office", h.redeemCode(office, code), "openid profile")
	h.issued("outside", h.refresh(outside, token), "openid profile")
	_, key := h.key(h.workspace.ID, "manage:policies")
	ask := h.policies(key)
	try := func(rules string, more ...string) replayed {
		w := ask("POST", ":replay", `{"days":7,"rules":`+rules+strings.Join(more, "")+`}`)
		var r replayed
		h.ok(json.Unmarshal(w.Body.Bytes(), &r))
		if w.Code != http.StatusOK || r.Decisions != 3 || !r.Complete {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return r
	}
	// Authorize and refresh came from outside.
	r := try("[" + rule("office", "", `"ip_not_in":["10.0.0.0/8"]`, `"deny":true`) + "]")
	if r.Changed != 2 || r.Denied != 2 || len(r.Samples) != 2 || r.Samples[0].Place != "refresh" || r.Samples[0].Before.Outcome != "allowed" || r.Samples[0].After.Outcome != "denied" {
		t.Errorf("%+v", r)
	}
	if r = try("[" + rule("a", "", "", `"remove_scopes":["profile"],"access_ttl_max":60`) + "]"); r.Changed != 3 || r.Taken != 3 || r.Shorter != 3 {
		t.Errorf("%+v", r)
	}
	if r = try("[]"); r.Changed != 0 || len(r.Samples) != 0 {
		t.Errorf("%+v", r)
	}
	if got := len(h.recorded()); got != 3 {
		t.Errorf("a replay recorded something: %d", got)
	}
	h.wants("the operator's rules", ask("POST", ":replay", `{"days":7,"replaces":"operator","rules":[]}`), http.StatusForbidden, "operator_required")
	h.wants("bad rules", ask("POST", ":replay", `{"days":7,"rules":[{"id":""}]}`), http.StatusBadRequest, "invalid_request")
	h.wants("too far back", ask("POST", ":replay", `{"days":91,"rules":[]}`), http.StatusBadRequest, "invalid_request")
	_, theirs := h.key(h.other().ID, "manage:policies")
	h.wants("another's decisions", h.policies(theirs)("POST", ":replay", `{"workspace_id":"`+string(h.workspace.ID)+`","days":7,"rules":[]}`), http.StatusNotFound, "not_found")

	w := h.policies(h.operator)("POST", ":replay", `{"workspace_id":"`+string(h.workspace.ID)+`","days":7,"replaces":"operator","rules":[`+rule("all", "", "", `"deny":true`)+`]}`)
	h.ok(json.Unmarshal(w.Body.Bytes(), &r))
	if r.Denied != 3 {
		t.Errorf("the operator's draft: %d %s", w.Code, w.Body)
	}
	// What lies farther back than asked is not gone through.
	h.clock.Advance(8 * 24 * time.Hour)
	w = ask("POST", ":replay", `{"days":7,"rules":[]}`)
	h.ok(json.Unmarshal(w.Body.Bytes(), &r))
	if r.Decisions != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
