package oauth

import (
	"context"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// subject is what is exchanged, proven: whom it is about, what it hangs on, and
// the most that may come of it.
type subject struct {
	// grant is the one to come. Its scopes, audience and details are the
	// subject's until bound narrows them.
	grant authz.Grant
	// client the subject token was issued to; empty for others.
	client authz.ClientID
	// endsAt is the subject's end; zero for never.
	endsAt time.Time
	// until bounds what is issued further than the subject's end; zero for not.
	until time.Time
	// once is used up by the exchange; nil where the subject may come again.
	once *[32]byte
	// mayAct is the only party that may act, where the subject names one.
	mayAct *party
	// For the audit trail: who acts, the rule of a workload and its own name.
	actor, workload, upstream string
}

// subjectOf proves the subject token, and that it is this client's to exchange.
func (s *Server) subjectOf(ctx context.Context, u *unit, in Request) (subject, error) {
	text := in.Form.Get("subject_token")
	var sub subject
	known, err := s.Scopes(ctx)
	if err != nil {
		return sub, err
	}
	u.client.names = known.Names()
	switch in.Form.Get("subject_token_type") {
	case TypeAccessToken:
		sub, err = s.subjectToken(ctx, u, text)
	case TypeAPIKey:
		sub, err = s.subjectKey(ctx, text)
	case TypeJWT:
		sub, err = s.subjectWorkload(ctx, u, in)
	default:
		return sub, errExchangeForm
	}
	if err != nil {
		return sub, err
	}
	if !mayExchange(u.client.client, sub.grant) {
		return sub, refuse("tenant")
	}
	sub.grant.Subject = s.knownAs(u.client.client, sub.grant)
	sub.grant.Issuer, sub.grant.ClientID, sub.grant.Type = s.settings.Name, authz.ClientID(u.client.id), authz.GrantTokenExchange
	return sub, nil
}

// knownAs is the sub by which the exchanging client knows whom a grant is
// about: another sector's name for a person would tie the two together (OpenID
// Connect Core section 8.1).
func (s *Server) knownAs(c authz.Client, g authz.Grant) string {
	if g.UserID == "" {
		return g.Subject
	}
	return s.SubjectFor(c, g.UserID)
}

// mayExchange is the tenant rule of exchanges, that of introspection: a
// platform client takes what is of the environments it serves, any other what
// is of its own workspace and environment. Elsewhere nothing exists.
func mayExchange(c authz.Client, g authz.Grant) bool {
	if c.Platform() {
		return c.Serves(g.Environment)
	}
	sameEnvironment := c.Environment == "" || g.Environment == "" || c.Environment == g.Environment
	return c.WorkspaceID == g.WorkspaceID && sameEnvironment
}

// holdsKey reports whether the request proved the key a token is bound to. What
// is issued is bound to the same then.
func holdsKey(u *unit, c authz.Confirmation) bool { return c.Bearer() || c == u.confirmation }

// liveToken finds an access token of ours that lives. Refresh tokens, ID
// tokens, codes and other issuers' tokens are none.
func (s *Server) liveToken(ctx context.Context, u *unit, text string) (*unit, error) {
	held := &unit{client: u.client}
	ctx = withUnit(ctx, held)
	signature := s.texts().AccessTokenSignature(ctx, text)
	if signature == "" {
		return nil, refuse("no_access_token")
	}
	_, err := s.units().GetAccessTokenSession(ctx, signature, nil)
	if held.storeErr != nil {
		return nil, u.failed(held.storeErr)
	}
	if err != nil {
		return nil, refuse("unknown_or_revoked")
	}
	if s.texts().ValidateAccessToken(ctx, nil, text) != nil {
		return nil, refuse("expired")
	}
	if !holdsKey(u, held.access.Confirmation) {
		return nil, refuse("key_not_proven")
	}
	return held, nil
}

// subjectToken exchanges an access token of ours. The new grant hangs on the
// same nodes, and on the token and grant it comes of.
func (s *Server) subjectToken(ctx context.Context, u *unit, text string) (subject, error) {
	held, err := s.liveToken(ctx, u, text)
	if err != nil {
		return subject{}, err
	}
	g := held.grant
	known, err := s.Scopes(ctx)
	if err != nil {
		return subject{}, err
	}
	left := known.Left(g.Narrow(held.access.Scopes))
	return subject{client: g.ClientID, endsAt: held.access.ExpiresAt, grant: authz.Grant{
		WorkspaceID: g.WorkspaceID, AccountID: g.AccountID, Subject: g.Subject, UserID: g.UserID, ServiceAccountID: g.ServiceAccountID,
		SessionID: g.SessionID, ConnectionID: g.ConnectionID, KeyID: g.KeyID, KeyEpoch: g.KeyEpoch, ParentID: g.ID, ParentToken: held.access.Digest,
		Environment: g.Environment, Scopes: left.Scopes, Audience: held.access.Audience, Resources: left.Resources,
		Details: held.access.Details, Actor: g.Actor, SID: g.SID, AuthTime: g.AuthTime, ACR: g.ACR, AMR: g.AMR, SignIn: g.SignIn, Fallback: g.Fallback,
	}}, nil
}

// subjectKey exchanges an API key: what comes of it hangs on the key itself.
func (s *Server) subjectKey(ctx context.Context, text string) (subject, error) {
	if !s.cfg.IsKey(text) {
		return subject{}, refuse("no_key")
	}
	key, err := s.cfg.LookupKey(ctx, authz.Secret(text))
	if kind := authz.KindOf(err); err != nil && (kind == authz.Unauthenticated || kind == authz.Forbidden) {
		return subject{}, refuse("key_inactive")
	}
	if err != nil {
		return subject{}, err
	}
	p := key.Principal
	sub := subject{endsAt: key.EndsAt, grant: authz.Grant{
		WorkspaceID: p.WorkspaceID, AccountID: p.AccountID, Subject: p.Subject, ServiceAccountID: authz.ServiceAccountID(p.Subject),
		KeyID: p.KeyID, KeyEpoch: key.KeyEpoch, Environment: p.Environment, Scopes: slices.Clone(p.Scopes), Audience: s.audience(),
	}}
	if r := key.Introspection.Resources; r != nil {
		sub.grant.Resources = *r
	}
	return sub, nil
}
