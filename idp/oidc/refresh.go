package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// maxRefreshToken is the longest refresh token that is kept, in bytes.
const maxRefreshToken = 16 << 10

// Refresh asks the upstream by a refresh token (RFC 6749 section 6) whether it
// still knows the person, and returns the token to ask with next: the same where
// it gives no other. The tokens it gives besides are dropped, and nothing they
// say is believed. It fails with *idp.Error: ReasonEnded for invalid_grant, and
// for nothing else.
func (c *Connector) Refresh(ctx context.Context, token idp.RefreshToken) (idp.RefreshToken, error) {
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	next, err := c.refresh(ctx, token)
	if err != nil {
		return "", fmt.Errorf("asking about a session at %s: %w", c.config.ID, err)
	}
	return next, nil
}

func (c *Connector) refresh(ctx context.Context, token idp.RefreshToken) (idp.RefreshToken, error) {
	m, err := c.metadata.get(ctx)
	if err != nil {
		return "", err
	}
	req, err := c.tokenRequest(ctx, m, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.Reveal()}})
	if err != nil {
		return "", err
	}
	a, err := send(c.config.HTTP, req, maxTokens)
	if err != nil {
		return "", err
	}
	switch {
	case a.status >= http.StatusInternalServerError:
		return "", unavailable(fmt.Errorf("token endpoint: status %d", a.status))
	case a.status == http.StatusBadRequest && tokenError(a.body) == ", invalid_grant":
		return "", idp.Refuse(idp.ReasonEnded, errors.New("invalid_grant"))
	case a.status != http.StatusOK:
		return "", idp.Refuse(idp.ReasonExchange, fmt.Errorf("token endpoint: status %d%s", a.status, tokenError(a.body)))
	}
	var t tokens
	if err := json.Unmarshal(a.body, &t); err != nil || t.AccessToken == "" {
		return "", idp.Refuse(idp.ReasonExchange, errors.New("token endpoint: not the JSON of a token response"))
	}
	if next := idp.RefreshToken(t.RefreshToken); next != "" && len(next) <= maxRefreshToken {
		return next, nil
	}
	return token, nil
}
