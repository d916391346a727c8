package oauth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

const tokenPath, userinfoPath = "/oauth2/token", "/oauth2/userinfo"

func (h *house) redemption(c authz.Client, code string) oauth.Request {
	return h.from(c, "grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier)
}

func TestDP_01_ATokenIsBoundToTheKeyThatWasProven(t *testing.T) {
	h := newHouse(t)
	k := newHolder(t)
	resp := made(h.server.Token(t.Context(), h.prove(k, "POST", tokenPath, h.redemption(h.spa, h.code(h.spa)))))(t)
	if resp.TokenType != "DPoP" {
		t.Errorf("token_type is %q", resp.TokenType)
	}
	in, _ := h.lookup(resp.AccessToken)
	if in.TokenType != "DPoP" || in.Confirmation == nil || in.Confirmation.JKT != k.thumb() {
		t.Errorf("introspection: %+v", in)
	}
	jwt := h.client(func(c *authz.Client) { c.TokenFormat = authz.JWT })
	resp = made(h.server.Token(t.Context(), h.prove(k, "POST", tokenPath, h.redemption(jwt, h.code(jwt)))))(t)
	payload, _, err := h.set.Verify(t.Context(), resp.AccessToken.Reveal())
	h.ok(err)
	if !strings.Contains(string(payload), `"cnf":{"jkt":"`+k.thumb()+`"}`) {
		t.Errorf("claims: %s", payload)
	}
	if in, _ := h.lookup(h.tokens(h.web).AccessToken); in.TokenType != "Bearer" || in.Confirmation != nil {
		t.Errorf("a bearer token: %+v", in)
	}
}

func TestDP_02_AProofIsGoodOnceAtEveryNode(t *testing.T) {
	h := newHouse(t)
	k := newHolder(t)
	in := h.prove(k, "POST", tokenPath, h.from(h.robot, "grant_type", "client_credentials"))
	_, err := h.server.Token(t.Context(), in)
	h.ok(err)
	for _, node := range []*oauth.Server{h.server, h.serverWith(func(*oauth.Config) {})} {
		_, err = node.Token(t.Context(), in)
		h.wants("the same proof", err, "invalid_dpop_proof")
	}
	in.DPoP = append(in.DPoP, in.DPoP[0])
	_, err = h.server.Token(t.Context(), in)
	h.wants("two proofs", err, "invalid_dpop_proof")
	in.DPoP = []string{"x"}
	_, err = h.server.Token(t.Context(), in)
	h.wants("no proof", err, "invalid_dpop_proof")
}

func TestDP_03_NoncesAreOursAndYoung(t *testing.T) {
	h := newHouse(t)
	k := newHolder(t)
	server := h.serverWith(func(c *oauth.Config) { c.Settings.RequireNonce = true })
	ask := func(nonce string) error {
		_, err := server.Token(t.Context(), h.prove(k, "POST", tokenPath, h.from(h.robot, "grant_type", "client_credentials"), func(c map[string]any) {
			if nonce != "" {
				c["nonce"] = nonce
			}
		}))
		return err
	}
	h.wants("none", ask(""), "use_dpop_nonce")
	h.wants("an invented one", ask("AAAA"), "use_dpop_nonce")
	nonce := server.DPoPNonce()
	h.ok(ask(nonce))
	if other := h.serverWith(func(*oauth.Config) {}); other.DPoPNonce() != nonce {
		t.Error("two nodes have two nonces")
	}
	h.pass(5 * time.Minute)
	h.ok(ask(nonce))
	h.pass(5 * time.Minute)
	h.wants("an old one", ask(nonce), "use_dpop_nonce")
	_, err := h.server.Token(t.Context(), h.prove(k, "POST", tokenPath, h.from(h.robot, "grant_type", "client_credentials"), func(c map[string]any) { c["nonce"] = nonce }))
	h.wants("an old one where none is asked for", err, "use_dpop_nonce")
}

func TestDP_04_ACodeIsRedeemedByItsKeyOnly(t *testing.T) {
	h := newHouse(t)
	k := newHolder(t)
	for name, code := range map[string]string{
		"asked for":  h.code(h.spa, "dpop_jkt", k.thumb()),
		"pushed":     made(h.server.Approve(t.Context(), h.authorize(outer(h.web, h.pushed(h.web, "dpop_jkt", k.thumb()))), h.all("openid", "profile")))(t).Parameters.Get("code"),
		"push proof": h.codeOfProvenPush(k),
	} {
		c := h.web
		if name == "asked for" {
			c = h.spa
		}
		_, err := h.server.Token(t.Context(), h.redemption(c, code))
		h.wants(name+" without a proof", err, "invalid_grant")
		_, err = h.server.Token(t.Context(), h.prove(k, "POST", tokenPath, h.redemption(c, code)))
		h.wants(name+", burned", err, "invalid_grant")
	}
	_, err := h.server.Token(t.Context(), h.prove(newHolder(t), "POST", tokenPath, h.redemption(h.spa, h.code(h.spa, "dpop_jkt", k.thumb()))))
	h.wants("another key", err, "invalid_grant")
	_, err = h.server.Token(t.Context(), h.prove(k, "POST", tokenPath, h.redemption(h.spa, h.code(h.spa, "dpop_jkt", k.thumb()))))
	h.ok(err)
	if code, _ := h.redirected(asked(h.spa, "dpop_jkt", "short")); code != "invalid_request" {
		t.Errorf("a thumbprint that is none: %q", code)
	}
	in := h.prove(k, "POST", "/oauth2/par", h.from(h.web))
	in.Form = asked(h.web, "dpop_jkt", newHolder(t).thumb())
	_, err = h.server.Push(t.Context(), in)
	h.wants("a push with another's thumbprint", err, "invalid_dpop_proof")
}

func TestDP_04_APushedRequestBindsItsCodeToTheProvenKeyHoweverItNamesIt(t *testing.T) {
	h := newHouse(t)
	app, signer := h.keyed(func(*authz.Client) {})
	k, other := newHolder(t), newHolder(t)
	plain := func(more ...string) oauth.Request {
		in := h.asserted(app, signer)
		for name, values := range asked(app, more...) {
			in.Form[name] = values
		}
		return in
	}
	signed := func(more ...string) oauth.Request {
		return h.asserted(app, signer, "request", signer.sign(nil, h.object(app, more...)))
	}
	with := func(in oauth.Request, name, value string) oauth.Request { in.Form.Add(name, value); return in }
	proven := func(in oauth.Request) oauth.Request { return h.prove(k, "POST", "/oauth2/par", in) }
	for name, in := range map[string]oauth.Request{
		"a parameter":                          plain("dpop_jkt", k.thumb()),
		"a proof":                              proven(plain()),
		"a parameter and its proof":            proven(plain("dpop_jkt", k.thumb())),
		"signed":                               signed("dpop_jkt", k.thumb()),
		"signed, and another's outside":        with(signed("dpop_jkt", k.thumb()), "dpop_jkt", other.thumb()),
		"a proof with a signed request":        proven(signed()),
		"signed and its proof":                 proven(signed("dpop_jkt", k.thumb())),
		"a proof, and its thumbprint outside":  proven(with(signed(), "dpop_jkt", k.thumb())),
		"signed, its proof, and once more out": proven(with(signed("dpop_jkt", k.thumb()), "dpop_jkt", k.thumb())),
	} {
		req := h.authorize(outer(app, made(h.server.Push(t.Context(), in))(t).RequestURI))
		if req.DPoPJKT != k.thumb() {
			t.Errorf("%s: the code is bound to %q", name, req.DPoPJKT)
		}
		code := made(h.server.Approve(t.Context(), req, h.all(req.Scopes...)))(t).Parameters.Get("code")
		redemption := h.asserted(app, signer, "grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier)
		_, err := h.server.Token(t.Context(), h.prove(other, "POST", tokenPath, redemption))
		h.wants(name+", redeemed with another key", err, "invalid_grant")
	}
	for name, in := range map[string]oauth.Request{
		"a parameter":                    proven(plain("dpop_jkt", other.thumb())),
		"one of two parameters":          proven(with(plain("dpop_jkt", k.thumb()), "dpop_jkt", other.thumb())),
		"signed":                         proven(signed("dpop_jkt", other.thumb())),
		"outside of what is signed":      proven(with(signed(), "dpop_jkt", other.thumb())),
		"signed, and the proven one out": proven(with(signed("dpop_jkt", other.thumb()), "dpop_jkt", k.thumb())),
	} {
		_, err := h.server.Push(t.Context(), in)
		h.wants("another key than the proven one: "+name, err, "invalid_dpop_proof")
	}
}

// all approves the scopes.
func (h *house) all(scopes ...string) oauth.Approval {
	return oauth.Approval{Session: h.session, AccountID: h.account.ID, Scopes: scopes}
}

func (h *house) codeOfProvenPush(k *holder) string {
	h.Helper()
	in := h.prove(k, "POST", "/oauth2/par", h.from(h.web))
	in.Form = asked(h.web)
	resp := made(h.server.Push(h.Context(), in))(h)
	req := h.authorize(outer(h.web, resp.RequestURI))
	return made(h.server.Approve(h.Context(), req, h.all(req.Scopes...)))(h).Parameters.Get("code")
}

func TestDP_05_ARefreshTokenOfAPublicClientIsItsKeys(t *testing.T) {
	h := newHouse(t)
	k, thief := newHolder(t), newHolder(t)
	resp := made(h.server.Token(t.Context(), h.prove(k, "POST", tokenPath, h.redemption(h.spa, h.code(h.spa)))))(t)
	ask := func(by *holder) (*oauth.TokenResponse, error) {
		in := h.from(h.spa, "grant_type", "refresh_token", "refresh_token", resp.RefreshToken.Reveal())
		if by != nil {
			in = h.prove(by, "POST", tokenPath, in)
		}
		return h.server.Token(t.Context(), in)
	}
	_, err := ask(nil)
	h.wants("without a proof", err, "invalid_grant")
	_, err = ask(thief)
	h.wants("another's proof", err, "invalid_grant")
	h.alive("what a thief could not refresh", resp.AccessToken)
	next := made(ask(k))(t)
	again := made(ask(k))(t) // within the grace
	if again.RefreshToken != next.RefreshToken || again.TokenType != "DPoP" {
		t.Errorf("the same pair again: %+v", again)
	}
	_, err = ask(thief)
	h.wants("another's proof within the grace", err, "invalid_grant")
	h.alive("what a thief could not replay", next.AccessToken)
}

func TestDP_06_WhoeverPresentsABoundTokenHoldsItsKey(t *testing.T) {
	h := newHouse(t)
	k := newHolder(t)
	token := made(h.server.Token(t.Context(), h.prove(k, "POST", tokenPath, h.redemption(h.spa, h.code(h.spa)))))(t).AccessToken
	bound := authz.Confirmation{JKT: k.thumb()}
	good := func() oauth.Request { return h.prove(k, "GET", userinfoPath, oauth.Request{}, forToken(token)) }
	h.ok(h.server.Possesses(t.Context(), good(), "DPoP", token, bound))
	h.ok(h.server.Possesses(t.Context(), good(), "dpop", token, bound))
	h.ok(h.server.Possesses(t.Context(), oauth.Request{}, "Bearer", token, authz.Confirmation{}))
	for name, c := range map[string]struct {
		in     oauth.Request
		scheme string
		bound  authz.Confirmation
		want   string
	}{
		"Bearer":               {good(), "Bearer", bound, "invalid_token"},
		"a bearer token":       {good(), "DPoP", authz.Confirmation{}, "invalid_token"},
		"no proof":             {oauth.Request{}, "DPoP", bound, "invalid_dpop_proof"},
		"another's proof":      {h.prove(newHolder(t), "GET", userinfoPath, oauth.Request{}, forToken(token)), "DPoP", bound, "invalid_dpop_proof"},
		"no ath":               {h.prove(k, "GET", userinfoPath, oauth.Request{}), "DPoP", bound, "invalid_dpop_proof"},
		"another token's":      {h.prove(k, "GET", userinfoPath, oauth.Request{}, forToken("at_other")), "DPoP", bound, "invalid_dpop_proof"},
		"no certificate":       {good(), "Bearer", authz.Confirmation{X5T: "x"}, "invalid_token"},
		"a token endpoint's":   {h.prove(k, "POST", tokenPath, oauth.Request{}, forToken(token)), "DPoP", bound, ""},
		"for another endpoint": {h.prove(k, "GET", userinfoPath, oauth.Request{}, forToken(token), func(c map[string]any) { c["htu"] = issuerURL + "/v1/x" }), "DPoP", bound, "invalid_dpop_proof"},
	} {
		err := h.server.Possesses(t.Context(), c.in, c.scheme, token, c.bound)
		if c.want == "" {
			h.ok(err) // made for the path it is presented at
			continue
		}
		h.wants(name, err, c.want)
		if authz.KindOf(err) != authz.Unauthenticated {
			t.Errorf("%s: kind %d", name, authz.KindOf(err))
		}
	}
}
