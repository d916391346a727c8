package oauth_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// another is a second person of the workspace.
func (h *house) another() authz.User {
	h.Helper()
	now := h.clock.Now()
	u := authz.User{ID: authz.NewUserID(), Issuer: issuer, State: authz.Active, CreatedAt: now, UpdatedAt: now}
	h.ok(h.store.CreateUser(h.Context(), u, authz.UpstreamIdentity{
		Issuer: issuer, ConnectionID: h.connection.ID, Side: authz.OIDCSide, Subject: string(u.ID), UserID: u.ID, CreatedAt: now, LastLoginAt: now,
	}))
	return u
}

// signed is a JWT of the issuer's with claims of the caller's choice.
func (h *house) signed(typ string, claims map[string]any) string {
	h.Helper()
	return made(h.set.Sign(h.Context(), "ES256", typ, claims))(h)
}

// strangeHints are texts that look like an ID token of the client and are none.
func (h *house) strangeHints(c authz.Client) map[string]string {
	h.Helper()
	whole := h.tokens(c)
	now := h.clock.Now()
	claims := func(change func(map[string]any)) map[string]any {
		m := map[string]any{"iss": issuerURL, "aud": string(c.ID), "sub": string(h.user.ID), "iat": now.Unix(), "exp": now.Unix() + 60}
		change(m)
		return m
	}
	parts := strings.Split(whole.IDToken.Reveal(), ".")
	hints := map[string]string{
		"garbage": "x", "alg none": "eyJhbGciOiJub25lIn0." + parts[1] + ".", "another signature": parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86),
		"an access token":       h.signed("at+jwt", claims(func(map[string]any) {})),
		"a logout token":        h.signed("logout+jwt", claims(func(map[string]any) {})),
		"a signed userinfo":     h.signed("JWT", claims(func(m map[string]any) { delete(m, "exp"); delete(m, "iat") })),
		"of another issuer":     h.signed("JWT", claims(func(m map[string]any) { m["iss"] = "https://elsewhere.example" })),
		"for two audiences":     h.signed("JWT", claims(func(m map[string]any) { m["aud"] = []string{string(c.ID), "cl_x"} })),
		"without a subject":     h.signed("JWT", claims(func(m map[string]any) { delete(m, "sub") })),
		"an opaque token":       whole.AccessToken.Reveal(),
		"longer than any of us": strings.Repeat("e", 15<<10),
	}
	for _, other := range []authz.Client{h.web, h.spa} {
		if other.ID != c.ID {
			hints["of another client"] = h.tokens(other).IDToken.Reveal()
		}
	}
	return hints
}

func TestAZ_08_AHintOfSomebodyElseNeverGivesACode(t *testing.T) {
	for _, kind := range []string{oauth.SubjectPublic, oauth.SubjectPairwise} {
		h := newHouse(t)
		c := h.client(func(c *authz.Client) { c.Metadata.SubjectType = kind })
		hint := h.tokens(c).IDToken.Reveal()
		h.pass(48 * time.Hour) // expired, and its key no longer published
		h.session.ExpiresAt = h.clock.Now().Add(time.Hour)
		req := h.authorize(asked(c, "id_token_hint", hint))
		eve := h.another()
		if !h.server.Names(req, h.user.ID) || h.server.Names(req, eve.ID) {
			t.Errorf("%s: the hint names the wrong person", kind)
		}
		session := h.session
		session.UserID = eve.ID
		_, err := h.server.Approve(t.Context(), req, oauth.Approval{Session: session, AccountID: h.account.ID, Scopes: req.Scopes})
		h.wants(kind, err, "login_required")
	}
}

func TestAZ_08_WhatIsNoHintIsRefused(t *testing.T) {
	h := newHouse(t)
	for what, hint := range h.strangeHints(h.web) {
		if code, e := h.redirected(asked(h.web, "id_token_hint", hint)); code != "invalid_request" {
			t.Errorf("%s: %q %v", what, code, e)
		}
	}
}

func TestOIDCCore55_ClaimsAreGivenWhereTheyAreAskedFor(t *testing.T) {
	h := newHouse(t)
	tokens := h.tokens(h.web, "scope", "openid", "claims", `{"userinfo":{"name":{"essential":true},"unheard_of":null},"id_token":{"email":null,"zoneinfo":null}}`)
	id := h.claims(tokens.IDToken, "JWT")
	if id["email"] != "ada@acme.example" || id["name"] != nil || id["zoneinfo"] != nil {
		t.Errorf("ID token %v", id)
	}
	told := h.userinfo(tokens.AccessToken).Claims
	if told["name"] != "Ada" || told["email"] != nil || len(told) != 2 {
		t.Errorf("userinfo %v", told)
	}
	again := made(h.refresh(h.web, tokens.RefreshToken))(t)
	if id := h.claims(again.IDToken, "JWT"); id["email"] != "ada@acme.example" {
		t.Errorf("refreshed: %v", id)
	}
	plain := h.tokens(h.web, "scope", "openid profile email")
	if id := h.claims(plain.IDToken, "JWT"); id["name"] != nil || id["email"] != nil {
		t.Errorf("nobody asked for these in the ID token: %v", id)
	}
}

// userinfo is what the userinfo endpoint tells the holder of the token.
func (h *house) userinfo(token authz.Secret) oauth.UserinfoResponse {
	h.Helper()
	r := made(h.verifier.Lookup(h.Context(), token))(h)
	return made(h.server.Userinfo(h.Context(), &r.Credential))(h)
}

func TestOIDCCore55_ClaimsNeverExceedTheScopesOfTheClientNorThePersonsWill(t *testing.T) {
	h := newHouse(t)
	const both = `{"userinfo":{"email":null,"name":null},"id_token":{"email":null}}`
	modest := h.client(func(c *authz.Client) { c.Scopes = []string{"openid", "profile"} })
	tokens := h.tokens(modest, "scope", "openid", "claims", both)
	if told := h.userinfo(tokens.AccessToken).Claims; told["email"] != nil || told["name"] != "Ada" || h.claims(tokens.IDToken, "JWT")["email"] != nil {
		t.Errorf("a client without the scope email was told %v", told)
	}
	req := h.authorize(asked(h.web, "scope", "openid email", "claims", both))
	if got := req.ClaimsBeyond(); fmt.Sprint(got) != "[name]" {
		t.Errorf("the person is asked about %v", got)
	}
	// The person unticks e-mail.
	redirect := made(h.server.Approve(t.Context(), req, oauth.Approval{Session: h.session, AccountID: h.account.ID, Scopes: []string{"openid"}, Remember: true}))(t)
	tokens = made(h.redeem(h.web, redirect.Parameters.Get("code")))(t)
	if told := h.userinfo(tokens.AccessToken).Claims; told["email"] != nil || told["name"] != "Ada" || h.claims(tokens.IDToken, "JWT")["email"] != nil {
		t.Errorf("told against the person's will: %v", told)
	}
	consent := made(h.store.GetConsent(t.Context(), issuer, h.workspace.ID, h.user.ID, h.web.ID))(t)
	if fmt.Sprint(consent.Scopes) != "[openid claim:name]" {
		t.Errorf("remembered %v", consent.Scopes)
	}
}

func TestOIDCCore55_MalformedClaimsAreRefusedUnknownOnesAreNot(t *testing.T) {
	h := newHouse(t)
	deep := strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500)
	many := map[string]any{}
	for n := range 65 {
		many[fmt.Sprint("c", n)] = nil
	}
	tooMany, _ := json.Marshal(map[string]any{"userinfo": many})
	for _, bad := range []string{`{`, `[]`, `null`, `"x"`, `{"userinfo":[]}`, `{"userinfo":{"name":true}}`, `{"id_token":{"name":{"essential":"yes"}}}`, string(tooMany), `{"x":"` + strings.Repeat("y", 5000) + `"}`} {
		if code, _ := h.redirected(asked(h.web, "claims", bad)); code != "invalid_request" {
			t.Errorf("%.40s: %q", bad, code)
		}
	}
	for _, good := range []string{`{}`, `{"userinfo":null}`, `{"other":{"x":1}}`, `{"userinfo":{"http://example.info/claims/groups":null,"name":{"purpose":1}}}`, `{"other":` + deep + `}`} {
		h.authorize(asked(h.web, "claims", good))
	}
}

func TestOIDCCore55_ASubAskedForByNameIsAPersonExpected(t *testing.T) {
	h := newHouse(t)
	for _, part := range []string{"id_token", "userinfo"} {
		req := h.authorize(asked(h.web, "claims", `{"`+part+`":{"sub":{"value":"`+string(h.user.ID)+`"}}}`))
		if !h.server.Names(req, h.user.ID) || h.server.Names(req, h.another().ID) {
			t.Errorf("%s: the wrong person", part)
		}
	}
}

func TestOIDCCore5511_AnEssentialACRMustBeReached(t *testing.T) {
	h := newHouse(t)
	req := h.authorize(asked(h.web, "acr_values", "bronze", "claims", `{"id_token":{"acr":{"essential":true,"values":["gold","mfa"]}}}`))
	if fmt.Sprint(req.ACRValues) != "[gold mfa]" || !req.ReachedBy(authz.Session{ACR: "mfa"}) || req.ReachedBy(authz.Session{ACR: "bronze"}) || req.ReachedBy(authz.Session{ACR: ""}) {
		t.Errorf("%v of %v", req.ACRValues, req.RequiredACR)
	}
	for _, wish := range []string{`{"id_token":{"acr":{"value":"gold"}}}`, `{"id_token":{"acr":{"essential":true}}}`} {
		if req := h.authorize(asked(h.web, "claims", wish)); !req.ReachedBy(authz.Session{ACR: ""}) {
			t.Errorf("%s is taken for a demand", wish)
		}
	}
}

func TestRegisteredDefaultsStandInForParameters(t *testing.T) {
	h := newHouse(t)
	age := int64(600)
	c := h.client(func(c *authz.Client) {
		c.Metadata.DefaultMaxAge, c.Metadata.DefaultACRValues, c.Metadata.RequireAuthTime = &age, []string{"gold"}, true
	})
	req := h.authorize(asked(c))
	if req.MaxAge == nil || *req.MaxAge != 10*time.Minute || fmt.Sprint(req.ACRValues) != "[gold]" {
		t.Errorf("max_age %v, acr %v", req.MaxAge, req.ACRValues)
	}
	req = h.authorize(asked(c, "max_age", "5", "acr_values", "bronze"))
	if *req.MaxAge != 5*time.Second || fmt.Sprint(req.ACRValues) != "[bronze]" {
		t.Errorf("max_age %v, acr %v", req.MaxAge, req.ACRValues)
	}
	if id := h.claims(h.tokens(c).IDToken, "JWT"); id["auth_time"] == nil || id["acr"] != "mfa" {
		t.Errorf("ID token %v", id)
	}
}

func TestOIDCCore532_UserinfoIsSignedForAClientThatRegisteredForIt(t *testing.T) {
	h := newHouse(t)
	c := h.client(func(c *authz.Client) {
		c.Metadata.UserinfoAlgorithm, c.Metadata.SubjectType = "ES256", oauth.SubjectPairwise
	})
	tokens := h.tokens(c)
	got := h.claims(authz.Secret(h.userinfo(tokens.AccessToken).JWT), "JWT")
	if got["iss"] != issuerURL || got["aud"] != string(c.ID) || got["name"] != "Ada" || got["sub"] != h.claims(tokens.IDToken, "JWT")["sub"] {
		t.Errorf("userinfo %v", got)
	}
	if h.userinfo(h.tokens(h.web).AccessToken).JWT != "" {
		t.Error("signed for a client that did not ask for it")
	}
}
