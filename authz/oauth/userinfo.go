package oauth

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Userinfo returns the claims about the person behind an access token (OpenID
// Connect Core section 5.3), as far as the token's scopes reach.
func (s *Server) Userinfo(ctx context.Context, c *authz.Credential) (map[string]any, error) {
	if c.Introspection.CredentialType != authz.CredentialAccessToken {
		return nil, errInactive
	}
	// A token for another resource is not for us, whatever its scopes: whoever
	// received it there could ask about the person (RFC 9068 section 4).
	if !slices.Contains(c.Introspection.Aud, s.settings.api()) {
		return nil, errInactive
	}
	if !c.Principal.Holds("openid") {
		return nil, fault(authz.Forbidden, "insufficient_scope", "The openid scope is required.")
	}
	user, err := s.store.GetUserAcrossWorkspaces(ctx, s.settings.Name, authz.UserID(c.Principal.Subject))
	if errors.Is(err, authz.ErrNotFound) {
		return nil, errInactive
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return Claims(user, c.Principal.Scopes), nil
}

// Claims are the standard claims that the scopes give (OpenID Connect Core
// section 5.4). What is not known is left out.
func Claims(user authz.User, scopes []string) map[string]any {
	claims := map[string]any{"sub": string(user.ID)}
	p := user.Profile
	if slices.Contains(scopes, "profile") {
		addTexts(claims, map[string]string{
			"name": p.Name, "given_name": p.GivenName, "family_name": p.FamilyName, "middle_name": p.MiddleName,
			"nickname": p.Nickname, "preferred_username": p.PreferredUsername, "profile": p.ProfileURL,
			"picture": p.Picture, "website": p.Website, "gender": p.Gender, "birthdate": p.Birthdate,
			"zoneinfo": p.Zoneinfo, "locale": p.Locale,
		})
		if p.UpdatedAt != nil {
			claims["updated_at"] = p.UpdatedAt.Unix()
		}
	}
	if slices.Contains(scopes, "email") && p.Email != "" {
		claims["email"], claims["email_verified"] = p.Email, p.EmailVerified
	}
	if slices.Contains(scopes, "phone") && p.PhoneNumber != "" {
		claims["phone_number"], claims["phone_number_verified"] = p.PhoneNumber, p.PhoneVerified
	}
	if slices.Contains(scopes, "address") && p.Address != nil {
		claims["address"] = p.Address
	}
	return claims
}

func addTexts(claims map[string]any, texts map[string]string) {
	for name, text := range texts {
		if text != "" {
			claims[name] = text
		}
	}
}

func joinScopes(scopes []string) string { return strings.Join(scopes, " ") }
