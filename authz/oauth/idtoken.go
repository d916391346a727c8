package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"maps"
	"time"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// idTokenHandler adds an ID token (OpenID Connect Core section 2) to the
// answer for a code or refresh token whose scopes hold openid. fosite's own
// reads the machine's clock and fails after the code is spent.
type idTokenHandler struct {
	settings Settings
	signer   Signer
	clock    authz.Clock
	store    Store
}

// CanHandleTokenEndpointRequest is true for codes, device codes and refresh
// tokens.
func (h *idTokenHandler) CanHandleTokenEndpointRequest(_ context.Context, req fosite.AccessRequester) bool {
	types := req.GetGrantTypes()
	return types.ExactOne(authz.GrantAuthorizationCode) || types.ExactOne(authz.GrantRefreshToken) || types.ExactOne(authz.GrantDeviceCode)
}

// CanSkipClientAuth is always false.
func (h *idTokenHandler) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool {
	return false
}

// HandleTokenEndpointRequest leaves the work to PopulateTokenEndpointResponse.
func (h *idTokenHandler) HandleTokenEndpointRequest(context.Context, fosite.AccessRequester) error {
	return fosite.ErrUnknownRequest
}

// PopulateTokenEndpointResponse signs the ID token.
func (h *idTokenHandler) PopulateTokenEndpointResponse(ctx context.Context, req fosite.AccessRequester, resp fosite.AccessResponder) error {
	sess, ok := req.GetSession().(*session)
	if !ok || !h.CanHandleTokenEndpointRequest(ctx, req) || !has(req.GetGrantedScopes(), "openid") {
		return fosite.ErrUnknownRequest
	}
	token, err := h.sign(ctx, sess.grant, resp.GetAccessToken())
	if err != nil {
		return err
	}
	resp.SetExtra("id_token", token)
	return nil
}

// sign makes the ID token that goes with an access token of the grant, for the
// client of the unit of work.
func (h *idTokenHandler) sign(ctx context.Context, g authz.Grant, access string) (string, error) {
	u := unitFrom(ctx)
	alg := u.client.client.IDTokenAlgorithm
	if alg == "" {
		alg = "RS256"
	}
	if u.code == nil {
		g.Nonce = "" // not on refresh (OpenID Connect Core section 12.2)
	}
	claims, err := h.named(ctx, g)
	if err != nil {
		return "", err
	}
	maps.Copy(claims, h.claims(u.client.client, g, alg, access))
	token, err := h.signer.Sign(ctx, alg, "JWT", claims)
	if err != nil {
		return "", fmt.Errorf("signing an ID token: %w", err)
	}
	return token, nil
}

// named are the claims about the person that the claims parameter asked for in
// the ID token. Without it nobody is looked up: scopes give claims at userinfo
// (OpenID Connect Core section 5.4).
func (h *idTokenHandler) named(ctx context.Context, g authz.Grant) (map[string]any, error) {
	asked, err := claimsOf(g.Claims)
	if err != nil {
		return nil, fmt.Errorf("reading the claims parameter of a grant: %w", err)
	}
	if len(asked.IDToken) == 0 {
		return map[string]any{}, nil
	}
	user, err := h.store.GetUserAcrossWorkspaces(ctx, g.Issuer, g.UserID)
	if err != nil {
		return nil, unitFrom(ctx).failed(err)
	}
	return personClaims(user, nil, asked.IDToken), nil
}

func (h *idTokenHandler) claims(c authz.Client, g authz.Grant, alg, access string) map[string]any {
	now := h.clock.Now()
	claims := map[string]any{
		"iss": h.settings.URL, "sub": g.Subject, "aud": string(g.ClientID), "azp": string(g.ClientID),
		"iat": now.Unix(), "exp": now.Add(h.settings.IDTokenTTL).Unix(),
		"auth_time": g.AuthTime.Truncate(time.Second).Unix(), "at_hash": halfHash(alg, access),
	}
	sid := string(g.SID)
	if m := c.Metadata; m.FAPI2() && m.BackchannelLogoutURI == "" && m.FrontchannelLogoutURI == "" {
		sid = "" // nothing would ever name the session to this client
	}
	for name, value := range map[string]string{"nonce": g.Nonce, "acr": g.ACR, "sid": sid} {
		if value != "" {
			claims[name] = value
		}
	}
	if len(g.AMR) > 0 {
		claims["amr"] = g.AMR
	}
	return claims
}

// halfHash is the left half of the hash that goes with alg (OpenID Connect
// Core section 3.1.3.6); Ed25519 goes with SHA-512.
func halfHash(alg, text string) string {
	if alg == "EdDSA" || alg == "Ed25519" {
		sum := sha512.Sum512([]byte(text))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// has compares exactly; fosite's Arguments.Has ignores case.
func has(list []string, want string) bool {
	for _, s := range list {
		if s == want {
			return true
		}
	}
	return false
}
