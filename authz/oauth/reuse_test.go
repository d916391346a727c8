package oauth_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// refusals are what else may be wrong with a request that presents something
// that was used before.
var refusals = []struct {
	name, code string
	change     func(*oauth.Request)
}{
	{"a wider scope", "invalid_scope", func(in *oauth.Request) { in.Form.Set("scope", "openid monitoring:admin") }},
	{"an unknown resource", "invalid_target", func(in *oauth.Request) { in.Form["resource"] = []string{"https://elsewhere.example"} }},
	{"details nobody granted", "invalid_authorization_details", func(in *oauth.Request) { in.Form["authorization_details"] = []string{`[{"type":"unknown"}]`} }},
	{"a broken proof", "invalid_dpop_proof", func(in *oauth.Request) { in.DPoP = []string{"x"} }},
}

// RFC 9700 section 4.14.2: what is wrong with the request does not hide that its
// refresh token is in two hands, neither where the token is read before it is
// refused, nor where another node rotated it and this one still remembers it.
func TestRT_01_AUsedTokenEndsItsFamilyWhateverElseIsWrong(t *testing.T) {
	for _, remembered := range []bool{false, true} {
		for _, r := range refusals {
			t.Run(map[bool]string{false: "read: ", true: "remembered: "}[remembered]+r.name, func(t *testing.T) {
				h := newHouse(t)
				rotator := h.server
				if remembered {
					rotator = h.serverWith(func(c *oauth.Config) {
						c.Families = credential.NewMemory[oauth.Family](credential.NewEpochs(), credential.ForeverLease(), 1000, nil)
					})
				}
				first := h.tokens(h.spa)
				second := made(rotator.Token(t.Context(), h.from(h.spa, "grant_type", "refresh_token", "refresh_token", first.RefreshToken.Reveal())))(t)
				in := h.from(h.spa, "grant_type", "refresh_token", "refresh_token", first.RefreshToken.Reveal())
				r.change(&in)
				_, _ = h.server.Token(t.Context(), in) // refused, or the same pair again
				h.alive("within the grace", second.AccessToken, second.RefreshToken)
				h.clock.advance(10*time.Second + time.Microsecond)
				in.Form.Set("client_id", string(h.client(func(c *authz.Client) { c.AuthMethod = authz.AuthNone }).ID))
				if _, err := h.server.Token(t.Context(), in); err == nil {
					t.Fatal("answered to another client")
				}
				h.alive("after another client's", second.AccessToken, second.RefreshToken)
				in.Form.Set("client_id", string(h.spa.ID))
				if _, err := h.server.Token(t.Context(), in); err == nil {
					t.Fatal("answered")
				}
				h.dead("the family", first.AccessToken, second.AccessToken, second.RefreshToken)
				if list := h.entries("grant.revoked"); len(list) != 1 || list[0].Reason != "refresh_token_reused" {
					t.Errorf("audit: %+v", list)
				}
				if list := h.events("grant.revoked"); len(list) != 1 || !holds(list, `"severity":"P1"`) {
					t.Errorf("events: %v", list)
				}
			})
		}
	}
}

// An unused token is not harmed by a request that is refused.
func TestRT_ARefusedRequestLeavesAnUnusedTokenAlone(t *testing.T) {
	for _, r := range refusals {
		h := newHouse(t)
		first := h.tokens(h.spa)
		in := h.from(h.spa, "grant_type", "refresh_token", "refresh_token", first.RefreshToken.Reveal())
		r.change(&in)
		_, err := h.server.Token(t.Context(), in)
		h.wants(r.name, err, r.code)
		h.alive(r.name, first.AccessToken, first.RefreshToken)
		made(h.refresh(h.spa, first.RefreshToken))(t)
	}
}

// Once the successor is used, a token comes back too late, however soon.
func TestRT_01_AUsedTokenWhoseSuccessorWasUsedEndsItsFamilyWithinTheGrace(t *testing.T) {
	h := newHouse(t)
	first := h.tokens(h.spa)
	second := made(h.refresh(h.spa, first.RefreshToken))(t)
	third := made(h.refresh(h.spa, second.RefreshToken))(t)
	_, err := h.refresh(h.spa, first.RefreshToken, "resource", "https://elsewhere.example")
	h.wants("the replay", err, "invalid_target")
	h.dead("the family", third.AccessToken, third.RefreshToken)
}

// A thief of a used token who does not hold its key is a thief all the same.
func TestRT_01_AUsedTokenEndsItsFamilyWithoutItsKey(t *testing.T) {
	h := newHouse(t)
	k := newHolder(t)
	first := made(h.server.Token(t.Context(), h.prove(k, "POST", tokenPath, h.redemption(h.spa, h.code(h.spa)))))(t)
	again := func() oauth.Request {
		return h.from(h.spa, "grant_type", "refresh_token", "refresh_token", first.RefreshToken.Reveal())
	}
	second := made(h.server.Token(t.Context(), h.prove(k, "POST", tokenPath, again())))(t)
	h.clock.advance(time.Minute)
	_, err := h.server.Token(t.Context(), again())
	h.wants("without a proof", err, "invalid_grant")
	h.dead("the family", second.AccessToken, second.RefreshToken)
}

// RFC 6749 section 4.1.2 and RFC 8628: the same of codes.
func TestCO_01_DV_03_AUsedCodeEndsItsFamilyWhateverElseIsWrong(t *testing.T) {
	for _, r := range refusals[1:] { // a code request names no scope
		t.Run(r.name, func(t *testing.T) {
			h, tv := deviceHouse(t)
			code := h.code(h.web)
			d := h.device(tv)
			h.approveDevice(d)
			for what, in := range map[string]struct {
				request oauth.Request
				reason  string
			}{
				"code":        {h.redemption(h.web, code), "code_reused"},
				"device code": {h.from(tv, "grant_type", authz.GrantDeviceCode, "device_code", d.DeviceCode), "device_code_reused"},
			} {
				tokens := made(h.server.Token(t.Context(), in.request))(t)
				replay := oauth.Request{Authorization: in.request.Authorization, Form: url.Values{}}
				for name, values := range in.request.Form {
					replay.Form[name] = values
				}
				r.change(&replay)
				if _, err := h.server.Token(t.Context(), replay); err == nil {
					t.Fatalf("%s: answered", what)
				}
				h.dead(what, tokens.AccessToken, tokens.RefreshToken)
				if n := len(h.entries("grant.revoked")); n == 0 {
					t.Errorf("%s: no audit entry", what)
				}
			}
		})
	}
}

// A request that could not be decided is no refusal: nothing is taken for a theft
// on the word of a database that fails.
func TestRT_AReuseThatCannotBeLookedUpIsNotAnsweredAsARefusal(t *testing.T) {
	h := newHouse(t)
	first := h.tokens(h.spa)
	made(h.refresh(h.spa, first.RefreshToken))(t)
	h.clock.advance(time.Minute)
	broken := h.breaking("GetRefreshToken", authz.NewError(authz.Unavailable, "temporarily_unavailable", ""))
	_, err := broken.Token(t.Context(), h.from(h.spa, "grant_type", "refresh_token", "refresh_token", first.RefreshToken.Reveal(), "resource", "https://elsewhere.example"))
	h.wants("while the database is away", err, "temporarily_unavailable")
}
