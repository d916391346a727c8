package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// tokens is the part of a token response that is used. It lives as long as one
// call of Finish.
type tokens struct {
	IDToken      string `json:"id_token"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}

// exchange redeems the code (RFC 6749 section 4.1.3, RFC 7636 section 4.5). It
// is tried once: a second try of a code that arrived is a replay.
func (c *Connector) exchange(ctx context.Context, m *metadata, code, verifier string) (tokens, error) {
	req, err := c.tokenRequest(ctx, m, c.redemption(code, verifier))
	if err != nil {
		return tokens{}, err
	}
	a, err := send(c.config.HTTP, req, maxTokens)
	if err != nil {
		return tokens{}, fmt.Errorf("exchanging the code: %w", err)
	}
	if a.status >= 500 {
		return tokens{}, unavailable(fmt.Errorf("token endpoint: status %d", a.status))
	}
	if a.status != http.StatusOK {
		return tokens{}, idp.Refuse(idp.ReasonExchange, fmt.Errorf("token endpoint: status %d%s", a.status, tokenError(a.body)))
	}
	var t tokens
	if err := json.Unmarshal(a.body, &t); err != nil {
		return tokens{}, idp.Refuse(idp.ReasonExchange, errors.New("token endpoint: not the JSON of a token response"))
	}
	if t.IDToken == "" {
		return tokens{}, idp.Refuse(idp.ReasonIDToken, errors.New("no ID token in the response"))
	}
	return t, nil
}

// redemption is the token request of a code.
func (c *Connector) redemption(code, verifier string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code},
		"redirect_uri": {c.config.RedirectURI}, "code_verifier": {verifier},
	}
}

// tokenRequest authenticates the client as the upstream says it can:
// client_secret_basic unless only client_secret_post is on offer.
func (c *Connector) tokenRequest(ctx context.Context, m *metadata, form url.Values) (*http.Request, error) {
	basic := false
	switch {
	case c.config.ClientSecret == "":
		form.Set("client_id", c.config.ClientID)
	case len(m.AuthMethods) == 0, slices.Contains(m.AuthMethods, "client_secret_basic"):
		basic = true
	case slices.Contains(m.AuthMethods, "client_secret_post"):
		form.Set("client_id", c.config.ClientID)
		form.Set("client_secret", c.config.ClientSecret)
	default:
		return nil, idp.Refuse(idp.ReasonMetadata, errors.New("the token endpoint takes no client secret"))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, idp.Refuse(idp.ReasonMetadata, fmt.Errorf("building the token request: %w", err))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic {
		// RFC 6749 section 2.3.1: both are form-encoded first.
		req.SetBasicAuth(url.QueryEscape(c.config.ClientID), url.QueryEscape(c.config.ClientSecret))
	}
	return req, nil
}

// tokenError names the error of RFC 6749 section 5.2, and no other text: what
// an upstream echoes may be our secret.
func tokenError(body []byte) string {
	var e struct {
		Error string `json:"error"`
	}
	known := []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}
	if json.Unmarshal(body, &e) != nil || !slices.Contains(known, e.Error) {
		return ""
	}
	return ", " + e.Error
}
