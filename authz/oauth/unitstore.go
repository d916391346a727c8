package oauth

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"github.com/ory/fosite"
	fositeoauth2 "github.com/ory/fosite/handler/oauth2"
	fositestorage "github.com/ory/fosite/storage"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var (
	_ fosite.Storage                      = (*unitStore)(nil)
	_ fositeoauth2.CoreStorage            = (*unitStore)(nil)
	_ fositeoauth2.TokenRevocationStorage = (*unitStore)(nil)
	_ fositestorage.Transactional         = (*unitStore)(nil)
)

// unitStore is fosite's view of the database: reads go through the request's
// unit of work, which remembers them; writes are collected in it.
type unitStore struct {
	issuer   authz.IssuerName
	store    Store
	families Families
	// refreshTTL is today's policy: it binds tokens that were issued under
	// a more generous one.
	refreshTTL time.Duration
}

// BeginTX, Commit and Rollback are fosite's transaction. There is none to
// open yet: the unit of work is written, whole or not at all, by Server.
func (s *unitStore) BeginTX(ctx context.Context) (context.Context, error) { return ctx, nil }

// Commit does nothing; see BeginTX.
func (s *unitStore) Commit(context.Context) error { return nil }

// Rollback does nothing: what was collected is dropped with the request.
func (s *unitStore) Rollback(context.Context) error { return nil }

// GetClient returns the client that was proven before fosite was asked.
func (s *unitStore) GetClient(ctx context.Context, id string) (fosite.Client, error) {
	if c := unitFrom(ctx).client; c != nil && c.id == id {
		return c, nil
	}
	return nil, fosite.ErrNotFound
}

// ClientAssertionJWTValid is not used: client assertions never reach fosite.
func (s *unitStore) ClientAssertionJWTValid(context.Context, string) error { return fosite.ErrJTIKnown }

// SetClientAssertionJWT is not used; see ClientAssertionJWTValid.
func (s *unitStore) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return fosite.ErrJTIKnown
}

func (s *unitStore) CreateAuthorizeCodeSession(ctx context.Context, signature string, req fosite.Requester) error {
	digest, ok := parseSignature(signature)
	if !ok {
		return errors.New("oauth: an authorization code has no digest")
	}
	u := unitFrom(ctx)
	u.newCode.Digest = digest
	u.newGrant = &req.GetSession().(*session).grant //nolint:forcetypeassert // the session is ours
	return nil
}

func (s *unitStore) GetAuthorizeCodeSession(ctx context.Context, signature string, sess fosite.Session) (fosite.Requester, error) {
	u := unitFrom(ctx)
	if u.code == nil {
		if err := s.loadCode(ctx, u, signature); err != nil {
			return nil, err
		}
	}
	req := s.requester(u, sess, u.code.Scopes)
	req.Form.Set("redirect_uri", u.code.RedirectURI)
	if u.code.State == authz.Used {
		return req, fosite.ErrInvalidatedAuthorizeCode
	}
	return req, nil
}

// loadCode reads the code once. A code of another client, a burned code and a
// code below something dead do not exist: presenting them has no effect.
func (s *unitStore) loadCode(ctx context.Context, u *unit, signature string) error {
	digest, ok := parseSignature(signature)
	if !ok {
		return fosite.ErrNotFound
	}
	code, grant, lineage, err := s.authorizationCode(ctx, digest)
	switch {
	case errors.Is(err, authz.ErrNotFound):
		return fosite.ErrNotFound
	case err != nil:
		return u.failed(err)
	case string(code.ClientID) != u.client.id, code.State == authz.Burned, !live(grant, lineage):
		return fosite.ErrNotFound
	}
	u.code, u.grant = &code, grant
	return nil
}

// authorizationCode reads a code with its family, which is remembered for the
// refresh token that may come of it. The code itself is read each time.
func (s *unitStore) authorizationCode(ctx context.Context, digest [32]byte) (code authz.AuthorizationCode, grant authz.Grant, lineage authz.Lineage, err error) {
	read := false
	family, err := s.families.Get(digest, func() (f Family, refs []authz.NodeRef, err error) {
		read = true
		code, f.Grant, f.Lineage, err = s.store.GetAuthorizationCode(ctx, s.issuer, digest)
		return f, append(f.Grant.Refs(), authz.NodeRef{Kind: authz.GrantNode, ID: string(f.Grant.ID)}), err
	})
	if err == nil && !read { // somebody is redeeming it
		return s.store.GetAuthorizationCode(ctx, s.issuer, digest)
	}
	return code, family.Grant, family.Lineage, err
}

func (s *unitStore) InvalidateAuthorizeCodeSession(ctx context.Context, _ string) error {
	unitFrom(ctx).consumeCode = true
	return nil
}

func (s *unitStore) CreateAccessTokenSession(ctx context.Context, signature string, req fosite.Requester) error {
	digest, ok := parseSignature(signature)
	if !ok {
		return errors.New("oauth: an access token has no digest")
	}
	sess := req.GetSession().(*session) //nolint:forcetypeassert // the session is ours
	unitFrom(ctx).newAccess = &authz.AccessToken{
		Digest: digest, Issuer: s.issuer, GrantID: sess.grant.ID,
		Scopes: sess.accessScopes, Audience: sess.audience, Details: sess.details, JTI: sess.jti,
		Confirmation: sess.confirmation,
		State:        authz.Active, IssuedAt: sess.issuedAt, ExpiresAt: sess.expires,
	}
	return nil
}

func (s *unitStore) GetAccessTokenSession(ctx context.Context, signature string, sess fosite.Session) (fosite.Requester, error) {
	u := unitFrom(ctx)
	digest, ok := parseSignature(signature)
	if !ok {
		return nil, fosite.ErrNotFound
	}
	token, grant, lineage, err := s.store.GetAccessToken(ctx, s.issuer, digest)
	switch {
	case errors.Is(err, authz.ErrNotFound):
		return nil, fosite.ErrNotFound
	case err != nil:
		return nil, u.failed(err)
	case token.State != authz.Active, !live(grant, lineage):
		return nil, fosite.ErrNotFound
	}
	grant.KeyEpoch = lineage.Epoch(authz.APIKeyNode)
	u.access, u.grant = &token, grant
	return s.requester(u, sess, token.Scopes), nil
}

// DeleteAccessTokenSession is never called by fosite.
func (s *unitStore) DeleteAccessTokenSession(context.Context, string) error { return nil }

func (s *unitStore) CreateRefreshTokenSession(ctx context.Context, signature, _ string, req fosite.Requester) error {
	digest, ok := parseSignature(signature)
	if !ok {
		return errors.New("oauth: a refresh token has no digest")
	}
	sess := req.GetSession().(*session) //nolint:forcetypeassert // the session is ours
	u := unitFrom(ctx)
	u.newRefresh = &authz.RefreshToken{
		Digest: digest, Issuer: s.issuer, GrantID: sess.grant.ID, Scopes: sess.grant.Scopes,
		State: authz.Active, CreatedAt: sess.issuedAt, ExpiresAt: sess.grant.ExpiresAt,
	}
	if end := u.refreshEnd; !end.IsZero() && (u.newRefresh.ExpiresAt.IsZero() || end.Before(u.newRefresh.ExpiresAt)) {
		u.newRefresh.ExpiresAt = end
	}
	if u.client.public { // a confidential client proves itself each time
		u.newRefresh.Confirmation = u.confirmation
	}
	return nil
}

func (s *unitStore) GetRefreshTokenSession(ctx context.Context, signature string, sess fosite.Session) (fosite.Requester, error) {
	u := unitFrom(ctx)
	digest, ok := parseSignature(signature)
	if !ok {
		return nil, fosite.ErrNotFound
	}
	token, family, err := s.refreshToken(ctx, digest, u.rotates)
	grant := family.Grant
	switch {
	case errors.Is(err, authz.ErrNotFound):
		return nil, fosite.ErrNotFound
	case err != nil:
		return nil, u.failed(err)
	case token.State == authz.Revoked, !live(grant, family.Lineage):
		return nil, fosite.ErrNotFound
	}
	life := s.refreshTTL
	if u.client != nil {
		life = u.client.client.Metadata.RefreshLife(life)
	}
	if end := grant.CreatedAt.Add(life); end.Before(token.ExpiresAt) {
		token.ExpiresAt = end
	}
	u.refresh, u.grant = &token, grant
	req := s.requester(u, sess, token.Scopes)
	if token.State == authz.Used && sess != nil {
		return req, fosite.ErrInactiveToken
	}
	return req, nil // without a session: to be revoked, used or not
}

// refreshToken reads a token with its family: both in one statement, or the
// token alone while its family is remembered. The token itself, whose use moves
// no node, is read each time, unless it is about to be consumed: that fails for
// one that was used, and then it is read.
func (s *unitStore) refreshToken(ctx context.Context, digest [32]byte, consumes bool) (token authz.RefreshToken, family Family, err error) {
	read := false
	family, err = s.families.Get(digest, func() (f Family, refs []authz.NodeRef, err error) {
		read = true
		token, f.Grant, f.Lineage, err = s.store.GetRefreshToken(ctx, s.issuer, digest)
		return f, append(f.Grant.Refs(), authz.NodeRef{Kind: authz.GrantNode, ID: string(f.Grant.ID)}), err
	})
	if err == nil && !read && consumes && family.Token != nil {
		return *family.Token, family, nil
	}
	if err == nil && !read {
		token, err = s.store.GetRefreshTokenAlone(ctx, s.issuer, digest)
	}
	return token, family, err
}

// DeleteRefreshTokenSession does nothing: a used token stays as a tombstone.
func (s *unitStore) DeleteRefreshTokenSession(context.Context, string) error { return nil }

// RotateRefreshToken is not used: refreshHandler rotates.
func (s *unitStore) RotateRefreshToken(context.Context, string, string) error { return nil }

// RevokeRefreshToken notes that the family is to end.
func (s *unitStore) RevokeRefreshToken(ctx context.Context, _ string) error {
	unitFrom(ctx).revoke = true
	return nil
}

// RevokeAccessToken notes the same.
func (s *unitStore) RevokeAccessToken(ctx context.Context, id string) error {
	return s.RevokeRefreshToken(ctx, id)
}

// requester rebuilds fosite's request from the grant in the unit of work.
func (s *unitStore) requester(u *unit, sess fosite.Session, scopes []string) *fosite.Request {
	req := fosite.NewRequest()
	req.ID = string(u.grant.ID)
	req.RequestedAt = u.grant.CreatedAt
	req.RequestedScope, req.GrantedScope = scopes, scopes
	req.RequestedAudience, req.GrantedAudience = u.grant.Audience, u.grant.Audience
	req.Client = s.clientOf(u)
	if mine, ok := sess.(*session); ok && mine != nil {
		mine.grant = u.grant
		mine.accessScopes = scopes
		req.Session = mine
	} else {
		req.Session = &session{grant: u.grant, accessScopes: scopes}
	}
	return req
}

// clientOf names the grant's client. The request's own view serves where it is
// that client; otherwise the id alone is enough to tell them apart.
func (s *unitStore) clientOf(u *unit) fosite.Client {
	if u.client != nil && u.client.id == string(u.grant.ClientID) {
		return u.client
	}
	return &clientView{id: string(u.grant.ClientID)}
}

func signatureOf(digest [32]byte) string { return base64.RawURLEncoding.EncodeToString(digest[:]) }

// parseSignature is the inverse of signatureOf; the empty signature of a
// malformed token is refused.
func parseSignature(signature string) (digest [32]byte, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || len(raw) != len(digest) {
		return digest, false
	}
	copy(digest[:], raw)
	return digest, true
}
