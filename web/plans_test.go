package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/storage"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

// Whatever the API and the protocol ask of the database, it finds by an index:
// no statement reads a table that grows from end to end.
func TestNoRouteReadsATableThatGrowsFromEndToEnd(t *testing.T) {
	t.Parallel()
	dsn := storagetest.PostgresWithSchema(t)
	h := newHouseOn(t, storage.Config{Driver: storage.Postgres, DSN: dsn})
	l, d := h.furnished(h.workspace), h.description()
	in := "workspace_id=" + string(h.workspace.ID)

	// People and machines.
	tokens := h.tokens(h.browser(), "scope", "openid profile offline_access")
	for _, body := range []url.Values{
		{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"]}}, {"grant_type": {"client_credentials"}},
	} {
		h.send("POST", "/oauth2/token", body.Encode(), "Content-Type", form, "Authorization", h.basic())
	}
	gateway := h.gateway("live", "test")
	_, key := h.mint(nil)
	for _, credential := range []string{tokens["access_token"], key} {
		h.verify(gateway, map[string]any{"credential": credential, "action": "monitor:read"})
		h.send("POST", "/oauth2/introspect", url.Values{"token": {credential}}.Encode(), "Content-Type", form, "Authorization", gateway)
	}
	h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer "+tokens["access_token"])
	h.send("POST", "/oauth2/revoke", url.Values{"token": {tokens["access_token"]}}.Encode(), "Content-Type", form, "Authorization", h.basic())

	// Each operation, those that end something last.
	did := 0
	for _, methods := range [][]string{{"GET"}, {"POST", "PUT", "PATCH"}, {"DELETE"}} {
		for path, operations := range d.Paths {
			for method, o := range operations {
				method = strings.ToUpper(method)
				if !slices.Contains(methods, method) || path == "/v1/workspaces/{id}" && method == "DELETE" || strings.HasSuffix(path, "/suspend") {
					continue
				}
				body := ""
				if media, ok := o.Body.Content["application/json"]; ok {
					sample, _ := d.sample(media.Schema).(map[string]any)
					if s := d.resolved(media.Schema); s.Properties["workspace_id"].Type != nil {
						sample["workspace_id"] = string(h.workspace.ID)
					}
					raw, _ := json.Marshal(sample)
					body = string(raw)
				}
				target := filled(path, l.ids[kindOf(path)])
				if slices.ContainsFunc(o.Parameters, func(p struct{ Name, In string }) bool { return p.Name == "workspace_id" && p.In == "query" }) {
					target += "?" + in
				}
				if w := h.manage(h.operator, method, target, body); w.Code/100 == 2 {
					did++
				} else if w.Code >= http.StatusInternalServerError {
					t.Errorf("%s %s: %d %s", method, target, w.Code, w.Body)
				}
			}
		}
	}
	if did < 40 {
		t.Errorf("%d operations did anything", did)
	}

	if n := h.plans.Check(t); n < 130 {
		t.Errorf("%d statements", n)
	} else {
		t.Logf("%d statements of %d operations", n, did)
	}
}

// resolved is a schema, or the one it refers to.
func (d description) resolved(s schema) schema {
	if s.Ref == "" {
		return s
	}
	return d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
}
