package oauth

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// refused makes an audit entry of a refusal and returns it, and spends the code
// that was presented; a failure to write either is a failure to answer. A
// device that is told to wait was refused nothing.
func (s *Server) refused(ctx context.Context, u *unit, why error) error {
	if kind := authz.KindOf(why); u.storeErr != nil || kind == authz.Internal || kind == authz.Unavailable || errors.Is(why, errPending) || errors.Is(why, errSlowDown) {
		return why
	}
	entry := authz.AuditEntry{
		Issuer: s.settings.Name, WorkspaceID: u.client.workspace(), AccountID: u.client.accountID, Time: s.clock.Now(),
		Type: "token.refused", Result: authz.Refused, Reason: authz.CodeOf(why), Actor: u.client.id,
	}.From(authz.OriginFrom(ctx))
	decided(&entry, u.decision)
	if u.revoke {
		entry.Reason = "code_reused"
	}
	err := s.store.InTx(ctx, func(ctx context.Context) error {
		if err := s.spend(ctx, u); err != nil {
			return err
		}
		if err := s.recordDecision(ctx, u.decision); err != nil {
			return err
		}
		return s.store.AppendAudit(ctx, entry)
	})
	if err != nil {
		return unavailable(err)
	}
	return why
}

// spend burns a code that was presented with something wrong, so that nobody
// can try again (RFC 9700 section 4.8.2), and ends the family of one that was
// used before (RFC 6749 section 4.1.2).
func (s *Server) spend(ctx context.Context, u *unit) error {
	switch {
	case u.revoke:
		return s.revokeReused(ctx, u.grant, "code_reused")
	case u.code == nil:
		return nil
	}
	err := s.store.ConsumeAuthorizationCode(ctx, s.settings.Name, u.code.Digest, authz.Burned)
	if errors.Is(err, authz.ErrConsumed) {
		return nil
	}
	return err
}
