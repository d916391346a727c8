package web_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// Whoever was removed or disabled here stays so, whatever their upstream says,
// and by whichever side they come.
func TestUO_09_WhoeverIsGoneIsNotBroughtBackByASignIn(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		end    func(*house, authz.UserID)
		reason string
	}{
		"removed": {func(h *house, id authz.UserID) {
			_, err := h.store.RemoveMember(h.Context(), issuer, h.workspace.ID, id)
			h.ok(err)
		}, "no_membership"},
		"disabled": {func(h *house, id authz.UserID) {
			_, err := h.store.KillNode(h.Context(), issuer, "", authz.NodeRef{Kind: authz.UserNode, ID: string(id)}, authz.Disabled)
			h.ok(err)
		}, "no_membership"},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			d := h.both(authz.FallbackAsk, func(c *authz.Connection) {
				c.Fallback.Routes = []authz.Route{{Email: "grace@acme.example", Use: authz.SAMLSide}}
			})
			h.browser().signIn()
			ada := h.lastIn()
			c.end(h, ada)
			h.clock.Advance(time.Minute)
			b := h.browser()
			if w := b.get(b.callbackURL()); w.Code != http.StatusForbidden || b.cookies[cookie] != "" {
				t.Errorf("by OpenID Connect: %d, cookie %q", w.Code, b.cookies[cookie])
			}
			b = h.browser()
			if w := d.signIn(b, attribute("id", "s-ada")); w.Code != http.StatusForbidden || b.cookies[cookie] != "" {
				t.Errorf("by the other side and the link key: %d, cookie %q", w.Code, b.cookies[cookie])
			}
			refused := h.entries("login.refused")
			if len(refused) != 2 || refused[0].Reason != c.reason || refused[1].Reason != c.reason {
				t.Errorf("audit %+v", refused)
			}
			if held := made(h.store.ListIdentities(t.Context(), issuer, h.workspace.ID, ada, 10))(h); len(held) > 1 {
				t.Errorf("they came to be known by more: %+v", held)
			}
		})
	}
}

// Whom the domain is verified for joins where jit says so, and nowhere else.
func TestUO_06_NobodyJoinsByAnAddressWhereJITSaysNo(t *testing.T) {
	t.Parallel()
	for _, jit := range []authz.JIT{authz.JITOff, authz.JITInvited} {
		h := newHouse(t)
		h.with(func(c *authz.Connection) { c.JIT = jit })
		b := h.browser()
		if w := b.get(b.callbackURL()); w.Code != http.StatusForbidden || b.cookies[cookie] != "" {
			t.Errorf("%s: %d, cookie %q", jit, w.Code, b.cookies[cookie])
		}
		if e := h.entries("login.refused"); len(e) != 1 || e[0].Reason != "no_membership" {
			t.Errorf("%s: audit %+v", jit, e)
		}
		if members := made(h.store.ListMembers(t.Context(), issuer, h.workspace.ID, authz.Page{}))(h); len(members) != 0 {
			t.Errorf("%s: members %+v", jit, members)
		}
	}
}

// An address that the provider does not say it verified lets nobody join, and
// what looks like its word is not.
func TestUO_06_NobodyJoinsByAnAddressThatNobodyVerified(t *testing.T) {
	t.Parallel()
	for what, verified := range map[string]any{"false": false, "absent": nil, "a text": "true", "a number": 1, "a list": []bool{true}} {
		h := newHouse(t)
		unverified := func(c map[string]any) {
			if c["email"] == nil {
				return
			}
			if c["email_verified"] = verified; verified == nil {
				delete(c, "email_verified")
			}
		}
		h.upstream.SetFaults(idptest.Faults{IDToken: unverified, UserInfo: unverified})
		b := h.browser()
		if w := b.get(b.callbackURL()); w.Code != http.StatusForbidden || b.cookies[cookie] != "" {
			t.Errorf("%s: %d, cookie %q", what, w.Code, b.cookies[cookie])
		}
		if e := h.entries("login.refused"); len(e) != 1 || e[0].Reason != "no_membership" {
			t.Errorf("%s: audit %+v", what, e)
		}
	}
}
