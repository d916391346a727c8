package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

func TestDI_03_AHostNobodyHasIsToldNothing(t *testing.T) {
	h := newHouse(t)
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:workspace"}}
	document := func(host string) *httptest.ResponseRecorder {
		return h.send("GET", host+"/.well-known/openid-configuration", "")
	}
	before := document(host)
	made(h.admin.SuspendWorkspace(t.Context(), by, h.workspace.ID))(t)
	if after := document(host); after.Code != 200 || after.Body.String() != before.Body.String() {
		t.Errorf("the metadata tells of a suspended tenant: %d %s", after.Code, after.Body)
	}
	first := document("https://acme.up.example")
	for _, other := range []string{"https://unknown.example", "https://" + string(h.workspace.ID) + ".up.example", "https://up.example.evil"} {
		if w := document(other); w.Code != first.Code || w.Body.String() != first.Body.String() || w.Code < 400 {
			t.Errorf("%s: %d %s, another: %d %s", other, w.Code, w.Body, first.Code, first.Body)
		}
	}
}

func TestDS_05_StartsOfFlowsAreBoundedByTheirTime(t *testing.T) {
	h := newHouse(t)
	const starts = 1000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range starts {
		if w := h.send("GET", h.authorizeURL("prompt", "select_account"), ""); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	h.log.text.Reset()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("%d starts left %d bytes in memory", starts, grown)
	}
	h.clock.Advance(2 * time.Hour)
	var gone int64
	for {
		n, err := h.store.DeleteExpiredAcrossWorkspaces(t.Context(), h.clock.Now(), 500)
		h.ok(err)
		if n == 0 {
			break
		}
		gone += n
	}
	if gone < starts {
		t.Errorf("%d of %d starts went with their time", gone, starts)
	}
}

func TestDS_05_AClientWhoseRequestsFillItsRoomIsToldToComeBack(t *testing.T) {
	h := newHouse(t)
	now := h.clock.Now()
	for range 10 {
		h.ok(h.store.InTx(t.Context(), func(ctx context.Context) error {
			for range 300 {
				if err := h.store.CreateAuthorizationRequest(ctx, authz.AuthorizationRequest{
					ID: authz.NewID("ar"), Issuer: issuer, BrowserDigest: authz.Digest("b"), ClientID: h.app.ID, ArrivedAt: now, ExpiresAt: now.Add(15 * time.Minute), State: authz.Active,
				}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	for name, more := range map[string][]string{"to the upstream": nil, "the page": {"prompt", "select_account"}} {
		b := h.browser()
		to := made(url.Parse(b.get(h.authorizeURL(more...)).Header().Get("Location")))(t)
		if q := to.Query(); to.Host != "app.example" || q.Get("error") != "temporarily_unavailable" || q.Get("state") != "st" || q.Get("iss") != host {
			t.Errorf("%s: %s", name, to)
		}
		b.callbackURL("client_id", string(h.spa.ID))
	}
	h.clock.Advance(15 * time.Minute)
	h.browser().signIn()
}

func TestDS_07_ManyFetchTheKeysAtARotation(t *testing.T) {
	h := newHouse(t)
	tag := h.send("GET", "/.well-known/jwks.json", "").Header().Get("ETag")
	if tag == "" {
		t.Fatal("the key set has no tag")
	}
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			if w := h.send("GET", "/.well-known/jwks.json", "", "If-None-Match", tag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if w := h.send("GET", "/.well-known/jwks.json", "", "If-None-Match", `"another"`); w.Code != 200 || w.Header().Get("Cache-Control") == "" {
				t.Errorf("%d %v", w.Code, w.Header())
			}
		})
	}
	group.Wait()
}

func TestDS_09_LanguagesAreNotWeighed(t *testing.T) {
	h := newHouse(t)
	plain := h.send("GET", "/", "")
	for _, languages := range []string{strings.Repeat("a-", 20_000), strings.Repeat("x;q=0.1,", 5_000), "\xff\xfe"} {
		if w := h.send("GET", "/", "", "Accept-Language", languages); w.Code != plain.Code || w.Body.String() != plain.Body.String() {
			t.Errorf("%.20q: %d", languages, w.Code)
		}
	}
}

func TestIN_06_OnlyPostAndWhateverTheHint(t *testing.T) {
	h := newHouse(t)
	tokens := h.tokens(h.browser())
	for _, method := range []string{"GET", "PUT", "DELETE", "PATCH"} {
		if w := h.send(method, "/oauth2/introspect", "", "Authorization", h.basic()); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
	}
	ask := func(hint string) string {
		body := url.Values{"token": {tokens["access_token"]}, "token_type_hint": {hint}}.Encode()
		return h.send("POST", "/oauth2/introspect", body, "Content-Type", form, "Authorization", h.basic()).Body.String()
	}
	want := ask("access_token")
	for _, hint := range []string{"refresh_token", "api_key", "nonsense", ""} {
		if got := ask(hint); got != want || !strings.Contains(got, `"active":true`) {
			t.Errorf("hint %q: %s", hint, got)
		}
	}
}

func TestIN_07_OneAnswerIsNotAnothers(t *testing.T) {
	h := newHouse(t)
	gateway := h.gateway(authz.Live, authz.Test)
	_, text := h.mint(nil)
	for range 3 { // cold, then from memory
		h.decided("what it holds", h.verify(gateway, map[string]any{"credential": text, "action": "monitor:read"}), "ok")
		h.decided("what it lacks", h.verify(gateway, map[string]any{"credential": text, "action": "alert:write"}), "scope")
		h.decided("elsewhere", h.verify(gateway, map[string]any{"credential": text, "environment": "test"}), "environment")
	}
}

func TestRU_11_NothingSendsABrowserElsewhere(t *testing.T) {
	h := newHouse(t)
	for _, evil := range []string{"//evil.example", `/\evil.example`, "/%09/evil.example", "https:evil.example", "https://evil.example/", "javascript:alert(1)"} {
		for _, path := range []string{"/signin", "/signin/done", "/consent", "/device", "/oauth2/logout", "/"} {
			for _, name := range []string{"return_to", "request", "next", "redirect", "connection", "user_code", "post_logout_redirect_uri"} {
				w := h.send("GET", path+"?"+url.Values{name: {evil}}.Encode(), "")
				if to := w.Header().Get("Location"); to != "" && (strings.Contains(to, "evil") || !strings.HasPrefix(to, "/")) {
					t.Errorf("%s?%s=%s leads to %s", path, name, evil, to)
				}
				if strings.Contains(w.Body.String(), `href="`+evil) {
					t.Errorf("%s?%s=%s: the page links there", path, name, evil)
				}
			}
		}
	}
}

func TestRV_06_NoKeyIsActiveAfterItsRevocationWasAnswered(t *testing.T) {
	h := newHouse(t)
	gateway := h.gateway(authz.Live, authz.Test)
	introspect := func(text string) string {
		return h.send("POST", "/oauth2/introspect", "token="+text, "Content-Type", form, "Authorization", gateway).Body.String()
	}
	var group sync.WaitGroup
	for range 40 {
		key, text := h.mint(nil)
		if !strings.Contains(introspect(text), `"active":true`) {
			t.Fatal("a fresh key is inactive")
		}
		stop := make(chan struct{})
		group.Go(func() { // it keeps being asked about
			for {
				select {
				case <-stop:
					return
				default:
					introspect(text)
				}
			}
		})
		if w := h.send("DELETE", "/v1/auth/keys/"+string(key.ID)+"?workspace_id="+string(h.workspace.ID), "", "Authorization", "Bearer "+h.operator); w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		for range 20 {
			if got := introspect(text); got != `{"active":false}` {
				t.Errorf("after the answer: %s", got)
			}
		}
		close(stop)
	}
	group.Wait()
}

func TestRV_08_AKeyInQuarantineIsDeadAndItsEntriesStay(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint(nil)
	path := "/v1/auth/keys/" + string(key.ID) + "?workspace_id=" + string(h.workspace.ID)
	as := []string{"Authorization", "Bearer " + h.operator, "Content-Type", "application/json"}
	first := h.send("DELETE", path, "", as...)
	if member(first, "status") != "revoked" || member(first, "purge_at") == "" {
		t.Fatalf("%d %s", first.Code, first.Body)
	}
	if again := h.send("DELETE", path, "", as...); again.Code != 200 || again.Body.String() != first.Body.String() {
		t.Errorf("U34 a second time: %d %s", again.Code, again.Body)
	}
	ref := authz.NodeRef{Kind: authz.APIKeyNode, ID: string(key.ID)}
	if moved, err := h.store.ReviveNode(t.Context(), issuer, h.workspace.ID, ref, authz.Active); err != nil || moved {
		t.Errorf("it can be revived: %v %v", moved, err)
	}
	h.clock.Advance(720*time.Hour - time.Minute)
	if n := made(h.keys.Purge(t.Context()))(t); n != 0 {
		t.Error("it went a minute too early")
	}
	h.clock.Advance(2 * time.Minute)
	if n := made(h.keys.Purge(t.Context()))(t); n != 1 {
		t.Error("it did not go after 30 days")
	}
	if len(h.entries("api_key.revoked")) != 1 {
		t.Error("S13: its audit entry went with it")
	}
	h.wants("the purged key", h.send("GET", "/v1/auth/keys", "", "Authorization", "Bearer "+text), 401, "invalid_token")
}

func TestTK_08_AServiceAccountThatIsDisabledGetsNothing(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint(func(r *apikey.Request) { r.Scopes = []string{"monitor:read"} })
	ask := func() *httptest.ResponseRecorder {
		return h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Bearer "+text)
	}
	token := member(ask(), "access_token")
	ref := authz.NodeRef{Kind: authz.ServiceAccountNode, ID: string(key.ServiceAccountID)}
	if moved, err := h.store.KillNode(t.Context(), issuer, h.workspace.ID, ref, authz.Disabled); err != nil || !moved {
		t.Fatal(moved, err)
	}
	h.wants("TK-08", ask(), 401, "invalid_client")
	gateway := h.gateway(authz.Live, authz.Test)
	h.decided("its token", h.verify(gateway, map[string]any{"credential": token}), "inactive")
	h.decided("its key", h.verify(gateway, map[string]any{"credential": text}), "inactive")

	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients"}, Delegation: &authz.Delegation{Issuer: issuer, Scopes: []string{"*"}}}
	c, secret, err := h.admin.CreateClient(t.Context(), by, admin.ClientSettings{
		Name: "robot", WorkspaceID: h.workspace.ID, GrantTypes: []string{"client_credentials"}, Scopes: []string{"profile"},
	})
	h.ok(err)
	if _, err := h.store.KillNode(t.Context(), issuer, h.workspace.ID, authz.ClientRef(issuer, c.ID), authz.Disabled); err != nil {
		t.Fatal(err)
	}
	h.wants("a disabled client", h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", basicOf(string(c.ID), secret.Reveal())), 401, "invalid_client")
}

// An outage tells nobody what the database is, where it lies, or what was asked
// of it, and nothing is issued, revoked or called active meanwhile.
func TestTK_10_RV_03_AnOutageTellsNothingOfTheInside(t *testing.T) {
	h := newHouse(t)
	tokens := h.tokens(h.browser())
	signIn := h.authorizeURL()
	h.ok(h.store.Close())
	client := []string{"Content-Type", form, "Authorization", h.basic()}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"token":       h.send("POST", "/oauth2/token", "grant_type=refresh_token&refresh_token="+tokens["refresh_token"], client...),
		"revoke":      h.send("POST", "/oauth2/revoke", "token="+tokens["access_token"], client...),
		"introspect":  h.send("POST", "/oauth2/introspect", "token="+tokens["refresh_token"], client...),
		"par":         h.send("POST", "/oauth2/par", strings.TrimPrefix(signIn, "/oauth2/authorize?"), client...),
		"device":      h.send("POST", "/oauth2/device_authorization", "client_id=cl_unknown&scope=openid", "Content-Type", form),
		"userinfo":    h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer at_"+strings.Repeat("x", 43)),
		"management":  h.send("GET", "/v1/workspaces", "", "Authorization", "Bearer "+tokens["refresh_token"]),
		"verify":      h.verify(h.basic(), map[string]any{"credential": "at_" + strings.Repeat("y", 43)}),
		"register":    h.send("POST", "/oauth2/register", "{}", "Authorization", "Bearer x", "Content-Type", "application/json"),
		"a page":      h.send("GET", "/consent?request=x", ""),
		"the sign-in": h.send("GET", signIn, ""),
		"a callback":  h.send("GET", "/oidc/"+string(h.connection.ID)+"/callback?state=x&code=y", ""),
	} {
		body := strings.ToLower(w.Body.String() + w.Header().Get("Location"))
		for _, inside := range []string{"sql", "database", "storage", ".db", "/tmp", "goroutine", "closed", "select ", "dial"} {
			if strings.Contains(body, inside) {
				t.Errorf("%s tells of %q: %d %s", name, inside, w.Code, w.Body)
			}
		}
		if strings.Contains(body, `"active":true`) || strings.Contains(body, "access_token") || w.Code == http.StatusOK {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
			t.Errorf("%s does not say when to come back", name)
		}
	}
}
