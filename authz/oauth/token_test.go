package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

func (h *house) token(in oauth.Request) (*oauth.TokenResponse, error) {
	return h.server.Token(h.Context(), in)
}

func TestTK_02_GrantTypesThatAreOffAreUnsupported(t *testing.T) {
	h := newHouse(t)
	for _, kind := range []string{
		"password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:device_code",
		"authorization_code client_credentials", "AUTHORIZATION_CODE", " client_credentials",
	} {
		_, err := h.token(h.from(h.web, "grant_type", kind))
		h.wants(kind, err, "unsupported_grant_type")
	}
	_, err := h.token(h.from(h.web))
	h.wants("none", err, "invalid_request")
	_, err = h.token(h.from(h.web, "grant_type", ""))
	h.wants("empty", err, "invalid_request")
	_, err = h.token(h.from(h.web, "grant_type", "client_credentials"))
	h.wants("not this client's", err, "unauthorized_client")
}

func TestTK_03_ARepeatedParameterIsRefused(t *testing.T) {
	h := newHouse(t)
	code := h.code(h.web)
	for _, name := range []string{"grant_type", "code", "redirect_uri", "code_verifier", "client_id", "unheard_of"} {
		in := h.from(h.web, "grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier)
		in.Form[name] = []string{in.Form.Get(name), in.Form.Get(name)}
		_, err := h.token(in)
		h.wants(name+" twice", err, "invalid_request")
	}
	if _, err := h.redeem(h.web, code); err != nil {
		t.Errorf("the code, at last: %v", err)
	}
}

func TestTK_05_APublicClientHasNoCredentials(t *testing.T) {
	h := newHouse(t)
	public := h.client(func(c *authz.Client) {
		c.AuthMethod, c.GrantTypes = authz.AuthNone, []string{authz.GrantClientCredentials}
	})
	for _, c := range []authz.Client{h.spa, public} {
		_, err := h.token(h.from(c, "grant_type", "client_credentials"))
		h.wants("public", err, "unauthorized_client")
	}
}

func TestTK_06_NoScopeIsTheLeastAndAnUnknownOneIsRefused(t *testing.T) {
	h := newHouse(t)
	if got := made(h.token(h.from(h.robot, "grant_type", "client_credentials")))(t); got.Scope != "" {
		t.Errorf("scope %q", got.Scope)
	}
	if got := made(h.token(h.from(h.robot, "grant_type", "client_credentials", "scope", "monitoring:admin")))(t); got.Scope != "monitoring:admin" || got.RefreshToken != "" || got.IDToken != "" {
		t.Errorf("%+v", got)
	}
	for _, scope := range []string{"unassigned", "MONITORING:ADMIN", "*", "monitoring", "openid", "offline_access", "monitoring:admin\topenid"} {
		_, err := h.token(h.from(h.robot, "grant_type", "client_credentials", "scope", scope))
		h.wants(scope, err, "invalid_scope")
	}
}

func TestRFC6749_A4_NoScopeIsNoMember(t *testing.T) {
	h := newHouse(t)
	jwt := h.client(func(c *authz.Client) {
		c.GrantTypes, c.RedirectURIs, c.TokenFormat = []string{authz.GrantClientCredentials}, nil, authz.JWT
	})
	for _, c := range []authz.Client{h.robot, jwt} {
		for scope, there := range map[string]bool{"": false, "monitoring:admin": true} {
			got := made(h.token(h.from(c, "grant_type", "client_credentials", "scope", scope)))(t)
			in, ok := h.lookup(got.AccessToken)
			told := map[string]any{"token response": got, "introspection": in}
			if c.TokenFormat == authz.JWT {
				told["claims"] = h.claims(got.AccessToken, "at+jwt")
			}
			for what, value := range told {
				body := string(made(json.Marshal(value))(t))
				if !ok || strings.Contains(body, `"scope":"`+scope+`"`) != there || strings.Contains(body, `"scope"`) != there {
					t.Errorf("scope %q, %s: %s", scope, what, body)
				}
			}
		}
	}
}

func TestTK_06_AnUnregisteredResourceIsAnInvalidTarget(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web)
	for _, name := range []string{"resource", "audience"} {
		for _, target := range []string{"https://evil.example", "https://api.up.example/", "https://api.up.example.evil.example", ""} {
			for _, in := range []oauth.Request{
				h.from(h.robot, "grant_type", "client_credentials", name, target),
				h.from(h.web, "grant_type", "refresh_token", "refresh_token", got.RefreshToken.Reveal(), name, target),
				h.from(h.web, "grant_type", "authorization_code", "code", h.code(h.web), "redirect_uri", callback, "code_verifier", verifier, name, target),
			} {
				_, err := h.token(in)
				h.wants(name+" "+target, err, "invalid_target")
			}
		}
		if code, _ := h.redirected(asked(h.web, name, "https://evil.example")); code != "invalid_target" {
			t.Errorf("authorize, %s: %q", name, code)
		}
	}
	h.alive("the refresh token", got.RefreshToken)
	in := h.from(h.robot, "grant_type", "client_credentials", "resource", "https://api.up.example", "resource", "https://api.up.example")
	if got := made(h.token(in))(t); got.AccessToken == "" {
		t.Error("the API is a resource")
	}
	h.authorize(asked(h.web, "resource", "https://api.up.example"))
}

func TestCA_01_OneMethodAtATime(t *testing.T) {
	h := newHouse(t)
	id, secret := string(h.robot.ID), h.secrets[h.robot.ID]
	grant := []string{"grant_type", "client_credentials"}
	for name, in := range map[string]oauth.Request{
		"Basic and body":       {Authorization: basic(id, secret), Form: pairs(append(grant, "client_id", id, "client_secret", secret)...)},
		"Basic and empty body": {Authorization: basic(id, secret), Form: pairs(append(grant, "client_secret", "")...)},
		"two clients":          {Authorization: basic(id, secret), Form: pairs(append(grant, "client_id", string(h.web.ID))...)},
	} {
		_, err := h.token(in)
		h.wants(name, err, "invalid_request")
	}
	if _, err := h.token(oauth.Request{Authorization: basic(id, secret), Form: pairs(append(grant, "client_id", id)...)}); err != nil {
		t.Errorf("its own id besides: %v", err)
	}
}

func TestCA_02_OnlyTheRegisteredMethodIsGood(t *testing.T) {
	h := newHouse(t)
	post := h.client(func(c *authz.Client) {
		c.AuthMethod, c.GrantTypes = authz.AuthClientSecretPost, []string{authz.GrantClientCredentials}
	})
	inBody := func(c authz.Client, more ...string) oauth.Request {
		return oauth.Request{Form: pairs(append([]string{"grant_type", "client_credentials", "client_id", string(c.ID), "client_secret", h.secrets[c.ID]}, more...)...)}
	}
	if _, err := h.token(inBody(post)); err != nil {
		t.Errorf("as registered: %v", err)
	}
	jwt := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"`+string(h.robot.ID)+`"}`)) + "."
	const bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	basicToo := h.from(h.robot, "grant_type", "client_credentials", "client_assertion", jwt, "client_assertion_type", bearer)
	for name, in := range map[string]oauth.Request{
		"a body for Basic":          inBody(h.robot),
		"Basic for a body":          h.from(post, "grant_type", "client_credentials"),
		"nothing":                   {Form: pairs("grant_type", "client_credentials", "client_id", string(h.robot.ID))},
		"nobody":                    {Form: pairs("grant_type", "client_credentials")},
		"an assertion alone":        {Form: pairs("grant_type", "client_credentials", "client_assertion", jwt, "client_assertion_type", bearer)},
		"an assertion and Basic":    basicToo,
		"an assertion and a secret": inBody(post, "client_assertion", jwt),
		"a type and a secret":       inBody(post, "client_assertion_type", bearer),
		"Digest":                    {Authorization: `Digest username="x"`, Form: pairs("grant_type", "client_credentials")},
		"Bearer rubbish":            {Authorization: "Bearer x", Form: pairs("grant_type", "client_credentials")},
		"Bearer nothing":            {Authorization: "Bearer ", Form: pairs("grant_type", "client_credentials")},
		"a scheme":                  {Authorization: "Basic", Form: pairs("grant_type", "client_credentials")},
	} {
		_, err := h.token(in)
		h.wants(name, err, "invalid_client")
	}
	none := newHouse(t, func(s *oauth.Settings) { s.AuthMethods = []string{authz.AuthClientSecretBasic} })
	_, err := none.redeem(none.spa, "ac_x")
	none.wants("a method the issuer does not use", err, "invalid_client")
}

func TestCA_09_AnUnknownClientIsToldWhatAWrongSecretIs(t *testing.T) {
	h := newHouse(t)
	grant := pairs("grant_type", "client_credentials")
	_, wrong := h.token(oauth.Request{Authorization: basic(string(h.robot.ID), "wrong"), Form: grant})
	for name, in := range map[string]oauth.Request{
		"unknown":        {Authorization: basic("cl_unknown", "wrong"), Form: grant},
		"public":         {Authorization: basic(string(h.spa.ID), "wrong"), Form: grant},
		"longer than ok": {Authorization: basic(string(h.robot.ID), strings.Repeat("x", 2000)), Form: grant},
	} {
		if _, err := h.token(in); err == nil || err.Error() != wrong.Error() {
			t.Errorf("%s: %v, want %v", name, err, wrong)
		}
	}
}

func TestCA_10_AnOldSecretWorksForTheOverlapOnly(t *testing.T) {
	h := newHouse(t)
	old := h.from(h.robot, "grant_type", "client_credentials")
	made(h.token(old))(t)
	hash, err := h.hasher.HashMachine(t.Context(), "gcs_the-new-secret-of-the-robot-0123456789")
	h.ok(err)
	now := h.clock.Now()
	h.ok(h.store.AddClientSecret(t.Context(), issuer, authz.ClientSecret{ID: authz.NewID("cs"), ClientID: h.robot.ID, Hash: hash, CreatedAt: now}, now.Add(time.Hour)))
	h.secrets[h.robot.ID] = "gcs_the-new-secret-of-the-robot-0123456789"
	fresh := h.from(h.robot, "grant_type", "client_credentials")
	for _, in := range []oauth.Request{old, fresh} {
		if _, err := h.token(in); err != nil {
			t.Errorf("in the overlap: %v", err)
		}
	}
	h.clock.advance(time.Hour)
	_, err = h.token(old)
	h.wants("after it", err, "invalid_client")
	if _, err := h.token(fresh); err != nil {
		t.Errorf("the new one: %v", err)
	}
}

func TestCA_11_BasicIsDecodedOrRefused(t *testing.T) {
	h := newHouse(t)
	encode := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	id, secret := string(h.robot.ID), h.secrets[h.robot.ID]
	escaped := strings.NewReplacer("c", "%63", "_", "%5f").Replace
	if _, err := h.token(oauth.Request{Authorization: encode(escaped(id) + ":" + escaped(secret)), Form: pairs("grant_type", "client_credentials")}); err != nil {
		t.Errorf("form-encoded: %v", err)
	}
	for _, header := range []string{encode(id + ":%zz"), encode("%:" + secret), encode(id), encode(":" + secret), encode(id + ":"), encode(id + "%3A" + secret), "Basic !!!", "Basic " + strings.Repeat("A", 1<<16), encode("\x00\xff:\x00")} {
		_, err := h.token(oauth.Request{Authorization: header, Form: pairs("grant_type", "client_credentials")})
		h.wants(header[:min(len(header), 40)], err, "invalid_client")
	}
}

func TestAConfidentialClientWithoutAHashIsNobody(t *testing.T) {
	h := newHouse(t)
	now := h.clock.Now()
	empty := authz.Client{
		ID: authz.NewClientID(), Issuer: issuer, WorkspaceID: h.workspace.ID, Name: "x", AuthMethod: authz.AuthClientSecretBasic,
		GrantTypes: []string{authz.GrantClientCredentials}, State: authz.Active, Revision: 1, CreatedAt: now, UpdatedAt: now,
	}
	bare := empty
	bare.ID = authz.NewClientID()
	h.ok(h.store.CreateClient(t.Context(), empty, &authz.ClientSecret{ID: authz.NewID("cs"), ClientID: empty.ID, CreatedAt: now}))
	h.ok(h.store.CreateClient(t.Context(), bare, nil))
	for _, c := range []authz.Client{empty, bare} {
		for _, secret := range []string{"x", " ", "\x00"} {
			_, err := h.token(oauth.Request{Authorization: basic(string(c.ID), secret), Form: pairs("grant_type", "client_credentials")})
			h.wants("any secret", err, "invalid_client")
		}
		_, err := h.token(oauth.Request{Form: pairs("grant_type", "client_credentials", "client_id", string(c.ID), "client_secret", "")})
		h.wants("no secret", err, "invalid_client")
	}
}

func TestAK_02_AKeyIsAcceptedInTheHeaderAndNowhereElse(t *testing.T) {
	h := newHouse(t)
	key, text := h.key()
	sa := string(key.ServiceAccountID)
	grant := []string{"grant_type", "client_credentials"}
	for name, in := range map[string]oauth.Request{
		"Bearer":            {Authorization: "Bearer " + text, Form: pairs(grant...)},
		"bearer":            {Authorization: "bearer " + text, Form: pairs(grant...)},
		"Basic":             {Authorization: basic(string(key.ID), text), Form: pairs(grant...)},
		"Bearer and its id": {Authorization: "Bearer " + text, Form: pairs(append(grant, "client_id", sa)...)},
		"Basic and its id":  {Authorization: basic(string(key.ID), text), Form: pairs(append(grant, "client_id", string(key.ID))...)},
	} {
		got, err := h.token(in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		in, _ := h.lookup(got.AccessToken)
		if got.Scope != "monitor:read" || in.ClientID != sa || in.Sub != sa || in.KeyID != key.ID || in.Environment != authz.Live {
			t.Errorf("%s: scope %q, %+v", name, got.Scope, in)
		}
	}
	for name, c := range map[string]struct {
		in   oauth.Request
		code string
	}{
		"in the body":              {oauth.Request{Form: pairs(append(grant, "client_id", string(key.ID), "client_secret", text)...)}, "invalid_request"},
		"in the body, with Basic":  {h.from(h.robot, append(grant, "client_secret", text)...), "invalid_request"},
		"in header and body":       {oauth.Request{Authorization: "Bearer " + text, Form: pairs(append(grant, "client_secret", text)...)}, "invalid_request"},
		"in header, and assertion": {oauth.Request{Authorization: "Bearer " + text, Form: pairs(append(grant, "client_assertion", "a.b.c")...)}, "invalid_request"},
		"and a type of assertion":  {oauth.Request{Authorization: "Bearer " + text, Form: pairs(append(grant, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")...)}, "invalid_request"},
		"Basic, and such a type":   {oauth.Request{Authorization: basic(string(key.ID), text), Form: pairs(append(grant, "client_assertion_type", "x")...)}, "invalid_request"},
		"under another id":         {oauth.Request{Authorization: "Bearer " + text, Form: pairs(append(grant, "client_id", string(h.robot.ID))...)}, "invalid_request"},
		"as the service account":   {oauth.Request{Authorization: basic(sa, text), Form: pairs(grant...)}, "invalid_client"},
		"as another key":           {oauth.Request{Authorization: basic("key_0000000000000000", text), Form: pairs(grant...)}, "invalid_client"},
		"as a client":              {oauth.Request{Authorization: basic(string(h.robot.ID), text), Form: pairs(grant...)}, "invalid_client"},
		"for another grant":        {oauth.Request{Authorization: "Bearer " + text, Form: pairs("grant_type", "authorization_code", "code", "x")}, "unauthorized_client"},
		"for more than it has":     {oauth.Request{Authorization: "Bearer " + text, Form: pairs(append(grant, "scope", "monitor:write")...)}, "invalid_scope"},
		"with a flipped character": {oauth.Request{Authorization: "Bearer " + text[:len(text)-1] + "~", Form: pairs(grant...)}, "invalid_client"},
		"as a list":                {oauth.Request{Authorization: "Bearer " + text + ", Bearer " + text, Form: pairs(grant...)}, "invalid_client"},
	} {
		_, err := h.token(c.in)
		h.wants(name, err, c.code)
		if err != nil && strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error holds the key", name)
		}
	}
}

func TestAnAccessTokenIsNoKey(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web)
	_, err := h.token(oauth.Request{Authorization: "Bearer " + got.AccessToken.Reveal(), Form: pairs("grant_type", "client_credentials")})
	h.wants("as a key", err, "invalid_client")
	_, err = h.server.AuthenticateClient(t.Context(), oauth.Request{Authorization: "Bearer " + got.AccessToken.Reveal(), Form: pairs("token", got.AccessToken.Reveal())})
	h.wants("IN-01: as caller and subject", err, "invalid_client")
	_, err = h.server.AuthenticateClient(t.Context(), oauth.Request{Form: pairs("token", got.AccessToken.Reveal(), "access_token", got.AccessToken.Reveal())})
	h.wants("IN-02: in the body", err, "invalid_client")
}
