package web_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// ceremony is a person on their way to join the other side of their connection
// to themselves: bob, by OpenID Connect, and grace of the directory.
type ceremony struct {
	*browser
	d   *directory
	app otpApp
	bob authz.UserID
}

// joinable is a connection of two sides that tell no name in common.
func (h *house) joinable(change ...func(*authz.Connection)) *directory {
	h.Helper()
	return h.both(authz.FallbackAsk, append([]func(*authz.Connection){func(c *authz.Connection) {
		c.Fallback.Link = authz.LinkKey{}
		c.Fallback.Routes = []authz.Route{{Email: "grace@acme.example", Use: authz.SAMLSide}}
	}}, change...)...)
}

func (h *house) ceremony(change ...func(*authz.Connection)) *ceremony {
	h.Helper()
	c := &ceremony{browser: h.browser(), d: h.joinable(change...)}
	c.app, _ = c.enrolApp()
	c.bob = h.lastIn()
	h.clock.Advance(30 * time.Minute)
	c.again()
	return c
}

// again signs in once more and proves the app.
func (c *ceremony) again() {
	c.h.Helper()
	c.h.clock.Advance(time.Minute)
	c.through(c.h.authorizeURL(append([]string{"prompt", "login"}, bobHint...)...))
	if w := c.post("/security/link", url.Values{"code": {c.app.code()}}); w.Code != http.StatusSeeOther {
		c.h.Fatalf("no step-up: %d %.900s", w.Code, w.Body)
	}
}

// begin goes as far as the directory.
func (c *ceremony) begin() asked {
	c.h.Helper()
	w := httptest.NewRecorder()
	w.Header().Set("Location", c.h.goesTo(c.post("/security/link", url.Values{"do": {"begin"}})))
	w.Code = http.StatusSeeOther
	if !forcesSignIn(c.h, w.Header().Get("Location")) {
		c.h.Error("no live sign-in is asked for")
	}
	return c.d.read(w)
}

// returns comes back from the directory as grace, or as it is changed.
func (c *ceremony) returns(a asked, change func(*idptest.SAMLAnswer)) *httptest.ResponseRecorder {
	c.h.Helper()
	w := c.d.post(c.d.answer(a, change))
	if w.Code != http.StatusSeeOther {
		c.h.Fatalf("the directory's answer: %d %.600s", w.Code, w.Body)
	}
	return c.get(w.Header().Get("Location"))
}

var confirmField = regexp.MustCompile(`name="(h|connection)" value="([^"]*)"`)

// confirmation is what the page that asks sends.
func confirmation(w *httptest.ResponseRecorder) url.Values {
	v := url.Values{}
	for _, m := range confirmField.FindAllStringSubmatch(w.Body.String(), -1) {
		v.Set(m[1], html.UnescapeString(m[2]))
	}
	return v
}

func (c *ceremony) asked() url.Values {
	c.h.Helper()
	w := c.returns(c.begin(), nil)
	v := confirmation(w)
	if w.Code != http.StatusOK || v.Get("h") == "" {
		c.h.Fatalf("no question: %d %.900s", w.Code, w.Body)
	}
	return v
}

// unlinked checks that grace is nobody's.
func (c *ceremony) unlinked(what string) {
	c.h.Helper()
	if _, _, _, err := c.h.store.UserByUpstream(c.h.Context(), issuer, c.h.workspace.ID, c.d.connection.ID, authz.SAMLSide, "u-grace"); authz.KindOf(err) != authz.NotFound {
		c.h.Errorf("%s: grace was joined (%v)", what, err)
	}
}

func TestUO_18_APersonJoinsTheOtherSideToThemselves(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		c := h.ceremony()
		if page := c.get("/security"); !strings.Contains(page.Body.String(), `href="/security/link"`) {
			h.Errorf("nothing leads there: %.900s", page.Body)
		}
		page := c.get("/security/link")
		h.guarded("ready", page)
		if !strings.Contains(page.Body.String(), `id="begin"`) {
			h.Fatalf("not ready: %.900s", page.Body)
		}
		asked := c.begin()
		question := c.returns(asked, nil)
		h.guarded("question", question)
		for _, want := range []string{"u-grace", "grace@acme.example", "https://old.example/", `id="confirm"`} {
			if !strings.Contains(question.Body.String(), want) {
				h.Errorf("the page lacks %s: %.1500s", want, question.Body)
			}
		}
		c.unlinked("before it was said")
		was := c.cookies[cookie]
		yes := confirmation(question)
		if w := c.post("/security/link/confirm", yes); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="joined"`) {
			h.Fatalf("joined: %d %.900s", w.Code, w.Body)
		}
		if c.cookies[cookie] == was || (&browser{h, map[string]string{cookie: was}}).get("/security").Code != http.StatusUnauthorized {
			h.Error("SE-02: the cookie is what it was")
		}
		if w := c.get("/security"); w.Code != http.StatusOK || strings.Contains(w.Body.String(), `href="/security/link"`) {
			h.Errorf("afterwards: %d %.600s", w.Code, w.Body)
		}
		if w := c.post("/security/link/confirm", yes); w.Code == http.StatusOK {
			h.Errorf("said twice: %d", w.Code)
		}
		if w := c.post("/security/link", url.Values{"do": {"begin"}}); w.Code != http.StatusConflict {
			h.Errorf("begun again: %d", w.Code)
		}
		if e := h.entries("identity.linked"); len(e) != 1 || e[0].Details["linked_by"] != "ceremony" || e[0].Target != string(c.bob) || e[0].Actor != string(c.bob) {
			h.Errorf("audit %+v", e)
		}
		h.clock.Advance(time.Second)
		if b := h.browser(); c.d.signIn(b, nil).Code >= 400 || h.lastIn() != c.bob {
			h.Errorf("grace is %s, not %s", h.lastIn(), c.bob)
		}
		if strings.Contains(h.log.String(), yes.Get("h")) {
			h.Error("the proof is in the log")
		}
	})
}

func TestUO_18_WhatBeginsTakesASignInAndAFactorOfTheLastMinutes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.ceremony()
	begin := url.Values{"do": {"begin"}}
	refused := func(what string, b *browser, status int) {
		t.Helper()
		if w := b.post("/security/link", begin); w.Code != status || strings.Contains(w.Body.String(), `id="continue"`) {
			t.Errorf("%s: %d %.300s", what, w.Code, w.Body)
		}
	}
	refused("nobody", h.browser(), http.StatusUnauthorized)
	if w := c.send("POST", "/security/link", "do=begin", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("from another site: %d", w.Code)
	}
	one := h.browser()
	one.through(h.authorizeURL(bobHint...))
	refused("one factor", one, http.StatusForbidden)
	if page := one.get("/security/link"); !strings.Contains(page.Body.String(), `id="code"`) || strings.Contains(page.Body.String(), `id="begin"`) {
		t.Errorf("a page that asks for a factor: %.900s", page.Body)
	}
	none := h.browser()
	none.through(h.authorizeURL())
	refused("no factor at all", none, http.StatusForbidden)
	if page := none.get("/security/link"); !strings.Contains(page.Body.String(), `id="none"`) {
		t.Errorf("a page that says how to get one: %.900s", page.Body)
	}
	h.clock.Advance(11 * time.Minute)
	refused("eleven minutes later", c.browser, http.StatusForbidden)
	h.clock.Advance(time.Minute)
	if w := c.post("/security/link", url.Values{"code": {c.app.code()}}); w.Code != http.StatusSeeOther {
		t.Fatalf("step-up: %d %.300s", w.Code, w.Body)
	}
	refused("a fresh factor in a session that is old", c.browser, http.StatusForbidden)
}

// Neither half is worth anything elsewhere, later, twice, or once what it stands
// on is gone.
func TestUO_18_WhatWasBegunIsOfOneBrowserOneSessionAndTenMinutes(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(*ceremony, *url.Values) *browser{
		"another browser": func(c *ceremony, _ *url.Values) *browser { return c.h.browser() },
		"another browser with the session": func(c *ceremony, _ *url.Values) *browser {
			return &browser{c.h, map[string]string{cookie: c.cookies[cookie]}}
		},
		"the browser without the session": func(c *ceremony, _ *url.Values) *browser {
			return &browser{c.h, map[string]string{"__Host-flow-up": c.cookies["__Host-flow-up"]}}
		},
		"ten minutes": func(c *ceremony, _ *url.Values) *browser {
			c.h.clock.Advance(10*time.Minute + time.Second)
			return c.browser
		},
		"somebody else signed in": func(c *ceremony, _ *url.Values) *browser {
			c.through(c.h.authorizeURL("prompt", "login"))
			return c.browser
		},
		"the session ended": func(c *ceremony, _ *url.Values) *browser {
			c.h.ok(c.h.ending.EndPerson(c.h.Context(), authz.PersonEnd{WorkspaceID: c.h.workspace.ID, UserID: c.bob, Reason: "test"}))
			return c.browser
		},
		"the session is another of theirs": func(c *ceremony, _ *url.Values) *browser {
			c.h.ok(c.h.ending.EndPerson(c.h.Context(), authz.PersonEnd{WorkspaceID: c.h.workspace.ID, UserID: c.bob, Reason: "test"}))
			c.again()
			return c.browser
		},
		"no member any more": func(c *ceremony, _ *url.Values) *browser {
			_, err := c.h.store.RemoveMember(c.h.Context(), issuer, c.h.workspace.ID, c.bob)
			c.h.ok(err)
			return c.browser
		},
		"the identity of the first half went": func(c *ceremony, _ *url.Values) *browser {
			path := "/v1/members/" + string(c.bob) + "/identities"
			c.h.done("DELETE", path+"/"+c.h.done("GET", path, "")["items"].([]any)[0].(map[string]any)["id"].(string), "")
			return c.browser
		},
		"UO-08: the connection is off": func(c *ceremony, _ *url.Values) *browser {
			_, err := c.h.store.KillNode(c.h.Context(), issuer, c.h.workspace.ID, authz.NodeRef{Kind: authz.ConnectionNode, ID: string(c.d.connection.ID)}, authz.Disabled)
			c.h.ok(err)
			return c.browser
		},
		"SM-21: the side is gone": func(c *ceremony, _ *url.Values) *browser {
			c.h.with(func(v *authz.Connection) { v.SAML = nil })
			return c.browser
		},
		"the workspace is suspended": func(c *ceremony, _ *url.Values) *browser {
			_, err := c.h.store.KillNode(c.h.Context(), issuer, c.h.workspace.ID, authz.NodeRef{Kind: authz.WorkspaceNode, ID: string(c.h.workspace.ID)}, authz.Suspended)
			c.h.ok(err)
			return c.browser
		},
		"another's proof":      func(_ *ceremony, v *url.Values) *browser { v.Set("h", "x"); return nil },
		"the other connection": func(_ *ceremony, v *url.Values) *browser { v.Set("connection", "con_other"); return nil },
	} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			c := h.ceremony()
			yes := c.asked()
			b := spoil(c, &yes)
			if b == nil {
				b = c.browser
			}
			if w := b.post("/security/link/confirm", yes); w.Code/100 != 4 {
				t.Errorf("%d %.600s", w.Code, w.Body)
			}
			c.unlinked(what)
		})
	}
}

func TestUO_18_TheAnswerOfTheOtherSideIsOfTheBrowserAndSessionToo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.ceremony()
	asked := c.begin()
	c.through(h.authorizeURL("prompt", "login")) // ada, in bob's browser
	if w := c.returns(asked, nil); w.Code/100 != 4 || confirmation(w).Get("h") != "" {
		t.Errorf("in somebody else's session: %d %.600s", w.Code, w.Body)
	}
	if e := h.entries("identity.link_refused"); len(e) != 1 || e[0].Reason != "signed_out" || e[0].Actor != string(c.bob) {
		t.Errorf("audit %+v", e)
	}
	c.unlinked("another session")
}

// What one step hands on is good for the next step and for no other.
func TestUO_18_NoStepIsSkipped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.ceremony()
	w := c.d.post(c.d.answer(c.begin(), nil))
	u := made(url.Parse(w.Header().Get("Location")))(h)
	skipped := url.Values{"h": u.Query()["h"], "connection": {string(c.d.connection.ID)}}
	if w := c.post("/security/link/confirm", skipped); w.Code/100 != 4 {
		t.Errorf("the question was skipped: %d %.600s", w.Code, w.Body)
	}
	c.unlinked("without the question")
	yes := c.asked()
	if w := c.get(c.d.path("continue") + "?h=" + url.QueryEscape(yes.Get("h"))); w.Code/100 != 4 {
		t.Errorf("an answer from the proof: %d %.600s", w.Code, w.Body)
	}
	if w := c.get("/oidc/" + string(c.d.connection.ID) + "/callback?code=x&state=" + url.QueryEscape(yes.Get("h"))); w.Code/100 != 4 {
		t.Errorf("a callback from the proof: %d", w.Code)
	}
	// Nor does a sign-in, where it should have been a joining.
	b := h.browser()
	before := len(h.entries("login.succeeded"))
	if w := c.d.signIn(b, nil); w.Code >= 400 {
		t.Fatalf("grace: %d %.300s", w.Code, w.Body)
	}
	if len(h.entries("login.succeeded")) != before+1 || h.lastIn() == c.bob {
		t.Error("grace is bob without a word of bob's")
	}
}

func TestUO_18_SomebodyElsesSignInIsJoinedToNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.ceremony()
	yes := c.asked() // grace is nobody yet
	c.d.signIn(h.browser(), nil)
	grace := h.lastIn()
	if grace == c.bob {
		t.Fatal("grace is bob")
	}
	if w := c.post("/security/link/confirm", yes); w.Code != http.StatusConflict {
		t.Errorf("33: meanwhile somebody's: %d %.600s", w.Code, w.Body)
	}
	if w := c.returns(c.begin(), nil); w.Code != http.StatusConflict {
		t.Errorf("33: somebody's: %d %.600s", w.Code, w.Body)
	}
	if e := h.entries("identity.link_refused"); len(e) != 2 || e[0].Reason != "link_conflict" || e[1].Reason != "link_conflict" || e[0].Actor != string(c.bob) {
		t.Errorf("audit %+v", e)
	}
	if user, _, _, err := h.store.UserByUpstream(t.Context(), issuer, h.workspace.ID, c.d.connection.ID, authz.SAMLSide, "u-grace"); err != nil || user.ID != grace {
		t.Errorf("grace is %s: %v", user.ID, err)
	}
}

// A sign-in that stands in for another joins nothing; nor does one at a
// connection of one side, or by names that change hands.
func TestUO_18_NothingIsJoinedWhereASignInStandsIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.ceremony()
	s := h.sessionOf(c.browser)
	s.Fallback = authz.FallbackHealth
	h.ok(h.store.RenewSession(t.Context(), s))
	if w := c.post("/security/link", url.Values{"do": {"begin"}}); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "stands in") {
		t.Errorf("interim: %d %.600s", w.Code, w.Body)
	}
	s.Fallback, s.SignIn.Fallback = "", true
	h.ok(h.store.RenewSession(t.Context(), s))
	if w := c.post("/security/link", url.Values{"do": {"begin"}}); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "stands in") {
		t.Errorf("a sign-in that stood in: %d %.600s", w.Code, w.Body)
	}
	s.SignIn.Fallback = false
	h.ok(h.store.RenewSession(t.Context(), s))
	h.with(func(v *authz.Connection) { v.SAML.MutableSubject = true })
	if w := c.post("/security/link", url.Values{"do": {"begin"}}); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "change hands") {
		t.Errorf("mutable: %d %.600s", w.Code, w.Body)
	}
	h.with(func(v *authz.Connection) { v.SAML = nil })
	if w := c.post("/security/link", url.Values{"do": {"begin"}}); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "no other sign-in") {
		t.Errorf("one side: %d %.600s", w.Code, w.Body)
	}
}
