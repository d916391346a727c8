package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// newClient registers a web client of the issuer's workspace through the API.
func (i issuer) newClient(t testing.TB, name, scopes string) client {
	t.Helper()
	body, _ := json.Marshal(map[string]any{
		"name": name, "workspace_id": i.WorkspaceID, "redirect_uris": []string{"https://client.example/" + strings.ReplaceAll(name, " ", "-")},
		"scopes": strings.Fields(scopes),
	})
	a := i.manage(t, http.MethodPost, "/v1/clients", string(body))
	wantStatus(t, a, http.StatusCreated)
	uris, _ := a.json["redirect_uris"].([]any)
	uri, _ := uris[0].(string)
	return client{ID: a.text("client_id"), Secret: a.text("client_secret"), RedirectURI: uri}
}

// newWorkspace makes a tenant with a live key and a service client.
func (i issuer) newWorkspace(t testing.TB, name string) (id string, key string, service client) {
	t.Helper()
	ws := i.manage(t, http.MethodPost, "/v1/workspaces", `{"name":"`+name+`"}`)
	wantStatus(t, ws, http.StatusCreated)
	id = ws.text("id")
	k := i.newKey(t, id, "live")
	c := i.manage(t, http.MethodPost, "/v1/clients",
		`{"name":"service","workspace_id":"`+id+`","grant_types":["client_credentials"],"scopes":["`+last(scopesOf[i.Name])+`"]}`)
	wantStatus(t, c, http.StatusCreated)
	return id, k.text("key"), client{ID: c.text("client_id"), Secret: c.text("client_secret")}
}

var keyScope = map[string]string{"uptimepulse": "monitor:read", "statuspulse": "read:checks"}

func (i issuer) newKey(t testing.TB, workspace, environment string) answer {
	t.Helper()
	a := i.manage(t, http.MethodPost, i.KeysPath,
		`{"name":"test key","workspace_id":"`+workspace+`","environment":"`+environment+`","scopes":["`+keyScope[i.Name]+`"]}`)
	wantStatus(t, a, http.StatusCreated)
	return a
}

func TestU7_S10_AKeyWorksAtOnceAndShowsItsTextOnce(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		k := i.newKey(t, i.WorkspaceID, "test")
		text, id := k.text("key"), k.text("id")
		if !strings.HasPrefix(text, map[string]string{"uptimepulse": "up_test_", "statuspulse": "sp_test_"}[i.Name]) {
			t.Errorf("the key begins with %q", text[:8])
		}
		a := i.introspect(t, text)
		if a.json["active"] != true || a.text("environment") != "test" || a.text("account_id") != i.AccountID || a.text("scope") != keyScope[i.Name] || a.text("key_id") != id {
			t.Errorf("introspection %s", a.body)
		}
		for _, later := range []answer{
			i.manage(t, http.MethodGet, i.KeysPath+"/"+id+"?workspace_id="+i.WorkspaceID, ""),
			i.manage(t, http.MethodGet, i.KeysPath+"?workspace_id="+i.WorkspaceID, ""),
		} {
			wantStatus(t, later, http.StatusOK)
			if strings.Contains(later.body, text) || strings.Contains(later.body, text[24:]) {
				t.Error("the text of the key is shown again")
			}
		}
	})
}

func TestU34_S12_RevocationIsEffectiveWhenItReturnsAndTakesTokensAlong(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		k := i.newKey(t, i.WorkspaceID, "live")
		minted := i.token(t, client{}, "grant_type", "client_credentials")
		wantStatus(t, minted, http.StatusUnauthorized) // nobody without a key
		minted = request(t, http.MethodPost, i.Issuer+"/oauth2/token", "grant_type=client_credentials",
			"Authorization", "Bearer "+k.text("key"), "Content-Type", "application/x-www-form-urlencoded")
		wantStatus(t, minted, http.StatusOK)
		if !i.active(t, k.text("key")) || !i.active(t, minted.text("access_token")) {
			t.Fatal("key and token must be active")
		}
		gone := i.revokeKey(t, k.text("id"))
		wantStatus(t, gone, http.StatusOK)
		if gone.text("status") != "revoked" || gone.text("purge_at") == "" {
			t.Errorf("answer %s", gone.body)
		}
		if i.active(t, k.text("key")) || i.active(t, minted.text("access_token")) {
			t.Error("key or token is active after the revocation returned (U35)")
		}
		wantStatus(t, i.revokeKey(t, k.text("id")), http.StatusOK) // idempotent
	})
}

// revokeKey revokes by each product's own endpoint.
func (i issuer) revokeKey(t testing.TB, id string) answer {
	t.Helper()
	if i.Name == "statuspulse" {
		return i.manage(t, http.MethodPost, "/v1/api-keys/revoke", `{"id":"`+id+`","workspace_id":"`+i.WorkspaceID+`"}`)
	}
	return i.manage(t, http.MethodDelete, "/v1/auth/keys/"+id+"?workspace_id="+i.WorkspaceID, "")
}

func TestS14_S15_AKeyIsTakenFromTheAuthorizationHeaderOnly(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		const urlencoded = "application/x-www-form-urlencoded"
		key, grant := i.Keys.Live, "grant_type=client_credentials"
		id := "key_" + key[8:24]
		for what, a := range map[string]answer{
			"lower-case scheme": request(t, http.MethodPost, i.Issuer+"/oauth2/token", grant, "Authorization", "bearer "+key, "Content-Type", urlencoded),
			"Basic, id and key": form(t, i.Issuer+"/oauth2/token", client{ID: id, Secret: key}, "grant_type", "client_credentials"),
		} {
			if a.status != http.StatusOK {
				t.Errorf("%s: %d %s", what, a.status, a.body)
			}
		}
		header := []string{"Authorization", "Bearer " + key, "Content-Type", urlencoded}
		for what, a := range map[string]answer{
			"client_secret in the body": request(t, http.MethodPost, i.Issuer+"/oauth2/token", grant+"&client_id="+id+"&client_secret="+key, "Content-Type", urlencoded),
			"query of the token end":    request(t, http.MethodPost, i.Issuer+"/oauth2/token?api_key="+key, grant, header...),
			"query of the API":          request(t, http.MethodGet, i.API+i.KeysPath+"?api_key="+key, "", "Authorization", "Bearer "+i.OperatorKey),
			"access_token in the query": request(t, http.MethodGet, i.Issuer+"/oauth2/userinfo?access_token="+key, ""),
			"Basic under another id":    form(t, i.Issuer+"/oauth2/token", client{ID: "key_0000000000000000", Secret: key}, "grant_type", "client_credentials"),
		} {
			if a.status != http.StatusBadRequest && a.status != http.StatusUnauthorized {
				t.Errorf("%s: %d %s", what, a.status, a.body)
			}
			if strings.Contains(a.body, key) {
				t.Errorf("%s: the answer quotes the key", what)
			}
		}
	})
}

func TestAK03_AKeyOfAnotherProductOrEnvironmentIsInactive(t *testing.T) {
	p := theProduct(t)
	up, sp := p.issuer("uptimepulse"), p.issuer("statuspulse")
	for what, text := range map[string]string{
		"statuspulse's at uptimepulse": sp.Keys.Live,
		"prefix swapped":               "up_live_" + sp.Keys.Live[8:],
		"environment swapped":          "up_live_" + up.Keys.Test[8:],
		"a character changed":          flip(up.Keys.Live),
		"too long":                     up.Keys.Live + "A",
	} {
		if up.active(t, text) {
			t.Errorf("%s: active", what)
		}
	}
}

func flip(key string) string {
	b := []byte(key)
	if b[40] == 'A' {
		b[40] = 'B'
	} else {
		b[40] = 'A'
	}
	return string(b)
}

func TestU22_SuspensionKillsTokensForGoodAndKeysForAWhile(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		ws, key, service := i.newWorkspace(t, "Suspended "+i.Name)
		token := i.token(t, service, "grant_type", "client_credentials", "scope", last(scopesOf[i.Name]))
		wantStatus(t, token, http.StatusOK)
		fromKey := request(t, http.MethodPost, i.Issuer+"/oauth2/token", "grant_type=client_credentials",
			"Authorization", "Bearer "+key, "Content-Type", "application/x-www-form-urlencoded")
		wantStatus(t, fromKey, http.StatusOK)
		all := []string{key, token.text("access_token"), fromKey.text("access_token")}
		for _, text := range all {
			if !i.active(t, text) {
				t.Fatal("not active to begin with")
			}
		}
		wantStatus(t, i.manage(t, http.MethodPost, "/v1/workspaces/"+ws+"/suspend", ""), http.StatusOK)
		for _, text := range all {
			if i.active(t, text) {
				t.Error("active in a suspended workspace")
			}
		}
		wantError(t, i.token(t, service, "grant_type", "client_credentials"), http.StatusUnauthorized, "invalid_client")
		wantStatus(t, i.manage(t, http.MethodPost, "/v1/workspaces/"+ws+"/resume", ""), http.StatusOK)
		if !i.active(t, key) {
			t.Error("the key did not come back")
		}
		if i.active(t, all[1]) || i.active(t, all[2]) {
			t.Error("a token came back from the dead")
		}
		wantStatus(t, i.token(t, service, "grant_type", "client_credentials", "scope", last(scopesOf[i.Name])), http.StatusOK)
	})
}

func TestU2_IN03_RV05_AnotherTenantSeesNothing(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		_, otherKey, other := i.newWorkspace(t, "Other "+i.Name)
		a := form(t, i.API+"/oauth2/introspect", other, "token", i.Keys.Live)
		if a.body != `{"active":false}` {
			t.Errorf("another tenant's client is told %s", a.body)
		}
		if own := form(t, i.API+"/oauth2/introspect", other, "token", otherKey); own.json["active"] != true {
			t.Errorf("its own key: %s", own.body)
		}
		k := i.newKey(t, i.WorkspaceID, "live")
		missing := request(t, http.MethodDelete, i.API+i.KeysPath+"/key_AAAAAAAAAAAAAAAA", "", "Authorization", "Bearer "+otherKey)
		foreign := request(t, http.MethodDelete, i.API+i.KeysPath+"/"+k.text("id"), "", "Authorization", "Bearer "+otherKey)
		if foreign.status != missing.status || foreign.body != missing.body {
			t.Errorf("foreign %d %s, missing %d %s", foreign.status, foreign.body, missing.status, missing.body)
		}
		if !i.active(t, k.text("key")) {
			t.Error("a foreign key was revoked")
		}
		_ = p
	})
}

func TestAK17_AKeyWithoutDelegationMintsNothing(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		a := request(t, http.MethodPost, i.API+i.KeysPath, `{"name":"more","environment":"live","scopes":["`+keyScope[i.Name]+`"]}`,
			"Authorization", "Bearer "+i.Keys.Live, "Content-Type", "application/json")
		wantStatus(t, a, http.StatusForbidden)
	})
}

func TestAK10_KeysAreNotCreatedWithScopesNobodyMayGive(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		for _, scopes := range []string{`[]`, `["*"]`, `["unknown:scope"]`, `["admin:all"]`, `["manage:*"]`} {
			a := i.manage(t, http.MethodPost, i.KeysPath, `{"name":"x","workspace_id":"`+i.WorkspaceID+`","environment":"live","scopes":`+scopes+`}`)
			if a.status != http.StatusBadRequest && a.status != http.StatusForbidden && a.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d %s", scopes, a.status, a.body)
			}
			if a.header.Get("Content-Type") != "application/problem+json" || strings.Contains(a.body, "unknown:scope") {
				t.Errorf("%s: %s %s", scopes, a.header.Get("Content-Type"), a.body)
			}
		}
	})
}

func TestI21_ClientSecretsRotateWithOverlap(t *testing.T) {
	p := startProduct(t, t.TempDir())
	i := p.issuer("uptimepulse")
	a := i.manage(t, http.MethodPost, "/v1/clients/"+i.Clients.Service.ID+"/rotate?workspace_id="+i.WorkspaceID, `{"overlap":"1h"}`)
	wantStatus(t, a, http.StatusOK)
	old, next := i.Clients.Service, client{ID: i.Clients.Service.ID, Secret: a.text("client_secret")}
	for _, c := range []client{old, next} {
		wantStatus(t, i.token(t, c, "grant_type", "client_credentials"), http.StatusOK)
	}
	p.advance(t, "1h")
	wantError(t, i.token(t, old, "grant_type", "client_credentials"), http.StatusUnauthorized, "invalid_client")
	wantStatus(t, i.token(t, next, "grant_type", "client_credentials"), http.StatusOK)
}

func TestClientsAreChangedByRevisionAndDeletedAtOnce(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		_, _, c := i.newWorkspace(t, "Clients "+i.Name)
		list := i.manage(t, http.MethodGet, "/v1/clients?workspace_id="+i.WorkspaceID, "")
		wantStatus(t, list, http.StatusOK)
		mine := i.newClient(t, "Changed "+i.Name, scopesOf[i.Name])
		path := "/v1/clients/" + mine.ID + "?workspace_id=" + i.WorkspaceID
		got := i.manage(t, http.MethodGet, path, "")
		patch := func(etag string) answer {
			return request(t, http.MethodPatch, i.API+path, `{"name":"Renamed"}`, "Authorization", "Bearer "+i.OperatorKey,
				"Content-Type", "application/json", "If-Match", etag)
		}
		wantStatus(t, patch(got.header.Get("ETag")), http.StatusOK)
		wantStatus(t, patch(got.header.Get("ETag")), http.StatusPreconditionFailed)
		token := i.token(t, c, "grant_type", "client_credentials")
		wantStatus(t, token, http.StatusOK)
		ws := i.introspect(t, token.text("access_token")).text("workspace_id")
		wantStatus(t, i.manage(t, http.MethodDelete, "/v1/clients/"+c.ID+"?workspace_id="+ws, ""), http.StatusNoContent)
		if i.active(t, token.text("access_token")) {
			t.Error("the token outlives its client")
		}
		wantStatus(t, i.manage(t, http.MethodGet, "/v1/clients/"+c.ID+"?workspace_id="+ws, ""), http.StatusNotFound)
	})
}

func TestU27_AKeyIsUsedFromItsAddressesOnly(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		for cidr, want := range map[string]int{"127.0.0.0/8": http.StatusOK, "192.0.2.0/24": http.StatusForbidden} {
			k := i.manage(t, http.MethodPost, i.KeysPath, `{"name":"from `+cidr+`","workspace_id":"`+i.WorkspaceID+
				`","environment":"live","scopes":["`+keyScope[i.Name]+`"],"ip_allowlist":["`+cidr+`"]}`)
			wantStatus(t, k, http.StatusCreated)
			a := request(t, http.MethodPost, i.Issuer+"/oauth2/token", "grant_type=client_credentials",
				"Authorization", "Bearer "+k.text("key"), "Content-Type", "application/x-www-form-urlencoded")
			if a.status != want {
				t.Errorf("allowed from %s: %d %s", cidr, a.status, a.body)
			}
			if !i.active(t, k.text("key")) {
				t.Error("introspection, which does not know the address, must still find it active")
			}
		}
	})
}

func TestAD01_ATenantRegistersNoClientThatActsByItself(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		k := i.manage(t, http.MethodPost, i.KeysPath, `{"name":"clients","workspace_id":"`+i.WorkspaceID+`","environment":"live","scopes":["manage:clients"]}`)
		wantStatus(t, k, http.StatusCreated)
		create := func(body string) answer {
			return request(t, http.MethodPost, i.API+"/v1/clients", body, "Authorization", "Bearer "+k.text("key"), "Content-Type", "application/json")
		}
		wantStatus(t, create(`{"name":"robot","grant_types":["client_credentials"],"scopes":["`+last(scopesOf[i.Name])+`"]}`), http.StatusForbidden)
		wantStatus(t, create(`{"name":"app","redirect_uris":["https://app.example/cb"],"scopes":["openid"]}`), http.StatusCreated)
	})
}
