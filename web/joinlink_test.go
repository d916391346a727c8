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
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// joinLink is a member, bob, and a link by which the directory comes to know him.
type joinLink struct {
	ceremony
	id, token string
}

func (h *house) joinLink() *joinLink {
	h.Helper()
	i := &joinLink{ceremony: ceremony{d: h.joinable()}}
	h.browser().through(h.authorizeURL(bobHint...))
	i.bob = h.lastIn()
	i.make()
	i.browser = h.browser()
	return i
}

func (i *joinLink) path() string { return "/v1/members/" + string(i.bob) + "/join-links" }

func (i *joinLink) make() {
	h := i.d.h
	h.Helper()
	m := h.done("POST", i.path(), `{"connection_id":"`+string(i.d.connection.ID)+`","side":"saml"}`)
	u := made(url.Parse(m["url"].(string)))(h)
	i.id, i.token = m["id"].(string), u.Query().Get("token")
	if !strings.HasPrefix(u.String(), host+"/join?") || len(i.token) < 43 || m["status"] != "active" {
		h.Fatalf("made %v", m)
	}
}

// leaves goes as far as the directory.
func (i *joinLink) leaves(b *browser) asked {
	i.h.Helper()
	w := httptest.NewRecorder()
	w.Header().Set("Location", i.h.goesTo(b.post("/join", url.Values{"token": {i.token}})))
	w.Code = http.StatusSeeOther
	return i.d.read(w)
}

// question comes back as grace, or as it is changed, and is asked.
func (i *joinLink) question(b *browser, change func(*idptest.SAMLAnswer)) *httptest.ResponseRecorder {
	i.h.Helper()
	return (&ceremony{browser: b, d: i.d}).returns(i.leaves(b), change)
}

func (i *joinLink) asked() url.Values {
	i.h.Helper()
	w := i.question(i.browser, nil)
	if v := confirmation(w); w.Code == http.StatusOK && v.Get("h") != "" {
		return v
	}
	i.h.Fatalf("no question: %d %.900s", w.Code, w.Body)
	return nil
}

// attribute sets an attribute of the directory's answer.
func attribute(name, value string) func(*idptest.SAMLAnswer) {
	return func(a *idptest.SAMLAnswer) {
		for n := range a.Attributes {
			if a.Attributes[n].Name == name {
				a.Attributes[n].Values = []string{value}
			}
		}
	}
}

func TestJL_AMemberComesToBeKnownByALinkMadeForThem(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		i := h.joinLink()
		elsewhere := h.browser()
		elsewhere.through(h.authorizeURL(bobHint...))
		page := i.get("/join?token=" + i.token)
		h.guarded("join", page)
		for _, want := range []string{"https://old.example/", `id="join"`, "good once"} {
			if !strings.Contains(page.Body.String(), want) {
				h.Errorf("the page lacks %s: %.900s", want, page.Body)
			}
		}
		question := i.question(i.browser, nil)
		h.guarded("question", question)
		for _, want := range []string{"u-grace", "grace@acme.example", `action="/join/confirm"`, "The link was made for"} {
			if !strings.Contains(question.Body.String(), want) {
				h.Errorf("the page lacks %s: %.1500s", want, question.Body)
			}
		}
		i.unlinked("before it was said")
		if w := elsewhere.get("/security"); w.Code != http.StatusOK {
			h.Errorf("sessions ended before it was said: %d", w.Code)
		}
		yes := confirmation(question)
		if w := i.post("/join/confirm", yes); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="joined"`) || i.cookies[cookie] != "" {
			h.Fatalf("joined: %d %.900s", w.Code, w.Body)
		}
		if w := elsewhere.get("/security"); w.Code != http.StatusUnauthorized {
			h.Errorf("SE-07: a session outlives it: %d", w.Code)
		}
		if e := h.entries("session.revoked"); len(e) == 0 || e[0].Reason != "identity_joined" || e[0].Actor != i.id {
			h.Errorf("audit %+v", e)
		}
		if e := h.entries("identity.linked"); len(e) != 1 || e[0].Details["linked_by"] != "invite" || e[0].Target != string(i.bob) || e[0].Actor != i.id {
			h.Errorf("audit %+v", e)
		}
		if e := h.entries("member.join_link_created"); len(e) != 1 || e[0].Target != string(i.bob) || e[0].Details["link"] != i.id || e[0].Details["side"] != "saml" {
			h.Errorf("audit %+v", e)
		}
		// Once.
		if w := i.post("/join/confirm", yes); w.Code/100 != 4 {
			h.Errorf("said twice: %d", w.Code)
		}
		for _, w := range []*httptest.ResponseRecorder{i.get("/join?token=" + i.token), i.post("/join", url.Values{"token": {i.token}})} {
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "not any more") {
				h.Errorf("used again: %d %.600s", w.Code, w.Body)
			}
		}
		if e := h.entries("identity.link_refused"); len(e) != 2 || e[0].Reason != "invalid_join_link" {
			h.Errorf("audit %+v", e)
		}
		items := h.done("GET", i.path(), "")["items"].([]any)
		if one := items[0].(map[string]any); len(items) != 1 || one["status"] != "used" || one["url"] != nil {
			h.Errorf("listed %v", items)
		}
		h.clock.Advance(time.Second)
		if b := h.browser(); i.d.signIn(b, nil).Code >= 400 || h.lastIn() != i.bob {
			h.Errorf("grace is %s, not %s", h.lastIn(), i.bob)
		}
		if strings.Contains(h.log.String(), i.token) || strings.Contains(h.log.String(), yes.Get("h")) {
			h.Error("the token is in the log")
		}
	})
}

// Of two who came back by one link, one is the member.
func TestJL_ALinkIsUsedOnceHoweverManyUseItAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		i := h.joinLink()
		var browsers []*browser
		var said []url.Values
		for n := range 4 {
			b := h.browser()
			w := i.question(b, func(a *idptest.SAMLAnswer) { a.NameID = "u-" + string(rune('a'+n)); attribute("id", a.NameID)(a) })
			browsers, said = append(browsers, b), append(said, confirmation(w))
		}
		var all sync.WaitGroup
		codes := make([]int, len(browsers))
		for n, b := range browsers {
			all.Go(func() { codes[n] = b.post("/join/confirm", said[n]).Code })
		}
		all.Wait()
		joined := 0
		for _, code := range codes {
			if code == http.StatusOK {
				joined++
			}
		}
		held := made(h.store.ListIdentities(h.Context(), issuer, h.workspace.ID, i.bob, 10))(h)
		if joined != 1 || len(held) != 2 {
			h.Errorf("answers %v, bob is known as %+v", codes, held)
		}
	})
}

// What a link stands on is looked at when it is used, whatever it was before.
func TestJL_ALinkIsOfNoMoreUseThanWhatItStandsOn(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(*joinLink) *browser{
		"another browser": func(i *joinLink) *browser { return i.h.browser() },
		"taken back": func(i *joinLink) *browser {
			i.h.done("DELETE", i.path()+"/"+i.id, "")
			return nil
		},
		"a newer link": func(i *joinLink) *browser { i.make(); return nil },
		"ten minutes":  func(i *joinLink) *browser { i.h.clock.Advance(10*time.Minute + time.Second); return nil },
		"the member left": func(i *joinLink) *browser {
			i.h.done("DELETE", "/v1/members/"+string(i.bob), "")
			return nil
		},
		"the member left and is back": func(i *joinLink) *browser {
			i.h.done("DELETE", "/v1/members/"+string(i.bob), "")
			i.h.ok(i.h.store.AddMember(i.h.Context(), authz.Member{Issuer: issuer, WorkspaceID: i.h.workspace.ID, UserID: i.bob, Role: authz.RoleMember, CreatedAt: i.h.clock.Now()}))
			return nil
		},
		"UO-09: the person is disabled": func(i *joinLink) *browser {
			_, err := i.h.store.KillNode(i.h.Context(), issuer, "", authz.NodeRef{Kind: authz.UserNode, ID: string(i.bob)}, authz.Disabled)
			i.h.ok(err)
			return nil
		},
		"UO-08: the connection is off": func(i *joinLink) *browser {
			_, err := i.h.store.KillNode(i.h.Context(), issuer, i.h.workspace.ID, authz.NodeRef{Kind: authz.ConnectionNode, ID: string(i.d.connection.ID)}, authz.Disabled)
			i.h.ok(err)
			return nil
		},
		"SM-21: the side is gone": func(i *joinLink) *browser {
			i.h.with(func(v *authz.Connection) { v.SAML = nil })
			return nil
		},
		"its names change hands": func(i *joinLink) *browser {
			i.h.with(func(v *authz.Connection) { v.SAML.MutableSubject = true })
			return nil
		},
		"the workspace is suspended": func(i *joinLink) *browser {
			_, err := i.h.store.KillNode(i.h.Context(), issuer, i.h.workspace.ID, authz.NodeRef{Kind: authz.WorkspaceNode, ID: string(i.h.workspace.ID)}, authz.Suspended)
			i.h.ok(err)
			return nil
		},
		"known there meanwhile": func(i *joinLink) *browser {
			i.h.done("POST", "/v1/members/"+string(i.bob)+"/identities", i.h.named("saml", "u-other"))
			return nil
		},
		"known elsewhere meanwhile": func(i *joinLink) *browser {
			theirs := i.h.other()
			i.h.ok(i.h.store.PutConnection(i.h.Context(), authz.Connection{
				ID: "con_theirs", Issuer: issuer, WorkspaceID: theirs.ID, Name: "Theirs", UpstreamIssuer: "https://theirs.example", State: authz.Active, CreatedAt: i.h.clock.Now(), UpdatedAt: i.h.clock.Now(),
			}))
			i.h.ok(i.h.store.AddUpstreamIdentity(i.h.Context(), authz.UpstreamIdentity{Issuer: issuer, ConnectionID: "con_theirs", Side: authz.OIDCSide, Subject: "s-bob", UserID: i.bob, CreatedAt: i.h.clock.Now()}))
			return nil
		},
		"somebody else signed in": func(i *joinLink) *browser {
			i.through(i.h.authorizeURL("prompt", "login"))
			return nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			i := h.joinLink()
			yes := i.asked()
			b := spoil(i)
			if b == nil {
				b = i.browser
			}
			if w := b.post("/join/confirm", yes); w.Code/100 != 4 {
				t.Errorf("%d %.600s", w.Code, w.Body)
			}
			i.unlinked(what)
		})
	}
}

func TestJL_ALinkThatIsOverOpensNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	i := h.joinLink()
	h.clock.Advance(24*time.Hour - time.Second)
	if w := i.get("/join?token=" + i.token); w.Code != http.StatusOK {
		t.Errorf("a second before: %d", w.Code)
	}
	h.clock.Advance(time.Second)
	for _, token := range []string{i.token, i.token + "x", i.id, ""} {
		if w := i.get("/join?token=" + token); w.Code != http.StatusBadRequest {
			t.Errorf("%q: %d", token, w.Code)
		}
	}
	if one := h.done("GET", i.path(), "")["items"].([]any)[0].(map[string]any); one["status"] != "expired" {
		t.Errorf("listed %v", one)
	}
}

func TestJL_SomebodyElsesIdentityIsJoinedToNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	i := h.joinLink()
	yes := i.asked() // grace is nobody yet
	i.d.signIn(h.browser(), nil)
	grace := h.lastIn()
	if w := i.post("/join/confirm", yes); w.Code != http.StatusConflict {
		t.Errorf("meanwhile somebody's: %d %.600s", w.Code, w.Body)
	}
	if w := i.question(i.browser, nil); w.Code != http.StatusConflict || confirmation(w).Get("h") != "" {
		t.Errorf("somebody's: %d %.600s", w.Code, w.Body)
	}
	if e := h.entries("identity.link_refused"); len(e) != 2 || e[0].Reason != "link_conflict" || e[1].Reason != "link_conflict" || e[0].Actor != i.id {
		t.Errorf("audit %+v", e)
	}
	if user, _, _, err := h.store.UserByUpstream(t.Context(), issuer, h.workspace.ID, i.d.connection.ID, authz.SAMLSide, "u-grace"); err != nil || user.ID != grace {
		t.Errorf("grace is %s: %v", user.ID, err)
	}
	if one := h.done("GET", i.path(), "")["items"].([]any)[0].(map[string]any); one["status"] != "active" {
		t.Errorf("what was refused used the link up: %v", one)
	}
}

// An address of somebody else's refuses; one's own proves nothing and is not
// needed. The same where the person joins a side by themselves.
func TestJL_UO_06_AnAddressJoinsNobodyAndAnothersRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	i := h.joinLink()
	h.browser().signIn() // ada, a member
	ada := attribute("email", "Ada@acme.example")
	if w := i.question(i.browser, ada); w.Code != http.StatusConflict || confirmation(w).Get("h") != "" {
		t.Errorf("with ada's address: %d %.600s", w.Code, w.Body)
	}
	i.unlinked("with ada's address")
	c := h.ceremony()
	if w := c.returns(c.begin(), ada); w.Code != http.StatusConflict || confirmation(w).Get("h") != "" {
		t.Errorf("with ada's address, by themselves: %d %.600s", w.Code, w.Body)
	}
	if e := h.entries("identity.link_refused"); len(e) != 2 || e[0].Reason != "link_conflict" || e[1].Reason != "link_conflict" {
		t.Errorf("audit %+v", e)
	}
	if w := i.question(i.browser, attribute("email", "bob@acme.example")); w.Code != http.StatusOK {
		t.Errorf("with bob's own: %d %.600s", w.Code, w.Body)
	}
}

// In the browser of somebody else the link would make them bob.
func TestJL_NobodyElseIsJoinedByTheirBrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	i := h.joinLink()
	before := i.leaves(i.browser)
	i.through(h.authorizeURL("prompt", "login")) // ada
	for _, w := range []*httptest.ResponseRecorder{i.get("/join?token=" + i.token), i.post("/join", url.Values{"token": {i.token}}), i.returns(before, nil)} {
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "Somebody else") {
			t.Errorf("%d %.600s", w.Code, w.Body)
		}
	}
	if e := h.entries("identity.link_refused"); len(e) != 3 || e[0].Reason != "another_person" {
		t.Errorf("audit %+v", e)
	}
	own := h.browser()
	own.through(h.authorizeURL(bobHint...))
	if w := own.get("/join?token=" + i.token); w.Code != http.StatusOK {
		t.Errorf("in bob's own: %d", w.Code)
	}
}

// What one step hands on is good for the next and for no other, and not for
// those of a person who joins a side by themselves.
func TestJL_UO_18_NoStepIsSkippedOrTakenForAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	i := h.joinLink()
	w := i.d.post(i.d.answer(i.leaves(i.browser), nil))
	u := made(url.Parse(w.Header().Get("Location")))(h)
	if w := i.post("/join/confirm", url.Values{"h": u.Query()["h"], "connection": {string(i.d.connection.ID)}}); w.Code/100 != 4 {
		t.Errorf("the question was skipped: %d", w.Code)
	}
	if w := i.post("/security/link/confirm", i.asked()); w.Code/100 != 4 {
		t.Errorf("a link's proof where people join by themselves: %d", w.Code)
	}
	c := h.ceremony()
	if w := c.post("/join/confirm", c.asked()); w.Code/100 != 4 {
		t.Errorf("and the other way around: %d", w.Code)
	}
	if w := i.send("POST", "/join", "token="+i.token, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("from another site: %d", w.Code)
	}
	i.unlinked("a step skipped")
}

func TestJL_WhoMakesALinkCouldNameTheIdentity(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.joinable()
	ws := h.workspace.ID
	owner, manager := h.joins(ws, authz.RoleOwner), h.joins(ws, authz.RoleAdmin)
	member := authz.UserID(h.joins(ws, authz.RoleViewer).Subject)
	manager.Scopes = []string{"manage:members", "manage:connections"}
	stale := owner
	stale.MFAAt = h.clock.Now().Add(-16 * time.Minute)
	unproven := owner
	unproven.MFA = "declared"
	saml := admin.NewJoinLink{Connection: d.connection.ID, Side: authz.SAMLSide}
	refuses := func(what string, by authz.Principal, in admin.NewJoinLink, want string) {
		t.Helper()
		if _, _, err := h.admin.CreateJoinLink(t.Context(), by, ws, member, in); authz.CodeOf(err) != want {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
	}
	refuses("a manager", manager, saml, "owner_required")
	key := authz.Principal{Issuer: issuer, WorkspaceID: ws, Environment: authz.Live, KeyID: "key_1", Subject: "sa_1", Scopes: owner.Scopes}
	refuses("a key of the workspace", key, saml, "wrong_environment")
	name, most := "Most", append([]string{"manage:members", "manage:workspace"}, made(h.admin.GetRole(t.Context(), owner, ws, authz.RoleViewer))(t).Permissions...)
	role := made(h.admin.CreateRole(t.Context(), owner, ws, admin.RoleSettings{Name: &name, Permissions: &most}))(t)
	refuses("less than an owner, whose link would be of no use", h.joins(ws, role.ID), saml, "owner_required")
	refuses("U26: a proof of 16 minutes ago", stale, saml, "insufficient_user_authentication")
	refuses("no proof", unproven, saml, "insufficient_user_authentication")
	for life, want := range map[time.Duration]string{time.Second: "invalid_expires_in", 7*24*time.Hour + time.Second: "invalid_expires_in", -time.Hour: "invalid_expires_in", 7 * 24 * time.Hour: ""} {
		refuses(life.String(), owner, admin.NewJoinLink{Connection: d.connection.ID, Side: authz.SAMLSide, ExpiresIn: life}, want)
	}
	refuses("known there", owner, admin.NewJoinLink{Connection: d.connection.ID, Side: authz.OIDCSide}, "")
	h.ok(h.store.AddUpstreamIdentity(t.Context(), authz.UpstreamIdentity{Issuer: issuer, ConnectionID: d.connection.ID, Side: authz.OIDCSide, Subject: "s-v", UserID: member, CreatedAt: h.clock.Now()}))
	refuses("known there", owner, admin.NewJoinLink{Connection: d.connection.ID, Side: authz.OIDCSide}, "already_linked")
	refuses("no side", owner, admin.NewJoinLink{Connection: d.connection.ID, Side: "x"}, "invalid_side")
	h.ok(h.store.PutConnection(t.Context(), authz.Connection{
		ID: "con_draft", Issuer: issuer, WorkspaceID: ws, Name: "Draft", UpstreamIssuer: "https://draft.example", State: authz.Draft, CreatedAt: h.clock.Now(), UpdatedAt: h.clock.Now(),
	}))
	refuses("a draft", owner, admin.NewJoinLink{Connection: "con_draft", Side: authz.OIDCSide}, "not_in_use")
	h.with(func(c *authz.Connection) { c.SAML.MutableSubject = true })
	refuses("mutable", owner, saml, "mutable_subject")
	h.with(func(c *authz.Connection) { c.SAML = nil })
	refuses("one side", owner, saml, "invalid_side")
	theirs := h.other()
	refuses("a connection of nobody", owner, admin.NewJoinLink{Connection: "con_none", Side: authz.SAMLSide}, "not_found")
	if _, _, err := h.admin.CreateJoinLink(t.Context(), owner, theirs.ID, member, saml); authz.CodeOf(err) != "not_found" {
		t.Errorf("TN: another workspace: %v", err)
	}
}

// A link is worth no more than the person who made it is now.
func TestJL_ALinkDoesNotOutliveThePowerOfItsMaker(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(h *house, maker, member authz.UserID){
		"the maker left": func(h *house, maker, _ authz.UserID) { h.done("DELETE", "/v1/members/"+string(maker), "") },
		"the maker is no owner now": func(h *house, maker, _ authz.UserID) {
			by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:members"}}
			made(h.admin.SetMemberRole(h.Context(), by, h.workspace.ID, maker, 0, authz.RoleAdmin))(h)
		},
		"the maker is disabled": func(h *house, maker, _ authz.UserID) {
			made(h.store.KillNode(h.Context(), issuer, "", authz.NodeRef{Kind: authz.UserNode, ID: string(maker)}, authz.Disabled))(h)
		},
		"": nil,
	} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			d := h.joinable()
			owner, member := h.joins(h.workspace.ID, authz.RoleOwner), authz.UserID(h.joins(h.workspace.ID, authz.RoleMember).Subject)
			h.joins(h.workspace.ID, authz.RoleOwner) // one stays
			_, token, err := h.admin.CreateJoinLink(t.Context(), owner, h.workspace.ID, member, admin.NewJoinLink{Connection: d.connection.ID, Side: authz.SAMLSide})
			h.ok(err)
			want := http.StatusOK
			if change != nil {
				change(h, authz.UserID(owner.Subject), member)
				want = http.StatusBadRequest
			}
			if w := h.browser().get("/join?token=" + token.Reveal()); w.Code != want {
				t.Errorf("%d %.300s", w.Code, w.Body)
			}
		})
	}
}

// A link is taken back by its member's path alone.
func TestJL_TN_01_ALinkIsOfItsMember(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	i := h.joinLink()
	other := h.joins(h.workspace.ID, authz.RoleViewer).Subject
	in := "?workspace_id=" + string(h.workspace.ID)
	h.wants("another member's", h.manage(h.operator, "DELETE", "/v1/members/"+other+"/join-links/"+i.id+in, ""), http.StatusNotFound, "not_found")
	h.wants("another workspace's", h.manage(h.operator, "DELETE", i.path()+"/"+i.id+"?workspace_id="+string(h.other().ID), ""), http.StatusNotFound, "not_found")
	if w := i.get("/join?token=" + i.token); w.Code != http.StatusOK {
		t.Errorf("it was taken back: %d", w.Code)
	}
	h.done("DELETE", i.path()+"/"+i.id, "")
	h.done("DELETE", i.path()+"/"+i.id, "") // as it is
	if e := h.entries("member.join_link_revoked"); len(e) != 1 || e[0].Target != string(i.bob) {
		t.Errorf("audit %+v", e)
	}
}

// Where both sides tell one name, whose it is by that name counts: it is not for
// a link to give away.
func TestJL_WhoIsSomebodyElseByTheLinkKeyIsJoinedToNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	i := &joinLink{ceremony: ceremony{d: h.both(authz.FallbackAsk, func(c *authz.Connection) {
		c.Fallback.Routes = []authz.Route{{Email: "grace@acme.example", Use: authz.SAMLSide}}
	})}}
	h.browser().signIn() // ada
	h.clock.Advance(time.Second)
	h.browser().through(h.authorizeURL(bobHint...))
	i.bob = h.lastIn()
	i.make()
	i.browser = h.browser()
	if w := i.question(i.browser, attribute("id", "s-ada")); w.Code != http.StatusConflict || confirmation(w).Get("h") != "" {
		t.Errorf("ada by the link key: %d %.600s", w.Code, w.Body)
	}
	i.unlinked("ada by the link key")
	if w := i.question(i.browser, attribute("id", "s-bob")); w.Code != http.StatusOK || confirmation(w).Get("h") == "" {
		t.Errorf("bob by the link key: %d %.600s", w.Code, w.Body)
	}
}
