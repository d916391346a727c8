package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// manage sends a request to /v1 with a key.
func (h *house) manage(key, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	h.Helper()
	return h.send(method, path, body, append([]string{"Authorization", "Bearer " + key, "Content-Type", "application/json"}, headers...)...)
}

const secretText = "up_live_not-to-be-quoted"

func TestDS_03_ABodyThatCouldBeReadInTwoWaysIsRefusedAndNotQuoted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := "/v1/clients/" + string(h.app.ID) + "?workspace_id=" + string(h.workspace.ID)
	for what, body := range map[string]string{
		"unknown member": `{"` + secretText + `":1}`, "unknown with a dot": `{"name":"x","a.` + secretText + `":1}`, "wrong case": `{"Name":"x"}`,
		"twice": `{"name":"x","name":"` + secretText + `"}`, "twice by escape": `{"name":"x","n\u0061me":"` + secretText + `"}`, "NUL": `{"name":"` + secretText + `\u0000"}`,
		"bidi override": `{"name":"` + secretText + `\u202e"}`, "bidi isolate in a list": `{"scopes":["` + secretText + `\u2066"]}`, "not UTF-8": "{\"name\":\"" + secretText + "\xff\"}",
		"wrong type": `{"name":["` + secretText + `"]}`, "text for a list": `{"redirect_uris":"` + secretText + `"}`, "more than one": `{"name":"x"} {"name":"` + secretText + `"}`,
		"malformed": `{"name":"x",` + secretText, "a list": `["` + secretText + `"]`, "too long a name": `{"name":"` + secretText + strings.Repeat("a", 300) + `"}`,
		"a line break": `{"name":"` + secretText + `\n"}`, "deep": `{"jwks":` + strings.Repeat("[", 40) + `"` + secretText + `"` + strings.Repeat("]", 40) + `}`,
	} {
		w := h.manage(h.operator, "PATCH", path, body)
		if w.Code != http.StatusBadRequest || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), secretText) {
			t.Errorf("%s: the answer quotes what was sent: %s", what, w.Body)
		}
	}
	for name, told := range map[string]string{
		"redirect_url": "body.redirect_url", "colour": "body.colour", "Name": "body", "up_live_a1b2c3": "body", "naïve": "body", "a b": "body",
		strings.Repeat("a", 17): "body", "a_b_c_d": "body", "": "body", "x.y.z.w": "body", "<b>": "body",
	} {
		w := h.manage(h.operator, "PATCH", path, asJSON(map[string]any{name: secretText}))
		var p struct{ Errors []struct{ Location string } }
		if json.Unmarshal(w.Body.Bytes(), &p) != nil || len(p.Errors) != 1 || p.Errors[0].Location != told || strings.Contains(w.Body.String(), secretText) {
			t.Errorf("an unknown member %q: %s", name, w.Body)
		}
	}
	w := h.manage(h.operator, "PATCH", path, `{"name":"`+secretText+strings.Repeat("a", 1<<20)+`"}`)
	if w.Code != http.StatusRequestEntityTooLarge || strings.Contains(w.Body.String(), secretText) {
		t.Errorf("a name of 1 MB: %d %.300s", w.Code, w.Body)
	}
	for _, query := range []string{"?" + secretText + "=1", "?workspace_id=a&workspace_id=" + secretText, "?limit=" + secretText, "?cursor=" + secretText, "?limit=0", "?limit=-1", "?limit=501"} {
		w := h.manage(h.operator, "GET", "/v1/clients"+query, "")
		if w.Code != http.StatusBadRequest || strings.Contains(w.Body.String(), secretText) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	if c := made(h.store.GetClient(t.Context(), issuer, h.workspace.ID, h.app.ID))(t); c.Revision != h.app.Revision || c.Name != h.app.Name {
		t.Errorf("the client afterwards: %+v", c)
	}
	if strings.Contains(h.log.String(), secretText) {
		t.Error("the log quotes what was sent")
	}
}

func TestTN_04_ACursorIsGoodForItsListAndItsCallerOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, mine := h.key(h.workspace.ID, "manage:clients", "manage:keys")
	_, theirs := h.key(h.other().ID, "manage:clients")
	page := func(key, path string) (items []any, next string, status int) {
		w := h.manage(key, "GET", path, "")
		var list struct {
			Items []any
			Next  string `json:"next_cursor"`
		}
		_ = json.Unmarshal(w.Body.Bytes(), &list)
		return list.Items, list.Next, w.Code
	}
	first, next, _ := page(mine, "/v1/clients?limit=1")
	if len(first) != 1 || next == "" {
		t.Fatalf("first page: %v %q", first, next)
	}
	second, _, status := page(mine, "/v1/clients?limit=5&cursor="+url.QueryEscape(next))
	if status != http.StatusOK || len(second) != 1 {
		t.Fatalf("second page: %d %v", status, second)
	}
	forged := "A" + next[1:]
	if next[0] == 'A' {
		forged = "B" + next[1:]
	}
	for what, ask := range map[string][2]string{
		"another tenant": {theirs, "/v1/clients?cursor=" + next}, "another list": {mine, "/v1/auth/keys?cursor=" + next},
		"another filter": {mine, "/v1/clients?workspace_id=" + string(h.workspace.ID) + "&cursor=" + next},
		"the operator":   {h.operator, "/v1/clients?cursor=" + next}, "a changed one": {mine, "/v1/clients?cursor=" + forged},
		"cut": {mine, "/v1/clients?cursor=" + next[:len(next)-4]}, "short": {mine, "/v1/clients?cursor=AAAA"},
		"SQL": {mine, "/v1/clients?cursor=" + url.QueryEscape("' OR 1=1 --")},
	} {
		if items, _, status := page(ask[0], ask[1]); status != http.StatusBadRequest || len(items) > 0 {
			t.Errorf("%s: %d %v", what, status, items)
		}
	}
}

func TestTwoAdministratorsEditingOneClientAreToldOfEachOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := "/v1/clients/" + string(h.app.ID) + "?workspace_id=" + string(h.workspace.ID)
	read := h.manage(h.operator, "GET", path, "").Header().Get("ETag")
	if read == "" {
		t.Fatal("no ETag")
	}
	var group sync.WaitGroup
	codes := make(chan int, 8)
	for range cap(codes) {
		group.Go(func() { codes <- h.manage(h.operator, "PATCH", path, `{"name":"Mine"}`, "If-Match", read).Code })
	}
	group.Wait()
	close(codes)
	count := map[int]int{}
	for code := range codes {
		count[code]++
	}
	if count[http.StatusOK] != 1 || count[http.StatusPreconditionFailed] != 7 {
		t.Errorf("answers %v, want one 200 and seven 412", count)
	}
	h.wants("stale", h.manage(h.operator, "PATCH", path, `{"name":"Mine"}`, "If-Match", read), http.StatusPreconditionFailed, "stale")
	for _, bad := range []string{"1", `"x"`, `W/"1"`, `"0"`, `"1", "2"`, `""`} {
		h.wants(bad, h.manage(h.operator, "PATCH", path, `{"name":"Mine"}`, "If-Match", bad), http.StatusBadRequest, "invalid_if_match")
	}
	if w := h.manage(h.operator, "PATCH", path, `{"name":"Mine too"}`, "If-Match", "*"); w.Code != http.StatusOK {
		t.Errorf("any revision: %d %s", w.Code, w.Body)
	}
}

func TestARequestWithAnIdempotencyKeyIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const body = `{"name":"Once"}`
	var group sync.WaitGroup
	answers := make(chan *httptest.ResponseRecorder, 8)
	for range cap(answers) {
		group.Go(func() {
			answers <- h.manage(h.operator, "POST", "/v1/workspaces", body, "Idempotency-Key", "k-1")
		})
	}
	group.Wait()
	close(answers)
	made := map[string]bool{}
	for w := range answers {
		if w.Code != http.StatusCreated && w.Code != http.StatusConflict {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w.Code == http.StatusCreated {
			made[member(w, "id")] = true
		}
	}
	again := h.manage(h.operator, "POST", "/v1/workspaces", body, "Idempotency-Key", "k-1")
	made[member(again, "id")] = true
	if again.Code != http.StatusCreated || again.Header().Get("Idempotency-Replayed") != "true" || len(made) != 1 {
		t.Errorf("asked again: %d %v %s", again.Code, made, again.Body)
	}
	h.wants("another request", h.manage(h.operator, "POST", "/v1/workspaces", `{"name":"Twice"}`, "Idempotency-Key", "k-1"), http.StatusUnprocessableEntity, "idempotency_key_reused")
	for _, bad := range []string{strings.Repeat("k", 129), "a\x01b"} {
		h.wants("bad key", h.manage(h.operator, "POST", "/v1/workspaces", body, "Idempotency-Key", bad), http.StatusBadRequest, "invalid_idempotency_key")
	}
	// A refusal is not carried out, and may be tried again.
	h.wants("refused", h.manage(h.operator, "POST", "/v1/workspaces", `{"name":""}`, "Idempotency-Key", "k-2"), http.StatusBadRequest, "invalid_request")
	if w := h.manage(h.operator, "POST", "/v1/workspaces", `{"name":"Better"}`, "Idempotency-Key", "k-2"); w.Code != http.StatusCreated {
		t.Errorf("after a refusal: %d %s", w.Code, w.Body)
	}
	h.clock.Advance(25 * time.Hour)
	if w := h.manage(h.operator, "POST", "/v1/workspaces", `{"name":"Next day"}`, "Idempotency-Key", "k-1"); w.Code != http.StatusCreated {
		t.Errorf("a day later: %d %s", w.Code, w.Body)
	}
}

func TestASecretIsNotShownAgainForAnIdempotencyKeyAndKeptNowhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ask := func(key string) *httptest.ResponseRecorder {
		return h.manage(key, "POST", "/v1/auth/keys", `{"name":"k","workspace_id":"`+string(h.workspace.ID)+`","environment":"live","scopes":["monitor:read"]}`, "Idempotency-Key", "mint-1")
	}
	first := ask(h.operator)
	text := member(first, "key")
	if first.Code != http.StatusCreated || text == "" {
		t.Fatalf("%d %s", first.Code, first.Body)
	}
	again := ask(h.operator)
	if h.wants("again", again, http.StatusConflict, "already_done"); member(again, "target") != member(first, "id") || strings.Contains(again.Body.String(), text[30:]) {
		t.Errorf("%s", again.Body)
	}
	// Another caller's key of the same text is another key.
	_, one := h.key(h.workspace.ID, "manage:clients")
	_, two := h.key(h.workspace.ID, "manage:clients")
	_, three := h.key(h.other().ID, "manage:clients")
	for n, key := range []string{one, two, three} {
		w := h.manage(key, "POST", "/v1/clients", `{"name":"x","redirect_uris":["https://x.example/cb"],"scopes":["openid"],"environment":"live"}`, "Idempotency-Key", "mint-1")
		if w.Code != http.StatusCreated {
			t.Errorf("caller %d: %d %s", n, w.Code, w.Body)
		}
	}
	if keys := made(h.store.ListAPIKeys(t.Context(), issuer, h.workspace.ID, authz.KeyFilter{}, authz.Page{}))(t); len(keys) != 3 {
		t.Errorf("%d keys", len(keys))
	}
}
