package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// The scopes of keys, in each product's own words: resource:action here,
// action:resource there; another product's words are unknown, and people's own
// scopes are no key's.
func TestU5_S5_ScopesAreInEachProductsOwnWords(t *testing.T) {
	words := map[string][]string{
		"uptimepulse": {"monitor:read", "monitor:write", "alert:read", "alert:write", "config:read", "config:admin"},
		"statuspulse": {"read:checks", "write:checks", "read:alerts", "write:alerts", "read:metrics", "admin:billing"},
	}
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		create := func(scopes ...string) answer {
			return i.manage(t, http.MethodPost, i.KeysPath, `{"name":"k","workspace_id":"`+i.WorkspaceID+`","environment":"test","scopes":["`+strings.Join(scopes, `","`)+`"]}`)
		}
		all := create(words[i.Name]...)
		wantStatus(t, all, http.StatusCreated)
		if in := i.introspect(t, all.text("key")); in.text("scope") != strings.Join(words[i.Name], " ") {
			t.Errorf("it yields %q", in.text("scope"))
		}
		for name, theirs := range words {
			for _, scope := range theirs {
				if name == i.Name {
					wantStatus(t, create(scope), http.StatusCreated)
					continue
				}
				a := create(words[i.Name][0], scope)
				if wantStatus(t, a, http.StatusBadRequest); !strings.Contains(a.body, `"detail":"scopes:`) || strings.Contains(a.body, scope) {
					t.Errorf("%s: %s", scope, a.body)
				}
			}
		}
		if i.Name == "statuspulse" {
			for _, name := range []string{"read:checks", "checks:read", "statuspulse:checks:read"} {
				narrow := request(t, http.MethodPost, i.Issuer+"/oauth2/token", "grant_type=client_credentials&scope="+name, "Content-Type", "application/x-www-form-urlencoded", "Authorization", "Bearer "+all.text("key"))
				if narrow.text("scope") != "read:checks" {
					t.Errorf("narrowed to %s: %s", name, narrow.body)
				}
				a := request(t, http.MethodPost, i.API+"/v1/verify", `{"credential":"`+narrow.text("access_token")+`","action":"`+name+`"}`,
					"Content-Type", "application/json", "Authorization", "Basic "+i.gateway())
				if a.text("reason") != "ok" {
					t.Errorf("asked for by %s: %s", name, a.body)
				}
			}
		}
		for _, scope := range []string{"admin:all", "*", "read:*", "admin:*", "READ:CHECKS", ""} {
			if a := create(scope); a.status/100 != 4 {
				t.Errorf("%q: %d %s", scope, a.status, a.body)
			}
		}
	})
}

// A key is restricted to check groups and alert routes, too: verify holds it to
// them, introspection tells them.
func TestS8_AK20_AKeyIsHeldToItsCheckGroupsAndAlertRoutes(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		k := i.manage(t, http.MethodPost, i.KeysPath, `{"name":"k","workspace_id":"`+i.WorkspaceID+`","environment":"live","scopes":["`+keyScope[i.Name]+`"],
			"resources":{"check_groups":["payments","web.eu"],"alert_routes":["pager:1"]}}`)
		wantStatus(t, k, http.StatusCreated)
		if in := i.introspect(t, k.text("key")); fmt.Sprint(in.json["resources"]) != "map[alert_routes:[pager:1] check_groups:[payments web.eu]]" {
			t.Errorf("introspection tells %v", in.json["resources"])
		}
		for resource, reason := range map[string]string{
			"check_group payments": "ok", "check_group web.eu": "ok", "check_group web": "resource", "check_group pager:1": "resource",
			"alert_route pager:1": "ok", "alert_route payments": "resource", "alert_route pager:2": "resource", "cluster eu-1": "ok",
		} {
			kind, id, _ := strings.Cut(resource, " ")
			a := request(t, http.MethodPost, i.API+"/v1/verify", `{"credential":"`+k.text("key")+`","resource":{"kind":"`+kind+`","id":"`+id+`"}}`,
				"Content-Type", "application/json", "Authorization", "Basic "+i.gateway())
			if a.text("reason") != reason {
				t.Errorf("%s: %s, want %s", resource, a.body, reason)
			}
		}
		bad := i.manage(t, http.MethodPost, i.KeysPath, `{"name":"k","workspace_id":"`+i.WorkspaceID+`","environment":"live","scopes":["`+keyScope[i.Name]+`"],"resources":{"check_groups":["a b"]}}`)
		if wantStatus(t, bad, http.StatusBadRequest); !strings.Contains(bad.body, "resources.check_groups") {
			t.Errorf("%s", bad.body)
		}
	})
}
