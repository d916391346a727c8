package oauth

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Response modes (OAuth 2.0 Multiple Response Type Encoding Practices, OAuth
// 2.0 Form Post Response Mode, JARM section 2.3). There is no fragment: nothing
// but codes is given out.
const (
	modeQuery       = "query"
	modeFormPost    = "form_post"
	modeJWT         = "jwt" // of the code flow: query.jwt
	modeQueryJWT    = "query.jwt"
	modeFormPostJWT = "form_post.jwt"
)

func responseModes() []string {
	return []string{modeQuery, modeFormPost, modeJWT, modeQueryJWT, modeFormPostJWT}
}

// responseLife is how long a signed authorization response is good for (JARM
// section 2.1 recommends at most ten minutes).
const responseLife = 5 * time.Minute

func checkResponseMode(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	mode := req.Parameters.Get("response_mode")
	if mode == "" {
		return nil
	}
	allowed := req.Client.Metadata.ResponseModes
	if len(allowed) == 0 {
		allowed = responseModes()
	}
	if !slices.Contains(responseModes(), mode) || !slices.Contains(allowed, mode) {
		return fault(authz.Invalid, "invalid_request", "The response mode is not supported.")
	}
	req.ResponseMode = mode
	return nil
}

// respond makes the authorization response in the mode that was asked for; in a
// JWT it is signed and for the client only (JARM section 2.1).
func (s *Server) respond(ctx context.Context, req *AuthorizationRequest, parameters url.Values) (Redirect, error) {
	r := Redirect{URI: req.RedirectURI, Parameters: parameters}
	r.Parameters.Set("iss", s.settings.URL) // RFC 9207
	if req.State != "" {
		r.Parameters.Set("state", req.State)
	}
	r.FormPost = req.ResponseMode == modeFormPost || req.ResponseMode == modeFormPostJWT
	if req.ResponseMode == "" || req.ResponseMode == modeQuery || req.ResponseMode == modeFormPost {
		return r, nil
	}
	claims := map[string]any{"aud": string(req.Client.ID), "exp": s.clock.Now().Add(responseLife).Unix()}
	for name := range r.Parameters {
		claims[name] = r.Parameters.Get(name)
	}
	alg := req.Client.Metadata.ResponseAlgorithm
	if alg == "" {
		alg = "ES256"
	}
	response, err := s.cfg.Signer.Sign(ctx, alg, "JWT", claims)
	if err != nil {
		return Redirect{}, err
	}
	r.Parameters = url.Values{"response": {response}}
	return r, nil
}
