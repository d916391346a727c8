package oauth_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

func TestRT_01_ARotatedTokenComingBackAfterItsGraceEndsTheFamily(t *testing.T) {
	h := newHouse(t)
	first := h.tokens(h.spa)
	second := made(h.refresh(h.spa, first.RefreshToken))(t)
	h.clock.advance(10*time.Second + time.Microsecond)
	h.alive("before the replay", first.AccessToken, second.AccessToken, second.RefreshToken)
	_, err := h.refresh(h.spa, first.RefreshToken)
	h.wants("the replay", err, "invalid_grant")
	h.dead("after the replay", first.AccessToken, second.AccessToken, second.RefreshToken)
	_, err = h.refresh(h.spa, second.RefreshToken)
	h.wants("the successor", err, "invalid_grant")
	if list := h.entries("grant.revoked"); len(list) != 1 || list[0].Reason != "refresh_token_reused" {
		t.Errorf("audit: %+v", list)
	}
	if list := h.events("grant.revoked"); len(list) != 1 || !holds(list, `"severity":"P1"`) {
		t.Errorf("events: %v", list)
	}
}

func TestRT_TheSamePairComesBackWithinTheGrace(t *testing.T) {
	h := newHouse(t)
	first := h.tokens(h.spa)
	second := made(h.refresh(h.spa, first.RefreshToken))(t)
	h.clock.advance(10 * time.Second)
	again := made(h.refresh(h.spa, first.RefreshToken))(t)
	if again.AccessToken != second.AccessToken || again.RefreshToken != second.RefreshToken || again.Scope != second.Scope || again.ExpiresIn != second.ExpiresIn-10 {
		t.Errorf("again %+v, want %+v", again, second)
	}
	want, got := h.claims(second.IDToken, "JWT"), h.claims(again.IDToken, "JWT") // made again, at its own time
	want["iat"], want["exp"] = want["iat"].(float64)+10, want["exp"].(float64)+10
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the ID token says %v, want %v", got, want)
	}
	_, err := h.refresh(h.web, first.RefreshToken)
	h.wants("another client within the grace", err, "invalid_grant")
	made(h.refresh(h.spa, second.RefreshToken))(t)
	_, err = h.refresh(h.spa, first.RefreshToken)
	h.wants("once the successor was used", err, "invalid_grant")
	h.dead("the family", second.AccessToken)
}

func TestRT_AClockThatLagsBehindTheRotatorsKillsNobody(t *testing.T) {
	h := newHouse(t)
	first := h.tokens(h.spa)
	second := made(h.refresh(h.spa, first.RefreshToken))(t)
	h.clock.advance(-3 * time.Second) // another node
	again := made(h.refresh(h.spa, first.RefreshToken))(t)
	if again.RefreshToken != second.RefreshToken {
		t.Error("an honest retry got another pair")
	}
}

func TestRT_02_OfManyRacingRefreshersAllGetTheOneSuccessor(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.spa)
	for range 4 {
		pairs := map[authz.Secret]authz.Secret{}
		for _, a := range race(16, func() (*oauth.TokenResponse, error) { return h.refresh(h.spa, got.RefreshToken) }) {
			if a.err != nil {
				t.Fatal(a.err)
			}
			pairs[a.resp.RefreshToken], got = a.resp.AccessToken, a.resp
		}
		if len(pairs) != 1 {
			t.Fatalf("%d successors", len(pairs))
		}
		h.alive("the successor", got.AccessToken)
	}
}

func TestRT_03_AReplayIsKnownADayLaterByANewProcess(t *testing.T) {
	h := newHouse(t)
	first := h.tokens(h.spa)
	second := made(h.refresh(h.spa, first.RefreshToken))(t)
	h.clock.advance(24 * time.Hour)
	_, err := h.store.DeleteExpiredAcrossWorkspaces(t.Context(), h.clock.Now(), 100)
	h.ok(err)
	restarted := h.serverWith(func(*oauth.Config) {})
	_, err = restarted.Token(t.Context(), h.from(h.spa, "grant_type", "refresh_token", "refresh_token", first.RefreshToken.Reveal()))
	h.wants("the replay", err, "invalid_grant")
	h.dead("the successor", second.RefreshToken)
}

func TestRT_04_AnotherClientNeitherGetsNorHarms(t *testing.T) {
	h := newHouse(t)
	other := h.client(func(*authz.Client) {})
	first := h.tokens(h.web)
	for _, c := range []authz.Client{other, h.spa} {
		_, err := h.refresh(c, first.RefreshToken)
		h.wants("active", err, "invalid_grant")
	}
	second := made(h.refresh(h.web, first.RefreshToken))(t)
	h.clock.advance(time.Minute)
	for _, c := range []authz.Client{other, h.spa} {
		_, err := h.refresh(c, first.RefreshToken)
		h.wants("used", err, "invalid_grant")
	}
	h.alive("the owner's", second.AccessToken, second.RefreshToken)
}

func TestRT_05_ScopesNarrowForOneTokenAndNeverWiden(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web, "scope", "openid profile email")
	_, err := h.refresh(h.web, got.RefreshToken, "scope", "openid monitoring:admin")
	h.wants("a scope that was not granted", err, "invalid_scope")
	for _, scope := range []string{"OPENID", "openid\tprofile", "*", "openid  unassigned"} {
		_, err := h.refresh(h.web, got.RefreshToken, "scope", scope)
		h.wants(scope, err, "invalid_scope")
	}
	got = made(h.refresh(h.web, got.RefreshToken, "scope", "profile"))(t)
	in, _ := h.lookup(got.AccessToken)
	if got.Scope != "profile" || in.Scope != "profile" || got.IDToken != "" {
		t.Errorf("narrowed: %q, introspected %q", got.Scope, in.Scope)
	}
	if got = made(h.refresh(h.web, got.RefreshToken))(t); got.Scope != "openid profile email" {
		t.Errorf("whole again: %q", got.Scope)
	}
}

func TestRT_06_RefreshingEndsWhenTheGrantDoes(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web)
	for range 7 {
		h.pass(100 * time.Hour)
		got = made(h.refresh(h.web, got.RefreshToken))(t)
	}
	h.pass(20*time.Hour - time.Microsecond)
	got = made(h.refresh(h.web, got.RefreshToken))(t)
	h.clock.advance(time.Microsecond)
	_, err := h.refresh(h.web, got.RefreshToken)
	h.wants("at 30 days", err, "invalid_grant")
	h.dead("the refresh token", got.RefreshToken)
}

func TestRT_07_RT_08_ARefreshObeysWhatChangedSince(t *testing.T) {
	for _, kind := range []authz.NodeKind{authz.UserNode, authz.WorkspaceNode, authz.ConnectionNode, authz.SessionNode} {
		h := newHouse(t)
		got := h.tokens(h.web)
		h.kill(kind)
		if _, err := h.refresh(h.web, got.RefreshToken); err == nil {
			t.Errorf("refreshed below a dead %s", kind)
		}
	}
	h := newHouse(t)
	offline, online := h.tokens(h.web, "scope", "openid offline_access profile"), h.tokens(h.web)
	h.kill(authz.SessionNode)
	if _, err := h.refresh(h.web, offline.RefreshToken); err != nil {
		t.Errorf("offline_access ended with the session: %v", err)
	}
	h.dead("an online token", online.AccessToken)
	h.session.ID = authz.NewSessionID(h.clock.Now())
	h.session.Digest[0]++
	h.ok(h.store.CreateSession(t.Context(), h.session))
	got := h.tokens(h.web)
	h.web.Scopes = []string{"openid"}
	h.ok(h.store.UpdateClient(t.Context(), h.web))
	if got = made(h.refresh(h.web, got.RefreshToken))(t); got.Scope != "openid" {
		t.Errorf("scope %q after the client lost profile", got.Scope)
	}
	h.web.Revision++
	h.web.GrantTypes = []string{authz.GrantAuthorizationCode}
	h.ok(h.store.UpdateClient(t.Context(), h.web))
	_, err := h.refresh(h.web, got.RefreshToken)
	h.wants("the grant type taken away", err, "unauthorized_client")
}

func TestRT_10_ARefreshTokenOpensNothing(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web)
	r := made(h.verifier.Lookup(t.Context(), got.RefreshToken))(t)
	if r.Introspection.CredentialType != authz.CredentialRefreshToken || r.Introspection.TokenType != "" {
		t.Errorf("introspection %+v", r.Introspection)
	}
	_, err := h.server.Userinfo(t.Context(), &r.Credential)
	h.wants("userinfo", err, "invalid_token")
	_, err = h.server.Token(t.Context(), oauth.Request{Authorization: "Bearer " + got.RefreshToken.Reveal(), Form: pairs("grant_type", "client_credentials")})
	h.wants("as a key", err, "invalid_client")
}

func TestRT_AUsedRefreshTokenIsInactiveAtOnce(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web)
	h.alive("an unused one", got.RefreshToken)
	next := made(h.refresh(h.web, got.RefreshToken))(t)
	h.dead("a used one", got.RefreshToken)
	h.alive("its successor", next.RefreshToken)
}

func TestRT_11_AShorterPolicyBindsTokensThatExist(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web)
	h.settings.RefreshTTL = time.Hour
	h.server = h.serverWith(func(c *oauth.Config) { c.Settings = h.settings })
	h.clock.advance(time.Hour)
	h.dead("introspected", got.RefreshToken)
	_, err := h.refresh(h.web, got.RefreshToken)
	h.wants("refreshed", err, "invalid_grant")
}

func TestRT_AnAlteredTokenHarmsNobody(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web)
	text := got.RefreshToken.Reveal()
	for _, forged := range []string{"rt_", text + "A", text[:len(text)-1], "AAAA" + text[4:], "x." + text, strings.ToUpper(text), got.AccessToken.Reveal()} {
		_, err := h.refresh(h.web, authz.Secret(forged))
		h.wants(forged, err, "invalid_grant")
	}
	_, err := h.refresh(h.web, "")
	h.wants("nothing", err, "invalid_request")
	h.alive("the family", got.AccessToken, got.RefreshToken)
}

func TestRT_09_TokensOfAKeyDieWithIt(t *testing.T) {
	h := newHouse(t)
	key, text := h.key(func(r *apikey.Request) { r.ExpiresAt = h.clock.Now().Add(30 * time.Minute) })
	got := made(h.server.Token(t.Context(), oauth.Request{Authorization: "Bearer " + text, Form: pairs("grant_type", "client_credentials")}))(t)
	if got.ExpiresIn != 1800 || got.RefreshToken != "" {
		t.Errorf("a token of a key that ends in 1800 s: %+v", got)
	}
	h.alive("the key's token", got.AccessToken)
	moved, err := h.store.RevokeAPIKey(t.Context(), issuer, h.workspace.ID, key.ID, h.clock.Now(), h.clock.Now().Add(time.Hour))
	h.ok(err)
	if !moved {
		t.Fatal("not revoked")
	}
	h.dead("the key and its token", got.AccessToken, authz.Secret(text))
}
