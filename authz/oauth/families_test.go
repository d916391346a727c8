package oauth_test

import (
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// What is remembered of a refresh token's ancestors answers for nothing once one
// of them has moved, however often the token was rotated before.
func TestU22_ARememberedFamilyDiesWithWhatItHangsOn(t *testing.T) {
	for _, kind := range []authz.NodeKind{authz.UserNode, authz.WorkspaceNode, authz.ConnectionNode, authz.SessionNode, authz.AccountNode, authz.GrantNode} {
		t.Run(string(kind), func(t *testing.T) {
			h := newHouse(t)
			tokens := h.tokens(h.web)
			for range 2 { // the second rotation reads the token alone
				tokens = made(h.refresh(h.web, tokens.RefreshToken))(h)
			}
			if kind == authz.GrantNode {
				h.ok(h.server.Revoke(h.Context(), h.from(h.web, "token", tokens.AccessToken.Reveal())))
			} else {
				h.kill(kind)
			}
			_, err := h.refresh(h.web, tokens.RefreshToken)
			if c := authz.CodeOf(err); c != "invalid_grant" && c != "invalid_client" {
				t.Errorf("a refresh: %v", err)
			}
		})
	}
}

// A node that issued a refresh token does not read it again before it consumes
// it. Where another node consumed it first, the answer is as if it had been read:
// the same pair for a moment, and then the end of the family.
func TestRT_ATokenThatAnotherNodeRotatedIsRotatedOnce(t *testing.T) {
	for _, late := range []bool{false, true} {
		h := newHouse(t)
		epochs := credential.NewEpochs()
		elsewhere := h.serverWith(func(c *oauth.Config) {
			c.Families = credential.NewMemory[oauth.Family](epochs, credential.ForeverLease(), 1000, nil)
		})
		first := h.tokens(h.spa)
		second := made(elsewhere.Token(h.Context(), h.from(h.spa, "grant_type", "refresh_token", "refresh_token", first.RefreshToken.Reveal())))(t)
		if late {
			h.clock.advance(10*time.Second + time.Microsecond)
		}
		again, err := h.refresh(h.spa, first.RefreshToken)
		if !late {
			h.ok(err)
			if again.RefreshToken != second.RefreshToken || again.AccessToken != second.AccessToken {
				t.Error("another pair was issued for a token that was used")
			}
			h.alive("the successor", second.AccessToken, second.RefreshToken)
			continue
		}
		h.wants("the replay", err, "invalid_grant")
		h.dead("the family", first.AccessToken, second.AccessToken, second.RefreshToken)
		if list := h.entries("grant.revoked"); len(list) != 1 || list[0].Reason != "refresh_token_reused" {
			t.Errorf("audit: %+v", list)
		}
	}
}

// What is remembered of the token says nothing to those who only ask about it.
func TestIN_ATokenThatAnotherNodeRotatedIsInactive(t *testing.T) {
	h := newHouse(t)
	elsewhere := h.serverWith(func(c *oauth.Config) {
		c.Families = credential.NewMemory[oauth.Family](credential.NewEpochs(), credential.ForeverLease(), 1000, nil)
	})
	first := h.tokens(h.spa)
	made(elsewhere.Token(h.Context(), h.from(h.spa, "grant_type", "refresh_token", "refresh_token", first.RefreshToken.Reveal())))(t)
	h.dead("the used token", first.RefreshToken)
}
