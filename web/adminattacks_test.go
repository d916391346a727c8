package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
)

// AD-03: of changes made at once of what one role allows, none ends above what
// whoever asked may give, and of those that name one revision one is made.
func TestAD_03_ParallelChangesOfARoleNeverEndAboveWhatIsAllowed(t *testing.T) {
	onBoth(t, func(h *house) {
		t := h.T
		ctx, ws := t.Context(), h.workspace.ID
		boss := h.joins(ws, authz.RoleAdmin)
		name, one := "Mine", []string{"monitor:read"}
		role := made(h.admin.CreateRole(ctx, boss, ws, admin.RoleSettings{Name: &name, Permissions: &one}))(t)
		target := h.joins(ws, authz.RoleMember)
		made(h.admin.Bind(ctx, boss, ws, admin.Binding{Kind: authz.UserSubject, Subject: target.Subject, Role: role.ID}))(t)
		asked := [][]string{
			{"monitor:read", "monitor:write"}, {"monitor:write"}, {"manage:keys"}, {"manage:members", "manage:workspace"}, {"manage:workspace"}, {"admin:all"}, {"monitor:read", "admin:all"}, {"manage:clients"},
		}
		for round := range 3 {
			at := made(h.admin.GetRole(ctx, boss, ws, role.ID))(t).Revision
			answers := make([]string, len(asked))
			var all sync.WaitGroup
			for i, permissions := range asked {
				all.Go(func() {
					answers[i] = code(h.admin.UpdateRole(ctx, boss, ws, role.ID, at, admin.RoleSettings{Permissions: &permissions}))
				})
			}
			all.Wait()
			won := 0
			for i, answer := range answers {
				above := slices.Contains(asked[i], "manage:workspace") || slices.Contains(asked[i], "admin:all")
				switch {
				case answer == "" && !above:
					won++
				case answer == "stale", above && answer == "role_exceeds":
				default:
					t.Errorf("round %d: %v: %q", round, asked[i], answer)
				}
			}
			if won != 1 {
				t.Errorf("round %d: %d changes of one revision: %q", round, won, answers)
			}
			m := made(h.store.GetMember(ctx, issuer, ws, authz.UserID(target.Subject)))(t)
			for _, b := range m.Bounds.List {
				if slices.Contains(b.Scopes, "manage:workspace") || slices.Contains(b.Scopes, "admin:all") {
					t.Errorf("round %d: %v", round, b.Scopes)
				}
			}
		}
	})
}

// AD-06: nobody says of themselves, or of anybody, that an address is verified,
// how somebody signed in, or who they are: no body of any route has such a
// member, and none is taken that has it all the same.
func TestAD_06_NobodyVerifiesAnAddressOrAFactorOverTheAPI(t *testing.T) {
	h := newHouse(t)
	mine := h.furnished(h.workspace)
	d := h.description()
	told := []string{"email_verified", "phone_number_verified", "amr", "acr", "auth_time", "mfa", "mfa_at", "epoch", "lineage", "state", "bounds", "hash", "issuer_name"}
	about := map[string]bool{"/v1/policies:simulate": true} // asks what would be of such a person
	for path, operations := range d.Paths {
		for method, o := range operations {
			media, ok := o.Body.Content["application/json"]
			if !ok || about[path] {
				continue
			}
			body, ok := d.whole(media.Schema).(map[string]any)
			if !ok {
				continue
			}
			for _, name := range told {
				if _, there := body[name]; there {
					t.Errorf("%s %s takes %s", method, path, name)
				}
				plain, _ := json.Marshal(d.sample(media.Schema))
				w := h.manage(h.operator, strings.ToUpper(method), filled(path, mine.ids[kindOf(path)]), strings.Replace(string(plain), "{", `{"`+name+`":true,`, 1))
				if w.Code != http.StatusBadRequest {
					t.Errorf("%s %s with %s: %d %.200s", method, path, name, w.Code, w.Body)
				}
			}
		}
	}
}

// AD-08: what looks like a reference to the server's own environment or files
// is an address like any other where somebody gives one, and is no line break.
func TestAD_08_NothingOfTheServersOwnIsExpandedInWhatSomebodySends(t *testing.T) {
	t.Setenv("GATEHOUSE_TEST_SECRET", "s3cret-environment")
	h := newHouse(t)
	for _, reference := range []string{"${env:GATEHOUSE_TEST_SECRET}", "${env.GATEHOUSE_TEST_SECRET}", "$GATEHOUSE_TEST_SECRET", "{{env.GATEHOUSE_TEST_SECRET}}", "${file:/etc/passwd}", "x\\r\\nX-Evil: 1", "x%0d%0aX-Evil: 1"} {
		for what, c := range map[string]struct{ path, body string }{
			"a connection's issuer":  {"/v1/connections", `{"workspace_id":"` + string(h.workspace.ID) + `","name":"x","oidc":{"issuer":"https://idp.example/` + reference + `","client_id":"` + reference + `"}}`},
			"a client's redirect":    {"/v1/clients", `{"workspace_id":"` + string(h.workspace.ID) + `","name":"x","environment":"live","scopes":["openid"],"redirect_uris":["https://x.example/` + reference + `"]}`},
			"a client's logout":      {"/v1/clients", `{"workspace_id":"` + string(h.workspace.ID) + `","name":"x","environment":"live","scopes":["openid"],"redirect_uris":["https://x.example/cb"],"backchannel_logout_uri":"https://x.example/` + reference + `"}`},
			"a destination's target": {"/v1/key-destinations", `{"workspace_id":"` + string(h.workspace.ID) + `","name":"x","kind":"webhook","target":{"url":"https://x.example/` + reference + `","jwk":` + publicKey + `}}`},
			"a name":                 {"/v1/teams", `{"workspace_id":"` + string(h.workspace.ID) + `","name":"` + reference + `"}`},
		} {
			w := h.manage(h.operator, "POST", c.path, c.body)
			if strings.Contains(w.Body.String(), "s3cret-environment") || strings.Contains(w.Body.String(), "root:") || w.Code >= http.StatusInternalServerError {
				t.Errorf("%s with %q: %d %s", what, reference, w.Code, w.Body)
			}
			if strings.Contains(reference, "\\r") && w.Code != http.StatusBadRequest {
				t.Errorf("%s with a line break: %d %s", what, w.Code, w.Body)
			}
		}
	}
}

// The last owner is not lost by any way there is: over the API by themselves, by
// the operator, by another role, an invitation to less, or the groups of their
// connection.
func TestAD_01_TheLastOwnerIsLostByNoRoute(t *testing.T) {
	h := newHouse(t)
	ctx, ws := t.Context(), h.workspace.ID
	owner := h.console(h.workspace)
	members := made(h.store.ListMembers(ctx, issuer, ws, authz.Page{}))(t)
	if len(members) != 1 || members[0].Role != authz.RoleOwner {
		t.Fatalf("%+v", members)
	}
	last := string(members[0].UserID)
	in := "?workspace_id=" + string(ws)
	for what, w := range map[string]*httptest.ResponseRecorder{
		"leaves": h.manage(owner, "DELETE", "/v1/members/"+last, "{}"), "steps down": h.manage(owner, "PATCH", "/v1/members/"+last, `{"role":"member"}`),
		"becomes an admin":         h.manage(owner, "PATCH", "/v1/members/"+last, `{"role":"admin"}`),
		"the operator removes":     h.manage(h.operator, "DELETE", "/v1/members/"+last+in, "{}"),
		"the operator takes it so": h.manage(h.operator, "PATCH", "/v1/members/"+last+in, `{"role":"viewer"}`),
	} {
		h.wants(what, w, http.StatusConflict, "last_owner")
	}
	// An invitation to less changes nothing of who is there already.
	_, _, form := h.invites("ada@acme.example", "")
	b := h.browser()
	b.get(b.comesBack(form, ""))
	// The groups of a connection give, and take what they gave.
	h.ruled(`{"group":"g","role":"viewer"}`)
	h.told["groups"] = []string{"g"}
	h.tokens(h.browser(), "scope", "openid")
	h.ruled("")
	h.tokens(h.browser(), "scope", "openid")
	if w := h.manage(h.operator, "DELETE", "/v1/connections/"+string(h.connection.ID)+in, ""); w.Code/100 != 2 {
		t.Errorf("deleting the connection: %d %s", w.Code, w.Body)
	}
	if m := made(h.store.GetMember(ctx, issuer, ws, authz.UserID(last)))(t); m.Role != authz.RoleOwner {
		t.Errorf("afterwards: %+v", m)
	}
	if e := h.entries("member.removed"); len(e) != 0 {
		t.Errorf("%+v", e)
	}
}

// Two administrators who edit one object are told of each other, whatever it is.
func TestTwoAdministratorsAreToldOfEachOtherOnEveryObject(t *testing.T) {
	h := newHouse(t)
	l := h.furnished(h.workspace)
	d := h.description()
	in := "?workspace_id=" + string(h.workspace.ID)
	tried := 0
	for path, operations := range d.Paths {
		for method, o := range operations {
			if !slices.ContainsFunc(o.Parameters, func(p struct{ Name, In string }) bool { return p.Name == "If-Match" }) {
				continue
			}
			tried++
			target := filled(path, l.ids[kindOf(path)])
			if slices.ContainsFunc(o.Parameters, func(p struct{ Name, In string }) bool { return p.Name == "workspace_id" && p.In == "query" }) {
				target += in
			}
			body := ""
			if media, ok := o.Body.Content["application/json"]; ok {
				raw, _ := json.Marshal(d.sample(media.Schema))
				body = string(raw)
			}
			w := h.manage(h.operator, strings.ToUpper(method), target, body, "If-Match", `"7777"`)
			if w.Code != http.StatusPreconditionFailed {
				t.Errorf("%s %s with the ETag of another time: %d %.200s", method, path, w.Code, w.Body)
			}
			for _, bad := range []string{"7777", `W/"1"`, `"x"`, `"-1"`, `"1`, `"0"`} {
				if w := h.manage(h.operator, strings.ToUpper(method), target, body, "If-Match", bad); w.Code != http.StatusBadRequest {
					t.Errorf("%s %s with If-Match: %s: %d %.200s", method, path, bad, w.Code, w.Body)
				}
			}
		}
	}
	if t.Logf("%d operations", tried); tried < 10 {
		t.Error(fmt.Sprint("only ", tried, " operations are conditional"))
	}
}

// The management API is for credentials of ours in the header: a browser that is
// signed in is nobody to it, on every route there is.
func TestWB_TheManagementAPIKnowsNoCookie(t *testing.T) {
	h := newHouse(t)
	mine := h.furnished(h.workspace)
	b := h.browser()
	b.signIn()
	if b.cookies["__Host-sid-up"] == "" {
		t.Fatal("nobody is signed in")
	}
	d := h.description()
	for path, operations := range d.Paths {
		for method := range operations {
			if path == "/v1/leaks/report" || path == "/v1/openapi.json" {
				continue // for everybody
			}
			body := "{}"
			if path == "/v1/verify" {
				body = `{"credential":"x"}`
			}
			w := b.send(strings.ToUpper(method), filled(path, mine.ids[kindOf(path)]), body, "Content-Type", "application/json")
			if w.Code != http.StatusUnauthorized {
				t.Errorf("%s %s by a cookie: %d %.200s", method, path, w.Code, w.Body)
			}
		}
	}
}
