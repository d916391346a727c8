package idptest

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// GET /userinfo with a bearer token (OpenID Connect Core section 5.3)
func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g, held := p.tokens.get(token)
	if !ok || !held {
		w.Header().Set("WWW-Authenticate", `Bearer realm="idptest", error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	claims := map[string]any{"sub": g.user.Subject}
	g.personal(claims)
	if _, faults := p.signing(); faults.UserInfo != nil {
		faults.UserInfo(claims)
	}
	writeJSON(w, http.StatusOK, claims)
}

// idToken signs the ID token (OpenID Connect Core section 2).
func (p *Provider) idToken(g grant, client Client, accessToken string) (string, error) {
	now := p.config.Now()
	hash := sha256.Sum256([]byte(accessToken))
	claims := map[string]any{
		"iss": p.Issuer(), "sub": g.user.Subject, "aud": g.clientID,
		"iat": now.Unix(), "exp": now.Add(tokenLife).Unix(), "auth_time": g.authTime.Unix(),
		"sid": g.id, "acr": ACRPassword, "amr": []string{"pwd"},
		"at_hash": base64.RawURLEncoding.EncodeToString(hash[:16]),
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	if g.mfa {
		claims["acr"], claims["amr"] = ACRMultiFactor, []string{"pwd", "otp", "mfa"}
	}
	if !p.config.ThinIDTokens {
		g.personal(claims)
	}
	key, faults := p.signing()
	if faults.IDToken != nil {
		faults.IDToken(claims)
	}
	return faults.sign(key, client, claims)
}

// personal adds what the scopes tell of the person (OpenID Connect Core section 5.4).
func (g grant) personal(claims map[string]any) {
	u := g.user
	if slices.Contains(g.scopes, "profile") {
		profileClaims(claims, u.Profile)
	}
	if slices.Contains(g.scopes, "email") && u.Email != "" {
		claims["email"], claims["email_verified"] = u.Email, u.EmailVerified
	}
	if slices.Contains(g.scopes, "phone") && u.Profile.PhoneNumber != "" {
		claims["phone_number"], claims["phone_number_verified"] = u.Profile.PhoneNumber, u.Profile.PhoneVerified
	}
	if slices.Contains(g.scopes, "address") && u.Profile.Address != (idp.Address{}) {
		claims["address"] = addressClaim(u.Profile.Address)
	}
	if slices.Contains(g.scopes, "groups") && len(u.Groups) > 0 {
		claims["groups"] = u.Groups
	}
	maps.Copy(claims, u.Claims)
}

func profileClaims(claims map[string]any, p idp.Profile) {
	for name, value := range map[string]string{
		"name": p.Name, "given_name": p.GivenName, "family_name": p.FamilyName, "middle_name": p.MiddleName,
		"nickname": p.Nickname, "preferred_username": p.PreferredUsername, "profile": p.ProfileURL,
		"picture": p.Picture, "website": p.Website, "gender": p.Gender, "birthdate": p.Birthdate,
		"zoneinfo": p.Zoneinfo, "locale": p.Locale,
	} {
		if value != "" {
			claims[name] = value
		}
	}
	if !p.UpdatedAt.IsZero() {
		claims["updated_at"] = p.UpdatedAt.Unix()
	}
}

func addressClaim(a idp.Address) map[string]string {
	claim := map[string]string{
		"formatted": a.Formatted, "street_address": a.StreetAddress, "locality": a.Locality,
		"region": a.Region, "postal_code": a.PostalCode, "country": a.Country,
	}
	maps.DeleteFunc(claim, func(_, v string) bool { return v == "" })
	return claim
}
