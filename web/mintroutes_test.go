package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
)

// showsSecret is what members are called that show a credential once.
var showsSecret = regexp.MustCompile(`^(key|token|client_secret|signing_secret|link|url|code|recovery_codes)$`)

// U26: whatever route makes a credential, or somebody who could have one, a person
// whose MFA is not fresh is challenged there (RFC 9470). Routes come from the
// API's own description: every one whose answer shows a secret once is tried, and
// those that make what credentials are for.
func TestU26_WhateverRouteMakesACredentialAPersonIsChallenged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.furnished(h.workspace)
	weak := h.manager()
	var d struct {
		Paths map[string]map[string]struct {
			operation
			Responses map[string]struct {
				Content map[string]struct{ Schema schema }
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	h.ok(json.Unmarshal(h.send("GET", "/v1/openapi.json", "").Body.Bytes(), &d))
	schemas := description{Components: d.Components}
	resolved := func(s schema) schema {
		if s.Ref != "" {
			return d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
		}
		return s
	}
	// What lets somebody in who then proves themselves, or shows what is no credential.
	others := map[string]string{
		"create-invitation": "whoever opens it signs in at their own provider, and is what its maker could give",
		"create-setup-link": "opens one draft's settings, and is no credential of the API",
		"check-connection":  "a test sign-in: it ends in no session",
		"report-leak":       "takes a key, shows none",
	}
	always := []string{"create-service-account"}
	bodies := map[string]string{
		"rotate-key": `{}`, "rotate-client-secret": `{}`, "create-registration-token": `{}`,
		"create-key":    `{"environment":"live","name":"x","scopes":["manage:keys"]}`,
		"create-client": `{"name":"x","environment":"live","redirect_uris":["https://x.example/cb"],"scopes":["openid"]}`,
		// Changes are of this kind where they give something to prove oneself with, or more to do.
		"update-key":    `{"scopes":["monitor:read","monitor:write","manage:keys"]}`,
		"update-client": `{"jwks_uri":"https://keys.example/other","name":"x"}`,
	}
	if w := h.manage(h.operator, "PATCH", "/v1/clients/"+l.ids["clients"]+"?workspace_id="+string(h.workspace.ID), `{"jwks_uri":"https://keys.example/set"}`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body) // so that going back takes it away
	}
	tried := []string{}
	for path, operations := range d.Paths {
		for method, o := range operations {
			if method == "get" || method == "delete" {
				continue
			}
			shows := slices.Contains(always, o.ID)
			for status, r := range o.Responses {
				if status[0] != '2' {
					continue
				}
				for name := range resolved(r.Content["application/json"].Schema).Properties {
					shows = shows || showsSecret.MatchString(name)
				}
			}
			if _, other := others[o.ID]; !shows || other {
				continue
			}
			body := ""
			if media, ok := o.Body.Content["application/json"]; ok {
				raw, _ := json.Marshal(schemas.sample(media.Schema))
				body = string(raw)
			}
			if better := bodies[o.ID]; better != "" {
				body = better
			}
			tried = append(tried, o.ID)
			w := h.manage(weak, strings.ToUpper(method), filled(path, l.ids[kindOf(path)]), body)
			if w.Code != http.StatusUnauthorized || member(w, "code") != "insufficient_user_authentication" {
				t.Errorf("%s: %s %s %s: %d %.200s", o.ID, method, path, body, w.Code, w.Body)
			}
		}
	}
	slices.Sort(tried)
	t.Log(fmt.Sprint(len(tried), " routes: ", tried))
}

// manager is the token of an owner with everything people may manage, whose
// sign-in proved no MFA.
func (h *house) manager() string {
	h.Helper()
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients", "manage:members"}}
	scopes := []string{"openid", "manage:members", "manage:workspace", "manage:keys", "manage:clients", "manage:connections", "manage:policies"}
	c, text, err := h.admin.CreateClient(h.Context(), by, admin.ClientSettings{
		Name: "Console", WorkspaceID: h.workspace.ID, RedirectURIs: []string{appURI}, Scopes: scopes, IDTokenAlgorithm: "ES256",
	})
	h.ok(err)
	h.app, h.secret, h.consents = c, text.Reveal(), scopes
	h.tokens(h.browser(), "scope", "openid") // joins
	for _, m := range made(h.store.ListMembers(h.Context(), issuer, h.workspace.ID, authz.Page{}))(h) {
		made(h.admin.SetMemberRole(h.Context(), by, h.workspace.ID, m.UserID, 0, authz.RoleOwner))(h)
	}
	return h.tokens(h.browser(), "scope", strings.Join(scopes, " "))["access_token"]
}
