package web_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// with changes the house's connection as an administrator of the database would.
func (h *house) with(change func(*authz.Connection)) {
	h.Helper()
	c := made(h.store.GetConnection(h.Context(), issuer, h.workspace.ID, h.connection.ID))(h)
	change(&c)
	h.ok(h.store.PutConnection(h.Context(), c))
}

// named is the body that says what the connection calls somebody.
func (h *house) named(side, subject string) string {
	return `{"connection_id":"` + string(h.connection.ID) + `","side":"` + side + `","subject":"` + subject + `"}`
}

// userOf is who last signed in.
func (h *house) lastIn() authz.UserID {
	h.Helper()
	var last authz.AuditEntry
	for _, e := range h.entries("login.succeeded") {
		if !e.Time.Before(last.Time) {
			last = e
		}
	}
	return authz.UserID(last.Actor)
}

func TestLinking_WhoWasNamedInAdvanceIsRecognisedByTheNameAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		h.with(func(c *authz.Connection) { c.JIT = authz.JITOff })
		m := h.done("POST", "/v1/members", `{"role":"viewer","name":"Eve to be","email":"bob@acme.example","identity":`+h.named("oidc", "s-eve")+`}`)
		id, _ := m["user_id"].(string)
		if m["role"] != "viewer" || m["name"] != "Eve to be" || id == "" {
			h.Fatalf("made %v", m)
		}
		if e := h.entries("identity.linked"); len(e) != 1 || e[0].Details["linked_by"] != "admin" || e[0].Target != id || e[0].Details["connection_id"] != string(h.connection.ID) {
			h.Errorf("audit %+v", e)
		}
		// Bob has the address that was told of them, and is not them.
		b := h.browser()
		if w := b.get(b.callbackURL("login_hint", "bob@acme.example")); w.Code != http.StatusForbidden || b.cookies[cookie] != "" {
			h.Errorf("by e-mail: %d %.300s", w.Code, w.Body)
		}
		if e := h.entries("login.refused"); len(e) != 1 || e[0].Reason != "link_conflict" {
			h.Errorf("audit %+v", e)
		}
		if h.browser().signIn("login_hint", "eve") == "" || string(h.lastIn()) != id {
			h.Errorf("eve is %s, not %s", h.lastIn(), id)
		}
		if m := made(h.store.GetMember(h.Context(), issuer, h.workspace.ID, authz.UserID(id)))(h); m.Role != authz.RoleViewer {
			h.Errorf("their role is %s", m.Role)
		}
		items := h.done("GET", "/v1/members/"+id+"/identities", "")["items"].([]any)
		if len(items) != 1 || items[0].(map[string]any)["linked_by"] != "admin" || items[0].(map[string]any)["last_login_at"] == nil {
			h.Errorf("listed %v", items)
		}
	})
}

func TestLinking_AnAdministratorNamesTheOtherSideOfAMember(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		h.browser().signIn()
		ada := string(h.lastIn())
		d := h.both(authz.FallbackAsk, func(c *authz.Connection) {
			c.Fallback.Link, c.JIT = authz.LinkKey{}, authz.JITOff
			c.Fallback.Routes = []authz.Route{{Email: "grace@acme.example", Use: authz.SAMLSide}}
		})
		path := "/v1/members/" + ada + "/identities"
		if b := h.browser(); d.signIn(b, nil).Code != http.StatusForbidden {
			h.Error("somebody nobody named got in")
		}
		i := h.done("POST", path, h.named("saml", "u-grace"))
		if i["side"] != "saml" || i["subject"] != "u-grace" || i["last_login_at"] != nil {
			h.Errorf("named %v", i)
		}
		h.clock.Advance(time.Second)
		b := h.browser()
		if w := d.signIn(b, nil); b.cookies[cookie] == "" || string(h.lastIn()) != ada {
			h.Errorf("by SAML: %d, %s is not %s", w.Code, h.lastIn(), ada)
		}
		h.clock.Advance(time.Second)
		other := h.browser()
		other.through(h.authorizeURL())
		if string(h.lastIn()) != ada {
			h.Error("the first side does not know them any more")
		}
		in := "?workspace_id=" + string(h.workspace.ID)
		h.wants("taken", h.manage(h.operator, "POST", path+in, h.named("saml", "u-grace")), http.StatusConflict, "identity_taken")
		h.wants("taken", h.manage(h.operator, "POST", path+in, h.named("oidc", "s-ada")), http.StatusConflict, "identity_taken")
		h.wants("blank", h.manage(h.operator, "POST", path+in, h.named("oidc", " s-x")), http.StatusBadRequest, "invalid_subject")
		h.wants("nobody", h.manage(h.operator, "POST", "/v1/members/usr_none/identities"+in, h.named("oidc", "s-x")), http.StatusNotFound, "not_found")
		h.wants("foreign", h.manage(h.operator, "POST", path+in, strings.Replace(h.named("oidc", "s-x"), string(h.connection.ID), "con_none", 1)), http.StatusNotFound, "not_found")
		h.wants("none of theirs", h.manage(h.operator, "DELETE", path+"/idn_none"+in, ""), http.StatusNotFound, "not_found")

		// What goes with it is what came by it.
		if w := h.manage(h.operator, "DELETE", path+"/"+i["id"].(string)+in, ""); w.Code != http.StatusNoContent {
			h.Fatalf("removed: %d %s", w.Code, w.Body)
		}
		if w := b.get("/security"); w.Code != http.StatusUnauthorized {
			h.Errorf("a session outlives its identity: %d", w.Code)
		}
		if w := other.get("/security"); w.Code != http.StatusOK {
			h.Errorf("the session of the other side: %d", w.Code)
		}
		if e := h.entries("identity.unlinked"); len(e) != 1 || e[0].Target != ada || e[0].Details["identity"] != i["id"] {
			h.Errorf("audit %+v", e)
		}
		if e := h.entries("session.revoked"); len(e) != 1 || e[0].Reason != "identity_removed" {
			h.Errorf("audit %+v", e)
		}
		if again := h.browser(); d.signIn(again, nil).Code != http.StatusForbidden || again.cookies[cookie] != "" {
			h.Error("an identity that was removed still signs in")
		}
	})
}

// What the next sign-in would bring back is not said to be taken away.
func TestLinking_AnIdentityThatFollowsTheOtherSideStaysWithIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAsk, func(c *authz.Connection) {
		c.Fallback.Routes = []authz.Route{{Email: "grace@acme.example", Use: authz.SAMLSide}}
	})
	h.browser().signIn()
	ada := h.lastIn()
	h.clock.Advance(time.Second)
	d.signIn(h.browser(), func(a *idptest.SAMLAnswer) {
		for n := range a.Attributes {
			if a.Attributes[n].Name == "id" {
				a.Attributes[n].Values = []string{"s-ada"}
			}
		}
	})
	path, in := "/v1/members/"+string(ada)+"/identities", "?workspace_id="+string(h.workspace.ID)
	items := h.done("GET", path, "")["items"].([]any)
	if len(items) != 2 || h.lastIn() != ada {
		t.Fatalf("%s is known as %v", h.lastIn(), items)
	}
	saml := slices.IndexFunc(items, func(i any) bool { return i.(map[string]any)["side"] == "saml" })
	id := items[saml].(map[string]any)["id"].(string)
	h.wants("with the link key", h.manage(h.operator, "DELETE", path+"/"+id+in, ""), http.StatusConflict, "identity_follows")
	h.with(func(c *authz.Connection) { c.Fallback.Link = authz.LinkKey{} })
	if w := h.manage(h.operator, "DELETE", path+"/"+id+in, ""); w.Code != http.StatusNoContent {
		t.Errorf("without it: %d %s", w.Code, w.Body)
	}
}

func TestLinking_WhatWasGrantedByAnIdentityEndsWithIt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		h.consents = []string{"openid", "profile", "offline_access"}
		tokens := h.tokens(h.browser(), "scope", "openid offline_access")
		ada := string(h.lastIn())
		h.clock.Advance(13 * time.Hour) // the session is over, and purged
		_, err := h.store.DeleteExpiredAcrossWorkspaces(h.Context(), h.clock.Now(), 100)
		h.ok(err)
		path := "/v1/members/" + ada + "/identities"
		id := h.done("GET", path, "")["items"].([]any)[0].(map[string]any)["id"].(string)
		refresh := func() int {
			return h.send("POST", "/oauth2/token", "grant_type=refresh_token&refresh_token="+tokens["refresh_token"], "Content-Type", form, "Authorization", h.basic()).Code
		}
		h.done("DELETE", path+"/"+id, "")
		if got := refresh(); got != http.StatusBadRequest {
			h.Errorf("a refresh token outlives the identity it came by: %d", got)
		}
	})
}

// Whoever is no owner says of nobody what they are called, and nobody does at a
// draft: who sets it up afterwards could be any member.
func TestLinking_WhoIsWhoIsAnOwnersToSay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	fresh := func(p authz.Principal, scopes ...string) authz.Principal {
		p.Scopes, p.AuthTime, p.MFA, p.MFAAt = scopes, h.clock.Now(), authz.MFAProven, h.clock.Now()
		return p
	}
	ws := h.workspace.ID
	owner, manager := fresh(h.joins(ws, authz.RoleOwner), "manage:members", "manage:workspace"), fresh(h.joins(ws, authz.RoleAdmin), "manage:members", "manage:connections")
	stale := owner
	stale.MFAAt = h.clock.Now().Add(-time.Hour)
	member := authz.UserID(h.joins(ws, authz.RoleViewer).Subject)
	h.ok(h.store.PutConnection(t.Context(), authz.Connection{
		ID: "con_draft", Issuer: issuer, WorkspaceID: ws, Name: "Draft", UpstreamIssuer: "https://draft.example", State: authz.Draft, CreatedAt: h.clock.Now(), UpdatedAt: h.clock.Now(),
	}))
	for _, c := range []authz.ConnectionID{h.connection.ID, "con_draft"} {
		n := admin.Named{Connection: c, Side: authz.OIDCSide, Subject: "s-mallory"}
		if got := code(h.admin.Identify(t.Context(), manager, ws, member, n)); got != "owner_required" {
			t.Errorf("%s, by a manager: %q", c, got)
		}
		if got := code(h.admin.Identify(t.Context(), stale, ws, member, n)); got != "insufficient_user_authentication" {
			t.Errorf("%s, by an owner who proved nothing lately: %q", c, got)
		}
		want := map[authz.ConnectionID]string{"con_draft": "not_in_use"}[c]
		if got := code(h.admin.Identify(t.Context(), owner, ws, member, n)); got != want {
			t.Errorf("%s, by an owner: %q, want %q", c, got, want)
		}
	}
	anew := admin.NewMember{Named: admin.Named{Connection: h.connection.ID, Side: authz.OIDCSide, Subject: "s-new"}}
	if got := code(h.admin.CreateMember(t.Context(), manager, ws, anew)); got != "owner_required" {
		t.Errorf("a new member at a connection in use, by a manager: %q", got)
	}
	anew.Connection = "con_draft"
	if got := code(h.admin.CreateMember(t.Context(), manager, ws, anew)); got != "owner_required" {
		t.Errorf("a new member at a draft, by a manager: %q", got)
	}
	if got := code(h.admin.CreateMember(t.Context(), owner, ws, anew)); got != "not_in_use" {
		t.Errorf("a new member at a draft, by an owner: %q", got)
	}
	anew.Subject, anew.Role = "s-boss", authz.RoleOwner
	if got := code(h.admin.CreateMember(t.Context(), manager, ws, anew)); got == "" {
		t.Error("a manager made an owner")
	}
}

// A person whom another workspace's connection signs in is not this one's to
// name: their profile is read there too.
func TestLinking_AWorkspaceNamesNobodyWhoComesFromAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.browser().signIn()
	ada := h.lastIn()
	theirs := h.other()
	h.ok(h.store.AddMember(t.Context(), authz.Member{Issuer: issuer, WorkspaceID: theirs.ID, UserID: ada, Role: authz.RoleViewer, CreatedAt: h.clock.Now()}))
	h.ok(h.store.PutConnection(t.Context(), authz.Connection{
		ID: "con_theirs", Issuer: issuer, WorkspaceID: theirs.ID, Name: "Theirs", UpstreamIssuer: "https://theirs.example", State: authz.Active, CreatedAt: h.clock.Now(), UpdatedAt: h.clock.Now(),
	}))
	path := "/v1/members/" + string(ada) + "/identities?workspace_id=" + string(theirs.ID)
	h.wants("another workspace's person", h.manage(h.operator, "POST", path, `{"connection_id":"con_theirs","subject":"s-mallory"}`), http.StatusConflict, "known_elsewhere")
	h.wants("another workspace's connection", h.manage(h.operator, "POST", path, h.named("oidc", "s-mallory")), http.StatusNotFound, "not_found")
	if w := h.manage(h.operator, "GET", path, ""); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "s-ada") {
		t.Errorf("TN: what another workspace calls them: %d %s", w.Code, w.Body)
	}
}

// A sign-in that meets the removal of its identity is refused, or ends with it.
func TestLinking_NoSessionOutlivesAnIdentityThatGoesMeanwhile(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		m := h.done("POST", "/v1/members", `{"identity":`+h.named("oidc", "s-eve")+`}`)
		path := "/v1/members/" + m["user_id"].(string) + "/identities"
		for range 5 {
			id := h.done("GET", path, "")["items"].([]any)[0].(map[string]any)["id"].(string)
			b := h.browser()
			callback := b.callbackURL("login_hint", "eve")
			var both sync.WaitGroup
			both.Go(func() { b.get(callback) })
			both.Go(func() {
				h.manage(h.operator, "DELETE", path+"/"+id+"?workspace_id="+string(h.workspace.ID), "")
			})
			both.Wait()
			if w := b.get("/security"); w.Code != http.StatusUnauthorized {
				h.Fatalf("a session of nobody's identity: %d", w.Code)
			}
			h.done("POST", path, h.named("oidc", "s-eve"))
		}
	})
}
