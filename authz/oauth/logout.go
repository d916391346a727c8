package oauth

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// LogoutRequest is a request to the end session endpoint (OpenID Connect
// RP-Initiated Logout section 2) that passed every check.
type LogoutRequest struct {
	// Client is who asks; zero when the request does not say.
	Client authz.Client
	// RedirectURI is one of the client's own, or empty.
	RedirectURI string
	State       string
	// Subject is the sub of a valid id_token_hint, or empty. Without it nothing
	// proves that the client sent the person here.
	Subject string
	// Parameters are what Logout was given.
	Parameters url.Values
}

// Location is where the browser goes back to the client, with the state if
// there was one and with nothing else; empty if it stays.
func (r *LogoutRequest) Location() string {
	if r.RedirectURI == "" || r.State == "" {
		return r.RedirectURI
	}
	return Redirect{URI: r.RedirectURI, Parameters: url.Values{"state": {r.State}}}.Location()
}

var (
	errLogoutHint    = fault(authz.Invalid, "invalid_request", "The ID token hint is not an ID token of this server for this application. You are still signed in.")
	errLogoutURI     = fault(authz.Invalid, "invalid_request", "The address to return to is not registered for this application. You are still signed in.")
	errLogoutUnnamed = fault(authz.Invalid, "invalid_request", "The application that sent you here did not say which one it is. You are still signed in.")
	errLogoutClient  = fault(authz.Invalid, "invalid_request", "The application that sent you here is not known, or is switched off. You are still signed in.")
)

// Logout checks the parameters of a logout request. Its errors are for a page:
// an address is only followed once it is proven to be the client's.
func (s *Server) Logout(ctx context.Context, parameters url.Values) (*LogoutRequest, error) {
	if err := checkSize(parameters); err != nil {
		return nil, err
	}
	if err := singleValued(parameters); err != nil {
		return nil, err
	}
	req := &LogoutRequest{State: parameters.Get("state"), Parameters: parameters}
	id := authz.ClientID(parameters.Get("client_id"))
	if text := parameters.Get("id_token_hint"); text != "" {
		h, err := s.readHint(ctx, text)
		if authz.KindOf(err) == authz.Invalid {
			return nil, errLogoutHint.Because(err)
		}
		if err != nil {
			return nil, err
		}
		if id != "" && id != h.Client {
			return nil, errLogoutHint.Because(errors.New("another client's"))
		}
		id, req.Subject = h.Client, h.Subject
	}
	if err := s.logoutClient(ctx, req, id); err != nil {
		return nil, err
	}
	req.RedirectURI = parameters.Get("post_logout_redirect_uri")
	switch {
	case req.RedirectURI == "":
		return req, nil
	case id == "":
		return nil, errLogoutUnnamed
	case !slices.Contains(req.Client.Metadata.PostLogoutRedirectURIs, req.RedirectURI):
		return nil, errLogoutURI
	}
	return req, nil
}

func (s *Server) logoutClient(ctx context.Context, req *LogoutRequest, id authz.ClientID) error {
	if id == "" {
		return nil
	}
	client, _, err := s.cfg.Clients.Find(ctx, id)
	if authz.KindOf(err) == authz.Unauthenticated {
		return errLogoutClient.Because(err)
	}
	req.Client = client
	return err
}
