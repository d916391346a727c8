package oauth

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// AuthorizationRequest is an authorization request (RFC 6749 section 4.1.1)
// that passed every check: its client exists, its redirect URI is registered.
type AuthorizationRequest struct {
	Client      authz.Client
	AccountID   authz.AccountID
	RedirectURI string
	State       string
	Scopes      []string
	Nonce       string
	Challenge   string // S256 code challenge, or empty
	// Prompt values (OpenID Connect Core section 3.1.2.1).
	Prompt    []string
	MaxAge    *time.Duration
	LoginHint string
	ACRValues []string
	UILocales string
	// Subjects are the names the client expects the person under; every one
	// must be theirs (Names).
	Subjects []string
	// RequiredACR lists authentication contexts of which one must be reached.
	RequiredACR []string
	claims      claimsRequest
	// ArrivedAt is when the request first came, before any sign-in.
	ArrivedAt time.Time
	// ID is the handle of the stored request, once it was stored.
	ID string
	// Parameters are what Authorize was given.
	Parameters url.Values
}

// Prompts reports whether the prompt parameter names the value.
func (r *AuthorizationRequest) Prompts(value string) bool { return has(r.Prompt, value) }

// Reaches reports whether the authentication context is one the request insists on.
func (r *AuthorizationRequest) Reaches(acr string) bool {
	return len(r.RequiredACR) == 0 || has(r.RequiredACR, acr)
}

// RedirectError is an error the client is told of at its redirect URI. An
// error that is not one must be shown to the person instead: nothing proved
// that the redirect URI is the client's.
type RedirectError struct {
	Redirect Redirect
	Err      *authz.Error
}

// Error describes the error for logs.
func (e *RedirectError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RedirectError) Unwrap() error { return e.Err }

// Redirect sends the browser back to a client.
type Redirect struct {
	URI        string
	Parameters url.Values
}

// Location is the URI with the parameters added to its query.
func (r Redirect) Location() string {
	sep := "?"
	if strings.Contains(r.URI, "?") {
		sep = "&"
	}
	return r.URI + sep + r.Parameters.Encode()
}

// maxParameters bounds the sum of all parameters' lengths, in bytes.
const maxParameters = 16 << 10

// A check looks at one thing and fills in what it proved.
type check func(context.Context, *Server, *AuthorizationRequest) error

// beforeRedirect are the checks whose errors are shown on a page.
var beforeRedirect = []check{checkSize, checkIdentifying, checkClient, checkRedirectURI}

// afterRedirect are the checks whose errors go to the client.
var afterRedirect = []check{
	checkRepeated, checkRequestObject, checkResponseType, checkResponseMode, checkGrantType,
	checkPKCE, checkScope, checkResource, checkNonce, checkPrompt, checkMaxAge, checkHints,
	checkIDTokenHint, checkClaims,
}

// Authorize checks the parameters of an authorization request that arrived at
// the given moment. The error is a *RedirectError, or one for a page.
func (s *Server) Authorize(ctx context.Context, parameters url.Values, arrivedAt time.Time) (*AuthorizationRequest, error) {
	req := &AuthorizationRequest{Parameters: parameters, ArrivedAt: arrivedAt, State: parameters.Get("state")}
	for _, c := range beforeRedirect {
		if err := c(ctx, s, req); err != nil {
			return nil, err
		}
	}
	for _, c := range afterRedirect {
		if err := c(ctx, s, req); err != nil {
			return nil, s.Refuse(req, err)
		}
	}
	return req, nil
}

// Refuse makes of an error the redirect that tells the client, with the
// members of RFC 6749 section 4.1.2.1 and the iss of RFC 9207.
func (s *Server) Refuse(req *AuthorizationRequest, err error) *RedirectError {
	e, ok := errors.AsType[*authz.Error](err)
	if !ok {
		e = fault(authz.Internal, "server_error", "Something went wrong on our side.").Because(err)
	}
	if e.Kind == authz.Unavailable {
		e = errUnavailable.Because(e)
	}
	parameters := url.Values{"error": {e.Code}, "iss": {s.settings.URL}}
	if e.Description != "" {
		parameters.Set("error_description", e.Description)
	}
	if req.State != "" {
		parameters.Set("state", req.State)
	}
	return &RedirectError{Redirect: Redirect{URI: req.RedirectURI, Parameters: parameters}, Err: e}
}
