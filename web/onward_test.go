package web_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// A journey is how often a browser is at each side until it is back at the app.
type journey struct {
	oidc, saml int
	ends       *httptest.ResponseRecorder
}

// signedOn takes the browser wherever w leads. The directory answers by the sign-in
// of this morning where it is not told to have them sign in.
func (d *directory) signedOn(b *browser, w *httptest.ResponseRecorder) (j journey) {
	h := d.h
	h.Helper()
	for j.ends = w; j.oidc+j.saml < 20; j.ends = w {
		switch to := w.Header().Get("Location"); {
		case to == "" || strings.HasPrefix(to, appURI):
			return j
		case strings.HasPrefix(to, h.upstream.Issuer()):
			j.oidc++
			h.clock.Advance(time.Second)
			w = b.get(h.upstreamAnswer(to))
		case strings.HasPrefix(to, entitySSO):
			j.saml++
			forced := forcesSignIn(h, to)
			w = d.follows(b, w, func(a *idptest.SAMLAnswer) {
				if asAda(a); !forced {
					a.AuthnInstant = h.clock.Now().Add(-time.Hour)
				}
			})
		case strings.HasPrefix(to, "/consent"):
			u := made(url.Parse(to))(h)
			w = b.post("/consent", url.Values{"request": u.Query()["request"], "scope": h.consents, "decision": {"allow"}})
		default:
			w = b.get(to)
		}
	}
	return j
}

// forcesSignIn reports whether a request by the redirect binding asks for a sign-in anew.
func forcesSignIn(h *house, to string) bool {
	packed := made(base64.StdEncoding.DecodeString(made(url.Parse(to))(h).Query().Get("SAMLRequest")))(h)
	raw := made(io.ReadAll(flate.NewReader(bytes.NewReader(packed))))(h)
	return bytes.Contains(raw, []byte(`ForceAuthn="true"`))
}

// What conditional access asked of a sign-in, it asks of the side they are sent on
// to: else that falls short of it again, and again.
func TestFB_WhoIsSentOnIsAskedForWhatWasDemanded(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		demand  string
		refused bool
	}{
		"what the other side can do":    {demand: `{"max_age":600}`},
		"what the other side cannot do": {demand: `{"acr_values":["urn:nobody:has"]}`, refused: true},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			d := h.legacy()
			h.told["groups"] = []string{"legacy-plant"}
			b := h.browser()
			b.get(b.callbackURL())
			h.apply("[" + rule("never", `"roles":["member"]`, "", `"step_up":`+c.demand) + "]")
			b = h.browser()
			j := d.signedOn(b, b.get(h.authorizeURL()))
			to := made(url.Parse(j.ends.Header().Get("Location")))(h)
			if j.oidc != 2 || j.saml != 2 || j.ends.Code != http.StatusSeeOther && j.ends.Code != http.StatusFound {
				t.Errorf("%d times at OpenID Connect, %d times at SAML, then %d %s", j.oidc, j.saml, j.ends.Code, to)
			}
			if refused := to.Query().Get("error") == "unmet_authentication_requirements"; refused != c.refused || !refused && to.Query().Get("code") == "" {
				t.Errorf("ends at %s", to)
			}
		})
	}
}

// Who signs in again to join another side does so at their own, whatever rule
// leads elsewhere: it is the same person in the session they have.
func TestFB_WhomARuleLeadsElsewhereSignsInAgainAtTheirOwnSide(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.ceremony()
	h.connection = c.d.connection
	h.with(func(v *authz.Connection) {
		v.Fallback.Routes = append(v.Fallback.Routes, authz.Route{Group: "legacy-plant", Use: authz.SAMLSide})
	})
	of := func(claims map[string]any) { claims["groups"] = []string{"legacy-plant"} }
	h.upstream.SetFaults(idptest.Faults{IDToken: of, UserInfo: of})
	h.clock.Advance(30 * time.Minute)
	if w := c.live(); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/security/link" {
		t.Errorf("%d %s %v", w.Code, w.Header().Get("Location"), h.entries("login.refused"))
	}
}

// To join a side is no sign-in by it: what it tells of groups then leads nobody
// there, and it has no time of one.
func TestFB_WhatASideTellsAtAJoiningDecidesNoRoute(t *testing.T) {
	t.Parallel()
	byGroup := func(c *authz.Connection) {
		c.Fallback.Routes = append(c.Fallback.Routes, authz.Route{Group: "legacy-plant", Use: authz.SAMLSide})
	}
	for what, join := range map[string]func(*house) *ceremony{
		"by themselves": func(h *house) *ceremony {
			c := h.ceremony(byGroup)
			w := c.post("/security/link/confirm", confirmation(c.returns(c.begin(), attribute("groups", "legacy-plant"))))
			if w.Code != http.StatusOK {
				h.Fatalf("not joined: %d %.600s", w.Code, w.Body)
			}
			return c
		},
		"by a link": func(h *house) *ceremony {
			i := h.joinLink()
			h.connection = i.d.connection
			h.with(byGroup)
			if w := i.post("/join/confirm", confirmation(i.question(i.browser, attribute("groups", "legacy-plant")))); w.Code != http.StatusOK {
				h.Fatalf("not joined: %d %.600s", w.Code, w.Body)
			}
			i.get(i.callbackURL(bobHint...))
			return &i.ceremony
		},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			c := join(h)
			for _, i := range made(h.store.ListIdentities(t.Context(), issuer, h.workspace.ID, c.bob, 9))(t) {
				if i.Side == authz.SAMLSide && (!i.LastLoginAt.IsZero() || i.Groups != nil) {
					t.Errorf("joined, it is %+v", i)
				}
			}
			if got := h.goes(c.browser, append([]string{"prompt", "login"}, bobHint...)...); got != "oidc" {
				t.Errorf("the next sign-in leads to %s", got)
			}
		})
	}
}

// Nothing is remembered of who is no member any more, or disabled, when they are
// sent on.
func TestFB_NothingIsRememberedOfSomebodySentOnWhoMayNotComeIn(t *testing.T) {
	t.Parallel()
	for what, end := range map[string]func(*house, authz.UserID) error{
		"no member": func(h *house, id authz.UserID) error {
			_, err := h.store.RemoveMember(h.Context(), issuer, h.workspace.ID, id)
			return err
		},
		"disabled": func(h *house, id authz.UserID) error {
			_, err := h.store.KillNode(h.Context(), issuer, "", authz.NodeRef{Kind: authz.UserNode, ID: string(id)}, authz.Disabled)
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			d := h.legacy(authz.Route{Group: "new-plant", Use: authz.SAMLSide})
			h.told["groups"] = []string{"legacy-plant"}
			b := h.browser()
			b.get(b.callbackURL())
			ada := h.lastIn()
			held := func() []authz.UpstreamIdentity {
				return made(h.store.ListIdentities(t.Context(), issuer, h.workspace.ID, ada, 9))(t)
			}
			before := held()
			h.ok(end(h, ada))
			h.clock.Advance(2 * time.Hour)
			h.told["groups"] = []string{"legacy-plant", "new-plant"}
			b = h.browser()
			if w := b.get(b.callbackURL()); strings.HasPrefix(w.Header().Get("Location"), entitySSO) {
				d.follows(b, w, asAda)
			}
			if b.cookies[cookie] != "" {
				t.Error("let in")
			}
			if after := held(); len(before) != 1 || !reflect.DeepEqual(after, before) {
				t.Errorf("was %+v, is %+v", before, after)
			}
		})
	}
}

// What is kept of somebody's groups for the routes is bounded: beyond it they
// count as told of none.
func TestFB_WhoIsInTooMuchOfGroupsIsToldOfNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var routes []authz.Route
	var groups []string
	for n := range 9 {
		groups = append(groups, string(rune('a'+n))+strings.Repeat("g", 2047))
		routes = append(routes, authz.Route{Group: groups[n], Use: authz.OIDCSide})
	}
	h.legacy(routes...)
	held := func() []string {
		b := h.browser()
		b.get(b.callbackURL())
		return made(h.store.ListIdentities(t.Context(), issuer, h.workspace.ID, h.lastIn(), 9))(t)[0].Groups
	}
	h.told["groups"] = groups[:8]
	if got := held(); len(got) != 8 {
		t.Errorf("of as much as there may be, %d groups are kept", len(got))
	}
	h.told["groups"] = groups
	if got := held(); got != nil {
		t.Errorf("of too much, %d groups are kept", len(got))
	}
}
