package oauth_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// object is the claims of a good request object.
func (h *house) object(c authz.Client, more ...string) map[string]any {
	now := h.clock.Now().Unix()
	claims := map[string]any{"iss": string(c.ID), "aud": issuerURL, "exp": now + 300, "nbf": now, "iat": now}
	for name, values := range asked(c, more...) {
		claims[name] = values[0]
	}
	return claims
}

func objectOf(c authz.Client, text string, more ...string) map[string][]string {
	return pairs(append([]string{"client_id", string(c.ID), "request", text}, more...)...)
}

func TestRFC9101_WhatTheClientSignedCountsAndNothingOutside(t *testing.T) {
	h := newHouse(t)
	app, k := h.keyed(func(*authz.Client) {})
	claims := h.object(app, "state", "inside", "nonce", "n", "scope", "openid")
	claims["max_age"] = 600
	claims["claims"] = map[string]any{"userinfo": map[string]any{"name": nil}}
	req := h.authorize(objectOf(app, k.sign(map[string]any{"typ": "oauth-authz-req+jwt"}, claims), "state", "outside", "scope", "monitoring:admin", "prompt", "none"))
	if req.State != "inside" || req.Nonce != "n" || strings.Join(req.Scopes, " ") != "openid" || len(req.Prompt) != 0 || req.MaxAge.Seconds() != 600 {
		t.Errorf("the request: %+v", req)
	}
	if req.Parameters.Get("claims") != `{"userinfo":{"name":null}}` {
		t.Errorf("claims: %s", req.Parameters.Get("claims"))
	}
	delete(claims, "state")
	if req = h.authorize(objectOf(app, k.sign(nil, claims), "state", "outside")); req.State != "" {
		t.Error("a state from outside was believed")
	}
	// At the pushed authorization request endpoint too.
	in := h.asserted(app, k, "request", k.sign(nil, claims))
	resp := made(h.server.Push(t.Context(), in))(t)
	if req = h.authorize(outer(app, resp.RequestURI)); req.Nonce != "n" {
		t.Errorf("pushed: %+v", req)
	}
}

func TestRFC9101_AnObjectThatIsNotTheClientsIsRefused(t *testing.T) {
	h := newHouse(t)
	app, k := h.keyed(func(*authz.Client) {})
	fapi, fapiKey := h.keyed(func(c *authz.Client) { c.Metadata.Profile = authz.ProfileFAPI2; c.Metadata.DPoPBound = true })
	now := h.clock.Now().Unix()
	for _, c := range []struct {
		name  string
		value any
		app   string // the answer to a plain client
		fapi  string // the answer to a FAPI client, at the push
	}{
		{"aud", []string{issuerURL, "https://other.example"}, "", ""},
		{"nbf", now + 8, "", ""},
		{"exp", nil, "", "invalid_request_object"},
		{"nbf", nil, "", "invalid_request_object"},
		{"iss", nil, "", "invalid_request_object"},
		{"aud", "https://other.example", "invalid_request_object", "invalid_request_object"},
		{"aud", nil, "invalid_request_object", "invalid_request_object"},
		{"iss", "cl_other", "invalid_request_object", "invalid_request_object"},
		{"client_id", "cl_other", "invalid_request_object", "invalid_request_object"},
		{"client_id", nil, "invalid_request_object", "invalid_request_object"},
		{"exp", now - 60, "invalid_request_object", "invalid_request_object"},
		{"exp", now + 4000, "invalid_request_object", "invalid_request_object"},
		{"nbf", now - 4000, "invalid_request_object", "invalid_request_object"},
		{"nbf", now + 60, "invalid_request_object", "invalid_request_object"},
		{"request", "x", "invalid_request_object", "invalid_request_object"},
		{"request_uri", "https://evil.example/", "invalid_request_object", "invalid_request_object"},
		{"redirect_uri", nil, "invalid_request", "invalid_request"},
	} {
		_, err := h.server.Authorize(t.Context(), objectOf(app, k.sign(nil, changed(h.object(app), c.name, c.value))), h.clock.Now())
		h.told(c.name, err, c.app)
		_, err = h.server.Push(t.Context(), h.asserted(fapi, fapiKey, "request", fapiKey.sign(nil, changed(h.object(fapi), c.name, c.value))))
		h.told("FAPI: "+c.name, err, c.fapi)
	}
	for name, text := range map[string]string{
		"another client's key": fapiKey.sign(nil, h.object(app)), "a key nobody has": newHolder(t).sign(nil, h.object(app)),
		"alg none": handmade(map[string]any{"alg": "none"}, h.object(app)), "HS256": signed(t, "HS256", []byte(k.jwks()), nil, h.object(app)),
		"another type": k.sign(map[string]any{"typ": "dpop+jwt"}, h.object(app)), "a JWE": "a.b.c.d.e", "dots": strings.Repeat(".", 5000),
	} {
		if _, err := h.server.Authorize(t.Context(), objectOf(app, text), h.clock.Now()); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// RFC 7515 section 4.1.9: a typ is a media type, in any case, with or without
// "application/". The second client of the suite's modules writes it in a case of
// its own.
func TestRFC9101_TheTypOfAnObjectIsComparedAsAMediaType(t *testing.T) {
	h := newHouse(t)
	app, k := h.keyed(func(*authz.Client) {})
	for typ, want := range map[string]string{
		"oauth-authz-req+jwt": "", "OAuth-Authz-Req+JWT": "", "application/oauth-authz-req+jwt": "", "Application/OAUTH-AUTHZ-REQ+jwt": "",
		"JWT": "", "jwt": "", "application/jwt": "", "application/JWT": "",
		"dpop+jwt": "invalid_request_object", "at+jwt": "invalid_request_object", "text/oauth-authz-req+jwt": "invalid_request_object",
		"application/": "invalid_request_object", "application/application/oauth-authz-req+jwt": "invalid_request_object",
		"oauth-authz-req": "invalid_request_object",
	} {
		object := k.sign(map[string]any{"typ": typ}, h.object(app))
		_, err := h.server.Authorize(t.Context(), objectOf(app, object), h.clock.Now())
		h.told(typ, err, want)
	}
}

// told checks the answer to whoever asked; an empty code means success.
func (h *house) told(what string, err error, code string) {
	h.Helper()
	if code == "" {
		if err != nil {
			h.Errorf("%s: %v", what, err)
		}
		return
	}
	h.wants(what, err, code)
}

func TestFAPI2MS_RS256AndUnsignedRequestsAreRefused(t *testing.T) {
	h := newHouse(t)
	app, k := h.keyed(func(c *authz.Client) {
		c.Metadata.Profile, c.Metadata.DPoPBound, c.Metadata.RequireSigned = authz.ProfileFAPI2, true, true
	})
	in := h.asserted(app, k)
	for name, values := range asked(app) {
		in.Form[name] = values
	}
	_, err := h.server.Push(t.Context(), in)
	h.wants("unsigned-request-at-par-endpoint", err, "invalid_request")
	none := handmade(map[string]any{"alg": "none"}, h.object(app))
	_, err = h.server.Push(t.Context(), h.asserted(app, k, "request", none))
	h.wants("request-object-signature-algorithm-is-not-none", err, "invalid_request_object")
	_, err = h.server.Push(t.Context(), h.asserted(app, k, "request", signed(t, "RS256", rsaKey(), nil, h.object(app))))
	h.wants("RS256", err, "invalid_request_object")
	resp, err := h.server.Push(t.Context(), h.asserted(app, k, "request", k.sign(nil, h.object(app))))
	h.ok(err)
	h.authorize(outer(app, resp.RequestURI))
	if code, _ := h.redirected(asked(app)); code != "invalid_request" {
		t.Errorf("not pushed: %q", code)
	}
}
