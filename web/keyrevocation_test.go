package web_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// AK-21: revoking a key is told of as urgent, ends what was made of it, and the
// audit trail has the acts in their order.
func TestAK_21_U35_ARevocationIsAnAlertAndEndsWhatHangsOnTheKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	gateway := h.gateway(authz.Live)
	key, text := h.mint(func(r *apikey.Request) { r.Scopes = []string{"monitor:read", "monitor:write"} })
	token := func(authorization string, form ...string) string {
		t.Helper()
		w := h.send("POST", "/oauth2/token", strings.Join(form, "&"), "Content-Type", "application/x-www-form-urlencoded", "Authorization", authorization)
		if w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return member(w, "access_token")
	}
	minted := token("Bearer "+text, "grant_type=client_credentials")
	narrower := token("Bearer "+text, "grant_type=client_credentials", "scope=monitor:read")
	made := map[string]string{"the key": text, "its token": minted, "a narrower one": narrower}
	for what, credential := range made {
		h.decided(what, h.verify(gateway, map[string]any{"credential": credential, "action": "monitor:read"}), "ok")
	}
	if w := h.manage(text, "DELETE", "/v1/auth/keys/"+string(key.ID), ""); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for what, credential := range made {
		h.decided(what+" afterwards", h.verify(gateway, map[string]any{"credential": credential, "action": "monitor:read"}), "inactive")
	}
	events := h.events("api_key.revoked")
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	var told struct {
		WorkspaceID string `json:"workspace_id"`
		Data        struct {
			Severity, Status string
			ID               string `json:"key_id"`
		} `json:"data"`
	}
	h.ok(json.Unmarshal([]byte(events[0]), &told))
	if told.Data.Severity != "P1" || told.Data.ID != string(key.ID) || told.Data.Status != "revoked" || told.WorkspaceID != string(h.workspace.ID) {
		t.Errorf("told: %s", events[0])
	}
	all, err := h.store.ListAudit(t.Context(), issuer, h.workspace.ID, authz.Page{Limit: 500})
	h.ok(err)
	var acts []string
	for _, e := range all {
		if e.Target == string(key.ID) || e.Actor == string(key.ServiceAccountID) {
			acts = append(acts, e.Type)
		}
	}
	if want := []string{"api_key.created", "token.issued", "token.issued", "api_key.revoked", "api_key.refused"}; !slices.Equal(acts, want) {
		t.Errorf("the acts in their order: %v", acts)
	}
}
