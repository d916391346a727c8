package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/event"
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
	site.handle("/error", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(both)
	})
	site.handle("/endless", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`["` + strings.Repeat("x", 1<<20) + `"]`))
	})
	for what, uri := range map[string]string{
		"a list without one": site.list("/half", both[0]), "no list": site.list("/none"), "nothing there": site.URL + "/gone",
		"an error that lists both": site.URL + "/error", "moved": site.URL + "/moved", "endless": site.URL + "/endless", "inside": "https://10.0.0.1/uris", "not secure": "http://bank.example/uris",
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

// A code that goes to a site is of no use to a stranger, but the logout token of
// the same session would tell it what the site calls the person, if the stranger
// had it sent to itself in the meantime.
func TestOIDCCore81_ALogoutTokenTellsNoSubjectOfASectorThatTheClientLeft(t *testing.T) {
	t.Parallel()
	for _, moves := range []bool{false, true} {
		h := newHouse(t)
		w := h.register(h.initialToken(h.inWorkspace("")), strings.Replace(registered, "{", `{"subject_type":"pairwise","backchannel_logout_uri":"https://notes.example/out",`, 1))
		id, hold := member(w, "client_id"), member(w, "registration_access_token")
		if w.Code != http.StatusCreated {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		c := made(h.store.GetClient(t.Context(), issuer, h.workspace.ID, authz.ClientID(id)))(t)
		b := h.browser()
		b.signIn("client_id", id, "redirect_uri", "https://notes.example/cb", "scope", "openid", "code_challenge", "", "code_challenge_method", "")
		if moves {
			put := strings.Replace(registered, "{", `{"client_id":"`+id+`","subject_type":"pairwise","backchannel_logout_uri":"https://evil.example/out",`, 1)
			if w := h.held("PUT", id, hold, strings.Replace(put, "notes.example", "evil.example", 1)); w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		b.post("/logout", url.Values{})
		var told url.Values
		var before struct{ Data authz.Logout }
		sink := made(event.NewLogoutSink(event.LogoutConfig{
			Issuer: issuer, URL: host, Clients: h.store, Signer: h.signing, SubjectFor: h.subjectFor, Clock: h.clock,
			HTTP: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				h.ok(r.ParseForm())
				told = r.PostForm
				return httptest.NewRecorder().Result(), nil
			})},
		}))(t)
		for _, d := range made(h.store.ClaimDeliveries(t.Context(), h.clock.Now(), time.Hour, 500))(h) {
			if d.Sink == sink.Name() {
				h.ok(json.Unmarshal(d.Body, &before))
				h.ok(sink.Deliver(t.Context(), d.Event))
			}
		}
		payload, _, err := h.signing.Verify(t.Context(), told.Get("logout_token"))
		h.ok(err)
		var claims map[string]any
		h.ok(json.Unmarshal(payload, &claims))
		sub, there := claims["sub"]
		if there == moves || before.Data.Subject != h.subjectFor(c, before.Data.UserID) || there && sub != before.Data.Subject || claims["sid"] == "" {
			t.Errorf("moves: %v, the logout token says %v", moves, claims)
		}
	}
}
