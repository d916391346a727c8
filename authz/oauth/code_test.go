package oauth_test

import (
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

func TestCO_ACodeGivesTokensThatLive(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web)
	in, ok := h.lookup(got.AccessToken)
	if !ok || in.Scope != "openid profile" || in.Sub != string(h.user.ID) || in.ClientID != string(h.web.ID) || in.WorkspaceID != h.workspace.ID {
		t.Errorf("introspection %+v, active %t", in, ok)
	}
	if got.TokenType != "Bearer" || got.ExpiresIn != 3600 || got.RefreshToken == "" || got.IDToken == "" {
		t.Errorf("response %+v", got)
	}
}

func TestCO_01_ACodeComingBackEndsItsFamilyAndTellsTheWorld(t *testing.T) {
	h := newHouse(t)
	code := h.code(h.web)
	got := made(h.redeem(h.web, code))(t)
	h.alive("the first answer", got.AccessToken)
	_, err := h.redeem(h.web, code)
	h.wants("second redemption", err, "invalid_grant")
	h.dead("a token of the family", got.AccessToken, got.RefreshToken)
	if _, err := h.refresh(h.web, got.RefreshToken); authz.CodeOf(err) != "invalid_grant" {
		t.Errorf("refresh after the replay: %v", err)
	}
	if list := h.entries("grant.revoked"); len(list) != 1 || list[0].Reason != "code_reused" {
		t.Errorf("audit: %+v", list)
	}
	if list := h.events("grant.revoked"); len(list) != 1 || !holds(list, `"severity":"P1"`) {
		t.Errorf("events: %v", list)
	}
	_, err = h.redeem(h.web, code)
	h.wants("third redemption", err, "invalid_grant")
	if list := h.entries("grant.revoked"); len(list) != 1 {
		t.Errorf("a family was ended %d times", len(list))
	}
}

func TestCO_02_OfManyRacingRedeemersOneIsAnsweredAndNothingSurvives(t *testing.T) {
	h := newHouse(t)
	for range 4 {
		code := h.code(h.web)
		answers := race(16, func() (*oauth.TokenResponse, error) { return h.redeem(h.web, code) })
		won := 0
		for _, a := range answers {
			switch {
			case a.err == nil:
				won++
				h.dead("the token of a code used twice", a.resp.AccessToken)
			case authz.CodeOf(a.err) != "invalid_grant":
				t.Errorf("a loser was told %v", a.err)
			}
		}
		if won != 1 {
			t.Fatalf("%d redeemers were answered", won)
		}
	}
}

func TestCO_03_ACodeOfAnotherClientHasNoEffect(t *testing.T) {
	h := newHouse(t)
	other := h.client(func(*authz.Client) {})
	code := h.code(h.web)
	for _, c := range []authz.Client{other, h.spa} {
		_, err := h.redeem(c, code)
		h.wants("another client", err, "invalid_grant")
	}
	got := made(h.redeem(h.web, code))(t)
	_, err := h.redeem(other, code)
	h.wants("another client with a used code", err, "invalid_grant")
	h.alive("the owner's token", got.AccessToken)
}

func TestCO_04_ACodeEndsAfterAMinute(t *testing.T) {
	h := newHouse(t)
	code := h.code(h.web)
	h.clock.advance(time.Minute - time.Microsecond)
	if _, err := h.redeem(h.web, code); err != nil {
		t.Errorf("in its last moment: %v", err)
	}
	code = h.code(h.web)
	h.clock.advance(time.Minute)
	_, err := h.redeem(h.web, code)
	h.wants("at its end", err, "invalid_grant")
}

func TestCO_05_AnAlteredCodeIsNoCodeAndHarmsNobody(t *testing.T) {
	h := newHouse(t)
	code := h.code(h.web)
	got := made(h.redeem(h.web, code))(t)
	for i := range code {
		flipped := []byte(code)
		flipped[i] ^= 1
		_, err := h.redeem(h.web, string(flipped))
		h.wants("a flipped character", err, "invalid_grant")
	}
	for cut := 1; cut <= 8; cut++ {
		_, err := h.redeem(h.web, code[:len(code)-cut])
		h.wants("cut", err, "invalid_grant")
	}
	for _, text := range []string{code + "A", code + "\x00", " " + code, "ac_.", "junk." + code, "AAAA" + code[4:], "ac_" + code} {
		_, err := h.redeem(h.web, text)
		h.wants("forged", err, "invalid_grant")
	}
	h.alive("the real family", got.AccessToken)
}

func TestCO_06_NothingElsePassesForACode(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web)
	for _, text := range []authz.Secret{got.AccessToken, got.RefreshToken, got.IDToken, authz.Secret(h.web.ID)} {
		_, err := h.redeem(h.web, text.Reveal())
		h.wants("as a code", err, "invalid_grant")
	}
	_, err := h.redeem(h.web, "")
	h.wants("nothing as a code", err, "invalid_request")
	h.alive("the family", got.AccessToken)
}

func TestCO_07_ACodeDiesWithWhatItHangsOn(t *testing.T) {
	for _, kind := range []authz.NodeKind{authz.UserNode, authz.WorkspaceNode, authz.ConnectionNode, authz.SessionNode, authz.AccountNode} {
		t.Run(string(kind), func(t *testing.T) {
			h := newHouse(t)
			code, refresh := h.code(h.web), h.tokens(h.web)
			h.kill(kind)
			_, err := h.redeem(h.web, code)
			if c := authz.CodeOf(err); c != "invalid_grant" && c != "invalid_client" {
				t.Errorf("the code: %v", err)
			}
			h.dead("a token", refresh.AccessToken, refresh.RefreshToken)
		})
	}
}

func (h *house) kill(kind authz.NodeKind) {
	h.Helper()
	ids := map[authz.NodeKind]string{
		authz.UserNode: string(h.user.ID), authz.WorkspaceNode: string(h.workspace.ID), authz.ConnectionNode: string(h.connection.ID),
		authz.SessionNode: string(h.session.ID), authz.AccountNode: string(h.account.ID),
	}
	to := map[authz.NodeKind]authz.State{
		authz.UserNode: authz.Disabled, authz.WorkspaceNode: authz.Suspended, authz.ConnectionNode: authz.Disabled,
		authz.SessionNode: authz.Revoked, authz.AccountNode: authz.Suspended,
	}
	moved, err := h.store.KillNode(h.Context(), issuer, h.workspace.ID, authz.NodeRef{Kind: kind, ID: ids[kind]}, to[kind])
	h.ok(err)
	if !moved {
		h.Fatalf("the %s did not die", kind)
	}
}

func TestRU_09_ARedirectURIThatDiffersAtTheTokenEndpointBurnsTheCode(t *testing.T) {
	h := newHouse(t)
	for _, uri := range []string{"", callback + "/", "https://evil.example/cb", "HTTPS://app.example/cb", callback + "?"} {
		code := h.code(h.web)
		_, err := h.redeem(h.web, code, "redirect_uri", uri)
		h.wants("with "+uri, err, "invalid_grant")
		_, err = h.redeem(h.web, code)
		h.wants("then with the right one", err, "invalid_grant")
	}
}

type outcome struct {
	resp *oauth.TokenResponse
	err  error
}

// race asks n times at once.
func race(n int, ask func() (*oauth.TokenResponse, error)) []outcome {
	answers := make([]outcome, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() {
			<-start
			answers[i].resp, answers[i].err = ask()
		})
	}
	close(start)
	group.Wait()
	return answers
}
