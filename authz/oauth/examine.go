package oauth

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var errInactive = fault(authz.Unauthenticated, "invalid_token", "The credential is not active.")

// Examine looks at an access or refresh token the slow way, through fosite's
// introspection: one read of the token with its grant and ancestors, and for a
// JWT its signature. authz/credential keeps what it finds.
func (s *Server) Examine(ctx context.Context, text authz.Secret) (*authz.Credential, error) {
	u := &unit{}
	use := fosite.AccessToken
	if strings.HasPrefix(text.Reveal(), refreshPrefix) {
		use = fosite.RefreshToken
	}
	found, req, err := s.fosite.IntrospectToken(withUnit(ctx, u), text.Reveal(), use, &session{})
	if u.storeErr != nil {
		return nil, unavailable(u.storeErr)
	}
	if err != nil {
		return nil, errInactive.Because(err)
	}
	known, err := s.Scopes(ctx)
	if err != nil {
		return nil, err
	}
	if found == fosite.RefreshToken {
		return s.refreshCredential(known, u)
	}
	return s.accessCredential(known, u, req.GetGrantedScopes()), nil
}

func (s *Server) accessCredential(known *authz.Scopes, u *unit, scopes []string) *authz.Credential {
	g := u.grant
	c := s.credential(known, g, scopes, u.access.ExpiresAt)
	in := &c.Introspection
	in.TokenType, in.CredentialType = u.access.Confirmation.TokenType(), authz.CredentialAccessToken
	if c.Confirmation = u.access.Confirmation; !c.Confirmation.Bearer() {
		in.Confirmation = &c.Confirmation
	}
	in.Iat, in.Nbf, in.JTI, in.Aud = u.access.IssuedAt.Unix(), u.access.IssuedAt.Unix(), u.access.JTI, u.access.Audience
	in.Details, in.Actor = u.access.Details, g.Actor
	c.Refs = append(c.Refs, authz.NodeRef{Kind: authz.AccessTokenNode, ID: signatureOf(u.access.Digest)})
	return c
}

// refreshCredential answers for a refresh token that has not been used.
func (s *Server) refreshCredential(known *authz.Scopes, u *unit) (*authz.Credential, error) {
	if u.refresh.State != authz.Active {
		return nil, errInactive
	}
	c := s.credential(known, u.grant, u.refresh.Scopes, u.refresh.ExpiresAt)
	c.Introspection.CredentialType = authz.CredentialRefreshToken
	c.Introspection.Iat = u.refresh.CreatedAt.Unix()
	return c, nil
}

func (s *Server) credential(known *authz.Scopes, g authz.Grant, granted []string, endsAt time.Time) *authz.Credential {
	left := known.Left(g.Narrow(granted))
	scopes := left.Scopes
	in := authz.Introspection{
		Active: true, Scope: strings.Join(scopes, " "), ClientID: string(g.ClientID), Sub: g.Subject,
		Exp: endsAt.Unix(), Iss: s.settings.URL, WorkspaceID: g.WorkspaceID, AccountID: g.AccountID,
		Environment: g.Environment, KeyID: g.KeyID, SID: g.SID, ACR: g.ACR, AMR: g.AMR, FallbackReason: g.Fallback,
	}
	if !g.AuthTime.IsZero() {
		in.AuthTime = g.AuthTime.Unix()
	}
	if !left.Resources.Empty() {
		in.Resources = &left.Resources
	}
	c := &authz.Credential{
		Principal: authz.Principal{
			Issuer: g.Issuer, WorkspaceID: g.WorkspaceID, AccountID: g.AccountID, Subject: holder(g), ClientID: g.ClientID,
			KeyID: g.KeyID, Environment: g.Environment, Scopes: slices.Clone(scopes), AuthTime: g.AuthTime, ACR: g.ACR, AMR: g.AMR,
		},
		Introspection: in,
		Bounds:        left.Bounds,
		Refs:          append(g.Refs(), authz.NodeRef{Kind: authz.GrantNode, ID: string(g.ID)}),
		EndsAt:        endsAt,
		Claims:        g.Claims,
		Tier:          g.Tier,
		AllowedFrom:   authz.Prefixes(g.IPAllowlist),
	}
	if g.ParentID == "" { // who holds what a token was exchanged for is not the person
		c.Principal.MFA, c.Principal.MFAAt = g.SignIn.MFA, g.SignIn.MFAAt
		c.Principal.StandIn = g.Fallback.Interim() && g.SignIn.Local == ""
	}
	return c
}
