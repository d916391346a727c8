package oauth_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// exchanger registers a client that may exchange tokens.
func (h *house) exchanger(change ...func(*authz.Client)) authz.Client {
	h.Helper()
	return h.client(func(c *authz.Client) {
		c.GrantTypes, c.RedirectURIs = []string{authz.GrantTokenExchange}, nil
		c.Scopes = append(c.Scopes, "monitor:read", "monitor:write")
		for _, f := range change {
			f(c)
		}
	})
}

func operators(c *authz.Client) { c.WorkspaceID, c.Environments = "", []authz.Environment{authz.Live} }

// swap exchanges an access token of ours.
func (h *house) swap(c authz.Client, token authz.Secret, more ...string) (*oauth.TokenResponse, error) {
	return h.swapOf(c, oauth.TypeAccessToken, token.Reveal(), more...)
}

func (h *house) swapOf(c authz.Client, kind, token string, more ...string) (*oauth.TokenResponse, error) {
	return h.token(h.from(c, append([]string{
		"grant_type", authz.GrantTokenExchange, "subject_token", token, "subject_token_type", kind,
	}, more...)...))
}

func TestTX_01_ATokenIsExchangedForOneThatSaysWhoseItIs(t *testing.T) {
	h := newHouse(t)
	c := h.exchanger()
	subject := h.tokens(h.web, "scope", "openid profile offline_access monitoring:admin")
	got := made(h.swap(c, subject.AccessToken))(t)
	if got.IssuedTokenType != oauth.TypeAccessToken || got.TokenType != "Bearer" || got.ExpiresIn != 3600 || got.RefreshToken != "" || got.IDToken != "" {
		t.Errorf("answer %+v", got)
	}
	body := string(made(json.Marshal(got))(t))
	for _, member := range []string{`"issued_token_type":"urn:ietf:params:oauth:token-type:access_token"`, `"token_type":"Bearer"`, `"expires_in":3600`, `"scope":"openid profile monitoring:admin"`} {
		if !strings.Contains(body, member) {
			t.Errorf("RFC 8693 section 2.2.1: no %s", member)
		}
	}
	in, _ := h.lookup(got.AccessToken)
	if in.Sub != string(h.user.ID) || in.ClientID != string(c.ID) || in.WorkspaceID != h.workspace.ID || in.SID != h.session.ID || in.ACR != "mfa" || in.Actor != nil {
		t.Errorf("introspection %+v", in)
	}
	list := h.entries("token.exchanged")
	if len(list) != 1 || list[0].Actor != string(c.ID) || list[0].Details["sub"] != string(h.user.ID) || list[0].Details["subject_client"] != string(h.web.ID) {
		t.Errorf("audit: %+v", list)
	}
	text := string(made(json.Marshal(list))(t))
	if strings.Contains(text, subject.AccessToken.Reveal()) || strings.Contains(text, got.AccessToken.Reveal()) {
		t.Error("a token in the audit trail")
	}
}

func TestTX_02_TK_07_WhatIsNotALiveAccessTokenOfOursIsNoSubject(t *testing.T) {
	h := newHouse(t)
	c := h.exchanger()
	jwt := h.client(func(c *authz.Client) { c.TokenFormat = authz.JWT })
	tokens, ours := h.tokens(h.web), h.tokens(jwt)
	revoked := h.tokens(h.web)
	h.ok(h.server.Revoke(t.Context(), h.from(h.web, "token", revoked.AccessToken.Reveal())))
	code := h.code(h.web)
	_, key := h.key()
	cut := tokens.AccessToken.Reveal()[:len(tokens.AccessToken)-1]
	parts := strings.Split(ours.AccessToken.Reveal(), ".")
	for what, text := range map[string]string{
		"unknown": authz.NewToken("at_").Reveal(), "revoked": revoked.AccessToken.Reveal(), "a refresh token": tokens.RefreshToken.Reveal(),
		"an ID token": tokens.IDToken.Reveal(), "a code": code, "a key as a token": key, "cut": cut, "appended": tokens.AccessToken.Reveal() + "A",
		"a JWT without signature": parts[0] + "." + parts[1] + ".", "dots": strings.Repeat(".", 1000), "alg none": "eyJhbGciOiJub25lIn0." + parts[1] + ".",
	} {
		_, err := h.swapOf(c, oauth.TypeAccessToken, text)
		h.wants(what, err, "invalid_request")
	}
	for _, kind := range []string{oauth.TypeAPIKey, oauth.TypeJWT} {
		_, err := h.swapOf(c, kind, tokens.AccessToken.Reveal())
		h.wants("an access token as "+kind, err, "invalid_request")
		_, err = h.swapOf(c, kind, ours.AccessToken.Reveal())
		h.wants("a JWT of ours as "+kind, err, "invalid_request")
	}
	h.pass(time.Hour)
	_, err := h.swap(c, tokens.AccessToken)
	h.wants("expired", err, "invalid_request")
	_, err = h.swap(c, ours.AccessToken)
	h.wants("an expired JWT", err, "invalid_request")
	if list := h.entries("token.refused"); len(list) != 17 || list[0].Details["why"] == "" || list[0].Actor != string(c.ID) {
		t.Errorf("%d refusals: %+v", len(list), list[0])
	}
}

func TestTX_03_RFC8693_2_1_WhatIsMissingOrNotOfferedIsInvalid(t *testing.T) {
	h := newHouse(t)
	c := h.exchanger()
	token := h.tokens(h.web).AccessToken.Reveal()
	good := []string{"grant_type", authz.GrantTokenExchange, "subject_token", token, "subject_token_type", oauth.TypeAccessToken}
	for what, change := range map[string][]string{
		"no subject token": {"subject_token", ""}, "no subject token type": {"subject_token_type", ""},
		"a refresh token type":  {"subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token"},
		"an ID token type":      {"subject_token_type", "urn:ietf:params:oauth:token-type:id_token"},
		"SAML":                  {"subject_token_type", "urn:ietf:params:oauth:token-type:saml2"},
		"a refresh token back":  {"requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"},
		"an ID token back":      {"requested_token_type", "urn:ietf:params:oauth:token-type:id_token"},
		"a JWT back":            {"requested_token_type", oauth.TypeJWT},
		"an actor without type": {"actor_token", token}, "a type without actor": {"actor_token_type", oauth.TypeAccessToken},
		"an actor of another type": {"actor_token", token, "actor_token_type", oauth.TypeJWT},
	} {
		in := h.from(c, good...)
		for n := 0; n+1 < len(change); n += 2 {
			in.Form.Set(change[n], change[n+1])
		}
		_, err := h.token(in)
		h.wants(what, err, "invalid_request")
	}
	in := h.from(c, good...)
	in.Form.Add("subject_token", token)
	_, err := h.token(in)
	h.wants("two subject tokens", err, "invalid_request")
	made(h.swap(c, authz.Secret(token), "requested_token_type", oauth.TypeAccessToken))(t)
}

func TestTX_04_OnlyAProvenClientWithTheGrantTypeExchanges(t *testing.T) {
	h := newHouse(t)
	public := h.exchanger(func(c *authz.Client) { c.AuthMethod = authz.AuthNone })
	token := h.tokens(h.web).AccessToken
	for what, c := range map[string]authz.Client{"the token's own client": h.web, "a public client": h.spa, "a public client with the grant type": public, "a service": h.robot} {
		_, err := h.swap(c, token)
		h.wants(what, err, "unauthorized_client")
	}
	_, text := h.key()
	in := oauth.Request{Authorization: "Bearer " + text, Form: pairs("grant_type", authz.GrantTokenExchange, "subject_token", token.Reveal(), "subject_token_type", oauth.TypeAccessToken)}
	_, err := h.token(in)
	h.wants("a key as the client", err, "unauthorized_client")
	c := h.exchanger()
	in = h.from(c, "grant_type", authz.GrantTokenExchange, "subject_token", token.Reveal(), "subject_token_type", oauth.TypeAccessToken)
	in.Authorization = basic(string(c.ID), "wrong")
	_, err = h.token(in)
	h.wants("a wrong secret", err, "invalid_client")
	in.Authorization = ""
	_, err = h.token(in)
	h.wants("no client", err, "invalid_client")
}

func TestTX_05_CrossTenantSubjectTokensDoNotExist(t *testing.T) {
	h := newHouse(t)
	token := h.tokens(h.web).AccessToken
	_, key := h.key()
	elsewhere := h.anotherWorkspace()
	foreign := h.exchanger(func(c *authz.Client) { c.WorkspaceID = elsewhere })
	_, unknown := h.swap(foreign, authz.NewToken("at_"))
	for what, err := range map[string]error{
		"a token": second(h.swap(foreign, token)), "a key": second(h.swapOf(foreign, oauth.TypeAPIKey, key)),
	} {
		h.wants(what+" of another workspace", err, "invalid_request")
		if err.(*authz.Error).Description != unknown.(*authz.Error).Description { //nolint:errorlint // the very value
			t.Error("a foreign token is told from an unknown one")
		}
	}
	own := h.exchanger()
	_, err := h.swap(own, token, "actor_token", h.tokenOf(elsewhere).Reveal(), "actor_token_type", oauth.TypeAccessToken)
	h.wants("an actor of another workspace", err, "invalid_request")

	platform := h.exchanger(operators)
	made(h.swap(platform, token))(t)
	made(h.swapOf(platform, oauth.TypeAPIKey, key))(t)
	sandbox := h.exchanger(operators, func(c *authz.Client) { c.Environments = []authz.Environment{authz.Test} })
	_, err = h.swapOf(sandbox, oauth.TypeAPIKey, key)
	h.wants("an environment the platform client does not serve", err, "invalid_request")
	tests := h.exchanger(func(c *authz.Client) { c.Environment = authz.Test })
	_, err = h.swapOf(tests, oauth.TypeAPIKey, key)
	h.wants("an environment that is not the client's", err, "invalid_request")
}

func second[T any](_ T, err error) error { return err }

// anotherWorkspace is a tenant next door.
func (h *house) anotherWorkspace() authz.WorkspaceID {
	h.Helper()
	now := h.clock.Now()
	ws := authz.Workspace{ID: authz.NewWorkspaceID(), Issuer: issuer, AccountID: authz.NewAccountID(), Name: "B", State: authz.Active, CreatedAt: now, UpdatedAt: now}
	h.ok(h.store.CreateAccount(h.Context(), authz.Account{ID: ws.AccountID, Issuer: issuer, Name: "B", State: authz.Active, CreatedAt: now}))
	h.ok(h.store.CreateWorkspace(h.Context(), ws))
	return ws.ID
}

// tokenOf is a token of a service in the workspace.
func (h *house) tokenOf(ws authz.WorkspaceID) authz.Secret {
	h.Helper()
	robot := h.client(func(c *authz.Client) { c.WorkspaceID, c.GrantTypes = ws, []string{authz.GrantClientCredentials} })
	return made(h.token(h.from(robot, "grant_type", "client_credentials")))(h).AccessToken
}

func TestTX_06_ScopesAreNeverWiderThanTheSubjectsTheClientsAndTheKeys(t *testing.T) {
	h := newHouse(t)
	c := h.exchanger(func(c *authz.Client) {
		c.Scopes = []string{"profile", "monitoring:admin", "monitor:read", "monitor:write"}
	})
	token := h.tokens(h.web, "scope", "openid profile").AccessToken
	if got := made(h.swap(c, token))(t); got.Scope != "profile" {
		t.Errorf("by default %q", got.Scope)
	}
	for _, scope := range []string{"openid", "monitoring:admin", "profile monitoring:admin", "PROFILE", "*", "profile\tprofile"} {
		_, err := h.swap(c, token, "scope", scope)
		h.wants(scope, err, "invalid_scope")
	}
	_, key := h.key() // monitor:read
	if got := made(h.swapOf(c, oauth.TypeAPIKey, key))(t); got.Scope != "monitor:read" {
		t.Errorf("of a key %q", got.Scope)
	}
	_, err := h.swapOf(c, oauth.TypeAPIKey, key, "scope", "monitor:write")
	h.wants("a scope the key lacks", err, "invalid_scope")
	for _, name := range []string{"read:monitor", "monitor:read read:monitor"} { // S5: by its other name
		if got := made(h.swapOf(c, oauth.TypeAPIKey, key, "scope", name))(t); got.Scope != "monitor:read" {
			t.Errorf("%s gave %q", name, got.Scope)
		}
	}
	byOther := h.exchanger(func(c *authz.Client) { c.Scopes = []string{"read:monitor"} })
	if got := made(h.swapOf(byOther, oauth.TypeAPIKey, key, "scope", "read:monitor"))(t); got.Scope != "monitor:read" {
		t.Errorf("a client that has it by its other name got %q", got.Scope)
	}
	none := h.exchanger(func(c *authz.Client) { c.Scopes = []string{"email"} })
	_, err = h.swap(none, token)
	h.wants("nothing in common", err, "invalid_scope")
}

func TestTX_07_ResourcesAndDetailsAreNeverWider(t *testing.T) {
	h, owner := withDetails(t)
	c := h.exchanger(func(c *authz.Client) { c.Metadata.AuthorizationDetailsTypes = []string{"payment"} })
	parameters := asked(owner, "scope", "openid monitoring:admin", "authorization_details", both())
	parameters["resource"] = []string{mcpURI, docsURI}
	token := made(h.redeem(owner, h.approved(parameters).Parameters.Get("code")))(t).AccessToken
	for _, name := range []string{"resource", "audience"} {
		got := made(h.swap(c, token, name, mcpURI))(t)
		if audience, scope := h.aud(got.AccessToken); !slices.Equal(audience, []string{mcpURI}) || scope != "monitoring:admin" {
			t.Errorf("%s: aud %v, scope %q", name, audience, scope)
		}
		_, err := h.swap(c, made(h.swap(c, token, name, mcpURI))(t).AccessToken, name, docsURI)
		h.wants("back to what was given up", err, "invalid_target")
		for _, wider := range []string{apiURI, "https://evil.example", ""} {
			_, err := h.swap(c, token, name, wider)
			h.wants(name+" "+wider, err, "invalid_target")
		}
	}
	_, err := h.swap(c, token, "resource", mcpURI, "audience", apiURI)
	h.wants("one of both wider", err, "invalid_target")
	kept := h.exchanger(func(c *authz.Client) { c.Metadata.Resources = []string{docsURI} })
	if audience, _ := h.aud(made(h.swap(kept, token))(t).AccessToken); !slices.Equal(audience, []string{docsURI}) {
		t.Errorf("a client of one resource: aud %v", audience)
	}
	_, key := h.key()
	_, err = h.swapOf(c, oauth.TypeAPIKey, key, "resource", mcpURI)
	h.wants("a key, for another resource than the API", err, "invalid_target")

	if got := made(h.swap(c, token))(t); !sameJSON(t, got.Details, payment) {
		t.Errorf("details %s", got.Details)
	}
	_, err = h.swap(c, token, "authorization_details", strings.Replace(payment, "10.00", "99.00", 1))
	h.wants("other details", err, "invalid_authorization_details")
}

func TestTX_08_TheTokenLivesNoLongerThanItsSubject(t *testing.T) {
	h := newHouse(t)
	c := h.exchanger()
	token := h.tokens(h.web).AccessToken
	h.clock.advance(59*time.Minute + 500*time.Millisecond)
	got := made(h.swap(c, token))(t)
	if in, _ := h.lookup(got.AccessToken); got.ExpiresIn != 59 || in.Exp != h.clock.Now().Add(59500*time.Millisecond).Unix() {
		t.Errorf("expires in %d at %d", got.ExpiresIn, in.Exp)
	}
	again := made(h.swap(c, got.AccessToken))(t)
	if again.ExpiresIn > got.ExpiresIn {
		t.Errorf("an exchange of an exchange lives %d s", again.ExpiresIn)
	}
	h.clock.advance(time.Minute + 500*time.Millisecond)
	h.dead("past the subject's end", got.AccessToken, again.AccessToken)
	_, key := h.key(func(r *apikey.Request) { r.ExpiresAt = h.clock.Now().Add(10 * time.Minute) })
	if got := made(h.swapOf(c, oauth.TypeAPIKey, key))(t); got.ExpiresIn != 600 {
		t.Errorf("of a key with ten minutes: %d s", got.ExpiresIn)
	}
	actor := h.tokens(h.web).AccessToken
	h.clock.advance(30 * time.Minute)
	got = made(h.swap(c, h.tokens(h.web).AccessToken, "actor_token", actor.Reveal(), "actor_token_type", oauth.TypeAccessToken))(t)
	if got.ExpiresIn != 1800 {
		t.Errorf("beside an actor with half an hour: %d s", got.ExpiresIn)
	}
}

func TestTX_09_RFC8693_4_1_ActorsAreNestedAndBounded(t *testing.T) {
	h := newHouse(t)
	c := h.exchanger(func(c *authz.Client) { c.TokenFormat = authz.JWT })
	token := h.tokens(h.web).AccessToken
	var want map[string]any
	for n := range 4 {
		robot := h.client(func(c *authz.Client) { c.GrantTypes = []string{authz.GrantClientCredentials} })
		actor := made(h.token(h.from(robot, "grant_type", "client_credentials")))(t).AccessToken
		got := made(h.swap(c, token, "actor_token", actor.Reveal(), "actor_token_type", oauth.TypeAccessToken))(t)
		next := map[string]any{"sub": string(robot.ID), "client_id": string(robot.ID)}
		if want != nil {
			next["act"] = want
		}
		want = next
		in, _ := h.lookup(got.AccessToken)
		claim := made(json.Marshal(h.claims(got.AccessToken, "at+jwt")["act"]))(t)
		if text := string(made(json.Marshal(want))(t)); !sameJSON(t, in.Actor, text) || !sameJSON(t, claim, text) || in.Sub != string(h.user.ID) {
			t.Errorf("actor %d: introspected %s, claimed %s", n, in.Actor, claim)
		}
		named := func(e authz.AuditEntry) bool { return e.Details["act"] == string(robot.ID) }
		if list := h.entries("token.exchanged"); !slices.ContainsFunc(list, named) {
			t.Errorf("audit: %+v", list)
		}
		token = got.AccessToken
	}
	_, err := h.swap(c, token, "actor_token", token.Reveal(), "actor_token_type", oauth.TypeAccessToken)
	h.wants("a fifth actor", err, "invalid_request")
	for what, actor := range map[string]string{"a refresh token": h.tokens(h.web).RefreshToken.Reveal(), "unknown": authz.NewToken("at_").Reveal(), "empty": ""} {
		_, err := h.swap(c, h.tokens(h.web).AccessToken, "actor_token", actor, "actor_token_type", oauth.TypeAccessToken)
		h.wants("an actor that is "+what, err, "invalid_request")
	}
}

func TestTX_10_ASenderConstrainedSubjectNeedsItsKey(t *testing.T) {
	h := newHouse(t)
	c := h.exchanger()
	plain := h.tokens(h.web).AccessToken
	_, g, _, err := h.store.GetAccessToken(t.Context(), issuer, authz.Digest(plain.Reveal()))
	h.ok(err)
	for _, bound := range []authz.Confirmation{{JKT: "k"}, {X5T: "c"}} {
		token := authz.NewToken("at_")
		h.ok(h.store.CreateAccessToken(t.Context(), authz.AccessToken{
			Digest: authz.Digest(token.Reveal()), Issuer: issuer, GrantID: g.ID, Scopes: g.Scopes, Audience: g.Audience, Confirmation: bound,
			State: authz.Active, IssuedAt: h.clock.Now(), ExpiresAt: h.clock.Now().Add(time.Hour),
		}))
		_, err = h.swap(c, token)
		h.wants("a bound subject", err, "invalid_request")
		_, err = h.swap(c, plain, "actor_token", token.Reveal(), "actor_token_type", oauth.TypeAccessToken)
		h.wants("a bound actor", err, "invalid_request")
	}
}

func TestTX_10_ABoundSubjectIsExchangedByWhoHoldsItsKeyForATokenBoundToIt(t *testing.T) {
	h := newHouse(t)
	c := h.exchanger()
	mine, other := newHolder(t), newHolder(t)
	bound := made(h.server.Token(t.Context(), h.prove(mine, "POST", tokenPath, h.redemption(h.spa, h.code(h.spa)))))(t).AccessToken
	ask := func(k *holder, token authz.Secret) (*oauth.TokenResponse, error) {
		in := h.from(c, "grant_type", authz.GrantTokenExchange, "subject_token", token.Reveal(), "subject_token_type", oauth.TypeAccessToken)
		return h.server.Token(t.Context(), h.prove(k, "POST", tokenPath, in))
	}
	_, err := h.swap(c, bound)
	h.wants("without a proof", err, "invalid_request")
	_, err = ask(other, bound)
	h.wants("with another key", err, "invalid_request")
	got := made(ask(mine, bound))(t)
	if in, _ := h.lookup(got.AccessToken); got.TokenType != "DPoP" || in.Confirmation == nil || in.Confirmation.JKT != mine.thumb() {
		t.Errorf("%s token, introspected %+v", got.TokenType, in)
	}
	got = made(ask(other, h.tokens(h.web).AccessToken))(t)
	if in, _ := h.lookup(got.AccessToken); got.TokenType != "DPoP" || in.Confirmation == nil || in.Confirmation.JKT != other.thumb() {
		t.Errorf("of a bearer token: %s token, introspected %+v", got.TokenType, in)
	}
}

func TestTX_11_AChainOfExchangesIsShort(t *testing.T) {
	h := newHouse(t)
	c := h.exchanger()
	token := h.tokens(h.web).AccessToken
	for range 4 {
		token = made(h.swap(c, token))(t).AccessToken
	}
	_, err := h.swap(c, token)
	h.wants("a fifth exchange", err, "invalid_request")
}

// TestTX_12 kills every ancestor of a chain person → web → A → B, each of a
// chain of its own, and those of a key's and of a service's.
func TestTX_12_KillingAnyAncestorEndsTheWholeChain(t *testing.T) {
	kills := map[string]func(*house, links){
		"the session":      func(h *house, l links) { h.ends(authz.SessionNode, string(h.session.ID), authz.Revoked) },
		"the person":       func(h *house, l links) { h.ends(authz.UserNode, string(h.user.ID), authz.Disabled) },
		"the connection":   func(h *house, l links) { h.ends(authz.ConnectionNode, string(h.connection.ID), authz.Deleted) },
		"the workspace":    func(h *house, l links) { h.ends(authz.WorkspaceNode, string(h.workspace.ID), authz.Suspended) },
		"the account":      func(h *house, l links) { h.ends(authz.AccountNode, string(h.account.ID), authz.Suspended) },
		"the first client": func(h *house, l links) { h.ends(authz.ClientNode, string(h.web.ID), authz.Disabled) },
		"client A":         func(h *house, l links) { h.ends(authz.ClientNode, string(l.a.ID), authz.Deleted) },
		"client B":         func(h *house, l links) { h.ends(authz.ClientNode, string(l.b.ID), authz.Disabled) },
		"the first token": func(h *house, l links) {
			h.ok(h.server.Revoke(h.Context(), h.from(h.web, "token", l.tokens[0].Reveal())))
		},
		"A's token": func(h *house, l links) {
			h.ok(h.server.Revoke(h.Context(), h.from(l.a, "token", l.tokens[1].Reveal())))
		},
		"the membership": func(h *house, l links) {
			if removed, err := h.store.RemoveMember(h.Context(), issuer, h.workspace.ID, h.user.ID); err != nil || !removed {
				h.Fatal(removed, err)
			}
		},
		"the refresh token, replayed": func(h *house, l links) {
			made(h.refresh(h.web, l.refresh))(h)
			h.clock.advance(time.Minute)
			_, err := h.refresh(h.web, l.refresh)
			h.wants("the replay", err, "invalid_grant")
		},
	}
	for what, kill := range kills {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			l := h.links()
			h.alive("before", l.tokens...)
			kill(h, l)
			h.dead("the last of the chain", l.tokens[2])
			_, err := h.swap(l.b, l.tokens[2])
			if err == nil {
				t.Error("what is dead was exchanged")
			}
		})
	}
}

// links is a chain of exchanges.
type links struct {
	a, b    authz.Client
	tokens  []authz.Secret
	refresh authz.Secret
}

func (h *house) links() links {
	h.Helper()
	l := links{a: h.exchanger(), b: h.exchanger()}
	first := h.tokens(h.web)
	second := made(h.swap(l.a, first.AccessToken))(h).AccessToken
	l.tokens, l.refresh = []authz.Secret{first.AccessToken, second, made(h.swap(l.b, second))(h).AccessToken}, first.RefreshToken
	return l
}

// ends kills a node of the workspace.
func (h *house) ends(kind authz.NodeKind, id string, to authz.State) {
	h.Helper()
	moved, err := h.store.KillNode(h.Context(), issuer, h.workspace.ID, authz.NodeRef{Kind: kind, ID: id}, to)
	if err != nil || !moved {
		h.Fatal(moved, err)
	}
}

func TestTX_13_WhatCameOfAKeyEndsWithIt(t *testing.T) {
	for what, kill := range map[string]func(*house, authz.APIKey, authz.Client){
		"revoked": func(h *house, k authz.APIKey, _ authz.Client) {
			moved, err := h.store.RevokeAPIKey(h.Context(), issuer, h.workspace.ID, k.ID, h.clock.Now(), h.clock.Now().Add(time.Hour))
			if err != nil || !moved {
				h.Fatal(moved, err)
			}
		},
		"disabled": func(h *house, k authz.APIKey, _ authz.Client) { h.ends(authz.APIKeyNode, string(k.ID), authz.Disabled) },
		"its service account disabled": func(h *house, k authz.APIKey, _ authz.Client) {
			h.ends(authz.ServiceAccountNode, string(k.ServiceAccountID), authz.Disabled)
		},
		"its workspace suspended": func(h *house, k authz.APIKey, _ authz.Client) {
			h.ends(authz.WorkspaceNode, string(k.WorkspaceID), authz.Suspended)
		},
		"the exchanging client disabled": func(h *house, _ authz.APIKey, c authz.Client) { h.ends(authz.ClientNode, string(c.ID), authz.Disabled) },
	} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			c, d := h.exchanger(), h.exchanger()
			k, text := h.key()
			got := made(h.swapOf(c, oauth.TypeAPIKey, text))(t)
			in, _ := h.lookup(got.AccessToken)
			if in.KeyID != k.ID || in.Sub != string(k.ServiceAccountID) || in.ClientID != string(c.ID) || in.Scope != "monitor:read" || in.Environment != authz.Live {
				t.Errorf("introspection %+v", in)
			}
			next := made(h.swap(d, got.AccessToken))(t)
			direct := made(h.token(oauth.Request{Authorization: "Bearer " + text, Form: pairs("grant_type", "client_credentials")}))(t)
			of := made(h.swap(d, direct.AccessToken))(t)
			h.alive("before", got.AccessToken, next.AccessToken, of.AccessToken)
			kill(h, k, c)
			h.dead("after", got.AccessToken, next.AccessToken)
			if what != "the exchanging client disabled" {
				h.dead("of the key's own token", of.AccessToken)
			}
		})
	}
}

func TestTX_14_RevokingOneTokenOfAStandingGrantEndsWhatCameOfItAlone(t *testing.T) {
	h := newHouse(t)
	c := h.exchanger()
	one := made(h.token(h.from(h.robot, "grant_type", "client_credentials", "scope", "profile")))(t)
	other := made(h.token(h.from(h.robot, "grant_type", "client_credentials", "scope", "profile")))(t)
	ofOne, ofOther := made(h.swap(c, one.AccessToken))(t), made(h.swap(c, other.AccessToken))(t)
	h.ok(h.server.Revoke(t.Context(), h.from(h.robot, "token", one.AccessToken.Reveal())))
	h.dead("of the revoked token", ofOne.AccessToken)
	h.alive("of the other", ofOther.AccessToken)
	h.ok(h.server.Revoke(t.Context(), h.from(h.robot, "token", ofOther.AccessToken.Reveal())))
	h.alive("after another client tried to revoke it", ofOther.AccessToken)
	h.ok(h.server.Revoke(t.Context(), h.from(c, "token", ofOther.AccessToken.Reveal())))
	h.dead("after its own client did", ofOther.AccessToken)
}

// TestTX_15 draws scopes and resources at random: whatever an exchange answers
// is within the subject's, the client's and what was asked for.
func TestTX_15_NothingDrawnAtRandomIsEverWider(t *testing.T) {
	h := newHouse(t, catalogue)
	scopes := []string{"openid", "profile", "email", "offline_access", "monitoring:admin"}
	resources := []string{apiURI, mcpURI, docsURI}
	draw := newDraw(t)
	owners := map[string]authz.Client{}
	for range 60 {
		mine := draw.some(scopes)
		at := draw.some(resources)
		id := strings.Join(draw.some(scopes), " ")
		if _, ok := owners[id]; !ok {
			owners[id] = h.exchanger(func(c *authz.Client) { c.Scopes = strings.Fields(id) })
		}
		c := owners[id]
		parameters := asked(h.web, "scope", strings.Join(mine, " "))
		parameters["resource"] = at
		subject := made(h.redeem(h.web, h.approved(parameters).Parameters.Get("code")))(t)
		for range 3 {
			in := h.from(c, "grant_type", authz.GrantTokenExchange, "subject_token", subject.AccessToken.Reveal(), "subject_token_type", oauth.TypeAccessToken)
			wanted, for_ := draw.some(scopes), draw.some(resources)
			if draw.n(3) > 0 {
				in.Form.Set("scope", strings.Join(wanted, " "))
			}
			if draw.n(3) > 0 {
				in.Form["resource"] = for_
			}
			got, err := h.token(in)
			if err != nil {
				continue
			}
			before, after := h.introspected(subject.AccessToken), h.introspected(got.AccessToken)
			within := func(what string, small, large []string) {
				for _, item := range small {
					if !slices.Contains(large, item) {
						t.Fatalf("%s: %q is not among %v (subject %v, client %v, request %v)", what, item, large, before, c.Scopes, in.Form)
					}
				}
			}
			within("scopes", strings.Fields(after.Scope), strings.Fields(before.Scope))
			within("scopes", strings.Fields(after.Scope), c.Scopes)
			within("audience", after.Aud, before.Aud)
			if in.Form.Has("scope") {
				within("scopes", strings.Fields(after.Scope), wanted)
			}
			if in.Form.Has("resource") {
				within("audience", after.Aud, for_)
			}
			if after.Exp > before.Exp || after.Sub != before.Sub {
				t.Fatalf("subject %+v, exchanged %+v", before, after)
			}
		}
	}
}

// draws are random choices that a failing test can repeat.
type draws struct{ *rand.Rand }

func newDraw(t *testing.T) draws {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return draws{rand.New(rand.NewPCG(seed, 0))}
}

func (d draws) n(below int) int { return d.IntN(below) }

// some is a part of the list that is not empty, in any order.
func (d draws) some(list []string) []string {
	mixed := slices.Clone(list)
	d.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	return mixed[:1+d.IntN(len(mixed))]
}

func (h *house) introspected(token authz.Secret) authz.Introspection {
	h.Helper()
	in, ok := h.lookup(token)
	if !ok {
		h.Fatal("the token is inactive")
	}
	return in
}

func TestTX_16_MetadataTellsOfTheGrantType(t *testing.T) {
	var doc map[string]any
	h := newHouse(t)
	h.ok(json.Unmarshal(made(h.server.Metadata(made(scopes(t.Context()))(t)))(t), &doc))
	if list, _ := doc["grant_types_supported"].([]any); !slices.Contains(list, any(authz.GrantTokenExchange)) {
		t.Errorf("grant types %v", list)
	}
}

func TestTX_17_OIDCCore8_AnExchangeTiesNoTwoSectorsTogether(t *testing.T) {
	h := newHouse(t, func(s *oauth.Settings) { s.SubjectTypes = []string{oauth.SubjectPublic, oauth.SubjectPairwise} })
	pairwise := func(sector string) func(*authz.Client) {
		return func(c *authz.Client) { c.Metadata.SubjectType, c.Metadata.Sector = oauth.SubjectPairwise, sector }
	}
	app, c := h.client(pairwise("app.example")), h.exchanger(pairwise("gateway.example"))
	subject, actor := h.tokens(app).AccessToken, h.tokens(app).AccessToken
	got := made(h.swap(c, subject, "actor_token", actor.Reveal(), "actor_token_type", oauth.TypeAccessToken))(t)
	before, after := h.introspected(subject), h.introspected(got.AccessToken)
	want := h.server.SubjectFor(c, h.user.ID)
	if after.Sub != want || after.Sub == before.Sub || strings.Contains(string(after.Actor), before.Sub) || !strings.Contains(string(after.Actor), want) {
		t.Errorf("subject known as %q, exchanged as %q by %s", before.Sub, after.Sub, after.Actor)
	}
	if list := h.entries("token.exchanged"); len(list) != 1 || list[0].Details["sub"] != string(h.user.ID) || list[0].Details["act"] != string(h.user.ID) {
		t.Errorf("audit: %+v", list)
	}
}
