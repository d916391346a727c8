package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// refreshHandler rotates refresh tokens (RFC 6749 section 6, RFC 9700 section
// 4.14.2). A rotated token answers the same client with the same pair for a
// short while, or until the successor is used: a client whose answer was lost,
// or whose tabs refresh at once, stays signed in. After that its return is
// taken for theft and ends the family. A token that is of no use without a key
// is not rotated where FAPI 2.0 says so.
type refreshHandler struct {
	server *Server
	texts  *tokenStrategy
}

// CanHandleTokenEndpointRequest is true for refresh tokens only.
func (h *refreshHandler) CanHandleTokenEndpointRequest(_ context.Context, req fosite.AccessRequester) bool {
	return req.GetGrantTypes().ExactOne(authz.GrantRefreshToken)
}

// CanSkipClientAuth is always false.
func (h *refreshHandler) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool {
	return false
}

// HandleTokenEndpointRequest finds the presented token, of this client only,
// and narrows the scopes as asked.
func (h *refreshHandler) HandleTokenEndpointRequest(ctx context.Context, req fosite.AccessRequester) error {
	u := unitFrom(ctx)
	if !u.client.GetGrantTypes().Has(authz.GrantRefreshToken) {
		return fosite.ErrUnauthorizedClient
	}
	text := req.GetRequestForm().Get("refresh_token")
	u.refreshToken, u.rotates = authz.Secret(text), !u.client.keepsRefreshToken()
	if err := h.load(ctx, u, req, text); err != nil {
		return err
	}
	scopes, err := narrow(req.GetRequestedScopes(), u.refresh.Scopes, u.client.scopes)
	if err != nil {
		return err
	}
	for _, scope := range scopes {
		req.GrantScope(scope)
	}
	for _, audience := range u.grant.Audience {
		req.GrantAudience(audience)
	}
	return nil
}

func (h *refreshHandler) load(ctx context.Context, u *unit, req fosite.AccessRequester, text string) error {
	found, err := h.server.units().GetRefreshTokenSession(ctx, h.texts.RefreshTokenSignature(ctx, text), req.GetSession())
	used := errors.Is(err, fosite.ErrInactiveToken)
	switch {
	case err != nil && !used:
		return fosite.ErrInvalidGrant.WithWrap(err)
	case string(u.grant.ClientID) != u.client.id:
		return fosite.ErrInvalidGrant // the owner's token is left alone
	case h.texts.ValidateRefreshToken(ctx, found, text) != nil:
		return fosite.ErrInvalidGrant
	case !u.refresh.Confirmation.Bearer() && u.refresh.Confirmation != u.confirmation:
		return fosite.ErrInvalidGrant.WithHint("the token is bound to another key")
	}
	req.SetID(found.GetID())
	req.SetSession(found.GetSession())
	if used {
		return h.server.replayOrRevoke(ctx, u)
	}
	return nil
}

// PopulateTokenEndpointResponse makes the successor pair. The presented token
// is consumed when the unit of work is written.
func (h *refreshHandler) PopulateTokenEndpointResponse(ctx context.Context, req fosite.AccessRequester, resp fosite.AccessResponder) error {
	if !h.CanHandleTokenEndpointRequest(ctx, req) {
		return fosite.ErrUnknownRequest
	}
	units := h.server.units()
	if err := issueAccess(ctx, h.texts, units, req, resp); err != nil {
		return err
	}
	if unitFrom(ctx).client.keepsRefreshToken() {
		return nil
	}
	return issueRefresh(ctx, h.texts, units, req, resp)
}

// narrow returns the scopes asked for, all of the token's when none are, less
// what the client has lost since. Asking for more is an error (RFC 6749
// section 6).
func narrow(asked, held, allowed []string) ([]string, error) {
	if len(asked) == 0 {
		asked = held
	}
	scopes := make([]string, 0, len(asked))
	for _, scope := range asked {
		if !slices.Contains(held, scope) {
			return nil, fosite.ErrInvalidScope
		}
		if slices.Contains(allowed, scope) {
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) == 0 && len(held) > 0 {
		return nil, fosite.ErrInvalidScope
	}
	return scopes, nil
}

const successorPurpose = "refresh successor"

// seal renders the response so that only the presenter of the consumed
// refresh token can read it again.
func (s *Server) seal(u *unit, resp *TokenResponse) ([]byte, error) {
	plain, err := json.Marshal(sealedResponse{
		resp.AccessToken.Reveal(), resp.RefreshToken.Reveal(), resp.Scope, u.newAccess.ExpiresAt.Unix(), u.confirmation,
		u.newAccess.Audience, resp.Details,
	})
	if err != nil {
		return nil, err
	}
	return s.cfg.Sealer.SealWithToken(u.refreshToken, successorPurpose, plain)
}

// sealedResponse is what cannot be made again. An ID token can, and would be
// most of it: a row that fits its page is written in one.
type sealedResponse struct {
	Access, Refresh, Scope string
	Exp                    int64
	Confirmation           authz.Confirmation
	Audience               []string
	Details                json.RawMessage
}

// replayOrRevoke answers a used refresh token: with the pair it was exchanged
// for, if that was a moment ago and the successor is untouched; otherwise the
// family ends.
func (s *Server) replayOrRevoke(ctx context.Context, u *unit) error {
	if s.withinGrace(*u.refresh) {
		resp, err := s.successorOf(ctx, u)
		if err != nil {
			return err
		}
		if resp != nil {
			u.replay = resp
			return errReplayed
		}
	}
	if err := s.revokeReused(ctx, u.grant, "refresh_token_reused"); err != nil {
		return u.failed(err)
	}
	return fosite.ErrInvalidGrant
}

// errReplayed stops fosite: the answer is in the unit of work.
var errReplayed = errors.New("oauth: a refresh token was presented again within its grace")

// successorOf opens the pair a used token was exchanged for; nil when the
// successor has been used itself.
func (s *Server) successorOf(ctx context.Context, u *unit) (*TokenResponse, error) {
	next, err := s.store.GetRefreshTokenAlone(ctx, s.settings.Name, u.refresh.SuccessorDigest)
	if errors.Is(err, authz.ErrNotFound) || (err == nil && next.State != authz.Active) {
		return nil, nil //nolint:nilnil // no successor to answer with
	}
	if err != nil {
		return nil, u.failed(err)
	}
	plain, err := s.cfg.Sealer.OpenWithToken(u.refreshToken, successorPurpose, u.refresh.Successor)
	if err != nil {
		return nil, err
	}
	var kept sealedResponse
	if err := json.Unmarshal(plain, &kept); err != nil {
		return nil, err
	}
	if kept.Confirmation != u.confirmation {
		return nil, nil //nolint:nilnil // the pair is of no use to whoever holds another key
	}
	if err := s.conditionReplay(ctx, u, kept); err != nil {
		return nil, err
	}
	// A token for another resource than is asked for now would be refused there.
	audience, err := s.audienceOf(u)
	if err != nil || kept.Audience != nil && !slices.Equal(audience, kept.Audience) {
		return nil, errInvalidTarget
	}
	var id string
	if has(strings.Fields(kept.Scope), "openid") {
		if id, err = s.idTokens.sign(ctx, u.grant, kept.Access); err != nil {
			return nil, err
		}
	}
	return &TokenResponse{
		AccessToken: authz.Secret(kept.Access), RefreshToken: authz.Secret(kept.Refresh), IDToken: authz.Secret(id),
		TokenType: kept.Confirmation.TokenType(), Scope: kept.Scope, ExpiresIn: max(0, kept.Exp-s.clock.Now().Unix()),
		Details: kept.Details,
	}, nil
}

// entry begins an audit entry about a grant.
func (s *Server) entry(ctx context.Context, g authz.Grant, typ string, result authz.Result) authz.AuditEntry {
	return authz.AuditEntry{
		Issuer: s.settings.Name, WorkspaceID: g.WorkspaceID, AccountID: g.AccountID, Time: s.clock.Now(),
		Type: typ, Result: result, Actor: string(g.ClientID), Target: string(g.ID),
		Details: map[string]any{"sub": holder(g), "grant_type": g.Type, "scope": strings.Join(g.Scopes, " ")},
	}.From(authz.OriginFrom(ctx))
}
