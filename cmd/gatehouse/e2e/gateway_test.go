package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

// verify asks about one use of a credential, as the operator's gateway.
func (i issuer) verify(t testing.TB, credential string, more ...string) answer {
	t.Helper()
	body := map[string]any{"credential": credential}
	for n := 0; n+1 < len(more); n += 2 {
		body[more[n]] = more[n+1]
	}
	raw, _ := json.Marshal(body)
	return request(t, http.MethodPost, i.API+"/v1/verify", string(raw), "Content-Type", "application/json", "Authorization", "Basic "+i.gateway())
}

func (i issuer) gateway() string {
	return base64.StdEncoding.EncodeToString([]byte(i.Clients.Introspector.ID + ":" + i.Clients.Introspector.Secret))
}

func TestU27_S7_S16_VerifyDecidesAboutOneUse(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		scope := keyScope[i.Name]
		k := i.manage(t, http.MethodPost, i.KeysPath, `{"name":"bound","workspace_id":"`+i.WorkspaceID+`","environment":"live","scopes":["`+scope+`"],
			"resources":{"clusters":["eu-1"]},"ip_allowlist":["192.0.2.0/24"]}`)
		wantStatus(t, k, http.StatusCreated)
		for what, c := range map[string]struct {
			more   []string
			reason string
		}{
			"good": {[]string{"client_ip", "192.0.2.9", "action", scope, "environment", "live"}, "ok"},
			"S7":   {[]string{"client_ip", "192.0.2.9", "environment", "test"}, "environment"},
			"U27":  {[]string{"client_ip", "198.51.100.9"}, "ip_not_allowed"},
			"U1":   {[]string{"client_ip", "192.0.2.9", "action", "nothing:it:holds"}, "scope"},
		} {
			a := i.verify(t, k.text("key"), c.more...)
			if a.status != http.StatusOK || a.text("reason") != c.reason || a.json["allowed"] != (c.reason == "ok") || a.text("key_id") != k.text("id") {
				t.Errorf("%s: %d %s", what, a.status, a.body)
			}
		}
		wantStatus(t, i.revokeKey(t, k.text("id")), http.StatusOK)
		if a := i.verify(t, k.text("key"), "client_ip", "192.0.2.9"); a.text("reason") != "inactive" || strings.Contains(a.body, k.text("id")) {
			t.Errorf("S12: %s", a.body)
		}
		// At the issuer's own host, when the API has another, the answer says where.
		if i.API != i.Issuer {
			a := request(t, http.MethodPost, i.Issuer+"/oauth2/introspect", "token=x", "Content-Type", "application/x-www-form-urlencoded")
			wantError(t, a, http.StatusNotFound, "not_found")
		}
	})
}

func TestANginxAsksBeforeItLetsARequestThrough(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		address := counterpart.FreeAddress(t)
		base := counterpart.Nginx(t, address, counterpart.Gateway{API: i.API, Caller: i.gateway(), Query: "action=" + keyScope[i.Name] + "&environment=live"})
		live := i.newKey(t, i.WorkspaceID, "live")
		key := live.text("key")
		a := request(t, http.MethodGet, base+"/checks", "", "Authorization", "Bearer "+key)
		if a.status != http.StatusOK || a.body != "through" || a.header.Get("X-Workspace") != i.WorkspaceID || a.header.Get("X-Subject") != live.text("service_account_id") {
			t.Fatalf("%d %s %v", a.status, a.body, a.header)
		}
		sandbox := i.newKey(t, i.WorkspaceID, "test").text("key")
		for what, c := range map[string]struct {
			target, authorization string
			status                int
		}{
			"nobody": {"/checks", "", 401}, "a made-up key": {"/checks", "Bearer " + flip(key), 401}, "S7 a sandbox key": {"/checks", "Bearer " + sandbox, 403},
			"S15 a key in the URL": {"/checks?api_key=" + key, "Bearer " + key, 403},
		} {
			headers := []string{}
			if c.authorization != "" {
				headers = []string{"Authorization", c.authorization}
			}
			if a := request(t, http.MethodGet, base+c.target, "", headers...); a.status != c.status || a.body == "through" {
				t.Errorf("%s: %d %s", what, a.status, a.body)
			}
		}
		wantStatus(t, i.revokeKey(t, live.text("id")), http.StatusOK)
		if a := request(t, http.MethodGet, base+"/checks", "", "Authorization", "Bearer "+key); a.status != http.StatusUnauthorized {
			t.Errorf("U33 a revoked key got through: %d", a.status)
		}
	})
}
