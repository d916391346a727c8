package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// I21: a client's tokens live as long as it was registered for, and never longer
// than the issuer's; a change holds for what is issued and refreshed from then on.
func TestI21_AClientsTokensLiveAsLongAsItWasRegisteredFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := "/v1/clients/" + string(h.app.ID) + "?workspace_id=" + string(h.workspace.ID)
	set := func(body string) {
		t.Helper()
		if w := h.manage(h.operator, "PATCH", path, body); w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	lives := func(raw []byte) float64 {
		var told struct {
			ExpiresIn float64 `json:"expires_in"`
		}
		h.ok(json.Unmarshal(raw, &told))
		return told.ExpiresIn
	}
	offline := []string{"scope", "openid offline_access"}
	h.consents = []string{"openid", "offline_access"}
	for what, body := range map[string]string{
		"shorter than a minute": `{"access_token_ttl":59}`, "before it is issued": `{"refresh_token_ttl":-1}`, "no number": `{"access_token_ttl":"5m"}`, "without end": `{"refresh_token_ttl":99999999999}`,
	} {
		if w := h.manage(h.operator, "PATCH", path, body); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	issuers := h.tokens(h.browser(), offline...)
	set(`{"access_token_ttl":300,"refresh_token_ttl":7200}`)
	code, _ := h.browser().code(offline...)
	w := h.redeemCode("", code)
	if got := lives(w.Body.Bytes()); w.Code != http.StatusOK || got != 300 {
		t.Errorf("an access token lives %v s: %s", got, w.Body)
	}
	access, refresh := member(w, "access_token"), member(w, "refresh_token")
	var told struct{ Iat, Exp int64 }
	h.ok(json.Unmarshal(h.send("POST", "/oauth2/introspect", url.Values{"token": {refresh}}.Encode(), "Content-Type", form, "Authorization", h.basic()).Body.Bytes(), &told))
	if told.Exp-told.Iat != 7200 {
		t.Errorf("introspection says that a refresh token lives %d s", told.Exp-told.Iat)
	}
	h.clock.Advance(5 * time.Minute)
	if h.scopeOf(access) != "" {
		t.Error("an access token outlives its client's setting")
	}
	h.clock.Advance(2*time.Hour - 5*time.Minute - time.Second)
	w = h.refresh("", refresh)
	if refresh = member(w, "refresh_token"); w.Code != http.StatusOK || lives(w.Body.Bytes()) != 300 {
		t.Fatalf("a second before its end: %d %s", w.Code, w.Body)
	}
	h.clock.Advance(2 * time.Second)
	h.wants("the successor, after the end of the grant", h.refresh("", refresh), http.StatusBadRequest, "invalid_grant")
	h.wants("one of before the change, as old", h.refresh("", issuers["refresh_token"]), http.StatusBadRequest, "invalid_grant")

	// Longer than the issuer's is the issuer's, and 0 is.
	for _, body := range []string{`{"access_token_ttl":86400,"refresh_token_ttl":0}`, `{"access_token_ttl":0}`} {
		set(body)
		code, _ = h.browser().code(offline...)
		if got := lives(h.redeemCode("", code).Body.Bytes()); got != 3600 {
			t.Errorf("%s: %v s", body, got)
		}
	}
}
