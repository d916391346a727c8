package oauth

import (
	"context"

	"github.com/ory/fosite"
)

// issueAccess makes the access token of an answer.
func issueAccess(ctx context.Context, texts *tokenStrategy, units *unitStore, req fosite.AccessRequester, resp fosite.AccessResponder) error {
	text, signature, err := texts.GenerateAccessToken(ctx, req)
	if err != nil {
		return err
	}
	if err := units.CreateAccessTokenSession(ctx, signature, req); err != nil {
		return err
	}
	resp.SetAccessToken(text)
	resp.SetTokenType("bearer")
	resp.SetScopes(req.GetGrantedScopes())
	return nil
}

// issueRefresh makes the refresh token that goes with the access token.
func issueRefresh(ctx context.Context, texts *tokenStrategy, units *unitStore, req fosite.AccessRequester, resp fosite.AccessResponder) error {
	text, signature, err := texts.GenerateRefreshToken(ctx, req)
	if err != nil {
		return err
	}
	if err := units.CreateRefreshTokenSession(ctx, signature, "", req); err != nil {
		return err
	}
	resp.SetExtra("refresh_token", text)
	return nil
}
