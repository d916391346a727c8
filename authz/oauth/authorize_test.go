package oauth_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

func TestAZ_01_AZ_14_AnUnknownOrDeadClientStaysHere(t *testing.T) {
	h := newHouse(t)
	for _, id := range []string{"", "cl_unknown", "CL_" + string(h.web.ID)[3:], string(h.web.ID) + "\x00", strings.Repeat("c", 4096), "' OR 1=1 --"} {
		parameters := asked(h.web)
		parameters.Set("client_id", id)
		h.shownToThePerson(id, parameters)
	}
	h.authorize(asked(h.web)) // remembered from here on
	h.kill(authz.WorkspaceNode)
	h.shownToThePerson("a suspended workspace's", asked(h.web))
	other := newHouse(t)
	other.authorize(asked(other.spa))
	_, err := other.store.KillNode(t.Context(), issuer, other.workspace.ID, authz.NodeRef{Kind: authz.ClientNode, ID: string(other.spa.ID)}, authz.Disabled)
	other.ok(err)
	other.shownToThePerson("a disabled one", asked(other.spa))
}

func TestAZ_02_OnlyTheCodeIsAResponseType(t *testing.T) {
	h := newHouse(t)
	for _, kind := range []string{"token", "id_token", "code token", "code id_token", "none", "CODE", "code ", ""} {
		if code, _ := h.redirected(asked(h.web, "response_type", kind)); code != "unsupported_response_type" && code != "invalid_request" {
			t.Errorf("%q: %q", kind, code)
		}
	}
}

func TestAZ_03_RepeatedParameters(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"client_id", "redirect_uri"} {
		parameters := asked(h.web)
		parameters.Add(name, parameters.Get(name))
		h.shownToThePerson(name+" twice", parameters)
	}
	for _, name := range []string{"scope", "state", "response_type", "code_challenge", "nonce", "unheard_of"} {
		parameters := asked(h.web, "state", "s", "nonce", "n", "unheard_of", "u")
		parameters.Add(name, "again")
		code, e := h.redirected(parameters)
		if code != "invalid_request" {
			t.Errorf("%s twice: %q", name, code)
		} else if name == "state" && e.Redirect.Parameters.Has("state") {
			t.Error("one of two states was believed")
		}
	}
}

func TestAZ_04_AScopeBeyondTheClientsIsRefused(t *testing.T) {
	h := newHouse(t)
	for _, scope := range []string{"admin:all", "openid admin:all", "unassigned", "OPENID", "*", "", "openid\x00", "monitoring:*"} {
		if code, _ := h.redirected(asked(h.web, "scope", scope)); code != "invalid_scope" {
			t.Errorf("%q: %q", scope, code)
		}
	}
	got := h.tokens(h.web, "scope", "openid openid openid")
	if got.Scope != "openid" {
		t.Errorf("scope %q", got.Scope)
	}
}

func TestAZ_06_PromptNoneStandsAlone(t *testing.T) {
	h := newHouse(t)
	for _, prompt := range []string{"none login", "login none", "none none", "create", "NONE"} {
		if code, _ := h.redirected(asked(h.web, "prompt", prompt)); code != "invalid_request" {
			t.Errorf("%q: %q", prompt, code)
		}
	}
	for _, age := range []string{"-1", "1.5", "x", "99999999999999999999", " 1", "0x1"} {
		if code, _ := h.redirected(asked(h.web, "max_age", age)); code != "invalid_request" {
			t.Errorf("max_age %q: %q", age, code)
		}
	}
}

func TestAZ_09_RequestObjectsAreRefusedNotIgnored(t *testing.T) {
	h := newHouse(t)
	for name, want := range map[string]string{"request": "invalid_request_object", "request_uri": "request_uri_not_supported", "registration": "registration_not_supported"} {
		if code, _ := h.redirected(asked(h.web, name, "http://127.0.0.1:1/x")); code != want {
			t.Errorf("%s: %q", name, code)
		}
	}
	parameters := asked(h.web)
	parameters.Set("request", "") // present and empty
	if code, _ := h.redirected(parameters); code != "invalid_request_object" {
		t.Errorf("an empty request: %q", code)
	}
	for _, alg := range []string{"none", "None"} {
		parameters.Set("request", handmade(map[string]any{"alg": alg}, map[string]any{"scope": "monitoring:admin"}))
		if code, _ := h.redirected(parameters); code != "request_not_supported" && alg == "none" || code == "" {
			t.Errorf("an object with alg %s: %q", alg, code)
		}
	}
}

func TestAZ_10_EveryAnswerCarriesTheIssuer(t *testing.T) {
	h := newHouse(t)
	_, refused := h.redirected(asked(h.web, "scope", "x", "state", "s"))
	denied, ok := errors.AsType[*oauth.RedirectError](h.server.Deny(t.Context(), h.authorize(asked(h.web, "state", "s"))))
	if !ok {
		t.Fatal("a denial is not told to the client")
	}
	for name, r := range map[string]oauth.Redirect{"code": h.approved(asked(h.web, "state", "s")), "error": refused.Redirect, "denial": denied.Redirect} {
		if r.Parameters.Get("iss") != issuerURL || r.Parameters.Get("state") != "s" || r.URI != callback {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestAZ_11_StateComesBackByteForByteOrNotAtAll(t *testing.T) {
	h := newHouse(t)
	for _, state := range []string{"x\r\nSet-Cookie: a=b", `"><svg onload=alert(1)>`, strings.Repeat("s", 8<<10), "ü€😀", "a&code=evil", "a b+c%20", "\x00"} {
		r := h.approved(asked(h.web, "state", state))
		u, err := url.Parse(r.Location())
		h.ok(err)
		if got := u.Query(); got.Get("state") != state || len(got["code"]) != 1 || strings.ContainsAny(r.Location(), "\r\n\x00<\"") {
			t.Errorf("state %q came back as %q in %q", state, got.Get("state"), r.Location())
		}
	}
	h.shownToThePerson("state that is not UTF-8", asked(h.web, "state", "\xff\xfe"))
	h.shownToThePerson("17 KiB of state", asked(h.web, "state", strings.Repeat("s", 17<<10)))
	if r := h.approved(asked(h.web)); r.Parameters.Has("state") {
		t.Errorf("a state nobody sent: %q", r.Parameters.Get("state"))
	}
	if _, e := h.redirected(asked(h.web, "scope", "x")); e.Redirect.Parameters.Has("state") {
		t.Error("a state nobody sent, with an error")
	}
}

func TestAZ_15_OtherResponseModesAreRefused(t *testing.T) {
	h := newHouse(t)
	for _, mode := range []string{"fragment", "fragment.jwt", "web_message", "QUERY", "form_post ", "x"} {
		if code, _ := h.redirected(asked(h.web, "response_mode", mode)); code != "invalid_request" {
			t.Errorf("%q: %q", mode, code)
		}
	}
	plain := h.client(func(c *authz.Client) { c.Metadata.ResponseModes = []string{"query"} })
	if code, e := h.redirected(asked(plain, "response_mode", "form_post")); code != "invalid_request" || e.Redirect.FormPost {
		t.Errorf("a mode that is not registered: %q", code)
	}
}

func TestAQueryInTheRegisteredURIIsKept(t *testing.T) {
	h := newHouse(t)
	c := h.client(func(c *authz.Client) { c.RedirectURIs = []string{callback + "?tenant=a%20b"} })
	r := h.approved(asked(c, "redirect_uri", callback+"?tenant=a%20b"))
	if !strings.HasPrefix(r.Location(), callback+"?tenant=a%20b&") || strings.Count(r.Location(), "?") != 1 {
		t.Errorf("location %q", r.Location())
	}
}

func TestAStoredRequestIsApprovedOnce(t *testing.T) {
	h := newHouse(t)
	now := h.clock.Now()
	row := authz.AuthorizationRequest{ID: authz.NewID("ar"), Issuer: issuer, BrowserDigest: [32]byte{1}, ClientID: h.web.ID, Parameters: "x", ArrivedAt: now, ExpiresAt: now.Add(time.Hour), State: authz.Active}
	h.ok(h.store.CreateAuthorizationRequest(t.Context(), row))
	req := h.authorize(asked(h.web))
	req.ID = row.ID
	approval := oauth.Approval{Session: h.session, AccountID: h.account.ID, Scopes: []string{"openid"}, Remember: true}
	made(h.server.Approve(t.Context(), req, approval))(t)
	_, err := h.server.Approve(t.Context(), req, approval)
	h.wants("again", err, "request_finished")
	if n := len(h.entries("grant.created")); n != 1 {
		t.Errorf("%d grants", n)
	}
	consent := made(h.store.GetConsent(t.Context(), issuer, h.workspace.ID, h.user.ID, h.web.ID))(t)
	if !slices.Equal(consent.Scopes, []string{"openid"}) {
		t.Errorf("remembered %v", consent.Scopes)
	}
}

func TestApprovalNeverExceedsWhatWasAsked(t *testing.T) {
	h := newHouse(t)
	req := h.authorize(asked(h.web, "scope", "openid"))
	_, err := h.server.Approve(t.Context(), req, oauth.Approval{Session: h.session, AccountID: h.account.ID, Scopes: []string{"openid", "monitoring:admin"}})
	if err == nil {
		t.Error("a scope nobody asked for was granted")
	}
}

func TestApprovalBelowADeadSessionIsDenied(t *testing.T) {
	h := newHouse(t)
	req := h.authorize(asked(h.web))
	h.kill(authz.SessionNode)
	_, err := h.server.Approve(t.Context(), req, oauth.Approval{Session: h.session, AccountID: h.account.ID, Scopes: req.Scopes})
	h.wants("a dead session", err, "access_denied")
}
