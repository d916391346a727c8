package web

import (
	"context"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

const introspectionJWT = "application/token-introspection+jwt"

// introspected tells a caller what was found, in the form it asked for.
func (s *site) introspected(ctx context.Context, w http.ResponseWriter, r *http.Request, caller credential.AuthenticatedClient, found []byte) error {
	if !prefers(r.Header["Accept"], introspectionJWT, "application/json") { // RFC 9701 section 4
		writeRendered(w, http.StatusOK, found)
		return nil
	}
	signed, err := s.OAuth.SignIntrospection(ctx, caller, found)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", introspectionJWT)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte(signed))
	return nil
}
