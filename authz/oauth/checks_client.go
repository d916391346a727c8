package oauth

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func checkRepeated(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	if len(req.Parameters["state"]) > 1 {
		req.State = "" // neither can be told to be the client's
	}
	return singleValued(req.Parameters)
}

// checkUnsupported refuses what would change the request if it were understood
// (OpenID Connect Core section 6.2).
func checkUnsupported(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	switch {
	case req.Parameters.Has("request_uri"):
		return fault(authz.Invalid, "request_uri_not_supported", "Only request URIs of pushed requests are supported.")
	case req.Parameters.Has("registration"):
		return fault(authz.Invalid, "registration_not_supported", "The registration parameter is not supported.")
	}
	return nil
}

func checkResponseType(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	if req.Parameters.Get("response_type") != "code" {
		return fault(authz.Invalid, "unsupported_response_type", "The response type must be code.")
	}
	return nil
}

func checkGrantType(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	if !req.Client.MayUse(authz.GrantAuthorizationCode) {
		return fault(authz.Invalid, "unauthorized_client", "The client is not allowed to use the authorization code flow.")
	}
	return nil
}

// checkPKCE holds to RFC 7636: S256 only, required of public clients and,
// where the issuer says so, of all.
func checkPKCE(_ context.Context, s *Server, req *AuthorizationRequest) error {
	challenge, method := req.Parameters.Get("code_challenge"), req.Parameters.Get("code_challenge_method")
	if challenge == "" {
		if method != "" {
			return fault(authz.Invalid, "invalid_request", "code_challenge_method is given without code_challenge.")
		}
		if req.Client.Public() || s.settings.PKCEForAll || req.Client.Metadata.RequirePKCE || req.Client.Metadata.FAPI2() {
			return fault(authz.Invalid, "invalid_request", "PKCE is required: send code_challenge and code_challenge_method=S256.")
		}
		return nil
	}
	if method != "S256" {
		return fault(authz.Invalid, "invalid_request", "code_challenge_method must be S256.")
	}
	if !validChallenge(challenge) {
		return fault(authz.Invalid, "invalid_request", "code_challenge must be 43 characters of base64url.")
	}
	req.Challenge = challenge
	return nil
}

func checkScope(ctx context.Context, s *Server, req *AuthorizationRequest) error {
	known, err := s.Scopes(ctx)
	if err != nil {
		return err
	}
	for _, scope := range strings.Fields(req.Parameters.Get("scope")) {
		if _, given := known.Find(authz.ClientScope, scope); !given || !slices.Contains(req.Client.Scopes, scope) {
			return errInvalidScope
		}
		if !slices.Contains(req.Scopes, scope) {
			req.Scopes = append(req.Scopes, scope)
		}
	}
	// Authorization details are a request of their own (RFC 9396 section 3).
	if len(req.Scopes) == 0 && !req.Parameters.Has("authorization_details") {
		return fault(authz.Invalid, "invalid_scope", "At least one scope is required.")
	}
	return nil
}

func checkNonce(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	req.Nonce = req.Parameters.Get("nonce")
	if len(req.Nonce) > 1024 {
		return fault(authz.Invalid, "invalid_request", "nonce is longer than 1024 bytes.")
	}
	return nil
}

func checkPrompt(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	req.Prompt = strings.Fields(req.Parameters.Get("prompt"))
	for _, value := range req.Prompt {
		if !slices.Contains(promptValues, value) {
			return fault(authz.Invalid, "invalid_request", "A value of prompt is unknown.")
		}
	}
	if req.Prompts("none") && len(req.Prompt) > 1 {
		return fault(authz.Invalid, "invalid_request", "prompt=none stands alone.")
	}
	return nil
}

var promptValues = []string{"none", "login", "consent", "select_account"}

func checkMaxAge(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	text := req.Parameters.Get("max_age")
	if text == "" {
		req.MaxAge = defaultMaxAge(req.Client)
		return nil
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return fault(authz.Invalid, "invalid_request", "max_age must be a number of seconds.")
	}
	age := time.Duration(seconds) * time.Second
	req.MaxAge = &age
	return nil
}

// defaultMaxAge is what the client registered (OpenID Connect Dynamic Client
// Registration section 2), or nil.
func defaultMaxAge(c authz.Client) *time.Duration {
	if c.Metadata.DefaultMaxAge == nil {
		return nil
	}
	age := time.Duration(*c.Metadata.DefaultMaxAge) * time.Second
	return &age
}

func checkHints(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	req.LoginHint = req.Parameters.Get("login_hint")
	req.ACRValues = strings.Fields(req.Parameters.Get("acr_values"))
	if len(req.ACRValues) == 0 {
		req.ACRValues = req.Client.Metadata.DefaultACRValues
	}
	req.UILocales = req.Parameters.Get("ui_locales")
	return nil
}

// checkProofKey notes the key that may redeem the code (RFC 9449 section 10).
func checkProofKey(_ context.Context, _ *Server, req *AuthorizationRequest) error {
	jkt := req.Parameters.Get("dpop_jkt")
	if jkt != "" && !validChallenge(jkt) {
		return fault(authz.Invalid, "invalid_request", "dpop_jkt must be a SHA-256 thumbprint: 43 characters of base64url.")
	}
	req.DPoPJKT = jkt
	return nil
}
