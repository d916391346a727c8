package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A connection has a history, without its secrets, and one call takes an earlier
// revision up again: as a change like any other, tested anew, and not what came
// from metadata.
func TestI10_AConnectionIsRolledBackInOneCall(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, d := h.drafted()
	h.check(id)
	h.tries(d, h.check(id), "s-ada")
	if w := h.atConnections("POST", "/"+id+"/activate", ""); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var now struct {
		Revision      int64
		Name, Vendor  string
		Status        string
		Jit, Fallback string
		Tested        map[string]any
		OIDC          struct {
			HasSecret bool `json:"has_secret"`
			Scopes    []string
		}
		SAML *struct{ Certificates []string }
	}
	read := func() {
		t.Helper()
		now.Tested, now.SAML = nil, nil
		h.ok(json.Unmarshal(h.atConnections("GET", "/"+id, "").Body.Bytes(), &now))
	}
	read()
	good := now.Revision
	change := `{"name":"Wrong","jit":"off","fallback":"never","oidc":{"scopes":["openid"]}}`
	if w := h.atConnections("PATCH", "/"+id, change); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	read()
	if now.Name != "Wrong" || len(now.Tested) != 1 {
		t.Fatalf("%+v", now)
	}
	back := func(to int64, headers ...string) int {
		return h.atConnections("POST", "/"+id+"/rollback", fmt.Sprintf(`{"revision":%d}`, to), headers...).Code
	}
	if got := back(good, "If-Match", `"1"`); got != http.StatusPreconditionFailed {
		t.Errorf("from an old revision: %d", got)
	}
	if got := back(9999); got != http.StatusBadRequest {
		t.Errorf("to one that never was: %d", got)
	}
	if got := back(good, "If-Match", fmt.Sprintf(`"%d"`, now.Revision)); got != http.StatusOK {
		t.Fatalf("rolled back: %d", got)
	}
	read()
	if now.Name != "New directory" || now.Jit != "domain" || now.Fallback != "auto" || now.Status != "active" || !now.OIDC.HasSecret || len(now.OIDC.Scopes) != 3 || now.SAML == nil || len(now.SAML.Certificates) == 0 {
		t.Errorf("%+v", now)
	}
	if _, still := now.Tested["oidc"]; still || len(now.Tested) != 1 {
		t.Errorf("a side that changed back is tested anew: %v", now.Tested)
	}
	history := h.atConnections("GET", "/"+id+"/history", "")
	var told struct {
		Items []struct {
			Actor      string
			ChangedAt  string `json:"changed_at"`
			Connection struct {
				Revision int64
				Name     string
			}
		}
	}
	h.ok(json.Unmarshal(history.Body.Bytes(), &told))
	if len(told.Items) < 4 || told.Items[0].Connection.Revision != now.Revision || told.Items[1].Connection.Name != "Wrong" || told.Items[0].Actor == "" || told.Items[0].ChangedAt == "" {
		t.Errorf("%s", history.Body)
	}
	if kept := made(h.store.ListConnectionRevisions(t.Context(), issuer, h.workspace.ID, d.connection.ID, 100))(t); len(kept) != len(told.Items) || strings.Contains(asJSON(kept), "upstream-secret") {
		t.Errorf("%d kept", len(kept))
	}
	for _, r := range made(h.store.ListConnectionRevisions(t.Context(), issuer, h.workspace.ID, d.connection.ID, 100))(t) {
		if len(r.Connection.ClientSecret)+len(r.Connection.SAMLKey) > 0 {
			t.Error("a secret is kept in the history")
		}
	}
}
