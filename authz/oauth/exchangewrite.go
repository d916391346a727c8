package oauth

import (
	"context"
	"errors"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// exchangedText makes the token. It lives no longer than the subject.
func (s *Server) exchangedText(ctx context.Context, u *unit, sub *subject) (string, error) {
	now := s.clock.Now()
	if u.endsAt = sub.endsAt; !sub.until.IsZero() && (u.endsAt.IsZero() || sub.until.Before(u.endsAt)) {
		u.endsAt = sub.until
	}
	sub.grant.ID, sub.grant.State, sub.grant.CreatedAt = authz.NewGrantID(now), authz.Active, now
	req := fosite.NewAccessRequest(&session{grant: sub.grant})
	req.Client, req.GrantedScope = u.client, sub.grant.Scopes
	req.SetID(string(sub.grant.ID))
	text, signature, err := s.texts().GenerateAccessToken(ctx, req)
	if err != nil {
		return "", err
	}
	if err := s.units().CreateAccessTokenSession(ctx, signature, req); err != nil {
		return "", err
	}
	sub.grant.ExpiresAt = u.newAccess.ExpiresAt
	return text, nil
}

// texts makes and recognises tokens as fosite's handlers do.
func (s *Server) texts() *tokenStrategy {
	return &tokenStrategy{settings: s.settings, scopes: s.Scopes, signer: s.cfg.Signer, clock: s.clock}
}

// writeExchange writes grant, token and audit entry in one transaction, after
// it used up the id of a token that is good once.
func (s *Server) writeExchange(ctx context.Context, u *unit, sub subject, in Request) error {
	issuance := authz.Issuance{
		Issuer: s.settings.Name, Grant: &sub.grant, Access: *u.newAccess, Audit: s.exchangeEntry(ctx, u, sub, in), Decision: u.decision,
	}
	err := s.store.InTx(ctx, func(ctx context.Context) error {
		if sub.once != nil {
			if err := s.store.UseOnce(ctx, s.settings.Name, *sub.once, sub.endsAt); err != nil {
				return err
			}
		}
		return s.store.Issue(ctx, issuance)
	})
	switch {
	case errors.Is(err, authz.ErrConsumed):
		return refuse("replayed")
	case errors.Is(err, authz.ErrNotFound):
		return refuse("revoked_meanwhile")
	case errors.Is(err, authz.ErrConflict):
		return errExchangedTooOften
	case err != nil:
		return u.failed(err)
	}
	return nil
}
