package oauth

import (
	"context"
	"errors"
	"net/url"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// reused returns the refusal of a request to the token endpoint, and ends the
// family of what it presents, if that was used before. What else is wrong with
// the request does not matter: that the text is in two hands is known however
// it was asked for (RFC 9700 section 4.14.2, RFC 6749 section 4.1.2).
func (s *Server) reused(ctx context.Context, client *clientView, form url.Values, why error) error {
	if kind := authz.KindOf(why); kind == authz.Internal || kind == authz.Unavailable {
		return why // it is not refused, it may be tried again
	}
	var err error
	switch form.Get("grant_type") {
	case authz.GrantRefreshToken:
		err = s.refreshTokenReused(ctx, client, form.Get("refresh_token"))
	case authz.GrantAuthorizationCode:
		err = s.codeReused(ctx, client, form.Get("code"))
	case authz.GrantDeviceCode:
		err = s.deviceCodeReused(ctx, client, form.Get("device_code"))
	}
	if err != nil && !errors.Is(err, authz.ErrNotFound) {
		return unavailable(err)
	}
	return why
}

// refreshTokenReused reads the token anew: what is remembered of it may be from
// before another node rotated it.
func (s *Server) refreshTokenReused(ctx context.Context, client *clientView, text string) error {
	if opaqueSignature(refreshPrefix, text) == "" {
		return nil
	}
	token, grant, lineage, err := s.store.GetRefreshToken(ctx, s.settings.Name, authz.Digest(text))
	if err != nil || token.State != authz.Used || string(grant.ClientID) != client.id || !live(grant, lineage) {
		return err
	}
	if s.withinGrace(token) {
		next, err := s.store.GetRefreshTokenAlone(ctx, s.settings.Name, token.SuccessorDigest)
		if err != nil && !errors.Is(err, authz.ErrNotFound) || err == nil && next.State == authz.Active {
			return err
		}
	}
	return s.revokeReused(ctx, grant, "refresh_token_reused")
}

// withinGrace reports whether a token was used so lately that its return may
// be the same client's whose answer was lost. Another node's clock may have
// been ahead when it was used.
func (s *Server) withinGrace(used authz.RefreshToken) bool {
	return s.clock.Now().Sub(used.UsedAt).Abs() <= s.settings.RefreshGrace
}

func (s *Server) codeReused(ctx context.Context, client *clientView, text string) error {
	if opaqueSignature(codePrefix, text) == "" {
		return nil
	}
	code, grant, lineage, err := s.store.GetAuthorizationCode(ctx, s.settings.Name, authz.Digest(text))
	if err != nil || code.State != authz.Used || string(code.ClientID) != client.id || !live(grant, lineage) {
		return err
	}
	return s.revokeReused(ctx, grant, "code_reused")
}

func (s *Server) deviceCodeReused(ctx context.Context, client *clientView, text string) error {
	if opaqueSignature(devicePrefix, text) == "" {
		return nil
	}
	d, err := s.store.GetDeviceCode(ctx, s.settings.Name, client.client.ID, authz.Digest(text))
	if err != nil || d.State != authz.Used {
		return err
	}
	grant, _, err := s.store.GetGrantAcrossWorkspaces(ctx, s.settings.Name, d.GrantID)
	if err != nil {
		return err
	}
	return s.revokeReused(ctx, grant, "device_code_reused")
}

// revokeReused ends a family whose code or refresh token came back.
func (s *Server) revokeReused(ctx context.Context, g authz.Grant, reason string) error {
	return s.store.InTx(ctx, func(ctx context.Context) error {
		moved, err := s.store.RevokeGrant(ctx, s.settings.Name, g.ID)
		if err != nil || !moved {
			return err
		}
		entry := s.entry(ctx, g, "grant.revoked", authz.Success)
		entry.Reason = reason
		if err := s.store.AppendAudit(ctx, entry); err != nil {
			return err
		}
		return s.cfg.Outbox.Append(ctx, g.WorkspaceID, "grant.revoked", s.clock.Now(), map[string]any{
			"grant_id": g.ID, "client_id": g.ClientID, "sub": holder(g), "reason": reason, "severity": "P1",
		})
	})
}
