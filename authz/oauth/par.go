package oauth

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const requestURIPrefix = "urn:ietf:params:oauth:request_uri:"

// PushedResponse is the answer of the pushed authorization request endpoint
// (RFC 9126 section 2.2).
type PushedResponse struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"` // seconds
}

// credentialParameters prove who the client is and are not part of its request.
func credentialParameters() []string {
	return []string{"client_secret", "client_assertion", "client_assertion_type"}
}

// Push takes an authorization request that the client sends itself, checked as
// if a browser had brought it (RFC 9126 section 2.1).
func (s *Server) Push(ctx context.Context, in Request) (PushedResponse, error) {
	client, err := s.AuthenticateClient(ctx, in)
	if err != nil {
		return PushedResponse{}, err
	}
	if s.cfg.Allow != nil {
		if err := s.cfg.Allow(string(client.ID)); err != nil {
			return PushedResponse{}, err
		}
	}
	parameters := url.Values{}
	for name, values := range in.Form {
		parameters[name] = values
	}
	for _, name := range credentialParameters() {
		parameters.Del(name)
	}
	if parameters.Has("request_uri") {
		return PushedResponse{}, fault(authz.Invalid, "invalid_request", "request_uri must not be pushed.")
	}
	parameters.Set("client_id", string(client.ID))
	key, err := s.proofKey(ctx, in, "")
	if err != nil {
		return PushedResponse{}, err
	}
	now := s.clock.Now()
	req, err := s.authorize(ctx, parameters, now, source{pushed: true, key: key})
	if err != nil {
		return PushedResponse{}, pushFault(err)
	}
	if err := s.pushing.admit(ctx, client.ID); err != nil {
		return PushedResponse{}, err
	}
	handle := authz.NewToken("")
	err = s.store.CreatePushedRequest(ctx, authz.PushedRequest{
		Digest: authz.Digest(handle.Reveal()), Issuer: s.settings.Name, ClientID: client.ID,
		Parameters: Known(req.Parameters).Encode(), CreatedAt: now, ExpiresAt: now.Add(s.settings.PushedTTL), State: authz.Active,
	})
	if err != nil {
		return PushedResponse{}, unavailable(err)
	}
	return PushedResponse{RequestURI: requestURIPrefix + handle.Reveal(), ExpiresIn: int64(s.settings.PushedTTL / time.Second)}, nil
}

// pushFault is the error itself: it is not told by a redirect. That a request
// object is not signed is here an error of the object (RFC 9126 section 2.3, RFC
// 9101 section 6.2): request_not_supported is of the authorization endpoint.
func pushFault(err error) error {
	if redirect, ok := errors.AsType[*RedirectError](err); ok {
		err = redirect.Err
	}
	if errors.Is(err, errUnsignedObject) {
		return errRequestObject.Because(err)
	}
	return err
}

var errRequestURI = fault(authz.Invalid, "invalid_request_uri",
	"The request URI is unknown, expired, used, or another application's. Go back to the application and start again.")

// pushedParameters finds what a client pushed. Whatever else came along in the
// browser is not looked at: it may have been changed on its way.
func (s *Server) pushedParameters(ctx context.Context, outer url.Values) (url.Values, *[32]byte, error) {
	if len(outer["request_uri"]) != 1 || len(outer["client_id"]) != 1 {
		return nil, nil, fault(authz.Invalid, "invalid_request", "client_id and request_uri are required, once.")
	}
	if outer.Has("request") { // RFC 9101 section 5
		return nil, nil, fault(authz.Invalid, "invalid_request", "request and request_uri must not be sent together.")
	}
	digest := authz.Digest(strings.TrimPrefix(outer.Get("request_uri"), requestURIPrefix))
	row, err := s.store.GetPushedRequest(ctx, s.settings.Name, authz.ClientID(outer.Get("client_id")), digest)
	if errors.Is(err, authz.ErrNotFound) {
		return nil, nil, errRequestURI
	}
	if err != nil {
		return nil, nil, unavailable(err)
	}
	if row.State != authz.Active || !s.clock.Now().Before(row.ExpiresAt) {
		return nil, nil, errRequestURI
	}
	parameters, err := url.ParseQuery(row.Parameters)
	if err != nil {
		return nil, nil, fault(authz.Internal, "server_error", "The pushed request cannot be read.").Because(err)
	}
	return parameters, &digest, nil
}
