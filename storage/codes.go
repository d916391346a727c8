package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type authorizationCodeRow struct {
	Digest        digest
	Issuer        authz.IssuerName
	WorkspaceID   authz.WorkspaceID
	GrantID       authz.GrantID
	ClientID      authz.ClientID
	RedirectURI   string
	CodeChallenge string
	DPoPJKT       string `gorm:"column:dpop_jkt"`
	Scopes        list[string]
	State         authz.State
	CreatedAt     time.Time
	ExpiresAt     time.Time
}

// columns are where the columns of authorizationCodeWithLineage go, in their order.
func (r *authorizationCodeRow) columns() []any {
	return []any{&r.Digest, &r.Issuer, &r.WorkspaceID, &r.GrantID, &r.ClientID, &r.RedirectURI, &r.CodeChallenge, &r.DPoPJKT, &r.Scopes, &r.State, &r.CreatedAt, &r.ExpiresAt}
}

// TableName is the row's table.
func (authorizationCodeRow) TableName() string { return "authorization_codes" }

func (r authorizationCodeRow) code() authz.AuthorizationCode {
	return authz.AuthorizationCode{
		Digest: r.Digest, Issuer: r.Issuer, GrantID: r.GrantID, ClientID: r.ClientID, RedirectURI: r.RedirectURI,
		CodeChallenge: r.CodeChallenge, DPoPJKT: r.DPoPJKT, Scopes: r.Scopes.V, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
		State: r.State,
	}
}

const insertAuthorizationCode = `INSERT INTO authorization_codes
	(digest, issuer, workspace_id, grant_id, client_id, redirect_uri, code_challenge, dpop_jkt, scopes, state, created_at, expires_at)
	SELECT ?, g.issuer, g.workspace_id, g.id, ?, ?, ?, ?, ?, ?, ?, ? FROM grants g WHERE g.id = ? AND g.issuer = ?`

// CreateAuthorizationCode stores a new code; ErrNotFound when its grant is not
// there, ErrConflict when its digest is.
func (s *Store) CreateAuthorizationCode(ctx context.Context, c authz.AuthorizationCode) error {
	return s.later(ctx, "creating an authorization code", authz.ErrNotFound, step{insertAuthorizationCode, []any{
		digest(c.Digest), c.ClientID, c.RedirectURI, c.CodeChallenge, c.DPoPJKT, asText(c.Scopes), c.State, utc(c.CreatedAt),
		utc(c.ExpiresAt), c.GrantID, c.Issuer,
	}})
}

const authorizationCodeWithLineage = `SELECT t.digest, t.issuer, t.workspace_id, t.grant_id, t.client_id, t.redirect_uri, t.code_challenge, t.dpop_jkt, t.scopes, t.state, t.created_at, t.expires_at,` + grantColumns + ` FROM authorization_codes t` + grantJoin + ` WHERE t.digest = ? AND t.issuer = ?`

// GetAuthorizationCode returns a code in any state, its grant and the grant's
// ancestors in the order of its Refs, all as of one moment; or ErrNotFound.
func (s *Store) GetAuthorizationCode(ctx context.Context, issuer authz.IssuerName, of [32]byte) (authz.AuthorizationCode, authz.Grant, authz.Lineage, error) {
	var t authorizationCodeRow
	var f family
	if err := s.queryRow(ctx, authorizationCodeWithLineage, digest(of), issuer).Scan(append(t.columns(), f.columns()...)...); err != nil {
		return authz.AuthorizationCode{}, authz.Grant{}, nil, failure(ctx, "reading an authorization code", err)
	}
	g := f.grant()
	return t.code(), g, f.lineage(g), nil
}

// ConsumeAuthorizationCode takes an active code to "used" or "burned". Of many
// who try, one succeeds; ErrConsumed is for the others, and for a code that
// does not exist (RFC 6749 section 4.1.2).
func (s *Store) ConsumeAuthorizationCode(ctx context.Context, issuer authz.IssuerName, of [32]byte, to authz.State) error {
	if to != authz.Used && to != authz.Burned {
		return fmt.Errorf("storage: an authorization code cannot be consumed as %q", to)
	}
	done := s.writer(ctx).Model(&authorizationCodeRow{}).
		Where("digest = ? AND issuer = ? AND state = 'active'", digest(of), issuer).
		UpdateColumns(map[string]any{"state": to})
	return changed(ctx, "consuming an authorization code", done, authz.ErrConsumed)
}
