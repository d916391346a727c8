package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// list publishes a site's redirect URIs.
func (s *documentSite) list(path string, uris ...string) string {
	text, _ := json.Marshal(uris)
	s.handle(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) })
	return s.URL + path
}

// saying is a registration on two hosts, with pairwise subjects.
func saying(members string) string {
	return `{"client_name":"Notes","redirect_uris":["https://notes.example/cb","https://other.example/cb"],"id_token_signed_response_alg":"ES256"` + members + `}`
}

func TestOIDCRegistration5AClientThatRegistersItselfProvesItsSector(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	site := h.documentSite()
	token := h.initialToken(h.inWorkspace(`,"uses":100`))
	both := []string{"https://notes.example/cb", "https://other.example/cb"}
	good := site.list("/good", append(both, "https://notes.example/more")...)
	site.handle("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, good, http.StatusFound) })
	site.handle("/endless", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`["` + strings.Repeat("x", 1<<20) + `"]`))
	})
	for what, uri := range map[string]string{
		"a list without one": site.list("/half", both[0]), "no list": site.list("/none"), "nothing there": site.URL + "/gone",
		"moved": site.URL + "/moved", "endless": site.URL + "/endless", "inside": "https://10.0.0.1/uris", "not secure": "http://bank.example/uris",
	} {
		h.wants(what, h.register(token, saying(`,"sector_identifier_uri":"`+uri+`"`)), 400, "invalid_client_metadata")
	}
	w := h.register(token, saying(`,"sector":"bank.example","sector_identifier_uri":"`+good+`"`))
	if w.Code != 201 || member(w, "sector_identifier_uri") != good || member(w, "sector") != "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	id := member(w, "client_id")
	c := made(h.store.GetClient(t.Context(), issuer, h.workspace.ID, authz.ClientID(id)))(t)
	if got, _ := c.Sector(); got != "127.0.0.1" || c.Metadata.Sector != "" {
		t.Errorf("the sector is %q, %+v", got, c.Metadata)
	}
	put := func(more string) string { return strings.Replace(saying(more), "{", `{"client_id":"`+id+`",`, 1) }
	hold := member(w, "registration_access_token")
	h.wants("changed to a list without it", h.held("PUT", id, hold, put(`,"sector_identifier_uri":"`+site.URL+`/half"`)), 400, "invalid_client_metadata")
	path := "/v1/clients/" + id + "?workspace_id=" + string(h.workspace.ID)
	patch := func(body string) int {
		return h.send("PATCH", path, body, "Authorization", "Bearer "+h.operator, "Content-Type", "application/json").Code
	}
	if got := patch(`{"redirect_uris":["https://evil.example/cb"]}`); got != 400 {
		t.Errorf("a redirect URI that no list holds: %d", got)
	}
	if got := patch(`{"redirect_uris":["https://notes.example/cb"]}`); got != 200 {
		t.Errorf("fewer redirect URIs: %d", got)
	}
	h.wants("a sector from an administrator", h.send("PATCH", path, `{"sector":"bank.example"}`, "Authorization", "Bearer "+h.operator, "Content-Type", "application/json"), 400, "invalid_sector")
	if got := patch(`{"name":"Better notes"}`); got != 200 {
		t.Errorf("something else: %d", got)
	}
	if got := h.held("PUT", id, hold, put(`,"sector":"bank.example","sector_identifier_uri":"`+good+`"`)); got.Code != 200 {
		t.Errorf("the same once more: %d %s", got.Code, got.Body)
	}
}

func TestOIDCRegistration5ADocumentProvesItsSector(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	site := h.documentSite()
	half, good := site.list("/half", "https://editor.example/cb"), site.list("/good", "https://editor.example/cb", "https://notes.example/cb")
	uris := []string{"https://editor.example/cb", "https://notes.example/cb"}
	with := func(path, list string) int {
		id := site.put(path, map[string]any{"redirect_uris": uris, "sector_identifier_uri": list})
		return h.browser().get(h.documentRequest(id, "redirect_uri", uris[0], "prompt", "none")).Code
	}
	if got := with("/a", half); got != http.StatusBadRequest {
		t.Errorf("a list without one: %d", got)
	}
	if got := with("/b", good); got != http.StatusSeeOther && got != http.StatusFound {
		t.Errorf("a list of both: %d", got)
	}
}
