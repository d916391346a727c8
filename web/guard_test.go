package web_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func TestS30_NoWildcardIsIssuedToAutomationWhateverIsRegistered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	robot, robots := h.robot(authz.GrantClientCredentials)
	robot.Scopes = []string{"profile", "admin:all", "*"} // as no API of ours lets anybody register
	h.ok(h.store.UpdateClient(t.Context(), robot))
	for _, scope := range []string{"admin:all", "*", "profile admin:all"} {
		h.wants(scope, h.asks("", robots, "grant_type", "client_credentials", "scope", scope), http.StatusBadRequest, "invalid_scope")
	}
	h.issued("what it may", h.asks("", robots, "grant_type", "client_credentials", "scope", "profile"), "profile")
}

// A person mints by the API as decisions say: with MFA of the last 15 minutes,
// and nothing they do not hold.
func TestU26_APersonIsChallengedBeforeTheyMint(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mint := func(token string) (status int, code string, challenge map[string]string) {
		w := h.send("POST", "/v1/auth/keys", `{"name":"mine","workspace_id":"`+string(h.workspace.ID)+`","environment":"live","scopes":["monitor:read"]}`,
			"Authorization", "Bearer "+token, "Content-Type", "application/json")
		if w.Code == http.StatusUnauthorized {
			challenge = h.challenge(w)
		}
		return w.Code, member(w, "code"), challenge
	}
	b := h.browser()
	weak := h.tokens(b)["access_token"]
	status, code, asked := mint(weak)
	if status != http.StatusUnauthorized || code != "insufficient_user_authentication" || asked["acr_values"] != authz.ACRMultiFactor || asked["max_age"] != "900" {
		t.Fatalf("%d %s %v", status, code, asked)
	}
	strong := h.tokens(b, "acr_values", asked["acr_values"], "max_age", asked["max_age"])["access_token"]
	if status, code, _ = mint(strong); status != http.StatusForbidden || code != "issuing_delegation_exceeded" {
		t.Errorf("with MFA, for what they do not hold: %d %s", status, code)
	}
	h.clock.Advance(15*time.Minute + time.Second)
	if status, code, _ = mint(strong); status != http.StatusUnauthorized || code != "insufficient_user_authentication" {
		t.Errorf("a quarter of an hour later: %d %s", status, code)
	}
}

// S6: keys are made by whoever has a role in the workspace that makes them: an
// owner who signed in with MFA does, a viewer does not, nor does an owner of
// another workspace.
func TestS6_OnlyARoleInTheWorkspaceMakesItsKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mint := func(token string, ws authz.WorkspaceID) (int, string) {
		w := h.manage(token, "POST", "/v1/auth/keys", `{"name":"mine","workspace_id":"`+string(ws)+`","environment":"live","scopes":["manage:keys"]}`)
		return w.Code, member(w, "code")
	}
	h.console(h.workspace) // an owner who may manage keys
	fresh := []string{"scope", "openid manage:keys", "acr_values", authz.ACRMultiFactor, "max_age", "900"}
	owner := h.tokens(h.browser(), fresh...)["access_token"]
	if status, code := mint(owner, h.workspace.ID); status != http.StatusCreated {
		t.Errorf("an owner: %d %s", status, code)
	}
	if status, code := mint(owner, h.other().ID); status != http.StatusNotFound {
		t.Errorf("an owner, in another workspace: %d %s", status, code)
	}
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:members"}}
	for _, m := range made(h.store.ListMembers(t.Context(), issuer, h.workspace.ID, authz.Page{}))(h) {
		h.joins(h.workspace.ID, authz.RoleOwner) // a workspace keeps one
		made(h.admin.SetMemberRole(t.Context(), by, h.workspace.ID, m.UserID, 0, authz.RoleViewer))(h)
	}
	if status, code := mint(owner, h.workspace.ID); status/100 != 4 {
		t.Errorf("a viewer with the token of an owner: %d %s", status, code)
	}
	viewer := h.tokens(h.browser(), fresh...)["access_token"]
	if status, code := mint(viewer, h.workspace.ID); status/100 != 4 {
		t.Errorf("a viewer: %d %s", status, code)
	}
}
