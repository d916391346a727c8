package app

import (
	"context"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/web"
	"github.com/gatehouse-auth/gatehouse/web/api"
)

// authenticator finds who presents a credential at the API of an issuer: a live
// access token or key, of the right presenter, from the right place, for here.
func authenticator(server *oauth.Server, verifier *credential.Verifier, audience string) func(context.Context, api.Presented) (*credential.Record, error) {
	return func(ctx context.Context, p api.Presented) (*credential.Record, error) {
		record, err := verifier.Lookup(ctx, p.Text)
		if err != nil {
			return nil, err
		}
		in := oauth.Request{Method: p.Method, Path: p.Path, DPoP: p.DPoP, Certificates: web.Certificates(ctx)}
		if err := server.Possesses(ctx, in, p.Scheme, p.Text, record.Confirmation); err != nil {
			return nil, err
		}
		switch {
		case record.Introspection.CredentialType == authz.CredentialRefreshToken:
			return nil, errRefreshToken
		case !record.UsableFrom(authz.OriginFrom(ctx).IP):
			return nil, errAddress
		case !slices.Contains(record.Introspection.Aud, audience):
			return nil, errElsewhere // whoever was given a token for another resource must not use it here
		}
		return record, nil
	}
}

var (
	errRefreshToken = authz.NewError(authz.Unauthenticated, "invalid_token", "A refresh token opens nothing.")
	errElsewhere    = authz.NewError(authz.Unauthenticated, "invalid_token", "The token is for another resource.")
	// errAddress is told to whoever presents a key from where it may not be used.
	errAddress = authz.NewError(authz.Forbidden, "ip_not_allowed", "The key may not be used from this address.")
)
