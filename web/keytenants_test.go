package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// TN-05: what is of one tenant is nothing at a client of another, and nobody of
// the other makes keys here.
func TestTN_05_AKeyIsNothingAtAnotherTenantsClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, text := h.mint(func(r *apikey.Request) { r.Scopes = []string{"manage:keys"} })
	other := h.other()
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients"}, Delegation: &authz.Delegation{Issuer: issuer, Scopes: []string{"*"}}}
	theirs, secret, err := h.admin.CreateClient(t.Context(), by, admin.ClientSettings{
		Name: "robots", WorkspaceID: other.ID, GrantTypes: []string{"client_credentials", authz.GrantTokenExchange}, Scopes: []string{"manage:keys"},
	})
	h.ok(err)
	ours, ourSecret, err := h.admin.CreateClient(t.Context(), by, admin.ClientSettings{
		Name: "robots", WorkspaceID: h.workspace.ID, GrantTypes: []string{"client_credentials", authz.GrantTokenExchange}, Scopes: []string{"manage:keys"},
	})
	h.ok(err)
	exchange := func(caller string) *httptest.ResponseRecorder {
		return h.send("POST", "/oauth2/token", url.Values{
			"grant_type": {authz.GrantTokenExchange}, "subject_token": {text}, "subject_token_type": {"urn:gatehouse:params:oauth:token-type:api_key"},
		}.Encode(), "Content-Type", form, "Authorization", caller)
	}
	if w := exchange(basicOf(string(ours.ID), ourSecret.Reveal())); w.Code != http.StatusOK {
		t.Fatalf("at a client of its own workspace: %d %s", w.Code, w.Body)
	}
	if w := exchange(basicOf(string(theirs.ID), secret.Reveal())); w.Code != http.StatusBadRequest || member(w, "access_token") != "" {
		t.Errorf("at theirs: %d %s", w.Code, w.Body)
	}
	h.decided("asked about by theirs", h.verify(basicOf(string(theirs.ID), secret.Reveal()), map[string]any{"credential": text}), "inactive")
	stranger := h.joins(other.ID, authz.RoleOwner)
	stranger.MFA, stranger.MFAAt, stranger.AuthTime = authz.MFAProven, h.clock.Now(), h.clock.Now()
	_, _, err = h.keys.Mint(t.Context(), stranger, authz.Origin{}, apikey.Request{Name: "x", WorkspaceID: h.workspace.ID, Environment: authz.Live, Scopes: []string{"monitor:read"}})
	if authz.KindOf(err) != authz.NotFound {
		t.Errorf("a person of the other makes a key here: %v", err)
	}
}

// TN-08: whoever leaves takes with them what they were let do, however warm it was:
// a remembered answer is asked for no more than once.
func TestTN_08_ARememberedKeyEndsWithItsOwnersMembership(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, ws := t.Context(), h.workspace.ID
	gateway := h.gateway(authz.Live)
	if w := h.manage(h.operator, "PATCH", "/v1/workspaces/"+string(ws), `{"leaver":"end"}`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	h.joins(ws, authz.RoleOwner)
	leaver := h.joins(ws, authz.RoleDeveloper)
	name := "runner"
	account := made(h.admin.CreateServiceAccount(ctx, leaver, ws, admin.ServiceAccountSettings{Name: &name}))(t)
	_, text := h.mint(func(r *apikey.Request) { r.ServiceAccountID = account.ID })
	ask := map[string]any{"credential": text, "action": "monitor:read"}
	for range 3 {
		h.decided("before", h.verify(gateway, ask), "ok")
	}
	h.statements.take()
	h.decided("remembered", h.verify(gateway, ask), "ok")
	if seen := h.statements.take(); len(seen) != 0 {
		t.Fatalf("it was not remembered: %v", seen)
	}
	h.ok(h.admin.RemoveMember(ctx, leaver, ws, authz.UserID(leaver.Subject), ""))
	h.decided("at the next call", h.verify(gateway, ask), "inactive")
}

// WH-10: what somebody calls their key is text to whoever is told of it, and
// nothing else: no line, no markup, no header.
func TestWH_10_ANameIsInertInWhatIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const name = `<!channel> *bold* <https://evil.example|click> "},{"type":"x`
	h.events("")
	key, _ := h.mint(func(r *apikey.Request) { r.Name = name })
	events := h.events("api_key.created")
	if len(events) != 1 || strings.ContainsAny(events[0], "<>\r\n") {
		t.Fatalf("told: %q", events)
	}
	var told struct {
		Type string `json:"type"`
		Data struct {
			Name string `json:"name"`
		} `json:"data"`
	}
	d := json.NewDecoder(strings.NewReader(events[0]))
	if err := d.Decode(&told); err != nil || d.More() || told.Type != "api_key.created" || told.Data.Name != name {
		t.Errorf("%v: %+v", err, told)
	}
	w := h.manage(h.operator, "GET", "/v1/auth/keys/"+string(key.ID)+"?workspace_id="+string(h.workspace.ID), "")
	if strings.ContainsAny(w.Body.String(), "<>") || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	for _, bad := range []string{"a\r\nb", "a\nb", "a\u2028b", "a\u202eb", "a\x1b[31mb", "a\x00b", "a\u0085b"} {
		body := func(more string) string {
			return `{"workspace_id":"` + string(h.workspace.ID) + `","name":` + string(made(json.Marshal(bad))(t)) + more + `}`
		}
		for path, more := range map[string]string{
			"/v1/auth/keys": `,"environment":"live","scopes":["monitor:read"]`, "/v1/service-accounts": ``, "/v1/teams": ``,
			"/v1/key-destinations": `,"kind":"webhook","target":{"url":"https://hooks.example/"}`,
		} {
			if w := h.manage(h.operator, "POST", path, body(more)); w.Code != http.StatusBadRequest || strings.Contains(w.Body.String(), bad) {
				t.Errorf("%s called %q: %d %s", path, bad, w.Code, w.Body)
			}
		}
	}
}
