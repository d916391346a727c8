package storage

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// The rows are written to, not read: a revocation that is under way is waited
// for, and one that comes later finds what hangs on them.
const (
	holdToken = `UPDATE access_tokens SET state = state WHERE digest = ? AND issuer = ? AND grant_id = ? AND state = 'active'`
	holdGrant = `UPDATE grants SET state = state WHERE id = ? AND issuer = ? AND state = 'active'`
)

// CreateExchangedGrant stores a grant that came of a token by exchange (RFC
// 8693), below the token and its grant; ErrNotFound when either has ended.
func (s *Store) CreateExchangedGrant(ctx context.Context, g authz.Grant) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Exec(holdGrant, g.ParentID, g.Issuer)
		if err := changed(ctx, "holding a grant", done, authz.ErrNotFound); err != nil {
			return err
		}
		done = s.writer(ctx).Exec(holdToken, digest(g.ParentToken), g.Issuer, g.ParentID)
		if err := changed(ctx, "holding a token", done, authz.ErrNotFound); err != nil {
			return err
		}
		return s.CreateGrant(ctx, g)
	})
}

const (
	exchangedFromToken = `SELECT id FROM grants WHERE parent_token = ? AND issuer = ? AND state = 'active'`
	exchangedFromGrant = `SELECT id FROM grants WHERE parent_id = ? AND issuer = ? AND state = 'active'`
)

func (s *Store) revokeExchangedFromToken(ctx context.Context, issuer authz.IssuerName, of [32]byte) error {
	var ids []authz.GrantID
	if err := s.writer(ctx).Raw(exchangedFromToken, digest(of), issuer).Scan(&ids).Error; err != nil {
		return failure(ctx, "finding exchanged grants", err)
	}
	return s.revokeGrants(ctx, issuer, ids)
}

func (s *Store) revokeExchangedFromGrant(ctx context.Context, issuer authz.IssuerName, id authz.GrantID) error {
	var ids []authz.GrantID
	if err := s.writer(ctx).Raw(exchangedFromGrant, id, issuer).Scan(&ids).Error; err != nil {
		return failure(ctx, "finding exchanged grants", err)
	}
	return s.revokeGrants(ctx, issuer, ids)
}

func (s *Store) revokeGrants(ctx context.Context, issuer authz.IssuerName, ids []authz.GrantID) error {
	for _, id := range ids {
		if _, err := s.RevokeGrant(ctx, issuer, id); err != nil {
			return err
		}
	}
	return nil
}
