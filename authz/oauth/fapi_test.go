package oauth_test

import (
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

func (h *house) fapi() (authz.Client, *holder) {
	h.Helper()
	return h.keyed(func(c *authz.Client) { c.Metadata.Profile, c.Metadata.DPoPBound = authz.ProfileFAPI2, true })
}

// fapiRequest pushes a request and returns the code that came of it.
func (h *house) fapiCode(c authz.Client, k *holder, more ...string) string {
	h.Helper()
	in := h.asserted(c, k)
	for name, values := range asked(c, more...) {
		in.Form[name] = values
	}
	resp := made(h.server.Push(h.Context(), in))(h)
	req := h.authorize(outer(c, resp.RequestURI))
	return made(h.server.Approve(h.Context(), req, h.all(req.Scopes...)))(h).Parameters.Get("code")
}

func (h *house) fapiRedemption(c authz.Client, k *holder, code string) oauth.Request {
	h.Helper()
	in := h.asserted(c, k, "grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier)
	return h.prove(k, "POST", tokenPath, in)
}

func TestFAPI2_ARequestIsPushedWithPKCEOrNotAtAll(t *testing.T) {
	h := newHouse(t)
	c, k := h.fapi()
	if code, _ := h.redirected(asked(c)); code != "invalid_request" {
		t.Errorf("a request by the browser: %q", code)
	}
	for name, more := range map[string][]string{
		"no challenge":  {"code_challenge", "", "code_challenge_method", ""},
		"plain":         {"code_challenge_method", "plain"},
		"code id_token": {"response_type", "code id_token"},
		"token":         {"response_type", "token"},
		"no redirect":   {"redirect_uri", ""},
	} {
		in := h.asserted(c, k)
		for n, values := range asked(c, more...) {
			in.Form[n] = values
		}
		if _, err := h.server.Push(t.Context(), in); authz.KindOf(err) != authz.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFAPI2_EveryTokenIsBoundToAKey(t *testing.T) {
	h := newHouse(t)
	c, k := h.fapi()
	in := h.fapiRedemption(c, k, h.fapiCode(c, k))
	in.DPoP = nil
	_, err := h.server.Token(t.Context(), in)
	h.wants("without a proof", err, "invalid_dpop_proof")
	resp, err := h.server.Token(t.Context(), h.fapiRedemption(c, k, h.fapiCode(c, k)))
	h.ok(err)
	if resp.TokenType != "DPoP" {
		t.Errorf("token_type %q", resp.TokenType)
	}
	code := h.fapiCode(c, k)
	h.clock.advance(time.Minute)
	_, err = h.server.Token(t.Context(), h.fapiRedemption(c, k, code))
	h.wants("a minute later", err, "invalid_grant")
}

func TestFAPI2_RefreshTokensAreNotRotated(t *testing.T) {
	h := newHouse(t)
	c, k := h.fapi()
	first := made(h.server.Token(t.Context(), h.fapiRedemption(c, k, h.fapiCode(c, k))))(t)
	if first.RefreshToken == "" {
		t.Fatal("there is no refresh token")
	}
	for range 3 {
		h.clock.advance(time.Minute)
		in := h.prove(k, "POST", tokenPath, h.asserted(c, k, "grant_type", "refresh_token", "refresh_token", first.RefreshToken.Reveal()))
		next, err := h.server.Token(t.Context(), in)
		h.ok(err)
		if next.RefreshToken != "" || next.AccessToken == first.AccessToken || next.TokenType != "DPoP" {
			t.Errorf("the answer: %+v", next)
		}
		h.alive("a refreshed token", next.AccessToken)
	}
	in := h.asserted(c, k, "grant_type", "refresh_token", "refresh_token", first.RefreshToken.Reveal())
	_, err := h.server.Token(t.Context(), in)
	h.wants("without a proof", err, "invalid_dpop_proof")
	other, ok := h.fapi()
	_, err = h.server.Token(t.Context(), h.prove(ok, "POST", tokenPath, h.asserted(other, ok, "grant_type", "refresh_token", "refresh_token", first.RefreshToken.Reveal())))
	h.wants("another client", err, "invalid_grant")
	h.alive("what others could not refresh", first.AccessToken)
}

func TestFAPI2_TheClientCredentialsProfile(t *testing.T) {
	h := newHouse(t)
	robot, k := h.robotWithKey(func(c *authz.Client) { c.Metadata.Profile, c.Metadata.DPoPBound = authz.ProfileFAPI2, true })
	_, err := h.server.Token(t.Context(), h.asserted(robot, k, "grant_type", "client_credentials"))
	h.wants("without a proof", err, "invalid_dpop_proof")
	resp, err := h.server.Token(t.Context(), h.prove(k, "POST", tokenPath, h.asserted(robot, k, "grant_type", "client_credentials")))
	h.ok(err)
	if resp.TokenType != "DPoP" || resp.RefreshToken != "" {
		t.Errorf("%+v", resp)
	}
}

// The suite's test-claims-parameter-identity-claims warns of claims that nobody
// asked for: sid is for those who are told of logouts by it.
func TestFAPI2_AnIDTokenNamesTheSessionOnlyToAClientThatIsToldOfLogouts(t *testing.T) {
	h := newHouse(t)
	for name, c := range map[string]struct {
		change func(*authz.ClientMetadata)
		sid    bool
	}{
		"FAPI":                                 {func(m *authz.ClientMetadata) { m.Profile = authz.ProfileFAPI2 }, false},
		"FAPI, told through the back channel":  {func(m *authz.ClientMetadata) { m.Profile, m.BackchannelLogoutURI = authz.ProfileFAPI2, callback }, true},
		"FAPI, told through the front channel": {func(m *authz.ClientMetadata) { m.Profile, m.FrontchannelLogoutURI = authz.ProfileFAPI2, callback }, true},
		"any other":                            {func(*authz.ClientMetadata) {}, true},
	} {
		client, k := h.keyed(func(registered *authz.Client) {
			registered.Metadata.DPoPBound = true
			c.change(&registered.Metadata)
		})
		tokens := made(h.server.Token(t.Context(), h.fapiRedemption(client, k, h.fapiCode(client, k))))(t)
		if sid, got := h.claims(tokens.IDToken, "JWT")["sid"]; got != c.sid || got && sid != string(h.session.ID) {
			t.Errorf("%s: sid %v", name, sid)
		}
	}
}
