package oauth_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

const (
	apiURI  = "https://api.up.example"
	mcpURI  = "https://mcp.up.example/mcp"
	docsURI = "https://docs.up.example/"
)

// catalogue adds two resources: one that knows a single scope, one that knows all.
func catalogue(s *oauth.Settings) {
	s.Resources = []oauth.Resource{
		{URI: mcpURI, Name: "Tools", Scopes: []string{"monitoring:admin"}}, {URI: docsURI, Name: "Documents"},
	}
}

// aud is what introspection says a token is for, and which scopes it has.
func (h *house) aud(token authz.Secret) (audience []string, scope string) {
	h.Helper()
	in, ok := h.lookup(token)
	if !ok {
		h.Fatal("the token is inactive")
	}
	return in.Aud, in.Scope
}

func TestRFC8707_2_1_AResourceAskedForIsTheAudienceAndNarrowsTheScopes(t *testing.T) {
	h := newHouse(t, catalogue)
	got := h.tokens(h.web, "scope", "openid profile monitoring:admin", "resource", mcpURI)
	audience, scope := h.aud(got.AccessToken)
	if !slices.Equal(audience, []string{mcpURI}) || scope != "monitoring:admin" || got.Scope != scope {
		t.Errorf("aud %v, scope %q, answered %q", audience, scope, got.Scope)
	}
	if got.IDToken == "" {
		t.Error("signing in with a resource gave no ID token")
	}
	got = h.tokens(h.web, "scope", "openid monitoring:admin", "resource", docsURI)
	if audience, scope = h.aud(got.AccessToken); !slices.Equal(audience, []string{docsURI}) || scope != "openid monitoring:admin" {
		t.Errorf("a resource without a list: aud %v, scope %q", audience, scope)
	}
	got = h.tokens(h.web)
	if audience, _ = h.aud(got.AccessToken); !slices.Equal(audience, []string{apiURI}) {
		t.Errorf("without resource: aud %v", audience)
	}
}

func TestRFC8707_2_1_SeveralResourcesAreOneAudience(t *testing.T) {
	h := newHouse(t, catalogue)
	parameters := asked(h.web, "scope", "openid monitoring:admin")
	parameters["resource"] = []string{mcpURI, apiURI, mcpURI}
	got := made(h.redeem(h.web, h.approved(parameters).Parameters.Get("code")))(t)
	if audience, scope := h.aud(got.AccessToken); !slices.Equal(audience, []string{mcpURI, apiURI}) || scope != "openid monitoring:admin" {
		t.Errorf("aud %v, scope %q", audience, scope)
	}
	parameters["resource"] = slices.Repeat([]string{mcpURI}, 17)
	if code, _ := h.redirected(parameters); code != "invalid_target" {
		t.Errorf("17 resources: %q", code)
	}
}

func TestRFC8707_2_UnknownOrMalformedResourcesAreInvalidTargets(t *testing.T) {
	h := newHouse(t, catalogue)
	kept := h.client(func(c *authz.Client) { c.Metadata.Resources = []string{docsURI} })
	for _, uri := range []string{"", "mcp", mcpURI + "/", mcpURI + "#f", strings.ToUpper(mcpURI), "https://docs.up.example", "https://evil.example"} {
		parameters := asked(h.web)
		parameters.Set("resource", uri)
		if code, _ := h.redirected(parameters); code != "invalid_target" {
			t.Errorf("%q: %q", uri, code)
		}
		_, err := h.token(h.from(h.robot, "grant_type", "client_credentials", "resource", uri))
		h.wants(uri, err, "invalid_target")
	}
	if code, _ := h.redirected(asked(kept, "resource", mcpURI)); code != "invalid_target" {
		t.Errorf("a resource that is not the client's: %q", code)
	}
	for _, uri := range []string{docsURI, apiURI} {
		h.authorize(asked(kept, "resource", uri))
	}
}

func TestRFC8707_2_2_ACodeIsRedeemedForPartOfItsAudienceOnly(t *testing.T) {
	h := newHouse(t, catalogue)
	parameters := asked(h.web, "scope", "openid monitoring:admin")
	parameters["resource"] = []string{mcpURI, docsURI}
	_, err := h.redeem(h.web, h.approved(parameters).Parameters.Get("code"), "resource", apiURI)
	h.wants("a resource that was not asked for", err, "invalid_target")
	got := made(h.redeem(h.web, h.approved(parameters).Parameters.Get("code"), "resource", mcpURI))(t)
	if audience, scope := h.aud(got.AccessToken); !slices.Equal(audience, []string{mcpURI}) || scope != "monitoring:admin" {
		t.Errorf("aud %v, scope %q", audience, scope)
	}
	for _, uri := range []string{docsURI, mcpURI} { // another each time
		got = made(h.refresh(h.web, got.RefreshToken, "resource", uri))(t)
		if audience, _ := h.aud(got.AccessToken); !slices.Equal(audience, []string{uri}) {
			t.Errorf("refreshed for %s: aud %v", uri, audience)
		}
	}
	_, err = h.refresh(h.web, got.RefreshToken, "resource", apiURI)
	h.wants("a refresh for more", err, "invalid_target")
	got = made(h.refresh(h.web, got.RefreshToken))(t)
	if audience, _ := h.aud(got.AccessToken); !slices.Equal(audience, []string{mcpURI, docsURI}) {
		t.Errorf("refreshed for all: aud %v", audience)
	}
}

func TestRFC8707_2_2_ARetriedRefreshForAnotherResourceGetsNoTokenForTheFirst(t *testing.T) {
	h := newHouse(t, catalogue)
	parameters := asked(h.web, "scope", "openid monitoring:admin")
	parameters["resource"] = []string{mcpURI, docsURI}
	first := made(h.redeem(h.web, h.approved(parameters).Parameters.Get("code")))(t)
	second := made(h.refresh(h.web, first.RefreshToken, "resource", mcpURI))(t)
	_, err := h.refresh(h.web, first.RefreshToken, "resource", docsURI)
	h.wants("within the grace, for another", err, "invalid_target")
	again := made(h.refresh(h.web, first.RefreshToken, "resource", mcpURI))(t)
	if again.AccessToken != second.AccessToken {
		t.Error("an honest retry got another pair")
	}
	h.alive("the family", second.AccessToken, second.RefreshToken)
}

func TestRT_08_AResourceTheClientLostIsRefreshedNoMore(t *testing.T) {
	h := newHouse(t, catalogue)
	got := h.tokens(h.web, "resource", mcpURI)
	lost := h.serverWith(func(c *oauth.Config) { c.Settings.Resources = c.Settings.Resources[1:] })
	_, err := lost.Token(t.Context(), h.from(h.web, "grant_type", "refresh_token", "refresh_token", got.RefreshToken.Reveal()))
	h.wants("a resource that left the catalogue", err, "invalid_target")
	h.alive("the refresh token", got.RefreshToken)
}

func TestRFC8707_2_2_AClientByItselfAsksForAnyOfItsResources(t *testing.T) {
	h := newHouse(t, catalogue)
	ask := func(list ...string) *oauth.TokenResponse {
		t.Helper()
		return made(h.token(h.from(h.robot, append([]string{"grant_type", "client_credentials", "scope", "monitoring:admin profile"}, list...)...)))(t)
	}
	for _, c := range []struct {
		audience []string
		scope    string
	}{{[]string{mcpURI}, "monitoring:admin"}, {[]string{apiURI}, "monitoring:admin profile"}, {[]string{docsURI, mcpURI}, "monitoring:admin profile"}} {
		var list []string
		for _, uri := range c.audience {
			list = append(list, "resource", uri)
		}
		got := ask(list...)
		if audience, scope := h.aud(got.AccessToken); !slices.Equal(audience, c.audience) || scope != c.scope || got.Scope != scope {
			t.Errorf("%v: aud %v, scope %q", c.audience, audience, scope)
		}
	}
	_, text := h.key()
	in := oauth.Request{Authorization: "Bearer " + text, Form: pairs("grant_type", "client_credentials", "resource", docsURI)}
	_, err := h.token(in)
	h.wants("a key, for another resource than the API", err, "invalid_target")
	in.Form.Set("resource", apiURI)
	made(h.token(in))(t)
}

func TestRFC9068_2_2_AJWTSaysTheAudienceAsIntrospectionDoes(t *testing.T) {
	h := newHouse(t, catalogue, func(s *oauth.Settings) { s.Format = authz.JWT })
	got := h.tokens(h.web, "scope", "openid monitoring:admin", "resource", mcpURI)
	claims := h.claims(got.AccessToken, "at+jwt")
	if list, _ := claims["aud"].([]any); len(list) != 1 || list[0] != mcpURI || claims["scope"] != "monitoring:admin" {
		t.Errorf("claims %v", claims)
	}
	if audience, _ := h.aud(got.AccessToken); !slices.Equal(audience, []string{mcpURI}) {
		t.Errorf("aud %v", audience)
	}
}

func TestJW_08_TN_06_UserinfoRefusesATokenForAnotherResource(t *testing.T) {
	h := newHouse(t, catalogue)
	foreign := h.tokens(h.web, "resource", docsURI)
	record := made(h.verifier.Lookup(t.Context(), foreign.AccessToken))(t)
	_, err := h.server.Userinfo(t.Context(), &record.Credential)
	h.wants("a token with openid for another resource", err, "invalid_token")
	parameters := asked(h.web)
	parameters["resource"] = []string{docsURI, apiURI}
	both := made(h.redeem(h.web, h.approved(parameters).Parameters.Get("code")))(t)
	record = made(h.verifier.Lookup(t.Context(), both.AccessToken))(t)
	if claims := made(h.server.Userinfo(t.Context(), &record.Credential))(t); claims.Claims["sub"] != string(h.user.ID) {
		t.Errorf("claims %v", claims)
	}
}

// MCP clients send resource at every step, also when there is but one.
func TestMCPAuthorization_ResourceAtEveryStepIsTheSameAsOnce(t *testing.T) {
	h := newHouse(t, catalogue)
	code := h.code(h.spa, "scope", "openid monitoring:admin", "resource", mcpURI)
	got := made(h.redeem(h.spa, code, "resource", mcpURI))(t)
	for range 3 {
		h.clock.advance(time.Minute)
		got = made(h.refresh(h.spa, got.RefreshToken, "resource", mcpURI))(t)
		if audience, _ := h.aud(got.AccessToken); !slices.Equal(audience, []string{mcpURI}) {
			t.Errorf("aud %v", audience)
		}
	}
}

func TestAConsentForOneResourceIsNoneForAnother(t *testing.T) {
	h := newHouse(t, catalogue)
	at := h.authorize(asked(h.web))
	elsewhere := h.authorize(asked(h.web, "resource", docsURI))
	allow := func(req *oauth.AuthorizationRequest) authz.Consent {
		t.Helper()
		made(h.server.Approve(t.Context(), req, oauth.Approval{Session: h.session, AccountID: h.account.ID, Scopes: req.Scopes, Remember: true}))(t)
		return made(h.store.GetConsent(t.Context(), issuer, h.workspace.ID, h.user.ID, h.web.ID))(t)
	}
	if c := allow(at); !h.server.Covers(c, at) || h.server.Covers(c, elsewhere) {
		t.Errorf("consent at the API: %+v", c)
	}
	if c := allow(elsewhere); h.server.Covers(c, at) || !h.server.Covers(c, elsewhere) {
		t.Errorf("consent at another resource: %+v", c)
	}
	if old := (authz.Consent{Scopes: at.Scopes}); !h.server.Covers(old, at) || h.server.Covers(old, elsewhere) {
		t.Error("a consent from before resources is for the API")
	}
}
