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
	hint := fosite.TokenType(in.Form.Get("token_type_hint"))
	err = s.revoker.RevokeToken(withUnit(ctx, u), text, hint, u.client)
	switch {
	case u.storeErr != nil:
		return unavailable(u.storeErr)
	case errors.Is(err, fosite.ErrUnauthorizedClient), err == nil && !u.revoke:
		return nil
	case err != nil:
		return unavailable(err)
	}
	if err := s.store.InTx(ctx, func(ctx context.Context) error { return s.end(ctx, u) }); err != nil {
		return unavailable(err)
	}
	return nil
}

// end revokes what the token belongs to and tells of it: the family, or the
// one token where the family is a standing grant that other tokens hang on.
func (s *Server) end(ctx context.Context, u *unit) error {
	var moved bool
	var err error
	if u.grant.Standing {
		moved, err = s.store.RevokeAccessToken(ctx, s.settings.Name, u.access.Digest)
	} else {
		moved, err = s.store.RevokeGrant(ctx, s.settings.Name, u.grant.ID)
	}
	if err != nil || !moved {
		return err
	}
	if err := s.store.AppendAudit(ctx, s.entry(ctx, u.grant, "token.revoked", authz.Success)); err != nil {
		return err
	}
	return s.cfg.Outbox.Append(ctx, u.grant.WorkspaceID, "token.revoked", s.clock.Now(), map[string]any{
		"grant_id": u.grant.ID, "client_id": u.grant.ClientID, "sub": holder(u.grant), "whole_grant": !u.grant.Standing,
	})
}
