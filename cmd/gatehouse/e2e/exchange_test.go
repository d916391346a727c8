package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

const (
	exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
	ofAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	ofAPIKey      = "urn:gatehouse:params:oauth:token-type:api_key"
	ofJWT         = "urn:ietf:params:oauth:token-type:jwt"
)

const toolsURI = "https://tools.example/mcp"

// trusting is what an operator writes to let a CI's jobs in, and to protect a
// resource beside the API.
const trusting = `    oauth:
      resources: [{uri: "` + toolsURI + `", display_name: Tools, scopes: ["monitoring:admin"]}]
      authorization_details_types: [{type: payment, description: Make a payment, members: {amount: object}}]
      workload_identities:
        - name: deployments
          issuer: %q
          claims: {sub: "repo:acme/*:ref:refs/heads/main"}
          workspace: Example Corp
          service_account: deploy
          scopes: ["monitor:read"]
          environment: live
`

// runner is a CI's issuer.
func runner(t testing.TB) *idptest.Provider {
	t.Helper()
	ci, err := idptest.New(idptest.Config{AutoLogin: true, Users: []idptest.User{{Login: "x", Subject: "x"}}})
	if err == nil {
		err = ci.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ci.Close() })
	return ci
}

func TestTX_KeysAndJobsAreExchangedByTheRealThing(t *testing.T) {
	ci := runner(t)
	d := deploy(t, "sqlite", fmt.Sprintf(trusting, ci.Issuer()))
	n := d.start(t)
	d.populate(t, n)
	a := n.manage(t, http.MethodPost, "/v1/clients",
		`{"name":"gateway","workspace_id":"`+d.WorkspaceID+`","grant_types":["`+exchangeGrant+`"],"scopes":["monitor:read","monitoring:admin"]}`)
	wantStatus(t, a, http.StatusCreated)
	gateway := client{ID: a.text("client_id"), Secret: a.text("client_secret")}

	d.exchangesAKey(t, n, gateway)
	d.exchangesAJob(t, n, ci)
	d.keepsResourcesApart(t, n)
}

func (d *deployment) exchangesAKey(t *testing.T, n *node, gateway client) {
	t.Helper()
	id, text := n.key(t)
	first := n.form(t, "/oauth2/token", gateway, "grant_type", exchangeGrant, "subject_token", text, "subject_token_type", ofAPIKey)
	wantStatus(t, first, http.StatusOK)
	if first.text("issued_token_type") != ofAccessToken || first.text("scope") != "monitor:read" || first.text("refresh_token") != "" {
		t.Errorf("answer %s", first.body)
	}
	second := n.form(t, "/oauth2/token", gateway, "grant_type", exchangeGrant,
		"subject_token", first.text("access_token"), "subject_token_type", ofAccessToken)
	wantStatus(t, second, http.StatusOK)
	seen := n.introspect(t, second.text("access_token"))
	if seen.json["active"] != true || seen.text("key_id") != id || seen.text("client_id") != gateway.ID || seen.text("environment") != "live" {
		t.Errorf("introspection %s", seen.body)
	}
	wantStatus(t, n.manage(t, http.MethodDelete, d.KeysPath+"/"+id+"?workspace_id="+d.WorkspaceID, ""), http.StatusOK)
	for _, token := range []string{first.text("access_token"), second.text("access_token")} {
		if n.active(t, token) {
			t.Error("a token outlived the key it came of")
		}
	}
	wantError(t, n.form(t, "/oauth2/token", gateway, "grant_type", exchangeGrant, "subject_token", text, "subject_token_type", ofAPIKey),
		http.StatusBadRequest, "invalid_request")
}

func (d *deployment) exchangesAJob(t *testing.T, n *node, ci *idptest.Provider) {
	t.Helper()
	job := func(sub, jti string) string {
		token, err := ci.WorkloadToken(map[string]any{"sub": sub, "aud": d.url, "jti": jti})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	token := job("repo:acme/app:ref:refs/heads/main", "1")
	got := n.withoutClient(t, "grant_type", exchangeGrant, "subject_token", token, "subject_token_type", ofJWT)
	wantStatus(t, got, http.StatusOK)
	seen := n.introspect(t, got.text("access_token"))
	if seen.json["active"] != true || !strings.HasPrefix(seen.text("sub"), "sa_") || seen.text("scope") != "monitor:read" {
		t.Errorf("introspection %s", seen.body)
	}
	for _, refused := range []string{token, job("repo:acme/app:ref:refs/heads/other", "2"), job("repo:evil/app:ref:refs/heads/main", "3")} {
		wantError(t, n.withoutClient(t, "grant_type", exchangeGrant, "subject_token", refused, "subject_token_type", ofJWT),
			http.StatusBadRequest, "invalid_request")
	}
}

// withoutClient asks the token endpoint with nothing but the form.
func (n *node) withoutClient(t testing.TB, pairs ...string) answer {
	t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return sure(t)(n.try(http.MethodPost, "/oauth2/token", values.Encode(), "Content-Type", "application/x-www-form-urlencoded"))
}

// keepsResourcesApart asks for a token for the tools and presents it to us.
func (d *deployment) keepsResourcesApart(t *testing.T, n *node) {
	t.Helper()
	got := n.form(t, "/oauth2/token", d.Clients.Service, "grant_type", "client_credentials", "resource", toolsURI)
	wantStatus(t, got, http.StatusOK)
	seen := n.introspect(t, got.text("access_token"))
	if aud, _ := seen.json["aud"].([]any); len(aud) != 1 || aud[0] != toolsURI {
		t.Errorf("introspection %s", seen.body)
	}
	for _, path := range []string{"/v1/workspaces", "/oauth2/userinfo"} {
		a := sure(t)(n.try(http.MethodGet, path, "", "Authorization", "Bearer "+got.text("access_token")))
		wantStatus(t, a, http.StatusUnauthorized)
	}
	wantError(t, n.form(t, "/oauth2/token", d.Clients.Service, "grant_type", "client_credentials", "resource", "https://evil.example"),
		http.StatusBadRequest, "invalid_target")
}
