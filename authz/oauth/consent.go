package oauth

import (
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// consent is what the person allowed, beyond this request.
func (s *Server) consent(req *AuthorizationRequest, g *authz.Grant) authz.Consent {
	return authz.Consent{
		Issuer: g.Issuer, WorkspaceID: g.WorkspaceID, UserID: g.UserID, ClientID: g.ClientID,
		Scopes: req.ConsentedTo(g.Scopes), Audience: g.Audience, UpdatedAt: g.CreatedAt,
	}
}

// Covers reports whether a remembered consent covers the scopes, claims and
// resources of a request. Authorization details are never remembered: what
// they say differs from request to request.
func (s *Server) Covers(c authz.Consent, req *AuthorizationRequest) bool {
	missing := func(held []string) func(string) bool {
		return func(item string) bool { return !slices.Contains(held, item) }
	}
	audience := c.Audience
	if len(audience) == 0 {
		audience = s.audience()
	}
	return len(req.Details) == 0 && !slices.ContainsFunc(req.ConsentedTo(req.Scopes), missing(c.Scopes)) &&
		!slices.ContainsFunc(req.Audience, missing(audience))
}
