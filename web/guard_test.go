package web_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func TestS30_NoWildcardIsIssuedToAutomationWhateverIsRegistered(t *testing.T) {
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
