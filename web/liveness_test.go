package web_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/liveness"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// newLiveness asks the upstreams of the house.
func (h *house) newLiveness(outbox *event.Outbox) *liveness.Poller {
	h.Helper()
	h.liveness = made(liveness.New(liveness.Config{
		Issuer: issuer, Store: h.store, Sessions: h.sessions(outbox), Sealer: h.ring, Clock: h.clock,
		Refresh: func(ctx context.Context, c authz.Connection, token authz.Secret) (authz.Secret, error) {
			return app.Refresh(ctx, made(h.connect(ctx, c, authz.OIDCSide))(h), token)
		},
	}))(h)
	return h.liveness
}

// asksAbout makes the house's connection ask about its sessions.
func (h *house) asksAbout(minutes int) {
	h.Helper()
	h.connection.OIDC = &authz.OIDCUpstream{PollMinutes: &minutes}
	h.connection.UpdatedAt = h.connection.UpdatedAt.Add(time.Second)
	h.ok(h.store.PutConnection(h.Context(), h.connection))
}

func (h *house) polls() int {
	h.Helper()
	before := h.upstream.Requests("/token")
	h.ok(h.liveness.PollDue(h.Context()))
	return h.upstream.Requests("/token") - before
}

func (h *house) introspects(token string) bool {
	h.Helper()
	w := h.send("POST", "/oauth2/introspect", url.Values{"token": {token}}.Encode(), "Content-Type", form, "Authorization", h.basic())
	return strings.Contains(w.Body.String(), `"active":true`)
}

func TestUpstreamsAreAskedAboutSessionsAndAPersonTheyForgotIsSignedOut(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		t := h.T
		h.asksAbout(15)
		h.leaving()
		b, other := h.browser(), h.browser()
		tokens := b.grantsOfflineAccess()
		other.get(other.callbackURL())
		if n := h.polls(); n != 0 {
			t.Errorf("asked %d times at once", n)
		}
		h.clock.Advance(11 * time.Minute)
		if n := h.polls(); n != 0 {
			t.Errorf("asked %d times before the time", n)
		}
		h.clock.Advance(7*time.Minute + time.Second)
		if n := h.polls(); n != 2 {
			t.Errorf("asked %d times about two sessions", n)
		}
		if n := h.polls(); n != 0 {
			t.Errorf("asked %d times again at once", n)
		}
		b.wantsSignedIn("whom the upstream knows", in)
		// The token rotates at each time; an upstream that is away ends nothing.
		for _, fault := range []http.Handler{idptest.Status(http.StatusBadGateway), idptest.Status(http.StatusTooManyRequests), idptest.Status(http.StatusUnauthorized)} {
			h.upstream.SetFaults(idptest.Faults{Serve: map[string]http.Handler{"/token": fault}})
			h.clock.Advance(18*time.Minute + time.Second)
			if n := h.polls(); n < 1 || n > 2 { // one that is away is not asked again in that round
				t.Errorf("asked %d times", n)
			}
			b.wantsSignedIn("while the upstream is away", in)
			other.wantsSignedIn("while the upstream is away", in)
		}
		h.upstream.SetFaults(idptest.Faults{})
		h.upstream.Disable("s-ada")
		h.clock.Advance(18*time.Minute + time.Second)
		h.polls()
		b.wantsSignedIn("whom the upstream forgot", out)
		other.wantsSignedIn("whom the upstream forgot", out)
		for _, name := range []string{"access_token", "refresh_token"} {
			if h.introspects(member(tokens, name)) {
				t.Errorf("the %s lives", name)
			}
		}
		list := h.entries("session.revoked")
		if len(list) != 2 || list[0].Reason != "upstream_ended" {
			t.Errorf("audited %+v", list)
		}
		h.clock.Advance(time.Hour)
		if n := h.polls(); n != 0 {
			t.Errorf("asked %d times about sessions that are over", n)
		}
		if strings.Contains(h.log.String(), member(tokens, "refresh_token")) {
			t.Error("the log holds a token")
		}
	})
}

// grantsOfflineAccess signs in and allows the app what outlives the session.
func (b *browser) grantsOfflineAccess() *httptest.ResponseRecorder {
	b.h.Helper()
	w := b.post("/consent", url.Values{
		"request":  {b.consentPage("scope", "openid profile offline_access", "code_challenge", "", "code_challenge_method", "")},
		"decision": {"allow"}, "scope": {"openid", "profile", "offline_access"},
	})
	to, err := url.Parse(w.Header().Get("Location"))
	b.h.ok(err)
	redemption := url.Values{"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {appURI}}
	if w = b.h.send("POST", "/oauth2/token", redemption.Encode(), "Content-Type", form, "Authorization", b.h.basic()); member(w, "scope") != "openid profile offline_access" {
		b.h.Fatalf("%d %s", w.Code, w.Body)
	}
	return w
}

func TestNobodyIsAskedAboutWhatIsOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.leaving()
	for what, end := range map[string]func(*browser){
		"the person signed out": func(b *browser) {
			w := b.post("/logout", url.Values{"client_id": {string(h.app.ID)}})
			if w.Code != http.StatusOK {
				t.Errorf("%d %.300s", w.Code, w.Body)
			}
		},
		"the connection asks no more": func(*browser) { h.asksAbout(0) },
		"the session was idle":        func(*browser) { h.clock.Advance(2 * time.Hour) },
	} {
		h.asksAbout(15)
		b := h.browser()
		if w := b.get(b.callbackURL()); w.Code != http.StatusSeeOther {
			t.Fatalf("%d %.300s", w.Code, w.Body)
		}
		end(b)
		h.clock.Advance(18*time.Minute + time.Second)
		if n := h.polls(); n != 0 {
			t.Errorf("%s: asked %d times", what, n)
		}
		h.asksAbout(15)
		h.clock.Advance(time.Minute)
		if n := h.polls(); n != 0 {
			t.Errorf("%s: the token was kept", what)
		}
	}
}

func TestAConnectionThatDoesNotAskKeepsNoToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	b.signIn()
	h.asksAbout(5)
	h.clock.Advance(time.Hour)
	if n := h.polls(); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

// dueRefreshes keeps n sessions of ada's at a connection, which are due.
func (h *house) dueRefreshes(c authz.Connection, n int) (all []authz.SessionID) {
	h.Helper()
	b := h.browser()
	b.signIn()
	s := h.sessionOf(b)
	s.Upstream = authz.UpstreamName{Side: authz.OIDCSide, Person: authz.Digest("s-ada")}
	for range n {
		s.ID, s.Digest = authz.NewSessionID(h.clock.Now()), authz.Digest(rand.Text())
		h.ok(h.store.CreateSession(h.Context(), s))
		h.ok(h.liveness.Keep(h.Context(), c, s, "refresh"))
		all = append(all, s.ID)
	}
	h.clock.Advance(18*time.Minute + time.Second)
	return all
}

func TestAnUpstreamThatIsAwayHoldsUpNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.asksAbout(15)
	h.dueRefreshes(h.connection, 40)
	h.upstream.SetFaults(idptest.Faults{Serve: map[string]http.Handler{"/token": idptest.Status(http.StatusBadGateway)}})
	// Eight are on their way when the first comes back.
	if n := h.polls(); n < 1 || n > 8 {
		t.Errorf("asked %d times about 40 sessions", n)
	}
	if due := made(h.store.UpstreamRefreshesDueAcrossWorkspaces(t.Context(), issuer, h.clock.Now(), 100))(t); len(due) != 0 {
		t.Errorf("%d are first again in the next round", len(due))
	}
	h.upstream.SetFaults(idptest.Faults{})
	h.clock.Advance(18*time.Minute + time.Second)
	if n := h.polls(); n == 0 {
		t.Error("nobody is asked about once it is back")
	}
}

func TestATokenThatDoesNotOpenLeavesTheQueue(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.asksAbout(15)
	id := h.dueRefreshes(h.connection, 1)[0]
	due := made(h.store.UpstreamRefreshesDueAcrossWorkspaces(t.Context(), issuer, h.clock.Now(), 100))(t)
	for _, r := range due {
		if r.SessionID == id {
			r.Token = []byte("sealed by a key that went")
			h.ok(h.store.UpdateUpstreamRefresh(t.Context(), r))
		}
	}
	h.ok(h.liveness.PollDue(t.Context()))
	h.clock.Advance(18*time.Minute + time.Second)
	due = made(h.store.UpstreamRefreshesDueAcrossWorkspaces(t.Context(), issuer, h.clock.Now(), 100))(t)
	for _, r := range due {
		if r.SessionID == id {
			t.Error("what does not open is kept")
		}
	}
}
