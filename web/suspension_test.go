package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// moves suspends or resumes the workspace as the operator does.
func (h *house) moves(act string) {
	h.Helper()
	if w := h.manage(h.operator, "POST", "/v1/workspaces/"+string(h.workspace.ID)+"/"+act, ""); w.Code != http.StatusOK {
		h.Fatalf("%s: %d %s", act, w.Code, w.Body)
	}
}

// active asks as the operator's gateway, which no workspace's suspension touches.
func (h *house) active(gateway, credential string) bool {
	h.Helper()
	w := h.send("POST", "/oauth2/introspect", url.Values{"token": {credential}}.Encode(), "Content-Type", form, "Authorization", gateway)
	if w.Code != http.StatusOK {
		h.Fatalf("introspection: %d %s", w.Code, w.Body)
	}
	return strings.Contains(w.Body.String(), `"active":true`)
}

// U22: keys come back as they were: what was disabled stays so, what was in grace
// ends when it would have, what ended meanwhile is over.
func TestU22_KeysReturnToTheirEarlierStateAndToNoOther(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		t := h.T
		gateway := h.gateway(authz.Live)
		made := func(name, more string) (id, text string) {
			w := h.manage(h.operator, "POST", "/v1/auth/keys", `{"name":"`+name+`","workspace_id":"`+string(h.workspace.ID)+`","environment":"live","scopes":["monitor:read"]`+more+`}`)
			if w.Code != http.StatusCreated {
				t.Fatalf("%s: %d %s", name, w.Code, w.Body)
			}
			return member(w, "id"), member(w, "key")
		}
		status := func(id string) string {
			return member(h.manage(h.operator, "GET", "/v1/auth/keys/"+id, ""), "status")
		}
		plainID, plain := made("plain", "")
		disabledID, disabled := made("disabled", "")
		graceID, grace := made("grace", "")
		endsID, ends := made("ends", `,"expires_at":"`+h.clock.Now().Add(2*time.Hour).UTC().Format(time.RFC3339)+`"`)
		if w := h.manage(h.operator, "PATCH", "/v1/auth/keys/"+disabledID, `{"status":"disabled"}`); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		h.manage(h.operator, "POST", "/v1/auth/keys/"+graceID+"/rotate", `{}`)
		graceUntil := member(h.manage(h.operator, "GET", "/v1/auth/keys/"+graceID, ""), "grace_until")
		if !h.active(gateway, plain) || !h.active(gateway, grace) || !h.active(gateway, ends) || status(graceID) != "grace" {
			t.Fatal("they are not live before")
		}
		h.clock.Advance(time.Hour)
		h.moves("suspend")
		for what, text := range map[string]string{"plain": plain, "disabled": disabled, "in grace": grace, "that ends": ends} {
			if h.active(gateway, text) {
				t.Errorf("the key %s is active in a suspended workspace", what)
			}
		}
		h.clock.Advance(2 * time.Hour)
		h.moves("resume")
		for what, c := range map[string]struct {
			id, text, status string
			active           bool
		}{
			"plain": {plainID, plain, "active", true}, "disabled": {disabledID, disabled, "disabled", false},
			"in grace": {graceID, grace, "grace", true}, "that ended meanwhile": {endsID, ends, "expired", false},
		} {
			if got := status(c.id); got != c.status || h.active(gateway, c.text) != c.active {
				t.Errorf("the key %s: %s, active %v", what, got, !c.active)
			}
		}
		if got := member(h.manage(h.operator, "GET", "/v1/auth/keys/"+graceID, ""), "grace_until"); got != graceUntil || got == "" {
			t.Errorf("the grace ends %s, and ended %s", got, graceUntil)
		}
		h.clock.Advance(69*time.Hour - time.Second)
		if !h.active(gateway, grace) {
			t.Error("the grace ended early")
		}
		h.clock.Advance(2 * time.Second)
		if h.active(gateway, grace) {
			t.Error("the suspension prolonged the grace")
		}
	})
}

// U22: whatever was issued before a suspension is dead for good, however it was
// come by; what only waits goes on where it was, and what is issued after it lives.
func TestU22_NothingIssuedBeforeASuspensionLivesAfterIt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		t := h.T
		gateway := h.gateway(authz.Live)
		_, robots := h.robot(authz.GrantClientCredentials, authz.GrantTokenExchange)
		_, key := h.mint(nil)
		ada := h.browser()
		tokens := h.tokens(ada, "scope", "openid profile offline_access")
		exchange := func(subject string) *httptest.ResponseRecorder {
			return h.asks("", robots, "grant_type", authz.GrantTokenExchange, "subject_token", subject, "subject_token_type", oauth.TypeAccessToken)
		}
		ofKey := func() *httptest.ResponseRecorder {
			return h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Bearer "+key)
		}
		ofClient := func() *httptest.ResponseRecorder {
			return h.asks("", robots, "grant_type", authz.GrantClientCredentials)
		}
		issued := map[string]string{
			"a person's": tokens["access_token"], "exchanged": member(exchange(tokens["access_token"]), "access_token"),
			"a key's": member(ofKey(), "access_token"), "a client's own": member(ofClient(), "access_token"),
		}
		code, _ := h.browser().code()
		tv := h.tv()
		approved, user := h.waiting(tv)
		tvs := h.browser()
		if w := tvs.post("/consent", url.Values{"request": {tvs.deviceConsent(user)}, "scope": {"profile"}, "decision": {"allow"}}); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		pending, pendingUser := h.waiting(tv)
		waits := h.browser()
		request := waits.consentPage("prompt", "consent")
		atUpstream := h.browser()
		callback := atUpstream.callbackURL()
		draft := member(h.atConnections("POST", "", asJSON(map[string]any{"workspace_id": h.workspace.ID, "name": "Draft"})), "id")
		_, link := h.setupLink(draft)
		admin := h.browser()
		admin.opens(link)
		for what, token := range issued {
			if token == "" || !h.active(gateway, token) {
				t.Fatalf("%s is not live before", what)
			}
		}

		h.moves("suspend")
		dead := func(when string) {
			t.Helper()
			for what, token := range issued {
				if h.active(gateway, token) {
					t.Errorf("%s: %s is active", when, what)
				}
				if w := h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer "+token); w.Code != http.StatusUnauthorized {
					t.Errorf("%s: userinfo to %s: %d", when, what, w.Code)
				}
			}
		}
		dead("suspended")
		for what, w := range map[string]*httptest.ResponseRecorder{
			"a key": ofKey(), "a client": ofClient(), "an exchange": exchange(issued["a person's"]), "a refresh": h.refresh("", tokens["refresh_token"]),
			"a code": h.redeemCode("", code), "a device": h.poll(tv, approved),
		} {
			if w.Code/100 != 4 || member(w, "access_token") != "" {
				t.Errorf("suspended: %s: %d %s", what, w.Code, w.Body)
			}
		}
		for what, w := range map[string]*httptest.ResponseRecorder{
			"a new sign-in": h.browser().get(h.authorizeURL()), "a session": ada.get(h.authorizeURL("prompt", "none")),
			"at consent": waits.post("/consent", url.Values{"request": {request}, "scope": {"openid"}, "decision": {"allow"}}), "back from the upstream": atUpstream.get(callback),
			"a set-up link": admin.get("/setup"), "a set-up link anew": h.browser().get(link),
		} {
			if at := w.Header().Get("Location"); w.Code/100 == 2 || strings.Contains(at, "code=") || strings.HasPrefix(at, h.upstream.Issuer()) {
				t.Errorf("suspended: %s: %d %s %.200s", what, w.Code, at, w.Body)
			}
		}

		h.moves("resume")
		dead("resumed")
		for what, w := range map[string]*httptest.ResponseRecorder{
			"a refresh": h.refresh("", tokens["refresh_token"]), "a code": h.redeemCode("", code), "a device": h.poll(tv, approved), "an exchange": exchange(issued["a person's"]),
		} {
			if w.Code != http.StatusBadRequest || member(w, "access_token") != "" {
				t.Errorf("resumed: %s: %d %s", what, w.Code, w.Body)
			}
		}
		if at := ada.get(h.authorizeURL("prompt", "none")).Header().Get("Location"); !strings.Contains(at, "error=login_required") {
			t.Errorf("the session lives again: %s", at)
		}
		for what, w := range map[string]*httptest.ResponseRecorder{"a key's": ofKey(), "a client's own": ofClient()} {
			if token := member(w, "access_token"); token == "" || !h.active(gateway, token) {
				t.Errorf("resumed: %s new token: %d %s", what, w.Code, w.Body)
			}
		}
		if w := h.browser().get(link); w.Code != http.StatusSeeOther {
			t.Errorf("resumed: the set-up link: %d", w.Code)
		}
		// A device that nobody had decided on holds nothing yet: it may go on.
		next := h.browser()
		if w := next.post("/consent", url.Values{"request": {next.deviceConsent(pendingUser)}, "scope": {"profile"}, "decision": {"allow"}}); w.Code != http.StatusOK {
			t.Errorf("resumed: a device that waited: %d", w.Code)
		}
		if token := member(h.poll(tv, pending), "access_token"); token == "" || !h.active(gateway, token) {
			t.Error("resumed: a device that waited has no token")
		}
		for _, typ := range []string{"workspace.suspended", "workspace.resumed"} {
			if e := h.entries(typ); len(e) != 1 || e[0].Actor == "" || e[0].WorkspaceID != h.workspace.ID {
				t.Errorf("%s: %+v", typ, e)
			}
		}
	})
}

// U8: an account's suspension is that of all its workspaces and of no other's, and
// a workspace that was suspended by itself stays so when the account goes on.
func TestU8_I2_ASuspendedAccountTakesItsWorkspacesWithIt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		t := h.T
		gateway := h.gateway(authz.Live)
		account := string(h.workspace.AccountID)
		second := authz.WorkspaceID(member(h.manage(h.operator, "POST", "/v1/workspaces", `{"name":"Second","account_id":"`+account+`"}`), "id"))
		stranger := h.other()
		keys, tokens := map[authz.WorkspaceID]string{}, map[authz.WorkspaceID]string{}
		for _, ws := range []authz.WorkspaceID{h.workspace.ID, second, stranger.ID} {
			_, keys[ws] = h.key(ws, "monitor:read")
			tokens[ws] = member(h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Bearer "+keys[ws]), "access_token")
		}
		wants := func(when string, of map[authz.WorkspaceID]string, ws authz.WorkspaceID, want bool) {
			t.Helper()
			if got := h.active(gateway, of[ws]); got != want {
				t.Errorf("%s: in %s: active %v", when, ws, got)
			}
		}
		act := func(path string) {
			t.Helper()
			if w := h.manage(h.operator, "POST", path, ""); w.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", path, w.Code, w.Body)
			}
		}
		for ws := range keys {
			wants("before", keys, ws, true)
			wants("before", tokens, ws, true)
		}
		act("/v1/workspaces/" + string(second) + "/suspend")
		act("/v1/accounts/" + account + "/suspend")
		for _, ws := range []authz.WorkspaceID{h.workspace.ID, second} {
			wants("suspended", keys, ws, false)
			wants("suspended", tokens, ws, false)
		}
		wants("suspended", keys, stranger.ID, true)
		wants("suspended", tokens, stranger.ID, true)
		if w := h.manage(keys[h.workspace.ID], "GET", "/v1/workspaces", ""); w.Code != http.StatusUnauthorized {
			t.Errorf("a suspended account's key: %d", w.Code)
		}
		act("/v1/accounts/" + account + "/resume")
		wants("resumed", keys, h.workspace.ID, true)
		wants("resumed", tokens, h.workspace.ID, false)
		wants("resumed, but not the workspace", keys, second, false)
		act("/v1/workspaces/" + string(second) + "/resume")
		wants("all resumed", keys, second, true)
		wants("all resumed", tokens, second, false)
		for _, typ := range []string{"account.suspended", "account.resumed"} {
			if e := h.entries(typ); len(e) != 1 || e[0].Actor == "" || e[0].Target != account {
				t.Errorf("%s: %+v", typ, e)
			}
		}
	})
}
