package oauth

import (
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// claimsOfScope are the claims a scope asks for (OpenID Connect Core section 5.4).
var claimsOfScope = map[string][]string{
	"profile": {
		"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
		"website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
	},
	"email":   {"email", "email_verified"},
	"phone":   {"phone_number", "phone_number_verified"},
	"address": {"address"},
}

// scopeOf is the scope that covers the claim, or empty: it is not one about
// the person.
func scopeOf(claim string) string {
	for scope, claims := range claimsOfScope {
		if slices.Contains(claims, claim) {
			return scope
		}
	}
	return ""
}

// personClaims are the claims that the scopes give of a person, and those asked for
// by name. What is not known is left out; sub is the caller's to add.
func personClaims(user authz.User, scopes []string, named map[string]*claimWish) map[string]any {
	claims := profileClaims(user.Profile)
	for name := range claims {
		if _, asked := named[name]; !asked && !slices.Contains(scopes, scopeOf(name)) {
			delete(claims, name)
		}
	}
	return claims
}

// profileClaims is all that is known (OpenID Connect Core section 5.1).
func profileClaims(p authz.Profile) map[string]any {
	claims := map[string]any{}
	for name, text := range map[string]string{
		"name": p.Name, "given_name": p.GivenName, "family_name": p.FamilyName, "middle_name": p.MiddleName,
		"nickname": p.Nickname, "preferred_username": p.PreferredUsername, "profile": p.ProfileURL,
		"picture": p.Picture, "website": p.Website, "gender": p.Gender, "birthdate": p.Birthdate,
		"zoneinfo": p.Zoneinfo, "locale": p.Locale, "email": p.Email, "phone_number": p.PhoneNumber,
	} {
		if text != "" {
			claims[name] = text
		}
	}
	if p.Email != "" {
		claims["email_verified"] = p.EmailVerified
	}
	if p.PhoneNumber != "" {
		claims["phone_number_verified"] = p.PhoneVerified
	}
	if p.UpdatedAt != nil {
		claims["updated_at"] = p.UpdatedAt.Unix()
	}
	if p.Address != nil {
		claims["address"] = p.Address
	}
	return claims
}
