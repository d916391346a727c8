package oauth

import (
	"context"
	"fmt"
	"strings"

	"github.com/ory/fosite"
	fositeoauth2 "github.com/ory/fosite/handler/oauth2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Prefixes keep the kinds of token in name spaces of their own: one can never
// be presented as another.
const (
	codePrefix    = "ac_"
	accessPrefix  = "at_"
	refreshPrefix = "rt_"
	devicePrefix  = "dc_"
)

// opaqueLength is 32 random bytes in base64url behind a three-letter prefix.
const opaqueLength = 3 + 43

var _ fositeoauth2.CoreStrategy = (*tokenStrategy)(nil)

// tokenStrategy makes and recognises the texts of codes and tokens. What
// fosite calls a signature is the SHA-256 of the whole text: whoever finds a
// row by it has presented exactly the text that was issued, and a stolen row
// opens nothing.
type tokenStrategy struct {
	settings Settings
	scopes   func(context.Context) (*authz.Scopes, error)
	signer   Signer
	clock    authz.Clock
}

func signText(text string) string { return signatureOf(authz.Digest(text)) }

// opaqueSignature is empty for a text that cannot be a token of the kind.
func opaqueSignature(prefix, text string) string {
	if len(text) != opaqueLength || !strings.HasPrefix(text, prefix) {
		return ""
	}
	return signText(text)
}

func looksLikeJWT(text string) bool {
	return len(text) <= maxTokenLength && strings.Count(text, ".") == 2 && strings.HasPrefix(text, "ey")
}

const maxTokenLength = 16 << 10

func (t *tokenStrategy) AuthorizeCodeSignature(_ context.Context, text string) string {
	return opaqueSignature(codePrefix, text)
}

func (t *tokenStrategy) GenerateAuthorizeCode(context.Context, fosite.Requester) (text, signature string, err error) {
	text = authz.NewToken(codePrefix).Reveal()
	return text, signText(text), nil
}

// ValidateAuthorizeCode checks the code's age by our clock.
func (t *tokenStrategy) ValidateAuthorizeCode(ctx context.Context, _ fosite.Requester, _ string) error {
	if code := unitFrom(ctx).code; code == nil || !t.clock.Now().Before(code.ExpiresAt) {
		return fosite.ErrTokenExpired
	}
	return nil
}

func (t *tokenStrategy) RefreshTokenSignature(_ context.Context, text string) string {
	return opaqueSignature(refreshPrefix, text)
}

func (t *tokenStrategy) GenerateRefreshToken(context.Context, fosite.Requester) (text, signature string, err error) {
	text = authz.NewToken(refreshPrefix).Reveal()
	return text, signText(text), nil
}

// ValidateRefreshToken checks the token's age by our clock.
func (t *tokenStrategy) ValidateRefreshToken(ctx context.Context, _ fosite.Requester, _ string) error {
	if token := unitFrom(ctx).refresh; token == nil || !t.clock.Now().Before(token.ExpiresAt) {
		return fosite.ErrTokenExpired
	}
	return nil
}

func (t *tokenStrategy) AccessTokenSignature(_ context.Context, text string) string {
	if looksLikeJWT(text) {
		return signText(text)
	}
	return opaqueSignature(accessPrefix, text)
}

// GenerateAccessToken makes an opaque token or a JWT (RFC 9068), as the client
// or the issuer has it, and notes its times and id in the session.
func (t *tokenStrategy) GenerateAccessToken(ctx context.Context, req fosite.Requester) (text, signature string, err error) {
	sess := req.GetSession().(*session) //nolint:forcetypeassert // the session is ours
	view := unitFrom(ctx).client
	sess.issuedAt = t.clock.Now()
	sess.expires = sess.issuedAt.Add(view.accessTTL(t.settings.AccessTTL, sess.issuedAt))
	if u := unitFrom(ctx); !u.endsAt.IsZero() && u.endsAt.Before(sess.expires) {
		sess.expires = u.endsAt
	}
	if life := unitFrom(ctx).accessTTL; life > 0 && sess.expires.Sub(sess.issuedAt) > life {
		sess.expires = sess.issuedAt.Add(life)
	}
	sess.jti = authz.NewID("jti")
	sess.confirmation = unitFrom(ctx).confirmation
	sess.audience, sess.details = unitFrom(ctx).audience, unitFrom(ctx).details
	known, err := t.scopes(ctx)
	if err != nil {
		return "", "", unitFrom(ctx).failed(err)
	}
	left := known.Left(sess.grant.Narrow(req.GetGrantedScopes()))
	if len(left.Scopes) == 0 && len(req.GetGrantedScopes()) > 0 {
		return "", "", errInvalidScope // the roles and scopes of today leave nothing
	}
	sess.accessScopes, sess.resources = t.settings.validAt(left.Scopes, sess.audience), left.Resources
	if !view.jwtTokens(t.settings.Format) {
		text = authz.NewToken(accessPrefix).Reveal()
		return text, signText(text), nil
	}
	text, err = t.signer.Sign(ctx, "ES256", "at+jwt", t.accessClaims(sess))
	if err != nil {
		return "", "", fmt.Errorf("signing an access token: %w", err)
	}
	return text, signText(text), nil
}

// accessClaims are the claims of RFC 9068 section 2.2 and our tenant's.
func (t *tokenStrategy) accessClaims(sess *session) map[string]any {
	g := sess.grant
	claims := map[string]any{
		"iss": t.settings.URL, "sub": g.Subject, "aud": sess.audience,
		"client_id": string(g.ClientID), "jti": sess.jti,
		"iat": sess.issuedAt.Unix(), "exp": sess.expires.Unix(),
	}
	optional := map[string]string{
		"scope":        strings.Join(sess.accessScopes, " "),
		"workspace_id": string(g.WorkspaceID), "account_id": string(g.AccountID),
		"environment": string(g.Environment), "key_id": string(g.KeyID), "sid": string(g.SID), "acr": g.ACR,
	}
	for name, value := range optional {
		if value != "" {
			claims[name] = value
		}
	}
	if !sess.resources.Empty() {
		claims["resources"] = sess.resources
	}
	if !sess.confirmation.Bearer() {
		claims["cnf"] = sess.confirmation
	}
	if !g.AuthTime.IsZero() {
		claims["auth_time"] = g.AuthTime.Unix()
	}
	if len(g.AMR) > 0 {
		claims["amr"] = g.AMR
	}
	if len(g.Actor) > 0 {
		claims["act"] = g.Actor
	}
	if len(sess.details) > 0 {
		claims["authorization_details"] = sess.details
	}
	return claims
}

// ValidateAccessToken checks the token's age by our clock and, for a JWT, the
// signature: a row found by the digest of the whole text was issued by us, the
// signature says that the key it was issued under still stands.
func (t *tokenStrategy) ValidateAccessToken(ctx context.Context, _ fosite.Requester, text string) error {
	token := unitFrom(ctx).access
	if token == nil || !t.clock.Now().Before(token.ExpiresAt) {
		return fosite.ErrTokenExpired
	}
	if !looksLikeJWT(text) {
		return nil
	}
	_, typ, err := t.signer.Verify(ctx, text)
	if err != nil || typ != "at+jwt" {
		return fosite.ErrTokenSignatureMismatch
	}
	return nil
}
