package api

import (
	"cmp"
	"context"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var credentialParameters = []string{"access_token", "api_key", "apikey", "key", "token"}

var (
	errNoCredential = authz.NewError(authz.Unauthenticated, "authentication_required", "Send an API key or access token: Authorization: Bearer.")
	errInQuery      = authz.NewError(authz.Invalid, "credential_in_query", "Credentials are accepted in the Authorization header only. Revoke the one you sent: it may have been logged on its way.")
	errQuery        = authz.NewError(authz.Invalid, "invalid_request", "The query could not be read.")
	errTwoHeaders   = authz.NewError(authz.Invalid, "invalid_request", "There is more than one Authorization header.")
	errBrowser      = authz.NewError(authz.Forbidden, "browser_refused", "This API is not for browsers: a key in a page is a leaked key.")
)

// authenticate finds the principal before any handler runs. A credential in
// the query is refused even when the header is right.
func (a *api) authenticate(h huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		p, err := a.principalOf(ctx)
		a.cfg.Note(ctx.Context(), ctx.Operation().OperationID, p, nil)
		if err == nil && a.cfg.Demands != nil {
			err = a.cfg.Demands(ctx.Operation().OperationID).Check(p, a.cfg.Clock.Now())
		}
		if err == nil {
			known := context.WithValue(ctx.Context(), principalKey{}, p)
			known = context.WithValue(known, refusedKey{}, func(reason string) *Problem { return a.refusedBody(known, p, reason) })
			next(huma.WithContext(ctx, a.withCursorKeys(known)))
			return
		}
		if kind := authz.KindOf(err); kind == authz.Unauthenticated || authz.CodeOf(err) == "credential_in_query" {
			if auditErr := a.cfg.Refused(ctx.Context(), "api.refused", authz.CodeOf(err), string(p.ClientID)); auditErr != nil {
				err = auditErr
			}
		}
		writeProblem(h, ctx, a.problem(ctx.Context(), err))
	}
}

// refusedKey is under what a request's context holds how to refuse its body.
type refusedKey struct{}

const codeInBody = "credential_in_body"

// refusedBody records that a body is refused, and says so.
func (a *api) refusedBody(ctx context.Context, p authz.Principal, reason string) *Problem {
	var err error = authz.NewError(authz.Invalid, reason, "Credentials are accepted in the Authorization header only, and there is an API key in the body.")
	if auditErr := a.cfg.Refused(ctx, "api.refused", reason, cmp.Or(string(p.ClientID), string(p.KeyID))); auditErr != nil {
		err = auditErr
	}
	return a.problem(ctx, err)
}

func (a *api) principalOf(ctx huma.Context) (authz.Principal, error) {
	u := ctx.URL()
	query, err := url.ParseQuery(u.RawQuery) // URL.Query passes over what it cannot read
	if err != nil {
		return authz.Principal{}, errQuery
	}
	for _, values := range query {
		if len(values) > 1 { // two readers could believe different ones
			return authz.Principal{}, errQuery
		}
	}
	for _, name := range credentialParameters {
		if query.Has(name) {
			return authz.Principal{}, errInQuery
		}
	}
	var headers, proofs []string
	ctx.EachHeader(func(name, value string) {
		switch {
		case strings.EqualFold(name, "Authorization"):
			headers = append(headers, value)
		case strings.EqualFold(name, "DPoP"):
			proofs = append(proofs, value)
		}
	})
	if len(headers) > 1 {
		return authz.Principal{}, errTwoHeaders
	}
	if ctx.Header("Origin") != "" {
		return authz.Principal{}, errBrowser
	}
	if len(headers) == 0 {
		return authz.Principal{}, errNoCredential
	}
	scheme, text, ok := strings.Cut(headers[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "DPoP") {
		return authz.Principal{}, errNoCredential
	}
	return a.cfg.Authenticate(ctx.Context(), Presented{
		Scheme: scheme, Text: authz.Secret(strings.TrimSpace(text)), Method: ctx.Method(), Path: u.Path, DPoP: proofs,
	})
}
