package oauth_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

func TestJARM_TheWholeResponseIsInASignedJWT(t *testing.T) {
	h := newHouse(t)
	for _, mode := range []string{"jwt", "query.jwt", "form_post.jwt"} {
		_, refused := h.redirected(asked(h.web, "response_mode", mode, "scope", "x", "state", "s"))
		for name, r := range map[string]oauth.Redirect{
			"code": h.approved(asked(h.web, "response_mode", mode, "state", "s")), "error": refused.Redirect,
		} {
			if len(r.Parameters) != 1 || r.FormPost != (mode == "form_post.jwt") {
				t.Fatalf("%s, %s: %+v", mode, name, r)
			}
			payload, _, err := h.set.Verify(t.Context(), r.Parameters.Get("response"))
			h.ok(err)
			var claims struct {
				Iss, Aud, State, Code, Error string
				Exp                          int64
			}
			h.ok(json.Unmarshal(payload, &claims))
			life := claims.Exp - h.clock.Now().Unix()
			if claims.Iss != issuerURL || claims.Aud != string(h.web.ID) || claims.State != "s" || life <= 0 || life > 600 {
				t.Errorf("%s, %s: %s", mode, name, payload)
			}
			if (claims.Code == "") != (name == "error") || (claims.Error == "invalid_scope") != (name == "error") {
				t.Errorf("%s, %s: %s", mode, name, payload)
			}
		}
	}
}

func TestFormPost_TheResponseIsAFormAndErrorsToo(t *testing.T) {
	h := newHouse(t)
	r := h.approved(asked(h.web, "response_mode", "form_post", "state", "s"))
	if !r.FormPost || r.Parameters.Get("code") == "" || r.Parameters.Get("state") != "s" || r.URI != callback {
		t.Errorf("%+v", r)
	}
	if _, e := h.redirected(asked(h.web, "response_mode", "form_post", "scope", "x")); !e.Redirect.FormPost {
		t.Errorf("an error: %+v", e.Redirect)
	}
	if r := h.approved(asked(h.web, "response_mode", "query")); r.FormPost {
		t.Errorf("query: %+v", r)
	}
}

func TestJARM_AKeyThatCannotSignIsNoAnswer(t *testing.T) {
	h := newHouse(t)
	c := h.client(func(c *authz.Client) { c.Metadata.ResponseAlgorithm = "PS256" }) // no such keys are kept
	req := h.authorize(asked(c, "response_mode", "jwt"))
	if _, err := h.server.Approve(t.Context(), req, h.all("openid")); err == nil {
		t.Error("an unsigned response was given out")
	}
	if err := h.server.Deny(t.Context(), req); errors.As(err, new(*oauth.RedirectError)) {
		t.Error("an unsigned denial was given out")
	}
	h.clock.advance(time.Second)
}
