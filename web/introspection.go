package web

import (
	"mime"
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

const introspectionJWT = "application/token-introspection+jwt"

// introspected tells a caller what was found, in the form it asked for.
func (s *site) introspected(w http.ResponseWriter, r *http.Request, caller credential.AuthenticatedClient, found []byte) error {
	if !asksForJWT(r.Header["Accept"]) {
		writeRendered(w, http.StatusOK, found)
		return nil
	}
	signed, err := s.OAuth.SignIntrospection(r.Context(), caller, found)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", introspectionJWT)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte(signed))
	return nil
}

// asksForJWT reports whether the Accept header names the signed form (RFC 9701
// section 4); one that is too short to name it is not looked at.
func asksForJWT(accept []string) bool {
	for _, value := range accept {
		if len(value) < len(introspectionJWT) {
			continue
		}
		for part := range strings.SplitSeq(value, ",") {
			media, parameters, err := mime.ParseMediaType(part)
			refused := parameters["q"] != "" && strings.Trim(parameters["q"], "0.") == "" // RFC 9110 section 12.4.2
			if err == nil && media == introspectionJWT && !refused {
				return true
			}
		}
	}
	return false
}
