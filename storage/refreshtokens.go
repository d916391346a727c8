package storage

import (
	"context"
	"database/sql"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type refreshTokenRow struct {
	Digest          digest
	Issuer          authz.IssuerName
	WorkspaceID     authz.WorkspaceID
	GrantID         authz.GrantID
	Scopes          list[string]
	Confirmation    text[authz.Confirmation]
	State           authz.State
	UsedAt          sql.NullTime
	Successor       []byte
	SuccessorDigest digest
	CreatedAt       time.Time
	ExpiresAt       sql.NullTime
}

// columns are where refreshTokenColumns go, in their order.
func (r *refreshTokenRow) columns() []any {
	return []any{&r.Digest, &r.Issuer, &r.WorkspaceID, &r.GrantID, &r.Scopes, &r.Confirmation, &r.State, &r.UsedAt, &r.Successor, &r.SuccessorDigest, &r.CreatedAt, &r.ExpiresAt}
}

// TableName is the row's table.
func (refreshTokenRow) TableName() string { return "refresh_tokens" }

func (r refreshTokenRow) token() authz.RefreshToken {
	return authz.RefreshToken{
		Digest: r.Digest, Issuer: r.Issuer, GrantID: r.GrantID, Scopes: r.Scopes.V,
		Confirmation: r.Confirmation.V, State: r.State, UsedAt: instant(r.UsedAt),
		Successor: r.Successor, SuccessorDigest: r.SuccessorDigest, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: instant(r.ExpiresAt),
	}
}

const insertRefreshToken = `INSERT INTO refresh_tokens
	(digest, issuer, workspace_id, grant_id, scopes, confirmation, state, created_at, expires_at)
	SELECT ?, g.issuer, g.workspace_id, g.id, ?, ?, ?, ?, ? FROM grants g WHERE g.id = ? AND g.issuer = ?`

// CreateRefreshToken stores a new, unused refresh token; ErrNotFound when its
// grant is not there, ErrConflict when its digest is.
func (s *Store) CreateRefreshToken(ctx context.Context, t authz.RefreshToken) error {
	done := s.writer(ctx).Exec(insertRefreshToken, digest(t.Digest), asText(t.Scopes), asText(t.Confirmation), t.State,
		utc(t.CreatedAt), optional(t.ExpiresAt), t.GrantID, t.Issuer)
	return changed(ctx, "creating a refresh token", done, authz.ErrNotFound)
}

const (
	refreshTokenColumns = `t.digest, t.issuer, t.workspace_id, t.grant_id, t.scopes, t.confirmation, t.state, t.used_at,
	t.successor, t.successor_digest, t.created_at, t.expires_at`
	refreshTokenThere = ` WHERE t.digest = ? AND t.issuer = ?`

	refreshTokenAlone       = `SELECT ` + refreshTokenColumns + ` FROM refresh_tokens t` + refreshTokenThere
	refreshTokenWithLineage = `SELECT ` + refreshTokenColumns + `,` + grantColumns + ` FROM refresh_tokens t` + grantJoin + refreshTokenThere
)

// GetRefreshToken returns a refresh token in any state, its grant and the
// grant's ancestors in the order of its Refs, all as of one moment; or ErrNotFound.
func (s *Store) GetRefreshToken(ctx context.Context, issuer authz.IssuerName, of [32]byte) (authz.RefreshToken, authz.Grant, authz.Lineage, error) {
	var t refreshTokenRow
	var f family
	if err := s.queryRow(ctx, refreshTokenWithLineage, digest(of), issuer).Scan(append(t.columns(), f.columns()...)...); err != nil {
		return authz.RefreshToken{}, authz.Grant{}, nil, failure(ctx, "reading a refresh token", err)
	}
	g := f.grant()
	return t.token(), g, f.lineage(g), nil
}

// GetRefreshTokenAlone returns a refresh token in any state, or ErrNotFound: for
// whoever knows its grant.
func (s *Store) GetRefreshTokenAlone(ctx context.Context, issuer authz.IssuerName, of [32]byte) (authz.RefreshToken, error) {
	var t refreshTokenRow
	if err := s.queryRow(ctx, refreshTokenAlone, digest(of), issuer).Scan(t.columns()...); err != nil {
		return authz.RefreshToken{}, failure(ctx, "reading a refresh token", err)
	}
	return t.token(), nil
}

// ConsumeRefreshToken takes an active token to "used" and keeps what it was
// exchanged for: the successor's digest and the sealed response. Of many who
// try, one succeeds; ErrConsumed is for the others, and for a token that does
// not exist (RFC 9700 section 4.14.2).
func (s *Store) ConsumeRefreshToken(ctx context.Context, issuer authz.IssuerName, of, successor [32]byte, sealed []byte, at time.Time) error {
	done := s.writer(ctx).Model(&refreshTokenRow{}).
		Where("digest = ? AND issuer = ? AND state = 'active'", digest(of), issuer).
		UpdateColumns(map[string]any{
			"state": authz.Used, "used_at": utc(at), "successor": sealed, "successor_digest": digest(successor),
		})
	return changed(ctx, "consuming a refresh token", done, authz.ErrConsumed)
}
