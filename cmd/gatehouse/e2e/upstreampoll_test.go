package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// npm's oidc-provider is asked, by the refresh token that it gave, whether it
// still knows the person, and tells when it does not (federation section 6).
func TestNpmOIDCProviderIsAskedWhetherItStillKnowsThePerson(t *testing.T) {
	t.Parallel()
	var upstream string
	d := writeDeployment(t, func(ours string) string {
		upstream = npmUpstream(t, ours, "RS256")
		return fmt.Sprintf(connectionWritten, "npm", "Npm", upstream, upstreamSecret, "npm")
	})
	d.bootstrap(t)
	n := d.start(t)
	d.WorkspaceID = d.workspaceOfConfiguration(t)
	// It gives refresh tokens to whom it asked for consent.
	w := request(t, http.MethodPatch, d.url+"/v1/connections/con_npm?workspace_id="+d.WorkspaceID, `{"oidc":{"settings":{"request":{"prompt":"consent"}}}}`,
		"Authorization", "Bearer "+d.OperatorKey, "Content-Type", "application/json")
	wantStatus(t, w, http.StatusOK)
	d.cli(t, "connection", "update", "con_npm", "--workspace", d.WorkspaceID, "--poll-minutes", "15")
	w = request(t, http.MethodGet, d.url+"/v1/connections/con_npm?workspace_id="+d.WorkspaceID, "", "Authorization", "Bearer "+d.OperatorKey)
	if !strings.Contains(w.body, `"prompt":"consent"`) || !strings.Contains(w.body, `"poll_minutes":15`) {
		t.Fatalf("settings %s", w.body)
	}

	c := d.webClient(t, "openid", "profile", "offline_access")
	b := newBrowser(t, c.RedirectURI)
	a := d.authorization(c, "openid profile offline_access")
	tokens := d.redeem(t, a, b.submit(b.submit(b.get(d.authorizeURL(a)), "sign-in", map[string]string{"login": "ada"}), "allow", nil))
	wantStatus(t, tokens, http.StatusOK)
	live := func() bool {
		return form(t, d.url+"/oauth2/introspect", c, "token", tokens.text("refresh_token")).json["active"] == true
	}
	for _, times := range []string{"1", "2"} { // it gives another token for each that it takes
		n.advance(t, "19m")
		eventually(t, 40*time.Second, "the provider is asked "+times+" times", func() bool {
			return request(t, http.MethodGet, upstream+"/refreshes", "").body == times
		})
	}
	if !live() {
		t.Fatal("whom the provider knows is signed out")
	}
	wantStatus(t, request(t, http.MethodPost, upstream+"/forget/ada", ""), http.StatusNoContent)
	n.advance(t, "19m")
	eventually(t, 40*time.Second, "whom the provider forgot is signed out, offline_access too", func() bool { return !live() })
}
