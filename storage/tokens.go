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

const accessTokenWithLineage = `SELECT
	t.digest AS t_digest, t.issuer AS t_issuer, t.workspace_id AS t_workspace_id, t.grant_id AS t_grant_id,
	t.scopes AS t_scopes, t.audience AS t_audience, t.details AS t_details, t.confirmation AS t_confirmation, t.jti AS t_jti, t.state AS t_state, t.issued_at AS t_issued_at,
	t.expires_at AS t_expires_at,` + grantColumns + ` FROM access_tokens t` + grantJoin + ` WHERE t.digest = ? AND t.issuer = ?`

// GetAccessToken returns an access token in any state, its grant and the
// grant's ancestors in the order of its Refs, all as of one moment; or ErrNotFound.
func (s *Store) GetAccessToken(ctx context.Context, issuer authz.IssuerName, of [32]byte) (authz.AccessToken, authz.Grant, authz.Lineage, error) {
	var r struct {
		Token  accessTokenRow `gorm:"embedded;embeddedPrefix:t_"`
		Family family         `gorm:"embedded"` // named: GORM passes over embedded types that are not exported
	}
	found := s.reader(ctx).Raw(accessTokenWithLineage, digest(of), issuer).Scan(&r)
	if err := changed(ctx, "reading an access token", found, authz.ErrNotFound); err != nil {
		return authz.AccessToken{}, authz.Grant{}, nil, err
	}
	g := r.Family.grant()
	return r.Token.token(), g, r.Family.lineage(g), nil
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
