package oauth

import (
	"context"
	"net/url"
	"unicode/utf8"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// checkSize bounds what is looked at, and refuses what is no text.
func checkSize(parameters url.Values) error {
	total := 0
	for name, values := range parameters {
		total += len(name)
		for _, v := range values {
			total += len(v)
			if !utf8.ValidString(v) {
				return fault(authz.Invalid, "invalid_request", "A parameter is not valid UTF-8.")
			}
		}
	}
	if total > maxParameters {
		return fault(authz.Invalid, "invalid_request", "The request is too large.")
	}
	return nil
}

// checkIdentifying refuses a request that names two clients or two redirect
// URIs, before either is believed.
func checkIdentifying(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	for _, name := range []string{"client_id", "redirect_uri"} {
		if len(req.Parameters[name]) > 1 {
			return fault(authz.Invalid, "invalid_request", "A parameter is given more than once.")
		}
	}
	return nil
}

func checkClient(ctx context.Context, s *Server, req *AuthorizationRequest) error {
	id := authz.ClientID(req.Parameters.Get("client_id"))
	if id == "" {
		return fault(authz.Invalid, "invalid_request", "client_id is missing. The application that sent you here is not set up correctly.")
	}
	client, account, err := s.cfg.Clients.Find(ctx, id)
	if authz.KindOf(err) == authz.Unauthenticated {
		return fault(authz.Invalid, "invalid_client", "The application that sent you here is not known, or is switched off.").Because(err)
	}
	if err != nil {
		return err
	}
	req.Client, req.AccountID = client, account
	return nil
}

func checkRedirectURI(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	asked := req.Parameters.Get("redirect_uri")
	if asked == "" {
		return fault(authz.Invalid, "invalid_request", "redirect_uri is missing. The application that sent you here is not set up correctly.")
	}
	if !matchesRedirectURI(req.Client, asked) {
		return fault(authz.Invalid, "invalid_request", "The redirect URI is not registered for this application.")
	}
	req.RedirectURI = asked
	return nil
}
