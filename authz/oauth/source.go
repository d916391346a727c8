package oauth

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// source says how an authorization request came: by the browser, or pushed by
// the client; signed, or in the clear.
type source struct {
	pushed bool
	signed bool
	// key is the thumbprint of the key that a DPoP proof came with the push, or
	// empty.
	key string
	// digest is that of the request URI, once a pushed request is used.
	digest *[32]byte
}

// resolve finds the parameters of an authorization request, wherever they are
// (RFC 9126 section 4, RFC 9101 section 5).
func (s *Server) resolve(ctx context.Context, parameters url.Values, from source) (url.Values, source, error) {
	var err error
	if strings.HasPrefix(parameters.Get("request_uri"), requestURIPrefix) && !from.pushed {
		from.pushed, from.signed = true, true // it was signed, if it had to be, when it was pushed
		parameters, from.digest, err = s.pushedParameters(ctx, parameters)
		return parameters, from, err
	}
	if err = from.bindCode(parameters); err != nil {
		return nil, from, err
	}
	if parameters.Has("request") {
		from.signed = true
		if parameters, err = s.requestObject(ctx, parameters); err != nil {
			return nil, from, err
		}
	}
	return parameters, from, from.bindCode(parameters)
}

// bindCode binds the code to come to the key that was proven with a push: the
// only one that the parameters that count may name, signed or not (RFC 9449
// section 10.1).
func (from source) bindCode(parameters url.Values) error {
	if from.key == "" {
		return nil
	}
	for _, jkt := range parameters["dpop_jkt"] {
		if jkt != from.key {
			return errProof.Because(errors.New("dpop_jkt is of another key"))
		}
	}
	if !parameters.Has("dpop_jkt") {
		parameters.Set("dpop_jkt", from.key)
	}
	return nil
}

// checkSource holds a client to the way it must send its requests (RFC 9126
// section 6, RFC 9101 section 10.5).
func checkSource(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	m := req.Client.Metadata
	if (m.RequirePushed || m.FAPI2()) && !req.from.pushed {
		return fault(authz.Invalid, "invalid_request", "This client must push its authorization requests.")
	}
	if m.RequireSigned && !req.from.signed {
		return fault(authz.Invalid, "invalid_request", "This client must sign its authorization requests.")
	}
	return nil
}

// authorizationParameters are those of an authorization request that count
// here, or are understood and change nothing.
var authorizationParameters = []string{
	"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "code_challenge", "code_challenge_method",
	"nonce", "display", "prompt", "max_age", "ui_locales", "claims_locales", "id_token_hint", "login_hint", "acr_values", "claims",
	"request", "request_uri", "resource", "audience", "authorization_details", "dpop_jkt",
}

// Known are the parameters that have a meaning at the authorization endpoint.
// Whatever else was sent may be a secret in the wrong place: it is neither kept
// nor put into a URL.
func Known(parameters url.Values) url.Values {
	known := url.Values{}
	for _, name := range authorizationParameters {
		if values, ok := parameters[name]; ok {
			known[name] = values
		}
	}
	return known
}
