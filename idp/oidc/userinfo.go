package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// userInfo fetches the claims that the scopes promise and the ID token lacks
// (OpenID Connect Core section 5.3); nil when nothing is missing.
func (c *Connector) userInfo(ctx context.Context, m *metadata, t tokens, id claims) (claims, error) {
	if m.UserInfoURL == "" || t.AccessToken == "" || complete(id, c.config.Scopes) {
		return nil, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.UserInfoURL, nil)
	if err != nil {
		return nil, idp.Refuse(idp.ReasonMetadata, fmt.Errorf("building the userinfo request: %w", err))
	}
	req.Header.Set("Authorization", "Bearer "+t.AccessToken)
	a, err := send(c.config.HTTP, req, maxUserInfo)
	if err != nil {
		return nil, fmt.Errorf("asking userinfo: %w", err)
	}
	if a.status >= 500 {
		return nil, unavailable(fmt.Errorf("userinfo: status %d", a.status))
	}
	if a.status != http.StatusOK || a.mediaType != "application/json" {
		return nil, idp.Refuse(idp.ReasonUserInfo, fmt.Errorf("userinfo: status %d, not plain JSON", a.status))
	}
	more, err := parseClaims(a.body)
	if err != nil {
		return nil, idp.Refuse(idp.ReasonUserInfo, fmt.Errorf("userinfo: %w", err))
	}
	// Section 5.3.4: the access token may have been swapped for another's.
	if sub := more.text("sub"); sub == "" || sub != id.text("sub") {
		return nil, idp.Refuse(idp.ReasonUserInfoSub, errors.New("userinfo speaks of someone else"))
	}
	return more, nil
}

// complete reports whether the ID token holds what each scope promises
// (OpenID Connect Core section 5.4).
func complete(id claims, scopes []string) bool {
	for scope, anyOf := range map[string][]string{
		"profile": {"name", "given_name", "preferred_username"},
		"email":   {"email"},
		"phone":   {"phone_number"},
		"address": {"address"},
		"groups":  {"groups", "_claim_names", "hasgroups"},
	} {
		if slices.Contains(scopes, scope) && !slices.ContainsFunc(anyOf, id.has) {
			return false
		}
	}
	return true
}
