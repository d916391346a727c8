package oauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// claims are those of a JWS that the issuer's own keys verify.
func (h *house) claims(token authz.Secret, typ string) map[string]any {
	h.Helper()
	payload, got, err := h.set.Verify(h.Context(), token.Reveal())
	h.ok(err)
	if got != typ {
		h.Errorf("typ %q, want %q", got, typ)
	}
	var claims map[string]any
	h.ok(json.Unmarshal(payload, &claims))
	return claims
}

func (h *house) jwtClient() authz.Client {
	return h.client(func(c *authz.Client) { c.TokenFormat = authz.JWT })
}

func TestIN_05_AnIDTokenNeverIntrospectsActive(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web)
	h.claims(got.IDToken, "JWT")
	h.dead("an ID token", got.IDToken)
	forged, err := h.set.Sign(t.Context(), "ES256", "at+jwt", map[string]any{
		"iss": issuerURL, "sub": h.user.ID, "client_id": h.web.ID, "exp": h.clock.Now().Add(time.Hour).Unix(), "scope": "openid",
	})
	h.ok(err)
	h.dead("a JWT of our key that was never issued", authz.Secret(forged))
}

func TestIN_05_AlteredAndForeignTokensAreInactive(t *testing.T) {
	h := newHouse(t)
	access, jwt := h.tokens(h.web).AccessToken.Reveal(), h.tokens(h.jwtClient()).AccessToken.Reveal()
	parts := strings.Split(jwt, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`))
	for name, text := range map[string]string{
		"cut": access[:len(access)-1], "longer": access + "A", "another kind": "rt_" + access[3:], "no prefix": access[3:], "upper": strings.ToUpper(access),
		"alg none": none + "." + parts[1] + ".", "no signature": parts[0] + "." + parts[1] + ".", "two parts": parts[0] + "." + parts[1],
		"other signature": parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), "dots": strings.Repeat(".", 1<<20), "a MiB": "at_" + strings.Repeat("a", 1<<20),
		"rubbish": "\x00\xff", "e-mail": "ada@acme.example",
	} {
		h.dead(name, authz.Secret(text))
	}
	h.alive("the real ones", authz.Secret(access), authz.Secret(jwt))
	other := newHouse(t)
	other.dead("another database's", authz.Secret(access), authz.Secret(jwt))
	foreign := h.serverWith(func(c *oauth.Config) { c.Settings.Name = "statuspulse" })
	for _, text := range []string{access, jwt} {
		if _, err := foreign.Examine(t.Context(), authz.Secret(text)); authz.KindOf(err) != authz.Unauthenticated {
			t.Errorf("TN-06: another issuer of the same database: %v", err)
		}
	}
}

func TestIN_10_TheEndReportedIsTheEndKept(t *testing.T) {
	h := newHouse(t)
	for _, c := range []authz.Client{h.web, h.jwtClient()} {
		got := h.tokens(c)
		in, _ := h.lookup(got.AccessToken)
		if in.Exp != h.clock.Now().Add(time.Hour).Unix() || in.Exp-in.Iat != got.ExpiresIn {
			t.Errorf("exp %d, iat %d, expires_in %d", in.Exp, in.Iat, got.ExpiresIn)
		}
		h.clock.advance(time.Hour - time.Microsecond)
		h.alive("in its last moment", got.AccessToken)
		h.clock.advance(time.Microsecond)
		h.dead("at its end", got.AccessToken)
		h.pass(0)
	}
}

func TestJWTAccessTokensAreFreshPerIssueAndTellOneStory(t *testing.T) {
	h := newHouse(t)
	c := h.jwtClient()
	got := h.tokens(c)
	first := h.claims(got.AccessToken, "at+jwt")
	h.clock.advance(time.Second)
	next := made(h.refresh(c, got.RefreshToken))(t)
	second := h.claims(next.AccessToken, "at+jwt")
	if first["jti"] == second["jti"] || first["jti"] == "" || second["iat"].(float64)-first["iat"].(float64) != 1 {
		t.Errorf("first %v, second %v", first, second)
	}
	in, _ := h.lookup(got.AccessToken)
	if in.JTI != first["jti"] || float64(in.Iat) != first["iat"] || float64(in.Exp) != first["exp"] || in.Scope != first["scope"] || in.Sub != first["sub"] {
		t.Errorf("introspection %+v, claims %v", in, first)
	}
	if again, _ := h.lookup(got.AccessToken); again.JTI != in.JTI {
		t.Error("the jti moved")
	}
	if first["client_id"] != string(c.ID) || first["iss"] != issuerURL || first["workspace_id"] != string(h.workspace.ID) {
		t.Errorf("claims %v", first)
	}
}

func TestJW_13_ARotationKeepsOldJWTsValid(t *testing.T) {
	h := newHouse(t)
	c := h.jwtClient()
	h.pass(6*time.Hour - 30*time.Minute) // half an hour before a period may end
	for range 12 {
		got := h.tokens(c, "scope", "openid offline_access")
		h.pass(time.Hour - time.Microsecond)
		h.alive("after a rotation", got.AccessToken)
		h.claims(got.AccessToken, "at+jwt")
		h.claims(got.IDToken, "JWT")
		h.pass(time.Microsecond)
		h.dead("an ended one", got.AccessToken)
	}
}

// failingSigner is the real key set, which fails for a type of token.
type failingSigner struct {
	oauth.Signer
	typ string
}

func (s failingSigner) Sign(ctx context.Context, alg, typ string, claims any) (string, error) {
	if typ == s.typ {
		return "", errors.New("the key is away")
	}
	return s.Signer.Sign(ctx, alg, typ, claims)
}

func TestAFailedSignatureLeavesNoTokensAndSpendsNothing(t *testing.T) {
	h := newHouse(t)
	c := h.jwtClient()
	got, code := h.tokens(c), h.code(c)
	for _, typ := range []string{"JWT", "at+jwt"} {
		s := h.serverWith(func(cfg *oauth.Config) { cfg.Signer = failingSigner{h.set, typ} })
		_, err := s.Token(t.Context(), h.from(c, "grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier))
		h.wants("code", err, "server_error")
		_, err = s.Token(t.Context(), h.from(c, "grant_type", "refresh_token", "refresh_token", got.RefreshToken.Reveal()))
		h.wants("refresh", err, "server_error")
		if e, ok := errors.AsType[*authz.Error](err); !ok || strings.Contains(e.Description, "key") {
			t.Errorf("TK-10: %v", err)
		}
	}
	if n := len(h.entries("token.issued")); n != 1 {
		t.Errorf("%d issues audited", n)
	}
	if _, err := h.redeem(c, code); err != nil {
		t.Errorf("the code afterwards: %v", err)
	}
	if _, err := h.refresh(c, got.RefreshToken); err != nil {
		t.Errorf("the refresh token afterwards: %v", err)
	}
}

func TestAnIDTokenSaysWhoAndToWhom(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web, "nonce", "n-1")
	id := h.claims(got.IDToken, "JWT")
	if id["iss"] != issuerURL || id["aud"] != string(h.web.ID) || id["sub"] != string(h.user.ID) || id["nonce"] != "n-1" || id["acr"] != "mfa" ||
		id["auth_time"] != float64(h.session.AuthTime.Unix()) || id["sid"] != string(h.session.ID) || id["exp"].(float64)-id["iat"].(float64) != 3600 {
		t.Errorf("claims %v", id)
	}
	again := h.claims(made(h.refresh(h.web, got.RefreshToken))(t).IDToken, "JWT")
	if again["nonce"] != nil || again["auth_time"] != id["auth_time"] || again["sub"] != id["sub"] {
		t.Errorf("after a refresh %v", again)
	}
}

func TestIN_03_TheTenantRule(t *testing.T) {
	h := newHouse(t)
	other := newHouse(t) // for its ids only
	foreign := h.client(func(*authz.Client) {})
	gateway := h.client(func(c *authz.Client) {
		c.WorkspaceID, c.GrantTypes, c.RedirectURIs, c.Introspect, c.Environments = "", []string{authz.GrantClientCredentials}, nil, true, []authz.Environment{authz.Live}
	})
	_, key := h.key()
	tokens := h.tokens(h.web)
	access := made(h.verifier.Lookup(t.Context(), tokens.AccessToken))(t)
	refresh := made(h.verifier.Lookup(t.Context(), tokens.RefreshToken))(t)
	live := made(h.verifier.Lookup(t.Context(), authz.Secret(key)))(t)
	as := func(c authz.Client, change ...func(*authz.Client)) credential.AuthenticatedClient {
		a := made(h.callers.Secret(t.Context(), c.ID, authz.Secret(h.secrets[c.ID])))(t)
		for _, f := range change {
			changed := *a.Client // what is remembered stays
			f(&changed)
			a.Client = &changed
		}
		return a
	}
	public := made(h.callers.Public(t.Context(), h.spa.ID))(t)
	elsewhere := func(c *authz.Client) { c.WorkspaceID = other.workspace.ID }
	for name, c := range map[string]struct{ got, want bool }{
		"own access token":               {as(h.web).MaySee(&access.Credential), true},
		"own refresh token":              {as(h.web).MaySee(&refresh.Credential), true},
		"IN-04: another's refresh token": {as(foreign).MaySee(&refresh.Credential), false},
		"IN-04: the gateway's view":      {as(gateway).MaySee(&refresh.Credential), false},
		"the workspace's key":            {as(foreign).MaySee(&live.Credential), true},
		"another workspace, a token":     {as(foreign, elsewhere).MaySee(&access.Credential), false},
		"another workspace, a key":       {as(foreign, elsewhere).MaySee(&live.Credential), false},
		"the gateway":                    {as(gateway).MaySee(&live.Credential), true},
		"IN-09: a gateway of test":       {as(gateway, func(c *authz.Client) { c.Environments = []authz.Environment{authz.Test} }).MaySee(&live.Credential), false},
		"IN-09: a client of test":        {as(foreign, func(c *authz.Client) { c.Environment = authz.Test }).MaySee(&live.Credential), false},
		"a gateway that may not":         {as(gateway, func(c *authz.Client) { c.Introspect = false }).MaySee(&live.Credential), false},
		"another issuer":                 {as(gateway, func(c *authz.Client) { c.Issuer = "statuspulse" }).MaySee(&live.Credential), false},
		"IN-01: a public client":         {public.MaySee(&access.Credential), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: %t", name, c.got)
		}
	}
}

func TestIN_08_ASuspensionIsFeltAtOnceAndTokensStayDead(t *testing.T) {
	h := newHouse(t)
	_, key := h.key()
	got := h.tokens(h.web)
	h.alive("before", got.AccessToken, got.RefreshToken, authz.Secret(key))
	h.kill(authz.WorkspaceNode)
	h.dead("suspended", got.AccessToken, got.RefreshToken, authz.Secret(key))
	_, err := h.refresh(h.web, got.RefreshToken)
	h.wants("the client itself", err, "invalid_client")
	_, err = h.store.ReviveNode(t.Context(), issuer, h.workspace.ID, authz.NodeRef{Kind: authz.WorkspaceNode, ID: string(h.workspace.ID)}, authz.Active)
	h.ok(err)
	h.dead("a token after the suspension", got.AccessToken, got.RefreshToken)
	h.alive("a key after the suspension", authz.Secret(key))
	if _, err := h.redeem(h.web, h.code(h.web)); err != nil {
		t.Errorf("a new sign-in: %v", err)
	}
}
