package e2e_test

import (
	"net/http"
	"testing"
)

func TestS2_OneCheckTakesKeysAndTokensAlike(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		person := i.login(t, p.user("alice"), i.Clients.Web, scopesOf[i.Name])
		wantStatus(t, person, http.StatusOK)
		for text, kind := range map[string]string{i.Keys.Live: "api_key", person.text("access_token"): "access_token"} {
			a := i.introspect(t, text)
			wantStatus(t, a, http.StatusOK)
			if a.json["active"] != true || a.text("credential_type") != kind || a.text("token_type") != "Bearer" {
				t.Errorf("%s: %s", kind, a.body)
			}
			if a.text("workspace_id") != i.WorkspaceID || a.text("account_id") != i.AccountID || a.text("environment") != "live" || a.text("scope") == "" {
				t.Errorf("%s does not say whose it is: %s", kind, a.body)
			}
		}
	})
}

func TestNothingOfOneIssuerIsGoodAtTheOther(t *testing.T) {
	p := theProduct(t)
	for _, pair := range [][2]issuer{{p.Issuers[0], p.Issuers[1]}, {p.Issuers[1], p.Issuers[0]}} {
		own, other := pair[0], pair[1]
		t.Run(own.Name+" at "+other.Name, func(t *testing.T) {
			person := own.login(t, p.user("alice"), own.Clients.Web, scopesOf[own.Name]+" offline_access")
			wantStatus(t, person, http.StatusOK)
			access, refresh := person.text("access_token"), person.text("refresh_token")
			for what, text := range map[string]string{"access token": access, "refresh token": refresh, "key": own.Keys.Live} {
				if other.active(t, text) {
					t.Errorf("the %s is active", what)
				}
				wantStatus(t, form(t, other.Issuer+"/oauth2/revoke", other.Clients.Web, "token", text), http.StatusOK)
			}
			if !own.active(t, access) {
				t.Error("the other issuer revoked the access token")
			}
			wantStatus(t, other.token(t, other.Clients.Web, "grant_type", "refresh_token", "refresh_token", refresh), http.StatusBadRequest)
			wantStatus(t, other.token(t, own.Clients.Service, "grant_type", "client_credentials"), http.StatusUnauthorized)
			wantStatus(t, form(t, other.API+"/oauth2/introspect", own.Clients.Introspector, "token", other.Keys.Live), http.StatusUnauthorized)
			for target, credential := range map[string]string{
				other.Issuer + "/oauth2/userinfo": access, other.API + "/v1/workspaces": own.OperatorKey, other.API + other.KeysPath: own.OperatorKey,
			} {
				wantStatus(t, request(t, http.MethodGet, target, "", "Authorization", "Bearer "+credential), http.StatusUnauthorized)
			}
			for _, path := range []string{"/v1/workspaces/" + own.WorkspaceID, "/v1/clients/" + own.Clients.Web.ID + "?workspace_id=" + own.WorkspaceID} {
				wantStatus(t, other.manage(t, http.MethodGet, path, ""), http.StatusNotFound)
			}
			wantStatus(t, other.manage(t, http.MethodPost, "/v1/workspaces/"+own.WorkspaceID+"/suspend", ""), http.StatusNotFound)
		})
	}
}

func TestASessionOfOneIssuerIsNoneAtTheOther(t *testing.T) {
	p := theProduct(t)
	own, other := p.issuer("uptimepulse"), p.issuer("statuspulse")
	b := newBrowser(t, own.Clients.Web.RedirectURI)
	if back := b.signIn(own, own.authorization(own.Clients.Web, "openid"), p.user("alice")); back.back == nil {
		t.Fatalf("sign-in ended at %s", back.url)
	}
	// The browser sends cookies to every port of a host.
	b.stopAt = other.Clients.Web.RedirectURI
	back := b.get(other.authorizeURL(other.authorization(other.Clients.Web, "openid", "prompt", "none")))
	if back.back == nil || back.back.Query().Get("error") != "login_required" {
		t.Errorf("the session led to %s", back.url)
	}
}
