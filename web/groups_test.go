package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// signsInWith lets ada sign in while the upstream tells of these groups, and
// returns her membership.
func (h *house) signsInWith(groups ...string) authz.Member {
	h.Helper()
	delete(h.told, "hasgroups")
	h.told["groups"] = groups
	h.browser().through(h.authorizeURL())
	m, is := h.isMember("ada@acme.example")
	if !is {
		h.Fatal("no member")
	}
	return m
}

// allowed are the scopes that roles give a person, where they are limited with
// the limit.
func allowed(m authz.Member) []string {
	var all []string
	for _, b := range authz.PersonBounds(m.Bounds).List {
		for _, s := range b.Scopes {
			all = append(all, strings.TrimSuffix(s+"@"+string(b.Environment), "@"))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (h *house) ruled(rules string) {
	h.Helper()
	h.done("PUT", "/v1/connections/"+string(h.connection.ID)+"/groups", `{"rules":[`+rules+`]}`)
}

func TestI18_GroupsGiveRolesAndTeamsAtEachSignInAndTakeThem(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		readers := h.id("POST", "/v1/roles", `{"name":"Readers","permissions":["monitor:read"]}`)
		writers := h.id("POST", "/v1/roles", `{"name":"Writers","permissions":["monitor:write"]}`)
		team := h.id("POST", "/v1/teams", `{"name":"SRE"}`)
		h.done("POST", "/v1/role-bindings", `{"subject_kind":"team","subject":"`+team+`","role":"`+writers+`"}`)
		h.ruled(`{"group":"ops","role":"` + readers + `"},{"group":"Ops","role":"admin"},{"group":"sre","team":"` + team + `"},{"group":"qa","role":"` + writers + `","environment":"test"},{"group":"qa","role":"` + readers + `"}`)
		is := func(what string, m authz.Member, want ...string) {
			h.Helper()
			if got := allowed(m); !slices.Equal(got, want) {
				h.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		is("no group of ours", h.signsInWith("dev", "op", "ops "))
		is("one", h.signsInWith("dev", "ops"), "monitor:read")
		is("a team", h.signsInWith("ops", "sre"), "monitor:read", "monitor:write")
		is("the same", h.signsInWith("sre", "ops"), "monitor:read", "monitor:write")
		is("taken away", h.signsInWith("sre"), "monitor:write")
		is("limited", h.signsInWith("qa"), "monitor:read", "monitor:write@test")
		if e := h.entries("member.groups_followed"); len(e) != 4 || e[0].Actor != string(h.connection.ID) {
			h.Errorf("audit: %d %+v", len(e), e)
		}

		// Too many to be told: none.
		h.told["hasgroups"] = true
		delete(h.told, "groups")
		h.browser().through(h.authorizeURL())
		m, _ := h.isMember("ada@acme.example")
		is("not told", m)
		e := h.entries("member.groups_followed")
		if len(e) != 5 || e[4].Details["groups_unknown"] != true {
			h.Errorf("audit: %+v", e)
		}

		// What somebody gave stays, and is not taken for the groups' own.
		h.done("POST", "/v1/role-bindings", `{"subject_kind":"user","subject":"`+string(m.UserID)+`","role":"`+readers+`","environment":"live"}`)
		h.done("PUT", "/v1/teams/"+team+"/members/"+string(m.UserID), "")
		is("by groups too", h.signsInWith("ops", "sre"), "monitor:read", "monitor:read@live", "monitor:write")
		is("not by groups", h.signsInWith(), "monitor:read@live", "monitor:write")
		if _, people, err := h.admin.GetTeam(h.Context(), authz.Principal{Issuer: issuer, Scopes: []string{"manage:members"}}, h.workspace.ID, authz.TeamID(team)); err != nil || len(people) != 1 {
			h.Errorf("who was put into the team is out: %v %v", people, err)
		}

		// A rule that goes takes at once what no other gives, of a token too.
		is("before", h.signsInWith("ops", "qa"), "monitor:read", "monitor:read@live", "monitor:write", "monitor:write@test")
		h.ruled(`{"group":"qa","role":"` + readers + `"}`)
		m, _ = h.isMember("ada@acme.example")
		is("without the rule", m, "monitor:read", "monitor:read@live", "monitor:write")
		h.ruled("")
		m, _ = h.isMember("ada@acme.example")
		is("without rules", m, "monitor:read@live", "monitor:write")
		is("nor at a sign-in", h.signsInWith("ops", "qa"), "monitor:read@live", "monitor:write")

		// Who leaves leaves all of it.
		h.ruled(`{"group":"ops","role":"` + readers + `"}`)
		h.signsInWith("ops")
		h.done("DELETE", "/v1/members/"+string(m.UserID), "")
		if left := made(h.store.ListRoleBindings(h.Context(), issuer, h.workspace.ID, authz.Page{}))(h); len(left) != 1 {
			h.Errorf("what is left: %+v", left)
		}
	})
}

func TestI18_AD_01_NobodyGivesByGroupsWhatTheyDoNotHold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, ws := t.Context(), h.workspace.ID
	boss, dev := h.joins(ws, authz.RoleAdmin), h.joins(ws, authz.RoleDeveloper)
	owners := h.id("POST", "/v1/roles", `{"name":"Deciders","permissions":["manage:workspace"]}`)
	team := h.id("POST", "/v1/teams", `{"name":"Deciders"}`)
	h.done("POST", "/v1/role-bindings", `{"subject_kind":"team","subject":"`+team+`","role":"`+owners+`"}`)
	set := func(by authz.Principal, rules ...authz.GroupRule) string {
		_, err := h.admin.SetGroupRules(ctx, by, ws, h.connection.ID, 0, rules)
		return authz.CodeOf(err)
	}
	theirs := h.furnished(h.other())
	many := make([]authz.GroupRule, 201)
	for n := range many {
		many[n] = authz.GroupRule{Group: fmt.Sprint("g", n), Role: authz.RoleViewer}
	}
	sandbox := authz.Principal{Issuer: issuer, WorkspaceID: ws, Subject: "sa_1", Environment: authz.Test, Scopes: []string{"manage:members", "monitor:read", "monitor:write"}}
	for what, c := range map[string]struct {
		by    authz.Principal
		rules []authz.GroupRule
		want  string
	}{
		"a role beyond one's own":       {boss, []authz.GroupRule{{Group: "g", Role: authz.RoleID(owners)}}, "role_exceeds"},
		"a team beyond one's own":       {boss, []authz.GroupRule{{Group: "g", Team: authz.TeamID(team)}}, "role_exceeds"},
		"one of many":                   {boss, []authz.GroupRule{{Group: "g", Role: authz.RoleViewer}, {Group: "h", Role: authz.RoleID(owners)}}, "role_exceeds"},
		"a developer, an admin's":       {dev, []authz.GroupRule{{Group: "g", Role: authz.RoleAdmin}}, "role_exceeds"},
		"owners":                        {boss, []authz.GroupRule{{Group: "g", Role: authz.RoleOwner}}, "invalid_role"},
		"a sandbox key, everywhere":     {sandbox, []authz.GroupRule{{Group: "g", Role: authz.RoleViewer}}, "wrong_environment"},
		"another workspace's role":      {boss, []authz.GroupRule{{Group: "g", Role: authz.RoleID(theirs.ids["roles"])}}, "invalid_role"},
		"nobody's role":                 {boss, []authz.GroupRule{{Group: "g", Role: "role_0"}}, "invalid_role"},
		"another workspace's team":      {boss, []authz.GroupRule{{Group: "g", Team: authz.TeamID(theirs.ids["teams"])}}, "invalid_team"},
		"nobody's team":                 {boss, []authz.GroupRule{{Group: "g", Team: "team_0"}}, "invalid_team"},
		"a role and a team":             {boss, []authz.GroupRule{{Group: "g", Role: authz.RoleViewer, Team: authz.TeamID(team)}}, "invalid_rules"},
		"neither":                       {boss, []authz.GroupRule{{Group: "g"}}, "invalid_rules"},
		"a team somewhere":              {boss, []authz.GroupRule{{Group: "g", Team: authz.TeamID(team), Environment: authz.Live}}, "invalid_rules"},
		"one twice":                     {boss, []authz.GroupRule{{Group: "g", Role: authz.RoleViewer}, {Group: "g", Role: authz.RoleViewer}}, "invalid_rules"},
		"no group":                      {boss, []authz.GroupRule{{Role: authz.RoleViewer}}, "invalid_group"},
		"a group with an override":      {boss, []authz.GroupRule{{Group: "g\u202e", Role: authz.RoleViewer}}, "invalid_group"},
		"too many":                      {boss, many, "invalid_rules"},
		"somebody who manages keys":     {authz.Principal{Issuer: issuer, WorkspaceID: ws, Subject: "sa_1", Scopes: []string{"manage:connections"}}, nil, "insufficient_scope"},
		"somebody of another workspace": {h.joins(authz.WorkspaceID(theirs.ids["workspaces"]), authz.RoleOwner), nil, "not_found"},
	} {
		if got := set(c.by, c.rules...); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
	// Nor takes it away, or changes what stands beside it.
	h.ruled(`{"group":"bosses","role":"` + owners + `"}`)
	if got := set(boss); got != "role_exceeds" {
		t.Errorf("an admin takes what is beyond them: %q", got)
	}
	h.ruled("")
	if got := set(boss, authz.GroupRule{Group: "g", Role: authz.RoleAdmin}); got != "" {
		t.Errorf("what one holds: %q", got)
	}
	w := h.manage(h.operator, "GET", "/v1/connections/"+string(h.connection.ID)+"/groups?workspace_id="+string(ws), "")
	var told struct{ Rules []map[string]string }
	if json.Unmarshal(w.Body.Bytes(), &told) != nil || len(told.Rules) != 1 || told.Rules[0]["role"] != "admin" || w.Header().Get("ETag") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	stale := h.manage(h.operator, "PUT", "/v1/connections/"+string(h.connection.ID)+"/groups?workspace_id="+string(ws), `{"rules":[]}`, "If-Match", `"1"`)
	h.wants("an old revision", stale, http.StatusPreconditionFailed, "stale")
}

// What groups gave ends with the role, and rules for what is gone give nothing
// and stop no sign-in.
func TestI18_ARuleForWhatIsGoneStopsNoSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	role := h.id("POST", "/v1/roles", `{"name":"Readers","permissions":["monitor:read"]}`)
	team := h.id("POST", "/v1/teams", `{"name":"SRE"}`)
	h.ruled(`{"group":"ops","role":"` + role + `"},{"group":"ops","team":"` + team + `"}`)
	h.done("DELETE", "/v1/roles/"+role, "")
	h.done("DELETE", "/v1/teams/"+team, "")
	if m := h.signsInWith("ops"); len(allowed(m)) != 0 {
		t.Errorf("%v", allowed(m))
	}
	h.ruled("") // what is gone is nobody's to hold
}

// Someone at the upstream while the rule goes does not come back with it.
func TestI18_ARuleThatWentMeanwhileGivesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.signsInWith()
	role := h.id("POST", "/v1/roles", `{"name":"Readers","permissions":["monitor:read"]}`)
	h.ruled(`{"group":"ops","role":"` + role + `"}`)
	c := made(h.store.GetConnectionAcrossWorkspaces(t.Context(), issuer, h.connection.ID))(t)
	h.ruled("")
	h.ok(h.store.InTx(t.Context(), func(ctx context.Context) error {
		return h.admin.FollowGroups(ctx, admin.GroupsTold{Connection: c, User: m.UserID, Groups: []string{"ops"}})
	}))
	if m, _ := h.isMember("ada@acme.example"); len(allowed(m)) != 0 {
		t.Errorf("%v", allowed(m))
	}
}

// A list that was left out gives nothing, whatever came with it.
func TestI18_GroupsThatAreUnknownGiveNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.signsInWith()
	h.ruled(`{"group":"ops","role":"viewer"}`)
	c := made(h.store.GetConnectionAcrossWorkspaces(t.Context(), issuer, h.connection.ID))(t)
	h.ok(h.store.InTx(t.Context(), func(ctx context.Context) error {
		return h.admin.FollowGroups(ctx, admin.GroupsTold{Connection: c, User: m.UserID, Groups: []string{"ops"}, Unknown: true})
	}))
	if m, _ := h.isMember("ada@acme.example"); len(allowed(m)) != 0 {
		t.Errorf("%v", allowed(m))
	}
}

// During an outage people come by the other side, which tells other groups: they
// keep what they had.
func TestI18_AnOutageNeitherGivesNorTakes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.both(authz.FallbackAuto)
	h.id("POST", "/v1/roles", `{"name":"Writers","permissions":["monitor:write"]}`)
	h.ruled(`{"group":"ops","role":"admin"},{"group":"dev","role":"viewer"}`)
	before := allowed(h.signsInWith("dev"))
	h.outage()
	asAda := func(a *idptest.SAMLAnswer) {
		for n := range a.Attributes {
			if a.Attributes[n].Name == "id" {
				a.Attributes[n].Values = []string{"s-ada"}
			}
		}
	}
	b := h.browser()
	if w := d.signIn(b, asAda, "login_hint", "ada@acme.example"); w.Code/100 == 4 || b.cookies[cookie] == "" {
		t.Fatalf("no sign-in: %d %.500s", w.Code, w.Body)
	}
	members := made(h.store.ListMembers(t.Context(), issuer, h.workspace.ID, authz.Page{}))(t)
	if len(members) != 1 || !slices.Equal(allowed(members[0]), before) || len(before) == 0 {
		t.Errorf("%v became %+v", before, members)
	}
}

// Nothing could take it afterwards: no rule, and no sign-in.
func TestI18_ADeletedConnectionGivesNothingAnyMore(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		writers := h.id("POST", "/v1/roles", `{"name":"Writers","permissions":["monitor:write"]}`)
		team := h.id("POST", "/v1/teams", `{"name":"SRE"}`)
		h.done("POST", "/v1/role-bindings", `{"subject_kind":"team","subject":"`+team+`","role":"`+writers+`"}`)
		h.ruled(`{"group":"ops","role":"admin"},{"group":"sre","team":"` + team + `"}`)
		m := h.signsInWith("ops", "sre")
		if len(allowed(m)) < 2 {
			h.Fatalf("given %v", allowed(m))
		}
		h.done("POST", "/v1/role-bindings", `{"subject_kind":"user","subject":"`+string(m.UserID)+`","role":"`+writers+`","environment":"live"}`)
		by := authz.Principal{Issuer: issuer, WorkspaceID: h.workspace.ID, Subject: "usr_x", Scopes: []string{"manage:connections"}}
		h.ok(h.connections.Delete(h.Context(), by, h.workspace.ID, h.connection.ID))
		left := made(h.store.GetMember(h.Context(), issuer, h.workspace.ID, m.UserID))(h)
		if got := allowed(left); !slices.Equal(got, []string{"monitor:write@live"}) {
			h.Errorf("left are %v, not what somebody gave", got)
		}
		if c := made(h.store.GetConnectionAcrossWorkspaces(h.Context(), issuer, h.connection.ID))(h); len(c.Groups) != 0 || c.State != authz.Deleted {
			h.Errorf("%s with the rules %v", c.State, c.Groups)
		}
		if e := h.entries("connection.groups_changed"); len(e) != 2 || e[1].Actor != "usr_x" {
			h.Errorf("audit: %+v", e)
		}
	})
}
