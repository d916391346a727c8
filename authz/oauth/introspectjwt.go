package oauth

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// SignIntrospection wraps the answer to an introspection in a JWT for the
// caller alone (RFC 9701 section 5). It holds neither sub nor exp, so that it
// cannot be taken for an access token.
func (s *Server) SignIntrospection(ctx context.Context, caller credential.AuthenticatedClient, answer json.RawMessage) (string, error) {
	alg := caller.Metadata.IntrospectionAlgorithm
	if alg == "" {
		alg = s.introspectionDefault()
	}
	return s.cfg.Signer.Sign(ctx, alg, "token-introspection+jwt", map[string]any{
		"iss": s.settings.URL, "aud": string(caller.ID), "iat": s.clock.Now().Unix(), "token_introspection": answer,
	})
}

// introspectionDefault is RS256 (RFC 9701 section 6), or the issuer's first
// algorithm where it has no RS256.
func (s *Server) introspectionDefault() string {
	if algs := s.settings.IDTokenAlgorithms; len(algs) > 0 && !slices.Contains(algs, "RS256") {
		return algs[0]
	}
	return "RS256"
}
