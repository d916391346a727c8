package oauth

import (
	"context"
	"errors"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Revoke answers a request to the revocation endpoint (RFC 7009). An unknown
// token, and one of another client, is no error and has no effect.
func (s *Server) Revoke(ctx context.Context, in Request) error {
	if err := singleValued(in.Form); err != nil {
		return err
	}
	client, err := s.AuthenticateClient(ctx, in)
	if err != nil {
		return err
	}
	text := in.Form.Get("token")
	if text == "" {
		return fault(authz.Invalid, "invalid_request", "token is required.")
	}
	u := &unit{client: viewOf(client, s.audience())}
	err = s.store.InTx(withUnit(ctx, u), func(ctx context.Context) error {
		hint := fosite.TokenType(in.Form.Get("token_type_hint"))
		if err := s.revoker.RevokeToken(ctx, text, hint, u.client); err != nil {
			return err
		}
		if u.grant.ID == "" {
			return nil
		}
		entry := s.entry(ctx, u.grant, "token.revoked", authz.Success)
		return s.store.AppendAudit(ctx, entry)
	})
	switch {
	case u.storeErr != nil:
		return unavailable(u.storeErr)
	case err == nil, errors.Is(err, fosite.ErrUnauthorizedClient):
		return nil
	}
	return unavailable(err)
}
