package oauth

import (
	"context"
	"errors"
	"time"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// grantStanding puts a client_credentials request (RFC 6749 section 4.4) under
// the standing grant of its client or key. A request without scope gets the
// least: all of a key's scopes, which were chosen one by one, and none of a
// client's.
func (s *Server) grantStanding(ctx context.Context, u *unit, req fosite.AccessRequester) error {
	scopes := req.GetRequestedScopes()
	if len(scopes) == 0 && u.client.key != nil {
		scopes = u.client.scopes
	}
	if has(scopes, "openid") || has(scopes, "offline_access") {
		return errInvalidScope // there is no person (OpenID Connect Core section 3)
	}
	for _, scope := range scopes {
		req.GrantScope(u.client.names.Among(u.client.scopes, scope))
	}
	for _, audience := range s.audience() {
		req.GrantAudience(audience)
	}
	grant, err := s.cfg.Standing.Grant(ctx, u.client.standingGrant(s))
	switch {
	case errors.Is(err, authz.ErrNotFound):
		return errInvalidClient
	case errors.Is(err, authz.ErrStale):
		return errKeyMoved
	}
	if err != nil {
		return unavailable(err)
	}
	u.grant = grant
	req.SetID(string(grant.ID))
	req.SetSession(&session{grant: grant})
	return nil
}

// keyLooks is how often a key is looked at in one request: a rotation or a
// change between the look at it and the use made of it is no reason to refuse.
const keyLooks = 3

// errKeyMoved answers when a key was changed each time between the look at it
// and the use made of it: what it may now is not known here.
var errKeyMoved = &authz.Error{
	Kind: authz.Unavailable, Code: "temporarily_unavailable", Description: "The key was changed a moment ago; try again.", RetryAfter: time.Second,
}

func (v *clientView) standingGrant(s *Server) authz.Grant {
	now := s.clock.Now()
	g := authz.Grant{
		ID: authz.NewGrantID(now), Issuer: s.settings.Name, WorkspaceID: v.workspace(), AccountID: v.accountID,
		ClientID: authz.ClientID(v.id), Subject: v.id, Type: authz.GrantClientCredentials, Standing: true,
		Environment: v.client.Environment, Audience: s.audience(), State: authz.Active, CreatedAt: now,
	}
	if v.key != nil {
		p := v.key.Principal
		g.ServiceAccountID, g.KeyID, g.Environment = authz.ServiceAccountID(p.Subject), p.KeyID, p.Environment
		g.Resources = v.key.Resources
		g.KeyEpoch = v.key.KeyEpoch
	}
	return g
}

// workspace is the tenant of the client or key.
func (v *clientView) workspace() authz.WorkspaceID {
	if v.key != nil {
		return v.key.Principal.WorkspaceID
	}
	return v.client.WorkspaceID
}
