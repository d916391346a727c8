package storage

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// The rows are written to, not read: a revocation that is under way is waited
// for, and one that comes later finds what hangs on them. The client goes
// first, as it does for whoever kills it.
const (
	holdClient = `UPDATE clients SET state = state WHERE issuer = ? AND id = (
		SELECT client_id FROM grants WHERE id = ? AND issuer = ?)`
	holdGrant = `UPDATE grants SET state = state WHERE id = ? AND issuer = ? AND state = 'active'`
	holdToken = `UPDATE access_tokens SET state = state WHERE digest = ? AND issuer = ? AND grant_id = ? AND state = 'active'`
	// chainLength counts a grant and those it came of, no further than it matters.
	chainLength = `WITH RECURSIVE chain (id, length) AS (
		SELECT CAST(? AS TEXT), 1
		UNION ALL
		SELECT g.parent_id, chain.length + 1 FROM grants g JOIN chain ON g.id = chain.id
		WHERE g.issuer = ? AND g.parent_id <> '' AND chain.length <= ?)
		SELECT MAX(length) FROM chain`
)

// MaxExchanges is how often what came of a token by exchange can be exchanged
// again: ending the first of such a chain ends all of it at once.
const MaxExchanges = 4

// CreateExchangedGrant stores a grant that came of a token by exchange (RFC
// 8693), below the token and its grant; ErrNotFound when either has ended or
// something above them moved, ErrConflict when the chain would be too long.
func (s *Store) CreateExchangedGrant(ctx context.Context, g authz.Grant) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.holdParent(ctx, g); err != nil {
			return err
		}
		var length int
		counted := s.writer(ctx).Raw(chainLength, g.ParentID, g.Issuer, MaxExchanges).Scan(&length)
		if counted.Error != nil {
			return failure(ctx, "counting exchanges", counted.Error)
		}
		if length > MaxExchanges {
			return authz.ErrConflict
		}
		return s.CreateGrant(ctx, g)
	})
}

// holdParent keeps what a grant is exchanged from as it stands until the
// transaction ends, and makes sure that it stands.
func (s *Store) holdParent(ctx context.Context, g authz.Grant) error {
	if err := s.writer(ctx).Exec(holdClient, g.Issuer, g.ParentID, g.Issuer).Error; err != nil {
		return failure(ctx, "holding a client", err)
	}
	done := s.writer(ctx).Exec(holdGrant, g.ParentID, g.Issuer)
	if err := changed(ctx, "holding a grant", done, authz.ErrNotFound); err != nil {
		return err
	}
	done = s.writer(ctx).Exec(holdToken, digest(g.ParentToken), g.Issuer, g.ParentID)
	if err := changed(ctx, "holding a token", done, authz.ErrNotFound); err != nil {
		return err
	}
	// Of what else it hangs on the new grant has the epochs itself; but they
	// may be those from after a kill that the parent did not survive.
	parent, lineage, err := s.GetGrantAcrossWorkspaces(ctx, g.Issuer, g.ParentID)
	if err != nil {
		return err
	}
	if !lineage.Usable() || lineage.Sum() != parent.Lineage {
		return authz.ErrNotFound
	}
	return nil
}

const (
	exchangedFromToken = `SELECT id FROM grants WHERE parent_token = ? AND issuer = ? AND state = 'active'`
	exchangedFromGrant = `SELECT id FROM grants WHERE parent_id = ? AND parent_id <> '' AND issuer || '' = ? AND state = 'active'`
	// What hangs on a client by its parent alone, and on grants that ended
	// with a membership while they were being exchanged.
	exchangedFromClient = `SELECT g.id FROM grants g JOIN grants p ON p.id = g.parent_id AND p.issuer || '' = g.issuer
		WHERE g.parent_id <> '' AND p.client_id = ? AND p.issuer = ? AND g.state = 'active'`
	exchangedFromMember = `SELECT g.id FROM grants g JOIN grants p ON p.id = g.parent_id AND p.issuer || '' = g.issuer
		WHERE g.parent_id <> '' AND p.user_id = ? AND p.workspace_id = ? AND p.issuer = ? AND p.state = 'revoked' AND g.state = 'active'`
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

func (s *Store) revokeExchangedFromClient(ctx context.Context, issuer authz.IssuerName, id string) error {
	var ids []authz.GrantID
	if err := s.writer(ctx).Raw(exchangedFromClient, id, issuer).Scan(&ids).Error; err != nil {
		return failure(ctx, "finding exchanged grants", err)
	}
	return s.revokeGrants(ctx, issuer, ids)
}

func (s *Store) revokeExchangedFromMember(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) error {
	var ids []authz.GrantID
	if err := s.writer(ctx).Raw(exchangedFromMember, user, ws, issuer).Scan(&ids).Error; err != nil {
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
