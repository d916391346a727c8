package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
	"github.com/gatehouse-auth/gatehouse/web"
)

// sidOfUpstream makes the upstream call the next session so.
func (h *house) sidOfUpstream(sid string) {
	h.upstream.SetFaults(idptest.Faults{IDToken: func(c map[string]any) { c["sid"] = sid }})
}

// logoutToken is the upstream's, changed.
func (h *house) logoutToken(claims map[string]any) string {
	h.Helper()
	return made(h.upstream.LogoutToken("gatehouse", func(c map[string]any) {
		for name, value := range claims {
			c[name] = value
		}
	}))(h)
}

func (h *house) backChannel(token string) *httptest.ResponseRecorder {
	h.Helper()
	return h.send("POST", "/oidc/"+string(h.connection.ID)+"/backchannel-logout", url.Values{"logout_token": {token}}.Encode(), "Content-Type", form)
}

func TestBackChannelLogoutEndsTheSessionsThatAreNamed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		t := h.T
		h.leaving()
		ada := h.browser()
		h.sidOfUpstream("one")
		token := member(ada.signedInWith(), "access_token")
		elsewhere := func(sid string) *browser { // what was consented to once is not asked again
			b := h.browser()
			h.sidOfUpstream(sid)
			b.get(b.callbackURL())
			b.wantsSignedIn(sid, in)
			return b
		}
		again, third := elsewhere("two"), elsewhere("three")
		if w := h.backChannel(h.logoutToken(map[string]any{"sid": "one"})); w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %s %v", w.Code, w.Body, w.Header())
		}
		ada.wantsSignedIn("after the logout of their session", out)
		again.wantsSignedIn("after the logout of another session", in)
		if w := h.send("POST", "/oauth2/introspect", url.Values{"token": {token}}.Encode(), "Content-Type", form, "Authorization", h.basic()); !strings.Contains(w.Body.String(), `"active":false`) {
			t.Errorf("the access token of the session lives: %s", w.Body)
		}
		if told := h.logouts(); len(told) != 1 || told[0].ClientID != h.app.ID {
			t.Errorf("the client was told %+v", told)
		}
		if list := h.entries("session.revoked"); len(list) != 1 || list[0].Reason != "upstream_logout" {
			t.Errorf("audited %+v", list)
		}
		// Both say whose session: one that is another's stays.
		if w := h.backChannel(h.logoutToken(map[string]any{"sid": "two", "sub": "s-eve"})); w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		again.wantsSignedIn("after the logout of somebody else's session", in)
		if w := h.backChannel(h.logoutToken(map[string]any{"sub": "s-ada"})); w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		again.wantsSignedIn("after the logout of the person", out)
		third.wantsSignedIn("after the logout of the person", out)
		// Who has gone already is logged out.
		if w := h.backChannel(h.logoutToken(map[string]any{"sub": "s-ada"})); w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestBackChannelLogoutRefusesQuietlyAndRecordsWhy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.sidOfUpstream("one")
	b := h.browser()
	b.signIn()
	good := map[string]any{"sid": "one"}
	wants := func(what string, w *httptest.ResponseRecorder, reason string) {
		t.Helper()
		h.wants(what, w, http.StatusBadRequest, "invalid_request")
		if strings.Contains(w.Body.String(), reason) {
			t.Errorf("%s: the answer tells why: %s", what, w.Body)
		}
		list := h.entries("logout.refused")
		if len(list) == 0 || !containsReason(list, reason) || list[0].Target != string(h.connection.ID) || list[0].WorkspaceID != h.workspace.ID {
			t.Errorf("%s: audited %+v, want %s", what, list, reason)
		}
		b.wantsSignedIn(what, in)
	}
	for what, claims := range map[string]map[string]any{
		idp.ReasonIssuerMismatch: {"iss": "https://evil.example"}, idp.ReasonAudience: {"aud": "another"}, idp.ReasonIssuedAt: {"iat": h.clock.Now().Add(-time.Hour).Unix()},
		idp.ReasonLogoutToken: {"nonce": "n"}, idp.ReasonExpired: {"exp": 1},
	} {
		claims["sid"] = "one"
		wants(what, h.backChannel(h.logoutToken(claims)), what)
	}
	h.upstream.SetFaults(idptest.Faults{Signature: idptest.SignedByStranger})
	wants("a stranger's", h.backChannel(h.logoutToken(good)), idp.ReasonSignature)
	h.upstream.SetFaults(idptest.Faults{Header: map[string]any{"typ": "JWT"}})
	wants("another kind of token", h.backChannel(h.logoutToken(good)), idp.ReasonType)
	h.upstream.SetFaults(idptest.Faults{})

	at := "/oidc/" + string(h.connection.ID) + "/backchannel-logout"
	twice := url.Values{"logout_token": {h.logoutToken(good), h.logoutToken(good)}}
	wants("two tokens", h.send("POST", at, twice.Encode(), "Content-Type", form), idp.ReasonLogoutToken)
	wants("in the query", h.send("POST", at+"?logout_token="+h.logoutToken(good), "", "Content-Type", form), idp.ReasonLogoutToken)
	for _, other := range []string{"con_nobodys", string(h.connection.ID) + "x", "%3Cscript%3E"} {
		if w := h.send("POST", "/oidc/"+other+"/backchannel-logout", "logout_token=x", "Content-Type", form); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d %s", other, w.Code, w.Body)
		}
	}
	if w := h.send("GET", at, ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
	if strings.Contains(h.log.String(), "eyJ") {
		t.Error("the log holds a token")
	}

	// The upstream is away: it may come again, and what came is good then.
	token := h.logoutToken(good)
	h.connection.UpdatedAt = h.connection.UpdatedAt.Add(time.Second)
	h.ok(h.store.PutConnection(t.Context(), h.connection)) // nothing is remembered of it
	h.upstream.SetFaults(idptest.Faults{Serve: map[string]http.Handler{"/jwks": idptest.Status(http.StatusBadGateway)}})
	if w := h.backChannel(token); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("away: %d %s", w.Code, w.Body)
	}
	b.wantsSignedIn("while the keys cannot be had", in)
	h.upstream.SetFaults(idptest.Faults{})
	h.clock.Advance(10 * time.Second)
	if w := h.backChannel(token); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	b.wantsSignedIn("after the token came again", out)
}

func containsReason(list []authz.AuditEntry, reason string) bool {
	for _, e := range list {
		if e.Reason == reason {
			return true
		}
	}
	return false
}

func TestALogoutTokenIsGoodOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		t := h.T
		token := h.logoutToken(map[string]any{"sub": "s-ada"})
		codes := make([]int, 20)
		var group sync.WaitGroup
		for n := range codes {
			group.Go(func() { codes[n] = h.backChannel(token).Code })
		}
		group.Wait()
		good := 0
		for _, code := range codes {
			if code == http.StatusOK {
				good++
			} else if code != http.StatusBadRequest {
				t.Errorf("status %d", code)
			}
		}
		if good != 1 {
			t.Errorf("accepted %d times", good)
		}
		b := h.browser()
		b.signIn() // signed in after the logout
		h.wants("the same again", h.backChannel(token), http.StatusBadRequest, "invalid_request")
		h.clock.Advance(4*time.Minute + 50*time.Second)
		h.ok(func() error {
			_, err := h.store.DeleteExpiredAcrossWorkspaces(t.Context(), h.clock.Now(), 1000)
			return err
		}())
		h.wants("the same, later", h.backChannel(token), http.StatusBadRequest, "invalid_request")
		b.wantsSignedIn("after the replays", in)
		if !containsReason(h.entries("logout.refused"), idp.ReasonReplay) {
			t.Errorf("audited %+v", h.entries("logout.refused"))
		}
	})
}

func TestLogoutTokensAreLimitedByAddressBeforeTheyAreLookedAt(t *testing.T) {
	t.Parallel()
	var limiter web.Limiter
	h := newHouse(t, func(c *web.Config) {
		l, err := ratelimit.New(ratelimit.Config{PerSecond: 1, Burst: 20, Clock: c.Clock})
		if err != nil {
			t.Fatal(err)
		}
		limiter = l
		c.Limits.Login.PerAddress = limiter
	})
	c := made(h.store.GetConnectionAcrossWorkspaces(t.Context(), issuer, h.connection.ID))(h)
	h.providers = map[time.Time]*oidc.Connector{c.UpdatedAt: made(h.connect(t.Context(), c, authz.OIDCSide))(h).(*oidc.Connector)}
	var refused, limited int
	for range 200 {
		switch w := h.backChannel("eyJhbGciOiJFUzI1NiIsImtpZCI6IngiLCJ0eXAiOiJsb2dvdXQrand0In0.e30.AAAA"); w.Code {
		case http.StatusBadRequest:
			refused++
		case http.StatusTooManyRequests:
			limited++
		default:
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if refused != 20 || limited != 180 || len(h.entries("logout.refused")) != 20 || h.upstream.Requests("/jwks") > 2 {
		t.Errorf("%d refused, %d limited, %d fetches", refused, limited, h.upstream.Requests("/jwks"))
	}
}

func TestFrontChannelLogoutNeedsIssuerAndSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.leaving()
	h.sidOfUpstream("one")
	b := h.browser()
	b.signIn()
	at := "/oidc/" + string(h.connection.ID) + "/frontchannel-logout"
	ask := func(pairs ...string) *httptest.ResponseRecorder {
		q := url.Values{}
		for n := 0; n+1 < len(pairs); n += 2 {
			q.Add(pairs[n], pairs[n+1])
		}
		return h.send("GET", at+"?"+q.Encode(), "", "Sec-Fetch-Site", "cross-site") // a frame brings no cookie
	}
	iss := h.upstream.Issuer()
	for what, w := range map[string]*httptest.ResponseRecorder{
		"nothing": ask(), "no issuer, as Entra sends it": ask("sid", "one"), "no session": ask("iss", iss), "another issuer": ask("iss", "https://evil.example", "sid", "one"),
		"two issuers": ask("iss", iss, "iss", iss, "sid", "one"), "an issuer with a slash": ask("iss", iss+"/", "sid", "one"), "two sessions": ask("iss", iss, "sid", "one", "sid", "two"),
	} {
		if w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %.300s", what, w.Code, w.Body)
		}
		b.wantsSignedIn(what, in)
	}
	if list := h.entries("logout.refused"); len(list) != 7 {
		t.Errorf("%d refusals audited", len(list))
	}
	for _, sid := range []string{"two", "", "s-ada"} {
		ask("iss", iss, "sid", sid)
		b.wantsSignedIn("the session "+sid, in)
	}
	w := ask("iss", iss, "sid", "one")
	if w.Code != http.StatusOK || w.Header().Get("X-Frame-Options") != "" || strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-ancestors") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	b.wantsSignedIn("after the logout", out)
	if told := h.logouts(); len(told) != 1 {
		t.Errorf("the client was told %+v", told)
	}
}
