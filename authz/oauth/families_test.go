package oauth_test

import (
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
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
