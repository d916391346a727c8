package oauth

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// UserinfoResponse is the answer of the userinfo endpoint (OpenID Connect Core
// section 5.3.2).
type UserinfoResponse struct {
	Claims map[string]any
	// JWT holds the same, signed, for a client that registered an alg for it.
	JWT string
}

// Userinfo answers about the person behind an access token, as far as the
// token's scopes and the claims parameter of its grant reach.
func (s *Server) Userinfo(ctx context.Context, c *authz.Credential) (UserinfoResponse, error) {
	var none UserinfoResponse
	if c.Introspection.CredentialType != authz.CredentialAccessToken {
		return none, errInactive
	}
	// A token for another resource is not for us, whatever its scopes: whoever
	// received it there could ask about the person (RFC 9068 section 4).
	if !slices.Contains(c.Introspection.Aud, s.settings.api()) {
		return none, errInactive
	}
	if !c.Principal.Holds("openid") {
		return none, fault(authz.Forbidden, "insufficient_scope", "The openid scope is required.")
	}
	client, _, err := s.cfg.Clients.Find(ctx, c.Principal.ClientID)
	if authz.KindOf(err) == authz.Unauthenticated {
		return none, errInactive.Because(err)
	}
	if err != nil {
		return none, err
	}
	user, err := s.store.GetUserAcrossWorkspaces(ctx, s.settings.Name, authz.UserID(c.Principal.Subject))
	if errors.Is(err, authz.ErrNotFound) {
		return none, errInactive
	}
	if err != nil {
		return none, unavailable(err)
	}
	asked, err := claimsOf(c.Claims)
	if err != nil {
		return none, err
	}
	claims := personClaims(user, c.Principal.Scopes, asked.Userinfo)
	claims["sub"] = c.Introspection.Sub
	alg := client.Metadata.UserinfoAlgorithm
	if alg == "" {
		return UserinfoResponse{Claims: claims}, nil
	}
	claims["iss"], claims["aud"] = s.settings.URL, string(client.ID)
	signed, err := s.cfg.Signer.Sign(ctx, alg, "JWT", claims)
	return UserinfoResponse{Claims: claims, JWT: signed}, err
}

func joinScopes(scopes []string) string { return strings.Join(scopes, " ") }
