package web_test

import (
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// invites makes an invitation by the API and returns its id, its link and what
// the link's form sends.
func (h *house) invites(email, role string) (id, link string, form url.Values) {
	h.Helper()
	m := h.done("POST", "/v1/invitations", `{"email":"`+email+`","role":"`+role+`"}`)
	link, _ = m["link"].(string)
	token, _ := m["token"].(string)
	if !strings.HasPrefix(link, host+"/invitation?token=") || !strings.HasSuffix(link, token) || token == "" {
		h.Fatalf("no link: %v", m)
	}
	id, _ = m["id"].(string)
	return id, strings.TrimPrefix(link, host), url.Values{"token": {token}, "connection": {string(h.connection.ID)}}
}

var onward = regexp.MustCompile(`id="continue" href="([^"]+)"`)

// goesTo is where a page leads on to.
func (h *house) goesTo(w *httptest.ResponseRecorder) string {
	h.Helper()
	found := onward.FindStringSubmatch(w.Body.String())
	if w.Code != http.StatusOK || found == nil {
		h.Fatalf("leads nowhere: %d %.500s", w.Code, w.Body)
	}
	return html.UnescapeString(found[1])
}

// comesBack follows an invitation to the upstream, signs in there as login, and
// returns the callback.
func (b *browser) comesBack(form url.Values, login string) string {
	b.h.Helper()
	u, err := url.Parse(b.h.goesTo(b.post("/invitation", form)))
	b.h.ok(err)
	if u.Query().Get("login_hint") == "" {
		b.h.Error("the upstream is not told who is invited")
	}
	if login != "" {
		q := u.Query()
		q.Set("login_hint", login)
		u.RawQuery = q.Encode()
	}
	return b.h.upstreamAnswer(u.String())
}

func (h *house) isMember(email string) (authz.Member, bool) {
	h.Helper()
	for _, m := range made(h.store.ListMembers(h.Context(), issuer, h.workspace.ID, authz.Page{}))(h) {
		if made(h.store.GetUserAcrossWorkspaces(h.Context(), issuer, m.UserID))(h).Profile.Email == email {
			return m, true
		}
	}
	return authz.Member{}, false
}

func TestI1_I18_WhoOpensTheirInvitationSignsInAndBelongs(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		id, link, form := h.invites("Eve@elsewhere.example", "viewer")
		b := h.browser()
		for range 2 { // a scanner of mail looks first, and uses nothing up
			if w := b.get(link); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Acme") || !strings.Contains(w.Body.String(), string(h.connection.ID)) {
				h.Fatalf("the page: %d %s", w.Code, w.Body)
			}
		}
		w := b.get(b.comesBack(form, "eve"))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="joined"`) || b.cookies[cookie] == "" {
			h.Fatalf("joined: %d %s", w.Code, w.Body)
		}
		m, is := h.isMember("eve@elsewhere.example")
		i := made(h.store.GetInvitation(h.Context(), issuer, h.workspace.ID, authz.InvitationID(id)))(h)
		if !is || m.Role != authz.RoleViewer || i.State != authz.Used || i.UsedBy != m.UserID {
			h.Errorf("%+v %+v", m, i)
		}
		if e := h.entries("member.joined"); len(e) != 1 || e[0].Actor != string(m.UserID) || e[0].Details["invitation_id"] != id {
			h.Errorf("audit: %+v", e)
		}
		if e := h.entries("login.succeeded"); len(e) != 1 || e[0].Actor != string(m.UserID) {
			h.Errorf("audit: %+v", e)
		}
		// They are signed in: the application's first request asks for consent.
		if w := b.get(h.authorizeURL("login_hint", "")); !strings.HasPrefix(w.Header().Get("Location"), "/consent") {
			h.Errorf("not signed in: %d %s", w.Code, w.Header().Get("Location"))
		}
		if h.browser().signIn("login_hint", "eve") == "" {
			h.Error("they cannot sign in again")
		}
		if strings.Contains(h.log.String(), form.Get("token")) {
			h.Error("the token is in the log")
		}
		// Once more, by themselves: they are somebody already.
		_, _, again := h.invites("eve@elsewhere.example", "owner")
		if w := b.get(b.comesBack(again, "")); w.Code != http.StatusOK {
			h.Errorf("a member: %d %s", w.Code, w.Body)
		}
		if m, _ := h.isMember("eve@elsewhere.example"); m.Role != authz.RoleViewer {
			h.Errorf("an invitation made a member more: %s", m.Role)
		}
	})
}

// Whatever is wrong with an invitation is told in the same words.
func TestI1_AnInvitationThatLetsNobodyInSaysNothingMore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, ws := t.Context(), h.workspace.ID
	requestID := regexp.MustCompile(`<dd><code>[A-Z0-9]+</code>`)
	said := ""
	same := func(what string, w *httptest.ResponseRecorder) {
		t.Helper()
		body := requestID.ReplaceAllString(w.Body.String(), "")
		if said == "" {
			said = body
		}
		if w.Code != http.StatusBadRequest || body != said || !strings.Contains(body, "invalid_invitation") {
			t.Errorf("%s: %d %.700s", what, w.Code, body)
		}
	}
	both := func(what, link string, form url.Values) {
		t.Helper()
		same(what+", looked at", h.browser().get(link))
		same(what+", followed", h.browser().post("/invitation", form))
	}
	id, link, form := h.invites("eve@elsewhere.example", "")
	both("unknown", "/invitation?token=gin_x", url.Values{"token": {"gin_x"}, "connection": {string(h.connection.ID)}})
	both("none", "/invitation", url.Values{})
	same("two tokens", h.browser().get(link+"&token=gin_x"))
	same("another workspace's connection", h.browser().post("/invitation", url.Values{"token": form["token"], "connection": {"con_x"}}))

	// Another person's: of the same directory, with an address of a verified
	// domain even.
	b := h.browser()
	same("another person's", b.get(b.comesBack(form, "ada")))
	if _, is := h.isMember("ada@acme.example"); is || b.cookies[cookie] != "" {
		t.Error("somebody else joined")
	}
	if e := h.entries("login.refused"); len(e) != 1 || e[0].Reason != "invitation_refused" || e[0].Target != string(h.connection.ID) {
		t.Errorf("audit: %+v", e)
	}
	if i := made(h.store.GetInvitation(ctx, issuer, ws, authz.InvitationID(id)))(h); i.State != authz.Active {
		t.Errorf("somebody else used it up: %s", i.State)
	}

	// While the person is at the upstream.
	b = h.browser()
	back := b.comesBack(form, "")
	if w := h.browser().get(back); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "browser_mismatch") {
		t.Errorf("in another browser: %d", w.Code)
	}
	b = h.browser()
	back = b.comesBack(form, "")
	h.done("DELETE", "/v1/invitations/"+id, "{}")
	same("ended meanwhile", b.get(back))
	both("ended", link, form)

	_, link, form = h.invites("eve@elsewhere.example", "")
	h.clock.Advance(168 * time.Hour)
	both("over", link, form)

	_, link, form = h.invites("eve@elsewhere.example", "")
	b = h.browser()
	back = b.comesBack(form, "")
	path := "/v1/workspaces/" + string(ws)
	h.manage(h.operator, "POST", path+"/suspend", "")
	both("of a suspended workspace", link, form)
	if w := b.get(back); w.Code/100 != 4 || b.cookies[cookie] != "" {
		t.Errorf("suspended meanwhile: %d %s", w.Code, w.Body)
	}
	h.manage(h.operator, "POST", path+"/resume", "")
	b = h.browser()
	if w := b.get(b.comesBack(form, "")); w.Code != http.StatusOK {
		t.Fatalf("resumed: %d %s", w.Code, w.Body)
	}
	both("used", link, form)
	if _, err := h.store.InvitationByDigestAcrossWorkspaces(ctx, "statuspulse", authz.Digest(form.Get("token"))); !errors.Is(err, authz.ErrNotFound) {
		t.Errorf("another issuer knows it: %v", err)
	}
	if w := h.browser().send("POST", "/invitation", form.Encode(), "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("a form of another site: %d", w.Code)
	}
}

func TestI18_TN_03_WhoJoinsIsTheConnectionsToSay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	set := func(jit authz.JIT) {
		h.connection.JIT = jit
		h.ok(h.store.PutConnection(t.Context(), h.connection))
	}
	set(authz.JITInvited)
	b := h.browser()
	if w := b.get(b.callbackURL()); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "no_membership") {
		t.Errorf("with an address alone: %d %.500s", w.Code, w.Body)
	}
	_, link, form := h.invites("ada@acme.example", "developer")
	back := b.comesBack(form, "")
	set(authz.JITOff)
	for what, w := range map[string]*httptest.ResponseRecorder{"looked at": b.get(link), "followed": b.post("/invitation", form)} {
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "no_connection") {
			t.Errorf("off, %s: %d %.500s", what, w.Code, w.Body)
		}
	}
	if w := b.get(back); w.Code != http.StatusBadRequest || b.cookies[cookie] != "" {
		t.Errorf("switched off meanwhile: %d", w.Code)
	}
	set(authz.JITInvited)
	if w := b.get(b.comesBack(form, "")); w.Code != http.StatusOK {
		t.Fatalf("invited: %d %s", w.Code, w.Body)
	}
	m, _ := h.isMember("ada@acme.example")
	if m.Role != authz.RoleDeveloper {
		t.Errorf("%+v", m)
	}
	// Who left is invited again, and inherits nothing (TN-03).
	h.done("POST", "/v1/role-bindings", `{"subject_kind":"user","subject":"`+string(m.UserID)+`","role":"admin"}`)
	h.done("DELETE", "/v1/members/"+string(m.UserID), "{}")
	b = h.browser()
	if w := b.get(b.callbackURL()); w.Code != http.StatusForbidden {
		t.Errorf("who left signs in: %d", w.Code)
	}
	_, _, form = h.invites("ada@acme.example", "")
	if w := b.get(b.comesBack(form, "")); w.Code != http.StatusOK {
		t.Fatalf("invited again: %d %s", w.Code, w.Body)
	}
	again, _ := h.isMember("ada@acme.example")
	if again.UserID != m.UserID || again.Role != authz.RoleMember || again.Bounds == nil || len(again.Bounds.List) != 0 {
		t.Errorf("%+v %+v", again, again.Bounds)
	}
}
