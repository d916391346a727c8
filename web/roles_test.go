package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// done checks that /v1 did what the operator asked in the workspace, and
// returns the answer.
func (h *house) done(method, path, body string) map[string]any {
	h.Helper()
	in := "workspace_id=" + string(h.workspace.ID)
	if made := strings.Count(path, "/") == 2 || strings.HasPrefix(path, "/v1/resources/"); made && method == "POST" {
		body = `{"workspace_id":"` + string(h.workspace.ID) + `",` + body[1:]
	} else {
		path += "?" + in
	}
	w := h.manage(h.operator, method, path, body)
	if w.Code/100 != 2 {
		h.Fatalf("%s %s %s: %d %s", method, path, body, w.Code, w.Body)
	}
	var m map[string]any
	if w.Body.Len() > 0 {
		h.ok(json.Unmarshal(w.Body.Bytes(), &m))
	}
	return m
}

func (h *house) id(method, path, body string) string {
	h.Helper()
	id, _ := h.done(method, path, body)["id"].(string)
	return id
}

// joins makes a person a member, and returns them as they act at the API.
func (h *house) joins(ws authz.WorkspaceID, to authz.RoleID) authz.Principal {
	h.Helper()
	ctx, now := h.Context(), h.clock.Now()
	user := authz.User{ID: authz.NewUserID(), Issuer: issuer, State: authz.Active, CreatedAt: now, UpdatedAt: now}
	h.ok(h.store.CreateUser(ctx, user, authz.UpstreamIdentity{Issuer: issuer, ConnectionID: h.connection.ID, Subject: string(user.ID), UserID: user.ID, CreatedAt: now, LastLoginAt: now}))
	h.ok(h.store.AddMember(ctx, authz.Member{Issuer: issuer, WorkspaceID: ws, UserID: user.ID, Role: authz.RoleMember, CreatedAt: now}))
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:members"}}
	made(h.admin.SetMemberRole(ctx, by, ws, user.ID, 0, to))(h)
	return authz.Principal{Issuer: issuer, WorkspaceID: ws, AccountID: h.workspace.AccountID, Subject: string(user.ID), Scopes: []string{"manage:members", "manage:workspace", "manage:keys"}, AuthTime: now, MFA: authz.MFAProven, MFAAt: now}
}

// addressed gives a person an address.
func (h *house) addressed(who authz.Principal, email string) {
	h.Helper()
	h.ok(h.store.UpdateUserProfile(h.Context(), issuer, authz.UserID(who.Subject), authz.Profile{Email: email}, h.clock.Now()))
}

// code is the code of an error.
func code(_ any, err error) string { return authz.CodeOf(err) }

func TestS31_S32_U3_RolesNarrowAServiceAccountsKeysAndTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	gateway := h.gateway(authz.Live, authz.Test)
	account := h.id("POST", "/v1/service-accounts", `{"name":"runner"}`)
	_, key := h.mint(func(r *apikey.Request) {
		r.ServiceAccountID, r.Scopes = authz.ServiceAccountID(account), []string{"monitor:read", "monitor:write"}
	})
	token := func(more string) *httptest.ResponseRecorder {
		return h.send("POST", "/oauth2/token", "grant_type=client_credentials"+more, "Content-Type", form, "Authorization", "Bearer "+key)
	}
	before := member(token(""), "access_token")
	use := func(credential, action, cluster string) map[string]any {
		ask := map[string]any{"credential": credential, "action": action}
		if cluster != "" {
			ask["resource"] = map[string]any{"kind": "cluster", "id": cluster}
		}
		return ask
	}
	for _, credential := range []string{key, before} {
		h.decided("a service account without roles", h.verify(gateway, use(credential, "monitor:write", "us")), "ok")
	}

	readers := h.id("POST", "/v1/roles", `{"name":"Readers","permissions":["monitor:read"],"read_only":true}`)
	bind := func(role, more string) string {
		return h.id("POST", "/v1/role-bindings", `{"subject_kind":"service_account","subject":"`+account+`","role":"`+role+`"`+more+`}`)
	}
	eu := bind(readers, `,"resources":{"clusters":["eu"]}`)
	for what, credential := range map[string]string{"key": key, "token": before} {
		m := h.decided(what+" on its cluster", h.verify(gateway, use(credential, "monitor:read", "eu")), "ok")
		if resources, _ := json.Marshal(m["resources"]); m["scope"] != "monitor:read" || string(resources) != `{"clusters":["eu"]}` {
			t.Errorf("%s: introspection says %v", what, m)
		}
		h.decided(what+" on another", h.verify(gateway, use(credential, "monitor:read", "us")), "resource")
		h.decided(what+" writes", h.verify(gateway, use(credential, "monitor:write", "eu")), "scope")
	}
	h.wants("issuance", token("&scope=monitor:write"), http.StatusBadRequest, "invalid_scope")
	if w := token(""); member(w, "scope") != "monitor:read" {
		t.Errorf("issuance of what is left: %s", w.Body)
	}

	// Two roles on two clusters: verify knows which holds where, and nothing
	// that is told of the key allows more than it.
	writers := bind("developer", `,"resources":{"clusters":["us"]}`)
	h.decided("writes there", h.verify(gateway, use(key, "monitor:write", "us")), "ok")
	h.decided("writes here", h.verify(gateway, use(key, "monitor:write", "eu")), "resource")
	if m := h.decided("reads here", h.verify(gateway, use(key, "monitor:read", "eu")), "ok"); strings.Contains(m["scope"].(string), "write") {
		t.Errorf("introspection of both: %v", m)
	}

	// The sandbox role is nothing in production (TN-07).
	h.done("DELETE", "/v1/role-bindings/"+writers, "")
	h.done("DELETE", "/v1/role-bindings/"+eu, "")
	bind("developer", `,"environment":"test"`)
	h.decided("TN-07", h.verify(gateway, use(key, "monitor:read", "")), "scope")
	if !h.done("GET", "/v1/service-accounts/"+account, "")["bound"].(bool) {
		t.Error("the last role was taken, and what it narrowed is free")
	}
	bind("viewer", "")
	h.decided("the viewer's key", h.verify(gateway, use(key, "monitor:read", "us")), "ok")

	// A change of the role is a change of whoever has it.
	own := h.id("POST", "/v1/roles", `{"name":"Own","permissions":["monitor:write"]}`)
	bind(own, "")
	h.decided("its own role", h.verify(gateway, use(before, "monitor:write", "")), "ok")
	h.done("PATCH", "/v1/roles/"+own, `{"permissions":["monitor:read"]}`)
	h.decided("the role changed", h.verify(gateway, use(before, "monitor:write", "")), "scope")
	h.wants("a role in use", h.manage(h.operator, "DELETE", "/v1/roles/"+own+"?workspace_id="+string(h.workspace.ID), ""), http.StatusConflict, "role_in_use")

	h.done("POST", "/v1/service-accounts/"+account+"/disable", "")
	h.decided("disabled", h.verify(gateway, use(key, "monitor:read", "")), "inactive")
	h.done("POST", "/v1/service-accounts/"+account+"/enable", "")
	h.decided("enabled", h.verify(gateway, use(key, "monitor:read", "")), "ok")
	h.decided("its token stays dead", h.verify(gateway, use(before, "monitor:read", "")), "inactive")
	h.done("DELETE", "/v1/service-accounts/"+account, "")
	h.decided("deleted", h.verify(gateway, use(key, "monitor:read", "")), "inactive")
}

func TestS1_AReadOnlyRoleIsNeverWidened(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	readers := h.id("POST", "/v1/roles", `{"name":"Readers","permissions":["monitor:read"],"read_only":true}`)
	in := "?workspace_id=" + string(h.workspace.ID)
	for _, body := range []string{`{"permissions":["monitor:read","monitor:write"]}`, `{"read_only":false}`, `{"read_only":false,"permissions":["monitor:write"]}`} {
		h.wants(body, h.manage(h.operator, "PATCH", "/v1/roles/"+readers+in, body), http.StatusForbidden, "role_read_only")
	}
	h.wants("made so", h.manage(h.operator, "POST", "/v1/roles", `{"workspace_id":"`+string(h.workspace.ID)+`","name":"x","read_only":true,"permissions":["monitor:write"]}`), http.StatusForbidden, "role_read_only")
	h.wants("viewer", h.manage(h.operator, "PATCH", "/v1/roles/viewer"+in, `{"permissions":["monitor:write"]}`), http.StatusForbidden, "role_built_in")
}

func TestS30_AdminAllIsNoServiceAccounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := h.id("POST", "/v1/service-accounts", `{"name":"runner"}`)
	all := h.id("POST", "/v1/roles", `{"name":"All","permissions":["admin:all"]}`)
	in := "?workspace_id=" + string(h.workspace.ID)
	body := `{"workspace_id":"` + string(h.workspace.ID) + `","subject_kind":"service_account","subject":"` + account + `","role":"`
	h.wants("AD-02", h.manage(h.operator, "POST", "/v1/role-bindings", body+all+`"}`), http.StatusForbidden, "people_only")
	later := h.id("POST", "/v1/roles", `{"name":"Later","permissions":["monitor:read"]}`)
	if w := h.manage(h.operator, "POST", "/v1/role-bindings", body+later+`"}`); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	h.wants("AD-02 by a change", h.manage(h.operator, "PATCH", "/v1/roles/"+later+in, `{"permissions":["admin:all"]}`), http.StatusForbidden, "people_only")
	h.wants("ownership", h.manage(h.operator, "POST", "/v1/role-bindings", body+`owner"}`), http.StatusBadRequest, "invalid_role")
}

func TestAD_01_NobodyGivesMoreThanTheyMay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, ws := t.Context(), h.workspace.ID
	owner, boss, plain := h.joins(ws, authz.RoleOwner), h.joins(ws, authz.RoleAdmin), h.joins(ws, authz.RoleMember)
	target := h.joins(ws, authz.RoleMember)
	id := func(p authz.Principal) authz.UserID { return authz.UserID(p.Subject) }
	user := func(by authz.Principal, to authz.RoleID) string {
		return code(h.admin.Bind(ctx, by, ws, admin.Binding{Kind: authz.UserSubject, Subject: target.Subject, Role: to}))
	}
	names := func(list ...string) *[]string { return &list }
	name := func(s string) *string { return &s }
	made(h.admin.CreateRole(ctx, owner, ws, admin.RoleSettings{Name: name("Spaces"), Permissions: names("manage:workspace")}))(t)
	for what, got := range map[string]string{
		"an admin makes an owner":            code(h.admin.SetMemberRole(ctx, boss, ws, id(target), 0, authz.RoleOwner)),
		"an admin makes themselves an owner": code(h.admin.SetMemberRole(ctx, boss, ws, id(boss), 0, authz.RoleOwner)),
		"an admin demotes an owner":          code(h.admin.SetMemberRole(ctx, boss, ws, id(owner), 0, authz.RoleMember)),
		"an admin removes an owner":          authz.CodeOf(h.admin.RemoveMember(ctx, boss, ws, id(owner), "")),
		"an admin invites an owner":          codeOfInvitation(h.admin.Invite(ctx, boss, ws, admin.NewInvitation{Email: "x@x.example", Role: authz.RoleOwner})),
		"a role of what they lack":           code(h.admin.CreateRole(ctx, boss, ws, admin.RoleSettings{Name: name("More"), Permissions: names("manage:workspace")})),
		"a member gives what nobody narrows": user(plain, authz.RoleViewer),
		"a member makes an admin":            code(h.admin.SetMemberRole(ctx, plain, ws, id(plain), 0, authz.RoleAdmin)),
	} {
		if got != "role_exceeds" && got != "last_owner" {
			t.Errorf("%s: %q", what, got)
		}
	}
	// A role cannot grant itself more: whoever has it must hold what they add.
	mine := made(h.admin.CreateRole(ctx, boss, ws, admin.RoleSettings{Name: name("Mine"), Permissions: names("manage:members")}))(t)
	made(h.admin.Bind(ctx, boss, ws, admin.Binding{Kind: authz.UserSubject, Subject: target.Subject, Role: mine.ID}))(t)
	for _, by := range []authz.Principal{boss, target} {
		if got := code(h.admin.UpdateRole(ctx, by, ws, mine.ID, 0, admin.RoleSettings{Permissions: names("manage:members", "manage:workspace")})); got != "role_exceeds" {
			t.Errorf("%s widened a role they have: %q", by.Subject, got)
		}
	}
	if got := code(h.admin.UpdateRole(ctx, target, ws, mine.ID, 0, admin.RoleSettings{Permissions: names("manage:members", "monitor:write")})); got != "role_exceeds" {
		t.Errorf("who has a role widened it: %q", got)
	}
	// A sandbox credential gives sandbox roles only; a service account gives its scopes.
	sandbox := boss
	sandbox.Environment = authz.Test
	if got := user(sandbox, authz.RoleViewer); got != "wrong_environment" {
		t.Errorf("a sandbox credential: %q", got)
	}
	machine := authz.Principal{Issuer: issuer, WorkspaceID: ws, Subject: "sa_x", Scopes: []string{"manage:members"}}
	if got := user(machine, authz.RoleViewer); got != "role_exceeds" {
		t.Errorf("a key gave what it has no scope for: %q", got)
	}
	if got := user(owner, authz.RoleAdmin); got != "" {
		t.Errorf("an owner: %q", got)
	}
}

func codeOfInvitation(_ authz.Invitation, _ authz.Secret, err error) string { return authz.CodeOf(err) }

func TestTheLastOwnerStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, ws := t.Context(), h.workspace.ID
	one, two := h.joins(ws, authz.RoleOwner), h.joins(ws, authz.RoleOwner)
	id := func(p authz.Principal) authz.UserID { return authz.UserID(p.Subject) }
	// Each removes the other at once: one of them is left.
	var group sync.WaitGroup
	codes := make(chan string, 2)
	group.Go(func() { codes <- authz.CodeOf(h.admin.RemoveMember(ctx, one, ws, id(two), "")) })
	group.Go(func() { codes <- authz.CodeOf(h.admin.RemoveMember(ctx, two, ws, id(one), "")) })
	group.Wait()
	close(codes)
	var got []string
	for c := range codes {
		got = append(got, c)
	}
	owners := made(h.store.MembersOfRole(ctx, issuer, ws, authz.RoleOwner, 10))(t)
	if len(owners) != 1 || !slices.Contains(got, "") {
		t.Fatalf("%d owners, answers %q", len(owners), got)
	}
	last := one
	if owners[0].UserID == id(two) {
		last = two
	}
	if got := authz.CodeOf(h.admin.RemoveMember(ctx, last, ws, id(last), "")); got != "last_owner" {
		t.Errorf("leaves: %q", got)
	}
	if got := code(h.admin.SetMemberRole(ctx, last, ws, id(last), 0, authz.RoleMember)); got != "last_owner" {
		t.Errorf("steps down: %q", got)
	}
	next := h.joins(ws, authz.RoleMember)
	made(h.admin.SetMemberRole(ctx, last, ws, id(next), 0, authz.RoleOwner))(t)
	h.ok(h.admin.RemoveMember(ctx, last, ws, id(last), ""))
}

func TestI19_AK_16_ALeaversKeysArePassedOnOrEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, ws := t.Context(), h.workspace.ID
	owner := h.joins(ws, authz.RoleOwner)
	gateway := h.gateway(authz.Live)
	alive := func(key string) bool {
		return strings.Contains(h.verify(gateway, map[string]any{"credential": key}).Body.String(), `"active":true`)
	}
	owned := func(by authz.Principal) (authz.ServiceAccount, string) {
		name := "runner"
		s := made(h.admin.CreateServiceAccount(ctx, by, ws, admin.ServiceAccountSettings{Name: &name}))(t)
		_, key := h.mint(func(r *apikey.Request) { r.ServiceAccountID = s.ID })
		return s, key
	}
	leaver := h.joins(ws, authz.RoleDeveloper)
	account, key := owned(leaver)
	h.ok(h.admin.RemoveMember(ctx, owner, ws, authz.UserID(leaver.Subject), ""))
	if s := made(h.store.GetServiceAccount(ctx, issuer, ws, account.ID))(t); string(s.OwnerID) != owner.Subject || !alive(key) {
		t.Errorf("passed on to %q, alive %t", s.OwnerID, alive(key))
	}
	if w := h.manage(h.operator, "PATCH", "/v1/workspaces/"+string(ws), `{"leaver":"end"}`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	second := h.joins(ws, authz.RoleDeveloper)
	_, key = owned(second)
	h.ok(h.admin.RemoveMember(ctx, second, ws, authz.UserID(second.Subject), "")) // by themselves
	if alive(key) {
		t.Error("the key of a leaver lives on")
	}
	if revoked := h.entries("api_key.revoked"); len(revoked) != 1 || revoked[0].Details["reason"] != "owner_left" {
		t.Errorf("audit: %+v", revoked)
	}
	if code := authz.CodeOf(h.admin.RemoveMember(ctx, second, ws, authz.UserID(second.Subject), "")); code != "not_found" {
		t.Errorf("again: %q", code)
	}
}

func TestI1_AnInvitationLetsOnePersonInOnceBeforeItsEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, ws := t.Context(), h.workspace.ID
	elsewhere := h.other()
	boss := h.joins(ws, authz.RoleAdmin)
	guests := make([]authz.Principal, 6)
	for n := range guests {
		guests[n] = h.joins(elsewhere.ID, authz.RoleMember)
		h.addressed(guests[n], "Guest@x.example")
	}
	invite := func(in admin.NewInvitation) (authz.Invitation, authz.Secret) {
		in.Email = "guest@x.example"
		i, token, err := h.admin.Invite(ctx, boss, ws, in)
		h.ok(err)
		return i, token
	}
	_, token := invite(admin.NewInvitation{Role: authz.RoleViewer})
	var group sync.WaitGroup
	codes := make(chan string, len(guests))
	for _, g := range guests {
		group.Go(func() { codes <- code(h.admin.Accept(ctx, g, token)) })
	}
	group.Wait()
	close(codes)
	joined := 0
	for c := range codes {
		if c == "" {
			joined++
		} else if c != "invalid_invitation" {
			t.Errorf("answer %q", c)
		}
	}
	if joined != 1 {
		t.Errorf("%d joined with one invitation", joined)
	}
	stranger := h.joins(elsewhere.ID, authz.RoleMember)
	_, token = invite(admin.NewInvitation{})
	for _, address := range []string{"", "other@x.example", "gueſt@x.example"} { // folds to s
		h.addressed(stranger, address)
		if got := code(h.admin.Accept(ctx, stranger, token)); got != "invalid_invitation" {
			t.Errorf("somebody with the address %q: %q", address, got)
		}
	}
	guest := h.joins(elsewhere.ID, authz.RoleMember)
	h.addressed(guest, "guest@x.example")
	_, token = invite(admin.NewInvitation{ExpiresIn: time.Hour})
	h.clock.Advance(time.Hour)
	if got := code(h.admin.Accept(ctx, guest, token)); got != "invalid_invitation" {
		t.Errorf("after its end: %q", got)
	}
	i, token := invite(admin.NewInvitation{})
	h.ok(h.admin.RevokeInvitation(ctx, boss, ws, i.ID))
	if got := code(h.admin.Accept(ctx, guest, token)); got != "invalid_invitation" {
		t.Errorf("revoked: %q", got)
	}
	// A circle: who was invited invites back whoever invited them, and is not
	// believed after they are less than they were.
	_, token = invite(admin.NewInvitation{Role: authz.RoleAdmin})
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:members"}}
	made(h.admin.SetMemberRole(ctx, by, ws, authz.UserID(boss.Subject), 0, authz.RoleMember))(t)
	if got := code(h.admin.Accept(ctx, guest, token)); got != "invalid_invitation" {
		t.Errorf("of somebody who is no admin any more: %q", got)
	}
	if got := code(h.admin.Accept(ctx, authz.Principal{Issuer: issuer, Subject: "sa_x"}, token)); got != "people_only" {
		t.Errorf("a machine: %q", got)
	}
	for _, text := range []string{"", "gin_x", token.Reveal() + "x"} {
		if got := code(h.admin.Accept(ctx, guest, authz.Secret(text))); got != "invalid_invitation" {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestI4_ATeamsRolesAreItsPeoplesAndEndWithIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, ws := t.Context(), h.workspace.ID
	person := h.joins(ws, authz.RoleMember)
	team := h.id("POST", "/v1/teams", `{"name":"SRE"}`)
	may := func() bool {
		m := made(h.store.GetMember(ctx, issuer, ws, authz.UserID(person.Subject)))(t)
		left := authz.PersonBounds(m.Bounds).Narrow("", []string{"manage:keys"}, authz.Resources{})
		return len(left.Scopes) == 1
	}
	h.done("POST", "/v1/role-bindings", `{"subject_kind":"team","subject":"`+team+`","role":"developer"}`)
	path := "/v1/teams/" + team + "/members/" + person.Subject
	if may() {
		t.Error("before joining the team")
	}
	h.done("PUT", path, "")
	if !may() {
		t.Error("in the team")
	}
	h.done("DELETE", path, "")
	if may() {
		t.Error("after leaving the team")
	}
	h.done("PUT", path, "")
	if got := h.done("GET", "/v1/teams/"+team, "")["members"]; len(got.([]any)) != 1 {
		t.Errorf("members %v", got)
	}
	// Joining a team is being given its roles: who lacks them lets nobody in.
	if got := authz.CodeOf(h.admin.AddTeamMember(ctx, h.joins(ws, authz.RoleMember), ws, authz.TeamID(team), authz.UserID(person.Subject))); got != "role_exceeds" {
		t.Errorf("a member lets somebody into the team: %q", got)
	}
	h.done("DELETE", "/v1/teams/"+team, "")
	if may() {
		t.Error("after the team")
	}
}

func TestAK_16_APersonsManagementScopesAreTheirRolesAtIssueRefreshAndVerify(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients", "manage:members"}}
	scopes := []string{"openid", "offline_access", "manage:members", "monitoring:admin"}
	c, text, err := h.admin.CreateClient(t.Context(), by, admin.ClientSettings{
		Name: "Console", WorkspaceID: h.workspace.ID, RedirectURIs: []string{appURI}, Scopes: scopes, IDTokenAlgorithm: "ES256",
	})
	h.ok(err)
	h.app, h.secret, h.consents = c, text.Reveal(), scopes
	scopesOf := func(granted string) []string { return strings.Fields(granted) }
	signIn := func() map[string]string { return h.tokens(h.browser(), "scope", strings.Join(scopes, " ")) }
	first := signIn()
	if slices.Contains(scopesOf(first["scope"]), "manage:members") || !slices.Contains(scopesOf(first["scope"]), "monitoring:admin") {
		t.Errorf("a member was issued %q", first["scope"])
	}
	list := func(token string) int {
		return h.manage(token, "GET", "/v1/members", "").Code
	}
	if got := list(first["access_token"]); got != http.StatusForbidden {
		t.Errorf("a member lists members: %d", got)
	}
	members := made(h.store.ListMembers(t.Context(), issuer, h.workspace.ID, authz.Page{}))(t)
	set := func(to authz.RoleID) {
		made(h.admin.SetMemberRole(t.Context(), by, h.workspace.ID, members[0].UserID, 0, to))(t)
	}
	set(authz.RoleAdmin)
	second := signIn()
	if got := list(second["access_token"]); got != http.StatusOK {
		t.Errorf("an admin lists members: %d", got)
	}
	if got := list(first["access_token"]); got != http.StatusForbidden {
		t.Errorf("a token that was issued without the scope: %d", got)
	}
	set(authz.RoleViewer)
	if got := list(second["access_token"]); got != http.StatusForbidden {
		t.Errorf("AK-16: a viewer lists members with the token of an admin: %d", got)
	}
	refreshed := h.send("POST", "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {second["refresh_token"]}}.Encode(), "Content-Type", form, "Authorization", h.basic())
	if granted := scopesOf(member(refreshed, "scope")); slices.Contains(granted, "manage:members") || slices.Contains(granted, "monitoring:admin") || !slices.Contains(granted, "openid") {
		t.Errorf("a viewer's refresh: %s", refreshed.Body)
	}
	set(authz.RoleAdmin)
	again := h.send("POST", "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {member(refreshed, "refresh_token")}}.Encode(), "Content-Type", form, "Authorization", h.basic())
	if granted := scopesOf(member(again, "scope")); !slices.Contains(granted, "manage:members") {
		t.Errorf("an admin's refresh: %s", again.Body)
	}
}

func TestI21_AClientsHistoryIsKeptAndTakenBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := "/v1/clients/" + string(h.app.ID)
	h.done("PATCH", path, `{"name":"Second"}`)
	h.done("PATCH", path, `{"name":"Third","scopes":["openid"]}`)
	items := h.done("GET", path+"/history", "")["items"].([]any)
	if len(items) != 3 {
		t.Fatalf("%d revisions", len(items))
	}
	back := h.done("POST", path+"/rollback", `{"revision":2}`)
	if back["name"] != "Second" || back["revision"] != 4.0 || len(back["scopes"].([]any)) != 3 {
		t.Errorf("rolled back to %v", back)
	}
	h.wants("a revision nobody knows", h.manage(h.operator, "POST", path+"/rollback?workspace_id="+string(h.workspace.ID), `{"revision":99}`), http.StatusBadRequest, "invalid_revision")
	h.wants("meanwhile", h.manage(h.operator, "POST", path+"/rollback?workspace_id="+string(h.workspace.ID), `{"revision":1}`, "If-Match", `"3"`), http.StatusPreconditionFailed, "stale")
}
