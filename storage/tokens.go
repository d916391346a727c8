package storage

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type accessTokenRow struct {
	Digest      digest
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	GrantID     authz.GrantID
	Scopes      list[string]
	Audience    list[string]
	Details     raw
	// Confirmation is "{}" for a bearer token.
	Confirmation text[authz.Confirmation]
	JTI          string `gorm:"column:jti"`
	State        authz.State
	IssuedAt     time.Time
	ExpiresAt    time.Time
}

// columns are where the columns of accessTokenWithLineage go, in their order.
func (r *accessTokenRow) columns() []any {
	return []any{&r.Digest, &r.Issuer, &r.WorkspaceID, &r.GrantID, &r.Scopes, &r.Audience, &r.Details, &r.Confirmation, &r.JTI, &r.State, &r.IssuedAt, &r.ExpiresAt}
}

// TableName is the row's table.
func (accessTokenRow) TableName() string { return "access_tokens" }

func (r accessTokenRow) token() authz.AccessToken {
	return authz.AccessToken{
		Digest: r.Digest, Issuer: r.Issuer, GrantID: r.GrantID, Scopes: r.Scopes.V, Audience: r.Audience.V,
		Details: r.Details.json(), Confirmation: r.Confirmation.V, JTI: r.JTI, State: r.State, IssuedAt: r.IssuedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}
}

// A leaf takes its workspace from its grant, which must be there.
const insertAccessToken = `INSERT INTO access_tokens
	(digest, issuer, workspace_id, grant_id, scopes, audience, details, confirmation, jti, state, issued_at, expires_at)
	SELECT ?, g.issuer, g.workspace_id, g.id, ?, ?, ?, ?, ?, ?, ?, ? FROM grants g WHERE g.id = ? AND g.issuer = ?`

// CreateAccessToken stores a new access token; ErrNotFound when its grant is
// not there, ErrConflict when its digest is.
func (s *Store) CreateAccessToken(ctx context.Context, t authz.AccessToken) error {
	done := s.writer(ctx).Exec(insertAccessToken, digest(t.Digest), asText(t.Scopes), asText(t.Audience), raw(t.Details),
		asText(t.Confirmation), t.JTI, t.State, utc(t.IssuedAt), utc(t.ExpiresAt), t.GrantID, t.Issuer)
	return changed(ctx, "creating an access token", done, authz.ErrNotFound)
}

const accessTokenWithLineage = `SELECT t.digest, t.issuer, t.workspace_id, t.grant_id, t.scopes, t.audience, t.details, t.confirmation, t.jti, t.state, t.issued_at, t.expires_at,` + grantColumns + ` FROM access_tokens t` + grantJoin + ` WHERE t.digest = ? AND t.issuer = ?`

// GetAccessToken returns an access token in any state, its grant and the
// grant's ancestors in the order of its Refs, all as of one moment; or ErrNotFound.
func (s *Store) GetAccessToken(ctx context.Context, issuer authz.IssuerName, of [32]byte) (authz.AccessToken, authz.Grant, authz.Lineage, error) {
	var t accessTokenRow
	var f family
	if err := s.queryRow(ctx, accessTokenWithLineage, digest(of), issuer).Scan(append(t.columns(), f.columns()...)...); err != nil {
		return authz.AccessToken{}, authz.Grant{}, nil, failure(ctx, "reading an access token", err)
	}
	g := f.grant()
	return t.token(), g, f.lineage(g), nil
}

// RevokeAccessToken ends one access token, with the grants that were exchanged
// from it, and leaves its own family alone. moved is false when there is no
// such token or it had ended.
func (s *Store) RevokeAccessToken(ctx context.Context, issuer authz.IssuerName, of [32]byte) (moved bool, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&accessTokenRow{}).
			Where("digest = ? AND issuer = ? AND state = 'active'", digest(of), issuer).
			UpdateColumns(map[string]any{"state": authz.Revoked})
		if moved = done.RowsAffected == 1; done.Error != nil || !moved {
			return failure(ctx, "revoking an access token", done.Error)
		}
		id := base64.RawURLEncoding.EncodeToString(of[:])
		if err := s.TouchNode(ctx, authz.NodeRef{Kind: authz.AccessTokenNode, ID: id}); err != nil {
			return err
		}
		return s.revokeExchangedFromToken(ctx, issuer, of)
	})
	return moved && err == nil, err
}
