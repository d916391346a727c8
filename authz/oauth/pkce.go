package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// pkceHandler checks the code verifier (RFC 7636 section 4.6). fosite's own
// deletes the challenge before it compares: after one wrong verifier the code
// could be redeemed with none. Here whatever is refused burns the code.
type pkceHandler struct{}

// CanHandleTokenEndpointRequest is true for codes only.
func (pkceHandler) CanHandleTokenEndpointRequest(_ context.Context, req fosite.AccessRequester) bool {
	return req.GetGrantTypes().ExactOne(authz.GrantAuthorizationCode)
}

// CanSkipClientAuth is always false.
func (pkceHandler) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// HandleTokenEndpointRequest compares verifier and challenge, after the code
// was loaded and found to be this client's, and the key it is bound to, if any
// (RFC 9449 section 10).
func (pkceHandler) HandleTokenEndpointRequest(ctx context.Context, req fosite.AccessRequester) error {
	code := unitFrom(ctx).code
	if code == nil {
		return fosite.ErrInvalidGrant
	}
	if !verifierMatches(req.GetRequestForm().Get("code_verifier"), code.CodeChallenge) {
		return fosite.ErrInvalidGrant.WithHint("code verifier")
	}
	if code.DPoPJKT != "" && code.DPoPJKT != unitFrom(ctx).confirmation.JKT {
		return fosite.ErrInvalidGrant.WithHint("the code is bound to another key")
	}
	return nil
}

// PopulateTokenEndpointResponse has nothing to add.
func (pkceHandler) PopulateTokenEndpointResponse(context.Context, fosite.AccessRequester, fosite.AccessResponder) error {
	return nil
}

// verifierMatches reports whether the verifier is the one the challenge was
// made from, or both are absent: a verifier without a challenge is a sign that
// the challenge was stripped on its way (RFC 9700 section 4.8.2).
func verifierMatches(verifier, challenge string) bool {
	if challenge == "" {
		return verifier == ""
	}
	if !validVerifier(verifier) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(want), []byte(challenge)) == 1
}

// validVerifier holds to the grammar of RFC 7636 section 4.1.
func validVerifier(v string) bool {
	return len(v) >= 43 && len(v) <= 128 && onlyUnreserved(v)
}

// validChallenge is the form of an S256 challenge: 32 bytes in base64url.
func validChallenge(c string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(c)
	return err == nil && len(raw) == sha256.Size
}

func onlyUnreserved(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}
