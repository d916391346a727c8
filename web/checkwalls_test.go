package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// credentials are one of each kind in a workspace: what can be examined.
func (h *house) credentials(ws authz.Workspace) map[string]string {
	h.Helper()
	_, key := h.mint(func(r *apikey.Request) { r.WorkspaceID = ws.ID })
	ask := func(headers ...string) string {
		w := h.send("POST", "/oauth2/token", "grant_type=client_credentials", append(headers, "Content-Type", form, "Authorization", "Bearer "+key)...)
		if w.Code != http.StatusOK {
			h.Fatalf("no token: %d %s", w.Code, w.Body)
		}
		return member(w, "access_token")
	}
	return map[string]string{
		"an API key": key, "a token of it": ask(), "a token bound to a key": ask("DPoP", h.proofs()("POST", "/oauth2/token", "")),
	}
}

// askers are who may ask about credentials in a workspace: a client by its
// secret, a key, a token of a key.
func (h *house) askers(ws authz.Workspace) map[string]string {
	h.Helper()
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients"}}
	c, secret, err := h.admin.CreateClient(h.Context(), by, admin.ClientSettings{Name: "asks", WorkspaceID: ws.ID, RedirectURIs: []string{appURI}, Scopes: []string{"openid"}})
	h.ok(err)
	all := h.credentials(ws)
	return map[string]string{"a client": basicOf(string(c.ID), secret.Reveal()), "a key": "Bearer " + all["an API key"], "a token": "Bearer " + all["a token of it"]}
}

// Whoever asks about a credential of another tenant, of every kind, by every way
// of asking, is told what they are told of one that nobody ever had.
func TestTN_01_IN_03_NoCheckKnowsAnotherTenantsCredentials(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	checks := map[string]func(asker, credential string) *httptest.ResponseRecorder{
		"introspect": func(asker, credential string) *httptest.ResponseRecorder {
			return h.send("POST", "/oauth2/introspect", url.Values{"token": {credential}}.Encode(), "Content-Type", form, "Authorization", asker)
		},
		"verify": func(asker, credential string) *httptest.ResponseRecorder {
			return h.verify(asker, map[string]any{"credential": credential, "action": "monitor:read"})
		},
		"forward-auth": func(asker, credential string) *httptest.ResponseRecorder {
			return h.hold("?action=monitor:read", asker, "Bearer "+credential)
		},
	}
	other := h.other()
	own, foreign := h.credentials(h.workspace), h.credentials(other)
	for who, asker := range h.askers(h.workspace) {
		for how, check := range checks {
			if how == "introspect" && who != "a client" {
				continue // that is for clients (RFC 7662 section 2.1)
			}
			for kind := range foreign {
				if got, nobodys := told(check(asker, foreign[kind])), told(check(asker, "up_live_"+strings.Repeat("A", 64))); got != nobodys {
					t.Errorf("%s, %s by %s: %.300s\nof one nobody has: %.300s", kind, how, who, got, nobodys)
				}
				if got := told(check(asker, own[kind])); strings.HasPrefix(got, "401") || strings.Contains(got, `"active":false`) {
					if kind == "a token bound to a key" && how == "forward-auth" {
						continue // it came without its proof
					}
					t.Errorf("their own %s, %s by %s: %.300s", kind, how, who, got)
				}
			}
		}
	}
}

// Everything else about a request being right, what it names and is another
// tenant's is what nobody has. The walls above send what has to be there only.
func TestTN_02_WhatIsNamedInARightRequestIsOfTheWorkspace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	theirs, mine := h.furnished(h.other()), h.furnished(h.workspace)
	ws := string(h.workspace.ID)
	other := theirs.ids
	for what, c := range map[string]struct{ method, path, body, id, own string }{
		"a role for a person":          {"POST", "/v1/role-bindings", `{"subject_kind":"user","subject":"%","role":"viewer"}`, other["members"], mine.ids["members"]},
		"a role for a team":            {"POST", "/v1/role-bindings", `{"subject_kind":"team","subject":"%","role":"viewer"}`, other["teams"], mine.ids["teams"]},
		"a role for a service account": {"POST", "/v1/role-bindings", `{"subject_kind":"service_account","subject":"%","role":"viewer"}`, other["service-accounts"], mine.ids["service-accounts"]},
		"a role of theirs":             {"POST", "/v1/role-bindings", `{"subject_kind":"user","subject":"` + mine.ids["members"] + `","role":"%"}`, other["roles"], mine.ids["roles"]},
		"an invitation to a role":      {"POST", "/v1/invitations", `{"email":"a@x.example","role":"%"}`, other["roles"], mine.ids["roles"]},
		"the owner of machines":        {"POST", "/v1/service-accounts", `{"name":"x","owner_id":"%"}`, other["members"], mine.ids["members"]},
		"the team of machines":         {"POST", "/v1/service-accounts", `{"name":"x","team_id":"%"}`, other["teams"], mine.ids["teams"]},
		"the team of a resource":       {"POST", "/v1/resources/cluster", `{"id":"x","team_id":"%"}`, other["teams"], mine.ids["teams"]},
		"a key of machines":            {"POST", "/v1/auth/keys", `{"name":"x","environment":"live","scopes":["monitor:read"],"service_account_id":"%"}`, other["service-accounts"], mine.ids["service-accounts"]},
		"another role for a member":    {"PATCH", "/v1/members/" + mine.ids["members"], `{"role":"%"}`, other["roles"], ""},
		"somebody in a team":           {"PUT", "/v1/teams/" + mine.ids["teams"] + "/members/%", ``, other["members"], mine.ids["members"]},
		"a successor":                  {"DELETE", "/v1/members/" + mine.ids["members"] + "?successor=%", ``, other["members"], ""},
		"what a group gives":           {"PUT", "/v1/connections/" + mine.ids["connections"] + "/groups", `{"rules":[{"group":"g","role":"%"}]}`, other["roles"], mine.ids["roles"]},
		"where a group leads":          {"PUT", "/v1/connections/" + mine.ids["connections"] + "/groups", `{"rules":[{"group":"g","team":"%"}]}`, other["teams"], mine.ids["teams"]},
	} {
		ask := func(id string) *httptest.ResponseRecorder {
			path, body := strings.ReplaceAll(c.path, "%", id), strings.ReplaceAll(c.body, "%", id)
			separator := "?"
			if strings.Contains(path, "?") {
				separator = "&"
			}
			if c.method == "POST" {
				body = `{"workspace_id":"` + ws + `",` + body[1:]
			} else {
				path += separator + "workspace_id=" + ws
			}
			return h.manage(h.operator, c.method, path, body)
		}
		foreign, nobodys := told(ask(c.id)), told(ask(unknown(c.id)))
		if foreign != nobodys || foreign[0] != '4' {
			t.Errorf("%s: %.300s\nan id nobody has: %.300s", what, foreign, nobodys)
		}
		if c.own != "" {
			if w := ask(c.own); w.Code/100 != 2 {
				t.Errorf("%s, of the workspace: %d %s", what, w.Code, w.Body)
			}
		}
	}
}

// The words of the one wall that every text passes, where nothing behind it would
// refuse.
func TestDS_03_ControlCharactersAreRefusedBeforeAnythingIsRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for what, text := range map[string]string{"NUL": "a\x00b", "an override": "a\u202eb", "an isolate": "a\u2066b"} {
		for _, body := range []map[string]any{{"invitation": text}, {"invitation": "x", text: 1}} {
			raw, _ := json.Marshal(body)
			w := h.manage(h.operator, "POST", "/v1/invitations/accept", string(raw))
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "control character") {
				t.Errorf("%s in %q: %d %s", what, body, w.Code, w.Body)
			}
		}
	}
}
