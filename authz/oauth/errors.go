package oauth

import (
	"errors"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// fault builds an error a client sees. Texts are fixed: they never quote the
// request (RFC 6749 section 5.2 limits their characters, and we do not echo).
func fault(kind authz.Kind, code, description string) *authz.Error {
	return authz.NewError(kind, code, description)
}

// The errors of the token and authorization endpoints (RFC 6749 sections
// 4.1.2.1 and 5.2, RFC 7009 section 2.2.1, OpenID Connect Core section 3.1.2.6).
var (
	errInvalidGrant = fault(authz.Invalid, "invalid_grant",
		"The code or refresh token is unknown, used, expired, revoked, or was issued to another client, or the code verifier does not match.")
	errInvalidScope       = fault(authz.Invalid, "invalid_scope", "A requested scope is unknown or exceeds what was granted.")
	errUnauthorizedClient = fault(authz.Invalid, "unauthorized_client", "The client is not allowed to use this grant type.")
	errUnsupportedGrant   = fault(authz.Invalid, "unsupported_grant_type", "This grant type is not supported.")
	errInvalidClient      = fault(authz.Unauthenticated, "invalid_client", "Client authentication failed.")
	errUnavailable        = fault(authz.Unavailable, "temporarily_unavailable", "The server cannot answer right now; try again shortly.")
)

// translate turns fosite's errors into ours: registered codes, our own words.
// What fosite's error says beyond its code goes to the log only.
func translate(err error) error {
	if ours, ok := errors.AsType[*authz.Error](err); ok {
		return ours
	}
	switch {
	case errors.Is(err, fosite.ErrInvalidatedAuthorizeCode), errors.Is(err, fosite.ErrInvalidGrant),
		errors.Is(err, fosite.ErrTokenExpired), errors.Is(err, fosite.ErrNotFound):
		return errInvalidGrant.Because(err)
	case errors.Is(err, fosite.ErrInvalidScope):
		return errInvalidScope.Because(err)
	case errors.Is(err, fosite.ErrUnauthorizedClient):
		return errUnauthorizedClient.Because(err)
	case errors.Is(err, fosite.ErrInvalidClient):
		return errInvalidClient.Because(err)
	case errors.Is(err, fosite.ErrInvalidRequest):
		return fault(authz.Invalid, "invalid_request", "The request is malformed or lacks a required parameter.").Because(err)
	}
	return fault(authz.Internal, "server_error", "Something went wrong on our side.").Because(err)
}
