package oauth

import (
	"context"
	"encoding/json"
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
	// ResponseMode is how the client is answered; empty means query.
	ResponseMode string
	Nonce        string
	Challenge    string // S256 code challenge, or empty
	// DPoPJKT is the thumbprint of the only key that may redeem the code, or
	// empty (RFC 9449 section 10).
	DPoPJKT string
	// Prompt values (OpenID Connect Core section 3.1.2.1).
	Prompt    []string
	MaxAge    *time.Duration
	LoginHint string
	ACRValues []string
	// Audience are the resources asked for (RFC 8707), by default the API.
	Audience []string
	// Details are the authorization details, a JSON array (RFC 9396), or nil.
	Details   json.RawMessage
	UILocales string
	// Device is the device code to decide on, in place of a redirect URI; nil
	// at the authorization endpoint.
	Device *authz.DeviceCode
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
	// Parameters are those that count: of the browser, or of what the client
	// pushed or signed.
	Parameters url.Values
	from       source
}

// Prompts reports whether the prompt parameter names the value.
func (r *AuthorizationRequest) Prompts(value string) bool { return has(r.Prompt, value) }

// ReachedBy reports whether the session reached an authentication context the
// request insists on.
func (r *AuthorizationRequest) ReachedBy(s authz.Session) bool {
	return len(r.RequiredACR) == 0 || s.Reached(r.RequiredACR)
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
	// FormPost sends the parameters by a form (OAuth 2.0 Form Post Response Mode).
	FormPost bool
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
var beforeRedirect = []check{checkIdentifying, checkClient, checkDocument, checkRedirectURI}

// afterRedirect are the checks whose errors go to the client.
var afterRedirect = []check{
	checkResponseMode, checkRepeated, checkUnsupported, checkSource, checkResponseType, checkGrantType, checkPKCE, checkProofKey,
	checkScope, checkResource, checkDetails, checkNonce, checkPrompt, checkMaxAge, checkHints,
	checkIDTokenHint, checkClaims,
}

// Authorize checks the parameters of an authorization request that arrived at
// the given moment. The error is a *RedirectError, or one for a page.
func (s *Server) Authorize(ctx context.Context, parameters url.Values, arrivedAt time.Time) (*AuthorizationRequest, error) {
	return s.authorize(ctx, parameters, arrivedAt, source{})
}

// Reauthorize checks a request that was stored once more: its client may have
// changed since. Its parameters were resolved when it was first seen.
func (s *Server) Reauthorize(ctx context.Context, row authz.AuthorizationRequest) (*AuthorizationRequest, error) {
	parameters, err := url.ParseQuery(row.Parameters)
	if err != nil {
		return nil, fault(authz.Internal, "server_error", "The stored request cannot be read.").Because(err)
	}
	req, err := s.check(ctx, parameters, row.ArrivedAt, source{pushed: true, signed: true, digest: row.Pushed})
	if err != nil {
		return nil, err
	}
	req.ID = row.ID
	return req, nil
}

// Pushed is the digest of the request URI of a pushed request, or nil.
func (r *AuthorizationRequest) Pushed() *[32]byte { return r.from.digest }

func (s *Server) authorize(ctx context.Context, outer url.Values, arrivedAt time.Time, from source) (*AuthorizationRequest, error) {
	if err := checkSize(outer); err != nil {
		return nil, err
	}
	parameters, from, err := s.resolve(ctx, outer, from)
	if err != nil {
		return nil, s.unresolved(ctx, outer, err)
	}
	return s.check(ctx, parameters, arrivedAt, from)
}

// unresolved tells the client of a request that could not be read, if what
// stands outside of it proves a redirect URI.
func (s *Server) unresolved(ctx context.Context, outer url.Values, err error) error {
	req := &AuthorizationRequest{Parameters: outer, State: outer.Get("state")}
	for _, c := range beforeRedirect {
		if c(ctx, s, req) != nil {
			return err
		}
	}
	_ = checkResponseMode(ctx, s, req) // as it asks to be answered, if that is possible
	return s.Refuse(ctx, req, err)
}

func (s *Server) check(ctx context.Context, parameters url.Values, arrivedAt time.Time, from source) (*AuthorizationRequest, error) {
	req := &AuthorizationRequest{Parameters: parameters, ArrivedAt: arrivedAt, State: parameters.Get("state"), from: from}
	for _, c := range beforeRedirect {
		if err := c(ctx, s, req); err != nil {
			return nil, err
		}
	}
	for _, c := range afterRedirect {
		if err := c(ctx, s, req); err != nil {
			return nil, s.Refuse(ctx, req, err)
		}
	}
	return req, nil
}

// Refuse makes of an error the redirect that tells the client, with the
// members of RFC 6749 section 4.1.2.1 and the iss of RFC 9207.
func (s *Server) Refuse(ctx context.Context, req *AuthorizationRequest, err error) error {
	e, ok := errors.AsType[*authz.Error](err)
	if !ok {
		e = fault(authz.Internal, "server_error", "Something went wrong on our side.").Because(err)
	}
	if e.Kind == authz.Unavailable {
		e = errUnavailable.Because(e)
	}
	parameters := url.Values{"error": {e.Code}}
	if e.Description != "" {
		parameters.Set("error_description", e.Description)
	}
	redirect, err := s.respond(ctx, req, parameters)
	if err != nil {
		return err
	}
	return &RedirectError{Redirect: redirect, Err: e}
}
