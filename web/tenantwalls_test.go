package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// description is what of the API's own description the walls are tested by.
type description struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	ID         string `json:"operationId"`
	Parameters []struct{ Name, In string }
	Body       struct {
		Content map[string]struct{ Schema schema }
	} `json:"requestBody"`
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       any
	Enum       []any
	Required   []string
	MinLength  int
	Minimum    float64
	Items      *schema
	Properties map[string]schema
}

func (h *house) description() description {
	h.Helper()
	w := h.send("GET", "/v1/openapi.json", "")
	var d description
	if w.Code != http.StatusOK {
		h.Fatalf("no description: %d", w.Code)
	}
	h.ok(json.Unmarshal(w.Body.Bytes(), &d))
	return d
}

// sample is a value the schema takes: what is required, and otherwise the first
// member there is.
func (d description) sample(s schema) any {
	if s.Ref != "" {
		return d.sample(d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]])
	}
	typ, _ := s.Type.(string)
	if types, ok := s.Type.([]any); ok && len(types) > 0 {
		typ, _ = types[0].(string)
	}
	switch {
	case len(s.Enum) > 0:
		return s.Enum[0]
	case typ == "object":
		names := slices.Clone(s.Required)
		if _, named := s.Properties["name"]; named && !slices.Contains(names, "name") {
			names = append(names, "name")
		}
		if all := slices.Sorted(maps.Keys(s.Properties)); len(names) == 0 && len(all) > 0 {
			names = all[:1]
		}
		value := map[string]any{}
		for _, name := range names {
			value[name] = d.sample(s.Properties[name])
		}
		return value
	case typ == "array":
		if s.Items == nil {
			return []any{}
		}
		return []any{d.sample(*s.Items)}
	case typ == "integer" || typ == "number":
		return max(1, s.Minimum)
	case typ == "boolean":
		return false
	}
	return strings.Repeat("x", max(1, s.MinLength))
}

// landlord is a tenant with one of everything.
type landlord struct {
	*house
	ids map[string]string // by the segment of the path that names them
	key string            // live
}

// furnished is a workspace with one object of each kind there is a route for.
// A new route needs one here: the test says so.
func (h *house) furnished(ws authz.Workspace) landlord {
	h.Helper()
	l := landlord{house: h, ids: map[string]string{}}
	do := func(method, path, body string) map[string]any {
		h.Helper()
		w := h.manage(h.operator, method, path, `{"workspace_id":"`+string(ws.ID)+`",`+body[1:])
		var m map[string]any
		if w.Code/100 != 2 || json.Unmarshal(w.Body.Bytes(), &m) != nil {
			h.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		return m
	}
	id := func(path, body string) string { return do("POST", path, body)["id"].(string) }
	person := h.joins(ws.ID, authz.RoleOwner)
	account := id("/v1/service-accounts", `{"name":"theirs"}`)
	role := id("/v1/roles", `{"name":"Theirs","permissions":["monitor:read"]}`)
	client := do("POST", "/v1/clients", `{"name":"theirs","environment":"live","redirect_uris":["https://theirs.example/cb"],"scopes":["openid"]}`)
	key, text := h.mint(func(r *apikey.Request) {
		r.WorkspaceID, r.Name = ws.ID, "theirs"
		r.Scopes = []string{"monitor:read", "manage:keys", "manage:clients", "manage:members", "manage:workspace", "manage:policies", "manage:connections"}
	})
	do("POST", "/v1/resources/cluster", `{"id":"theirs-cluster-1","name":"theirs"}`)
	maps.Copy(l.ids, map[string]string{
		"workspaces": string(ws.ID), "accounts": string(ws.AccountID), "members": person.Subject, "service-accounts": account, "roles": role,
		"role-bindings": id("/v1/role-bindings", `{"subject_kind":"user","subject":"`+person.Subject+`","role":"`+role+`"}`),
		"teams":         id("/v1/teams", `{"name":"Theirs"}`),
		"invitations":   id("/v1/invitations", `{"email":"theirs@x.example"}`),
		"clients":       client["client_id"].(string), "keys": string(key.ID), "resources": "theirs-cluster-1",
		"connections":         id("/v1/connections", `{"name":"theirs"}`),
		"key-destinations":    id("/v1/key-destinations", `{"name":"theirs","kind":"webhook","target":{"url":"https://theirs.example/hook","jwk":`+publicKey+`}}`),
		"registration-tokens": id("/v1/registration-tokens", `{"uses":1}`),
	})
	operator, _, err := h.accounts.Invite(h.Context(), "", authz.OperatorAccount, "theirs-"+strings.ToLower(string(ws.ID)), "test", nil)
	h.ok(err)
	l.ids["operators"] = string(operator.UserID)
	l.key = text
	name := "theirs:" + strings.ToLower(string(ws.ID))
	h.added("key", name)
	l.ids["scopes"] = name
	l.ids["policies"] = id("/v1/policies", `{"rules":[{"id":"theirs","name":"theirs","state":"report_only","then":{"deny":true}}]}`)
	if w := h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Bearer "+text); w.Code != http.StatusOK {
		h.Fatalf("their token: %d %s", w.Code, w.Body)
	}
	decisions := made(h.store.ListDecisions(h.Context(), issuer, ws.ID, authz.Page{}))(h)
	if len(decisions) == 0 {
		h.Fatal("no decision is recorded")
	}
	l.ids["policy-decisions"] = decisions[0].ID
	return l
}

// publicKey is one that something can be encrypted to (RFC 7517 appendix A.1).
const publicKey = `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}`

var parameter = regexp.MustCompile(`\{[a-z_]+\}`)

// unknown is an id of the same form that nobody has.
func unknown(id string) string {
	if n := len(id); n > 4 && id[n-4:] != "0000" {
		return id[:n-4] + "0000"
	}
	return id + "0"
}

// kindOf is the segment before the first parameter of a path.
func kindOf(path string) string {
	segments := strings.Split(path, "/")
	for n, s := range segments {
		if strings.HasPrefix(s, "{") {
			return segments[n-1]
		}
	}
	return ""
}

// filled puts an id where a path wants one.
func filled(path, id string) string {
	path = strings.NewReplacer("{kind}", "cluster", "{version}", "1").Replace(path)
	return parameter.ReplaceAllString(path, url.PathEscape(id))
}

// asking asks /v1 with a credential.
type asking func(method, target, body string) *httptest.ResponseRecorder

// bearing asks with a bearer credential.
func (h *house) bearing(credential string) asking {
	return func(method, target, body string) *httptest.ResponseRecorder {
		return h.manage(credential, method, target, body)
	}
}

// proving asks with a token that is bound to a key, of the API key it comes of
// (RFC 9449).
func (h *house) proving(key string) asking {
	h.Helper()
	prove := h.proofs()
	w := h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Bearer "+key, "DPoP", prove("POST", "/oauth2/token", ""))
	token := member(w, "access_token")
	if member(w, "token_type") != "DPoP" {
		h.Fatalf("no bound token: %d %s", w.Code, w.Body)
	}
	return func(method, target, body string) *httptest.ResponseRecorder {
		path, _, _ := strings.Cut(target, "?")
		return h.send(method, target, body, "Authorization", "DPoP "+token, "DPoP", prove(method, path, token), "Content-Type", "application/json")
	}
}

// attackers ask with the credentials of another tenant, of every kind that opens
// /v1.
func (h *house) attackers(ws authz.Workspace) map[string]asking {
	h.Helper()
	scopes := []string{"monitor:read", "manage:keys", "manage:clients", "manage:members", "manage:workspace", "manage:policies", "manage:connections"}
	_, key := h.mint(func(r *apikey.Request) { r.WorkspaceID, r.Scopes = ws.ID, scopes })
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:keys"}, Delegation: &authz.Delegation{Issuer: issuer, Scopes: []string{"*"}}}
	_, minting, err := h.keys.Mint(h.Context(), by, authz.Origin{}, apikey.Request{
		Name: "minting", WorkspaceID: ws.ID, Environment: authz.Live, Scopes: scopes,
		Delegation: &authz.Delegation{Scopes: []string{"monitor:read"}, ExpiresAt: h.clock.Now().Add(1 << 40)},
	})
	h.ok(err)
	token := member(h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Bearer "+key), "access_token")
	return map[string]asking{
		"key": h.bearing(key), "key with a delegation": h.bearing(minting.Reveal()), "token of a key": h.bearing(token), "token bound to a key": h.proving(key),
		"person": h.bearing(h.console(ws)),
	}
}

// console is the access token of a person who owns the workspace, with all that
// people may manage.
func (h *house) console(ws authz.Workspace) string {
	h.Helper()
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients", "manage:members"}}
	scopes := []string{"openid", "manage:members", "manage:workspace", "manage:keys"}
	c, text, err := h.admin.CreateClient(h.Context(), by, admin.ClientSettings{
		Name: "Console", WorkspaceID: ws.ID, RedirectURIs: []string{appURI}, Scopes: scopes, IDTokenAlgorithm: "ES256",
	})
	h.ok(err)
	h.app, h.secret, h.consents = c, text.Reveal(), scopes
	h.tokens(h.browser(), "scope", "openid") // joins
	members := made(h.store.ListMembers(h.Context(), issuer, ws.ID, authz.Page{}))(h)
	for _, m := range members {
		made(h.admin.SetMemberRole(h.Context(), by, ws.ID, m.UserID, 0, authz.RoleOwner))(h)
	}
	return h.tokens(h.browser(), "scope", strings.Join(scopes, " "))["access_token"]
}

// told is a status and what an answer says, but for what differs by itself.
func told(w *httptest.ResponseRecorder) string { return fmt.Sprint(w.Code, " ", w.Body.String()) }

// Every id of one tenant, on every route there is, with every kind of credential
// of another: the answer is that to an id nobody has. Routes come from the API's
// own description, so a new one is covered the day it appears.
func TestTN_01_NoRouteKnowsAnotherTenantsObjects(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.furnished(h.other())
	theirs := authz.WorkspaceID(l.ids["workspaces"])
	before := len(made(h.store.ListAudit(t.Context(), issuer, theirs, authz.Page{Limit: 500}))(t))
	attackers := h.attackers(h.workspace)
	d := h.description()
	tried := 0
	for path, operations := range d.Paths {
		if path == "/v1/forward-auth" { // takes no id; its credential is another's to show
			continue
		}
		for method, o := range operations {
			method = strings.ToUpper(method)
			body := ""
			if media, ok := o.Body.Content["application/json"]; ok {
				raw, _ := json.Marshal(d.sample(media.Schema))
				body = string(raw)
			}
			if kind := kindOf(path); kind != "" && l.ids[kind] == "" && path != "/v1/resources/{kind}" {
				t.Errorf("%s %s: furnished has no object of kind %q: this route is not tested", method, path, kind)
				continue
			}
			for who, as := range attackers {
				ask := func(target, body string) string {
					tried++
					return told(as(method, target, body))
				}
				refused := func(what, foreign, nobodys string) {
					t.Helper()
					if foreign != nobodys || foreign[0] != '4' {
						t.Errorf("%s %s, %s, as %s: %.200s\nan id nobody has: %.200s", method, path, what, who, foreign, nobodys)
					}
				}
				if parameter.MatchString(strings.Replace(path, "{kind}", "", 1)) {
					for kind, id := range l.ids {
						refused("the id of one of "+kind, ask(filled(path, id), body), ask(filled(path, unknown(id)), body))
					}
				}
				id := l.ids[kindOf(path)]
				if slices.ContainsFunc(o.Parameters, func(p struct{ Name, In string }) bool { return p.Name == "workspace_id" && p.In == "query" }) {
					in := func(ws string) string { return filled(path, id) + "?workspace_id=" + ws }
					refused("their workspace named", ask(in(string(theirs)), body), ask(in(unknown(string(theirs))), body))
				}
			}
		}
	}
	if after := len(made(h.store.ListAudit(t.Context(), issuer, theirs, authz.Page{Limit: 500}))(t)); after != before {
		t.Errorf("%d acts in their workspace", after-before)
	}
	t.Logf("%d requests", tried)
}

// naming are members of bodies whose value names an object.
func naming(member string) bool {
	return strings.HasSuffix(member, "_id") || slices.Contains([]string{"id", "subject", "role", "successor", "invitation"}, member)
}

// The same of ids inside bodies: what is named there and is another tenant's is
// what nobody has.
func TestTN_02_NoBodyReachesAnotherTenantsObjects(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.furnished(h.other())
	mine := h.furnished(h.workspace)
	theirs := authz.WorkspaceID(l.ids["workspaces"])
	before := len(made(h.store.ListAudit(t.Context(), issuer, theirs, authz.Page{Limit: 500}))(t))
	attackers := h.attackers(h.workspace)
	d := h.description()
	tried := 0
	for path, operations := range d.Paths {
		for method, o := range operations {
			method = strings.ToUpper(method)
			media, ok := o.Body.Content["application/json"]
			if !ok || path == "/v1/verify" {
				continue
			}
			s := media.Schema
			if s.Ref != "" {
				s = d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
			}
			for name, of := range s.Properties {
				if !naming(name) || len(of.Enum) > 0 {
					continue
				}
				for who, as := range attackers {
					for kind, id := range l.ids {
						ask := func(id string) string {
							tried++
							body, _ := d.sample(media.Schema).(map[string]any)
							body[name] = id
							raw, _ := json.Marshal(body)
							w := as(method, filled(path, mine.ids[kindOf(path)]), string(raw))
							if w.Code/100 == 2 {
								return fmt.Sprint(w.Code)
							}
							return told(w)
						}
						if foreign, nobodys := ask(id), ask(unknown(id)); foreign != nobodys && path != "/v1/resources/{kind}" {
							t.Errorf("%s %s with %s one of their %s, as %s: %.200s\nan id nobody has: %.200s", method, path, name, kind, who, foreign, nobodys)
						}
					}
				}
			}
		}
	}
	if after := len(made(h.store.ListAudit(t.Context(), issuer, theirs, authz.Page{Limit: 500}))(t)); after != before {
		t.Errorf("%d acts in their workspace", after-before)
	}
	t.Logf("%d requests", tried)
}

// That the walls refuse says something only where the owner gets in.
func TestTheOwnerOfWhatTheWallsHideSeesIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.furnished(h.workspace)
	d := h.description()
	for path, operations := range d.Paths {
		if _, reads := operations["get"]; !reads || kindOf(path) == "" || path == "/v1/resources/{kind}" {
			continue
		}
		if w := h.manage(l.key, "GET", filled(path, l.ids[kindOf(path)]), ""); w.Code != http.StatusOK {
			t.Errorf("GET %s: %d %s", path, w.Code, w.Body)
		}
		if w := h.manage(l.key, "GET", filled(path, unknown(l.ids[kindOf(path)])), ""); w.Code != http.StatusNotFound {
			t.Errorf("GET %s of an id nobody has: %d %s", path, w.Code, w.Body)
		}
	}
}

// A suspended workspace's administrator is nobody, and what they had comes back
// as keys do: the keys, not the tokens.
func TestU22_ASuspendedWorkspacesAdministratorIsNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	attackers := h.attackers(h.workspace)
	disabled, disabledText := h.mint(nil)
	revoked, revokedText := h.mint(nil)
	ctx := t.Context()
	h.ok(func() error {
		_, err := h.store.KillNode(ctx, issuer, h.workspace.ID, authz.NodeRef{Kind: authz.APIKeyNode, ID: string(disabled.ID)}, authz.Disabled)
		return err
	}())
	if w := h.manage(h.operator, "DELETE", "/v1/auth/keys/"+string(revoked.ID), ""); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	path := "/v1/workspaces/" + string(h.workspace.ID)
	lists := func(as asking) int { return as("GET", "/v1/workspaces", "").Code }
	for who, as := range attackers {
		if got := lists(as); got == http.StatusUnauthorized {
			t.Errorf("%s before: %d", who, got)
		}
	}
	if w := h.manage(h.operator, "POST", path+"/suspend", ""); w.Code != http.StatusOK || member(w, "status") != "suspended" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for who, as := range attackers {
		if got := lists(as); got != http.StatusUnauthorized {
			t.Errorf("%s while suspended: %d", who, got)
		}
		h.wants(who+" resumes", as("POST", path+"/resume", ""), http.StatusUnauthorized, "invalid_token")
	}
	for _, body := range []string{`{"workspace_id":"` + string(h.workspace.ID) + `","name":"x"}`} {
		h.wants("the operator adds to it", h.manage(h.operator, "POST", "/v1/teams", body), http.StatusConflict, "workspace_suspended")
	}
	if w := h.manage(h.operator, "POST", path+"/resume", ""); w.Code != http.StatusOK || member(w, "status") != "active" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for who, as := range attackers {
		got, want := lists(as), http.StatusOK
		if strings.HasPrefix(who, "token") || who == "person" {
			want = http.StatusUnauthorized
		}
		if got != want {
			t.Errorf("%s after: %d, want %d", who, got, want)
		}
	}
	for what, text := range map[string]string{"disabled": disabledText, "revoked": revokedText} {
		if got := lists(h.bearing(text)); got != http.StatusUnauthorized {
			t.Errorf("a key that was %s before: %d", what, got)
		}
	}
	for _, typ := range []string{"workspace.suspended", "workspace.resumed"} {
		if e := h.entries(typ); len(e) != 1 || e[0].WorkspaceID != h.workspace.ID || e[0].Actor == "" {
			t.Errorf("%s: %+v", typ, e)
		}
	}
}
