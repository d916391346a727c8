package oauth

import (
	"context"
	"net/url"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var errInvalidTarget = fault(authz.Invalid, "invalid_target", "A requested resource or audience is not one this server issues tokens for.")

// target refuses a token for anything but the API (RFC 8707 section 2):
// ignoring what was asked would give out a token for something else.
func (s *Server) target(parameters url.Values) error {
	for _, name := range []string{"resource", "audience"} {
		for _, asked := range parameters[name] {
			if !slices.Contains(s.audience(), asked) && !s.isAPI(asked) {
				return errInvalidTarget
			}
		}
	}
	return nil
}

func checkResource(_ context.Context, s *Server, req *AuthorizationRequest) error {
	return s.target(req.Parameters)
}
